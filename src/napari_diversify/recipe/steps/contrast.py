"""Contrast that is lost with depth in tissue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ...core.blocks import Region, with_context
from ...core.contrast.contrast import HALO_STREAM, Tissue, degraded_plane, depth_of_planes, halo_of
from ...core.contrast.detector_noise import noise_spectrum, photon_transfer
from ...core.spectral.dct import Coefficients
from .step import OPTICS, Place, Step, Unit, whole_planes


class DegradeContrast(Step):
    """Deep-tissue contrast loss, after DeepContrast (Martins et al. 2023); the model is ours."""

    title: ClassVar[str] = "Contrast (deep tissue)"
    layer: ClassVar[str] = "deep tissue"
    rank: ClassVar[int] = OPTICS
    stream: ClassVar[int] = 1
    panel: ClassVar[str] = "napari_diversify.widgets.diversify.contrast_panel:ContrastPanel"
    in_lengths: ClassVar[bool] = True
    of_volumes: ClassVar[frozenset[str]] = frozenset(
        {"axial_ratio", "context", "growing", "surface", "upwards"}
    )
    at_first: ClassVar[Literal["", "off", "live"]] = "off"

    kind: Literal["contrast"] = "contrast"
    extra_depth: float = Field(
        40.0,
        ge=0,
        le=5000,
        title="extra depth",
        description="How much deeper in tissue the image should look. 0 changes nothing.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 200.0]},
    )
    scattering_length: float = Field(
        Tissue.scattering_length,
        gt=0,
        le=10000,
        title="scattering length",
        description="Depth over which the unscattered light falls to 1/e. Calibrate measures it "
        "in a stack whose contrast falls with depth.",
        json_schema_extra={"unit": "µm", "slider": [10.0, 300.0]},
    )
    blur: float = Field(
        Tissue.blur,
        ge=0,
        le=50,
        title="blur",
        description="Standard deviation of the aberration blur at 100 µm of extra depth; it "
        "grows with the square root of depth.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 5.0]},
    )
    halo: float = Field(
        Tissue.halo,
        ge=0,
        le=10,
        title="halo",
        description="Width of the halo of scattered light, per micrometre of extra depth.",
        json_schema_extra={"unit": "µm/µm", "slider": [0.0, 1.0]},
    )
    collected: float = Field(
        Tissue.collected,
        ge=0,
        le=1,
        title="collected",
        description="Share of the scattered light that still reaches the detector. Less means "
        "less haze.",
    )
    absorption: float = Field(
        Tissue.absorption,
        ge=0,
        le=1000,
        title="absorption",
        description="How fast light is lost with extra depth; 0 keeps the mean intensity.",
        json_schema_extra={"unit": "1/mm", "slider": [0.0, 20.0]},
    )
    pedestal: float = Field(
        Tissue.pedestal,
        ge=0,
        le=1,
        title="pedestal",
        description="Share of the signal that turns into an even background.",
    )
    offset: float = Field(
        Tissue.offset,
        ge=-1,
        le=1,
        title="offset",
        description="Intensity of no light at all, as a share of the range above its low end.",
        json_schema_extra={"unit": "of range", "slider": [0.0, 0.2]},
    )
    axial_ratio: float = Field(
        Tissue.axial_ratio,
        ge=0,
        le=10,
        title="axial ratio",
        description="How much longer than wide blur and halo are along z.",
    )
    context: int = Field(
        Tissue.context,
        ge=0,
        le=16,
        title="context",
        description="Neighbouring planes on each side that are mixed in; each costs time. "
        "0 blurs within planes only.",
        json_schema_extra={"unit": "planes"},
    )
    growing: bool = Field(
        False,
        title="grows with depth",
        description="Add to the extra depth each plane's own depth below the surface plane.",
    )
    surface: int = Field(
        0,
        ge=0,
        title="surface",
        description="Index of the plane where tissue begins; used only if “grows with depth” "
        "is on.",
        json_schema_extra={"unit": "plane"},
    )
    upwards: bool = Field(
        False,
        title="upwards",
        description="Depth grows towards the first plane; used only if “grows with depth” is on.",
    )
    noise: bool = Field(
        True,
        title="put noise back",
        description="Add the detector noise that blurring takes away, as strong as in the image. "
        "Without it the result is cleaner than any microscope's.",
    )

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Raise if there is no depth to grow with, or the surface lies outside the stack."""
        if not self.growing:
            return
        if len(shape) < 3:
            raise ValueError(
                "contrast that grows with depth needs volumes (z, y, x); these are 2D images. "
                "Switch “grows with depth” off"
            )
        if self.surface >= shape[0]:
            raise ValueError(
                f"surface must be a plane of the image, 0 to {shape[0] - 1}; got {self.surface}"
            )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Whether noise is put back, and there is extra depth, which takes noise away."""
        planes = math.inf if shape is None else shape[0] if len(shape) == 3 else 1
        below = self.surface if self.upwards else planes - 1 - self.surface
        return self.noise and (self.extra_depth > 0 or (self.growing and below > 0))

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """Whole planes, and as many neighbouring planes as are mixed in."""
        if len(shape) == 2:
            return whole_planes(region, shape)
        # near a border, reflection reaches no further than the context does
        return whole_planes((with_context(region[0], self.context, shape[0]), *region[1:]), shape)

    def compute(self, place: Place) -> Unit:
        """The degraded image at ``place``; without a spacing, lengths count in voxels."""
        # a plane is read for its coefficients, and again for its noise
        place = replace(place, source=lru_cache(maxsize=1)(place.source))
        planes = place.shape[0] if len(place.shape) == 3 else 1
        spacing = place.spacing or (1.0,) * len(place.shape)
        names = Tissue.__dataclass_fields__
        tissue = Tissue(**{name: getattr(self, name) for name in names})
        depths = depth_of_planes(
            planes,
            spacing[0],
            self.extra_depth,
            growing=self.growing,
            surface=self.surface,
            upwards=self.upwards,
        )

        def photon_law(z: int) -> tuple[float, float]:
            law = place.remember(
                "photon transfer", lambda: np.array(photon_transfer(plane(z))), place.plane(z)
            )
            return float(law[0]), float(law[1])

        def plane(z: int) -> Unit:
            return place.source(place.plane(z)).reshape(place.shape[-2:])

        def spectrum(z: int, octave: int | None) -> Coefficients:
            """Spectrum of the noise of the light at its place, or of its halo of this octave."""
            key = ("noise spectrum", place.seed, place.sample, place.stream, octave)

            def draw() -> Coefficients:
                if octave is None:
                    light, stream = plane(z), place.stream
                else:
                    light = halo_of(place.coefficients(z), octave, spacing)
                    stream = place.stream + HALO_STREAM
                noise = place.drawn(place.plane(z), stream).reshape(light.shape)
                return noise_spectrum(light, noise, photon_law(z))

            return place.remember(key, draw, place.plane(z))

        def degraded(z: int) -> Unit:
            if place.exact and depths[z] == 0:
                return plane(z)
            return degraded_plane(
                z,
                float(depths[z]),
                planes,
                spacing,
                tissue,
                place.coefficients,
                (lambda z, octave: (spectrum(z, None), spectrum(z, octave)))
                if self.noise
                else None,
            )

        return place.each_plane(degraded)

"""Contrast that is lost with depth in tissue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ...core.blocks import Region, with_context
from ...core.contrast.contrast import HALO_STREAM, Tissue, degraded_plane, halo_of
from ...core.contrast.detector_noise import noise_spectrum, photon_transfer
from ...core.spectral.dct import Coefficients
from .step import OPTICS, Place, Unit, whole_planes
from .tissue import (
    Absorption,
    Blur,
    Collected,
    Growing,
    Halo,
    Offset,
    Pedestal,
    ScatteringLength,
    Surface,
    TissueStep,
    Upwards,
)


class DegradeContrast(TissueStep):
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
    scattering_length: ScatteringLength = Tissue.scattering_length
    blur: Blur = Tissue.blur
    halo: Halo = Tissue.halo
    collected: Collected = Tissue.collected
    absorption: Absorption = Tissue.absorption
    pedestal: Pedestal = Tissue.pedestal
    offset: Offset = Tissue.offset
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
    growing: Growing = False
    surface: Surface = 0
    upwards: Upwards = False
    noise: bool = Field(
        True,
        title="put noise back",
        description="Add the detector noise that blurring takes away, as strong as in the image. "
        "Without it the result is cleaner than any microscope's.",
    )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Whether noise is put back, and there is extra depth, which takes noise away."""
        return self.noise and self.is_deep(self.extra_depth, shape)

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
        tissue = Tissue(**{n: getattr(self, n) for n in Tissue.__dataclass_fields__})
        depths = self.depths(self.extra_depth, planes, spacing)

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

"""Contrast that tissue has taken, given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from pydantic import Field

from ...core.blocks import Region
from ...core.contrast.contrast import Tissue, plane_filter
from ...core.contrast.restoration import (
    Method,
    noise_to_signal,
    richardson_lucy_plane,
    wiener_plane,
)
from .step import PROCESSING, ExtraView, Place, Unit, whole_planes
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

#: Scattering lengths that can be undone with sense.
_DEEPEST = 4


class Restore(TissueStep):
    """Deep-tissue contrast loss undone: the inverse of the step Contrast (deep tissue)."""

    title: ClassVar[str] = "Restore contrast"
    layer: ClassVar[str] = "restored"
    rank: ClassVar[int] = PROCESSING - 5
    stream: ClassVar[int] = 3
    panel: ClassVar[str] = "napari_diversify.widgets.diversify.contrast_panel:ContrastPanel"
    in_lengths: ClassVar[bool] = True
    of_volumes: ClassVar[frozenset[str]] = frozenset({"growing", "surface", "upwards"})
    counts_with: ClassVar[Mapping[str, tuple[str, Any]]] = MappingProxyType(
        {"strength": ("method", "wiener"), "iterations": ("method", "richardson-lucy")}
    )
    views: ClassVar[tuple[ExtraView, ...]] = (
        ExtraView(
            "removed",
            "change",
            "show what it changes",
            "Show the image minus the restored one, at ±3 standard deviations, in a layer of its "
            "own: what is given back is dark, what is taken away as noise is bright.",
        ),
    )

    kind: Literal["restore"] = "restore"
    depth: float = Field(
        40.0,
        ge=0,
        le=5000,
        title="depth to undo",
        description="How much tissue to look through: the contrast that it takes is given back. "
        "0 changes nothing.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 200.0]},
    )
    method: Method = Field(
        "wiener",
        title="method",
        description="wiener: one filter, which raises what the noise measured in the image does "
        "not hide. richardson-lucy: iterations that keep values positive.",
    )
    strength: float = Field(
        1.0,
        ge=0.01,
        le=100,
        title="strength",
        description="Of the Wiener filter. 1 restores as much as the measured noise allows; more "
        "restores more, and more noise.",
        json_schema_extra={"slider": [0.1, 10.0]},
    )
    iterations: int = Field(
        10,
        ge=0,
        le=200,
        title="iterations",
        description="Of Richardson-Lucy: the more, the sharper and the noisier.",
        json_schema_extra={"slider": [0, 50]},
    )
    scattering_length: ScatteringLength = Tissue.scattering_length
    blur: Blur = Tissue.blur
    halo: Halo = Tissue.halo
    collected: Collected = Tissue.collected
    absorption: Absorption = Tissue.absorption
    pedestal: Pedestal = Tissue.pedestal
    offset: Offset = Tissue.offset
    growing: Growing = False
    surface: Surface = 0
    upwards: Upwards = False

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Never."""
        return False

    def doubts(
        self, shape: Sequence[int], spacing: Sequence[float] | None, levels: tuple[float, float]
    ) -> tuple[str, ...]:
        """Tissue that hardly lets any light through."""
        planes = shape[0] if len(shape) == 3 else 1
        depths = self.depths(self.depth, planes, spacing or (1.0,) * len(shape))
        lengths = float(depths.max()) / self.scattering_length
        if lengths <= _DEEPEST:
            return ()
        return (
            f"{lengths:.3g} scattering lengths of tissue are undone: by the model next to no "
            "structure can have come through, and the little that it lets through is taken for all",
        )

    @property
    def iterations_compared(self) -> tuple[int, ...]:
        """From none to more than are of use, of Richardson-Lucy."""
        return (0, 1, 2, 5, 10, 20, 50) if self.method == "richardson-lucy" else ()

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """Whole planes."""
        return whole_planes(region, shape)

    def compute(self, place: Place) -> Unit:
        """The restored image at ``place``; without a spacing, lengths count in voxels."""
        place = replace(place, source=lru_cache(maxsize=1)(place.source))
        planes = place.shape[0] if len(place.shape) == 3 else 1
        spacing = place.spacing or (1.0,) * len(place.shape)
        tissue = Tissue(
            **{n: getattr(self, n) for n in Tissue.__dataclass_fields__ if hasattr(self, n)}
        )
        depths = self.depths(self.depth, planes, spacing)

        def plane(z: int) -> Unit:
            return place.source(place.plane(z)).reshape(place.shape[-2:])

        def restored(z: int) -> Unit:
            if depths[z] == 0:
                return plane(z)
            filt = plane_filter(place.shape[-2:], spacing, tissue, float(depths[z]))
            if self.method == "richardson-lucy":
                return richardson_lucy_plane(plane(z), filt, self.offset, self.iterations)
            c = place.coefficients(z)
            ratio = place.remember(
                ("noise to signal", spacing[-2:]),
                lambda: noise_to_signal(plane(z), c, spacing),
                place.plane(z),
            )
            return wiener_plane(c, filt, ratio, spacing, self.offset, self.strength)

        return place.each_plane(restored)

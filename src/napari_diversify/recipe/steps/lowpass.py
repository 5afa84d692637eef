"""A low-pass: high frequencies are removed."""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Sequence
from typing import ClassVar, Literal

from psutil import virtual_memory
from pydantic import Field

from ...core.blocks import Region, whole
from ...core.spectral.cutoff import Shape, cached_gain, keeps_all, physical_cutoff
from ...core.spectral.low_frequencies import LowFrequencies, low_frequencies, needed_memory
from ...core.spectral.lowpass import filtered
from .step import PROCESSING, ExtraView, Place, Step, Unit, whole_planes


class LowPass(Step):
    """Remove high frequencies in the DCT domain, after Utz et al. 2023; the shapes are ours."""

    title: ClassVar[str] = "Low-pass (DCT)"
    layer: ClassVar[str] = "low-passed"
    rank: ClassVar[int] = PROCESSING
    stream: ClassVar[int] = 2
    views: ClassVar[tuple[ExtraView, ...]] = (
        ExtraView(
            "removed",
            "removed",
            "show what it removes",
            "Show the image minus the low-passed one, at ±3 standard deviations, in a layer of "
            "its own: is there a hidden picture in it?",
        ),
        ExtraView(
            "hidden",
            "hidden signal",
            "show hidden signal",
            "Show what it removes with its contrast equalised, in a layer of its own: pictures "
            "much fainter than the noise come out.",
        ),
    )
    of_volumes: ClassVar[frozenset[str]] = frozenset({"volume"})
    at_first: ClassVar[Literal["", "off", "live"]] = "off"
    panel: ClassVar[str] = "napari_diversify.widgets.diversify.lowpass_panel:LowPassPanel"

    kind: Literal["lowpass"] = "lowpass"
    cutoff: float = Field(
        0.5,
        gt=0,
        le=2,
        title="cutoff",
        description="Frequencies from here on are removed, in units of the Nyquist frequency "
        "(half a cycle per voxel) of each axis.",
        json_schema_extra={"unit": "Nyquist", "slider": [0.02, 1.42]},
    )
    shape: Shape = Field(
        "radial",
        title="shape",
        description="Which coefficients (u, v) of an H x W plane are kept: radial, "
        "(u/H)² + (v/W)² below the cutoff squared; square, both u/H and v/W below it; "
        "triangular, their sum.",
    )
    taper: float = Field(
        0.0,
        ge=0,
        le=1,
        title="taper",
        description="Share of the band below the cutoff that falls off smoothly; 0 cuts sharply, "
        "which rings beside edges.",
        json_schema_extra={"unit": "of cutoff"},
    )
    volume: bool = Field(
        False,
        title="whole volume",
        description="Filter along z as well, all three axes together. Off: each plane by itself. "
        "The frequencies below the cutoff are computed once, in the background, and then reused.",
    )

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Raise if there is no volume to filter, or not enough memory."""
        if not self.volume:
            return
        if len(shape) < 3:
            raise ValueError(
                "low-pass of a whole volume needs volumes (z, y, x); these are 2D images. "
                "Switch “whole volume” off"
            )
        needed, available = needed_memory(shape, self._eighths() / 8), virtual_memory().total / 2
        if needed > available:
            raise ValueError(
                f"low-pass of the whole volume at once takes {needed / 1e9:.0f} GB of memory, more "
                "than half of this computer's. Choose a lower cutoff, or filter single planes"
            )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Never."""
        return False

    def of_planes(self) -> LowPass:
        """The filter of each plane by itself."""
        step: LowPass = self.replace(volume=False)
        return step

    def band(self, spacing: Sequence[float]) -> tuple[float | None, ...]:
        """The cutoff along the axes of a plane, or of the volume."""
        along: list[float | None] = list(physical_cutoff(self.cutoff, spacing))
        if not self.volume:
            along[:-2] = [None] * len(along[:-2])
        return tuple(along)

    def _eighths(self) -> int:
        """The cutoff rounded up, so that the coefficients kept serve more than one position."""
        return min(8, math.ceil(8 * self.cutoff))

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """Whole planes, or the whole volume."""
        return whole(shape) if self.volume else whole_planes(region, shape)

    def preparations(self, shape: Sequence[int]) -> tuple[Hashable, ...]:
        """The low frequencies of the volume, as many as needed or more."""
        first = self._eighths()
        return tuple(("low frequencies", n) for n in range(first, 9)) if self.volume else ()

    def prepare(self, place: Place) -> Generator[tuple[int, int], None, LowFrequencies]:
        """Transform the whole volume and keep its low frequencies."""
        return low_frequencies(place.shape, place.coefficients, self._eighths() / 8)

    def compute(self, place: Place) -> Unit:
        """The low-passed image at ``place``."""
        options = (self.cutoff, self.shape, self.taper)
        if place.exact and keeps_all(place.shape if self.volume else place.shape[-2:], *options):
            return place.source(place.region)
        if self.volume:
            low: LowFrequencies = place.prepared()
            return place.each_plane(lambda z: low.plane(z, *options))
        gain = cached_gain(place.shape[-2:], *options)
        return place.each_plane(lambda z: filtered(place.coefficients(z), gain))

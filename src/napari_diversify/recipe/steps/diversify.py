"""Noise in proportion to the local standard deviation of the image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator, Field

from ...core.blocks import Region, slices
from ...core.diversification.diversify import (
    NoiseField,
    diversify,
    diversify_grey,
)
from ...core.diversification.local_std import local_std_region
from ...core.diversification.local_std import source_region as sigma_source_region
from ...core.diversification.psnr_model import W_V_MAX, PsnrModel
from ...core.grey_levels import GreyLevels
from .step import DETECTOR, ExtraView, Place, Step, Unit


def _broadcast(value: Any) -> Any:
    """A single number stands for all three axes."""
    return (value,) * 3 if isinstance(value, int) and not isinstance(value, bool) else value


def _odd(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if any(n % 2 == 0 for n in numbers):
        raise ValueError(f"window must be odd, so that it has a middle voxel; got {list(numbers)}")
    return numbers


_Window: TypeAlias = Annotated[int, Field(ge=1, le=99)]
_Stride: TypeAlias = Annotated[int, Field(ge=1, le=16)]


class Diversify(Step):
    """Image diversification: clip(w_i * I + w_v * σ * n, 0, 1), after Eschweiler et al. 2022."""

    title: ClassVar[str] = "Diversify"
    layer: ClassVar[str] = "diversified"
    rank: ClassVar[int] = DETECTOR
    #: Its noise is the field ``normal_field(shape, seed)``.
    stream: ClassVar[int] = 0
    noise_weight: ClassVar[str | None] = "w_v"
    signal_weight: ClassVar[str | None] = "w_i"
    falling: ClassVar[frozenset[str]] = frozenset({"w_i"})
    at_first: ClassVar[Literal["", "off", "live"]] = "live"
    begins_with: ClassVar[Mapping[str, Any]] = MappingProxyType({"w_v": 2.0})
    views: ClassVar[tuple[ExtraView, ...]] = (
        ExtraView(
            "sigma",
            "σ map",
            "show σ map",
            "Show the local standard deviation σ of the image, in its grey levels, in a layer of "
            "its own.",
        ),
    )
    panel: ClassVar[str] = "napari_diversify.widgets.diversify.diversify_panel:DiversifyPanel"

    kind: Literal["diversify"] = "diversify"
    w_i: float = Field(
        1.0,
        ge=0,
        le=4,
        title="w_i (signal)",
        description="Weight of the image. 1 keeps its brightness, less dims the specimen. "
        "The paper's demonstration draws it from 0.2 to 1.8.",
        json_schema_extra={"slider": [0.0, 2.0], "usual": [0.2, 1.8]},
    )
    w_v: float = Field(
        1.0,
        ge=0,
        le=W_V_MAX,
        title="w_v (noise)",
        description="Weight of the noise: its standard deviation at a voxel is w_v times the "
        "local standard deviation σ there. 0 adds none. The paper's demonstration draws it "
        "from 0 to 8.",
        json_schema_extra={"slider": [0.0, 8.0]},
    )
    window: Annotated[
        tuple[_Window, _Window, _Window], BeforeValidator(_broadcast), AfterValidator(_odd)
    ] = Field(
        (5, 5, 5),
        title="window",
        description="Side of the box around each voxel in which σ is measured, along z, y and x; "
        "odd numbers. z counts only for 3D images.",
        json_schema_extra={"unit": "voxels", "axes": ["z", "y", "x"], "step": 2},
    )
    stride: Annotated[tuple[_Stride, _Stride, _Stride], BeforeValidator(_broadcast)] = Field(
        (1, 1, 1),
        title="stride",
        description="Measure σ on every n-th voxel along z, y and x and repeat it in between; "
        "the window then counts voxels of this coarser grid. The reference implementation uses 4; "
        "1 gives the finest map.",
        json_schema_extra={"unit": "voxels", "axes": ["z", "y", "x"]},
    )

    @property
    def windows(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Window and stride of σ."""
        return self.window, self.stride

    def with_psnr(self, target: float, model: PsnrModel) -> Diversify:
        """The step with the w_v that solves for the target."""
        solved: Diversify = self.replace(w_v=model.solve(target, self.w_i))
        return solved

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Whether noise has a weight, and σ is not always 0, as it is in windows of one voxel."""
        sides = (99 * 16,) * 3 if shape is None else shape
        windows = zip(self.window[::-1], self.stride[::-1], sides[::-1], strict=False)
        return self.w_v > 0 and any(w > 1 and n > s for w, s, n in windows)

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """The region itself, and the context into which the windows of σ reach."""
        n = len(shape)
        return sigma_source_region(region, shape, self.window[-n:], self.stride[-n:])

    def computed_region(self, region: Region, shape: Sequence[int]) -> Region:
        """The region itself: its context is only read."""
        return region

    def compute(self, place: Place) -> Unit:
        """The diversified image at ``place``."""
        n = len(place.shape)
        window, stride = self.window[-n:], self.stride[-n:]

        def measure() -> tuple[Unit, Unit]:
            wide = self.source_region(place.region, place.shape)
            block = place.source(wide)
            sigma = local_std_region(block, wide, place.region, place.shape, window, stride)
            # a copy: a view would keep the context in memory, too
            return block[slices(place.region, wide)].copy(), sigma

        image, sigma = place.remember(("sigma", window, stride), measure)
        return diversify(image, sigma, place.noise(), self.w_i, self.w_v)

    def compute_grey(self, place: Place, levels: GreyLevels) -> npt.NDArray[Any] | None:
        """The diversified image at ``place``, in one pass over an image of small integers."""
        n = len(place.shape)
        numbered = math.prod(place.array_shape) < 2**63
        # unit values of a narrower range are limited
        if place.grey is None or levels.width < 1 or max(self.stride[-n:]) > 1 or not numbered:
            return None
        wide = self.source_region(place.region, place.shape)
        noise = NoiseField(place.array_shape, place.lead, place.seed, place.sample, place.stream)
        where = wide, place.region, place.shape, self.window[-n:]
        return diversify_grey(place.grey(wide), *where, levels, noise, self.w_i, self.w_v)

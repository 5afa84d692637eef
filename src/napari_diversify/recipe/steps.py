"""The steps of a recipe: one frozen model each, with all that is known of its parameters.

A step computes any region of its result from the region of its source that it
asks for. What a slider does not touch (σ, noise) it leaves with
:meth:`Place.remember`, so that the next call costs only arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator, Field

from ..core.blocks import Region, slices
from ..core.diversify import diversify
from ..core.local_std import local_std_region, source_region
from ..core.noise import normal_region
from ..core.psnr import W_V_MAX
from .model import Model

T = TypeVar("T")
Unit: TypeAlias = npt.NDArray[np.float32]  # intensities mapped to [0, 1]


@dataclass(frozen=True)
class Place:
    """Where in which image a step is at work.

    Attributes
    ----------
    region : tuple of range
        The gapless spatial region to compute.
    shape : tuple of int
        Spatial shape of one image.
    lead : tuple of int
        Its index along time, channel and other leading axes.
    array_shape : tuple of int
        Shape of the whole array, leading axes included.
    spacing : tuple of float or None
        Voxel size per spatial axis.
    seed, sample, stream : int
        What noise to draw.
    remember : callable
        ``remember(key, function)`` returns ``function()``, or the value kept
        from an earlier call for the same key, source and place.
    """

    region: Region
    shape: tuple[int, ...]
    lead: tuple[int, ...]
    array_shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    seed: int
    sample: int
    stream: int
    remember: Callable[[Hashable, Callable[[], Any]], Any]

    def noise(self) -> Unit:
        """The standard-normal noise of this place."""
        region = (*(range(i, i + 1) for i in self.lead), *self.region)
        field = normal_region(self.array_shape, region, self.seed, self.sample, self.stream)
        return field.reshape(field.shape[len(self.lead) :])


def _broadcast(value: Any) -> Any:
    """A single number stands for all three axes."""
    return (value,) * 3 if isinstance(value, int) and not isinstance(value, bool) else value


def _odd(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if any(n % 2 == 0 for n in numbers):
        raise ValueError(f"window must be odd, so that it has a middle voxel; got {list(numbers)}")
    return numbers


_Window: TypeAlias = Annotated[int, Field(ge=1, le=99)]
_Stride: TypeAlias = Annotated[int, Field(ge=1, le=16)]


class Diversify(Model):
    """Image diversification: clip(w_i * I + w_v * σ * n, 0, 1), after Eschweiler et al. 2022."""

    #: Where its noise comes from: the field that ``normal_field(shape, seed)`` gives.
    stream: ClassVar[int] = 0

    kind: Literal["diversify"] = "diversify"
    w_i: float = Field(
        1.0,
        ge=0,
        le=4,
        title="w_i (signal)",
        description="Weight of the image. 1 keeps its brightness, less dims the specimen. "
        "The paper's demonstration draws it from 0.2 to 1.8.",
        json_schema_extra={"slider": [0.0, 2.0]},
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
        "the window then counts voxels of this coarser grid. 4 is the recipe of the reference "
        "implementation, 1 gives the finest map.",
        json_schema_extra={"unit": "voxels", "axes": ["z", "y", "x"]},
    )

    def source_region(
        self, region: Region, shape: Sequence[int], spacing: Sequence[float] | None
    ) -> Region:
        """The region itself and the context that the windows of σ reach into."""
        n = len(shape)
        return source_region(region, shape, self.window[-n:], self.stride[-n:])

    def compute(self, source: Callable[[Region], Unit], place: Place) -> Unit:
        """The diversified image at ``place``; ``source(region)`` gives what it is made from."""
        n = len(place.shape)
        window, stride = self.window[-n:], self.stride[-n:]

        def measure() -> tuple[Unit, Unit]:
            held = self.source_region(place.region, place.shape, place.spacing)
            block = source(held)
            sigma = local_std_region(block, held, place.region, place.shape, window, stride)
            # a copy: a view would keep the context alive with it
            return block[slices(place.region, held)].copy(), sigma

        image, sigma = place.remember(("sigma", window, stride), measure)
        noise = place.remember(("noise", place.seed, place.sample, place.stream), place.noise)
        return diversify(image, sigma, noise, self.w_i, self.w_v)


#: Every kind of step a recipe may hold.
AnyStep: TypeAlias = Diversify

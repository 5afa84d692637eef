"""The recipe of one sample with every number in it: its range, and w_v for a target PSNR."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..core.blocks import exhaust
from ..core.pair_sums import PairSums
from ..core.psnr import PsnrModel
from ..files import Header
from ..recipe import Diversify, LazyVolume, Recipe
from ..recipe.intensity import exact_range
from ..recipe.measure import measure
from ..recipe.sampling import Sampling, with_psnr
from .job import Source

#: How close a target PSNR is met, in decibel, and how often it is tried.
_CLOSE, _TRIES = 0.02, 6


def volume_of(header: Header, data: Any, recipe: Recipe) -> LazyVolume:
    """The recipe on the image of a file; without units, lengths count in voxels.

    Raises
    ------
    ValueError
        If the recipe asks for volumes and the image holds planes.
    """
    ndim = recipe.spatial_ndim or header.spatial_ndim
    if ndim > header.spatial_ndim:
        raise ValueError(
            f"the recipe takes volumes (z, y, x), but the axes of the image are "
            f"{header.axes!r}. Say so if they are others (axes)"
        )
    spacing = None if header.spacing is None else header.spacing[-ndim:]
    return LazyVolume(data, recipe.replace(spatial_ndim=ndim), spacing)


def settle(sampling: Sampling, number: int, source: Source, header: Header, data: Any) -> Recipe:
    """Recipe of a sample, from which anybody can make it again.

    Raises
    ------
    ValueError
        If the image has no range, or its target PSNR cannot be reached.
    """
    base = sampling.recipe
    ndim = base.spatial_ndim or header.spatial_ndim
    low, high = base.intensity_range or _range(source.key, _Once(data))
    with_range: Sampling = sampling.replace(
        recipe=base.replace(intensity_range=(low, high), spatial_ndim=ndim)
    )
    target = sampling.target(number)
    if target is None:
        return with_range.recipe_of(number)
    step = next(s for s in base.steps if isinstance(s, Diversify))
    model = _model(source.key, step.window, step.stride, ndim, (low, high), _Once(data))
    recipe = with_range.recipe_of(number, model)
    aim = target
    for _ in range(_TRIES):
        reached = _psnr(volume_of(header, data, recipe))
        if abs(reached - target) <= _CLOSE:
            return recipe
        aim += target - reached
        try:
            recipe = with_psnr(recipe, aim, model)
        except ValueError:
            break
    raise ValueError(
        f"a PSNR of {target:g} dB was not reached with this recipe: w_v came to {reached:.2f} dB "
        "at best. Other steps than diversify may change the image too much"
    )


def _psnr(volume: LazyVolume) -> float:
    sums = PairSums()
    for place, block in volume.slabs():
        sums.add(volume.source[place], block)
    low, high = volume.intensity_range
    return sums.psnr(high - low)


class _Once:
    """An argument that is needed to compute a value, but does not tell it from others."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _range(key: tuple[object, ...], data: _Once) -> tuple[float, float]:
    return exact_range(data.value)


@lru_cache(maxsize=16)
def _model(
    key: tuple[object, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    ndim: int,
    intensity_range: tuple[float, float],
    data: _Once,
) -> PsnrModel:
    step = Diversify(window=window, stride=stride)
    return exhaust(measure(data.value, step, ndim, intensity_range)).psnr

"""The recipe of one sample with every number in it: its range, and w_v for a target PSNR."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..analysis.measure import measure
from ..core.blocks import exhaust
from ..core.diversification.psnr_model import PsnrModel
from ..core.measures.pair_sums import PairSums
from ..files import Header
from ..model import bounds_of
from ..recipe import LazyVolume, Recipe
from ..recipe.lazy.intensity import exact_range
from ..recipe.sampling import Sampling
from .source import Source

T = TypeVar("T")

#: How closely a target PSNR is met, in decibel, and how often that is tried.
_CLOSE, _TRIES = 0.02, 16
_MOST = 64  # files of which numbers are kept


def volume_of(header: Header, data: Any, recipe: Recipe, *, in_voxels: bool = False) -> LazyVolume:
    """The recipe on the image of a file.

    Parameters
    ----------
    header, data
        Of the image.
    recipe : Recipe
    in_voxels : bool, optional
        Whether lengths count in voxels where the voxel size is not known.

    Raises
    ------
    ValueError
        If the recipe asks for volumes and the image holds planes, or for lengths and the image
        does not say how large its voxels are.
    """
    ndim, spacing = space_of(header, recipe, in_voxels=in_voxels)
    return LazyVolume(data, recipe.replace(spatial_ndim=ndim), spacing)


def check_recipe(header: Header, recipe: Recipe, *, in_voxels: bool = False) -> None:
    """Raise what :func:`volume_of` would, as far as is known without reading a voxel."""
    ndim, spacing = space_of(header, recipe, in_voxels=in_voxels)
    for step in recipe.steps:
        step.check(header.shape[-ndim:], spacing)


def space_of(
    header: Header, recipe: Recipe, *, in_voxels: bool
) -> tuple[int, tuple[float, ...] | None]:
    """How many of the last axes are space for a recipe, and the voxel size along them."""
    ndim = recipe.spatial_ndim or header.spatial_ndim
    if ndim > header.spatial_ndim:
        raise ValueError(
            f"the recipe takes volumes (z, y, x), but the axes of the image are "
            f"{header.axes!r}. Say so if they are others (axes)"
        )
    spacing = header.spacing_along(header.axes[-ndim:])
    if spacing is None and recipe.in_lengths and not in_voxels:
        unknown = [a for a in header.axes[-ndim:] if header.spacing_along(a) is None]
        raise ValueError(
            f"the recipe has lengths in µm, but the voxel size of the image along "
            f"{', '.join(unknown)} is not known. Give it in µm, e.g. --voxel-size "
            f"{','.join(f'{a}=0.5' for a in unknown)}, or count lengths in voxels: --voxel-size "
            "voxels"
        )
    return ndim, spacing


def settle(sampling: Sampling, number: int, source: Source, header: Header, data: Any) -> Recipe:
    """Recipe of a sample, from which it can be made again.

    Raises
    ------
    ValueError
        If the image has no range, or its target PSNR cannot be reached.
    """
    base = sampling.recipe
    ndim = base.spatial_ndim or header.spatial_ndim
    low, high = base.intensity_range or once(source, "range", lambda: exact_range(data))
    with_range: Sampling = sampling.replace(
        recipe=base.replace(intensity_range=(low, high), spatial_ndim=ndim)
    )
    target = sampling.target(number)
    if target is None:
        return with_range.recipe_of(number)
    step = base.steps[base.noisy[0]]

    def measured() -> PsnrModel:
        return exhaust(measure(data, [step.windows], ndim, (low, high))).psnr[step.windows]

    model = once(source, (step.windows, ndim, low, high), measured)
    recipe = with_range.recipe_of(number, model)
    return _met(
        recipe,
        target,
        lambda tried: _psnr(volume_of(header, data, tried, in_voxels=source.in_voxels)),
    )


def _met(recipe: Recipe, target: float, reached: Callable[[Recipe], float]) -> Recipe:
    """The recipe with its noise weighted such that the target PSNR is met in the rounded result."""
    number = recipe.noisy[0]
    step = recipe.steps[number]
    name = str(step.noise_weight)
    weight = getattr(step, name)
    above, below = bounds_of(
        type(step).model_fields[name]
    )  # weights whose PSNR lies above the target, and below
    best, closest = recipe, math.inf
    for _ in range(_TRIES):
        tried = recipe.with_step(number, step.replace(**{name: weight}))
        found = reached(tried)
        if abs(found - target) < abs(closest - target):
            best, closest = tried, found
        if abs(closest - target) <= _CLOSE:
            return best
        above, below = (weight, below) if found > target else (above, weight)
        # noise grows with its weight: that tells where to look, unless it leads out of bounds
        guess = weight * 10 ** ((found - target) / 20) if math.isfinite(found) else below / 2
        weight = guess if above < guess < below else (above + below) / 2
    raise ValueError(
        f"a PSNR of {target:g} dB was not reached with this recipe: {name} came to "
        f"{closest:.2f} dB at best. Other steps than {step.kind} may change the image too much"
    )


def _psnr(volume: LazyVolume) -> float:
    sums = PairSums()
    for place, block in volume.slabs():
        sums.add(volume.source[place], block)
    low, high = volume.intensity_range
    return sums.psnr(high - low)


#: What was measured of files, and of arrays in memory as long as their source lives.
_of_files: OrderedDict[tuple[object, ...], dict[object, Any]] = OrderedDict()
_of_arrays: WeakKeyDictionary[Source, dict[object, Any]] = WeakKeyDictionary()
_lock = Lock()


def forget(source: Source) -> None:
    """Forget measurements of an array in memory: it may have been changed in place."""
    with _lock:
        _of_arrays.pop(source, None)


def once(source: Source, what: object, compute: Callable[[], T]) -> T:
    """``compute()``, or its value from before for this source. Only numbers are kept, no voxels."""
    with _lock:
        if source.array is not None:
            known = _of_arrays.setdefault(source, {})
        else:
            known = _of_files.setdefault(source.identity, {})
            if len(_of_files) > _MOST:
                _of_files.popitem(last=False)
    if what not in known:
        known[what] = compute()
    value: T = known[what]
    return value

"""What a recipe needs to know about an image before it can be shown: its range and noise curve.

Both are measured on the whole image if it is small, and on evenly spread planes
where reading it all would take long; the result says which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ..core.blocks import Region, slices
from ..core.checks import check_intensities
from ..core.diversification.local_std import local_std_region, source_region
from ..core.diversification.psnr_model import PsnrHistogram, PsnrModel
from ..recipe.lazy.intensity import check_range, to_unit

#: Voxels read at most for a measurement.
BUDGET = 1 << 25
_SLAB = 1 << 21

T = TypeVar("T")
#: Window and stride of σ, in voxels along z, y and x.
Windows: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Measured:
    """The measurements, and on how many of the planes they were made.

    Attributes
    ----------
    low, high : float
        Lowest and highest grey level.
    psnr : dict
        Expected PSNR of the diversified image (:class:`PsnrModel`), for the range it was made
        with, by window and stride of σ.
    planes, of : int
        Number of planes measured, and in the image.
    """

    low: float
    high: float
    psnr: Mapping[Windows, PsnrModel]
    planes: int
    of: int


def measure(
    array: Any,
    windows: Collection[Windows],
    spatial_ndim: int,
    intensity_range: tuple[float, float] | None = None,
    budget: int = BUDGET,
    ranged: Callable[[float, float], None] | None = None,
) -> Generator[tuple[int, int], None, Measured]:
    """Measure the range of an image and the PSNR that its diversification will have.

    A generator for a background thread: yields (pieces done, pieces) and
    returns :class:`Measured`.

    Parameters
    ----------
    array : array-like of int or float
    windows : collection of (window, stride)
        Of each σ that noise may be in proportion to, along z, y and x: see
        :attr:`.Step.windows`. Without any, only the range is measured.
    spatial_ndim : 2 or 3
    intensity_range : (float, float), optional
        Grey levels mapped to [0, 1]; by default the lowest and highest found.
    budget : int, optional
        Voxels to read at most, roughly.
    ranged : callable, optional
        Called with the range as soon as it is known, after half of the work.

    Raises
    ------
    TypeError, ValueError
        If the array is not an image, or not finite, or constant and no range is given; the
        message says so.
    """
    shape = tuple(array.shape[-spatial_ndim:])
    pieces = list(_pieces(tuple(array.shape), spatial_ndim, budget))
    low, high = np.inf, -np.inf
    total = len(pieces) * (1 + len(windows))
    for n, (lead, region) in enumerate(pieces):
        yield n, total
        block = check_intensities(_read(array, lead, region))
        low, high = min(low, block.min().item()), max(high, block.max().item())
    if intensity_range is None:
        low, high = check_range(low, high)
    if ranged is not None:
        ranged(low, high)
    models = {}
    for k, (window, stride) in enumerate(windows, 1):
        histogram = PsnrHistogram()
        per_axis = window[-spatial_ndim:], stride[-spatial_ndim:]
        for n, (lead, region) in enumerate(pieces, k * len(pieces)):
            yield n, total
            held = source_region(region, shape, *per_axis)
            unit = to_unit(_read(array, lead, held), *(intensity_range or (low, high)))
            sigma = local_std_region(unit, held, region, shape, *per_axis)
            histogram.add(unit[slices(region, held)], sigma)
        models[window, stride] = histogram.model()
    planes = sum(len(region[0]) if spatial_ndim == 3 else 1 for _, region in pieces)
    return Measured(low, high, models, planes, int(np.prod(array.shape[:-2])))


def _read(array: Any, lead: tuple[int, ...], region: Region) -> npt.NDArray[Any]:
    return np.asarray(array[(*lead, *slices(region))])


def _pieces(
    shape: tuple[int, ...], spatial_ndim: int, budget: int
) -> Iterator[tuple[tuple[int, ...], Region]]:
    """Slabs that cover an image, or evenly spread planes of one too big for the budget."""
    leads = list(np.ndindex(*shape[:-spatial_ndim]))
    space = shape[-spatial_ndim:]
    plane = space[-1] * space[-2]
    depth = space[0] if spatial_ndim == 3 else 1
    in_plane = tuple(range(n) for n in space[-2:])
    wanted = max(1, budget // plane)
    if len(leads) * depth <= wanted:
        thickness = max(1, _SLAB // plane)
        picks = [range(z, min(z + thickness, depth)) for z in range(0, depth, thickness)]
    else:
        per_image = min(depth, max(4, wanted // len(leads)))
        leads = _spread(leads, max(1, wanted // per_image))
        picks = [range(z, z + 1) for z in _spread(range(depth), per_image)]
    for lead in leads:
        for pick in picks:
            yield lead, (pick, *in_plane) if spatial_ndim == 3 else in_plane


def _spread(items: Sequence[T], n: int) -> list[T]:
    """At most ``n`` items, evenly spread, the first and the last among them."""
    places = np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int))
    return [items[i] for i in places]

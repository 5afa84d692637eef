"""What the plots show, as numbers; no Qt in here.

Each function gives the data of one plot or, where the data do not define them,
a sentence to show in its place. What takes long is a generator that yields
(pieces done, pieces), for a background thread.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from ..core.blocks import Region, normalise_index, slices
from ..core.contrast.calibration import Decay, fit_decay
from ..core.diversification.psnr_model import W_V_MAX, PsnrModel
from ..core.measures.spectrum import radial_power_spectrum
from ..core.measures.visibility import object_contrast, otsu_threshold
from ..recipe import LazyVolume
from .measure import BUDGET

Floats: TypeAlias = npt.NDArray[np.float64]

#: Side of the part of a plane whose spectrum is taken.
SIDE = 1024

_BINS, _FREQUENCIES = 128, 192  # more would not be told apart, and take long to draw
_PLANES, _LEAST_PLANES = 64, 5  # looked at for contrast against depth, budget allowing
_PIECE = 1 << 20  # voxels computed between two looks at whether to stop
_LEAST_SHARE = (
    0.002  # of a plane that must be objects, and that must not, for its contrast to count
)
_SAMPLES = 1 << 20  # voxels that the threshold is found from
_WEIGHTS = 64
_AT_ONCE = 8  # weights


# ---- the plane in view ----


@dataclass(frozen=True)
class Plane:
    """A plane of an array: where it is, its two axes, and whether it is all that is in view."""

    where: tuple[slice, ...]
    axes: tuple[int, int]
    shape: tuple[int, int]
    whole_view: bool


def plane_in_view(array: LazyVolume, index: tuple[Any, ...]) -> Plane:
    """The plane that ``array[index]`` is, or the middle one of a volume in view."""
    region = list(normalise_index(index, array.shape)[0])
    wide = [axis for axis, part in enumerate(region) if len(part) > 1]
    narrow = [axis for axis, part in enumerate(region) if len(part) == 1]
    first, second = sorted((narrow + wide)[-2:])
    for axis in wide[:-2]:
        middle = region[axis][len(region[axis]) // 2]
        region[axis] = range(middle, middle + 1)
    return Plane(
        where=tuple(slice(part.start, part.stop, part.step) for part in region),
        axes=(first, second),
        shape=(len(region[first]), len(region[second])),
        whole_view=len(wide) <= 2,
    )


def pixel_size(array: LazyVolume, plane: Plane) -> tuple[float, float] | None:
    """Size of a pixel of a plane in micrometres, or None if one of its axes has no such size."""
    first = array.ndim - array.spatial_ndim
    if array.spacing is None or plane.axes[0] < first:
        return None
    return array.spacing[plane.axes[0] - first], array.spacing[plane.axes[1] - first]


def cutoffs(array: LazyVolume, plane: Plane) -> tuple[float, ...]:
    """Where the low-pass of a recipe begins to take away, along the axes of the plane.

    Cycles per micrometre, or per pixel where there is no pixel size; one number
    if it is the same along both axes, none if neither is filtered.
    """
    first = array.ndim - array.spatial_ndim
    size = pixel_size(array, plane) or (1.0, 1.0)
    along = dict(zip(plane.axes, size, strict=True))
    spacing = [along.get(axis, 1.0) for axis in range(first, array.ndim)]
    bands = [step.band(spacing) for step in array.recipe.steps]
    last = next((band for band in reversed(bands) if any(f is not None for f in band)), None)
    if last is None:
        return ()
    in_plane = (last[axis - first] for axis in plane.axes if axis >= first)
    return tuple(sorted({float(f"{f:.6g}") for f in in_plane if f is not None}))


@dataclass(frozen=True, eq=False)
class Histogram:
    """Pixels per bin of intensity; the same bins for both."""

    edges: Floats
    source: npt.NDArray[np.intp]
    result: npt.NDArray[np.intp]


def histogram(
    source: npt.NDArray[Any], result: npt.NDArray[Any], low: float, high: float
) -> Histogram:
    """Histograms of source and result, from ``low`` to ``high`` or as far as there are pixels."""
    found = [float(end) for a in (source, result) for end in (a.min(), a.max())]
    first, last = min(low, *found), max(high, *found)
    if source.dtype.kind in "iu" and result.dtype.kind in "iu":
        # as many grey levels in each bin: others would make a comb
        levels = np.floor(last) - np.ceil(first) + 1
        # beyond 2^53 not every level is a number of its own
        width = max(np.ceil(levels / _BINS), np.spacing(last))
        edges = np.ceil(first) - 0.5 + width * np.arange(np.ceil(levels / width) + 1)
    else:
        edges = np.linspace(first, last, _BINS + 1)
    ends, bins = (float(edges[0]), float(edges[-1])), len(edges) - 1
    before, after = (np.histogram(a, bins, ends)[0] for a in (source, result))
    return Histogram(edges, before, after)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power against frequency, of both."""

    frequency: Floats
    source: Floats
    result: Floats


def middle_of(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The part of a plane whose spectrum is taken: all of it, unless it is big."""
    starts = [max(0, (n - SIDE) // 2) for n in plane.shape]
    return plane[tuple(slice(start, start + SIDE) for start in starts)]


def power_of(plane: npt.NDArray[Any], size: tuple[float, float] | None) -> tuple[Floats, Floats]:
    """Frequency and power of a plane, of the part in its middle if it is big."""
    bins = _FREQUENCIES if min(plane.shape) > _FREQUENCIES else None
    return radial_power_spectrum(middle_of(plane), size, bins)


@dataclass(frozen=True, eq=False)
class OfPlane:
    """What the plane in view gave, and what the next look at the same plane need not read again."""

    plane: Plane
    pixel_size: tuple[float, float] | None
    histogram: Histogram | None
    spectrum: Spectrum | str | None
    _key: object
    _source: npt.NDArray[Any]
    _power: tuple[Floats, Floats] | None


def of_plane(
    array: LazyVolume,
    index: tuple[Any, ...],
    want_histogram: bool = True,
    want_spectrum: bool = True,
    before: OfPlane | None = None,
) -> Generator[tuple[int, int], None, OfPlane]:
    """Histogram and spectrum of the plane in view, as far as they are wanted."""
    yield 0, 4
    plane = plane_in_view(array, index)
    size = pixel_size(array, plane)
    key = (array.edition, plane, size)
    if before is None or before._key != key:
        source = np.asarray(array.source[plane.where]).reshape(plane.shape)
        power = None
    else:
        source, power = before._source, before._power
    yield 1, 4
    result = array[plane.where].reshape(plane.shape)
    yield 2, 4
    counted = histogram(source, result, *array.intensity_range) if want_histogram else None
    yield 3, 4
    seen: Spectrum | str | None = None
    if want_spectrum and min(plane.shape) < 2:
        seen = "A line of pixels has no spectrum of a plane."
    elif want_spectrum:
        power = power or power_of(source, size)
        yield 3, 4
        frequency, after = power_of(result, size)
        seen = Spectrum(frequency, power[1], after)
        if not power[1].any() and not after.any():
            seen = "The plane has the same intensity everywhere: it has no spectrum."
    return OfPlane(plane, size, counted, seen, key, source, power)


# ---- the volume in view ----


@dataclass(frozen=True, eq=False)
class ByDepth:
    """Object contrast of each plane looked at, from the top down.

    Attributes
    ----------
    depth, source, result : numpy.ndarray of float64
        NaN in a plane with hardly any objects, or hardly anything else.
    source_fit, result_fit : Decay or None
    source_whole, result_whole : float
        Contrast of all these planes together.
    planes, of : int
        Planes looked at, and in the volume.
    unit : str
        Of the depth.
    """

    depth: Floats
    source: Floats
    result: Floats
    source_fit: Decay | None
    result_fit: Decay | None
    source_whole: float
    result_whole: float
    planes: int
    of: int
    unit: str


def by_depth(
    array: LazyVolume, index: tuple[Any, ...]
) -> Generator[tuple[int, int], None, ByDepth | str]:
    """Object contrast against depth, of source and result, for the volume in view.

    The objects are what is above Otsu's threshold in the source, found from a
    part of its voxels; intensities count from the low end of the range. Of a
    deep or big volume, evenly spread planes are looked at.
    """
    if array.spatial_ndim < 3:
        return "Contrast against depth is that of volumes (z, y, x); this image is 2D."
    n, rows, columns = array.shape[-3:]
    if n < 2:
        return "Contrast against depth needs two planes or more; this volume has one."
    lead = [part[len(part) // 2] for part in normalise_index(index, array.shape)[0][:-3]]
    wanted = min(_PLANES, max(_LEAST_PLANES, BUDGET // (rows * columns)))
    at = np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(int))
    yield 0, at.size
    sample = _sample(array.source, lead, at, (rows, columns))
    if sample.min() == sample.max():
        return "The volume has the same intensity everywhere: it has no contrast."
    threshold = otsu_threshold(sample)
    yield from array.prepare()
    low, _ = array.intensity_range
    source, result = _Contrasts(low), _Contrasts(low)
    for zs in _pieces(at, rows * columns, n):
        yield len(source.planes), at.size
        region: Region = (*(range(i, i + 1) for i in lead), zs, range(rows), range(columns))
        clean = np.asarray(array.source[slices(region)]).reshape(-1, rows, columns)
        changed = array.read(region).reshape(clean.shape)
        for plane, now in zip(clean, changed, strict=True):
            objects = plane > threshold
            source.add(plane, objects)
            result.add(now, objects)
    if not np.isfinite(source.planes).any():
        return "No plane has both objects and background: there is no contrast to show."
    # light comes from where the contrast step says that the tissue begins
    upwards = any(getattr(step, "upwards", False) for step in array.recipe.steps)
    depth = (n - 1.0 - at if upwards else at.astype(np.float64)) * (
        1.0 if array.spacing is None else array.spacing[0]
    )
    before, after = np.array(source.planes), np.array(result.planes)
    return ByDepth(
        depth,
        before,
        after,
        fit_decay(depth, before),
        fit_decay(depth, after),
        source.whole(),
        result.whole(),
        planes=at.size,
        of=n,
        unit="planes" if array.spacing is None else "µm",
    )


class _Contrasts:
    """Object contrast plane by plane, and of all of them."""

    def __init__(self, offset: float) -> None:
        self.planes: list[float] = []
        self._offset = offset
        self._sums = np.zeros((2, 2))  # of objects and of the rest: intensity, voxels

    def add(self, plane: npt.NDArray[Any], objects: npt.NDArray[np.bool_]) -> None:
        sums = np.array(
            [
                (np.sum(plane, where=at, dtype=np.float64), np.count_nonzero(at))
                for at in (objects, ~objects)
            ]
        )
        self.planes.append(self._contrast(sums))
        self._sums += sums

    def whole(self) -> float:
        return self._contrast(self._sums)

    def _contrast(self, sums: Floats) -> float:
        light, voxels = sums.T
        if voxels.min() < max(1, _LEAST_SHARE * voxels.sum()):
            return nan
        return object_contrast(light / voxels, [1, 0], self._offset)


def _sample(
    source: Any, lead: list[int], at: npt.NDArray[Any], shape: tuple[int, int]
) -> npt.NDArray[Any]:
    """Voxels from all over the planes looked at."""
    planes = at[:: max(1, at.size // 16)]
    step = int(np.ceil(np.sqrt(planes.size * shape[0] * shape[1] / _SAMPLES)))
    rows = slice(None, None, max(1, step))
    return np.stack([np.asarray(source[(*lead, int(z), rows, rows)]) for z in planes])


def _pieces(at: npt.NDArray[Any], pixels: int, n: int) -> Iterator[range]:
    """The planes in runs, as long as they may be at once."""
    most = max(1, _PIECE // pixels) if at.size == n else 1
    for start in range(0, at.size, most):
        first, last = at[start], at[min(start + most, at.size) - 1]
        yield range(int(first), int(last) + 1)


# ---- the weight of the noise ----


@dataclass(frozen=True, eq=False)
class ByNoise:
    """What the weight of the noise does to the whole image, expected.

    Attributes
    ----------
    w_v, psnr, kept : numpy.ndarray of float64
        Weight, PSNR in decibel (inf where nothing is changed), and object
        contrast in percent of that of the source (NaN where it has none).
    half : float
        The strongest noise at which half of the contrast is still there: inf if
        it is there at all weights, NaN if at none.
    """

    w_v: Floats
    psnr: Floats
    kept: Floats
    half: float


def contrast_kept(model: PsnrModel, w_i: float, w_v: float) -> float:
    """Expected object contrast in percent of the source's; NaN where there is none."""
    source = model.contrast(1.0, 0.0)
    return 100 * model.contrast(w_i, w_v) / source if source > 0 else nan


def by_noise(model: PsnrModel, w_i: float) -> Generator[tuple[int, int], None, ByNoise | str]:
    """PSNR and contrast against the weight of the noise, for one weight of the image."""
    w_v = W_V_MAX * np.linspace(0, 1, _WEIGHTS) ** 2  # denser towards 0, as the curves bend there
    psnr, kept = np.empty(w_v.size), np.empty(w_v.size)
    for i, weight in enumerate(w_v):
        if i % _AT_ONCE == 0:
            yield i, w_v.size
        psnr[i] = model.expected(w_i, weight)
        kept[i] = contrast_kept(model, w_i, weight)
    if not np.isfinite(psnr).any():
        return (
            "The noise follows the local standard deviation, which is 0 everywhere: "
            "no weight changes this image."
        )
    above = np.flatnonzero(kept >= 50)
    if above.size == 0:
        half = nan
    elif above[-1] == w_v.size - 1:
        half = inf
    else:
        ends = w_v[above[-1]], w_v[above[-1] + 1]
        half = float(brentq(lambda v: contrast_kept(model, w_i, v) - 50, *ends, xtol=1e-4))
    return ByNoise(w_v, psnr, kept, half)


def said_half(found: ByNoise) -> str:
    """The sentence on how much noise leaves half of the contrast."""
    if np.isnan(found.kept).all():
        return "There is no contrast: nothing is brighter, or what is not has no light at all."
    if isfinite(found.half):
        return f"Half of the contrast is left at w_v {found.half:.2f}."
    if found.half == inf:
        return f"More than half of the contrast is left up to w_v {W_V_MAX:g}."
    return "Less than half of the contrast is left at any w_v."

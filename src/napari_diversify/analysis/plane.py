"""Numbers about a plane of an image and of its result: histograms and power spectra."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.blocks import normalise_index
from ..core.measures.spectrum import radial_power_spectrum
from ..recipe import LazyVolume

Floats: TypeAlias = npt.NDArray[np.float64]


#: Side of the part of a plane whose spectrum is taken.
SIDE = 1024


_BINS, _FREQUENCIES = 128, 192  # more could not be told apart, and would take long to draw


@dataclass(frozen=True)
class Plane:
    """A plane of an array: where it is, its two axes, and whether it is all that is in view."""

    where: tuple[slice, ...]
    axes: tuple[int, int]
    shape: tuple[int, int]
    whole_view: bool


def plane_in_view(array: LazyVolume, index: tuple[Any, ...]) -> Plane:
    """The plane ``array[index]``, or the middle one if a volume is in view."""
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
    """The cutoff frequencies of the last low-pass of a recipe, along the axes of the plane.

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
    extremes = [float(end) for a in (source, result) for end in (a.min(), a.max())]
    first, last = min(low, *extremes), max(high, *extremes)
    if source.dtype.kind in "iu" and result.dtype.kind in "iu":
        # the same number of grey levels in each bin: the histogram would be a comb otherwise
        levels = np.floor(last) - np.ceil(first) + 1
        # beyond 2^53 not every level is a float of its own
        width = max(np.ceil(levels / _BINS), np.spacing(last))
        edges = np.ceil(first) - 0.5 + width * np.arange(np.ceil(levels / width) + 1)
    else:
        edges = np.linspace(first, last, _BINS + 1)
    ends, bins = (float(edges[0]), float(edges[-1])), len(edges) - 1
    before, after = (np.histogram(a, bins, ends)[0] for a in (source, result))
    return Histogram(edges, before, after)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power against frequency, of source and result."""

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
    """The numbers of the plane in view, and what need not be read again for the same plane."""

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
    """Histogram and spectrum of the plane in view, whichever are wanted."""
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
    counts = histogram(source, result, *array.intensity_range) if want_histogram else None
    yield 3, 4
    spectrum: Spectrum | str | None = None
    if want_spectrum and min(plane.shape) < 2:
        spectrum = "A line of pixels has no spectrum of a plane."
    elif want_spectrum:
        power = power or power_of(source, size)
        yield 3, 4
        frequency, after = power_of(result, size)
        spectrum = Spectrum(frequency, power[1], after)
        if not power[1].any() and not after.any():
            spectrum = "The plane has the same intensity everywhere: it has no spectrum."
    return OfPlane(plane, size, counts, spectrum, key, source, power)

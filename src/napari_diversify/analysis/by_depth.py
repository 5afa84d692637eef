"""Contrast of objects, plane by plane along z."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.blocks import Region, normalise_index, slices
from ..core.contrast.calibration import Decay, fit_decay
from ..core.measures.visibility import object_contrast, otsu_threshold
from ..recipe import LazyVolume
from .measure import BUDGET
from .plane import Floats

_PLANES, _LEAST_PLANES = 64, 5  # measured for contrast against depth, if the budget allows it
_PIECE = 1 << 20  # voxels computed between two chances to stop
# share of a plane that must be objects, and that must be the rest, for its contrast to count
_LEAST_SHARE = 0.002
_SAMPLES = 1 << 20  # voxels from which the threshold is computed


@dataclass(frozen=True, eq=False)
class ByDepth:
    """Object contrast of each plane measured, from the top down.

    Attributes
    ----------
    depth, source, result : numpy.ndarray of float64
        NaN in a plane with hardly any objects, or hardly anything else.
    source_fit, result_fit : Decay or None
    source_whole, result_whole : float
        Contrast of all these planes together.
    planes, of : int
        Number of planes measured, and in the volume.
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

    The objects are what is above Otsu's threshold in the source, computed from a
    part of its voxels; intensities count from the low end of the range. In a deep
    or big volume, evenly spread planes are measured.
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
    # the light enters where the contrast step says that the tissue begins
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
    """Voxels from all over the planes measured."""
    planes = at[:: max(1, at.size // 16)]
    step = int(np.ceil(np.sqrt(planes.size * shape[0] * shape[1] / _SAMPLES)))
    rows = slice(None, None, max(1, step))
    return np.stack([np.asarray(source[(*lead, int(z), rows, rows)]) for z in planes])


def _pieces(at: npt.NDArray[Any], pixels: int, n: int) -> Iterator[range]:
    """The planes in runs of as many as are computed at once."""
    most = max(1, _PIECE // pixels) if at.size == n else 1
    for start in range(0, at.size, most):
        first, last = at[start], at[min(start + most, at.size) - 1]
        yield range(int(first), int(last) + 1)

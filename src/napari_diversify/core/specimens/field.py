"""The field of voxels that a specimen fills, an image or a volume, and regions of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..blocks import Region, in_slabs, region_shape

#: Smallest voxel in micrometres: a tenth of a nanometre.
_SMALLEST = 0.0001


def check_field(shape: Sequence[int], spacing: Sequence[float]) -> None:
    """Raise a ValueError unless shape and spacing are those of an image or a volume."""
    whole = all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in shape
    )
    if len(shape) not in (2, 3) or not whole:
        raise ValueError(
            "shape must be two or three positive whole numbers, (y, x) or (z, y, x); "
            f"got {tuple(shape)!r}"
        )
    if len(spacing) != len(shape) or not all(math.isfinite(s) and s > 0 for s in spacing):
        raise ValueError(
            f"spacing must be {len(shape)} positive sizes in micrometres, one per axis of shape; "
            f"got {tuple(spacing)!r}"
        )
    if min(spacing) < _SMALLEST:
        raise ValueError(
            f"spacing is in micrometres, and {_SMALLEST} is the least that can be drawn; "
            f"got {tuple(spacing)!r}"
        )


def in_three(
    shape: Sequence[int], spacing: Sequence[float]
) -> tuple[tuple[int, int, int], npt.NDArray[np.float64]]:
    """Shape and spacing along (z, y, x); an image is a volume of one plane, 1 micrometre thick."""
    lead = 3 - len(shape)
    z, y, x = (1,) * lead + tuple(shape)
    return (z, y, x), np.array((1.0,) * lead + tuple(spacing), np.float64)


def three(region: Region) -> Region:
    """A region with the axes (z, y, x), the missing ones of length 1."""
    return (range(1),) * (3 - len(region)) + tuple(region)


def label_dtype(n: int) -> np.dtype[Any]:
    """The dtype that n labels fit in: uint16, or uint32 for more than 65535."""
    return np.dtype(np.uint16 if n < 2**16 else np.uint32)


def by_slabs(
    fill: Callable[[npt.NDArray[np.int64], tuple[slice, ...]], object], region: Region
) -> None:
    """Call ``fill`` in threads with the first voxel of each slab of a region, and its slices.

    The region has three axes and no gaps.
    """
    start = np.array([r.start for r in region])
    axis = 0 if len(region[0]) > 1 else 1

    def slab(s: slice) -> None:
        first = start.copy()
        first[axis] += s.start
        fill(first, (slice(None),) * axis + (s,))

    in_slabs(slab, len(region[axis]), math.prod(region_shape(region)))

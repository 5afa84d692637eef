"""How an array is cut into pieces that are read, and cached, as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import index as as_integer
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, region_shape

#: Number of a piece along each axis; and the numbers of the pieces in a box.
At: TypeAlias = tuple[int, ...]
Box: TypeAlias = tuple[range, ...]

# smaller chunks are kept by the dozen: looking up each would take longer than reading it
_LEAST = 256 << 10
# of a bigger chunk, planes are kept instead
_MOST = 64 << 20
# planes of arrays that have no chunks are cut at this size; more than this is not read at once
_AT_ONCE = 16 << 20


@dataclass(frozen=True)
class Grid:
    """Where an array is cut.

    Attributes
    ----------
    edges : tuple of array of int
        Along each axis: 0, where pieces meet, and the length of the axis.
    given : bool
        Whether the array itself is stored in these pieces.
    itemsize : int
        Bytes of a voxel.
    """

    edges: tuple[npt.NDArray[np.int64], ...]
    given: bool
    itemsize: int

    def box(self, region: Region) -> Box:
        """The pieces that a region without gaps lies in."""
        return tuple(
            range(
                int(np.searchsorted(edges, r.start, side="right")) - 1,
                int(np.searchsorted(edges, r.stop - 1, side="right")),
            )
            for edges, r in zip(self.edges, region, strict=True)
        )

    def pieces(self, region: Region) -> Iterator[At]:
        """The numbers of the pieces that a region without gaps lies in."""
        yield from places(self.box(region))

    def region(self, box: Box) -> Region:
        """The voxels of a box of pieces."""
        return tuple(
            range(int(edges[side.start]), int(edges[side.stop]))
            for edges, side in zip(self.edges, box, strict=True)
        )

    def piece(self, at: At) -> Region:
        """The voxels of one piece."""
        return self.region(tuple(range(i, i + 1) for i in at))

    def bytes_of(self, region: Region) -> int:
        """Bytes of all pieces that a region lies in."""
        return math.prod(region_shape(self.region(self.box(region)))) * self.itemsize

    def boxes(self, missing: Sequence[At]) -> Iterator[Box]:
        """As few boxes as possible for these pieces, none so big that its reading takes long."""
        if not missing:
            return
        box = tuple(range(min(side), max(side) + 1) for side in zip(*missing, strict=True))
        size = math.prod(region_shape(self.region(box))) * self.itemsize
        if len(missing) == math.prod(map(len, box)) and (size <= _AT_ONCE or len(missing) == 1):
            yield box
            return
        axis = next(axis for axis, side in enumerate(box) if len(side) > 1)
        half = box[axis][len(box[axis]) // 2]
        yield from self.boxes([at for at in missing if at[axis] < half])
        yield from self.boxes([at for at in missing if at[axis] >= half])


def places(box: Box) -> Iterator[At]:
    """The pieces of a box."""
    for at in np.ndindex(*map(len, box)):
        yield tuple(side.start + i for side, i in zip(box, at, strict=True))


def grid_of(array: Any) -> Grid:
    """The chunks of an array, small ones joined; planes if it has no suitable chunks."""
    shape = tuple(int(n) for n in array.shape)
    itemsize = np.dtype(array.dtype).itemsize
    edges = _chunk_edges(array, shape)
    if edges is not None:
        largest = math.prod(int(np.diff(e).max(initial=1)) for e in edges) * itemsize
        if largest <= _MOST:
            return Grid(_together(edges, itemsize), True, itemsize)
    rows = max(1, _AT_ONCE // max(1, shape[-1] * itemsize)) if len(shape) > 1 else shape[-1]
    sides = [*[1] * (len(shape) - 2), rows, shape[-1]][-len(shape) :]
    return Grid(tuple(_regular(s, n) for s, n in zip(sides, shape, strict=True)), False, itemsize)


def _chunk_edges(array: Any, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], ...] | None:
    """Where chunks meet, as given by Zarr and HDF5 (one size) or dask (all sizes)."""
    try:
        chunks = array.chunks
        if chunks is None or len(chunks) != len(shape):
            return None
        edges = tuple(_edges(sizes, n) for sizes, n in zip(chunks, shape, strict=True))
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None
    return edges


def _edges(sizes: Any, n: int) -> npt.NDArray[np.int64]:
    if not isinstance(sizes, Sequence):
        return _regular(as_integer(sizes), n)
    edges = np.concatenate([[0], np.cumsum([as_integer(size) for size in sizes])]).astype(np.int64)
    if edges[-1] != n:
        raise ValueError(f"chunks of {sizes} do not add up to {n}")
    return np.unique(edges)


def _regular(size: int, n: int) -> npt.NDArray[np.int64]:
    if size < 1:
        raise ValueError(f"a chunk must have a size; got {size}")
    return np.append(np.arange(0, n, size, dtype=np.int64), np.int64(n))


def _together(
    edges: tuple[npt.NDArray[np.int64], ...], itemsize: int
) -> tuple[npt.NDArray[np.int64], ...]:
    """Fewer edges along the last two axes, so that pieces are large enough to be worthwhile."""
    out = list(edges)
    for axis in range(len(out) - 1, max(-1, len(out) - 3), -1):
        size = math.prod(float(np.diff(e).mean()) for e in out) * itemsize
        times = max(1, round(_LEAST / size))
        out[axis] = np.append(out[axis][:-1][::times], out[axis][-1])
    return tuple(out)

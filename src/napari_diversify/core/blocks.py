"""Regions of an array: where a result lies, and what it needs around it.

A :data:`Region` is one ``range`` per axis. Everything that computes only a part
of a volume speaks in regions: an index becomes a region, a window asks for the
region around it, borders are reflected, and big regions are worked on in slabs
by one small pool of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from operator import index as as_integer
from threading import local
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from .priority import give_way, niceness

Region: TypeAlias = tuple[range, ...]
T = TypeVar("T")

# Below this many voxels, handing work to a thread costs more than it saves.
_SERIAL = 1 << 15


def spatial_ndim_of(ndim: int, given: int | None = None) -> int:
    """How many of the last axes of an array are space: as given, else three, or two of a plane."""
    return given or min(ndim, 3)


def whole(shape: Sequence[int]) -> Region:
    """The region that covers an array of this shape."""
    return tuple(range(n) for n in shape)


def normalise_index(key: Any, shape: Sequence[int]) -> tuple[Region, tuple[int, ...]]:
    """Turn a basic NumPy index into a region and the axes that it drops.

    Parameters
    ----------
    key : int, slice, Ellipsis or a tuple of them
        As accepted by ``array[key]``: negative numbers, NumPy integers, steps
        of either sign and short tuples included.
    shape : sequence of int
        Shape of the indexed array.

    Returns
    -------
    region : tuple of range
        One range per axis of ``shape``; an integer becomes a range of length 1.
    dropped : tuple of int
        Axes that were indexed by an integer, which NumPy leaves out.

    Raises
    ------
    IndexError
        If the key is out of bounds, too long, or not a basic index.

    Examples
    --------
    >>> normalise_index((-1, slice(None, None, 2)), (10, 6, 4))
    ((range(9, 10), range(0, 6, 2), range(0, 4)), (0,))
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    gaps = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(gaps) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    missing = len(shape) - (len(parts) - len(gaps))
    if missing < 0:
        raise IndexError(f"too many indices: the array has {len(shape)} axes, got {len(parts)}")
    at = gaps[0] if gaps else len(parts)
    parts[at : at + len(gaps)] = [slice(None)] * missing
    region: list[range] = []
    dropped: list[int] = []
    for axis, (part, n) in enumerate(zip(parts, shape, strict=True)):
        if isinstance(part, slice):
            region.append(range(*part.indices(n)))
            continue
        try:
            if isinstance(part, (bool, np.bool_)):
                raise TypeError
            i = as_integer(part)
        except TypeError:
            raise IndexError(
                "only integers, slices and '...' are accepted as an index; "
                f"got {type(part).__name__} on axis {axis}"
            ) from None
        if not -n <= i < n:
            raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
        region.append(range(i % n, i % n + 1))
        dropped.append(axis)
    return tuple(region), tuple(dropped)


def region_shape(region: Region) -> tuple[int, ...]:
    """Number of positions along each axis of a region."""
    return tuple(len(r) for r in region)


def span(positions: range) -> range:
    """The gapless ascending range that covers all of ``positions``."""
    if not positions:
        return range(0)
    first, last = sorted((positions[0], positions[-1]))
    return range(first, last + 1)


def with_context(positions: range, radius: int, n: int) -> range:
    """``positions`` (without gaps) and ``radius`` neighbours on each side, inside 0..n."""
    return range(max(positions.start - radius, 0), min(positions.stop + radius, n))


def slices(region: Region, origin: Region | None = None) -> tuple[slice, ...]:
    """Slices that cut ``region`` (ascending) out of an array that starts at ``origin``."""
    starts = [0] * len(region) if origin is None else [r.start for r in origin]
    return tuple(
        slice(r.start - o, max(r.stop - o, 0), r.step) for r, o in zip(region, starts, strict=True)
    )


def reflected(
    positions: range, radius: int, n: int, start: int = 0
) -> tuple[npt.NDArray[np.int64], tuple[int, int]]:
    """Where ``positions`` (without gaps) and ``radius`` around them lie, along an axis of length n.

    Beyond the array's border the edge voxel is repeated (d c b a | a b c d | d c b a), as
    ``mode="reflect"`` of scipy.ndimage does, as often as it takes.

    Returns
    -------
    places : ndarray of int64, shape (len(positions) + 2 * radius,)
        Counted from ``start``, where the block begins that holds them.
    inner : (int, int)
        First and one after the last of these that lie inside the array, and follow each other.
    """
    first, last = positions.start - radius, positions.stop + radius
    mirrored = np.arange(first, last) % (2 * n)
    places = np.minimum(mirrored, 2 * n - 1 - mirrored) - start
    return places, (max(-first, 0), min(last, n) - first)


class _Threads(local):
    """How many threads the work of a thread may be spread over, None without a limit."""

    most: int | None = None


_threads = _Threads()


def spread_over(most: int | None) -> int | None:
    """Let the work of this thread be spread over at most so many; return how many it was.

    For who is one of several that keep the cores busy together.
    """
    before, _threads.most = _threads.most, most
    return before


def workers() -> int:
    """Number of threads that numerical work is spread over: the cores we may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


@lru_cache(maxsize=4)
def _pool(process_id: int, nice: int) -> ThreadPoolExecutor:
    """One pool per process, as threads do not survive a fork, and per priority of the caller."""
    name = f"diversify-{process_id}"
    return ThreadPoolExecutor(workers(), name, initializer=give_way, initargs=(nice,))


def exhaust(pieces: Generator[object, None, T]) -> T:
    """Run a generator that reports its progress to the end, and return its value."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            value: T = end.value
            return value


def in_slabs(function: Callable[[slice], object], length: int, voxels: int) -> None:
    """Call ``function`` with slices that together cover ``range(length)``, in threads.

    Only for functions that each write their own part of an output, and whose
    result does not depend on where a slab starts.
    """
    n = min(workers(), _threads.most or length, length) if voxels >= _SERIAL else 1
    if n <= 1:
        function(slice(0, length))
        return
    edges = [length * i // n for i in range(n + 1)]
    parts = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    pool = _pool(os.getpid(), niceness())
    futures = [pool.submit(function, part) for part in parts[1:]]
    function(parts[0])
    for future in futures:
        future.result()

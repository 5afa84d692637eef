"""The array behind lazy ones, which may be slow to read: read by whole chunks, once, and kept.

Who reads a plane of a Zarr array has its chunks decoded, neighbouring planes and all, and for the
next plane again. Here they are kept, in bounded memory, for all who look at the same array; and
it can be asked what is at hand, so that a window need never wait for a disk.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Generator, Iterator
from functools import cached_property
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from psutil import virtual_memory

from ...core.blocks import Region, exhaust, normalise_index, region_shape, slices, span
from ...core.computed import Computed
from .cache import Cache
from .pieces import At, Box, Grid, grid_of, places

#: Share of the free memory that is taken for chunks, the least and the most of it.
_SHARE, _LEAST, _MOST = 8, 64 << 20, 512 << 20
# what is read once from end to end is kept only as long as the next read may share it
_PASSING = 64 << 20
# planes, of an array without chunks, are kept if no more than so many times what is wanted of them
_WASTE = 64


class Source(Computed):
    """An array as it is read by all who look at it.

    Make it with :meth:`of`: all who ask for the same array get the same one. Safe to be
    read from several threads; of an array that is not in memory, one reads at a time.

    Attributes
    ----------
    array : array-like
        As it was given.
    edition : object
        Another one after each :meth:`edited`. What was computed of the array is kept under it.
    in_memory : bool
        Whether reading is nothing but looking.
    """

    _known: ClassVar[weakref.WeakValueDictionary[int, Source]] = weakref.WeakValueDictionary()
    _guard: ClassVar[Lock] = Lock()

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape = tuple(int(n) for n in array.shape)
        self.dtype = np.dtype(array.dtype)
        self.edition: object = object()
        self.in_memory = in_memory(array)
        self._reading = Lock()

    @classmethod
    def of(cls, array: Any) -> Source:
        """The source of this array, the same for all who ask."""
        array = unwrapped(array)
        if isinstance(array, Source):
            return array
        if not hasattr(array, "dtype"):
            array = np.asarray(array)
        with cls._guard:
            known = cls._known.get(id(array))
            if known is None or known.array is not array:
                known = cls._known[id(array)] = cls(array)
            return known

    @cached_property
    def _grid(self) -> Grid:
        return grid_of(self.array)

    @property
    def chunks(self) -> Any:
        """As of the array; None if it has none."""
        return getattr(self.array, "chunks", None)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        if self.in_memory:
            return np.asarray(self.array[key])
        return self._get(key, _chunks())

    def streamed(self) -> Computed:
        """The same array for who reads it once from end to end: what is kept stays kept."""
        fits = self.in_memory or self.nbytes <= _chunks().budget // 2
        return self if fits else _Streamed(self)

    def at_hand(self, region: Region) -> bool:
        """Whether a gapless region can be had without reading."""
        if self.in_memory:
            return True
        if not self._worth_keeping(region):
            return False
        cache, edition = _chunks(), self.edition
        return all(cache.find((edition, at)) is not None for at in self._grid.pieces(region))

    def reading(self, region: Region) -> Generator[tuple[int, int], None, None]:
        """Read what is missing of a gapless region, and keep it; yield (reads done, reads)."""
        if not self.in_memory and self._worth_keeping(region):
            yield from self._fetching(region, _chunks(), None)

    def edited(self) -> None:
        """Forget what was read, because somebody has changed the array in place."""
        before, self.edition = self.edition, object()
        _chunks().drop(before)

    def __deepcopy__(self, memo: dict[int, Any]) -> Source:
        return self

    def __del__(self) -> None:
        if _CHUNKS:
            _CHUNKS[0].drop(self.edition)

    # ---- reading ----

    def _get(self, key: Any, cache: Cache) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        whole = tuple(span(r) for r in region)
        if 0 in region_shape(region):
            return np.empty(region_shape(region), self.dtype).squeeze(dropped)
        if self._worth_keeping(whole):
            values = np.empty(region_shape(whole), self.dtype)
            exhaust(self._fetching(whole, cache, values))
        else:
            with self._reading:
                values = np.array(self.array[slices(whole)])
        return values[tuple(slice(None, None, r.step) for r in region)].squeeze(dropped)

    def _worth_keeping(self, region: Region) -> bool:
        """Whether the pieces that a region lies in fit, and are not mostly something else."""
        size = self._grid.bytes_of(region)
        wanted = int(np.prod(region_shape(region), dtype=np.int64)) * self.dtype.itemsize
        return size <= _chunks().budget // 2 and (self._grid.given or size <= _WASTE * wanted)

    def _fetching(
        self, region: Region, cache: Cache, out: npt.NDArray[Any] | None
    ) -> Generator[tuple[int, int], None, None]:
        """Read the pieces that are kept nowhere, and fill ``out``; yield (reads done, reads)."""
        edition, kept, missing = self.edition, _chunks(), []
        for at in self._grid.pieces(region):
            block = kept.find((edition, at))
            if block is None:
                missing.append(at)
            elif out is not None:
                self._paste(out, region, at, block)
        boxes = list(self._grid.boxes(missing))
        for n, box in enumerate(boxes):
            yield n, len(boxes)
            for at, block in self._pieces_of(box, (edition, cache)).items():
                if out is not None:
                    self._paste(out, region, at, block)

    def _pieces_of(self, box: Box, kept: tuple[object, Cache]) -> dict[At, npt.NDArray[Any]]:
        """The pieces of a box: read, unless another thread has done so meanwhile."""
        edition, cache = kept
        with self._reading:
            blocks = {at: cache.find((edition, at)) for at in places(box)}
            if any(block is None for block in blocks.values()):
                region = self._grid.region(box)
                values = np.asarray(self.array[slices(region)])
                for at in blocks:
                    # a copy: of a view, all that was read would stay in memory with it
                    blocks[at] = np.array(values[slices(self._grid.piece(at), region)])
                    cache.keep((edition, at), blocks[at])
        return blocks

    def _paste(
        self, out: npt.NDArray[Any], region: Region, at: At, block: npt.NDArray[Any]
    ) -> None:
        piece = self._grid.piece(at)
        both = tuple(
            range(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(piece, region, strict=True)
        )
        out[slices(both, region)] = block[slices(both, piece)]


class _Streamed(Computed):
    """A source that keeps only what the next read may share."""

    def __init__(self, source: Source) -> None:
        self.shape, self.dtype = source.shape, source.dtype
        self._source, self._cache = source, Cache(_PASSING)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return self._source._get(key, self._cache)


_CHUNKS: list[Cache] = []  # one, made when first needed


def _chunks() -> Cache:
    """What was read of all arrays that are not in memory."""
    if not _CHUNKS:
        budget = min(_MOST, max(_LEAST, virtual_memory().available // _SHARE))
        _CHUNKS.append(Cache(budget))
    return _CHUNKS[0]


def unwrapped(array: Any) -> Any:
    """An array of ours as it is: napari hands it to plugins wrapped, as it does its own objects."""
    return getattr(array, "__wrapped__", array)


def original(array: Any) -> Any:
    """The array itself, behind the source that reads it and any wrapping."""
    array = unwrapped(array)
    return array.array if isinstance(array, Source) else array


def streamed(array: Any) -> Any:
    """An array to be read once from end to end, without driving out what is kept of it."""
    return array.streamed() if isinstance(array, Source) else array


def fetching(array: Any, region: Region) -> Iterator[tuple[int, int]]:
    """Read a gapless region ahead of those who will ask for it; yield (reads done, reads)."""
    if isinstance(array, Source):
        yield from array.reading(region)


def in_memory(array: Any) -> bool:
    """Whether an array is a NumPy array whose voxels are in memory, not in a file mapped to it."""
    if not isinstance(array, np.ndarray):
        return False
    owner: Any = array
    while owner is not None:
        if isinstance(owner, (np.memmap, mmap.mmap)):
            return False
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    return True

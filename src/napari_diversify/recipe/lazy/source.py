"""The array behind lazy ones, which may be slow to read: whole chunks are read once and cached.

Reading a plane of a Zarr array decodes its chunks with all their neighbouring planes, and reading
the next plane decodes them again. Here they are cached, in bounded memory, for everyone who reads
the same array; and one can ask what is cached, so that a window need never wait for a disk.
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

#: Chunks may take 1/8 of the free memory, but at least and at most so many bytes.
_SHARE, _LEAST, _MOST = 8, 64 << 20, 512 << 20
# what is read once from end to end is cached only while the next read may need it
_PASSING = 64 << 20
# planes of an array without chunks are cached if they are at most this many times what is needed
_WASTE = 64


class Source(Computed):
    """An array with its cache, shared by everyone who reads it.

    Make it with :meth:`of`, which returns the same source for the same array. It can be read
    from several threads; unless the array is in memory, they read one at a time.

    Attributes
    ----------
    array : array-like
        The array as it was given.
    edition : object
        A new one after each :meth:`edited`: part of the keys of all that is cached of the array.
    in_memory : bool
        Whether the voxels are in memory, so that nothing has to be read.
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
        """The source of this array, always the same one."""
        array = unwrapped(array)
        if isinstance(array, Source):
            return array
        if not hasattr(array, "dtype"):
            array = np.asarray(array)
        with cls._guard:
            source = cls._known.get(id(array))
            if source is None or source.array is not array:
                source = cls._known[id(array)] = cls(array)
            return source

    @cached_property
    def _grid(self) -> Grid:
        return grid_of(self.array)

    @property
    def chunks(self) -> Any:
        """Those of the array; None if it has none."""
        return getattr(self.array, "chunks", None)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        if self.in_memory:
            return np.asarray(self.array[key])
        return self._get(key, _chunks())

    def streamed(self) -> Computed:
        """The same array for reading it once from end to end, which leaves the cache alone."""
        fits = self.in_memory or self.nbytes <= _chunks().budget // 2
        return self if fits else _Streamed(self)

    def at_hand(self, region: Region) -> bool:
        """Whether a gapless region is in memory or cached."""
        if self.in_memory:
            return True
        if not self._worth_keeping(region):
            return False
        cache, edition = _chunks(), self.edition
        return all(cache.find((edition, at)) is not None for at in self._grid.pieces(region))

    def reading(self, region: Region) -> Generator[tuple[int, int], None, None]:
        """Read what is missing of a gapless region into the cache; yield (reads done, reads)."""
        if not self.in_memory and self._worth_keeping(region):
            yield from self._fetching(region, _chunks(), None)

    def edited(self) -> None:
        """Forget what was read, because the array has been changed in place."""
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
        """Whether the pieces that a region lies in fit the cache, and are mostly needed."""
        size = self._grid.bytes_of(region)
        wanted = int(np.prod(region_shape(region), dtype=np.int64)) * self.dtype.itemsize
        return size <= _chunks().budget // 2 and (self._grid.given or size <= _WASTE * wanted)

    def _fetching(
        self, region: Region, cache: Cache, out: npt.NDArray[Any] | None
    ) -> Generator[tuple[int, int], None, None]:
        """Read the pieces that are not cached, and fill ``out``; yield (reads done, reads)."""
        edition, chunks, missing = self.edition, _chunks(), []
        for at in self._grid.pieces(region):
            block = chunks.find((edition, at))
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

    def _pieces_of(self, box: Box, where: tuple[object, Cache]) -> dict[At, npt.NDArray[Any]]:
        """The pieces of a box, read unless another thread has read them meanwhile."""
        edition, cache = where
        with self._reading:
            blocks = {at: cache.find((edition, at)) for at in places(box)}
            if any(block is None for block in blocks.values()):
                region = self._grid.region(box)
                values = np.asarray(self.array[slices(region)])
                for at in blocks:
                    # a copy: a view would keep everything that was read in memory
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
    """A source that caches only what the next read may need again."""

    def __init__(self, source: Source) -> None:
        self.shape, self.dtype = source.shape, source.dtype
        self._source, self._cache = source, Cache(_PASSING)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return self._source._get(key, self._cache)


_CHUNKS: list[Cache] = []  # one, made when first needed


def _chunks() -> Cache:
    """The cache of all arrays that are not in memory."""
    if not _CHUNKS:
        budget = min(_MOST, max(_LEAST, virtual_memory().available // _SHARE))
        _CHUNKS.append(Cache(budget))
    return _CHUNKS[0]


def unwrapped(array: Any) -> Any:
    """An array of ours without the wrapper in which napari hands objects to plugins."""
    return getattr(array, "__wrapped__", array)


def original(array: Any) -> Any:
    """The array itself, behind the source that reads it and any wrapping."""
    array = unwrapped(array)
    return array.array if isinstance(array, Source) else array


def streamed(array: Any) -> Any:
    """An array to be read once from end to end, without driving out what is cached of it."""
    return array.streamed() if isinstance(array, Source) else array


def fetching(array: Any, region: Region) -> Iterator[tuple[int, int]]:
    """Read a gapless region before it is needed; yield (reads done, reads)."""
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

"""Arrays that are computed where they are indexed.

A viewer that shows one plane pays for one plane, whatever the size of the volume
behind it, and every voxel is the same to the last bit in whichever region it is
computed.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Callable, Generator, Hashable, Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...core.blocks import (
    Region,
    normalise_index,
    region_shape,
    slices,
    span,
    spatial_ndim_of,
    whole,
)
from .cache import Cache, CachedOnly, NotCached
from .source import Source, fetching
from .viewable import Look, Viewable

# Voxels computed at once in a large region; bounds the temporary memory.
_SLAB = 1 << 22
_DEEP, _LEAST_ROWS = 32, 16
#: Most bytes held for views that may be asked for next.
_HELD = 1 << 29


class LazyArray(Viewable):
    """An array over a source array, computed region by region.

    Subclasses implement how one gapless region of one image is computed
    (:meth:`_image`); images are the last ``spatial_ndim`` axes of the source.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    spatial_ndim: int
    #: All that a result depends on besides the source; immutable, swapped as one reference.
    _state: Any
    #: Whether values are grey levels like those of the source.
    like_source: ClassVar[bool] = True
    #: What one access leaves for the next ones.
    _cache: Cache | None = None
    #: A region computed by :meth:`prefetch`, with the parameters and the source it belongs to.
    _held: tuple[Look, Region, npt.NDArray[Any]] | None = None

    def __init__(self, source: Any, spatial_ndim: int | None) -> None:
        self.source = source if hasattr(source, "dtype") else np.asarray(source)
        self._of = Source.of(self.source)  # which knows its edition
        self.shape = tuple(int(n) for n in self.source.shape)
        self.dtype = check_source(self.source)
        self.spatial_ndim = self._space_of(spatial_ndim)
        if self.spatial_ndim > self.ndim:
            raise ValueError(
                f"the image has {self.ndim} axes, but the recipe takes the last "
                f"{self.spatial_ndim} as space"
            )
        if self.spatial_ndim not in (2, 3):
            raise ValueError(f"spatial_ndim must be 2 or 3; got {spatial_ndim!r}")

    def _space_of(self, given: int | None) -> int:
        return spatial_ndim_of(self.ndim, given)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        if (values := self._prefetched(region)) is not None:
            return values.copy().squeeze(dropped)
        compute = self._reader(self._now(), self._cache)
        out = None
        for part, place in self._parts(region):
            block = compute(tuple(span(r) for r in part))
            if any(r.step != 1 for r in part):
                block = block[tuple(slice(None, None, r.step) for r in part)]
            if block.shape == region_shape(region):
                out = block  # all in one piece, as for every plane
            else:
                out = np.empty(region_shape(region), self.dtype) if out is None else out
                out[place] = block
        if out is None:
            out = np.empty(region_shape(region), self.dtype)
        return out.squeeze(dropped)

    def _whole(self) -> npt.NDArray[Any]:
        out = np.empty(self.shape, self.dtype)
        for place, block in self.slabs():
            out[place] = block
        return out

    def read(self, region: Region) -> npt.NDArray[Any]:
        """Compute a gapless region, piece by piece; nothing is kept."""
        compute = self._reader(self._now(), None)
        parts = list(self._parts(region))
        if len(parts) == 1:
            return compute(parts[0][0])
        out = np.empty(region_shape(region), self.dtype)
        for part, place in parts:
            out[place] = compute(part)
        return out

    def slabs(self) -> Iterator[tuple[tuple[slice, ...], npt.NDArray[Any]]]:
        """Yield (where, values) until the whole array is covered; nothing is kept."""
        compute = self._reader(self._now(), None)
        for part, place in self._parts(whole(self.shape)):
            yield place, compute(part)

    def slab_count(self) -> int:
        """Number of pieces that :meth:`slabs` yields."""
        return sum(1 for _ in self._parts(whole(self.shape)))

    def computing(
        self, key: Any, *, ahead: bool = False
    ) -> Generator[tuple[int, int], None, tuple[Region, npt.NDArray[Any]]]:
        """Compute ``self[key]`` piece by piece; see :meth:`.Viewable.computing`.

        A view across planes that are computed whole gives them all, if they fit.
        """
        region = tuple(span(r) for r in normalise_index(key, self.shape)[0])
        state = self._now()
        yield from self._preparing(state, region)
        region = self._as_cheap(region)
        yield from fetching(self.source, self._needed(state, region))
        parts = list(self._parts(region))
        cache = self._cache if len(parts) == 1 else None
        compute = self._reader(state, cache.ahead if cache is not None and ahead else cache)
        out = None
        for done, (part, place) in enumerate(parts):
            yield done, len(parts)
            if len(parts) == 1:
                out = compute(part)
            else:
                out = np.empty(region_shape(region), self.dtype) if out is None else out
                out[place] = compute(part)
        if out is None:
            out = np.empty(region_shape(region), self.dtype)
        yield len(parts), len(parts)
        return region, out

    def prefetch(self, key: Any) -> Generator[tuple[int, int], None, None]:
        """Compute ``self[key]`` piece by piece and hold it; yield (pieces done, pieces).

        It is held until the parameters change or another part is prefetched.
        """
        look = self.look
        self._held = (look, *(yield from self.computing(key)))

    def quick(self, key: Any) -> npt.NDArray[Any] | None:
        """``self[key]`` if σ, noise and coefficients are cached; else None."""
        region = tuple(span(r) for r in normalise_index(key, self.shape)[0])
        if self._cache is None or len(list(self._parts(region))) != 1:
            return None
        try:
            return self._reader(self._now(), CachedOnly(self._cache))(region)
        except NotCached:
            return None

    def stand_in(self, key: Any) -> npt.NDArray[Any] | None:
        """The source's own values at ``key`` in place of ours, if they are alike and at hand."""
        region = tuple(span(r) for r in normalise_index(key, self.shape)[0])
        if not self.like_source or not self._of.at_hand(region):
            return None
        return np.asarray(self._of[as_index(region)], self.dtype)

    def prepare(self) -> Generator[tuple[int, int], None, None]:
        """Compute from the whole source what every part needs; yield (pieces done, pieces).

        Optional: after it, the first access takes no longer than any other.
        """
        yield from self._preparing(self._now(), whole(self.shape))

    def _preparing(self, state: Any, region: Region) -> Generator[tuple[int, int], None, None]:
        """Prepare what every part of a region needs; yield (pieces done, pieces)."""
        yield from ()

    def holds(self, key: Any) -> bool:
        """Whether ``self[key]`` is at hand from a :meth:`prefetch` with today's parameters."""
        return self._prefetched(normalise_index(key, self.shape)[0]) is not None

    def _prefetched(self, region: Region) -> npt.NDArray[Any] | None:
        """The values of a region, if all of it has been prefetched."""
        held = self._held
        if held is None or not held[0].same_as(self.look) or not contains(held[1], region):
            return None
        values = held[2][slices(tuple(span(r) for r in region), held[1])]
        return values[tuple(slice(None, None, r.step) for r in region)]

    @property
    def look(self) -> Look:
        """All that the values depend on at this moment."""
        return Look(self._state, self._of.edition)

    @property
    def edition(self) -> object:
        """That of the source: a new one whenever it has been edited."""
        return self._of.edition

    @property
    def in_memory(self) -> bool:
        """Whether the source is in memory, so that nothing has to be read."""
        return self._of.in_memory

    @property
    def kind_of_work(self) -> Hashable:
        """The kind of array, and how its voxels are stored."""
        return type(self), self._of.dtype, self.dtype, self.spatial_ndim, self.in_memory

    def _now(self) -> Any:
        """The parameters for one access, which uses them to its end whatever is set meanwhile."""
        return self._state

    def _needed(self, state: Any, region: Region) -> Region:
        """The part of the source that a region is computed from."""
        return region

    def _as_cheap(self, region: Region) -> Region:
        """The whole volume in which a region lies, if it is no more work and fits; else itself."""
        n = self.spatial_ndim
        volume = (*region[:-n], *whole(self.shape[-n:]))
        fits = math.prod(region_shape(volume)) * self.dtype.itemsize <= _HELD
        if fits and self.work(as_index(volume)) <= self.work(as_index(region)):
            return volume
        return region

    def same_as(self, other: LazyArray) -> bool:
        """Whether both show the same of the same source."""
        return self.source is other.source and self._state is other._state

    def source_edited(self) -> None:
        """Say that the source array has been changed in place, to all arrays on top of it."""
        self._of.edited()
        self.look_again()

    def look_again(self) -> None:
        """Take note that the source was edited: forget values, and compare as a new array."""
        self._state = copy.copy(self._state)
        self._held = None

    def __copy__(self) -> LazyArray:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)  # the source is shared, and so is a cache
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyArray:
        return self.__copy__()

    def _parts(self, region: Region) -> Iterator[tuple[Region, tuple[slice, ...]]]:
        """Cut a region into pieces of one image each, with their places in the output."""
        lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
        if not all(len(r) for r in region):
            return
        width = max(1, len(space[-1]))
        outer = space[0] if len(space) == 3 else range(1)
        if self._by_planes:
            rows = len(space[-2])
            deep = max(1, _SLAB // (rows * width))
        else:
            # a block that is long in all directions needs the least context around it
            deep = min(len(outer), _DEEP, max(1, _SLAB // (_LEAST_ROWS * width)))
            rows = min(len(space[-2]), max(_LEAST_ROWS, _SLAB // (deep * width)))
        # planes picked with gaps go one by one: nothing between them is computed
        depth = 1 if abs(outer.step) > 1 else deep
        for index in np.ndindex(*region_shape(lead)):
            here = tuple(range(r[i], r[i] + 1) for r, i in zip(lead, index, strict=True))
            where = tuple(slice(i, i + 1) for i in index)
            for start in range(0, len(outer), depth):
                zs = slice(start, min(start + depth, len(outer)))
                for first in range(0, len(space[-2]), rows):
                    ys = slice(first, min(first + rows, len(space[-2])))
                    inner: Region = (space[-2][ys], space[-1])
                    place: tuple[slice, ...] = (ys, slice(None))
                    if len(space) == 3:
                        inner, place = (outer[zs], *inner), (zs, *place)
                    yield (*here, *inner), (*where, *place)

    def _of_source(self, region: Region, cache: Cache | CachedOnly | None) -> npt.NDArray[Any]:
        """The source's own values in a gapless region."""
        if isinstance(cache, CachedOnly) and not self._of.at_hand(region):
            raise NotCached
        return np.asarray(self.source[slices(region)])

    @property
    def _by_planes(self) -> bool:
        """Whether parts of a plane cost as much as all of it."""
        return False

    @abstractmethod
    def _reader(
        self, state: Any, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        """A function that computes gapless regions with the parameters in ``state``.

        It uses what earlier calls left in ``cache``, and leaves the same for later ones;
        without a cache, nothing of the source is kept either.
        """


def contains(outer: Region, region: Region) -> bool:
    """Whether a gapless region covers all of another one."""
    spans = [span(r) for r in region]
    return all(s.start >= o.start and s.stop <= o.stop for s, o in zip(spans, outer, strict=True))


def as_index(region: Region) -> tuple[slice, ...]:
    """Slices that select a gapless region."""
    return tuple(slice(r.start, r.stop) for r in region)


def check_source(source: Any) -> np.dtype[Any]:
    """The native dtype of a source array; raise, saying why, if it cannot be one."""
    shape = tuple(source.shape)
    dtype: np.dtype[Any] = np.dtype(source.dtype)
    native: np.dtype[Any] = dtype.newbyteorder("=")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise TypeError(
            "an image must hold integers or floating-point numbers of up to 64 bits; "
            f"got dtype {dtype}. Convert it first, e.g. image.astype('float32')"
        )
    if len(shape) < 2:
        raise ValueError(f"an image needs two axes or more; its shape is {shape}")
    if 0 in shape:
        raise ValueError(f"the image is empty: its shape is {shape}")
    return native

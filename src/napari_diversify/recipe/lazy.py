"""Arrays that are computed where they are looked at.

A viewer that asks for one plane pays for one plane, whatever the size of the
volume behind it, and every voxel is the same to the last bit whichever way it
is asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.blocks import (
    Region,
    normalise_index,
    region_shape,
    slices,
    span,
    whole,
)
from ..core.local_std import (
    PerAxis,
    check_per_axis,
    local_std_region,
    source_region,
)
from ..core.noise import check_count
from .cache import Cache
from .intensity import exact_range, from_unit, to_unit
from .recipe import Recipe
from .steps import Place, Unit

# Voxels computed at once when much is asked for; bounds the temporary memory.
_SLAB = 1 << 23


class LazyArray(ABC):
    """An array over a source array, computed region by region.

    Subclasses say how one gapless region of one image is computed
    (:meth:`_image`); images are the last ``spatial_ndim`` axes of the source.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    spatial_ndim: int
    #: All that a result depends on besides the source; immutable, swapped as one reference.
    _state: Any
    #: A region computed ahead by :meth:`prefetch`, with the state it belongs to.
    _held: tuple[Any, Region, npt.NDArray[Any]] | None = None

    def __init__(self, source: Any, spatial_ndim: int | None) -> None:
        self.source = source if hasattr(source, "dtype") else np.asarray(source)
        self.shape = tuple(int(n) for n in self.source.shape)
        self.dtype = check_source(self.source)
        self.spatial_ndim = spatial_ndim or min(self.ndim, 3)
        if self.spatial_ndim > self.ndim:
            raise ValueError(
                f"the image has {self.ndim} axes, but the recipe takes the last "
                f"{self.spatial_ndim} as space"
            )

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes that the whole array would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.shape} {self.dtype}>"

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        held = self._held
        if held is not None and held[0] is self._state and held[1] == region:
            return held[2].copy().squeeze(dropped)
        compute = self._reader(remember=True)
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

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError(f"{type(self).__name__} is computed: it cannot be had without a copy")
        out = np.empty(self.shape, self.dtype)
        for place, block in self.slabs():
            out[place] = block
        return out if dtype is None else out.astype(dtype, copy=False)

    def slabs(self) -> Iterator[tuple[tuple[slice, ...], npt.NDArray[Any]]]:
        """Yield (where, values) until the whole array is covered; nothing is kept."""
        compute = self._reader(remember=False)
        for part, place in self._parts(whole(self.shape)):
            yield place, compute(part)

    def slab_count(self) -> int:
        """Number of pieces that :meth:`slabs` yields."""
        return sum(1 for _ in self._parts(whole(self.shape)))

    def prefetch(self, key: Any) -> Generator[tuple[int, int], None, None]:
        """Compute ``self[key]`` piece by piece and hold it; yield (pieces done, pieces).

        For big views: run it in a thread, stop it between pieces at will. The
        region is held until the parameters change or another one is prefetched.
        """
        region, _ = normalise_index(key, self.shape)
        state, compute = self._state, self._reader(remember=False)
        out = np.empty(region_shape(region), self.dtype)
        parts = list(self._parts(region))
        for n, (part, place) in enumerate(parts):
            yield n, len(parts)
            block = compute(tuple(span(r) for r in part))
            out[place] = block[tuple(slice(None, None, r.step) for r in part)]
        self._held = (state, region, out)
        yield len(parts), len(parts)

    def holds(self, key: Any) -> bool:
        """Whether ``self[key]`` is at hand from a :meth:`prefetch` with today's parameters."""
        region, _ = normalise_index(key, self.shape)
        return self._held is not None and self._held[0] is self._state and self._held[1] == region

    def adopt(self, other: LazyArray) -> None:
        """Take over the parameters of another array of the same source, and what it holds."""
        self._held = other._held  # first: it counts only together with its state
        self._state = other._state

    def source_edited(self) -> None:
        """Forget what was computed, because the source array has been changed in place."""
        self._state = replace(self._state, edition=self._state.edition + 1)
        self._held = None

    def __copy__(self) -> LazyArray:
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)  # the source is shared, and so is a cache
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyArray:
        return self.__copy__()

    def _parts(self, region: Region) -> Iterator[tuple[Region, tuple[slice, ...]]]:
        """Cut a region into pieces of one image each, and say where they go in the output."""
        lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
        if not all(len(r) for r in region):
            return
        plane = len(space[-1]) * len(space[-2])
        outer = space[0] if len(space) == 3 else range(1)
        # planes picked with gaps go one by one: nothing between them is computed
        depth = 1 if abs(outer.step) > 1 else max(1, _SLAB // plane)
        for index in np.ndindex(*region_shape(lead)):
            here = tuple(range(r[i], r[i] + 1) for r, i in zip(lead, index, strict=True))
            where = tuple(slice(i, i + 1) for i in index)
            if len(space) == 2:
                yield (*here, *space), (*where, slice(None), slice(None))
                continue
            for start in range(0, len(outer), depth):
                stop = min(start + depth, len(outer))
                yield (
                    (*here, outer[start:stop], *space[1:]),
                    (*where, slice(start, stop), slice(None), slice(None)),
                )

    @abstractmethod
    def _reader(self, remember: bool) -> Callable[[Region], npt.NDArray[Any]]:
        """A function that computes gapless regions, with the parameters of this moment."""


def check_source(source: Any) -> np.dtype[Any]:
    """The native dtype of a source array, or the reason why it cannot be one."""
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


@dataclass(frozen=True)
class _State:
    """All that a LazyVolume shows depends on, besides its source."""

    recipe: Recipe
    low: float
    high: float
    sample: int
    edition: int = 0


class LazyVolume(LazyArray):
    """A recipe on an array, computed where it is looked at.

    Parameters
    ----------
    array : array-like of int or float, shape (..., [Z,] Y, X)
        NumPy, dask, Zarr or anything with shape, dtype and basic indexing.
    recipe : Recipe
        Without an intensity range, the array's exact minimum and maximum are
        read once, here.
    spacing : sequence of float, optional
        Voxel size per spatial axis, in micrometres.
    sample : int, optional
        Number of the sample, 0 to 2**32 - 1; each has noise of its own.
    cache : Cache, optional
        Where σ and noise of recently visited planes are kept; by default a
        cache of its own of 256 MiB.

    Attributes
    ----------
    shape, dtype, ndim, size
        As of the source array.

    Notes
    -----
    Safe to index from several threads at once, also while :attr:`recipe` is
    being swapped: each access reads it once.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify import LazyVolume, Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> image = np.arange(60.0).reshape(3, 4, 5)
    >>> recipe = Recipe(steps=(Diversify(),), seed=1)
    >>> lazy = LazyVolume(image, recipe)
    >>> bool((lazy[1, ::2] == recipe.apply(image)[1, ::2]).all())
    True
    """

    _state: _State

    def __init__(
        self,
        array: Any,
        recipe: Recipe,
        spacing: Sequence[float] | None = None,
        sample: int = 0,
        *,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(array, recipe.spatial_ndim)
        if spacing is not None:
            spacing = tuple(float(s) for s in spacing)
            if len(spacing) != self.spatial_ndim or not all(
                np.isfinite(s) and s > 0 for s in spacing
            ):
                raise ValueError(
                    f"spacing must be {self.spatial_ndim} positive numbers, one per spatial axis; "
                    f"got {spacing}"
                )
        self.spacing = spacing
        self._cache = Cache() if cache is None else cache
        self._identity = object()  # of the source, in a cache shared with other volumes
        low, high = recipe.intensity_range or exact_range(self.source)
        self._state = _State(recipe, low, high, check_count("sample", sample, 32))

    @property
    def recipe(self) -> Recipe:
        """What is done; assign another to change what is shown from now on."""
        return self._state.recipe

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        if (recipe.spatial_ndim or min(self.ndim, 3)) != self.spatial_ndim:
            raise ValueError(
                f"this volume takes its last {self.spatial_ndim} axes as space; a recipe with "
                f"{recipe.spatial_ndim} needs a LazyVolume of its own"
            )
        low, high = recipe.intensity_range or (
            (self._state.low, self._state.high)
            if self._state.recipe.intensity_range is None
            else exact_range(self.source)
        )
        self._state = replace(self._state, recipe=recipe, low=low, high=high)

    @property
    def sample(self) -> int:
        """Number of the sample shown."""
        return self._state.sample

    @sample.setter
    def sample(self, sample: int) -> None:
        self._state = replace(self._state, sample=check_count("sample", sample, 32))

    @property
    def intensity_range(self) -> tuple[float, float]:
        """Grey levels that are mapped to 0 and 1."""
        return self._state.low, self._state.high

    def source_edited(self) -> None:
        """Forget what was computed, because the source array has been changed in place."""
        super().source_edited()
        self._cache.clear()

    def _reader(self, remember: bool) -> Callable[[Region], npt.NDArray[Any]]:
        state = self._state
        steps = state.recipe.steps
        cache = self._cache if remember else None

        def upto(n: int, lead: Region, region: Region) -> Unit:
            """The result of the first ``n`` steps in ``region``, mapped to [0, 1]."""
            if n == 0:
                block = np.asarray(self.source[slices((*lead, *region))])
                return to_unit(block.reshape(region_shape(region)), state.low, state.high)
            step, before = steps[n - 1], steps[: n - 1]
            index = tuple(r.start for r in lead)
            origin = (
                self._identity,
                state.edition,
                state.low,
                state.high,
                before,
                n,
                index,
                region,
            )

            def kept(key: Hashable, function: Callable[[], Any]) -> Any:
                return function() if cache is None else cache.get((origin, key), function)

            place = Place(
                region=region,
                shape=self.shape[-self.spatial_ndim :],
                lead=index,
                array_shape=self.shape,
                spacing=self.spacing,
                seed=state.recipe.seed,
                sample=state.sample,
                stream=step.stream + 256 * sum(s.kind == step.kind for s in before),
                remember=kept,
            )
            return step.compute(lambda needed: upto(n - 1, lead, needed), place)

        def read(region: Region) -> npt.NDArray[Any]:
            lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
            grey = from_unit(upto(len(steps), lead, space), state.low, state.high, self.dtype)
            return grey.reshape(region_shape(region))

        return read


@dataclass(frozen=True)
class _Windows:
    """All that a LazyLocalStd shows depends on, besides its source."""

    window: tuple[int, ...]
    stride: tuple[int, ...]
    edition: int = 0


class LazyLocalStd(LazyArray):
    """The σ map of an array in its own grey levels, computed where it is looked at.

    Equal, bit for bit, to :func:`napari_diversify.core.local_std` of the whole.

    Parameters
    ----------
    array : array-like of int or float, shape (..., [Z,] Y, X)
    window, stride : int or sequence of int, optional
        See :func:`napari_diversify.core.local_std`; of a sequence, the last
        ``spatial_ndim`` numbers count.
    spatial_ndim : 2 or 3, optional
        How many of the last axes are space; by default 3, or 2 for a 2D image.
    """

    _state: _Windows

    def __init__(
        self,
        array: Any,
        window: PerAxis = 5,
        stride: PerAxis = 1,
        spatial_ndim: int | None = None,
    ) -> None:
        super().__init__(array, spatial_ndim)
        self.dtype = np.dtype(np.float32)
        self._state = _Windows((), ())
        self.set_windows(window, stride)

    def set_windows(self, window: PerAxis, stride: PerAxis) -> None:
        """Measure σ in other windows from now on."""
        n = self.spatial_ndim
        self._state = replace(
            self._state,
            window=check_per_axis("window", _last(window, n), n, odd=True),
            stride=check_per_axis("stride", _last(stride, n), n),
        )

    def _reader(self, remember: bool) -> Callable[[Region], npt.NDArray[Any]]:
        shape, state = self.shape[-self.spatial_ndim :], self._state

        def read(region: Region) -> npt.NDArray[Any]:
            lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
            held = source_region(space, shape, state.window, state.stride)
            block = np.asarray(self.source[slices((*lead, *held))]).reshape(region_shape(held))
            sigma = local_std_region(block, held, space, shape, state.window, state.stride)
            return sigma.reshape(region_shape(region))

        return read


def _last(value: PerAxis, n: int) -> PerAxis:
    return tuple(value)[-n:] if isinstance(value, Sequence) else value

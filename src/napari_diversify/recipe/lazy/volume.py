"""A recipe on a volume, computed where it is looked at."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, exhaust, normalise_index, region_shape, slices, span, whole
from ...core.noise import check_count
from ..steps.step import Place, Unit, whole_planes
from .array import LazyArray, contains
from .cache import Cache, CachedOnly, NotCached
from .intensity import changed, exact_range, from_unit, grey_levels, holds_all, to_unit
from .source import streamed

if TYPE_CHECKING:  # Recipe.apply stands on this module, not the other way round
    from ..recipe import Recipe


_PATIENCE = 0.02  # seconds between two checks of whether another thread is ready
_PASSING = 128 << 20  # bytes cached while a whole volume is computed


@dataclass(frozen=True)
class State:
    """Everything that the values of a LazyVolume depend on, besides its source."""

    recipe: Recipe
    low: float
    high: float
    sample: int
    edition: object = None  # of the source, at the time of an access


class LazyVolume(LazyArray):
    """A recipe on an array, computed where it is indexed.

    Parameters
    ----------
    array : array-like of int or float, shape (..., [Z,] Y, X)
        NumPy, dask, Zarr or anything with shape, dtype and basic indexing.
    recipe : Recipe
        Without an intensity range, the array's exact minimum and maximum are
        read, here and after :meth:`source_edited`.
    spacing : sequence of float, optional
        Voxel size per spatial axis, in micrometres.
    sample : int, optional
        Number of the sample, 0 to 2**32 - 1, by default that of the recipe; each
        has noise of its own.
    cache : Cache, optional
        For σ and noise of recently visited planes; by default a cache of its
        own of 256 MiB.

    Attributes
    ----------
    shape, dtype, ndim, size
        Those of the source array.

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

    _state: State
    _cache: Cache

    def __init__(
        self,
        array: Any,
        recipe: Recipe,
        spacing: Sequence[float] | None = None,
        sample: int | None = None,
        *,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(array, recipe.spatial_ndim)
        self._grey = self.dtype  # of the source: some subclasses have values of another dtype
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
        self._check(recipe)
        low, high = recipe.intensity_range or exact_range(self.source)
        self._state = State(
            recipe,
            low,
            high,
            check_count("sample", recipe.sample if sample is None else sample, 32),
        )

    @classmethod
    def like(cls, other: LazyVolume, recipe: Recipe | None = None) -> Self:
        """An array of this kind on the same source: what ``other`` has computed is at hand.

        ``recipe`` is what is done, by default the same; seed and range stay.
        """
        recipe = (recipe or other.recipe).replace(intensity_range=other.intensity_range)
        return cls(other._of, recipe, other.spacing, other.sample, cache=other._cache)

    @property
    def recipe(self) -> Recipe:
        """The recipe; assign another one to change what is shown from now on."""
        return self._state.recipe

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        if self._space_of(recipe.spatial_ndim) != self.spatial_ndim:
            raise ValueError(
                f"this volume takes its last {self.spatial_ndim} axes as space; a recipe with "
                f"{recipe.spatial_ndim} needs a LazyVolume of its own"
            )
        self._check(recipe)
        low, high = recipe.intensity_range or (
            (self._state.low, self._state.high)
            if self._state.recipe.intensity_range is None
            else exact_range(self.source)
        )
        self._state = replace(self._state, recipe=recipe, low=low, high=high)

    def _check(self, recipe: Recipe) -> None:
        for step in recipe.steps:
            step.check(self.shape[-self.spatial_ndim :], self.spacing)

    def work(self, key: Any) -> int:
        """Voxels that all steps together have to compute for ``self[key]``.

        What a preparation has computed for the whole source is left out; what may be cached
        for single planes is not.
        """
        region, _ = normalise_index(key, self.shape)
        lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
        space = tuple(span(r) for r in space)
        shape, state, voxels = self.shape[-self.spatial_ndim :], self._now(), 0
        for n in range(len(state.recipe.steps), 0, -1):
            step = state.recipe.steps[n - 1]
            names = step.preparations(shape)
            if names and self._all_prepared(state, n, lead):  # its source is not needed any more
                voxels += math.prod(region_shape(whole_planes(space, shape)))
                break
            voxels += math.prod(region_shape(step.computed_region(space, shape)))
            space = step.source_region(space, shape)
        return voxels * math.prod(region_shape(lead))

    @property
    def _by_planes(self) -> bool:
        shape = self.shape[-self.spatial_ndim :]
        voxel = tuple(range(1) for _ in shape)
        return any(
            len(step.computed_region(voxel, shape)[-2]) == shape[-2] > 1
            for step in self._state.recipe.steps
        )

    def _origin(self, state: State, n: int, index: tuple[int, ...]) -> Hashable:
        """Everything that the source of step ``n`` of the image ``index`` depends on."""
        before = state.recipe.steps[: n - 1]
        drawn = (state.recipe.seed, state.sample) if before else None  # noise in the source
        kind = state.recipe.steps[n - 1].kind
        return (
            *(state.edition, self.spacing, self.spatial_ndim, state.low, state.high),
            *(self._exact(state), before, drawn, index, kind),
        )

    def _prepared(self, state: State, n: int, index: tuple[int, ...]) -> Any:
        """What step ``n`` needs from the whole image ``index``, if it is cached."""
        origin = self._origin(state, n, index)
        names = state.recipe.steps[n - 1].preparations(self.shape[-self.spatial_ndim :])
        values = (self._cache.find((origin, name)) for name in names)
        return next((value for value in values if value is not None), None)

    def _all_prepared(self, state: State, n: int, lead: Region) -> bool:
        """Whether step ``n`` is prepared for all of these images."""
        return all(self._prepared(state, n, i) is not None for i in itertools.product(*lead))

    def _prepare(self, state: State, n: int, place: Place) -> Generator[tuple[int, int], None, Any]:
        """Compute what step ``n`` needs from the whole image at ``place``, and cache it."""
        step = state.recipe.steps[n - 1]
        value = yield from step.prepare(place)
        name = step.preparations(place.shape)[0]
        self._cache.keep((self._origin(state, n, place.lead), name), value)
        return value

    def _preparing(self, state: State, region: Region) -> Generator[tuple[int, int], None, None]:
        n = self._unprepared(state, region)
        lead = region[: -self.spatial_ndim]
        # several images are prepared one by one when needed: they may not all fit the cache
        if n and math.prod(region_shape(lead)) == 1:
            place = self._steps(state, None).at(n, lead, whole(self.shape[-self.spatial_ndim :]))
            key = self._origin(state, n, place.lead)
            while not self._cache.claim(key):  # another view is computing it
                time.sleep(_PATIENCE)
                yield 0, 1
            try:
                if self._prepared(state, n, place.lead) is None:
                    yield from self._prepare(state, n, place)
            finally:
                self._cache.release(key)

    def _unprepared(self, state: State, region: Region) -> int:
        """Number of the last step that has to prepare for a region, or 0."""
        lead = region[: -self.spatial_ndim]
        for n in range(len(state.recipe.steps), 0, -1):
            if state.recipe.steps[n - 1].preparations(self.shape[-self.spatial_ndim :]):
                # a prepared step does not run the steps before it
                return 0 if self._all_prepared(state, n, lead) else n
        return 0

    def prepared(self, key: Any) -> bool:
        """Whether everything that ``self[key]`` needs from the whole source is cached."""
        return self._unprepared(self._now(), normalise_index(key, self.shape)[0]) == 0

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

    def look_again(self) -> None:
        """Measure the range anew if it is the image's own; see :class:`LazyArray`."""
        low, high = self.intensity_range
        if self._state.recipe.intensity_range is None:
            low, high = exact_range(self.source)
        self._state = replace(self._state, low=low, high=high)
        self._held = None

    @property
    def kind_of_work(self) -> Hashable:
        """The kinds of its steps, with all parameters that are not mere weights or lengths."""

        def all_but_weights(step: Any) -> tuple[Hashable, ...]:
            # 0 and 1 often mean that there is nothing to do
            values = vars(step).values()
            return tuple(v if not isinstance(v, float) or v in (0, 1) else None for v in values)

        chain = tuple(all_but_weights(step) for step in self._state.recipe.steps)
        return super().kind_of_work, chain, self._exact(self._state)

    def _now(self) -> State:
        return replace(self._state, edition=self._of.edition)

    def _needed(self, state: State, region: Region) -> Region:
        shape, n = self.shape[-self.spatial_ndim :], self.spatial_ndim
        space = region[-n:]
        for step in reversed(state.recipe.steps):
            space = step.source_region(space, shape)
        return (*region[:-n], *space)

    def _exact(self, state: State) -> bool:
        """Whether digits of the source that single precision cannot hold are to be restored."""
        fits = holds_all(self._grey, state.low, state.high)
        return state.recipe.precision == "exact" and not fits

    def _reader(
        self, state: State, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        chain, n = self._steps(state, cache), len(state.recipe.steps)
        exact = self._exact(state)
        levels = None if exact else grey_levels(self._grey, state.low, state.high)

        def read(region: Region) -> npt.NDArray[Any]:
            lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
            out = region_shape(region)
            if levels is not None and n:
                quick = state.recipe.steps[-1].compute_grey(chain.at(n, lead, space), levels)
                if quick is not None:
                    return quick.reshape(out)
            unit = chain.upto(n, lead, space)
            mapped = (state.low, state.high, self._grey)
            if exact:
                return changed(unit, chain.source(lead, space), *mapped).reshape(out)
            return from_unit(unit, *mapped).reshape(out)

        return read

    def _steps(self, state: State, cache: Cache | CachedOnly | None) -> _Chain:
        return _Chain(self, state, cache)


class _Chain:
    """The steps of a recipe at work on a volume.

    Methods, not closures that refer to each other: results are freed with their last
    user, without waiting for the garbage collector to find cycles.
    """

    def __init__(self, volume: LazyVolume, state: State, cache: Cache | CachedOnly | None) -> None:
        self._volume, self._state = volume, state
        self._keeps, self._quick = cache is not None, isinstance(cache, CachedOnly)
        self._array = volume.source if self._keeps else streamed(volume.source)
        # neighbouring planes share coefficients even where nothing is to be cached
        self._cache = Cache(_PASSING) if cache is None else cache
        self._exact = volume._exact(state)
        self._last: tuple[Region, npt.NDArray[Any]] | None = None  # last block of the source

    def at(self, n: int, lead: Region, region: Region) -> Place:
        """Where step ``n`` is at work."""
        volume, state = self._volume, self._state
        step, before = state.recipe.steps[n - 1], state.recipe.steps[: n - 1]
        index = tuple(r.start for r in lead)
        origin = volume._origin(state, n, index)

        def cached(where: Region, key: Hashable, function: Callable[[], Any]) -> Any:
            return self._cache.get((origin, where, key), function)

        def prepared() -> Any:
            value = volume._prepared(state, n, index)
            if value is None and self._quick:
                raise NotCached
            if value is None:
                value = exhaust(volume._prepare(state, n, self.at(n, lead, region)))
            return value

        return Place(
            region=region,
            shape=volume.shape[-volume.spatial_ndim :],
            lead=index,
            array_shape=volume.shape,
            spacing=volume.spacing,
            levels=(state.low, state.high),
            seed=state.recipe.seed,
            sample=state.sample,
            stream=step.stream + 256 * sum(s.kind == step.kind for s in before),
            source=lambda needed: self.upto(n - 1, lead, needed),
            cached=cached,
            prepared=prepared,
            exact=self._exact,
            grey=None if self._keeps or n > 1 else partial(self._read, lead),
        )

    def upto(self, n: int, lead: Region, region: Region) -> Unit:
        """The result of the first ``n`` steps in ``region``, mapped to [0, 1]."""
        state = self._state
        if n == 0:
            return to_unit(self._read(lead, region), state.low, state.high)
        step, place = state.recipe.steps[n - 1], self.at(n, lead, region)
        if n == len(state.recipe.steps) or self._quick:
            return step.compute(place)
        # a later step asks for overlapping parts of this one, again and again
        return place.remember(
            ("result", step, place.seed, place.sample), partial(step.compute, place)
        )

    def source(self, lead: Region, region: Region) -> npt.NDArray[Any]:
        """The source's grey levels in ``region``, as the steps have read them."""

        def read() -> npt.NDArray[Any]:
            wanted = (*lead, *region)
            if self._last is None or not contains(self._last[0], wanted):
                return self._read(lead, region)
            where, block = self._last
            return block[slices(region, where[len(lead) :])]

        if not self._keeps or self._quick:
            return read()
        key = (self._state.edition, lead, region, "grey levels")
        # a copy: the owner of the array may change the values of a view
        values: npt.NDArray[Any] = self._cache.get(key, lambda: read().copy())
        return values

    def _read(self, lead: Region, region: Region) -> npt.NDArray[Any]:
        if self._quick and not self._volume._of.at_hand((*lead, *region)):
            raise NotCached
        block = np.asarray(self._array[slices((*lead, *region))])
        block = block.reshape(region_shape(region))
        if self._exact:  # needed again at the end of the chain
            self._last = ((*lead, *region), block)
        return block

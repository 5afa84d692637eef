"""All samples of a sampling as one array, each computed where it is indexed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, normalise_index, span
from .array import LazyArray, as_index
from .cache import Cache, CachedOnly
from .volume import LazyVolume

if TYPE_CHECKING:  # which make lazy arrays of themselves, and not the other way round
    from ..sampling import Sampling


@dataclass(frozen=True)
class _Drawn:
    """A sampling, and the volumes of its samples made so far."""

    sampling: Sampling
    volumes: dict[int, LazyVolume] = field(default_factory=dict, compare=False)


class LazySamples(LazyArray):
    """Samples of an image along a new first axis, computed where they are indexed.

    ``samples[n]`` equals, bit for bit, sample n of a batch with this sampling.

    Parameters
    ----------
    array : array-like of int or float, shape (..., [Z,] Y, X)
    sampling : Sampling
        Without target PSNRs: to meet one, the whole image has to be measured.
        If its recipe has no intensity range, that of the array is read.
    spacing : sequence of float, optional
        Voxel size per spatial axis, in micrometres.
    cache : Cache, optional
        May be shared with other arrays on the same image.

    Raises
    ------
    TypeError, ValueError
        If the image cannot be used, or target PSNRs are asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify, LazySamples, Sampling
    >>> image = np.arange(60.0).reshape(3, 4, 5)
    >>> recipe = Recipe(steps=(Diversify(),))
    >>> sampling = Sampling(recipe=recipe, samples=100, ranges={"w_v": (0, 8)})
    >>> samples = LazySamples(image, sampling)
    >>> samples.shape
    (100, 3, 4, 5)
    >>> bool((samples[42, 1] == sampling.recipe_of(42).apply(image)[1]).all())
    True
    """

    _state: _Drawn

    def __init__(
        self,
        array: Any,
        sampling: Sampling,
        spacing: Sequence[float] | None = None,
        *,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(array, sampling.recipe.spatial_ndim)
        if sampling.psnr:
            raise ValueError("samples of target PSNRs cannot be shown before they are made")
        self.spacing = spacing
        self.shape = (len(sampling), *self.shape)
        self._cache = Cache() if cache is None else cache
        self._state = _Drawn(sampling)
        self.volume(0)  # refuses what cannot be shown

    def volume(self, number: int) -> LazyVolume:
        """Sample ``number`` by itself."""
        return self._volume(self._state, number)

    def _volume(self, drawn: _Drawn, number: int) -> LazyVolume:
        volume = drawn.volumes.get(number)
        if volume is None:
            recipe = drawn.sampling.recipe_of(number)
            if recipe.intensity_range is None and number > 0:
                recipe = recipe.replace(intensity_range=self._volume(drawn, 0).intensity_range)
            volume = LazyVolume(self.source, recipe, self.spacing, cache=self._cache)
            drawn.volumes[number] = volume
        return volume

    def look_again(self) -> None:
        """Measure the range anew if it is the image's own; see :class:`LazyArray`."""
        self.volume(0).look_again()
        first = {0: self.volume(0)}
        self._state = replace(self._state, volumes=first)
        self._held = None

    @property
    def kind_of_work(self) -> Hashable:
        """That of one sample."""
        return type(self), self.volume(0).kind_of_work

    def stand_in(self, key: Any) -> npt.NDArray[Any] | None:
        """The image itself in place of each sample, if it can be had without reading."""
        numbers, inner = self._apart(key)
        values = self.volume(0).stand_in(inner)
        return None if values is None else np.broadcast_to(values, (len(numbers), *values.shape))

    def _needed(self, state: _Drawn, region: Region) -> Region:
        volume = self._volume(state, region[0][0])
        return volume._needed(volume._now(), region[1:])

    def work(self, key: Any) -> int:
        """Voxels that all steps of all samples in ``self[key]`` have to compute."""
        region, inner = self._apart(key)
        # drawn parameters do not change regions: each sample costs as much as the first
        return len(region) * (self.volume(region[0]).work(inner) if region else 0)

    def _apart(self, key: Any) -> tuple[range, tuple[slice, ...]]:
        """The numbers of the samples that an index selects, and the index into each."""
        (numbers, *inner), _ = normalise_index(key, self.shape)
        return numbers, as_index(tuple(span(r) for r in inner))

    @property
    def _by_planes(self) -> bool:
        return self.volume(0)._by_planes

    def _preparing(self, state: _Drawn, region: Region) -> Generator[tuple[int, int], None, None]:
        if len(region[0]) == 1:
            volume = self._volume(state, region[0][0])
            yield from volume._preparing(volume._now(), region[1:])

    def prepared(self, key: Any) -> bool:
        """Whether everything that ``self[key]`` needs from the whole source is cached."""
        numbers, inner = self._apart(key)
        return all(self.volume(n).prepared(inner) for n in numbers)

    def _reader(
        self, state: _Drawn, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        readers: dict[int, Callable[[Region], npt.NDArray[Any]]] = {}

        def read(region: Region) -> npt.NDArray[Any]:
            (number,) = region[0]
            if number not in readers:
                volume = self._volume(state, number)
                readers.clear()  # parts of one sample follow each other
                readers[number] = volume._reader(volume._now(), cache)
            return readers[number](region[1:])[np.newaxis]

        return read

"""What can be switched on to be seen: a live layer each, and how it follows the settings."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Generator, Hashable
from typing import Any

import napari.layers
from napari.components import ViewerModel
from napari.utils import Colormap
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QAbstractButton

from ... import __version__
from ...recipe import Diversify, LazyLocalStd, LazyRemoved, LazyVolume, LowPass, Recipe
from ...recipe.lazy.array import LazyArray
from ...recipe.lazy.cache import Cache
from ...recipe.lazy.compared import LazyDifference, LazySplit
from ...recipe.lazy.source import Source
from ..qt.driver import driver
from ..qt.proxy import behind
from .layers import level_spacings, levels_of
from .live_layer import LiveLayer

#: For numbers of both signs: black where nothing differs; blue and orange for everybody's eyes.
_SIGNED = Colormap([[0.25, 0.65, 1.0], [0.0, 0.0, 0.0], [1.0, 0.6, 0.1]], name="blue-black-orange")


class View(QObject):
    """A switch, the live layer behind it, and the recipe that the layer shows.

    Parameters
    ----------
    viewer : ViewerModel
    role : str
        What the layer shows; in its name.
    switch : QAbstractButton
        On: the layer is shown and follows the settings.
    recipe_of, kind
        ``recipe_of(kind)`` gives the newest recipe, with seed, range and axes.
    cache : Cache
        Shared by all views of one image.
    """

    switched = Signal(object, bool)  # the view, on or off
    outdated = Signal()  # has to be shown anew
    deleted = Signal(object)  # the view, whose layer somebody has deleted

    linked = True
    #: Whether the layer stays, hidden, when it is switched off.
    stays = True

    def __init__(
        self,
        viewer: ViewerModel,
        role: str,
        switch: QAbstractButton,
        recipe_of: Callable[[str], Recipe],
        kind: str,
        cache: Cache,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.switch = switch
        self.live = LiveLayer(viewer, role, linked=self.linked, parent=self)
        self._recipe_of = recipe_of
        self._kind = kind
        self._cache = cache
        self._shown: Hashable = None
        self._of: napari.layers.Image | None = None  # the image shown, as it is now
        self._made_of: tuple[Any, Any] = (None, None)  # the image in the layer, and its voxels
        self._sizes: Hashable = None  # and what its voxels measured
        switch.toggled.connect(self._on_toggled)
        self.live.removed.connect(self._on_removed)
        self.live.source_moved.connect(self._on_source_moved)

    def show(self, source: napari.layers.Image, sample: int) -> None:
        """Show the image with the newest settings, in a layer made now or before.

        Raises
        ------
        ValueError
            If the image cannot be shown with them.
        """
        if self._is_of(source):  # the picture stays until there is a new one
            self.follow(sample)
            self.live.resume()
            return
        self._of = None
        arrays = self._arrays(source, self._recipe(), sample)
        self._shown = self._settings(sample)
        self.live.show(source, arrays, self._metadata(sample), **self._looks(arrays))
        self._of, self._sizes = source, self._voxel_sizes(source)
        self._made_of = source, behind(levels_of(source)[0])

    def is_of(self, source: napari.layers.Image) -> bool:
        """Whether the layer was made of this image, and not of one that was chosen before."""
        image, voxels = self._made_of
        return (
            self.live.layer is not None
            and image == source
            and voxels is behind(levels_of(source)[0])
        )

    def set_aside(self) -> None:
        """Hide the layer until its image can be shown: it belongs to another one than the chosen.

        Unlike one that is put away it comes back by itself.
        """
        if self.live.layer is not None and self.live.layer.visible:
            self.live.pause()
            self._of = None

    def shows(self, source: napari.layers.Image) -> bool:
        """Whether the layer belongs to this image; else it has to be shown anew."""
        return self.live.layer is not None and self._of is source

    def _is_of(self, source: napari.layers.Image) -> bool:
        """Whether the layer shows this image as it is now, whatever its settings."""
        arrays = self.live.arrays
        return (
            self.shows(source)
            and [array.source for array in arrays] == [Source.of(a) for a in levels_of(source)]
            and arrays[0].spatial_ndim == (self._recipe().spatial_ndim or min(source.ndim, 3))
            and self._sizes == self._voxel_sizes(source)
        )

    def put_away(self) -> None:
        """Show the layer no more."""
        if self.stays or self.live.layer is None:
            self.live.pause()
        else:
            self.live.remove()

    def full(self, source: napari.layers.Image, sample: int) -> tuple[LazyArray, dict[str, Any]]:
        """The image in full resolution as it is shown now, and its metadata."""
        return self._arrays(source, self._recipe(), sample)[0], self._metadata(sample)

    def follow(self, sample: int) -> None:
        """Bring the layer up to date, if its settings have changed.

        Raises
        ------
        ValueError
            If the image cannot be shown with them; the layer stays as it is.
        """
        settings = self._settings(sample)
        if settings != self._shown:
            recipe = self._recipe()
            if self._of is not None:
                self._arrays(self._of, recipe, sample)  # refuses what cannot be shown
            self.live.change(lambda array: self._set(array, recipe, sample), self._metadata(sample))
            self._shown = settings

    def _recipe(self) -> Recipe:
        return self._recipe_of(self._kind)

    def _on_toggled(self, on: bool) -> None:
        self.switched.emit(self, on)

    def _on_source_moved(self) -> None:
        """Lengths are other numbers of voxels now: what is shown has to be made anew."""
        if self._of is not None and self._sizes != self._voxel_sizes(self._of):
            self._of = None
            self.outdated.emit()

    def _voxel_sizes(self, source: napari.layers.Image) -> Hashable:
        ndim = self._recipe().spatial_ndim or min(source.ndim, 3)
        return tuple(level_spacings(source, ndim))

    def _on_removed(self) -> None:
        self._of, self._made_of = None, (None, None)
        if self.switch.isChecked():
            self.switch.setChecked(False)
            self.deleted.emit(self)

    def _arrays(self, source: napari.layers.Image, recipe: Recipe, sample: int) -> list[LazyArray]:
        return self._volumes(LazyVolume, source, recipe, sample)

    def _volumes(
        self, kind: type[LazyVolume], source: napari.layers.Image, recipe: Recipe, sample: int
    ) -> list[LazyArray]:
        if source.multiscale and any(s.preparations(source.data[0].shape) for s in recipe.steps):
            raise ValueError(
                "a whole volume at once is shown for images of one resolution only; this one is a "
                "pyramid. Switch “whole volume” off, or open a single level"
            )
        ndim = recipe.spatial_ndim or min(source.ndim, 3)
        sizes = level_spacings(source, ndim)
        return [
            kind(Source.of(level), recipe, size, sample, cache=self._cache)
            for level, size in zip(levels_of(source), sizes, strict=True)
        ]

    def _set(self, array: LazyArray, recipe: Recipe, sample: int) -> None:
        assert isinstance(array, LazyVolume)
        array.recipe = recipe
        array.sample = sample

    def _settings(self, sample: int) -> Hashable:
        return self._recipe(), sample

    def _metadata(self, sample: int) -> dict[str, Any]:
        """What a generated layer carries, enough to make it again."""
        return {
            "recipe": json.loads(self._recipe().to_json()),
            "sample": sample,
            "version": __version__,
        }

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        return {}


class SigmaView(View):
    """The σ map of the image, in its own grey levels."""

    linked = False

    def _step(self) -> Diversify:
        return next(step for step in self._recipe().steps if isinstance(step, Diversify))

    def _arrays(self, source: napari.layers.Image, recipe: Recipe, sample: int) -> list[LazyArray]:
        step = self._step()
        return [
            LazyLocalStd(Source.of(level), step.window, step.stride, recipe.spatial_ndim)
            for level in levels_of(source)
        ]

    def _set(self, array: LazyArray, recipe: Recipe, sample: int) -> None:
        assert isinstance(array, LazyLocalStd)
        array.set_windows(self._step().window, self._step().stride)

    def _settings(self, sample: int) -> Hashable:
        return self._step().window, self._step().stride

    def _metadata(self, sample: int) -> dict[str, Any]:
        step = self._step()
        return {
            "window": list(step.window),
            "stride": list(step.stride),
            "spatial_ndim": self._recipe().spatial_ndim,
            "version": __version__,
        }

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        low, high = self._recipe().intensity_range or (0.0, 1.0)
        return {"colormap": "magma", "contrast_limits": (0.0, (high - low) / 4), "gamma": 1.0}


class RemovedView(View):
    """What the last step of the recipe takes away, at +-3 standard deviations."""

    linked = False

    def _arrays(self, source: napari.layers.Image, recipe: Recipe, sample: int) -> list[LazyArray]:
        return self._volumes(LazyRemoved, source, recipe, sample)

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        coarse = copy.copy(arrays[-1])
        assert isinstance(coarse, LazyVolume)
        *before, last = coarse.recipe.steps
        if isinstance(last, LowPass):  # about as much as of a plane: no volume is needed for it
            coarse.recipe = coarse.recipe.replace(steps=(*before, last.replace(volume=False)))
        low, high = coarse.intensity_range
        self._guess = (low - high) / 8, (high - low) / 8
        driver().start(lambda: _spread(coarse), self._on_measured)
        return {"colormap": "gray", "contrast_limits": self._guess, "gamma": 1.0}

    def _on_measured(self, spread: float | None, error: Exception | None) -> None:
        layer = self.live.layer
        if spread and layer is not None and tuple(layer.contrast_limits) == self._guess:
            layer.contrast_limits_range = layer.contrast_limits = (-3 * spread, 3 * spread)


def _spread(array: LazyVolume) -> Generator[tuple[int, int], None, float]:
    """Standard deviation of the plane in the middle."""
    middle = tuple(slice(n // 2, n // 2 + 1) for n in array.shape[:-2])
    _, values = yield from array.computing(middle)
    return float(values.std())


class DifferenceView(View):
    """The result minus the image, from minus to plus a quarter of the range."""

    linked = False
    stays = False

    def _arrays(self, source: napari.layers.Image, recipe: Recipe, sample: int) -> list[LazyArray]:
        return self._volumes(LazyDifference, source, recipe, sample)

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        low, high = self._recipe().intensity_range or (0.0, 1.0)
        limit = (high - low) / 4
        return {"colormap": _SIGNED, "contrast_limits": (-limit, limit), "gamma": 1.0}


class SplitView(View):
    """The image on one side of a divider, the result on the other."""

    stays = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.divider = (-1, 0.5)  # axis counted from the end, share of its length

    def move_divider(self, divider: tuple[int, float]) -> None:
        """Put the divider elsewhere."""
        if divider != self.divider:
            self.divider = divider
            self.live.change(self._divide, {})

    def _divide(self, array: LazyArray) -> None:
        assert isinstance(array, LazySplit)
        axis, share = self.divider
        array.divider = (axis, round(share * array.shape[axis]))

    def _arrays(self, source: napari.layers.Image, recipe: Recipe, sample: int) -> list[LazyArray]:
        arrays = self._volumes(LazySplit, source, recipe, sample)
        for array in arrays:
            self._divide(array)
        return arrays

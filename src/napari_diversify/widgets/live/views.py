"""What can be shown of a recipe: a live layer each, and how it follows the settings."""

from __future__ import annotations

import copy
from collections.abc import Generator, Hashable, Mapping
from types import MappingProxyType
from typing import Any

import napari.layers
from napari.components import ViewerModel
from napari.utils import Colormap
from qtpy.QtCore import QObject, Signal

from ...core.blocks import spatial_ndim_of
from ...recipe import LazyLocalStd, LazyRemoved, LazyVolume, Recipe
from ...recipe.lazy.array import LazyArray
from ...recipe.lazy.cache import Cache
from ...recipe.lazy.compared import LazyDifference, LazyHidden, LazySplit
from ...recipe.lazy.source import Source
from ...recipe.provenance import Provenance
from ...recipe.steps.registry import AnyStep
from ..qt.driver import driver
from ..qt.proxy import behind
from .layers import level_spacings, levels_of
from .live_layer import LiveLayer

#: For numbers of both signs: black where nothing differs; blue and orange for everybody's eyes.
_SIGNED = Colormap([[0.25, 0.65, 1.0], [0.0, 0.0, 0.0], [1.0, 0.6, 0.1]], name="blue-black-orange")


class View(QObject):
    """A live layer, and the recipe that it shows.

    Parameters
    ----------
    viewer : ViewerModel
    role : str
        What the layer shows; in its name.
    cache : Cache
        Shared by all views of one image.
    """

    outdated = Signal()  # has to be shown anew
    deleted = Signal()  # somebody has deleted the layer

    #: Whether its layer shares its contrast limits with the image.
    linked = True
    #: Whether the layer stays, hidden, when it is put away.
    stays = True
    #: What of the recipe it shows, in metadata; "" is its result.
    what = ""

    def __init__(self, viewer: ViewerModel, role: str, cache: Cache, parent: QObject) -> None:
        super().__init__(parent)
        self.live = LiveLayer(viewer, role, linked=self.linked, parent=self)
        self._cache = cache
        self._recipe = Recipe()  # the newest
        self._shown: Hashable = None
        self._of: napari.layers.Image | None = None  # the image shown, as it is now
        self._made_of: tuple[Any, Any] = (None, None)  # the image in the layer, and its voxels
        self._sizes: Hashable = None  # and what its voxels measured
        self.live.removed.connect(self._on_removed)
        self.live.source_moved.connect(self._on_source_moved)

    def show(self, source: napari.layers.Image, recipe: Recipe) -> None:
        """Show a recipe of the image, in a layer made now or before.

        Raises
        ------
        ValueError
            If the image cannot be shown with it.
        """
        if self._is_of(source, recipe):  # the picture stays until there is a new one
            self.follow(recipe)
            self.live.resume()
            return
        self._of = None
        arrays = self._arrays(source, recipe)
        self._recipe, self._shown = recipe, self._settings(recipe)
        self.live.show(source, arrays, self._metadata(recipe), **self._looks(arrays))
        self._of, self._sizes = source, self._voxel_sizes(source, recipe)
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
            self.live.set_aside()
            self._of = None

    def shows(self, source: napari.layers.Image) -> bool:
        """Whether the layer belongs to this image; else it has to be shown anew."""
        return self.live.layer is not None and self._of is source

    def _is_of(self, source: napari.layers.Image, recipe: Recipe) -> bool:
        """Whether the layer shows this image as it is now, whatever its settings."""
        arrays = self.live.arrays
        return (
            self.shows(source)
            and [array.source for array in arrays] == [Source.of(a) for a in levels_of(source)]
            and arrays[0].spatial_ndim == spatial_ndim_of(source.ndim, recipe.spatial_ndim)
            and self._sizes == self._voxel_sizes(source, recipe)
        )

    def put_away(self) -> None:
        """Show the layer no more."""
        if self.stays or self.live.layer is None:
            self.live.pause()
        else:
            self.live.remove()

    @staticmethod
    def full(
        source: napari.layers.Image, recipe: Recipe, cache: Cache
    ) -> tuple[LazyArray, dict[str, Any]]:
        """A recipe of the image in full resolution, and its metadata."""
        return volumes(LazyVolume, source, recipe, cache)[0], Provenance.of_recipe(
            recipe, recipe.sample
        ).entry()

    def follow(self, recipe: Recipe) -> None:
        """Bring the layer up to date, if its settings have changed.

        Raises
        ------
        ValueError
            If the image cannot be shown with them; the layer stays as it is.
        """
        settings = self._settings(recipe)
        if settings != self._shown:
            if self._of is not None:
                self._arrays(self._of, recipe)  # refuses what cannot be shown
            self._recipe = recipe
            self.live.change(lambda array: self._set(array, recipe), self._metadata(recipe))
            self._shown = settings

    def follows(self, recipe: Recipe) -> bool:
        """Whether the layer was told of these settings."""
        return self._shown == self._settings(recipe)

    def _on_source_moved(self) -> None:
        """Lengths are other numbers of voxels now: what is shown has to be made anew."""
        if self._of is not None and self._sizes != self._voxel_sizes(self._of, self._recipe):
            self._of = None
            self.outdated.emit()

    def _voxel_sizes(self, source: napari.layers.Image, recipe: Recipe) -> Hashable:
        return tuple(level_spacings(source, spatial_ndim_of(source.ndim, recipe.spatial_ndim)))

    def _on_removed(self) -> None:
        self._of, self._made_of = None, (None, None)
        self.deleted.emit()

    def _arrays(self, source: napari.layers.Image, recipe: Recipe) -> list[LazyArray]:
        return volumes(LazyVolume, source, recipe, self._cache)

    def _set(self, array: LazyArray, recipe: Recipe) -> None:
        assert isinstance(array, LazyVolume)
        array.recipe = recipe
        array.sample = recipe.sample

    def _settings(self, recipe: Recipe) -> Hashable:
        return recipe

    def _metadata(self, recipe: Recipe) -> dict[str, Any]:
        return Provenance.of_recipe(recipe, recipe.sample, self.what).entry()

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        return {}


def volumes(
    kind: type[LazyVolume], source: napari.layers.Image, recipe: Recipe, cache: Cache
) -> list[LazyArray]:
    """A recipe on each level of an image, finest first."""
    if source.multiscale and any(s.preparations(source.data[0].shape) for s in recipe.steps):
        raise ValueError(
            "a whole volume at once is shown for images of one resolution only; this one is a "
            "pyramid. Switch “whole volume” off, or open a single level"
        )
    sizes = level_spacings(source, spatial_ndim_of(source.ndim, recipe.spatial_ndim))
    return [
        kind(Source.of(level), recipe, size, cache=cache)
        for level, size in zip(levels_of(source), sizes, strict=True)
    ]


class SigmaView(View):
    """The σ map of the image, in its own grey levels."""

    linked = False

    def _arrays(self, source: napari.layers.Image, recipe: Recipe) -> list[LazyArray]:
        windows = recipe.steps[-1].windows
        return [
            LazyLocalStd(Source.of(level), *windows, recipe.spatial_ndim)
            for level in levels_of(source)
        ]

    def _set(self, array: LazyArray, recipe: Recipe) -> None:
        assert isinstance(array, LazyLocalStd)
        array.set_windows(*recipe.steps[-1].windows)

    def _settings(self, recipe: Recipe) -> Hashable:
        return recipe.steps[-1].windows

    def _metadata(self, recipe: Recipe) -> dict[str, Any]:
        windows = recipe.steps[-1].windows
        return Provenance.of_local_std(*windows, recipe.spatial_ndim).entry()

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        low, high = self._recipe.intensity_range or (0.0, 1.0)
        return {"colormap": "magma", "contrast_limits": (0.0, (high - low) / 4), "gamma": 1.0}


class RemovedView(View):
    """What the last step of the recipe takes away, at +-3 standard deviations."""

    what = "removed"
    linked = False

    def _arrays(self, source: napari.layers.Image, recipe: Recipe) -> list[LazyArray]:
        return volumes(LazyRemoved, source, recipe, self._cache)

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        coarse = copy.copy(arrays[-1])
        assert isinstance(coarse, LazyVolume)
        last: AnyStep = coarse.recipe.steps[-1]
        coarse.recipe = coarse.recipe.with_step(-1, last.of_planes())
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


class HiddenView(View):
    """What the last step of the recipe takes away with its contrast equalised, 0 to 1."""

    what = "hidden signal"
    linked = False

    def _arrays(self, source: napari.layers.Image, recipe: Recipe) -> list[LazyArray]:
        return volumes(LazyHidden, source, recipe, self._cache)

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        return {"colormap": "gray", "contrast_limits": (0.0, 1.0), "gamma": 1.0}


class DifferenceView(View):
    """The result minus the image, from minus to plus a quarter of the range."""

    what = "difference"
    linked = False
    stays = False

    def _arrays(self, source: napari.layers.Image, recipe: Recipe) -> list[LazyArray]:
        return volumes(LazyDifference, source, recipe, self._cache)

    def _looks(self, arrays: list[LazyArray]) -> dict[str, Any]:
        low, high = self._recipe.intensity_range or (0.0, 1.0)
        limit = (high - low) / 4
        return {"colormap": _SIGNED, "contrast_limits": (-limit, limit), "gamma": 1.0}


class SplitView(View):
    """The image on one side of a divider, the result on the other."""

    what = "split"
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

    def _arrays(self, source: napari.layers.Image, recipe: Recipe) -> list[LazyArray]:
        arrays = volumes(LazySplit, source, recipe, self._cache)
        for array in arrays:
            self._divide(array)
        return arrays


#: The view behind each name: "" is the result of a step, the others are extra views of steps
#: (:class:`.ExtraView`) and comparisons of the last result with the image.
KINDS: Mapping[str, type[View]] = MappingProxyType(
    {
        "": View,
        "sigma": SigmaView,
        "removed": RemovedView,
        "hidden": HiddenView,
        "difference": DifferenceView,
        "split": SplitView,
    }
)

"""One-shot menu commands, and the sample data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import napari
import napari.layers
import numpy as np
from napari.components import ViewerModel
from napari.types import LayerDataTuple
from napari.utils.notifications import show_warning

from ..core.specimens.nuclei import synthetic_nuclei
from ..recipe import DegradeContrast, LazyLocalStd, LazyVolume, LowPass, Recipe, Restore
from ..recipe.lazy.array import LazyArray
from ..recipe.lazy.cache import Cache
from ..recipe.lazy.source import Source
from ..recipe.provenance import KEY, Provenance, of_voxels
from ..recipe.steps.step import Step
from .live import live_layer as preview
from .live.feed import Feed
from .live.layers import (
    appearance,
    guess_spatial_ndim,
    level_spacings,
    levels_of,
    spatial_state,
    why_unusable,
)
from .live.source_watch import SourceWatch


def local_std_map(layer: napari.layers.Image) -> list[LayerDataTuple]:
    """The σ map of the active layer as a new layer, computed where it is indexed."""
    if problem := why_unusable(layer):
        show_warning(problem)
        return []
    ndim = guess_spatial_ndim(layer)
    arrays = [LazyLocalStd(level, spatial_ndim=ndim) for level in _sources(layer)]
    return _as_layer(layer, arrays, {"name": f"{layer.name} (σ)", "colormap": "magma"})


def degrade_contrast(layer: napari.layers.Image) -> list[LayerDataTuple]:
    """The active layer as it would look deeper in tissue, with default settings."""
    return _with_step(layer, DegradeContrast(), "deep tissue")


def restore_contrast(layer: napari.layers.Image) -> list[LayerDataTuple]:
    """The active layer with the contrast given back that tissue takes, with default settings."""
    return _with_step(layer, Restore(), Restore.layer)


def lowpass(layer: napari.layers.Image) -> list[LayerDataTuple]:
    """The active layer without its upper half of frequencies."""
    return _with_step(layer, LowPass(), "low-passed")


def sample_nuclei() -> list[LayerDataTuple]:
    """Synthetic nuclei with their labels, (64, 256, 256), in micrometres."""
    phantom = synthetic_nuclei()
    place = {
        "scale": phantom.spacing,
        "units": ("micrometer",) * 3,
        "axis_labels": ("z", "y", "x"),
    }
    return [
        (phantom.image, {**place, "name": "nuclei"}, "image"),
        (phantom.labels, {**place, "name": "nuclei labels", "visible": False}, "labels"),
    ]


def _with_step(layer: napari.layers.Image, step: Step, suffix: str) -> list[LayerDataTuple]:
    """The layer with one step on it, over the range that its voxels can have."""
    if problem := why_unusable(layer):
        show_warning(problem)
        return []
    ndim = guess_spatial_ndim(layer)
    recipe = Recipe(steps=(step,), intensity_range=_range_of(layer), spatial_ndim=ndim)
    sizes = level_spacings(layer, ndim)
    # nothing is cached, so that no voxel from before an edit is shown after it
    arrays = [
        LazyVolume(level, recipe, size, cache=Cache(0))
        for level, size in zip(_sources(layer), sizes, strict=True)
    ]
    entry = {**Provenance.of_recipe(recipe, 0).entry(), **of_voxels(arrays[0])}
    looks = appearance(layer)
    return _as_layer(
        layer,
        arrays,
        {**looks, "name": f"{layer.name} ({suffix})", "metadata": {KEY: entry}},
    )


def _range_of(layer: napari.layers.Image) -> tuple[float, float]:
    """That of the contrast slider, or of the dtype where the slider knows a part of the image."""
    if not isinstance(layer.data, np.ndarray) and layer.dtype.kind in "iu":
        return float(np.iinfo(layer.dtype).min), float(np.iinfo(layer.dtype).max)
    low, high = (float(limit) for limit in layer.contrast_limits_range)
    return low, high


def _as_layer(
    layer: napari.layers.Image, arrays: Sequence[LazyArray], keywords: dict[str, object]
) -> list[LayerDataTuple]:
    fronts = _fed(layer, arrays)
    data = fronts if layer.multiscale else fronts[0]
    place = {**spatial_state(layer), "multiscale": layer.multiscale, "projection_mode": "none"}
    return [(data, {**place, **keywords}, "image")]


def _viewer_of(layer: napari.layers.Image) -> ViewerModel | None:
    """The viewer in which a command was chosen, if the layer is in it."""
    viewer = napari.current_viewer()
    return viewer if viewer is not None and layer in viewer.layers else None


def _sources(layer: napari.layers.Image) -> list[Any]:
    """The levels of a layer, cached as they are read where edits are watched for."""
    levels = levels_of(layer)
    return levels if _viewer_of(layer) is None else [Source.of(level) for level in levels]


def _fed(layer: napari.layers.Image, arrays: Sequence[LazyArray]) -> list[Any]:
    """The data of the new layer: in a viewer, arrays that never make the window wait."""
    viewer = _viewer_of(layer)
    if viewer is None:
        return list(arrays)
    feed = Feed(arrays, lambda: preview.AT_ONCE)
    feed.follow(SourceWatch.of(viewer, layer))
    feed.await_layer(viewer.layers)
    return list(feed.fronts())

"""One-shot menu commands, and the sample data."""

from __future__ import annotations

import napari.layers
from napari.types import LayerDataTuple
from napari.utils.notifications import show_warning

from ..core.phantom import synthetic_nuclei
from ..recipe import LazyLocalStd
from .layers import guess_spatial_ndim, levels_of, spatial_state, why_unusable


def local_std_map(layer: napari.layers.Image) -> list[LayerDataTuple]:
    """The σ map of the active layer as a new layer, computed where it is looked at."""
    if problem := why_unusable(layer):
        show_warning(problem)
        return []
    ndim = guess_spatial_ndim(layer)
    arrays = [LazyLocalStd(level, spatial_ndim=ndim) for level in levels_of(layer)]
    keywords = {
        **spatial_state(layer),
        "name": f"{layer.name} (σ)",
        "colormap": "magma",
        "multiscale": layer.multiscale,
    }
    return [(arrays if layer.multiscale else arrays[0], keywords, "image")]


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

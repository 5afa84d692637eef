"""Layers for what is behind a dot, and for fragile objects; each is shown in the one of before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import napari.layers
import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.utils.colormaps import DirectLabelColormap

from ...recipe.provenance import KEY, Provenance
from ...robustness.fragile import lost_at
from ...robustness.looking import FATES, Looked
from ...robustness.rows import Row
from ...robustness.study import Study
from ..live.layers import appearance, spatial_state

#: In which the dock stays with its image while layers are added.
Undisturbed: TypeAlias = Callable[[], AbstractContextManager[None]]

#: What became of an object, after Okabe and Ito.
FATE_COLOURS = {
    "right": "#b0b0b0",
    "missed": "#56b4e9",
    "false": "#e69f00",
    "merged": "#cc79a7",
    "split": "#009e73",
}
_OURS = "napari-diversify robustness"  # key of metadata


def is_ours(layer: Any) -> bool:
    """Whether a layer shows a result of a study."""
    return _OURS in layer.metadata


class ResultLayers:
    """Adds layers beside an image, or changes those that it has added before.

    Parameters
    ----------
    viewer : ViewerModel
    undisturbed : callable
        Gives the context in which layers are added.
    """

    def __init__(self, viewer: ViewerModel, undisturbed: Undisturbed) -> None:
        self._viewer = viewer
        self._undisturbed = undisturbed
        self._layers: dict[str, Any] = {}
        self._hidden: frozenset[str] = frozenset()

    def show_behind(
        self, image: napari.layers.Image, row: Row, looked: Looked, caption: str
    ) -> None:
        """Show a sample, its segmentation and its errors; those of before go if there are none."""
        recipe = row.made_by.replace(sample=row.sample)
        made = {KEY: Provenance.of_recipe(recipe, row.sample).entry() | {"source": image.name}}
        place, shape = spatial_state(image), image.data.shape
        self._show(
            "sample",
            f"{image.name} ({caption})",
            looked.sample.reshape(shape),
            self._viewer.add_image,
            {**place, **appearance(image)},
            made if row.made_by.steps else {},
        )
        self._hide("fragile")
        for role, labels in (("segmentation", looked.labels), ("errors", looked.errors)):
            if labels is None:
                self._remove(role)
                continue
            errors = role == "errors"
            self._show(
                role,
                f"{image.name} ({role})",
                _as_labels(labels).reshape(shape),
                self._viewer.add_labels,
                {**place, "opacity": 0.6 if errors else 0.9},
            )
        if (outlines := self._there("segmentation")) is not None:
            outlines.contour = 1
            outlines.colormap = _direct({}, "white")  # colours are those of the errors
        self.hide_fates(self._hidden)

    def hide_fates(self, fates: Collection[str]) -> None:
        """Show the errors without objects of these fates."""
        self._hidden = frozenset(fates)
        layer = self._there("errors")
        if layer is not None:
            shown = {FATES[f]: c for f, c in FATE_COLOURS.items() if f not in self._hidden}
            layer.colormap = _direct(shown)
            layer.features = {"index": list(FATES.values()), "object": list(FATES)}

    def show_fragile(
        self,
        image: napari.layers.Image,
        study: Study,
        name: str,
        numbers: npt.NDArray[np.int32],
    ) -> None:
        """Show objects in the colours of the levels at which they are lost."""
        title = f"{image.name} (lost at, {name})"
        values = numbers.reshape(image.data.shape)
        place = {**spatial_state(image), "opacity": 0.8}
        self._hide("errors", "segmentation")
        self._show("fragile", title, values, self._viewer.add_labels, place)
        layer = self._there("fragile")
        assert layer is not None
        colours = level_colours(study)
        layer.colormap = _direct({held + 2: colour for held, colour in colours.items()})
        layer.features = {
            "index": [held + 2 for held in colours],
            "lost at": [lost_at(study, held) for held in colours],
        }

    def look_at(self, image: napari.layers.Image, place: tuple[float, ...]) -> None:
        """Bring a place of the image, in voxels, into view."""
        voxel = (0.0,) * (image.ndim - len(place)) + place
        world = image.data_to_world(voxel)
        dims, camera = self._viewer.dims, self._viewer.scene.camera
        shift = dims.ndim - len(world)
        for axis, value in enumerate(world):
            if axis + shift not in dims.displayed:
                dims.set_point(axis + shift, value)
        shown = [world[axis - shift] for axis in dims.displayed if axis >= shift]
        camera.center = (*camera.center[: 3 - len(shown)], *shown)

    # ---- private ----

    def _there(self, role: str) -> Any:
        layer = self._layers.get(role)
        return layer if layer in self._viewer.layers else None

    def _hide(self, *roles: str) -> None:
        for layer in map(self._there, roles):
            if layer is not None:
                layer.visible = False

    def _remove(self, role: str) -> None:
        layer = self._there(role)
        if layer is not None:
            with self._undisturbed():
                self._viewer.layers.remove(layer)

    def _show(
        self,
        role: str,
        name: str,
        values: Any,
        add: Callable[..., Any],
        how: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        layer, told = self._there(role), {**(metadata or {}), _OURS: role}
        if layer is not None and layer.data.shape == values.shape:
            layer.data, layer.name, layer.metadata, layer.visible = values, name, told, True
            return
        self._remove(role)
        active = self._viewer.layers.selection.active
        with self._undisturbed():
            self._layers[role] = add(values, name=name, metadata=told, **how)
            self._viewer.layers.selection.active = active


def level_colours(study: Study) -> dict[int, str]:
    """A colour for each level that objects hold to, from red (never found) to blue (never lost)."""
    from napari.utils.colormaps import ensure_colormap

    n = len(study.levels)
    found = ensure_colormap("turbo").map(np.linspace(0.92, 0.08, n + 2))
    as_hex = ["#" + "".join(f"{round(255 * float(c)):02x}" for c in rgba[:3]) for rgba in found]
    return dict(zip(range(-1, n + 1), as_hex, strict=True))


def _direct(colours: Mapping[int, str], others: str = "transparent") -> DirectLabelColormap:
    drawn: dict[int | None, str] = {None: others, 0: "transparent"}
    for number, colour in colours.items():
        drawn[number] = colour
    return DirectLabelColormap(color_dict=drawn)


def _as_labels(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels of a type that napari draws."""
    return labels if labels.dtype.kind in "iu" else labels.astype(np.int64)

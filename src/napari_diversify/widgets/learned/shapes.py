"""3D shapes that a model draws for labels in 2D, as layers."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import napari.layers
import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QSpinBox

from ...core.blocks import whole
from ...learned.folder import reference
from ...learned.shapes.prediction import Prediction
from ...model import bounds_of
from ...recipe import Recipe
from ...recipe.provenance import KEY
from ..live.feed import Feed
from ..live.layer_work import LayerWork, layer_box, rows_of
from ..live.layers import (
    deeper,
    displayed_index,
    levels_of,
    no_room,
    spacing_in_micrometres,
    spatial_state,
)
from ..live.ours import can_be_source, role_of
from ..qt.forms import leave_wheel, narrow
from ..qt.numbers import whole_numbers_only
from ..qt.parts import button, fill, row, sentence, tip
from ..synthetic.array import SpecimenView, values_of
from .use import undisturbed
from .watch import Model

_NO_IMAGE = "masks alone"
_AT_ONCE = 1 << 20
_BYTES = 8  # a voxel: frequency and probability


@dataclass(frozen=True, eq=False)
class Drawn:
    """Shapes, and where they lie: keywords for a layer (z, y, x)."""

    shapes: Prediction
    frequency: npt.NDArray[np.float32]
    probability: npt.NDArray[np.float32]
    features: dict[str, npt.NDArray[Any]]
    name: str
    place: dict[str, Any]
    entry: dict[str, Any]


class ShapesRow(LayerWork):
    """Which labels, with which image, shapes are drawn for, and how many of each.

    Parameters
    ----------
    viewer : ViewerModel
    """

    # shapes of   [masks v]
    # with image  [cells v]
    # samples     [5] seed [0]
    # [Draw shapes]
    done = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self._model: Model | None = None
        self.labels = layer_box(
            "shapes of",
            "Labels of the objects in a 2D picture; of a volume, the plane in view is taken.",
        )
        self.image = layer_box(
            "with image",
            "The picture of these objects. A model that has learned from pictures needs one.",
        )
        self.samples, self.seed = QSpinBox(), QSpinBox()
        self.samples.setRange(1, 1000)
        self.samples.setValue(5)
        self.samples.setToolTip(tip("samples", "How many shapes are drawn of each object."))
        self.seed.setRange(0, min(2**31 - 1, int(bounds_of(Recipe.model_fields["seed"])[1])))
        self.seed.setToolTip(
            tip("seed", "Another seed draws other shapes; the same one draws the same again.")
        )
        for number in (self.samples, self.seed):
            whole_numbers_only(number)
            narrow(number, 52)
            leave_wheel(number)
        self.button = button(
            "Draw shapes",
            "Draw 3D shapes that the objects may have, and add three layers: the samples, with an "
            "axis of their own and a table of features with their spread; how often a voxel is "
            "part of an object; and the same, corrected by how often that was right when the "
            "model was trained. The given plane is the one in the middle of z.",
        )
        layout = rows_of(self)
        layout.addRow("shapes of", self.labels)
        layout.addRow("with image", self.image)
        layout.addRow("samples", row(self.samples, QLabel("seed"), self.seed))
        layout.addRow(self.button)
        self.labels.currentIndexChanged.connect(self._list_images)
        self.button.clicked.connect(self.draw)
        self.hide()

    def setModel(self, model: Model | None) -> None:
        """Offer to draw with this model, if it draws shapes."""
        self._model = model
        self.setVisible(model is not None and model.card.task == "shapes")

    def draw(self) -> None:
        """Draw the shapes in a thread."""
        labels, image, model = self._layer(self.labels), self._layer(self.image), self._model
        if labels is None or model is None:
            self.refused.emit(
                "There are no labels to draw shapes for. Open them as a labels layer (for an image "
                "of integers: right-click it, Convert to Labels)."
            )
            return
        spacing = spacing_in_micrometres(labels, 2)
        if spacing is None:
            self.refused.emit(
                f"“{labels.name}” has no unit of length, and shapes are drawn in micrometres: set "
                "the scale and the units of the layer first."
            )
            return
        index = displayed_index(labels, self._viewer, labels.data.shape)[:-2]
        plane = tuple(0 if part == slice(None) else int(part.start) for part in index)
        arrays = labels.data, None if image is None else levels_of(image)[0]
        place = _place(labels, plane)
        samples, seed, name, folder = (
            self.samples.value(), self.seed.value(), labels.name, model.folder,
        )  # fmt: skip
        self._background.start(
            lambda: _drawn(folder, arrays, plane, spacing, samples, seed, name, place)
        )

    # ---- what comes back ----

    def _on_found(self, drawn: Drawn) -> None:
        shapes = drawn.shapes
        place, metadata = _in_z(drawn.place, shapes), {KEY: drawn.entry}
        view = SpecimenView(shapes.samples, "shapes", slow=True)
        feed = Feed([view], lambda: _AT_ONCE)
        fronts = feed.fronts()
        with undisturbed(self._viewer):
            for values, what, seen in (
                (drawn.probability, "probability", False),
                (drawn.frequency, "frequency", True),
            ):
                self._viewer.add_image(
                    values,
                    name=f"{drawn.name} {what}",
                    contrast_limits=(0, 1),
                    colormap="magma",
                    blending="additive",
                    visible=seen,
                    metadata=metadata,
                    **place,
                )
            feed.await_layer(self._viewer.layers)  # which asks it for what is in view
            samples = self._viewer.add_layer(
                napari.layers.Labels(
                    fronts[0],
                    name=f"{drawn.name} samples",
                    features=drawn.features,
                    opacity=0.5,
                    metadata=metadata,
                    **deeper(place, "sample", 1.0, "pixel"),
                )
            )
        samples.editable = False  # there is nothing to paint into
        dims = self._viewer.dims
        middle = place["translate"][0] + (shapes.size[0] // 2) * place["scale"][0]
        dims.set_point(dims.ndim - 3, middle)
        notes = "".join(f" {note[0].upper()}{note[1:]}." for note in shapes.notes)
        volume, spread = (drawn.features[f"{of}volume (µm³)"] for of in ("", "sd of "))
        relative = np.nanmedian(spread / volume) if shapes.number > 1 else np.nan
        varies = f", which differ by {relative:.0%} in volume" if np.isfinite(relative) else ""
        plural = "s" * (shapes.number > 1)
        self.done.emit(
            f"{shapes.number} shape{plural} of {len(shapes.numbers)} objects{varies}. Move along "
            f"the axis sample to see each; the features are those of the layer “{drawn.name} "
            f"samples”.{notes}"
        )

    def _on_failed(self, error: Exception) -> None:
        self.refused.emit(f"No shapes: {sentence(error)}")

    # ---- the lists ----

    def _list(self) -> None:
        names = self._names(
            lambda layer: (
                isinstance(layer, napari.layers.Labels)
                and role_of(layer) is None
                and layer.ndim < 4  # samples are no pictures
            )
        )
        self._offer(self.labels, names, "no labels layer")
        self.button.setEnabled(bool(names))
        self._list_images()

    def _list_images(self) -> None:
        labels = self._layer(self.labels)
        same = self._names(
            lambda layer: (
                labels is not None
                and can_be_source(layer)
                and not layer.rgb
                and levels_of(layer)[0].shape == labels.data.shape
            )
        )
        known = [self.image.itemText(n) for n in range(1, self.image.count())]
        chosen = self.image.currentText() if same == known else same[-1] if same else _NO_IMAGE
        fill(self.image, [_NO_IMAGE, *same], chosen, none=_NO_IMAGE)
        self.image.setEnabled(bool(same))


def _place(labels: Any, plane: tuple[int, ...]) -> dict[str, Any]:
    """Where the given plane lies, as keywords for a layer (z, y, x)."""
    state = spatial_state(labels)
    if labels.ndim == 2:
        return deeper(state, "z", 1.0, state["units"][-1])
    at = np.array(state["translate"], float)
    at[0] += plane[0] * state["scale"][0]
    return {**state, "translate": at}


def _in_z(place: dict[str, Any], shapes: Prediction) -> dict[str, Any]:
    """The same for all planes of the shapes: the given one is in their middle."""
    scale, at = np.array(place["scale"], float), np.array(place["translate"], float)
    unit = scale[-1] / shapes.spacing[-1]  # a micrometre, in the unit of the layer
    scale[0] = shapes.spacing[0] * unit
    at[0] -= (shapes.size[0] // 2) * scale[0]
    units = (place["units"][-1], *place["units"][1:])
    return {**place, "scale": scale, "translate": at, "units": units}


def _drawn(
    folder: Path,
    arrays: tuple[Any, Any],
    plane: tuple[int, ...],
    spacing: tuple[float, ...],
    samples: int,
    seed: int,
    name: str,
    place: dict[str, Any],
) -> Generator[tuple[int, int], None, Drawn]:
    """Work: draw all samples, and what follows from them."""
    yield 0, 0
    labels, image = (None if a is None else np.asarray(a[plane]) for a in arrays)
    assert labels is not None
    shapes = Prediction(folder, labels, image, spacing=spacing[-2:], samples=samples, seed=seed)
    if problem := no_room(_BYTES * int(np.prod(shapes.size)), "Crop the labels first"):
        raise MemoryError(problem)
    yield from shapes.drawing()
    yield 0, 0
    features = shapes.features()
    everywhere = whole(shapes.size)
    frequency = yield from values_of(shapes.frequency, everywhere)
    probability = yield from values_of(shapes.probability, everywhere)
    entry = {
        "shapes": {
            "model": reference(folder),
            "labels": name,
            "samples": samples,
            "seed": seed,
            "spacing": list(shapes.spacing),
            "notes": list(shapes.notes),
        }
    }
    return Drawn(shapes, frequency, probability, features, name, place, entry)

"""Take the parameters of a specimen from labels of the user's."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import napari.layers
import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from ...core.specimens.morphometry import Morphometry
from ...sentences import reason
from ...synthetic.plan import Plan
from ...synthetic.registry import KINDS
from ..live.layer_work import LayerWork, layer_box, rows_of
from ..live.layers import (
    displayed_index,
    guess_spatial_ndim,
    levels_of,
    spacing_in_micrometres,
    voxel_sizes_of,
)
from ..live.ours import role_of
from ..qt.parts import button, fill, row

_NO_LABELS = "no labels layer"
_NO_IMAGE = "no image"


@dataclass(frozen=True)
class Fitted:
    """The parameters of a kind of specimen that fit labels, and a sentence or two on them."""

    kind: str
    values: dict[str, Any]
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    said: str

    def applied_to(self, plan: Plan) -> Plan:
        """A plan with what was measured; the rest stays as it is."""
        return replace(plan.with_(**self.values), shape=self.shape, spacing=self.spacing)


class FitRow(LayerWork):
    """Which labels, and which image with them, a specimen should be like."""

    # fit to      [labels    v] [Fit]
    # with image  [no image  v]
    fitted = Signal(object)  # Fitted

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(viewer)
        self._plan = Plan()
        self.labels = layer_box(
            "fit to",
            "Labels of yours. Fit measures how many there are, how large and how long they are, "
            "how they lie, and sets the parameters so that synthetic ones are like them. Of "
            "membranes it sets the diameter of the cells.",
            12,
        )
        self.image = layer_box(
            "image",
            "The image that these labels belong to, of the same shape: from it brightness, its "
            "variation, texture, background and noise are taken. Without one they stay as they "
            "are.",
            12,
        )
        self.button = button("Fit", "Measure the labels and set all parameters that follow.")
        layout = rows_of(self)
        layout.addRow("fit to", row(self.labels, self.button))
        layout.addRow("with image", self.image)
        self.labels.currentIndexChanged.connect(self._list_images)

    def fit(self, kind: str) -> None:
        """Measure the chosen labels in a thread, for specimens of a kind."""
        labels = self._layer(self.labels)
        if labels is None:
            self.refused.emit(
                "There is no labels layer to fit to. Open your labels as a labels layer (for an "
                "image of integers: right-click it, Convert to Labels), then press Fit."
            )
            return
        ndim = guess_spatial_ndim(labels)
        spacing = spacing_in_micrometres(labels, ndim)
        note = ""
        if spacing is None:
            spacing = tuple(size or 1.0 for size in voxel_sizes_of(labels)[-ndim:])
            sizes = " × ".join(f"{size:g}" for size in spacing)
            note = f"Its axes have no unit of length: voxels are taken to be {sizes} µm."
        lead = displayed_index(labels, self._viewer, labels.data.shape)[: labels.ndim - ndim]
        at = tuple(slice(0, 1) if s == slice(None) else s for s in lead)
        for label, part in zip(labels.axis_labels, at, strict=False):
            note += f" Measured where {label} is {part.start}."
        # read in the thread, but of the layers as they are now
        layer = self._layer(self.image)
        arrays = labels.data, None if layer is None else levels_of(layer)[0]
        name = labels.name
        self._background.start(lambda: _fitted(kind, arrays, at, spacing, name, note))

    def _on_found(self, found: Fitted) -> None:
        self.fitted.emit(found)

    def _on_failed(self, error: Exception) -> None:
        name = self.labels.currentText()
        self.refused.emit(f"“{name}” cannot be fitted: {reason(error)}.")

    # ---- the lists ----

    def _list(self) -> None:
        names = self._names(
            lambda layer: isinstance(layer, napari.layers.Labels) and role_of(layer) is None
        )
        self._offer(self.labels, names, _NO_LABELS)
        self._list_images()

    def _list_images(self) -> None:
        labels = self._layer(self.labels)
        names = self._names(
            lambda layer: (
                labels is not None
                and isinstance(layer, napari.layers.Image)
                and role_of(layer) is None
                and not layer.rgb
                and levels_of(layer)[0].shape == levels_of(labels)[0].shape
            )
        )
        chosen = self.image.currentText() if self.image.count() else _NO_IMAGE
        fill(self.image, [_NO_IMAGE, *names], chosen, none=_NO_IMAGE)


def _fitted(
    kind: str,
    arrays: tuple[Any, Any],
    at: tuple[slice, ...],
    spacing: tuple[float, ...],
    name: str,
    note: str,
) -> Generator[tuple[int, int], None, Fitted]:
    """Work: measure labels, and what follows from them."""
    yield 0, 0  # nobody knows how long it will take
    voxels = [None if a is None else np.asarray(a[at]) for a in arrays]
    labels, image = (None if v is None else v.reshape(v.shape[len(at) :]) for v in voxels)
    assert labels is not None
    like, measured = yield from KINDS[kind].matching(labels, spacing, image)
    values = {field: getattr(like, field) for field in like.model_fields_set}
    said = " ".join((_said(measured, kind, name), note)).strip()
    return Fitted(kind, values, labels.shape, spacing, said)


def _said(found: Morphometry, kind: str, name: str) -> str:
    """What was found, as somebody would say it."""
    if found.objects == 1:
        return (
            f"“{name}”: one object, {found.diameter:.3g} µm in diameter, axis ratio "
            f"{found.axis_ratio:.2f}. How much objects vary cannot be told from one: variation and "
            "spread are 0."
        )
    cut = f", {found.objects - found.whole:,} of them cut by the border" * (
        found.whole < found.objects
    )
    what = (
        f"{found.diameter:.3g} µm in diameter (± {100 * found.diameter_variation:.0f} %), axis "
        f"ratio {found.axis_ratio:.2f}"
        if kind == "nuclei"
        else f"{found.touching:.0%} touch another"
    )
    return f"“{name}”: {found.objects:,} objects{cut}; {what}."

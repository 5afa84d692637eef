"""What a task needs beside its images: frames, masks to be like, labels."""

from __future__ import annotations

from typing import Any

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QWidget

from ...synthetic.plan import Plan
from ..live.layer_work import layer_box, rows_of
from ..live.layers import levels_of
from ..live.ours import can_be_source, role_of
from ..qt.dock import find_dock
from ..qt.parts import fill
from ..synthetic.dock import SyntheticDock

#: Noise models that cannot be measured in the image itself.
_CALIBRATED = ("mixture", "histogram")
_NO_FRAMES = "the image itself"
_USUAL, _AS_IN_DOCK = "usual nuclei", "the dock Synthetic nuclei"
_CELLS, _NO_IMAGE = "synthetic cells only", "masks alone"


class TaskInputs(QWidget):
    """The rows of one task at a time.

    Parameters
    ----------
    viewer : ViewerModel
    """

    # noise from  [the image itself v]      denoise
    # masks like  [usual nuclei     v]      dress
    # labels      [nuclei labels    v]      shapes
    # with image  [masks alone      v]
    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._kind = ""
        self.frames = layer_box(
            "noise from",
            "Frames of one static scene, a layer of four planes or more along its first axis, in "
            "which the noise is measured. Without any it is measured in the image itself, which "
            "the noise models mixture and histogram cannot do.",
        )
        self.like = layer_box(
            "masks like",
            "Labels of an image like yours: synthetic nuclei get their sizes, shapes and density. "
            "Without labels, set these in the dock Synthetic nuclei: count the nuclei in a plane "
            "of yours, and compare.",
        )
        self.labels = layer_box(
            "labels",
            "Objects that are labelled in 3D. Without any, shapes are learned from as many "
            "synthetic cells of six classes as are set below.",
        )
        self.image = layer_box(
            "with image",
            "The image of these labels: the network then looks at pictures, and needs them to draw "
            "shapes. Without one it learns from masks alone.",
        )
        form = rows_of(self)
        self._rows = {
            "noise from": (self.frames, "denoise"),
            "masks like": (self.like, "dress"),
            "labels": (self.labels, "shapes"),
            "with image": (self.image, "shapes"),
        }
        for name, (box, _) in self._rows.items():
            form.addRow(name, box)
        self.labels.currentIndexChanged.connect(self._list_images)
        for box, _ in self._rows.values():
            box.currentIndexChanged.connect(self.changed)
        self.look()

    def setTask(self, kind: str) -> None:
        """Show the rows of a task."""
        self._kind = kind
        form = self.layout()
        assert isinstance(form, QFormLayout)
        for box, task in self._rows.values():
            form.setRowVisible(box, task == kind)
        self.setVisible(any(task == kind for _, task in self._rows.values()))

    def look(self) -> None:
        """List what layers there are now."""
        before = self._texts()
        _keep(
            self.frames,
            [_NO_FRAMES],
            [la.name for la in self._viewer.layers if _greys(la)],
            at_first=False,
        )
        labels = [la for la in self._viewer.layers if _masks(la)]
        _keep(self.like, [_USUAL, _AS_IN_DOCK], [la.name for la in labels])
        _keep(self.labels, [_CELLS], [la.name for la in labels if la.ndim > 2])
        self._list_images()
        if self._texts() != before:
            self.changed.emit()

    def chosen(self, settings: Any) -> dict[str, Any]:
        """What is chosen for these settings, as :class:`.jobs.Wanted` takes it.

        Raises
        ------
        ValueError
            If something is missing; the message says what.
        """
        if self._kind == "denoise":
            frames = self._layer(self.frames)
            if settings.noise in _CALIBRATED and frames is None:
                raise ValueError(
                    f"the noise model “{settings.noise}” is fitted to calibration frames: choose "
                    "their layer beside “noise from”, or take “photon transfer”"
                )
            return {"frames": frames}
        if self._kind == "dress":
            return {"specimen": self._specimen(), "like": self._layer(self.like)}
        if self._kind == "shapes":
            labels = self._layer(self.labels)
            if labels is None and not settings.cells:
                raise ValueError(
                    "shapes are learned from 3D labels: choose their layer beside “labels”, or "
                    "set a number of synthetic cells"
                )
            image = None if labels is None else self._layer(self.image)
            return {"labels": labels, "layers": () if image is None else (image,)}
        return {}

    @property
    def named_after(self) -> str:
        """The layer that shapes are learned from, or what they are learned from."""
        labels = self._layer(self.labels)
        return "cells" if labels is None else str(labels.name)

    def _texts(self) -> list[str]:
        return [box.currentText() for box, _ in self._rows.values()]

    def _specimen(self) -> dict[str, Any]:
        dock = None
        if self.like.currentText() == _AS_IN_DOCK:
            dock = find_dock(self._viewer, SyntheticDock)
            if dock is None:
                raise ValueError("open the dock Synthetic nuclei first: Plugins > Synthetic nuclei")
            if dock.value().model.kind != "nuclei":
                raise ValueError("the dock Synthetic nuclei shows membranes: choose nuclei there")
        plan = Plan() if dock is None else dock.value()
        return plan.record()

    def _list_images(self) -> None:
        labels = self._layer(self.labels)
        same = [
            la.name
            for la in self._viewer.layers
            if labels is not None
            and _greys(la)
            and levels_of(la)[0].shape == levels_of(labels)[0].shape
        ]
        _keep(self.image, [_NO_IMAGE], same)
        self.image.setEnabled(bool(same))

    def _layer(self, box: Any) -> Any:
        """The layer chosen in a list, or None."""
        first = {_NO_FRAMES, _USUAL, _AS_IN_DOCK, _CELLS, _NO_IMAGE}
        name = box.currentText()
        if name in first:
            return None
        return next((la for la in self._viewer.layers if la.name == name), None)


def _keep(box: Any, first: list[str], names: list[str], *, at_first: bool = True) -> None:
    """List what can always be chosen, and layers; at first, the newest of these is chosen."""
    there = [box.itemText(n) for n in range(box.count())]
    if there == first + names:
        return
    before = box.currentText() if there else None
    fresh = at_first and names and before in (None, first[0]) and len(there) <= len(first)
    fill(box, first + names, names[-1] if fresh else before, none=first[0])


def _greys(layer: Any) -> bool:
    return can_be_source(layer) and not layer.rgb


def _masks(layer: Any) -> bool:
    return isinstance(layer, napari.layers.Labels) and role_of(layer) is None

"""The probe for hidden signals, as a view: objects of labels that the image does not show."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import napari.layers
import numpy as np
import numpy.typing as npt
import scipy
from napari.components import ViewerModel
from napari.utils.colormaps import DirectLabelColormap, ensure_colormap
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFormLayout,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from ...core.contrast.detector_noise import NoiseLaw, noise_law
from ...core.measures.hidden import VISIBLE, HiddenProbe, probe_hidden
from ...core.spectral.lowpass import hidden_signal
from ...learned.dressing.model import DressingModel
from ..live.layer_work import LayerWork, layer_box
from ..live.layers import displayed_index, guess_spatial_ndim, levels_of, no_room, spatial_state
from ..live.ours import can_be_source, role_of
from ..models.chooser import ModelChooser
from ..qt.forms import leave_wheel, narrow
from ..qt.numbers import DecimalBox
from ..qt.parts import button, fill, row, sentence, tip
from ..qt.switch import switch
from ..qt.words import Words
from .use import undisturbed

_ITSELF = "the image itself"
_BYTES = 40  # a voxel, while it is looked at
_ROWS = 500  # of the table, those that are seen worst
_CLEAR = 20.0  # contrast of the last colour
_UNSEEN = (1.0, 0.6, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Probed:
    """What a probe has found, and of which layers."""

    probe: HiddenProbe
    labels: npt.NDArray[Any]
    residual: npt.NDArray[np.float32]
    middles: npt.NDArray[np.float64]
    name: str
    place: dict[str, Any]


class ProbeView(LayerWork):
    """Which image and labels, what the noise is, and what was found.

    Parameters
    ----------
    viewer : ViewerModel
    """

    # image        [cells v]
    # labels       [masks v]
    # model        [no model v]
    # noise from   [the image itself v]
    # cutoff       [0.50] [ ] dark   [Probe]
    # (what it comes to)
    # label  contrast  trace  found
    done = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self._probed: Probed | None = None
        self.image = layer_box("image", "An image, generated or real.")
        self.labels = layer_box(
            "labels",
            "Labels that are said to belong to it: each object is asked whether the image shows "
            "it.",
        )
        self.model = ModelChooser("dress", "no model")
        self.model.setToolTip(
            tip(
                "model",
                "A model that dresses masks: it is asked for the objects that cannot be seen. What "
                "it finds all the same it can only know from a hidden signal.",
            )
        )
        self.noise = layer_box(
            "noise from",
            "What objects must stand out from: the noise of the image itself, or, for generated "
            "images, that of a real one, as generators leave noise out. With a model, “the image "
            "itself” is the real images that it was trained on.",
        )
        self.cutoff = DecimalBox()
        self.cutoff.setRange(0.05, 1.4)
        self.cutoff.setSingleStep(0.05)
        self.cutoff.setValue(0.5)
        self.cutoff.setToolTip(
            tip("cutoff", "Where high frequencies begin. Unit: Nyquist frequency. Default: 0.5.")
        )
        narrow(self.cutoff, 70)
        leave_wheel(self.cutoff)
        self.dark = switch("dark", "The objects are darker than the background.")
        self.button = button(
            "Probe",
            "Measure the contrast of each object in units of the noise, and add two layers: the "
            "labels, coloured by contrast (orange: cannot be seen), and what lies above the "
            "cutoff, equalised, in which a hidden picture would show.",
        )
        self.words = Words()
        self.table = QTreeWidget()
        self.table.setHeaderLabels(["label", "contrast", "trace", "found"])
        self.table.setRootIsDecorated(False)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setMinimumHeight(160)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.setToolTip(
            tip(
                "objects",
                "Those that are seen worst come first; click one to go there. Contrast: in "
                "standard deviations of the noise; below 1 it cannot be seen. Trace: how strong "
                "the high frequencies are in the object, beside the background; about 1 where "
                "nothing is hidden. Found: whether the model has it.",
            )
        )
        self.table.header().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._lay_out()
        self.image.currentIndexChanged.connect(self._list_labels)
        self.model.refused.connect(self.refused)
        self.button.clicked.connect(self.probe)
        self.table.itemClicked.connect(self._go_to)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("image", self.image)
        form.addRow("labels", self.labels)
        form.addRow("model", self.model)
        form.addRow("noise from", self.noise)
        form.addRow("cutoff", row(self.cutoff, self.dark, self.button))
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.words)
        layout.addWidget(self.table, stretch=1)

    def cancel(self) -> None:
        """Stop; nothing will come of it."""
        super().cancel()
        self.model.cancel()

    def probe(self) -> None:
        """Measure, in a thread."""
        image, labels, like = (self._layer(box) for box in (self.image, self.labels, self.noise))
        if image is None or labels is None:
            self.refused.emit("The probe needs an image, and labels of the same shape.")
            return
        ndim, array = guess_spatial_ndim(image), levels_of(image)[0]
        shape = array.shape[-ndim:]
        if problem := no_room(_BYTES * math.prod(shape), "Crop the image first"):
            self.refused.emit(f"“{image.name}” cannot be probed: {problem}.")
            return
        lead = displayed_index(image, self._viewer, array.shape)[: image.ndim - ndim]
        at = tuple(0 if part == slice(None) else int(part.start) for part in lead)
        place = spatial_state(image)
        place["translate"] = np.array(place["translate"], float)
        for axis, n in enumerate(at):
            place["translate"][axis] += n * place["scale"][axis]
        real = None if like is None else levels_of(like)[0]
        settings = {"cutoff": self.cutoff.value(), "dark": self.dark.isChecked()}
        arrays, model, name = (array, labels.data, real), self.model.model, labels.name
        self._background.start(lambda: _probed(arrays, at, model, settings, name, place))

    # ---- what comes back ----

    def _on_found(self, probed: Probed) -> None:
        self._probed, probe = probed, probed.probe
        lead = len(probed.place["scale"]) - probed.labels.ndim

        def shaped(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return values.reshape((1,) * lead + values.shape)

        table: dict[str, Any] = {
            "label": probe.numbers,
            "index": probe.numbers,
            "contrast": probe.contrast,
            "unseen": probe.unseen,
            "trace": probe.trace,
        }
        if probe.found is not None:
            table["found"] = probe.found
        with undisturbed(self._viewer):
            self._viewer.add_image(
                shaped(probed.residual),
                name=f"{probed.name} residual",
                contrast_limits=(0, 1),
                visible=False,
                **probed.place,
            )
            self._viewer.add_labels(
                shaped(probed.labels),
                name=f"{probed.name} contrast",
                colormap=DirectLabelColormap(color_dict=_colours(probe)),
                features=table,
                opacity=0.5,
                **probed.place,
            )
        self.words.setText(_said(probed))
        self.table.clear()
        worst = np.argsort(probe.contrast)[:_ROWS]
        self.table.addTopLevelItems([_item(probe, int(k)) for k in worst])
        self.done.emit(
            f"The layer “{probed.name} contrast” shows contrasts, orange what cannot be seen; the "
            f"hidden layer “{probed.name} residual” what lies above the cutoff."
        )

    def _on_failed(self, error: Exception) -> None:
        self.refused.emit(f"Not probed: {sentence(error)}")

    def _go_to(self, item: QTreeWidgetItem) -> None:
        """Show an object in the middle of the view."""
        if self._probed is None:
            return
        name = f"{self._probed.name} contrast"
        layer = next((la for la in self._viewer.layers if la.name == name), None)
        k = item.data(0, Qt.ItemDataRole.UserRole)
        if layer is None:
            return
        layer.selected_label = int(self._probed.probe.numbers[k])
        lead = layer.ndim - self._probed.labels.ndim
        point = layer.data_to_world((0,) * lead + tuple(self._probed.middles[k]))
        dims = self._viewer.dims
        for axis, value in enumerate(point, dims.ndim - len(point)):
            if axis in dims.not_displayed:
                dims.set_point(axis, value)
        world = dict(enumerate(point, dims.ndim - len(point)))
        middle = [world.get(axis, 0.0) for axis in dims.displayed]
        self._viewer.scene.camera.center = (0.0,) * (3 - len(middle)) + tuple(middle)

    # ---- the lists ----

    def _list(self) -> None:
        names = self._names(lambda layer: can_be_source(layer) and not layer.rgb)
        self._offer(self.image, names, "no image layer")
        like = self.noise.currentText() if self.noise.count() else _ITSELF
        fill(self.noise, [_ITSELF, *names], like, none=_ITSELF)
        self._list_labels()

    def _list_labels(self) -> None:
        image = self._layer(self.image)
        names = self._names(
            lambda layer: (
                image is not None
                and isinstance(layer, napari.layers.Labels)
                and role_of(layer) is None
                and layer.data.shape == levels_of(image)[0].shape
            )
        )
        self._offer(self.labels, names, "no labels of its shape")
        self.button.setEnabled(bool(names))


def _probed(
    arrays: tuple[Any, Any, Any],
    at: tuple[int, ...],
    model: str,
    settings: dict[str, Any],
    name: str,
    place: dict[str, Any],
) -> Generator[tuple[int, int], None, Probed]:
    """Work: measure all objects, and compute the residual plane by plane."""
    yield 0, 0
    image, labels = np.asarray(arrays[0][at]), np.array(arrays[1][at])
    lead = list(np.ndindex(image.shape[:-2]))
    pieces = len(lead) * (2 if model else 1) + 1
    noise: NoiseLaw | None = None
    found = None
    done = 0
    if model:
        dressing = DressingModel(model)
        noise, found = dressing.noise, np.empty(image.shape, np.uint16)
        for n in lead:
            yield done, pieces
            found[n] = dressing.masks(image[n])
            done += 1
    if arrays[2] is not None:
        real = arrays[2]
        noise = noise_law(np.asarray(real[tuple(n // 2 for n in real.shape[:-2])]))
    residual = np.empty(image.shape, np.float32)
    for n in lead:
        yield done, pieces
        residual[n] = hidden_signal(image[n], settings["cutoff"]).equalised
        done += 1
    yield done, pieces
    probe = probe_hidden(image, labels, found=found, noise=noise, **settings)
    middles = scipy.ndimage.center_of_mass(labels > 0, labels, probe.numbers)
    centres = np.array(middles).reshape(-1, image.ndim)
    return Probed(probe, labels, residual, centres, name, place)


def _colours(probe: HiddenProbe) -> dict[int | None, Any]:
    """Orange for what cannot be seen; from dark to bright, the rest."""
    share = np.log(np.maximum(probe.contrast, VISIBLE) / VISIBLE) / math.log(_CLEAR)
    seen = ensure_colormap("viridis").map(np.clip(np.nan_to_num(share), 0, 1))
    colours: dict[int | None, Any] = {None: (0, 0, 0, 0), 0: (0, 0, 0, 0)}
    for number, unseen, colour in zip(probe.numbers, probe.unseen, seen, strict=True):
        colours[int(number)] = _UNSEEN if unseen else tuple(colour)
    return colours


def _said(probed: Probed) -> str:
    """What a probe comes to."""
    probe = probed.probe
    objects, unseen = probe.numbers.size, int(probe.unseen.sum())
    if not objects:
        return "The labels hold no objects."
    said = [
        f"{unseen:,} of {objects:,} objects ({unseen / objects:.1%}) cannot be seen.",
        f"Contrast: median {probe.percentile(50):.1f}, 5th percentile {probe.percentile(5):.1f} "
        "standard deviations of the noise.",
        f"{probe.energy:.2%} of the image’s energy lies above the cutoff.",
    ]
    if unseen and math.isfinite(probe.unseen_trace):
        said.append(f"Trace of unseen objects: {probe.unseen_trace:.2f}.")
    if probe.found is not None:
        hidden = int((probe.unseen & probe.found).sum())
        said.append(f"The model finds {hidden:,} of the unseen objects all the same.")
    return " ".join(said)


def _item(probe: HiddenProbe, k: int) -> QTreeWidgetItem:
    found = "" if probe.found is None else "yes" if probe.found[k] else "no"
    trace = "–" if not math.isfinite(probe.trace[k]) else f"{probe.trace[k]:.2f}"
    item = QTreeWidgetItem([str(probe.numbers[k]), f"{probe.contrast[k]:.2f}", trace, found])
    item.setData(0, Qt.ItemDataRole.UserRole, k)
    return item

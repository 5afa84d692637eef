"""The head of the dock: which image, its intensity range and axes, the seed of the noise."""

from __future__ import annotations

import secrets

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QWidget,
)
from superqt import QLargeIntSpinBox
from superqt.utils import signals_blocked

from ...model import bounds_of
from ...recipe import Recipe
from ..live.layers import guess_spatial_ndim
from ..qt.forms import narrow, tooltip_of
from ..qt.numbers import DecimalBox, whole_numbers_only
from .source import SourcePicker

_SAMPLE_TOOLTIP = (
    "<p><b>sample</b><br>Each number gives another, independent noise from the same seed: "
    "sample i is what <code>recipe.apply(image, sample=i)</code> makes.</p>"
    "<p>Range: 0 to 4294967295. Default: 0.</p>"
)


class SourcePanel(QWidget):
    """Shows and edits what a recipe says about the image as a whole."""

    # image  [ active image: nuclei  v]
    # range  [   0 ] - [ 65535 ] [auto]
    # axes   [ volumes (z, y, x)     v]
    # seed   [ 42 ] [new]   sample [ 0 ]
    sourceChanged = Signal(object)  # napari.layers.Image or None
    valueChanged = Signal(object)  # Recipe
    sampleChanged = Signal(object)  # int, beyond 32 bits
    autoRequested = Signal()  # measure the range
    refused = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._recipe = Recipe()
        self._least_decimals = 0
        self._guessed_for: object = ()  # the image whose axes were guessed; None: not to be
        fields = Recipe.model_fields
        self.picker = SourcePicker(viewer)
        self.low, self.high = DecimalBox(), DecimalBox()
        for box in (self.low, self.high):
            box.setRange(-1e19, 1e19)
            box.setKeyboardTracking(False)
            box.setToolTip(tooltip_of("intensity_range", fields["intensity_range"]))
            narrow(box, 84)
        self.low.valueChanged.connect(self._on_low_typed)
        self.high.valueChanged.connect(self._on_high_typed)
        self.auto = QCheckBox("auto")
        self.auto.setChecked(True)
        self.auto.setToolTip(
            "<p><b>auto</b><br>Measure lowest and highest intensity of the image and use them.</p>"
        )
        self.auto.clicked.connect(self._on_auto_clicked)
        self.axes = QComboBox()
        self.axes.addItem("volumes (z, y, x)", 3)
        self.axes.addItem("separate planes (y, x)", 2)
        self.axes.setToolTip(tooltip_of("spatial_ndim", fields["spatial_ndim"]))
        self.axes.currentIndexChanged.connect(self._on_axes_chosen)
        self.seed = _whole_number(tooltip_of("seed", fields["seed"]), bounds_of(fields["seed"])[1])
        self.seed.valueChanged.connect(self._on_seed_typed)
        self.dice = QPushButton("new")
        self.dice.setToolTip("<p><b>new</b><br>Take another seed at random.</p>")
        self.dice.clicked.connect(self._on_dice)
        self.sample = _whole_number(_SAMPLE_TOOLTIP, bounds_of(fields["sample"])[1])
        self.sample.valueChanged.connect(self.sampleChanged)

        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.addRow("image", self.picker)
        layout.addRow("range", _row((self.low, 1), QLabel("–"), (self.high, 1), self.auto))
        layout.addRow("axes", self.axes)
        layout.addRow("seed", _row((self.seed, 2), self.dice, QLabel("sample"), (self.sample, 1)))
        self.picker.sourceChanged.connect(self._on_source_changed)

    def value(self) -> Recipe:
        """The recipe, with all changes made by the user."""
        return self._recipe

    def setValue(self, recipe: Recipe) -> None:
        """Show a recipe."""
        self._recipe = recipe
        with signals_blocked(self.seed), signals_blocked(self.axes):
            self.seed.setValue(recipe.seed)
            self.axes.setCurrentIndex(self.axes.findData(self.spatialNdim()))
        if recipe.intensity_range is not None:
            with signals_blocked(self.low), signals_blocked(self.high):
                for box, value in zip((self.low, self.high), recipe.intensity_range, strict=True):
                    # no more digits than the numbers have, so that short ones look short
                    box.setDecimals(max(self._least_decimals, _decimals(value)))
                    box.setValue(value)
                    box.setSingleStep(max(abs(value) / 100, 10.0 ** -box.decimals()))

    def setSample(self, sample: int) -> None:
        """Show a sample number."""
        with signals_blocked(self.sample):
            self.sample.setValue(sample)

    def keepAxes(self) -> None:
        """Leave the axes of this recipe as they are, for this image or the first to come."""
        source = self.picker.source()
        self._guessed_for = None if source is None else (source.unique_id, source.ndim)

    def spatialNdim(self) -> int:
        """How many axes of the source are space."""
        source = self.picker.source()
        if source is None or source.ndim < 3:
            return 2
        return self._recipe.spatial_ndim or 3

    def _on_source_changed(self, source: napari.layers.Image | None) -> None:
        self.axes.setEnabled(source is not None and source.ndim > 2)
        if source is not None:
            self._least_decimals = 0 if source.dtype.kind in "iu" else 3
            if self.auto.isChecked():
                self._recipe = self._recipe.replace(intensity_range=None)
            image = (source.unique_id, source.ndim)
            if self._guessed_for not in (None, image) or source.ndim == 2:
                self._recipe = self._recipe.replace(spatial_ndim=guess_spatial_ndim(source))
            self._guessed_for = image
            self.setValue(self._recipe)
        self.sourceChanged.emit(source)

    def _change(self, **values: object) -> bool:
        try:
            self._recipe = self._recipe.replace(**values)
        except ValueError as error:
            self.setValue(self._recipe)
            self.refused.emit(str(error))
            return False
        self.valueChanged.emit(self._recipe)
        return True

    # one end is typed, the other stays as it is, to the last digit
    def _on_low_typed(self, low: float) -> None:
        self._change_range(low, (self._recipe.intensity_range or (low, self.high.value()))[1])

    def _on_high_typed(self, high: float) -> None:
        self._change_range((self._recipe.intensity_range or (self.low.value(), high))[0], high)

    def _change_range(self, low: float, high: float) -> None:
        auto = self.auto.isChecked()
        self.auto.setChecked(False)
        if not self._change(intensity_range=(low, high)):
            self.auto.setChecked(auto)

    def _on_auto_clicked(self, checked: bool) -> None:
        if checked:
            self.autoRequested.emit()

    def _on_axes_chosen(self) -> None:
        self._change(spatial_ndim=self.axes.currentData())

    def _on_seed_typed(self) -> None:
        self._change(seed=int(self.seed.value()))

    def _on_dice(self) -> None:
        self.seed.setValue(secrets.randbelow(10_000))


def _decimals(value: float) -> int:
    """Decimals that a number needs to be written exactly enough to be read."""
    text = f"{value:.6g}"
    return min(len(text.partition(".")[2]), 9) if "e" not in text else 9


def _row(*parts: QWidget | tuple[QWidget, int]) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        widget, stretch = part if isinstance(part, tuple) else (part, 0)
        layout.addWidget(widget, stretch)
    return row


def _whole_number(tooltip: str, highest: float) -> QLargeIntSpinBox:
    box = whole_numbers_only(QLargeIntSpinBox())
    box.setRange(0, int(highest))
    box.setKeyboardTracking(False)
    box.setToolTip(tooltip)
    narrow(box, 72)
    return box

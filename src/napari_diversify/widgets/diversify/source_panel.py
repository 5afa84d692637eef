"""The head of the dock: which image, its intensity range and axes, the seed of the noise."""

from __future__ import annotations

import secrets
from contextlib import ExitStack

from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
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
from ..qt.forms import narrow, tooltip_of
from ..qt.numbers import DecimalBox, decimals_that_matter, whole_numbers_only
from ..qt.switch import switch
from .source import SourcePicker

_DECIMALS = 9  # that can be typed
_SAMPLE_TOOLTIP = (
    "<p><b>sample</b><br>Each number gives another, independent noise from the same seed: "
    "sample i is what <code>recipe.apply(image, sample=i)</code> makes.</p>"
    "<p>Range: 0 to 4294967295. Default: 0.</p>"
)


class SourcePanel(QWidget):
    """Shows what a recipe says about the image as a whole, and wishes for other values.

    What it shows is set from outside, after every wish that is granted.
    """

    # image  [ active image: nuclei  v]
    # range  [   0 ] - [ 65535 ] [auto]
    # axes   [ volumes (z, y, x)     v]
    # seed   [ 42 ] [new]   sample [ 0 ]
    sourceChanged = Signal(object)  # napari.layers.Image or None, or its array replaced
    edited = Signal(object)  # {parameter of the recipe: value}
    autoWished = Signal(bool)  # whether the range is to be that of the image
    refused = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._recipe = Recipe()
        self._shown: tuple[Recipe, bool, int | None] | None = None
        fields = Recipe.model_fields
        self.picker = SourcePicker(viewer)
        self.low, self.high = DecimalBox(), DecimalBox()
        for box in (self.low, self.high):
            box.setRange(-1e19, 1e19)
            box.setDecimals(_DECIMALS)
            box.setKeyboardTracking(False)
            box.setToolTip(tooltip_of("intensity_range", fields["intensity_range"]))
            narrow(box, 52, buttons=False)
        self.low.valueChanged.connect(self._on_low_typed)
        self.high.valueChanged.connect(self._on_high_typed)
        self.auto = switch(
            "auto", "Measure lowest and highest intensity of the image and use them."
        )
        self.auto.toggled.connect(self.autoWished)
        self.axes = QComboBox()
        self.axes.addItem("volumes (z, y, x)", 3)
        self.axes.addItem("separate planes (y, x)", 2)
        self.axes.setMinimumContentsLength(12)
        self.axes.setToolTip(tooltip_of("spatial_ndim", fields["spatial_ndim"]))
        self.axes.currentIndexChanged.connect(self._on_axes_chosen)
        self.seed = _whole_number(tooltip_of("seed", fields["seed"]), bounds_of(fields["seed"])[1])
        self.seed.valueChanged.connect(self._on_seed_typed)
        self.dice = QPushButton("new")
        self.dice.setToolTip("<p><b>new</b><br>Take another seed at random.</p>")
        self.dice.clicked.connect(self._on_dice)
        self.sample = _whole_number(_SAMPLE_TOOLTIP, bounds_of(fields["sample"])[1])
        self.sample.valueChanged.connect(self._on_sample_typed)

        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.addRow("image", self.picker)
        layout.addRow("range", _row((self.low, 1), QLabel("–"), (self.high, 1), self.auto))
        layout.addRow("axes", self.axes)
        layout.addRow("seed", _row((self.seed, 2), self.dice, QLabel("sample"), (self.sample, 1)))
        self.picker.sourceChanged.connect(self.sourceChanged)

    def setValue(self, recipe: Recipe, automatic: bool) -> None:
        """Show a recipe, and whether its range is that of the image."""
        source = self.picker.source()
        to_show = recipe, automatic, None if source is None else source.ndim
        if to_show == self._shown and self.auto.isChecked() == automatic:
            return  # a slider event: nothing of it is seen here
        self._recipe, self._shown = recipe, to_show
        flat = source is not None and source.ndim < 3
        ndim = 2 if source is None or flat else recipe.spatial_ndim or 3
        boxes = (self.auto, self.axes, self.seed, self.sample, self.low, self.high)
        with ExitStack() as stack:
            for box in boxes:
                stack.enter_context(signals_blocked(box))
            self.auto.setChecked(automatic)
            self.axes.setEnabled(source is not None and not flat)
            self.axes.setCurrentIndex(self.axes.findData(ndim))
            self.seed.setValue(recipe.seed)
            self.sample.setValue(recipe.sample)
            if recipe.intensity_range is not None:
                self._show_range(*recipe.intensity_range)

    def _show_range(self, low: float, high: float) -> None:
        for box, value in ((self.low, low), (self.high, high)):
            decimals = decimals_that_matter(value, high - low)
            if box.value() != value:
                box.setValue(value)
            box.setShownDecimals(decimals)
            box.setSingleStep(max(abs(value) / 100, 10.0**-decimals))

    def _wish(self, **values: object) -> None:
        try:
            self._recipe.replace(**values)
        except ValueError as error:
            self._shown = None
            self.setValue(self._recipe, self.auto.isChecked())
            self.refused.emit(str(error))
        else:
            self.edited.emit(values)

    # one end is typed, the other stays as it is, to the last digit
    def _on_low_typed(self, low: float) -> None:
        high = (self._recipe.intensity_range or (low, self.high.value()))[1]
        self._wish(intensity_range=(low, high))

    def _on_high_typed(self, high: float) -> None:
        low = (self._recipe.intensity_range or (self.low.value(), high))[0]
        self._wish(intensity_range=(low, high))

    def _on_axes_chosen(self) -> None:
        self._wish(spatial_ndim=self.axes.currentData())

    def _on_seed_typed(self) -> None:
        self._wish(seed=int(self.seed.value()))

    def _on_sample_typed(self) -> None:
        self._wish(sample=int(self.sample.value()))

    def _on_dice(self) -> None:
        self.seed.setValue(secrets.randbelow(10_000))


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
    narrow(box, 48, buttons=False)
    return box

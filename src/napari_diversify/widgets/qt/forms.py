"""A form derived from a model: one control per field, with its bounds, unit and tooltip.

Every widget of ours speaks three words: ``value()`` returns a frozen model,
``setValue(model)`` shows one, ``valueChanged`` fires once per change made by
the user. The form keeps the model itself; a control that shows fewer decimals
than a number has never changes the number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, TypeAlias, get_args, get_origin

from magicgui.widgets import ComboBox, SpinBox
from pydantic.fields import FieldInfo
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QWidget,
)
from superqt import QDoubleSlider
from superqt.utils import signals_blocked

from ...model import Model, bounds_of, extra_of
from .numbers import DecimalBox, whole_numbers_only

_MOST_DECIMALS = 9
_BUTTON_PX, _MARGIN_PX = 12, 4
_NARROW = (
    "QAbstractSpinBox {{ min-width: {width}px; padding: 1px {side}px; }}"
    "QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: {button}px; }}"
)


class _WheelGuard(QObject):
    """Leaves the wheel to whatever scrolls, unless a control has the focus."""

    def eventFilter(self, control: QObject, event: QEvent) -> bool:
        """Pass the wheel on."""
        if event.type() != QEvent.Type.Wheel or not isinstance(control, QWidget):
            return False
        if control.hasFocus():
            return False
        event.ignore()
        return True


def leave_wheel(*controls: QWidget) -> None:
    """Have controls in a column that scrolls take the wheel only if they have the focus."""
    for control in controls:
        control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        control.installEventFilter(_WheelGuard(control))


class NumberControl(QWidget):
    """A slider over a handy range beside a box that takes any number in bounds.

    A number of which ``decimals`` would show hardly a digit is shown with more of them. An end of
    the bounds that is ``open`` is not reached: the box ends one of its smallest steps before it.
    """

    # [------o------] [ 2.40 ]
    valueChanged = Signal(float)

    def __init__(
        self,
        handy: tuple[float, float],
        bounds: tuple[float, float],
        *,
        decimals: int = 2,
        open_ends: tuple[bool, bool] = (False, False),
    ) -> None:
        super().__init__()
        self._decimals, self._bounds, self._open = decimals, bounds, open_ends
        self._slider = QDoubleSlider(Qt.Orientation.Horizontal)
        self._box = DecimalBox()
        self._box.setKeyboardTracking(False)
        self._show_decimals(decimals)
        narrow(self._box, 60, buttons=False)  # the slider is there for the mouse
        self._slider.setMinimumWidth(60)
        self.setHandyRange(*handy)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        leave_wheel(self._slider, self._box)
        layout.addWidget(self._slider, stretch=3)
        layout.addWidget(self._box, stretch=1)
        self._slider.valueChanged.connect(self._on_slid)
        self._box.valueChanged.connect(self._on_typed)

    def value(self) -> float:
        """The number shown."""
        return float(self._box.value())

    def setValue(self, value: float) -> None:
        """Show a number; the slider's range grows if it lies outside."""
        with signals_blocked(self._slider), signals_blocked(self._box):
            low, high = self._slider.minimum(), self._slider.maximum()
            if not low <= value <= high:
                self._slider.setRange(min(low, value), max(high, value))
            self._slider.setValue(value)
            self._show_decimals(max(self._decimals, _decimals_of(value)))
            self._box.setValue(value)

    def setBounds(self, bounds: tuple[float, float]) -> None:
        """Set the lowest and highest number that can be typed."""
        self._bounds = bounds
        self._show_decimals(self._box.decimals())

    def setHandyRange(self, low: float, high: float) -> None:
        """Set the range of the slider."""
        with signals_blocked(self._slider):
            self._slider.setRange(low, high)
            self._slider.setSingleStep(max((high - low) / 100, 0 if self._decimals else 1))
            self._slider.setPageStep((high - low) / 10)
        self._box.setSingleStep(max((high - low) / 100, 10.0 ** -self._box.decimals()))

    def _on_slid(self, value: float) -> None:
        # what the box shows is what is meant: no digits behind the scenes
        before = self._box.value()
        with signals_blocked(self._box):
            if self._decimals:
                self._show_decimals(max(self._decimals, _decimals_of(value)))
            self._box.setValue(value)
        if self._box.value() != before:
            self.valueChanged.emit(self._box.value())

    def _show_decimals(self, decimals: int) -> None:
        (low, high), step = self._bounds, 10.0**-decimals
        with signals_blocked(self._box):
            self._box.setDecimals(decimals)
            self._box.setRange(low + step * self._open[0], high - step * self._open[1])

    def _on_typed(self, value: float) -> None:
        self.setValue(value)
        self.valueChanged.emit(value)


class AxesControl(QWidget):
    """One spin box per axis: z [5] y [5] x [5]."""

    valueChanged = Signal(tuple)

    def __init__(self, axes: Iterable[str], bounds: tuple[float, float], step: int = 1) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._boxes: list[SpinBox] = []
        for axis in axes:
            box = SpinBox(value=int(bounds[0]), min=int(bounds[0]), max=int(bounds[1]), step=step)
            whole_numbers_only(box.native).setKeyboardTracking(False)
            narrow(box.native, 50, buttons=bounds[1] <= 999)  # room for digits
            leave_wheel(box.native)
            box.changed.connect(self._on_changed)
            layout.addWidget(QLabel(axis))
            layout.addWidget(box.native, stretch=1)
            self._boxes.append(box)

    def value(self) -> tuple[int, ...]:
        """The numbers shown."""
        return tuple(int(box.value) for box in self._boxes)

    def setValue(self, value: tuple[int, ...]) -> None:
        """Show one number per axis."""
        for box, number in zip(self._boxes, value, strict=True):
            with box.changed.blocked():
                box.value = number

    def setAxisEnabled(self, axis: int, enabled: bool) -> None:
        """Grey out an axis that does not count."""
        self._boxes[axis].enabled = enabled

    def _on_changed(self) -> None:
        self.valueChanged.emit(self.value())


class SwitchControl(QCheckBox):
    """A check box."""

    valueChanged = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.toggled.connect(self.valueChanged)

    def value(self) -> bool:
        """Whether it is on."""
        return bool(self.isChecked())

    def setValue(self, value: bool) -> None:
        """Switch it on or off."""
        with signals_blocked(self):
            self.setChecked(value)


class ChoiceControl(QWidget):
    """A list of words to choose from, or a box for whole numbers: magicgui's value widgets."""

    valueChanged = Signal(object)

    def __init__(self, widget: SpinBox | ComboBox) -> None:
        super().__init__()
        self._widget = widget
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        leave_wheel(widget.native)
        layout.addWidget(widget.native)
        widget.changed.connect(self._on_changed)

    def value(self) -> Any:
        """What is chosen."""
        return self._widget.value

    def setValue(self, value: Any) -> None:
        """Show a choice."""
        with self._widget.changed.blocked():
            self._widget.value = value

    def _on_changed(self, value: Any) -> None:
        self.valueChanged.emit(value)


Control: TypeAlias = NumberControl | AxesControl | SwitchControl | ChoiceControl


class ModelForm(QWidget):
    """Controls for the fields of a model.

    Parameters
    ----------
    model : Model
        Shown at first; its class decides which controls there are.
    fields : iterable of str, optional
        Names of the fields to show, by default all that a control exists for.
    """

    valueChanged = Signal(object)  # the new model
    refused = Signal(str)  # why a value cannot be accepted

    def __init__(self, model: Model, fields: Iterable[str] | None = None) -> None:
        super().__init__()
        self._model = model
        self.controls: dict[str, Control] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        known = type(model).model_fields
        for name in known if fields is None else fields:
            control = _control_for(known[name])
            if control is not None:
                self._add(name, known[name], control)
        self.setValue(model)

    def value(self) -> Model:
        """The model, with all changes made by the user."""
        return self._model

    def setValue(self, model: Model) -> None:
        """Show a model."""
        self._model = model
        for name, control in self.controls.items():
            control.setValue(getattr(model, name))

    def _add(self, name: str, field: FieldInfo, control: Any) -> None:
        layout = self.layout()
        assert isinstance(layout, QFormLayout)
        tooltip = tooltip_of(name, field)
        unit = extra_of(field).get("unit")
        unit = f" ({unit})" if unit and isinstance(control, NumberControl) else ""
        label = QLabel(f"{field.title or name}{unit}")
        label.setToolTip(tooltip)
        control.setToolTip(tooltip)
        layout.addRow(label, control)
        self.controls[name] = control
        # the form lives as long as its controls, so the closure keeps nothing alive
        control.valueChanged.connect(lambda value: self._on_changed(name, value))

    def _on_changed(self, name: str, value: Any) -> None:
        try:
            self._model = self._model.replace(**{name: value})
        except ValueError as error:
            self.controls[name].setValue(getattr(self._model, name))
            self.refused.emit(str(error))
            return
        self.valueChanged.emit(self._model)


def _control_for(field: FieldInfo) -> Control | None:
    extra, bounds = extra_of(field), bounds_of(field)
    if "axes" in extra:
        return AxesControl(extra["axes"], bounds, extra.get("step", 1))
    if field.annotation is float and all(map(math.isfinite, bounds)):
        inside = bounds_of(field, 1.0)
        open_ends = (inside[0] != bounds[0], inside[1] != bounds[1])
        return NumberControl(tuple(extra.get("slider", bounds)), bounds, open_ends=open_ends)
    if field.annotation is bool:
        return SwitchControl()
    if field.annotation is int and "slider" in extra:
        return NumberControl(tuple(extra["slider"]), bounds, decimals=0)
    if field.annotation is int:
        highest = int(min(bounds[1], 2**31 - 1))
        box = SpinBox(value=int(bounds[0]), min=int(bounds[0]), max=highest)
        whole_numbers_only(box.native).setKeyboardTracking(False)
        narrow(box.native, 58)
        return ChoiceControl(box)
    if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) > 1:
        return ChoiceControl(ComboBox(choices=get_args(field.annotation)))
    return None


def _decimals_of(value: float) -> int:
    """Decimals that show two digits of a number, if it has as many."""
    exponent = Decimal(f"{value:.2g}").normalize().as_tuple().exponent
    return min(max(-exponent, 0), _MOST_DECIMALS) if isinstance(exponent, int) else 0


def narrow(box: Any, width: int, *, buttons: bool = True) -> None:
    """Let a spin box be as narrow as ``width`` pixels, however long its longest number is.

    With ``buttons`` they take 28 of them; napari's theme would make any box 90 wide.
    """
    if not buttons:
        box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    side = _BUTTON_PX if buttons else _MARGIN_PX
    box.setStyleSheet(_NARROW.format(width=width - 2 * side, side=side, button=_BUTTON_PX))
    box.setSizePolicy(QSizePolicy.Policy.Ignored, box.sizePolicy().verticalPolicy())
    box.setMinimumWidth(width)


def tooltip_of(name: str, field: FieldInfo) -> str:
    """What a parameter means, its unit, its range and its default, as rich text that wraps."""
    low, high = bounds_of(field)
    facts = []
    if unit := extra_of(field).get("unit"):
        facts.append(f"Unit: {unit}.")
    if math.isfinite(low) and math.isfinite(high):
        inside = bounds_of(field, 1.0)
        lowest = f"above {low:g}, up" if inside[0] != low else f"{low:g}"
        highest = f"below {high:g}" if inside[1] != high else f"{high:g}"
        facts.append(f"Range: {lowest} to {highest}.")
    if field.default is not None:
        facts.append(f"Default: {field.default}.")
    return f"<p><b>{field.title or name}</b><br>{field.description}</p><p>{' '.join(facts)}</p>"

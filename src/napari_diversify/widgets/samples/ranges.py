"""Which parameters vary from sample to sample, and in which ranges."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from ...model import bounds_of, extra_of
from ...recipe import Recipe
from ..qt.numbers import DecimalBox

_ROW_PX = 28
_DECIMALS = 3


class RangesPanel(QWidget):
    """A row per parameter of a recipe that has a slider: vary it or not, lowest, highest."""

    # [x] w_i (signal)      [0.20] to [1.80]
    # [ ] extra depth (µm)  [0.00] to [200.00]
    valueChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 1)
        self.rows: dict[str, tuple[QCheckBox, DecimalBox, DecimalBox]] = {}
        self._kept: dict[str, tuple[bool, float, float]] = {}  # of recipes shown before

    def value(self) -> dict[str, tuple[float, float]]:
        """The ranges that are switched on, by name."""
        return {
            name: (low.value(), max(low.value(), high.value()))
            for name, (on, low, high) in self.rows.items()
            if on.isChecked()
        }

    def setRecipe(self, recipe: Recipe) -> None:
        """Show the parameters of a recipe, with the ranges that were set before."""
        for name, (on, low, high) in self.rows.items():
            self._kept[name] = (on.isChecked(), low.value(), high.value())
        while (item := self._grid.takeAt(0)) is not None:
            item.widget().deleteLater()
        self.rows = {}
        kinds = [step.kind for step in recipe.steps]
        for number, step in enumerate(recipe.steps):
            alone = kinds.count(step.kind) == 1
            for field, info in type(step).model_fields.items():
                extra = extra_of(info)
                if "slider" not in extra:
                    continue
                name = f"{step.kind if alone else number}.{field}"  # as in Sampling
                unit = f" ({extra['unit']})" if "unit" in extra else ""
                which = "" if alone else f"{step.title}, step {number + 1}: "
                usual = tuple(extra.get("usual", extra["slider"]))
                on, low, high = self._kept.get(name, (False, *usual))
                title = f"{which}{info.title}{unit}"
                self._add(name, title, on, (low, high), bounds_of(info, 10.0**-_DECIMALS))

    def _add(
        self,
        name: str,
        title: str,
        on: bool,
        values: tuple[float, float],
        bounds: tuple[float, float],
    ) -> None:
        row = len(self.rows)
        self._grid.setRowMinimumHeight(row, _ROW_PX)  # a spin box asks for less than it needs
        box = QCheckBox(title)
        box.setChecked(on)
        box.setToolTip(f"<p><b>{title}</b><br>Draw another value for every sample.</p>")
        ends = []
        for column, (word, value) in enumerate(zip(("Lowest", "Highest"), values, strict=True)):
            end = DecimalBox()
            end.setDecimals(_DECIMALS)
            end.setRange(*bounds)
            end.setValue(value)
            end.setEnabled(on)
            end.setKeyboardTracking(False)
            end.setToolTip(f"<p><b>{title}</b><br>{word} value drawn.</p>")
            end.valueChanged.connect(self.valueChanged)
            box.toggled.connect(end.setEnabled)
            self._grid.addWidget(end, row, 1 + 2 * column)
            ends.append(end)
        self._grid.addWidget(box, row, 0)
        self._grid.addWidget(QLabel("to"), row, 2)
        box.toggled.connect(self.valueChanged)
        self.rows[name] = (box, ends[0], ends[1])

"""What a study is to be: segmenters, axis, levels, draws, pre-filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from ...model import bounds_of, extra_of
from ...recipe import Recipe
from ...robustness.study import Study, evenly
from ...robustness.words import TITLES
from ..qt.forms import NumberControl, leave_wheel, narrow
from ..qt.numbers import DecimalBox, numbers_in, whole_numbers_only
from ..qt.parts import combo, fill, row, tip
from .segmenter_list import SegmenterList

_PSNR = "30; 25; 20; 16; 13; 11; 9"
_DECIMALS = 3
_NO_LABELS = "none: stability only"
#: From the mildest on: a cutoff is worst where it is lowest.
_FALLING = {"cutoff"}


class SetupPanel(QWidget):
    """Edits a :class:`Study` of one of several recipes."""

    # of        [ diversify v]
    # labels    [ nuclei labels v]
    # (segmenters)
    # axis      [ PSNR (dB) v]
    # levels    [ 30; 25; 20 ]      or  from [ 0 ] to [ 160 ] in [ 6 ]
    # draws     [ auto ]
    # pre-filter [x] [0.25]
    # score     [ AP at IoU 0.5 v]
    scoreChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._recipes: Mapping[str, Recipe] = {}
        fields = Study.model_fields
        self.image = QLabel()
        self.what = combo("what", "Which of the live layers of the dock makes the samples.")
        self.labels = combo(
            "labels",
            "The true objects. Without any, stability is measured: how far a segmentation agrees "
            "with itself, which is no accuracy.",
        )
        self.segmenters = SegmenterList()
        self.axis = combo(
            "axis",
            "What gets worse: the PSNR, for which w_v is solved, or a parameter of a step that is "
            "live in the dock, such as the extra depth or the cutoff.",
        )
        self.psnr = QLineEdit(_PSNR)
        self.psnr.setToolTip(tip("PSNR levels (dB)", str(fields["psnr"].description)))
        self.first, self.last = DecimalBox(), DecimalBox()
        self.count = whole_numbers_only(QSpinBox())
        self.count.setRange(2, 100)
        self.count.setValue(7)
        for box, word in ((self.first, "The mildest level."), (self.last, "The worst level.")):
            box.setDecimals(_DECIMALS)
            box.setKeyboardTracking(False)
            box.setToolTip(tip("levels", word))
            narrow(box, 76, buttons=False)
        narrow(self.count, 50)
        self.count.setToolTip(tip("levels", "How many levels, the first and the last included."))
        self._levels = QStackedWidget()
        self._levels.addWidget(self.psnr)
        self._levels.addWidget(row(self.first, QLabel("to"), self.last, QLabel("in"), self.count))
        # a stack would take all the room there is
        self._levels.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.draws = whole_numbers_only(QSpinBox())
        self.draws.setRange(0, 1000)
        self.draws.setSpecialValueText("auto")
        self.draws.setToolTip(tip("draws", str(fields["draws"].description)))
        self.filtered = QCheckBox("also after low-pass")
        self.filtered.setToolTip(tip("low-pass before it", str(fields["prefilter"].description)))
        info = fields["prefilter"]
        self.cutoff = NumberControl(extra_of(info)["slider"], (0.001, 2.0))
        self.cutoff.setValue(0.25)
        self.cutoff.setToolTip(tip("cutoff (Nyquist)", str(info.description)))
        self.cutoff.setEnabled(False)
        self.filtered.toggled.connect(self.cutoff.setEnabled)
        self.score = combo("score", str(fields["score"].description))
        for name, title in TITLES.items():
            self.score.addItem(title, name)
        self._lay_out()
        self.axis.currentIndexChanged.connect(self._on_axis)
        self.what.currentIndexChanged.connect(self._on_what)
        self.score.currentIndexChanged.connect(self.scoreChanged)

    def _lay_out(self) -> None:
        leave_wheel(self.what, self.labels, self.axis, self.count, self.draws, self.score)
        form = QFormLayout(self)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("image", self.image)
        form.addRow("labels", self.labels)
        form.addRow(self.segmenters)
        form.addRow("samples of", self.what)
        form.addRow("axis", self.axis)
        form.addRow("levels", self._levels)
        form.addRow("draws", self.draws)
        form.addRow(self.filtered, self.cutoff)
        form.addRow("score", self.score)

    def setRecipes(self, recipes: Mapping[str, Recipe]) -> None:
        """Offer these recipes, by what they show."""
        self._recipes = recipes
        fill(self.what, list(recipes), self.what.currentText() or None)
        self._on_what()

    def setLabels(self, layers: Sequence[Any], image: Any) -> None:
        """Offer these labels layers; at first one of the shape of the image."""
        names = [layer.name for layer in layers]
        before = self.labels.currentText() or None
        if before not in (_NO_LABELS, *names):
            shape = None if image is None else image.data.shape
            fit = (layer.name for layer in layers if layer.data.shape == shape)
            before = next(fit, _NO_LABELS)
        fill(self.labels, [_NO_LABELS, *names], before, _NO_LABELS)

    def chosen_labels(self, layers: Sequence[Any]) -> Any:
        """Which of these layers is chosen; None to do without."""
        name = self.labels.currentText()
        return next((layer for layer in layers if layer.name == name), None)

    def value(self) -> Study:
        """The study asked for.

        Raises
        ------
        ValueError
            If it cannot be run; the message says why.
        """
        recipe = self._recipes.get(self.what.currentText())
        if recipe is None:
            raise ValueError("tick live in a step of the dock Diversify: it makes the samples")
        parameter = self.axis.currentData()
        levels: dict[str, Any]
        if parameter:
            values = evenly(self.first.value(), self.last.value(), self.count.value())
            levels = {"parameter": parameter, "values": values}
        else:
            try:
                levels = {"psnr": numbers_in(self.psnr.text(), self.psnr.locale())}
            except ValueError as error:
                raise ValueError(f"PSNR levels: {error}") from None
        return Study(
            recipe=recipe,
            **levels,
            draws=self.draws.value() or "auto",
            segmenters=self.segmenters.value(),
            prefilter=self.cutoff.value() if self.filtered.isChecked() else None,
            score=self.score.currentData(),
        )

    def _on_what(self) -> None:
        recipe, before = self._recipes.get(self.what.currentText()), self.axis.currentData()
        self.axis.blockSignals(True)
        self.axis.clear()
        self.axis.addItem("PSNR (dB)", "")
        for name, title in ({} if recipe is None else _parameters(recipe)).items():
            self.axis.addItem(title, name)
        there = max(self.axis.findData(before), 0)
        self.axis.setCurrentIndex(there)
        self.axis.blockSignals(False)
        if self.axis.currentData() != before:
            self._on_axis()

    def _on_axis(self) -> None:
        """Begin with the whole range that is usual for the parameter."""
        parameter, recipe = self.axis.currentData(), self._recipes.get(self.what.currentText())
        self._levels.setCurrentIndex(1 if parameter else 0)
        if not parameter or recipe is None:
            return
        info = _field(recipe, parameter)
        extra, name = extra_of(info), parameter.rpartition(".")[2]
        ends = sorted(extra.get("usual", extra["slider"]), reverse=name in _FALLING)
        for box, value in zip((self.first, self.last), ends, strict=True):
            box.setRange(*bounds_of(info, 10.0**-_DECIMALS))
            box.setValue(value)


def _parameters(recipe: Recipe) -> dict[str, str]:
    """Names and titles of the parameters that can be an axis."""
    kinds = [step.kind for step in recipe.steps]
    found: dict[str, tuple[str, str]] = {}
    for number, step in enumerate(recipe.steps):
        alone = kinds.count(step.kind) == 1
        for field, info in type(step).model_fields.items():
            extra = extra_of(info)
            if "slider" in extra:
                unit = f" ({extra['unit']})" if "unit" in extra else ""
                name = f"{step.kind if alone else number}.{field}"  # as in Sampling
                which = step.title if alone else f"{step.title}, step {number + 1}"
                found[name] = f"{info.title}{unit}", which
    titles = [title for title, _ in found.values()]
    return {
        name: title if titles.count(title) == 1 else f"{title}: {which}"
        for name, (title, which) in found.items()
    }


def _field(recipe: Recipe, name: str) -> FieldInfo:
    kind, _, field = name.rpartition(".")
    step = next(s for n, s in enumerate(recipe.steps) if kind in (s.kind, str(n)))
    info: FieldInfo = type(step).model_fields[field]
    return info

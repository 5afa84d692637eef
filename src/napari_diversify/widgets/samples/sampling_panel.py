"""Which samples are drawn: of which result, how many, and which parameters vary."""

from __future__ import annotations

from typing import get_args

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QSizePolicy, QSpinBox, QWidget

from ...recipe import Recipe, Sampling
from ...recipe.sampling import Strategy
from ..qt.numbers import whole_numbers_only
from ..qt.parts import combo, fill, row, tip
from .ranges import RangesPanel


class SamplingPanel(QWidget):
    """Edits a :class:`Sampling` of one of several recipes."""

    # what     [ diversify v]
    # samples  [ 8 ]     strategy [random v]
    # vary     [x] w_i (signal) [0.2] to [1.8]   ...
    valueChanged = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._recipes: dict[str, Recipe] = {}
        self.what: QComboBox = combo("what", "Which of the live layers to make samples of.")
        self.samples = whole_numbers_only(QSpinBox())
        self.samples.setRange(1, 1_000_000)
        self.samples.setValue(8)
        fields = Sampling.model_fields
        self.samples.setToolTip(tip("samples", str(fields["samples"].description)))
        self.strategy: QComboBox = combo("strategy", str(fields["strategy"].description))
        self.strategy.addItems(get_args(Strategy))
        self.ranges = RangesPanel()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        # its rows are never crushed, however long a message below becomes
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        form.addRow("what", self.what)
        form.addRow("samples", row(self.samples, QLabel("strategy"), self.strategy))
        form.addRow("vary", self.ranges)
        self.what.currentIndexChanged.connect(self._on_what)
        self.strategy.currentIndexChanged.connect(self.valueChanged)
        self.samples.valueChanged.connect(self.valueChanged)
        self.ranges.valueChanged.connect(self.valueChanged)

    def setRecipes(self, recipes: dict[str, Recipe]) -> None:
        """Offer these recipes, by what they show."""
        self._recipes = recipes
        fill(self.what, list(recipes), self.what.currentText() or None)
        self._on_what()

    def value(self, recipes: dict[str, Recipe], psnr: tuple[float, ...] = ()) -> Sampling:
        """The sampling asked for, of these recipes as they are now.

        With target PSNRs it is a series of them, for which w_v is solved.

        Raises
        ------
        ValueError
            If it cannot be drawn; the message says why.
        """
        if self.what.currentText() not in recipes:
            raise ValueError("choose what to export: no step is live")
        recipe = recipes[self.what.currentText()]
        solved = tuple(f".{recipe.steps[n].noise_weight}" for n in recipe.noisy) if psnr else ()
        ranges = {n: r for n, r in self.ranges.value().items() if not n.endswith(solved)}
        return Sampling(
            recipe=recipe,
            samples=self.samples.value(),
            strategy=self.strategy.currentText(),
            ranges=ranges,
            psnr=psnr,
        )

    def _on_what(self) -> None:
        recipe = self._recipes.get(self.what.currentText())
        if recipe is not None:
            self.ranges.setRecipe(recipe)
        self.valueChanged.emit()

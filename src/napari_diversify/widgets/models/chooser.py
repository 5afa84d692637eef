"""A list of the trained models that a step can use."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QFileDialog
from superqt.utils import signals_blocked

from ...learned.card import Task
from ...learned.folder import models_folder, models_in, reference, split
from ..qt.background import Background
from ..qt.forms import leave_wheel
from ..qt.parts import sentence, tip
from ..qt.preferences import preference

_NONE, _OTHER = "choose a model…", "another folder…"


class ModelChooser(QComboBox):
    """Models of one task in the folder of models, and any other by its folder.

    Parameters
    ----------
    task : str
    none : str, optional
        What there is instead of a model; without it, one has to be chosen.
    """

    modelChosen = Signal(str)  # as a recipe names it
    refused = Signal(str)

    def __init__(self, task: Task, none: str = "") -> None:
        super().__init__()
        self._task, self._none = task, none
        self._model = ""
        self._known: list[str] = []
        self.setToolTip(
            tip(
                "model",
                "Which trained model computes this step: one in the folder of models of the dock "
                "Learn, which shows how well each does, or in any other folder.",
            )
        )
        self.setSizeAdjustPolicy(self.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        leave_wheel(self)
        self._background = Background(self)
        self._background.finished.connect(self._on_listed)
        self._naming = Background(self)
        self._naming.finished.connect(self._on_named)
        self._naming.failed.connect(self._on_failed)
        self.activated.connect(self._on_activated)
        self._show()

    @property
    def model(self) -> str:
        """The model chosen, as a recipe names it; empty if there is none."""
        return self._model

    def setModel(self, model: str) -> None:
        """Show which model is used."""
        if model != self._model:
            self._model = model
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Look for models that have been trained meanwhile."""
        super().showEvent(event)
        self.look()

    def showPopup(self) -> None:
        """Look for models: the list is filled while it is open, if there are new ones."""
        self.look()
        super().showPopup()

    def look(self) -> None:
        """Look for models, in a thread."""
        if not self._background.running:
            folder, task = Path(preference("learn", "folder", "") or models_folder()), self._task
            self._background.start(lambda: _listed(folder, task))

    def cancel(self) -> None:
        """Look no more."""
        self._background.cancel()
        self._naming.cancel()

    def _show(self) -> None:
        with signals_blocked(self):
            self.clear()
            if self._none or not self._model:
                self.addItem(self._none or _NONE, "")
            there = list(self._known)
            if self._model and self._model not in there:
                there.insert(0, self._model)
            for model in there:
                folder, _ = split(model)
                self.addItem(folder.name, model)
                self.setItemData(self.count() - 1, str(folder), Qt.ItemDataRole.ToolTipRole)
            self.addItem(_OTHER, None)
            self.setCurrentIndex(max(0, self.findData(self._model)))

    def _on_listed(self, models: list[str]) -> None:
        if models != self._known:
            self._known = models
            self._show()

    def _on_activated(self, index: int) -> None:
        model = self.itemData(index)
        if model is None:
            self._ask()
        elif (model or self._none) and model != self._model:
            self._choose(model)

    def _ask(self) -> None:
        self._show()  # what is at work, unless another is chosen
        folder = QFileDialog.getExistingDirectory(self, "Choose the folder of a model")
        if folder:
            self._naming.start(lambda: _named(Path(folder)))

    def _choose(self, model: str) -> None:
        self._model = model
        self._show()
        self.modelChosen.emit(model)

    def _on_named(self, model: str) -> None:
        self._choose(model)

    def _on_failed(self, error: Exception) -> None:
        self.refused.emit(sentence(error))


def _listed(folder: Path, task: Task) -> Generator[tuple[int, int], None, list[str]]:
    yield 0, 0
    there = [inside for inside, card in models_in(folder) if card.task == task]
    return [reference(inside) for inside in there]


def _named(folder: Path) -> Generator[tuple[int, int], None, str]:
    yield 0, 0
    return reference(folder)

"""The forms of steps that use a trained model: which one, how, and why to doubt the result."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QComboBox, QFileDialog, QFormLayout, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...analysis.by_iteration import LEAST_RETENTION, retention_in_view
from ...learned.card import Task
from ...learned.folder import models_folder, models_in, reference, split
from ...learned.step import LearnedStep
from ...recipe import LazyVolume
from ...recipe.lazy.array import LazyArray
from ..diversify.panel import StepPanel
from ..qt.background import Background
from ..qt.driver import driver
from ..qt.forms import leave_wheel
from ..qt.parts import sentence, tip
from ..qt.preferences import preference
from ..qt.words import Words

_NONE, _OTHER = "choose a model…", "another folder…"
_SETTLED_MS = 200


class ModelChooser(QComboBox):
    """Models of one task in the folder of models, and any other by its folder."""

    modelChosen = Signal(str)  # as a recipe names it
    refused = Signal(str)

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task
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
            if not self._model:
                self.addItem(_NONE, "")
            there = list(self._known)
            if self._model and self._model not in there:
                there.insert(0, self._model)
            for model in there:
                folder, _ = split(model)
                self.addItem(folder.name, model)
                self.setItemData(self.count() - 1, str(folder), _TOOLTIP)
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
        elif model and model != self._model:
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


#: Qt.ItemDataRole.ToolTipRole, which bindings call differently.
_TOOLTIP = 3


class ModelPanel(StepPanel):
    """Shows and edits a step that uses a trained model."""

    # model [cells restored v]
    # (one row per parameter)
    # (why to doubt the result here)

    def __init__(self, step: LearnedStep) -> None:
        super().__init__(step)
        self._missing = self.note.text()  # a package
        self.chooser = ModelChooser(step.task)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("model", self.chooser)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertLayout(0, form)
        self.chooser.modelChosen.connect(self._on_model)
        self.chooser.refused.connect(self.refused)
        self._seen: tuple[LazyVolume, tuple[Any, ...]] | None = None
        self._doubting = Background(self)
        self._doubting.finished.connect(self._on_doubts)
        self.chooser.setModel(step.model)

    def setValue(self, step: LearnedStep) -> None:
        """Show a step."""
        super().setValue(step)
        self.chooser.setModel(step.model)

    def look(self, array: LazyArray | None, index: tuple[Any, ...] = ()) -> None:
        """Say what is in view of the result: doubts depend on the image."""
        before = self._seen
        seen = (copy(array), index) if isinstance(array, LazyVolume) else None
        if before and seen and before[0].same_as(seen[0]) and before[1] == seen[1]:
            return
        self._seen = seen
        self.note.setText(self._missing)
        self._doubting.cancel()
        if seen is not None:
            self._doubting.start(lambda: _doubts(seen[0]))

    def stops(self) -> list[QWidget]:
        """What the Tab key comes to: the model first."""
        others = [stop for stop in super().stops() if stop is not self.chooser]
        return [self.chooser, *others]

    def cancel(self) -> None:
        """Stop looking for models and doubts."""
        self.chooser.cancel()
        self._doubting.cancel()

    def _on_model(self, model: str) -> None:
        step = self.value().replace(model=model)
        self.form.setValue(step)
        self.valueChanged.emit(step)

    def _on_doubts(self, doubts: tuple[str, ...]) -> None:
        said = [self._missing] if self._missing else []
        self.note.setText("\n".join([*said, *(f"{doubt}." for doubt in doubts)]))


class RestorePanel(ModelPanel):
    """Shows and edits a :class:`RestoreLearned` step, and measures how much detail it keeps."""

    # model [cells restored v]
    # iterations ---o--- [1]
    # (doubts)
    # Detail kept in the plane in view: 0.95.

    def __init__(self, step: LearnedStep) -> None:
        super().__init__(step)
        self.kept = Words()
        self.kept.setToolTip(
            tip(
                "detail kept",
                "Correlation of the fine detail of the plane in view, about 7 pixels in size, with "
                "that of the image before this step. 1 is all of it. Plots > restoration shows it "
                "for every number of iterations, beside the contrast.",
            )
        )
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.kept)
        self._measuring = Background(self)
        self._measuring.finished.connect(self._on_measured)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLED_MS)
        self._soon.timeout.connect(self._measure)

    def look(self, array: LazyArray | None, index: tuple[Any, ...] = ()) -> None:
        """Say what is in view of the result."""
        before = self._seen
        super().look(array, index)
        if self._seen is before:
            return
        self._soon.stop()
        self._measuring.cancel()
        self.kept.setText("")
        if self._seen is not None:
            self._soon.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Measure what nobody could see before."""
        super().showEvent(event)
        if self._seen is not None and not self.kept.text():
            self._soon.start()

    def cancel(self) -> None:
        """Stop measuring."""
        super().cancel()
        self._soon.stop()
        self._measuring.cancel()

    def _measure(self) -> None:
        seen = self._seen
        if driver().busy:  # the picture comes first
            self._soon.start()
        elif seen is not None and self.isVisible():
            self._measuring.start(lambda: retention_in_view(*seen))

    def _on_measured(self, kept: float) -> None:
        said = f"Detail kept in the plane in view: {kept:.2f}."
        if kept < LEAST_RETENTION:
            said += (
                f" That is below {LEAST_RETENTION:g}: part of what is shown is not in the image. "
                "Take fewer iterations, or a model for less depth."
            )
        self.kept.setText(said if kept == kept else "")


class DenoisePanel(ModelPanel):
    """Shows and edits a :class:`Denoise` step; draws count where more than one is made of them."""

    def _grey(self) -> None:
        super()._grey()
        self.form.controls["draws"].setEnabled(self.value().show != "sample")


def _listed(folder: Path, task: Task) -> Generator[tuple[int, int], None, list[str]]:
    yield 0, 0
    there = [inside for inside, card in models_in(folder) if card.task == task]
    return [reference(inside) for inside in there]


def _named(folder: Path) -> Generator[tuple[int, int], None, str]:
    yield 0, 0
    return reference(folder)


def _doubts(array: LazyVolume) -> Generator[tuple[int, int], None, tuple[str, ...]]:
    yield 0, 0
    step = array.recipe.steps[-1]
    shape = array.shape[-array.spatial_ndim :]
    return step.doubts(shape, array.spacing, array.intensity_range)

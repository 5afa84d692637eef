"""The forms of steps that use a trained model: which one, how, and why to doubt the result."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from ...analysis.by_iteration import LEAST_RETENTION, retention_in_view
from ...learned.step import LearnedStep
from ...recipe import LazyVolume
from ...recipe.lazy.array import LazyArray
from ...sentences import reason
from ..diversify.panel import StepPanel
from ..models.chooser import ModelChooser
from ..qt.background import Background
from ..qt.driver import driver
from ..qt.parts import tip
from ..qt.words import Words

_SETTLED_MS = 200


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
        self._doubting.failed.connect(lambda error: self._on_doubts((reason(error),)))
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


def _doubts(array: LazyVolume) -> Generator[tuple[int, int], None, tuple[str, ...]]:
    yield 0, 0
    step = array.recipe.steps[-1]
    shape = array.shape[-array.spatial_ndim :]
    return step.doubts(shape, array.spacing, array.intensity_range)

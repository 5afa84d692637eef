"""The Samples window: draw a sheet of samples, go through it, export what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtWidgets import QDialog, QListView, QVBoxLayout, QWidget

from ..qt.keys import key
from ..qt.parts import button, row, sentence
from ..qt.status import StatusLine
from ..qt.words import Words
from .sampling_panel import SamplingPanel
from .sheet import KEEP, REJECT, Samples

if TYPE_CHECKING:  # it imports everything that writes files
    from ..export.dialog import Choices

_NONE = "Draw a sheet, then look through it in the viewer with the arrow keys."


class SamplesWindow(QDialog):
    """Ask for a sheet of samples, and show which of them are kept.

    Parameters
    ----------
    samples : Samples
        The sheet in the viewer.
    choices : callable
        ``choices()`` gives (image layer or None, {what is shown: its recipe}).
    """

    # what     [ diversify v]
    # samples  [ 20 ]     strategy [random v]
    # vary     [x] w_i (signal) [0.2] to [1.8]   ...
    # [Draw]
    # [x] sample 1 of 20  ·  w_i 0.83  ·  w_v 2.1  ·  kept
    # ...
    # 12 of 20 kept   [Keep (K)] [Reject (R)] [Keep all]
    # [Export kept…]
    exportRequested = Signal()

    def __init__(self, samples: Samples, choices: Choices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Samples")
        self._samples = samples
        self._choices = choices
        self.sampling = SamplingPanel()
        self.sampling.samples.setValue(20)
        self.sampling.samples.setMaximum(10_000)  # nobody looks through more
        self.draw = button(
            "Draw",
            "Draw these samples and show them in a layer of their own, one behind the other. Only "
            "what is in view is computed.",
        )
        self.list = QListView()
        self.list.setUniformItemSizes(True)  # so that 10,000 lines cost no more than 10
        self.list.setToolTip("Click a sample to bring it into view; its box keeps or rejects it.")
        self._lines = _Lines(samples, self)
        self.list.setModel(self._lines)
        self.count = Words(_NONE)
        self.keep = button(f"Keep ({KEEP})", f"Keep the sample in view and go on. {key(KEEP)}")
        self.reject_ = button(
            f"Reject ({REJECT})", f"Reject the sample in view and go on. {key(REJECT, 'Shapes')}"
        )
        self.keep_all = button("Keep all", "Take back all rejections.")
        self.export = button("Export kept…", "Write the kept samples to files.")
        self.status = StatusLine()
        layout = QVBoxLayout(self)
        layout.addWidget(self.sampling)
        layout.addWidget(self.draw)
        layout.addWidget(self.list, stretch=1)
        layout.addWidget(self.count)
        layout.addWidget(row(self.keep, self.reject_, self.keep_all, self.export))
        layout.addWidget(self.status)
        self.setMinimumWidth(460)
        self.draw.clicked.connect(self.draw_sheet)
        self.keep.clicked.connect(samples.keep)
        self.reject_.clicked.connect(samples.reject)
        self.keep_all.clicked.connect(samples.keep_all)
        self.export.clicked.connect(self.exportRequested)
        self.list.clicked.connect(self._on_clicked)
        samples.changed.connect(self._look)
        samples.live.progressed.connect(self.status.show_progress)
        samples.live.ready.connect(self.status.rest)
        samples.live.failed.connect(self._on_failed)
        self.status.cancelled.connect(samples.live.cancel)
        self._look()

    def look(self) -> None:
        """Take in what the dock shows now."""
        self.sampling.setRecipes(self._choices()[1])

    def draw_sheet(self) -> None:
        """Draw the samples and show them; say why if they cannot be."""
        source, recipes = self._choices()
        try:
            if source is None:
                raise ValueError("there is no image to draw samples of: open one first")
            sampling = self.sampling.value(recipes)
            if sampling.recipe.intensity_range is None:
                raise ValueError("the image is still being measured: try again in a moment")
            self._samples.draw(source, sampling)
        except ValueError as error:
            self.status.say(sentence(error))
        else:
            self.status.say(
                ""
                if sampling.ranges
                else "These samples differ in noise alone. Tick what should vary, and draw again."
            )

    def _on_clicked(self, index: QModelIndex) -> None:
        self._samples.go_to(index.row())

    def _on_failed(self, error: Exception) -> None:
        self.status.rest()
        self.status.say(sentence(error))

    def _look(self) -> None:
        self._lines.look()
        sampling, number = self._samples.sampling, self._samples.current()
        there = sampling is not None
        for widget in (self.keep_all, self.export):
            widget.setEnabled(there)
        for widget in (self.keep, self.reject_):
            widget.setEnabled(number is not None)
        if sampling is None:
            self.count.setText(_NONE)
            return
        self.count.setText(f"{len(self._samples.kept())} of {len(sampling)} kept")
        if number is not None:
            self.list.setCurrentIndex(self._lines.index(number))


class _Lines(QAbstractListModel):
    """A line per sample, with a box that says whether it is kept."""

    def __init__(self, samples: Samples, parent: QObject) -> None:
        super().__init__(parent)
        self._samples = samples
        self._shown = 0

    def look(self) -> None:
        """Follow the sheet."""
        n = 0 if self._samples.sampling is None else len(self._samples.sampling)
        if n != self._shown:
            self.beginResetModel()
            self._shown = n
            self.endResetModel()
        elif n:
            self.dataChanged.emit(self.index(0), self.index(n - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Number of samples."""
        return 0 if parent is not None and parent.isValid() else self._shown

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The caption of a sample, and whether its box is ticked."""
        if not index.isValid() or self._samples.sampling is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._samples.caption(index.row())
        if role == Qt.ItemDataRole.CheckStateRole:
            kept = self._samples.is_kept(index.row())
            return Qt.CheckState.Checked if kept else Qt.CheckState.Unchecked
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Keep or reject a sample by its box."""
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self._samples.set_kept(index.row(), Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Lines are chosen and ticked."""
        return super().flags(index) | Qt.ItemFlag.ItemIsUserCheckable

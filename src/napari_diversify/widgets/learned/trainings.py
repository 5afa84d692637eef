"""The trainings that there are: how far they are, their losses, a preview, and what ends them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMessageBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...learned.training import job
from ...learned.training.job import Status
from ...learned.training.progress import Progress
from ..plots.plot import Colours
from ..qt.background import Background
from ..qt.parts import button, flow, sentence, tip
from ..qt.words import Words
from .loss_plot import LossPlot
from .pictures import Pictures
from .watch import Seen

#: Under which an item keeps the folder of its training.
_FOLDER = Qt.ItemDataRole.UserRole


class TrainingsView(QWidget):
    """A list of trainings; the one chosen can be watched and steered."""

    # cells restored    running   320 of 800
    # [Pause] [Resume] [Stop early] [Cancel…]
    # (what is to be said of it)
    # loss plot
    # input  prediction  target
    chosen = Signal(object)  # the folder of the training, or None
    refused = Signal(str)
    changed = Signal()  # something was told to a training

    def __init__(self) -> None:
        super().__init__()
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["training", "state", "step"])
        self.list.setRootIsDecorated(False)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setToolTip(
            tip(
                "trainings",
                "Trainings in the folder of models, the newest first. They run in processes of "
                "their own, and go on when napari is closed.",
            )
        )
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.list.setFixedHeight(110)
        self.pause_button = button(
            "Pause", "Have the training wait; nothing is lost, and it takes no processor time."
        )
        self.resume_button = button(
            "Resume",
            "Go on with a training that is paused, was interrupted (the computer was switched "
            "off, say) or has failed, from where it was.",
        )
        self.stop_button = button(
            "Stop early", "End the training now, and make a model of what it has learned so far."
        )
        self.cancel_button = button(
            "Cancel…", "End the training without a model, and remove its files. Asks first."
        )
        self.words = Words("No training has been begun in this folder.")
        self.plot = LossPlot()
        self.pictures = Pictures(())
        self.pictures.setToolTip(
            tip(
                "preview",
                "A patch that the network is not trained on, as it sees it now: what it is given, "
                "what it makes of it, and what it should be (to dress masks, a real image). "
                "Of 3D shapes, the last two are seen from the side.",
            )
        )
        self._states: dict[Path, Status] = {}
        self._reports: list[Progress] = []
        self._steering = Background(self)
        self._steering.finished.connect(self._on_steered)
        self._steering.failed.connect(self._on_failed)
        self._lay_out()
        self._wire()
        self._show_chosen()

    def _lay_out(self) -> None:
        buttons = flow()
        for push in (self.pause_button, self.resume_button, self.stop_button, self.cancel_button):
            buttons.addWidget(push)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        layout.addLayout(buttons)
        layout.addWidget(self.words)
        layout.addWidget(self.plot)
        layout.addWidget(self.pictures)
        layout.addStretch()

    def _wire(self) -> None:
        self.list.currentItemChanged.connect(self._on_current)
        self.pause_button.clicked.connect(self.pause)
        self.resume_button.clicked.connect(self.resume)
        self.stop_button.clicked.connect(self.stop)
        self.cancel_button.clicked.connect(self._ask_to_cancel)

    # ---- what it shows ----

    @property
    def states(self) -> dict[Path, Status]:
        """How each training does, by its folder."""
        return self._states

    @property
    def training(self) -> Path | None:
        """The folder of the training chosen."""
        item = self.list.currentItem()
        return None if item is None else item.data(0, _FOLDER)

    def choose(self, folder: Path) -> None:
        """Choose a training, as soon as it is listed."""
        if folder not in self._states:
            self._states = {folder: Status(state="waiting"), **self._states}
            self._list()
        self.list.setCurrentItem(self.list.topLevelItem(list(self._states).index(folder)))

    def show_seen(self, seen: Seen) -> None:
        """Show what was found by looking."""
        states = {training.folder: training.status for training in seen.trainings}
        if states != self._states:
            self._states = states
            self._list()
        if seen.marks[1] == self.training:
            if seen.reports is not None:
                self._reports = seen.reports
                self.plot.setReports(seen.reports)
            if seen.preview:
                self.pictures.setCaptions(list(seen.preview))
                self.pictures.setRows([list(seen.preview.values())])
        self._show_chosen()

    def setColours(self, colours: Colours) -> None:
        """Use the colours of a theme."""
        self.plot.setColours(colours)

    def cancel_work(self) -> None:
        """Tell no training anything more."""
        self._steering.cancel()

    def _list(self) -> None:
        """Show the trainings there are, the same one chosen."""
        before, there = self.training, list(self._states)
        self.list.blockSignals(True)
        listed = [self.list.topLevelItem(n).data(0, _FOLDER) for n in range(len(self))]
        if listed != there:
            self.list.clear()
            self.list.addTopLevelItems([_item(folder) for folder in there])
        for n, status in enumerate(self._states.values()):
            item = self.list.topLevelItem(n)
            item.setText(1, status.state)
            item.setText(2, f"{status.step:,} of {status.steps:,}" if status.steps else "")
        if before in there:
            self.list.setCurrentItem(self.list.topLevelItem(there.index(before)))
        elif there:
            self.list.setCurrentItem(self.list.topLevelItem(0))
        self.list.blockSignals(False)
        if self.training != before:
            self._on_current()

    def __len__(self) -> int:
        return int(self.list.topLevelItemCount())

    def _on_current(self) -> None:
        self._reports = []
        self.plot.setReports([])
        self.pictures.setRows([])
        self._show_chosen()
        self.chosen.emit(self.training)

    def _show_chosen(self) -> None:
        status = self._states.get(self.training) if self.training is not None else None
        state, idle = ("", True) if status is None else (status.state, not self._steering.running)
        can = {
            self.pause_button: state == "running",
            self.resume_button: state in ("paused", "interrupted", "failed"),
            self.stop_button: state in ("running", "paused", "interrupted"),
            self.cancel_button: state not in ("", "done"),
        }
        for push, on in can.items():
            push.setEnabled(on and idle)
        self.words.setText(_said(status, self._reports))

    # ---- what the user does ----

    def pause(self) -> None:
        """Have the training chosen wait."""
        self._steer(job.pause)

    def resume(self) -> None:
        """Have the training chosen go on."""
        self._steer(job.go_on)

    def stop(self) -> None:
        """End the training chosen, and make a model of it."""
        self._steer(job.stop)

    def cancel(self) -> None:
        """End the training chosen without a model."""
        self._steer(job.cancel)

    def _ask_to_cancel(self) -> None:
        if self.training is None:
            return
        answer = QMessageBox.question(
            self,
            "Cancel the training?",
            f"“{self.training.name}” ends without a model, and what it has learned so far is lost. "
            "Stop early would keep it as a model.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.cancel()

    def _steer(self, tell: Callable[[Path], object]) -> None:
        """Tell the training chosen something, in a thread: it may start a process."""
        folder = self.training
        if folder is not None:
            self._steering.start(lambda: _told(tell, folder))
            self._show_chosen()

    def _on_steered(self) -> None:
        self._show_chosen()
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self._show_chosen()
        self.refused.emit(sentence(error))
        self.changed.emit()


def _told(tell: Callable[[Path], object], folder: Path) -> Generator[tuple[int, int], None, None]:
    yield 0, 0
    tell(folder)


def _item(folder: Path) -> QTreeWidgetItem:
    item = QTreeWidgetItem([folder.name, "", ""])
    item.setData(0, _FOLDER, folder)
    item.setToolTip(0, str(folder))
    return item


def _said(status: Status | None, reports: Sequence[Progress]) -> str:
    """What there is to say of a training."""
    if status is None:
        return "No training has been begun in this folder: begin one under Train."
    message = f"{status.message.rstrip('.')}." if status.message else ""
    if status.state == "running":
        return _time_left(reports) or "The process is starting."
    if status.state == "waiting":
        return "The process is starting."
    if status.state == "interrupted":
        return f"The process has ended before the training has. Resume goes on with it. {message}"
    if status.state == "failed":
        return message or "The training has failed."
    if status.state == "done":
        return message or "Done: the model is under Models."
    return message


def _time_left(reports: Sequence[Any]) -> str:
    """How long it will still take, from the pace of the last reports."""
    if not reports:
        return ""
    last, first = reports[-1], reports[max(0, len(reports) - 20)]
    steps = last.step - first.step
    pace = (last.seconds - first.seconds) / steps if steps else last.seconds / max(last.step, 1)
    if not pace:
        return ""
    left = pace * (last.steps - last.step)
    shown = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
    shown = shown if left < 5400 else f"{left / 3600:.1f} h"
    return f"{1000 * pace:.0f} ms a step, about {shown} left."

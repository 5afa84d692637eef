"""Messages of a widget, and the progress of long work."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from .words import Words


class StatusLine(QWidget):
    """A message, and below it a progress bar with a Cancel button while there is work."""

    # Showing "nuclei" in full resolution.
    # [========        ] [Cancel]
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.message = Words()
        self.progress = QProgressBar()
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop the computation that is under way.")
        self.cancel.clicked.connect(self._on_cancel)
        self._waiting = QWidget()
        waiting = QHBoxLayout(self._waiting)
        waiting.setContentsMargins(0, 0, 0, 0)
        waiting.addWidget(self.progress, stretch=1)
        waiting.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.message)
        layout.addWidget(self._waiting)
        self._waiting.hide()

    def say(self, text: str) -> None:
        """Show a message."""
        self.message.setText(text)

    def show_progress(self, done: int, total: int) -> None:
        """Show the number of pieces done, of all pieces."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self._waiting.show()

    def rest(self) -> None:
        """Hide the progress: nothing is under way."""
        self._waiting.hide()

    def _on_cancel(self) -> None:
        self.rest()
        self.say("Cancelled. Change a setting to compute again.")
        self.cancelled.emit()

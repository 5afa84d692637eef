"""Text that wraps and is never cut."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy


class Words(QLabel):
    """A label that wraps, and asks for as many lines as its text needs at the width it has.

    Qt's own asks for few, and layouts that are short of room cut it.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        policy = self.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
        policy.setVerticalPolicy(QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width takes another number of lines."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """As high as the text at the width that there is."""
        return QSize(0, self._needed())

    def minimumSizeHint(self) -> QSize:
        """No lower than the text."""
        return QSize(0, self._needed())

    def _needed(self) -> int:
        return int(self.heightForWidth(self.width())) if self.text() else 0

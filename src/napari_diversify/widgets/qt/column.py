"""A column that scrolls up and down, and is always as wide as what is in it."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QScrollArea, QWidget


class Column(QScrollArea):
    """Scrolls its widget vertically; its own width follows the widget's least one."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.setWidget(widget)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the widget when its layout changes: sections open, a theme is applied."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.setMinimumWidth(self.minimumSizeHint().width())
        return bool(super().eventFilter(watched, event))

    def minimumSizeHint(self) -> QSize:
        """As wide as the widget needs, as low as any scroll area."""
        bar = self.verticalScrollBar().sizeHint().width()
        least = self.widget().minimumSizeHint().width() + bar if self.widget() else 0
        return QSize(least, super().minimumSizeHint().height())

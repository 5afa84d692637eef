"""What the window Robustness looks like."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDialog, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from ..qt.column import Column
from ..qt.parts import button, row
from ..qt.status import StatusLine
from .findings import ErrorLegend, Findings
from .plot import CurvesPlot
from .setup import SetupPanel

_SETUP_PX = 390


class Face(QDialog):
    """The widgets of the window, and where they are."""

    # (setup)       | plot
    #               | errors [x] right [x] missed ...
    # [Run][Resume] | [Findings] [Scores] [Objects]
    # 12 of 64 scores, about 40 s left   [=====   ] [Stop]
    # [Copy as command] [Export…]

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Robustness")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setup = SetupPanel()
        self.plot = CurvesPlot()
        self.errors = ErrorLegend()
        self.findings = Findings()
        self.status = StatusLine()
        self.status.cancel.setText("Stop")
        self.status.cancel.setToolTip("<p>Stop. What is scored stays; Resume goes on.</p>")
        self.run = button("Run", "Score samples of all levels, from coarse to fine.")
        self.resume = button("Resume", "Go on with the study that was stopped.")
        self.command = button(
            "Copy as command", "Copy the command line that runs the same study on the files."
        )
        self.export = button(
            "Export…",
            "Write tables (CSV), curves (SVG and PNG), and a page (HTML) into a folder, as the "
            "command does, which can resume it.",
        )
        self._lay_out()

    def _lay_out(self) -> None:
        upper = _column(self.plot, self.errors)
        halves = QSplitter(Qt.Orientation.Vertical)
        for half, stretch in ((upper, 3), (self.findings, 2)):
            halves.addWidget(half)
            halves.setStretchFactor(halves.count() - 1, stretch)
        halves.setChildrenCollapsible(False)
        left = _column(Column(self.setup), row(self.run, self.resume))
        left.setMinimumWidth(_SETUP_PX)
        both, foot = QHBoxLayout(), QHBoxLayout()
        both.addWidget(left)
        both.addWidget(halves, stretch=1)
        foot.addWidget(self.status, stretch=1)
        for push in (self.command, self.export):
            foot.addWidget(push, alignment=Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.addLayout(both, stretch=1)
        layout.addLayout(foot)
        screen = self.screen()
        size = QSize(1180, 800)
        if screen is not None:
            size = size.boundedTo(0.9 * screen.availableGeometry().size())
        self.resize(size)


def _column(*widgets: QWidget) -> QWidget:
    """Widgets one below the other, the first as high as there is room."""
    all_of_them = QWidget()
    layout = QVBoxLayout(all_of_them)
    layout.setContentsMargins(0, 0, 0, 0)
    for n, widget in enumerate(widgets):
        layout.addWidget(widget, stretch=0 if n else 1)
    return all_of_them

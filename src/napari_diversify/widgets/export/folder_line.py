"""A line for a folder, and a button that asks for one."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QLineEdit, QPushButton

from ..qt.parts import button


def folder_line(placeholder: str, tooltip: str, meaning: str) -> tuple[QLineEdit, QPushButton]:
    """An empty line, and the button beside it; ``meaning`` is the button's tooltip."""
    line = QLineEdit()
    line.setPlaceholderText(placeholder)
    line.setToolTip(tooltip)
    choose = button("Choose…", meaning)

    def ask() -> None:
        folder = QFileDialog.getExistingDirectory(line.window(), "Choose a folder")
        if folder:
            line.setText(folder)

    choose.clicked.connect(ask)
    return line, choose

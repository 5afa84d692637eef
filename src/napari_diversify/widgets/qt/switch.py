"""A check box with its meaning as a tooltip."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox

from .parts import tip


def switch(name: str, meaning: str) -> QCheckBox:
    """A check box with its meaning as a tooltip."""
    box = QCheckBox(name)
    box.setToolTip(tip(name, meaning))
    return box

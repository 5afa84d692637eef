"""One step in the dock: its switch, its panel, and room for more."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget
from superqt import QCollapsible

from ...recipe.steps.registry import AnyStep


class StepSection(QCollapsible):
    """A section that opens and closes, with a "live" switch over the panel of a step.

    ``panel`` has value, setValue, valueChanged and refused.
    """

    # v Diversify
    #   [x] live  [ ] (more switches)
    #   (the panel)
    valueChanged = Signal(object)  # the step
    refused = Signal(str)

    def __init__(self, title: str, panel: Any, shown_as: str) -> None:
        super().__init__(title)
        self.panel = panel
        self.live = switch(
            "live",
            f"Show the {shown_as} image in a layer of its own that follows the sliders. Off hides "
            "the layer and computes nothing.",
        )
        self._switches = QHBoxLayout()
        self._switches.addWidget(self.live)
        self._switches.addStretch()
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._switches)
        layout.addWidget(panel)
        self.setDuration(0)
        self.toggleButton().setToolTip(f"Show or hide the settings of “{title}”.")
        self.addWidget(content)
        panel.valueChanged.connect(self.valueChanged)
        panel.refused.connect(self.refused)

    def add_switch(self, box: QCheckBox) -> None:
        """Put another switch beside "live"."""
        self._switches.insertWidget(self._switches.count() - 1, box)

    def value(self) -> AnyStep:
        """The step shown."""
        step: AnyStep = self.panel.value()
        return step

    def setValue(self, step: AnyStep) -> None:
        """Show a step."""
        self.panel.setValue(step)


def switch(name: str, meaning: str) -> QCheckBox:
    """A check box with its meaning as a tooltip."""
    box = QCheckBox(name)
    box.setToolTip(f"<p><b>{name}</b><br>{meaning}</p>")
    return box

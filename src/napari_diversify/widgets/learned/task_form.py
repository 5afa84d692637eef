"""The settings of one task of training."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt import QCollapsible

from ...learned.training.settings import Settings, Training
from ..qt.forms import ModelForm


class TaskForm(QWidget):
    """The settings of one task: its own, and in a section those of any network."""

    # steps ---o--- [800] ...
    # > Network
    valueChanged = Signal(object)
    refused = Signal(str)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        common = [name for name in Training.model_fields if name != "steps"]
        own = [name for name in type(settings).model_fields if name not in common]
        own.sort(key=lambda name: name != "steps")
        self.own, self.network = ModelForm(settings, own), ModelForm(settings, common)
        self.section = QCollapsible("Network and processor")
        self.section.setDuration(0)
        self.section.toggleButton().setToolTip("Show or hide settings that seldom need a change.")
        self.section.addWidget(self.network)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.own)
        layout.addWidget(self.section)
        for form, other in ((self.own, self.network), (self.network, self.own)):
            form.refused.connect(self.refused)
            form.valueChanged.connect(other.setValue)
            form.valueChanged.connect(self.valueChanged)

    def value(self) -> Any:
        """The settings."""
        return self.own.value()

    def setValue(self, settings: Settings) -> None:
        """Show settings of this task."""
        self.own.setValue(settings)
        self.network.setValue(settings)

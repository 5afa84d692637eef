"""The form of a step in its card, and what it is told of the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from ...analysis.measure import Windows
from ...core.diversification.psnr_model import PsnrModel
from ...recipe.lazy.array import LazyArray
from ...recipe.steps.registry import AnyStep
from ...sentences import reason
from ..qt.forms import ModelForm
from ..qt.words import Words


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What the panel of a step is told of the image.

    Attributes
    ----------
    array : array-like
        In full resolution.
    edition : object
        Another one whenever its voxels have been changed.
    spatial_ndim : 2 or 3
    spacing : tuple of float or None
        Voxel size per spatial axis in micrometres; None if an axis has no unit of length.
    psnr : mapping of (window, stride) to PsnrModel
        As far as it has been measured.
    note : str
        On what it was measured, where that is not the whole image.
    alone : bool
        Whether the step works on the image itself.
    """

    array: Any
    edition: object
    spatial_ndim: int
    spacing: tuple[float, ...] | None
    psnr: Mapping[Windows, PsnrModel]
    note: str
    alone: bool


class StepPanel(QWidget):
    """Shows and edits a step: a row per parameter, and a note below.

    A step that needs more names a subclass as its ``panel``.
    """

    valueChanged = Signal(object)  # the step
    refused = Signal(str)
    progressed = Signal(int, int)  # of work that the user has asked for
    rested = Signal()  # it is done
    measured = Signal(object)  # {parameter: value} found in the image, for every card that has it

    def __init__(self, step: Any) -> None:
        super().__init__()
        self._planes = False  # no volumes
        self.form = ModelForm(step)
        self.note = Words()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        layout.addWidget(self.note)
        self.form.valueChanged.connect(self._on_form_changed)
        self.form.refused.connect(self.refused)
        if step.extra and find_spec(step.extra) is None:
            self.note.setText(f"This step needs the package “{step.extra}”; it is not installed.")
        self._grey()

    def value(self) -> Any:
        """The step shown."""
        return self.form.value()

    def setValue(self, step: Any) -> None:
        """Show a step."""
        self.form.setValue(step)
        self._grey()

    def setFacts(self, facts: ImageFacts | None) -> None:
        """Say what is known of the image; None: there is none."""
        self._planes = facts is not None and facts.spatial_ndim == 2
        self._grey()

    def _grey(self) -> None:
        """Grey parameters that count for nothing.

        Of planes, those that count for volumes only, unless they have to be set back.
        """
        step = self.value()
        for name in step.of_volumes & self.form.controls.keys():
            usual = getattr(step, name) == type(step).model_fields[name].default
            self.form.controls[name].setEnabled(not (self._planes and usual))
        for name in step.counts_with:
            self.form.controls[name].setEnabled(step.counts(name))

    def look(self, array: LazyArray | None, index: tuple[Any, ...] = ()) -> None:
        """Say what is in view of the result of the step: ``index`` of ``array``; None: nothing."""

    def stops(self) -> list[QWidget]:
        """What the Tab key comes to: the rows of the form, then the rest."""
        form = self.form.layout()
        assert isinstance(form, QFormLayout)
        fields = (form.itemAt(n, QFormLayout.ItemRole.FieldRole) for n in range(form.rowCount()))
        rows = [item.widget() for item in fields if item is not None]
        parts = [part for row in rows for part in (row, *row.findChildren(QWidget))]
        parts += self.findChildren(QWidget)
        here = (
            w for w in dict.fromkeys(parts) if w.window() is self.window()
        )  # no list of choices
        return [w for w in here if w.focusPolicy() & Qt.FocusPolicy.TabFocus]

    @property
    def running(self) -> bool:
        """Whether the panel is computing something."""
        return False

    def cancel(self) -> None:
        """Stop computing."""

    def _on_form_changed(self, step: Any) -> None:
        self._grey()
        self.valueChanged.emit(step)


class BrokenPanel(StepPanel):
    """Stands for a panel that cannot be made: the card can still be moved and removed."""

    def __init__(self, step: Any, error: Exception) -> None:
        QWidget.__init__(self)
        self._step = step
        self.form = QWidget()
        self.form.setLayout(QFormLayout())
        self.note = Words(f"The form of this step cannot be shown: {reason(error)}.")
        layout = QVBoxLayout(self)
        layout.addWidget(self.note)

    def value(self) -> Any:
        """The step."""
        return self._step

    def setValue(self, step: Any) -> None:
        """Keep a step."""
        self._step = step

    def setFacts(self, facts: ImageFacts | None) -> None:
        """Nothing depends on the image."""


def panel_of(step: AnyStep) -> StepPanel:
    """A new panel that shows a step."""
    try:
        if not step.panel:
            return StepPanel(step)
        module, _, name = step.panel.partition(":")
        panel: StepPanel = getattr(import_module(module), name)(step)
        return panel
    except Exception as error:  # noqa: BLE001  whatever another package does
        return BrokenPanel(step, error)

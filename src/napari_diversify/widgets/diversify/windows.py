"""The windows that the dock opens, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from ...core.diversification.psnr_model import PsnrModel
from ...recipe import LazyVolume, Sampling
from ..plots.facts import Expected
from ..samples.sheet import Samples
from ..samples.window import SamplesWindow
from .weight_tiles import Explored, ExploreWindow

if TYPE_CHECKING:  # what they need is loaded when they are asked for
    from ..export.dialog import Choices, ExportDialog
    from ..plots.window import PlotsWindow
    from ..robustness.layers import Undisturbed
    from ..robustness.window import RobustnessWindow


class Windows(QObject):
    """Opens windows, and tells those that follow the view what is in it.

    Parameters
    ----------
    viewer : ViewerModel
    samples : Samples
        The sheet in the viewer.
    choices : callable
        ``choices()`` gives (image layer or None, {what is shown: its recipe}).
    explored : callable
        ``explored()`` gives the noise to be explored, or None.
    undisturbed : callable
        Gives the context in which layers are added without the dock turning to them.
    parent : QWidget
        The dock.
    """

    sampleWished = Signal(object)  # a Row of a study
    weightsPicked = Signal(object, float)  # w_i, None for that which is set, and w_v
    opened = Signal()  # one that wants to be told what is in view

    def __init__(
        self,
        viewer: ViewerModel,
        samples: Samples,
        choices: Choices,
        explored: Callable[[], Explored | None],
        undisturbed: Undisturbed,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._dock = parent
        self._sheet = samples
        self._choices = choices
        self._explored = explored
        self._undisturbed = undisturbed
        self.export: ExportDialog | None = None
        self.samples: SamplesWindow | None = None
        self.explore: ExploreWindow | None = None
        self.plots: PlotsWindow | None = None
        self.robustness: RobustnessWindow | None = None
        samples.changed.connect(self._on_sheet_changed)

    def open_export(self) -> None:
        """Open the Export dialog on what is shown now."""
        if self.export is None:
            from ..export.dialog import ExportDialog

            self.export = ExportDialog(self._viewer, self._choices, self._kept, self._dock)
        self.export.look()
        _to_front(self.export)

    def open_samples(self) -> None:
        """Open the Samples window on what is shown now."""
        if self.samples is None:
            self.samples = SamplesWindow(self._sheet, self._choices, self._dock)
            self.samples.exportRequested.connect(self._export_kept)
        self.samples.look()
        _to_front(self.samples)

    def open_explore(self) -> None:
        """Open the sheet of weights around those that are set."""
        if self.explore is None:
            self.explore = ExploreWindow(self._viewer, self._explored, self._dock)
            self.explore.picked.connect(self.weightsPicked)
        _to_front(self.explore)
        self.opened.emit()

    def open_plots(self) -> None:
        """Open the plots of what is shown now."""
        if self.plots is None:
            from ..plots.window import PlotsWindow

            self.plots = PlotsWindow(self._viewer, self._dock)
            self.plots.picked.connect(self._on_picked)
        _to_front(self.plots)
        self.opened.emit()

    def open_robustness(self) -> None:
        """Open the window that tries segmenters on samples of what is shown now."""
        if self.robustness is None:
            from ..robustness.window import RobustnessWindow

            self.robustness = RobustnessWindow(
                self._viewer, self._choices, self._undisturbed, self._dock
            )
            self.robustness.sampleWished.connect(self.sampleWished)
        self.robustness.look()
        _to_front(self.robustness)

    def look(self, array: LazyVolume, index: tuple[Any, ...], name: str) -> None:
        """Say what is in view: ``index`` of ``array``, and what it is called."""
        if self.plots is not None:
            self.plots.look(array, index, name)
        if self.explore is not None:
            self.explore.look()

    def clear(self) -> None:
        """Say that no result is in view."""
        if self.plots is not None:
            self.plots.clear()

    def expect(self, model: PsnrModel | None, w_i: float, w_v: float) -> None:
        """Say which weights are set, and what is to be expected of any."""
        if self.explore is not None:
            self.explore.look()
        if self.plots is None:
            return
        if model is None:
            self.plots.forget(Expected)
        else:
            self.plots.tell(Expected(model, w_i, w_v))

    def close(self) -> None:
        """Close those that follow the view; an export goes on, and so does a study."""
        for window in (self.samples, self.explore, self.plots):
            if window is not None:
                window.close()

    # ---- private ----

    def _kept(self) -> tuple[Sampling, tuple[int, ...]] | None:
        """What the sheet shows, and which samples are kept, if it is of the image chosen."""
        sampling = self._sheet.sampling
        if sampling is None or not self._sheet.shows(self._choices()[0]):
            return None
        return sampling, self._sheet.kept()

    def _export_kept(self) -> None:
        self.open_export()
        if self.export is not None:
            self.export.only_kept.setChecked(True)

    def _on_picked(self, parameter: str, value: float) -> None:
        if parameter == "w_v":
            self.weightsPicked.emit(None, value)

    def _on_sheet_changed(self) -> None:
        if self.export is not None:
            self.export.look_at_sheet()


def _to_front(window: QWidget) -> None:
    window.show()
    window.raise_()

"""A window of plots that follow the sliders: what there is to plot stands in :mod:`.registry`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ...recipe import LazyVolume
from .facts import Fact, View
from .follower import Follower
from .plot import Plot, colours_of
from .registry import PLOTS

_COLUMNS = 2


class PlotsWindow(QWidget):
    """A window of plots of what the live layer shows.

    Tell it facts with :meth:`look` and :meth:`tell`, as often as they change: that
    costs nothing. The plots follow at their own pace, the newest wins; what is not
    true any more is drawn faintly until it is.

    Parameters
    ----------
    viewer : ViewerModel
        Whose theme is followed.
    kinds : sequence of callable
        The classes of the plots.

    Attributes
    ----------
    plots, switches : dict
        The plots, and the boxes that show and hide them, by name.
    facts : mapping
        What it was told last, by the class of the fact.
    """

    # [x] one  [x] two  [x] three …
    # plot | plot
    # plot | plot
    picked = Signal(str, float)  # a parameter of a step, and the value clicked for it

    def __init__(
        self,
        viewer: ViewerModel,
        parent: QWidget | None = None,
        kinds: Sequence[Callable[[], Plot]] = PLOTS,
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Plots – Diversify")
        self._viewer = viewer
        self.plots: dict[str, Plot] = {plot.name: plot for plot in (kind() for kind in kinds)}
        self._follower = Follower(tuple(self.plots.values()), self._seen, self)
        self.facts = self._follower.facts
        self._lay_out()
        for plot in self.plots.values():
            plot.picked.connect(self.picked)
        self._on_theme()
        self.clear()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(6, 0, 6, 0)
        self._grid = QGridLayout()
        self.switches: dict[str, QCheckBox] = {}
        for name, plot in self.plots.items():
            plot.setParent(self)  # also those that are not shown yet
            box = self.switches[name] = QCheckBox(name)
            box.setToolTip(f"Show this plot ({name}). Hidden, it is not computed.")
            box.setChecked(plot.at_first)
            plot.setVisible(plot.at_first)
            box.toggled.connect(plot.setVisible)
            box.toggled.connect(self._arrange)
            box.toggled.connect(self._follower.follow)
            row.addWidget(box)
        self._arrange()
        row.addStretch()
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addLayout(self._grid, stretch=1)
        screen = self.screen()
        self.resize(
            QSize(1000, 760).boundedTo(0.9 * screen.availableGeometry().size())
            if screen is not None
            else QSize(1000, 760)
        )

    def _arrange(self) -> None:
        """Give the plots that are switched on all the room, side by side."""
        on = [plot for name, plot in self.plots.items() if self.switches[name].isChecked()]
        rows = -(-len(on) // _COLUMNS)
        for plot in self.plots.values():
            self._grid.removeWidget(plot)
        for n, plot in enumerate(on):
            alone = n == len(on) - 1 and n % _COLUMNS == 0
            self._grid.addWidget(plot, n // _COLUMNS, n % _COLUMNS, 1, _COLUMNS if alone else 1)
        # each as large as the others, whatever the length of the texts
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, int(row < rows))
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)

    # ---- public ----

    def look(self, array: LazyVolume, index: tuple[Any, ...], plane_name: str) -> None:
        """Plot this from now on: ``index`` is what is in view, ``plane_name`` its name."""
        self.tell(View(copy.copy(array), index, plane_name, array.edition))

    def tell(self, fact: Fact) -> None:
        """Plot this fact from now on, instead of the one of its class there was."""
        self._follower.tell(fact)

    def forget(self, kind: type[Fact]) -> None:
        """Plot nothing that depends on facts of this class until there is one again."""
        self._follower.forget(kind)

    def clear(self) -> None:
        """Show nothing, measure nothing."""
        self._follower.clear()

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return self._follower.running

    @property
    def in_step(self) -> bool:
        """Whether every plot that is seen shows the facts as they are."""
        return self._follower.in_step

    def cancel(self) -> None:
        """Stop measuring and drawing; what is shown stays, faintly where it is not true."""
        self._follower.cancel()

    # ---- theme, shown and hidden ----

    def _seen(self) -> list[Plot]:
        """The plots that somebody can see."""
        if not self.isVisible() or self.isMinimized():
            return []
        return [plot for plot in self.plots.values() if plot.isVisible()]

    def _on_theme(self) -> None:
        if not isalive(self):  # its parent was deleted while it was open
            self._viewer.events.theme.disconnect(self._on_theme)
            return
        colours = colours_of(self._viewer.theme)
        ground, text = (QColor(*rgb).name() for rgb in (colours.background, colours.text))
        self.setStyleSheet(f"QWidget {{ background-color: {ground}; color: {text}; }}")
        for plot in self.plots.values():
            plot.setColours(colours)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with the facts."""
        super().showEvent(event)
        self._viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._follower.follow()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing and draw nothing."""
        super().hideEvent(event)
        self._viewer.events.theme.disconnect(self._on_theme)
        self.cancel()

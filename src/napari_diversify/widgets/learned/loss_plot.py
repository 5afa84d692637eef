"""The curves of what a training keeps small, against its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtWidgets import QSizePolicy

from ...learned.training.progress import Progress
from ..plots.plot import Plot, known

#: Colours of the curves, in the order in which losses come.
_ROLES = ("result", "source", "kept", "text")


class LossPlot(Plot):
    """A curve per loss; live while a training goes on."""

    name = "loss"

    def __init__(self) -> None:
        super().__init__(
            "Loss",
            "What the network is trained to keep small, against the steps taken. It should fall "
            "quickly at first and then slowly; where it has become level, more steps are of little "
            "use, and Stop early keeps the model as it is.",
            "steps",
            "loss",
        )
        self.curves = {role: self.curve(role) for role in _ROLES}
        self.note.hide()
        self.setFixedHeight(200)
        # as wide as there is room: a plot by itself would widen the dock
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(220)
        item = self.plot.getPlotItem()
        item.setMouseEnabled(x=False, y=False)
        item.hideButtons()
        self.say("Nothing has been reported yet.")

    def setReports(self, reports: Sequence[Progress]) -> None:
        """Draw all reports of a training."""
        if not reports:
            self.say("Nothing has been reported yet.")
            return
        steps = np.array([report.step for report in reports], float)
        names = list(dict.fromkeys(name for report in reports for name in report.losses))
        legend = []
        for role, name in zip(_ROLES, names, strict=False):
            values: Any = np.array([report.losses.get(name, np.nan) for report in reports])
            self.curves[role].setData(*known(steps, values))
            legend.append((role, "—", name))
        for role in _ROLES[len(names) :]:
            self.curves[role].setData([], [])
        self.plot.setXRange(0, max(reports[-1].steps, 1), padding=0.02)
        self.reveal(legend)

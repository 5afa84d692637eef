"""The buttons at the foot of the dock."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QWidget

from ..qt.parts import button, flow


class Actions(QWidget):
    """Windows to open, a snapshot to take, a recipe to save and load."""

    # [Plots] [Samples] [Explore] [Robustness] [Export] [Snapshot] [Save recipe] [Load recipe]

    def __init__(self, *others: QPushButton) -> None:
        super().__init__()
        self.plots = button(
            "Plots…", "Histogram, power spectrum, contrast against depth, PSNR against w_v."
        )
        self.samples = button(
            "Samples…",
            "Draw samples with other parameters, look through them, and keep or reject each.",
        )
        self.explore = button(
            "Explore…", "A sheet of tiles with other weights w_i and w_v; click one to take them."
        )
        self.robustness = button(
            "Robustness…",
            "Find out from where on your segmenter fails, which fails first, and on which objects.",
        )
        self.export = button(
            "Export…",
            "Make any number of samples with these settings, in files that training tools take as "
            "they are.",
        )
        self.snapshot = button(
            "Snapshot",
            "Compute the whole result of the last live step and keep it as an ordinary layer that "
            "no slider changes.",
        )
        layout = flow()
        self.setLayout(layout)
        ours = self.plots, self.samples, self.explore, self.robustness
        for push in (*ours, self.export, self.snapshot, *others):
            layout.addWidget(push)

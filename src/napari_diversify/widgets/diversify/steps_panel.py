"""The steps of the dock: a section each, and how they are chained."""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from ...recipe import Diversify
from ...recipe.steps.registry import AnyStep
from ..qt.column import Column
from ..qt.parts import tip
from ..qt.section import StepSection, switch
from .contrast_panel import ContrastPanel
from .diversify_panel import DiversifyPanel
from .lowpass_panel import LowPassPanel


class StepsPanel(QWidget):
    """A section per kind of step, each with its switches, and the chain of those that are live."""

    # > Contrast    [ ] live   ...
    # v Diversify   [x] live   [ ] show σ map   ...
    # > Low-pass    [ ] live   [ ] show what it removes   ...
    # [ ] Chain  order [contrast > diversify > low-pass v]
    stepChanged = Signal(object)  # the step
    chainChanged = Signal()
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.contrast = StepSection("Contrast (deep tissue)", ContrastPanel(), "degraded")
        self.diversify = StepSection("Diversify", DiversifyPanel(Diversify(w_v=2.0)), "diversified")
        self.lowpass = StepSection("Low-pass (DCT)", LowPassPanel(), "low-passed")
        self.sections = {
            "contrast": self.contrast,
            "diversify": self.diversify,
            "lowpass": self.lowpass,
        }
        self.show_sigma = switch(
            "show σ map",
            "Show the local standard deviation σ of the image, in its grey levels, in a layer of "
            "its own.",
        )
        self.show_removed = switch(
            "show what it removes",
            "Show the image minus the low-passed one, at ±3 standard deviations, in a layer of "
            "its own: is there a hidden picture in it?",
        )
        self.chain = switch(
            "Chain",
            "Each step that is live reads the result of the live one before it, instead of the "
            "image itself.",
        )
        self.order = QComboBox()
        self.order.setToolTip(
            tip(
                "order",
                "In which order chained steps follow each other. Optics first, then the detector, "
                "then a filter is how a microscope works.",
            )
        )
        for kinds in permutations(self.sections):
            self.order.addItem(" › ".join(kinds), kinds)
        self.diversify.add_switch(self.show_sigma)
        self.lowpass.add_switch(self.show_removed)
        self.diversify.expand(animate=False)
        steps = QWidget()
        stack = QVBoxLayout(steps)
        stack.setContentsMargins(0, 0, 0, 0)
        for section in self.sections.values():
            stack.addWidget(section)
            section.valueChanged.connect(self.stepChanged)
            section.refused.connect(self.refused)
        stack.addStretch()
        chain = QHBoxLayout()
        chain.addWidget(self.chain)
        chain.addWidget(self.order, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Column(steps), stretch=1)
        # else napari adds an empty stretch of its own below everything
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout.addLayout(chain)
        self.chain.toggled.connect(self.chainChanged)
        self.order.currentIndexChanged.connect(self.chainChanged)

    def live(self) -> list[str]:
        """Kinds of the steps that are live, in their order."""
        return [kind for kind in self.order.currentData() if self.sections[kind].live.isChecked()]

    def last_live(self) -> str:
        """The kind of step whose result is the last."""
        return str((self.live() or ["diversify"])[-1])

    def steps(self, kinds: list[str]) -> tuple[AnyStep, ...]:
        """The steps of these kinds, as they are set."""
        return tuple(self.sections[kind].value() for kind in kinds)

    def upto(self, kind: str) -> tuple[AnyStep, ...]:
        """What the live layer of a section shows: its step, after those before it if chained."""
        if not self.chain.isChecked():
            return self.steps([kind])
        order = self.order.currentData()
        before = order[: order.index(kind)]
        return self.steps([k for k in before if self.sections[k].live.isChecked()] + [kind])

    def setSteps(self, steps: tuple[AnyStep, ...]) -> None:
        """Show steps, at most one of each kind: they become live, chained if there are several."""
        kinds = [step.kind for step in steps]
        self.setParameters(steps)
        for kind, section in self.sections.items():
            section.live.setChecked(kind in kinds)
        self.chain.setChecked(len(kinds) > 1 or self.chain.isChecked())
        if [kind for kind in self.order.currentData() if kind in kinds] != kinds:
            self.setOrder((*kinds, *(kind for kind in self.sections if kind not in kinds)))

    def setParameters(self, steps: tuple[AnyStep, ...]) -> None:
        """Show the parameters of steps, at most one of each kind, live or not."""
        for step in steps:
            self.sections[step.kind].setValue(step)

    def setOrder(self, kinds: tuple[str, ...]) -> None:
        """Set in which order all kinds of steps follow each other where they are chained."""
        self.order.setCurrentIndex(list(permutations(self.sections)).index(tuple(kinds)))

    def openSections(self) -> frozenset[str]:
        """Kinds of the sections that are open."""
        return frozenset(kind for kind, part in self.sections.items() if part.isExpanded())

    def setOpenSections(self, kinds: Collection[str]) -> None:
        """Open these sections, and close the others."""
        for kind, section in self.sections.items():
            if section.isExpanded() != (kind in kinds):
                (section.expand if kind in kinds else section.collapse)(animate=False)

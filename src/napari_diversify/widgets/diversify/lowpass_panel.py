"""The Low-pass panel: cutoff, shape and taper, with the cutoff in physical units beside it."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent

from ...core.spectral.cutoff import physical_cutoff
from ...core.spectral.lowpass import energy_share
from ...recipe import LazyRemoved, LazyVolume
from ...recipe.lazy.array import LazyArray
from ...recipe.steps.lowpass import LowPass
from ..qt.background import Background
from ..qt.driver import driver
from ..qt.words import Words
from .panel import ImageFacts, StepPanel

_SETTLED_MS = 200
_ENERGY_TOOLTIP = (
    "<p><b>Energy removed</b><br>Energy of what the low-pass takes out of the plane in view, as a "
    "share of the energy of its input about its mean. “show hidden signal” makes a picture of "
    "it.</p>"
)


class LowPassPanel(StepPanel):
    """Shows and edits a :class:`LowPass` step."""

    # cutoff --o-- [0.50]
    # shape [radial v]
    # taper --o-- [0.00]
    # 0.50 Nyquist = 0.96 cycles/um along y, 0.96 along x
    # Removes 0.31 % of the energy of the plane in view.

    def __init__(self, step: LowPass) -> None:
        super().__init__(step)
        self._spacing: tuple[float, ...] | None = None
        self._seen: tuple[LazyVolume, tuple[Any, ...]] | None = None
        self.energy = Words()
        self.energy.setToolTip(_ENERGY_TOOLTIP)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.energy)
        self._background = Background(self)
        self._background.finished.connect(self._on_measured)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLED_MS)
        self._soon.timeout.connect(self._measure)
        self._show_frequency()

    def setValue(self, step: Any) -> None:
        """Show a step."""
        super().setValue(step)
        self._show_frequency()

    def setFacts(self, facts: ImageFacts | None) -> None:
        """Say the size of the voxels."""
        super().setFacts(facts)
        self._spacing = None if facts is None else facts.spacing
        self._show_frequency()

    def look(self, array: LazyArray | None, index: tuple[Any, ...] = ()) -> None:
        """Say which part of the result is in view."""
        plane = isinstance(array, LazyVolume) and index.count(slice(None)) == 2
        seen = (copy(array), index) if isinstance(array, LazyVolume) and plane else None
        before = self._seen
        if before and seen and before[0].same_as(seen[0]) and before[1] == seen[1]:
            return
        self.cancel()
        self._seen = seen
        self.energy.setText("")
        if seen is not None:
            self._soon.start()

    def showEvent(self, event: QShowEvent) -> None:
        """Measure what nobody could see before."""
        super().showEvent(event)
        if self._seen is not None and not self.energy.text():
            self._soon.start()

    def cancel(self) -> None:
        """Stop measuring."""
        self._soon.stop()
        self._background.cancel()

    def _on_form_changed(self, step: Any) -> None:
        self._show_frequency()
        super()._on_form_changed(step)

    def _measure(self) -> None:
        seen = self._seen
        if driver().busy:  # the picture comes first
            self._soon.start()
        elif seen is not None and self.isVisible():
            self._background.start(lambda: _removed(*seen))

    def _on_measured(self, share: float) -> None:
        self.energy.setText(f"Removes {_percent(share)} of the energy of the plane in view.")

    def _show_frequency(self) -> None:
        step = self.value()
        unit = "cycles/voxel" if self._spacing is None else "cycles/µm"
        n = 3 if step.volume else 2
        sizes = (1.0,) * n if self._spacing is None else self._spacing[-n:]
        along = dict(zip("zyx"[-len(sizes) :], physical_cutoff(step.cutoff, sizes), strict=True))
        by_axes: dict[str, list[str]] = {}
        for axis, frequency in along.items():
            by_axes.setdefault(f"{frequency:.3g}", []).append(axis)
        said = ", ".join(f"{value} along {' and '.join(a)}" for value, a in by_axes.items())
        if len(by_axes) == 1:
            said = next(iter(by_axes))
        self.note.setText(f"{step.cutoff:.2f} Nyquist = {said} {unit}")


def _removed(array: LazyVolume, index: tuple[Any, ...]) -> Generator[tuple[int, int], None, float]:
    """Share of the energy of its input that the last step takes away from a plane."""
    yield 0, 1
    before = array.recipe.replace(steps=array.recipe.steps[:-1])
    taken = np.asarray(LazyVolume.like(array, before)[index])
    yield 0, 1
    return energy_share(taken, LazyRemoved.like(array)[index])


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share >= 1e-4 or share == 0 else "less than 0.01 %"

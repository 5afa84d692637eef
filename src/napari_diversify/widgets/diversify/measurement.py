"""Range and PSNR of the source, measured in a thread."""

from __future__ import annotations

from typing import Any

import napari.layers
from qtpy.QtCore import QObject, Signal

from ...analysis.measure import BUDGET, Measured, measure
from ...recipe.lazy.source import Source
from ..live.layers import levels_of
from ..qt.background import Background
from .resolve import Wish


class Measurement(QObject):
    """Measures one image at a time; of a pyramid, the finest level that is read quickly."""

    progressed = Signal(int, int)
    ranged = Signal()  # the range is known, before the rest is
    finished = Signal()
    failed = Signal(object)
    stopped = Signal()
    _range_found = Signal(object)  # (number of the measurement, low, high), from its thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.result: Measured | None = None
        #: What was, or is being, measured last.
        self.wish: Wish | None = None
        #: Lowest and highest grey level of the image, as soon as they are known.
        self.range: tuple[float, float] | None = None
        self._shrunk = 1
        self._number = 0
        self._range_found.connect(self._on_range_found)
        self._background = Background(self)
        self._background.progressed.connect(self.progressed)
        self._background.finished.connect(self._on_finished)
        self._background.failed.connect(self.failed)
        self._background.stopped.connect(self.stopped)

    @property
    def running(self) -> bool:
        """Whether an image is being measured."""
        return self._background.running

    def start(self, source: napari.layers.Image, wish: Wish) -> None:
        """Measure an image."""
        self.wish = wish
        levels = levels_of(source)
        level: Any = next((a for a in levels if a.size <= BUDGET), levels[-1])
        self._shrunk = round(levels[0].shape[-1] / level.shape[-1])
        array = Source.of(level).streamed()
        self._number += 1
        number = self._number

        def ranged(low: float, high: float) -> None:
            self._range_found.emit((number, low, high))

        self._background.start(
            lambda: measure(
                array, wish.windows, wish.spatial_ndim, wish.intensity_range, ranged=ranged
            )
        )

    def forget(self) -> None:
        """Drop the result, which belongs to another image, and stop."""
        self.result = self.range = self.wish = None
        self._background.cancel()

    def cancel(self) -> None:
        """Stop; an earlier result stays."""
        self._background.cancel()

    def note(self) -> str:
        """On what the result was measured, where that is not the whole image."""
        if self.result is None:
            return ""
        parts = []
        if self.result.planes < self.result.of:
            parts.append(f"{self.result.planes} of {self.result.of} planes")
        if self._shrunk > 1:
            parts.append(f"the image at 1/{self._shrunk}")
        return f"Range and PSNR measured on {' of '.join(parts)}." if parts else ""

    def _on_range_found(self, found: tuple[int, float, float]) -> None:
        number, low, high = found
        if number == self._number and self._background.running:
            self.range = low, high
            self.ranged.emit()

    def _on_finished(self, result: Measured) -> None:
        self.result, self.range = result, (result.low, result.high)
        self.finished.emit()

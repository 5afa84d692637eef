"""Numbers under the sliders: how far the shown plane, and the whole volume, is from its source."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from ...core.measures.pair_sums import PairSums
from ...core.measures.quality import SSIM_WINDOW, ssim
from ...recipe import LazyVolume
from ...recipe.lazy.source import streamed
from ..qt.background import Background
from ..qt.driver import driver
from ..qt.words import Words

#: Volumes up to so many voxels are measured whenever nothing else is done.
_AUTOMATIC = 1 << 25
_PLANE_MS, _VOLUME_MS = 120, 1500
_WAITING = "…"
_NAME_PX = 96


@dataclass(frozen=True)
class _Watched:
    """What is measured: an array, the plane of it that is shown, and what both are called."""

    array: LazyVolume
    index: tuple[Any, ...]
    plane: str


class Readout(QWidget):
    """Two lines of numbers, one of the plane in view and one of the volume.

    A number is shown only while it is true: any change clears both lines, and
    they come back when they have been computed, in a thread.
    """

    # plane 31   PSNR 21.3 dB   SSIM 0.71   RMS contrast 0.38 → 0.21   clipped 1.2 %
    # volume     PSNR 21.4 dB   ...                          [measure]

    def __init__(self) -> None:
        super().__init__()
        self.plane, self.volume = Words(), Words()
        self.measure = QPushButton("measure volume")
        self.measure.setToolTip(
            "<p><b>measure volume</b><br>Compute the whole result once, in the background, for "
            "its numbers. Small volumes are measured by themselves.</p>"
        )
        meaning = (
            "<p><b>{}</b><br>PSNR: the peak is the intensity range, background included. SSIM: "
            "structural similarity, 1 for equal images{}. RMS contrast: standard deviation over "
            "mean, source → result; noise raises it, unlike the contrast in the plots. "
            "Clipped: share of voxels that ended at an end of the range without having been "
            "there.</p>"
        )
        self.plane.setToolTip(meaning.format("the plane in view", ""))
        self.volume.setToolTip(meaning.format("the whole volume", ", left out here"))
        self.measure.hide()
        self._name = QLabel("plane")
        self._name.setWordWrap(True)  # of many axes it would leave no room for the numbers
        self._name.setMaximumWidth(_NAME_PX)
        for numbers in (self.plane, self.volume):
            numbers.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        # a form layout would cut lines that wrap when their number changes
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for line, (name, label) in enumerate(
            ((self._name, self.plane), (QLabel("volume"), self.volume))
        ):
            layout.addWidget(name, line, 0, Qt.AlignmentFlag.AlignTop)
            layout.addWidget(label, line, 1)
        layout.addWidget(self.measure, 2, 0, 1, 2)
        layout.setColumnStretch(1, 1)
        self._watched: _Watched | None = None
        self._clean: tuple[object, npt.NDArray[Any]] | None = None  # the last plane read
        self._of_plane, self._of_volume = Background(self), Background(self)
        self._of_plane.finished.connect(self.plane.setText)
        self._of_volume.finished.connect(self.volume.setText)
        for background, label in ((self._of_plane, self.plane), (self._of_volume, self.volume)):
            background.failed.connect(lambda error, label=label: label.setText(str(error)))
        self._soon, self._later = QTimer(self), QTimer(self)
        for timer, wait, start in (
            (self._soon, _PLANE_MS, self._measure_plane),
            (self._later, _VOLUME_MS, self._measure_volume),
        ):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(start)
        self.measure.clicked.connect(self._measure_volume)
        self.clear()

    def look(self, array: LazyVolume, index: tuple[Any, ...], plane: str) -> None:
        """Measure this from now on: ``index`` is what is in view, ``plane`` its name."""
        watched = _Watched(copy.copy(array), index, plane)
        before = self._watched
        same_volume = before is not None and before.array.same_as(array)
        if before is not None and same_volume and before.index == index:
            return
        self._watched = watched
        self._name.setText(plane)
        self.plane.setText(_WAITING)
        self._of_plane.cancel()
        self._soon.start()
        if same_volume:
            return  # another plane of the same result: the volume's numbers stay true
        self._later.stop()  # it was set for the volume before, which may have been small
        self._of_volume.cancel()
        automatic = array.size <= _AUTOMATIC
        self.volume.setText(_WAITING if automatic else "")
        self.measure.setVisible(not automatic)
        if automatic:
            self._later.start()

    def clear(self, why: str = "") -> None:
        """Show no numbers but why there are none, and measure nothing."""
        self.cancel()
        self._watched = None
        self._name.setText("plane")
        self.plane.setText(why)
        self.volume.setText("")
        self.measure.hide()

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return self._of_plane.running or self._of_volume.running

    def cancel(self) -> None:
        """Stop measuring."""
        for timer in (self._soon, self._later):
            timer.stop()
        for background in (self._of_plane, self._of_volume):
            background.cancel()

    def _measure_plane(self) -> None:
        watched = self._watched
        if driver().busy:  # the picture comes first, and leaves what the numbers need
            self._soon.start()
        elif watched is not None:
            self._of_plane.start(lambda: self._numbers_of_plane(watched))

    def _numbers_of_plane(self, watched: _Watched) -> Generator[tuple[int, int], None, str]:
        yield 0, 1
        array, (low, high) = watched.array, watched.array.intensity_range
        key = (array.edition, watched.index)
        if self._clean is None or self._clean[0] != key:
            self._clean = (key, np.asarray(array.source[watched.index]))
        clean = self._clean[1]
        result = array[watched.index]
        yield 0, 1
        sums = PairSums(low, high)
        sums.add(clean, result)
        sides = [n for n in clean.shape if n > 1]
        similar = None
        if len(sides) == 2 and min(sides) >= SSIM_WINDOW:
            similar = ssim(clean.reshape(sides), result.reshape(sides), high - low)
        yield 0, 1
        return _said(sums, similar)

    def _measure_volume(self) -> None:
        watched = self._watched
        if driver().busy:
            self._later.start()
        elif watched is not None:
            self.volume.setText(_WAITING)
            self._of_volume.start(lambda: _of_volume(watched.array))


def _of_volume(array: LazyVolume) -> Generator[tuple[int, int], None, str]:
    low, high = array.intensity_range
    sums = PairSums(low, high)
    yield from array.prepare()
    total, source = array.slab_count(), streamed(array.source)
    for n, (place, block) in enumerate(array.slabs()):
        sums.add(np.asarray(source[place]), block)
        yield n, total
    return _said(sums, None)


def _said(sums: PairSums, similar: float | None) -> str:
    low, high = sums.low or 0.0, sums.high or 1.0
    before, after = sums.reference.rms_contrast(low), sums.image.rms_contrast(low)
    parts = [f"PSNR {sums.psnr(high - low):.2f} dB"]
    if similar is not None:
        parts.append(f"SSIM {similar:.2f}")
    parts += [
        f"RMS contrast {before:.2f} → {after:.2f}",
        f"clipped {100 * sums.clipped_fraction:.1f}\u00a0%",
    ]
    return "   ".join(parts)

"""A window of four plots that follow the sliders.

All numbers come from :mod:`.curves`, in threads. The GUI thread only draws
them, one plot at a time, and a plot that nobody sees is neither computed nor
drawn.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QHideEvent, QShowEvent
from qtpy.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from ...analysis.by_depth import ByDepth, by_depth
from ...analysis.by_noise import ByNoise, by_noise
from ...analysis.plane import SIDE, Histogram, OfPlane, Spectrum, cutoffs, of_plane
from ...core.diversification.psnr_model import PsnrModel
from ...recipe import LazyVolume
from ..qt.background import Background
from ..qt.driver import Work, driver
from .kinds import DepthPlot, HistogramPlot, NoisePlot, SpectrumPlot
from .plot import Plot, colours_of

_FOLLOW_MS, _VOLUME_MS, _DRAW_MS = 120, 1500, 10
_NO_IMAGE = "Nothing is live: there is no image to plot."
_NOT_MEASURED = "The image has not been measured yet."
_WAITING = "Measuring…"


@dataclass(frozen=True)
class _Watched:
    """What is in view: an array, an index into it, and what that is called."""

    array: LazyVolume
    index: tuple[Any, ...]
    name: str
    edition: object  # of the source, when it was looked at

    @property
    def lead(self) -> tuple[Any, ...]:
        """Which volume of a time series or of channels it is part of."""
        return self.index[: -self.array.spatial_ndim]

    def same_plane(self, other: _Watched) -> bool:
        return self.array.same_as(other.array) and self.index == other.index

    def same_volume(self, other: _Watched) -> bool:
        return self.array.same_as(other.array) and self.lead == other.lead

    def same_source(self, other: _Watched) -> bool:
        return (self.edition, self.array.intensity_range, self.lead) == (
            *(other.edition, other.array.intensity_range, other.lead),
        )


@dataclass(frozen=True)
class _Expected:
    """What is expected: a model, and where the sliders are."""

    model: PsnrModel
    w_i: float
    w_v: float

    def same_curves(self, other: _Expected) -> bool:
        return self.model is other.model and self.w_i == other.w_i


class PlotsWindow(QWidget):
    """A window of four plots of what the live layer shows.

    Tell it what is in view with :meth:`look` and :meth:`setModel`, as often as
    it changes: that costs nothing. The plots follow at their own pace, the
    newest wins; what is not true any more is drawn faintly until it is.

    Parameters
    ----------
    viewer : ViewerModel
        Whose theme is followed.
    """

    # [x] histogram  [x] spectrum  [x] depth  [x] noise
    # Histogram              | Power spectrum
    # Contrast against depth | PSNR and contrast against w_v
    weightPicked = Signal(float)  # w_v

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Plots – Diversify")
        self._viewer = viewer
        self.histogram, self.spectrum = HistogramPlot(), SpectrumPlot()
        self.depth, self.noise = DepthPlot(), NoisePlot()
        self.plots: dict[str, Plot] = {
            "histogram": self.histogram,
            "spectrum": self.spectrum,
            "depth": self.depth,
            "noise": self.noise,
        }
        self._watched: _Watched | None = None
        self._expected: _Expected | None = None
        # what was found, and of what
        self._plane: tuple[_Watched, OfPlane | str] | None = None
        self._volume: tuple[_Watched, ByDepth | str] | None = None
        self._by_noise: tuple[_Expected, ByNoise | str] | None = None
        self._drawn: dict[Plot, object] = {}
        self._point: _Expected | None = None  # drawn
        self._due: dict[Plot, None] = {}  # to be drawn, in this order
        self._of_plane, self._of_volume, self._of_model = (Background(self) for _ in range(3))
        self._soon, self._later, self._drawing = (QTimer(self) for _ in range(3))
        self._lay_out()
        self._wire()
        self._on_theme()
        self.clear()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(6, 0, 6, 0)
        grid = QGridLayout()
        self.switches: dict[str, QCheckBox] = {}
        for n, (name, plot) in enumerate(self.plots.items()):
            box = self.switches[name] = QCheckBox(name)
            box.setToolTip(f"Show this plot ({name}). Hidden, it is not computed.")
            box.setChecked(True)
            box.toggled.connect(plot.setVisible)
            box.toggled.connect(self._follow)
            row.addWidget(box)
            grid.addWidget(plot, n // 2, n % 2)
        row.addStretch()
        for n in range(2):  # whatever the length of the texts
            grid.setRowStretch(n, 1)
            grid.setColumnStretch(n, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addLayout(grid, stretch=1)
        screen = self.screen()
        self.resize(
            QSize(1000, 760).boundedTo(0.9 * screen.availableGeometry().size())
            if screen is not None
            else QSize(1000, 760)
        )

    def _wire(self) -> None:
        for timer, wait, start in (
            (self._soon, _FOLLOW_MS, self._measure_soon),
            (self._later, _VOLUME_MS, self._measure_volume),
            (self._drawing, _DRAW_MS, self._draw_one),
        ):
            timer.setSingleShot(True)
            timer.setInterval(wait)
            timer.timeout.connect(start)
        for background, done in (
            (self._of_plane, self._on_plane),
            (self._of_volume, self._on_volume),
            (self._of_model, self._on_model),
        ):
            background.finished.connect(done)
        self._of_volume.progressed.connect(self._on_progress)
        self.noise.weightPicked.connect(self.weightPicked)

    # ---- public ----

    def look(self, array: LazyVolume, index: tuple[Any, ...], plane_name: str) -> None:
        """Plot this from now on: ``index`` is what is in view, ``plane_name`` its name."""
        watched = _Watched(copy.copy(array), index, plane_name, array.edition)
        before, self._watched = self._watched, watched
        if before is not None and before.same_plane(watched):
            return
        if self._of_volume.running:
            self._of_volume.cancel()  # so that the plane need not wait for its thread
        self._follow()

    def setModel(self, model: PsnrModel | None, w_i: float, w_v: float) -> None:
        """Plot what is expected of this model, and where the weights are; None if unknown."""
        if model is not None:
            self._expected = _Expected(model, float(w_i), float(w_v))
            self._follow()
            return
        self._of_model.cancel()
        self._expected = self._by_noise = self._point = None
        self._forget(self.noise, _NOT_MEASURED)

    def clear(self) -> None:
        """Show nothing, measure nothing."""
        self.cancel()
        self._watched = self._plane = self._volume = None
        for plot in (self.histogram, self.spectrum, self.depth):
            self._forget(plot, _NO_IMAGE)
        self.setModel(None, 1.0, 0.0)

    @property
    def running(self) -> bool:
        """Whether something is being measured."""
        return any(work.running for work in (self._of_plane, self._of_volume, self._of_model))

    @property
    def in_step(self) -> bool:
        """Whether every plot that is seen shows what is in view."""
        return not self._due and not any(self._behind(plot) for plot in self._seen())

    def cancel(self) -> None:
        """Stop measuring and drawing; what is shown stays, faintly where it is not true."""
        for timer in (self._soon, self._later, self._drawing):
            timer.stop()
        for work in (self._of_plane, self._of_volume, self._of_model):
            work.cancel()
        self._due.clear()

    # ---- following ----

    def _seen(self) -> list[Plot]:
        """The plots that somebody can see."""
        if not self.isVisible() or self.isMinimized():
            return []
        return [plot for plot in self.plots.values() if plot.isVisible()]

    def _behind(self, plot: Plot) -> bool:
        """Whether a plot shows something else than it should."""
        if plot is self.noise:
            return self._point != self._expected
        watched = self._watched
        if watched is None:
            return False
        if plot is self.depth:
            return self._volume is None or not watched.same_volume(self._volume[0])
        if self._plane is None or not watched.same_plane(self._plane[0]):
            return True
        found = self._plane[1]
        if isinstance(found, str):
            return False
        return (found.histogram if plot is self.histogram else found.spectrum) is None

    def _follow(self) -> None:
        """Bring the plots that are seen up to date, soon."""
        behind = [plot for plot in self._seen() if self._behind(plot)]
        for plot in behind:
            if plot is not self.noise and not plot.faint:
                self._put(plot)  # says that it is not true any more
        if behind and not self._soon.isActive():
            self._soon.start()
        if self.depth in behind:
            self._later.start()  # after a rest, which begins anew

    def _measure_soon(self) -> None:
        """Start what is behind, unless it is at work: then it comes back here when it is done."""
        if driver().busy:  # the picture comes first, and leaves what the plots need
            self._soon.start()
            return
        behind = [plot for plot in self._seen() if self._behind(plot)]
        watched, expected = self._watched, self._expected
        of_the_plane = self.histogram in behind or self.spectrum in behind
        if watched is not None and of_the_plane and not self._of_plane.running:
            self._measure_plane(watched)
        if expected is not None and self.noise in behind:
            if self._by_noise is not None and expected.same_curves(self._by_noise[0]):
                self._put(self.noise)
            elif not self._of_model.running:
                self._of_model.start(
                    partial(_told, expected, by_noise, expected.model, expected.w_i)
                )

    def _measure_plane(self, watched: _Watched) -> None:
        seen = self._seen()
        before = self._plane[1] if self._plane is not None else None
        self._of_plane.start(
            partial(
                _told,
                watched,
                of_plane,
                watched.array,
                watched.index,
                self.histogram in seen,
                self.spectrum in seen,
                None if isinstance(before, str) else before,
            )
        )

    def _measure_volume(self) -> None:
        watched = self._watched
        if self._of_volume.running or self.depth not in self._seen():
            return
        if driver().busy:
            self._later.start()
            return
        if watched is not None and self._behind(self.depth):
            self._of_volume.start(partial(_told, watched, by_depth, watched.array, watched.index))

    def _on_plane(self, found: tuple[_Watched, OfPlane | str]) -> None:
        self._plane = found
        self._put(self.histogram, self.spectrum)
        self._follow()

    def _on_volume(self, found: tuple[_Watched, ByDepth | str]) -> None:
        self._volume = found
        self._put(self.depth)
        self._follow()

    def _on_model(self, found: tuple[_Expected, ByNoise | str]) -> None:
        self._by_noise = found
        self._put(self.noise)
        self._follow()

    def _on_progress(self, done: int, pieces: int) -> None:
        if self.depth.has_curves:
            self.depth.note.setText(f"Measuring: plane {done} of {pieces}…")
        else:
            self.depth.say(f"Measuring contrast: plane {done} of {pieces}…")

    # ---- drawing ----

    def _put(self, *plots: Plot) -> None:
        """Have plots drawn, one at a time: other events come in between."""
        self._due.update(dict.fromkeys(plots))
        if not self._drawing.isActive():
            self._drawing.start()

    def _draw_one(self) -> None:
        plot = next(iter(self._due), None)
        if plot is None:
            return
        del self._due[plot]
        if plot in self._seen():
            self._draw(plot)
        if self._due:
            self._drawing.start()

    def _draw(self, plot: Plot) -> None:
        """Draw what was found, if it is new, and faintly what is not true."""
        if plot is self.noise:
            self._draw_noise()
            return
        found = self._volume if plot is self.depth else self._plane
        if found is None:
            plot.say(_WAITING)
            return
        of, result = found
        if self._drawn.get(plot) is not result:
            self._draw_new(plot, of, result)
        watched = self._watched
        assert watched is not None
        if not self._behind(plot):
            plot.setFaint()
        elif watched.same_source(of) and (plot is self.depth or watched.index == of.index):
            plot.setFaint("result")
        else:
            plot.setFaint("source", "result")

    def _draw_new(self, plot: Plot, of: _Watched, result: OfPlane | ByDepth | str) -> None:
        data: Any = result
        if isinstance(result, OfPlane):
            data = result.histogram if plot is self.histogram else result.spectrum
            if data is None:
                return  # it was hidden then
        self._drawn[plot] = result
        if isinstance(data, str):
            plot.say(data)
        elif isinstance(data, ByDepth):
            self.depth.draw(data)
        elif isinstance(result, OfPlane):
            name = of.name if result.plane.whole_view else f"{of.name}, plane in the middle"
            if isinstance(data, Histogram):
                self.histogram.draw(data, name)
            elif isinstance(data, Spectrum):
                self._draw_spectrum(data, name, of, result)

    def _draw_spectrum(self, data: Spectrum, name: str, of: _Watched, result: OfPlane) -> None:
        unit = "cycles/pixel" if result.pixel_size is None else "cycles/µm"
        rows, columns = (min(n, SIDE) for n in result.plane.shape)
        note = ""
        if (rows, columns) != result.plane.shape:
            note = f"Of the {rows} × {columns} pixels in the middle of the plane."
        self.spectrum.setCutoffs(cutoffs(of.array, result.plane))
        self.spectrum.draw(data, name, unit, note)

    def _draw_noise(self) -> None:
        if self._by_noise is None or self._expected is None:
            return
        of, result = self._by_noise
        expected = self._expected
        if isinstance(result, str):
            self.noise.say(result)
        else:
            if self._drawn.get(self.noise) is not result:
                self.noise.draw(result)
            true = expected.same_curves(of)
            shown = expected if true else of
            self.noise.point(shown.model, shown.w_i, shown.w_v)
            self.noise.setFaint(*(() if true else ("result", "kept")))
        self._drawn[self.noise] = result
        self._point = expected if expected.same_curves(of) else None

    def _forget(self, plot: Plot, sentence: str) -> None:
        self._due.pop(plot, None)
        self._drawn.pop(plot, None)
        plot.setFaint()
        plot.say(sentence)

    # ---- theme, shown and hidden ----

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
        """Catch up with what is in view."""
        super().showEvent(event)
        self._viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        """Compute nothing and draw nothing."""
        super().hideEvent(event)
        self._viewer.events.theme.disconnect(self._on_theme)
        self.cancel()


def _told(
    of: Any, work: Callable[..., Work], *arguments: Any
) -> Generator[tuple[int, int], None, tuple[Any, Any]]:
    """What the work found, together with what it was done for; or why it could not be."""
    try:
        found = yield from work(*arguments)
    except Exception as error:  # noqa: BLE001  whatever it is, the user is told
        found = f"This cannot be plotted: {error}."
    return of, found

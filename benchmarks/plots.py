"""One slider event at 1024 x 1024 with all plots open, beside the same with none.

Run: ``python benchmarks/plots.py``. A drag of slider events, 16 ms apart, is
played on a live layer of napari's viewer model; every event of Qt is timed on
the GUI thread while it is handled, so what the plots do there counts in full:
starting threads, setting data, drawing. Drawing goes to memory; with ``--xvfb``
(``xvfb-run -a python benchmarks/plots.py --xvfb``) it goes to the screen of
DISPLAY. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import os
import sys
import time

if "--xvfb" not in sys.argv:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"

import numpy as np
from qtpy.QtCore import QEvent, QObject, QThreadPool
from qtpy.QtWidgets import QApplication
from slider import PLANE, Slider
from timing import goal, report

from napari_diversify.core import PsnrModel, local_std
from napari_diversify.widgets.plots.facts import Expected
from napari_diversify.widgets.plots.window import PlotsWindow

EVENTS, EVERY = 60, 0.016


class TimedApplication(QApplication):
    """Notes how long the GUI thread is held by each event."""

    def __init__(self) -> None:
        super().__init__([])
        self.held: list[tuple[float, str]] = []
        self._depth = 0

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        self._depth += 1
        start = time.perf_counter()
        try:
            return bool(super().notify(receiver, event))
        finally:
            self._depth -= 1
            if self._depth == 0:
                kind = f"{type(receiver).__name__} {event.type().name}"
                self.held.append((time.perf_counter() - start, kind))


def rest(application: TimedApplication, seconds: float = 0.3) -> None:
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        application.processEvents()
        time.sleep(0.001)


class Drag:
    """A slider with the plots on what it shows, open or not."""

    def __init__(self, slider: Slider, window: PlotsWindow | None, model: PsnrModel) -> None:
        self.slider, self.window, self.model = slider, window, model

    def event(self, w_v: float) -> None:
        self.slider.event()
        if self.window is not None:
            array, index = self.slider.live.in_view()
            self.window.look(array, index, "z 5")
            self.window.tell(Expected(self.model, 1.0, w_v))

    def play(self, application: TimedApplication) -> dict[str, float]:
        """Milliseconds: median and longest event, the longest block, GUI time per event."""
        rest(application)
        application.held.clear()
        events = []
        due = time.perf_counter()
        for w_v in np.linspace(0.5, 8, EVENTS):
            start = time.perf_counter()
            self.event(float(w_v))
            events.append(time.perf_counter() - start)
            due += EVERY
            while time.perf_counter() < due:
                application.processEvents()
                time.sleep(0.0005)
        held = [seconds for seconds, _ in application.held]
        between = sum(held) / EVENTS
        return {
            "slider event, median": 1e3 * float(np.median(events)),
            "slider event, 95 % are shorter": 1e3 * float(np.percentile(events, 95)),
            "longest block of the GUI thread": 1e3 * max(*held, *events),
            "GUI thread per slider event, all in all": 1e3 * (float(np.mean(events)) + between),
        }


def opened(slider: Slider, application: TimedApplication) -> tuple[PlotsWindow, PsnrModel]:
    part = slider.volume[:4]
    model = PsnrModel.from_volume(part, local_std(part))
    window = PlotsWindow(slider.viewer)
    window.show()
    array, index = slider.live.in_view()
    window.look(array, index, "z 5")
    window.tell(Expected(model, 1.0, 1.0))
    deadline = time.perf_counter() + 60
    while not window.in_step and time.perf_counter() < deadline:
        application.processEvents()
        time.sleep(0.001)
    return window, model


if __name__ == "__main__":
    application = TimedApplication()
    slider = Slider(10)
    window, model = opened(slider, application)
    without, with_all = Drag(slider, None, model), Drag(slider, window, model)
    runs = []
    for _ in range(6):
        window.hide()
        alone = without.play(application)
        window.show()
        runs.append((alone, with_all.play(application), list(application.held)))
    runs = runs[1:]  # after a warm-up
    times: dict[str, tuple[float, float]] = {}
    for name in runs[0][0]:
        times[name] = tuple(float(np.median([run[i][name] for run in runs])) for i in (0, 1))
        rows = {"no plot": (times[name][0], "ms"), "all plots open": (times[name][1], "ms")}
        report(name, rows, "no plot")
    print("\nlongest blocks with all plots open (of the last drag)")
    for seconds, kind in sorted(runs[-1][2], reverse=True)[:5]:
        print(f"  {kind:<46}{1e3 * seconds:>12.3f} ms")
    print()
    met = [
        goal(f"{name}, all plots open (ms)", both[1], 16.0, at_most=True)
        for name, both in times.items()
    ]
    window.close()
    QThreadPool.globalInstance().waitForDone()
    print(f"  ({PLANE[0]} x {PLANE[1]} pixels, {EVENTS} events, median of {len(runs)} drags)")
    sys.exit(0 if all(met) else 1)

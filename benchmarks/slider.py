"""One slider event on a live layer, beside assigning ``layer.data`` a new volume.

Run: ``python benchmarks/slider.py``. Uses napari's viewer model without a
window: drawing comes on top and is the same for all. An event lasts until the layer shows
its result; what of that keeps the GUI thread busy is counted apart, in CPU time of that
thread, beside napari's own refresh of a plain layer. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from heartbeat import settle
from napari.components import ViewerModel
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication
from timing import goal, in_turn, report

from napari_diversify.core import local_std, normal_field
from napari_diversify.recipe import DegradeContrast, Diversify, LazyVolume, LowPass, Recipe
from napari_diversify.recipe.steps.step import Step
from napari_diversify.widgets.live.live_layer import LiveLayer

PLANE = (1024, 1024)


#: Most milliseconds on the GUI thread that a slider event may add to napari's own refresh.
OURS_MS = 0.5
STEPS: dict[str, Callable[[float], Step]] = {
    "diversify": lambda at: Diversify(w_v=at),
    "contrast": lambda at: DegradeContrast(extra_depth=10 * at),
    "lowpass": lambda at: LowPass(cutoff=0.1 * at),
}


class Slider:
    """A live layer on a volume of ``planes`` planes, and its slider."""

    def __init__(self, planes: int, kind: str = "diversify") -> None:
        rng = np.random.default_rng(0)
        self.volume = rng.random((planes, *PLANE), dtype=np.float32)
        self.viewer = ViewerModel()
        self._step = STEPS[kind]
        self._weights = iter(np.linspace(2, 6, 100_000))
        source = self.viewer.add_image(self.volume)
        self.live = LiveLayer(self.viewer, kind)
        self.live.show(source, [LazyVolume(self.volume, self._recipe(), (0.5, 0.2, 0.2))], {})
        self.viewer.dims.set_current_step(0, planes // 2)
        settle([self.live])

    def _recipe(self) -> Recipe:
        step = self._step(float(next(self._weights)))
        return Recipe(steps=(step,), intensity_range=(0.0, 1.0))

    def event(self) -> None:
        """A slider has been moved."""
        new = self._recipe()
        self.live.change(lambda volume: setattr(volume, "recipe", new), {})
        settle([self.live])

    def step(self) -> None:
        """Another plane is looked at: σ and noise are computed afresh."""
        at = self.viewer.dims.current_step[0]
        self.viewer.dims.set_current_step(0, (at + 7) % len(self.volume))
        settle([self.live])


def gui_thread() -> list[bool]:
    """What an event costs the GUI thread beside a refresh of a plain layer, both in CPU time."""
    sliders = {kind: Slider(8, kind) for kind in STEPS}
    viewer = ViewerModel()  # which slices the layer for as long as it lives
    plain = viewer.add_image(sliders["diversify"].volume)
    loop = QEventLoop()

    def refresh() -> None:
        plain.refresh(thumbnail=False, highlight=False, extent=False)
        loop.quit()

    def wait_and_refresh() -> None:
        QTimer.singleShot(2, refresh)  # ours come from the event loop, too
        loop.exec()

    events: dict[str, Callable[[], object]] = {
        "napari's refresh of a plain layer": wait_and_refresh,
        **{f"slider of {kind}": slider.event for kind, slider in sliders.items()},
    }
    times = in_turn(events, rounds=101, clock=time.thread_time)
    medians = {name: t * 1e3 for name, t in times.items()}
    napari, *ours = medians
    rows = {name: (ms, "ms") for name, ms in medians.items()}
    report("CPU time of the GUI thread, 1024 x 1024 float32, plane seen before", rows, napari)
    return [
        goal(
            f"{name}, ms beside napari's refresh",
            medians[name] - medians[napari],
            OURS_MS,
            at_most=True,
        )
        for name in ours
    ]


def assigning(slider: Slider) -> dict[str, float]:
    volume = slider.volume
    sigma, noise = local_std(volume), normal_field(volume.shape, 0)
    layer = slider.viewer.add_image(volume.copy())
    weights = iter(np.linspace(0.5, 8, 1000))

    def assign() -> None:
        layer.data = np.clip(volume + np.float32(next(weights)) * sigma * noise, 0, 1)

    times = in_turn({"layer.data = w_i I + w_v σ n": assign}, rounds=5)
    slider.viewer.layers.remove(layer)
    times |= in_turn(
        {"slider event (warm plane)": slider.event, "new plane (cold)": slider.step}, rounds=31
    )
    copied = volume[0].copy()
    times |= in_turn({"limit: copy one plane": lambda: np.copyto(copied, volume[1])}, rounds=31)
    return times


if __name__ == "__main__":
    application = QApplication.instance() or QApplication([])
    big = Slider(100)
    times = assigning(big)
    rows = {name: (t * 1e3, "ms") for name, t in times.items()}
    ours = "slider event (warm plane)"
    report("one slider event, 100 x 1024 x 1024 float32", rows, ours)
    met = [
        goal(
            "slider against layer.data (x faster)",
            times["layer.data = w_i I + w_v σ n"] / times[ours],
            20,
        )
    ]
    met += gui_thread()
    few, many = Slider(10), Slider(1000)
    times = in_turn({"10 planes": few.event, "1000 planes": many.event}, rounds=101)
    report(
        "the same event, by number of planes",
        {name: (t * 1e3, "ms") for name, t in times.items()},
        "10 planes",
    )
    change = abs(times["1000 planes"] / times["10 planes"] - 1)
    met.append(goal("change from 10 to 1000 planes", change, 0.10, at_most=True))
    sys.exit(0 if all(met) else 1)

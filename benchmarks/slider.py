"""One slider event on a live layer, beside assigning ``layer.data`` a new volume.

Run: ``python benchmarks/slider.py``. Uses napari's viewer model without a
window, so the figures are the computing and slicing on the GUI thread; drawing
comes on top and is the same for all. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from timing import goal, in_turn, report

from napari_diversify.core import local_std, normal_field
from napari_diversify.recipe import Diversify, LazyVolume, Recipe
from napari_diversify.widgets.live.live_layer import LiveLayer

PLANE = (1024, 1024)


def recipe(w_v: float) -> Recipe:
    return Recipe(steps=(Diversify(w_v=w_v),), intensity_range=(0.0, 1.0))


class Slider:
    """A live layer on a volume of ``planes`` planes, and its slider."""

    def __init__(self, planes: int) -> None:
        rng = np.random.default_rng(0)
        self.volume = rng.random((planes, *PLANE), dtype=np.float32)
        self.viewer = ViewerModel()
        source = self.viewer.add_image(self.volume)
        self.live = LiveLayer(self.viewer, "diversified")
        self.live.show(source, [LazyVolume(self.volume, recipe(1.0))], {})
        self.viewer.dims.set_current_step(0, planes // 2)
        self._weights = iter(np.linspace(0.5, 8, 100_000))

    def event(self) -> None:
        """A slider has been moved."""
        new = recipe(float(next(self._weights)))
        self.live.change(lambda volume: setattr(volume, "recipe", new), {})

    def step(self) -> None:
        """Another plane is looked at: σ and noise are computed afresh."""
        at = self.viewer.dims.current_step[0]
        self.viewer.dims.set_current_step(0, (at + 7) % len(self.volume))


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

"""One slider event of the contrast, restore and low-pass steps, beside recomputing with SciPy.

First the computing alone; then live layers in napari's viewer model, without a
window: CPU time of the GUI thread until the layers show their results. Run:
``python benchmarks/spectral.py``. Figures of one table come from one run; exit
status 1 if a goal is missed.
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
from qtpy.QtWidgets import QApplication
from scipy import fft
from scipy.ndimage import gaussian_filter
from timing import goal, in_turn, report

from napari_diversify.recipe import DegradeContrast, Diversify, LazyVolume, LowPass, Recipe, Restore
from napari_diversify.recipe.lazy.cache import Cache
from napari_diversify.recipe.steps.step import Step
from napari_diversify.widgets.live.live_layer import LiveLayer

FRAME_60_HZ = 1 / 60
LIMIT = "one inverse DCT of SciPy"
#: How many times as long as that each may take, at 1024 x 1024.
GOALS = {
    "low-pass, warm plane": 0.5,
    "low-pass with taper, warm plane": 0.5,
    "restore, warm plane": 1.0,
    "contrast, warm plane": 0.9,
    "contrast, cold plane": 4.0,
}


class Slider:
    """A lazy volume whose step changes with every event.

    Its cache is full, as after a while of looking: memory that is new to a process takes
    time of its own.
    """

    def __init__(self, size: int, step: Callable[[float], Step]) -> None:
        volume = np.random.default_rng(0).random((6, size, size), dtype=np.float32)
        self._step = step
        self._places = iter(np.linspace(0.2, 0.6, 100_000))
        cache = Cache(16 * volume[0].nbytes)
        self.lazy = LazyVolume(volume, self._recipe(), (0.5, 0.2, 0.2), cache=cache)
        for _ in range(8):
            self.cold()

    def _recipe(self) -> Recipe:
        return Recipe(steps=(self._step(float(next(self._places))),), intensity_range=(0.0, 1.0))

    def warm(self) -> None:
        self.lazy.recipe = self._recipe()
        self.lazy[3]

    def cold(self) -> None:
        self.lazy.source_edited()
        self.lazy[3]


def scipy_lowpass(plane: np.ndarray, cutoff: float) -> np.ndarray:
    u, v = (np.arange(n) / n for n in plane.shape)
    coefficients = fft.dctn(plane, norm="ortho")
    coefficients[u[:, None] ** 2 + v**2 >= cutoff**2] = 0
    return fft.idctn(coefficients, norm="ortho")


def scipy_contrast(plane: np.ndarray, blur: float, halo: float) -> np.ndarray:
    sharp, wide = (gaussian_filter(plane, s, mode="reflect") for s in (blur, halo))
    return 0.7 * sharp + 0.3 * wide + 0.01 * np.random.default_rng(0).standard_normal(plane.shape)


def table(size: int) -> dict[str, float]:
    lowpass = Slider(size, lambda c: LowPass(cutoff=c))
    tapered = Slider(size, lambda c: LowPass(cutoff=c, taper=0.3))
    contrast = Slider(size, lambda c: DegradeContrast(extra_depth=100 * c))
    restore = Slider(size, lambda c: Restore(depth=100 * c))
    lucy = Slider(size, lambda c: Restore(depth=100 * c, method="richardson-lucy", iterations=10))
    plane = np.random.default_rng(1).random((size, size), dtype=np.float32)
    times = in_turn(
        {
            "low-pass, warm plane": lowpass.warm,
            "low-pass with taper, warm plane": tapered.warm,
            "low-pass, cold plane": lowpass.cold,
            "low-pass with SciPy from scratch": lambda: scipy_lowpass(plane, 0.4),
            "restore, warm plane": restore.warm,
            "restore, cold plane": restore.cold,
            "restore, 10 iterations of Richardson-Lucy": lucy.warm,
            "contrast, warm plane": contrast.warm,
            "contrast, cold plane": contrast.cold,
            "contrast with SciPy from scratch": lambda: scipy_contrast(plane, 3.2, 20.0),
            LIMIT: lambda: fft.idctn(plane, norm="ortho"),
        },
        rounds=15,
    )
    rows = {name: (t * 1e3, "ms") for name, t in times.items()}
    report(f"one event on a {size} x {size} float32 plane", rows, "low-pass, warm plane")
    return times


def width_of_blur() -> float:
    """How much longer the widest blur takes than the narrowest."""
    narrow = Slider(1024, lambda c: DegradeContrast(extra_depth=10, blur=0.1 + 0.01 * c))
    wide = Slider(1024, lambda c: DegradeContrast(extra_depth=10, blur=30 + c))
    times = in_turn({"narrow": narrow.warm, "wide": wide.warm}, rounds=21)
    report(
        "the same event, by width of the blur",
        {name: (t * 1e3, "ms") for name, t in times.items()},
        "narrow",
    )
    return abs(times["wide"] / times["narrow"] - 1)


class Live:
    """Live layers of the three steps on one image, and a slider of each."""

    def __init__(self, size: int, kinds: tuple[str, ...], *, chained: bool = False) -> None:
        volume = np.random.default_rng(0).random((40, size, size), dtype=np.float32)
        self._places = iter(np.linspace(0.2, 0.6, 100_000))
        self.viewer = ViewerModel()
        source = self.viewer.add_image(volume)
        cache = Cache()
        self.layers = {}
        self._chained = chained
        self._at = dict.fromkeys(kinds, 0.5)
        for kind in kinds:
            self.layers[kind] = LiveLayer(self.viewer, kind)
            array = LazyVolume(volume, self._recipe(kind), (0.5, 0.2, 0.2), cache=cache)
            self.layers[kind].show(source, [array], {})
        settle(self.layers.values())

    def _recipe(self, kind: str) -> Recipe:
        """What the layer of a step shows: the step, after those before it if chained."""
        steps = {
            "contrast": lambda at: DegradeContrast(extra_depth=100 * at),
            "diversify": lambda at: Diversify(w_v=4 * at),
            "lowpass": lambda at: LowPass(cutoff=at),
        }
        kinds = list(self._at)
        shown = kinds[: kinds.index(kind) + 1] if self._chained else [kind]
        return Recipe(steps=tuple(steps[k](self._at[k]) for k in shown), intensity_range=(0, 1))

    def _move(self, kind: str) -> None:
        self._at[kind] = float(next(self._places))
        kinds = list(self._at)
        for changed in kinds[kinds.index(kind) :] if self._chained else [kind]:
            new = self._recipe(changed)
            self.layers[changed].change(lambda volume, new=new: setattr(volume, "recipe", new), {})

    def slider(self, kind: str) -> None:
        """The slider of one step has been moved."""
        self._move(kind)
        settle(self.layers.values())

    def sliders(self) -> None:
        """A slider of each step has been moved within one frame."""
        for kind in self.layers:
            self._move(kind)
        settle(self.layers.values())

    def step(self) -> None:
        """Another plane is looked at, never seen before until the round is over."""
        at = self.viewer.dims.current_step[0]
        self.viewer.dims.set_current_step(0, (at + 7) % 40)
        settle(self.layers.values())


def live(size: int) -> dict[str, float]:
    kinds = ("contrast", "diversify", "lowpass")
    three, alone = Live(size, kinds), {kind: Live(size, (kind,)) for kind in kinds}
    chain = Live(size, kinds, chained=True)
    events: dict[str, Callable[[], None]] = {"three layers, all sliders at once": three.sliders}
    for kind in kinds:
        events[f"three layers, slider of {kind}"] = lambda kind=kind: three.slider(kind)
        events[f"three layers chained, slider of {kind}"] = lambda kind=kind: chain.slider(kind)
        events[f"{kind} alone, its slider"] = lambda kind=kind: alone[kind].slider(kind)
    times = in_turn(events, rounds=21, clock=time.thread_time)
    times |= in_turn(
        {
            "three layers, new plane": three.step,
            **{f"{kind} alone, new plane": alone[kind].step for kind in kinds},
        },
        rounds=9,
        clock=time.thread_time,
    )
    rows = {name: (t * 1e3, "ms") for name, t in times.items()}
    report(
        f"CPU time of the GUI thread, {size} x {size} float32 planes",
        rows,
        "three layers, all sliders at once",
    )
    return times


if __name__ == "__main__":
    application = QApplication.instance() or QApplication([])
    times = table(1024)
    met = [
        goal(f"{what}, in times {LIMIT}", times[what] / times[LIMIT], most, at_most=True)
        for what, most in GOALS.items()
    ]
    met.append(goal("change with the width of the blur", width_of_blur(), 0.25, at_most=True))
    table(2048)
    seen = {name: t / FRAME_60_HZ for name, t in live(1024).items()}
    met += [
        goal(
            f"three layers live, slider of {kind}, share of a 60 Hz frame",
            seen[f"three layers, slider of {kind}"],
            1.0,
            at_most=True,
        )
        for kind in ("contrast", "diversify", "lowpass")
    ]
    live(2048)
    sys.exit(0 if all(met) else 1)

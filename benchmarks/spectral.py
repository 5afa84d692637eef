"""One slider event of the contrast and low-pass steps, beside recomputing with SciPy.

Run: ``python benchmarks/spectral.py``. Figures of one table come from one run;
exit status 1 if a goal is missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter
from timing import goal, in_turn, report

from napari_diversify.recipe import DegradeContrast, LazyVolume, LowPass, Recipe
from napari_diversify.recipe.step import Step

FRAME_60_HZ = 1 / 60


class Slider:
    """A lazy volume whose step changes with every event."""

    def __init__(self, size: int, step: Callable[[float], Step]) -> None:
        volume = np.random.default_rng(0).random((6, size, size), dtype=np.float32)
        self._step = step
        self._places = iter(np.linspace(0.2, 0.6, 100_000))
        self.lazy = LazyVolume(volume, self._recipe(), (0.5, 0.2, 0.2))

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
    plane = np.random.default_rng(1).random((size, size), dtype=np.float32)
    times = in_turn(
        {
            "low-pass, warm plane": lowpass.warm,
            "low-pass with taper, warm plane": tapered.warm,
            "low-pass, cold plane": lowpass.cold,
            "low-pass with SciPy from scratch": lambda: scipy_lowpass(plane, 0.4),
            "contrast, warm plane": contrast.warm,
            "contrast, cold plane": contrast.cold,
            "contrast with SciPy from scratch": lambda: scipy_contrast(plane, 3.2, 20.0),
            "limit: one inverse DCT of SciPy": lambda: fft.idctn(plane, norm="ortho"),
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


if __name__ == "__main__":
    times = table(1024)
    frame = {name: t / FRAME_60_HZ for name, t in times.items()}
    met = [
        goal(
            "warm low-pass, share of a 60 Hz frame",
            frame["low-pass, warm plane"],
            0.6,
            at_most=True,
        ),
        goal(
            "warm contrast, share of a 60 Hz frame",
            frame["contrast, warm plane"],
            0.6,
            at_most=True,
        ),
        goal("change with the width of the blur", width_of_blur(), 0.25, at_most=True),
    ]
    table(2048)
    sys.exit(0 if all(met) else 1)

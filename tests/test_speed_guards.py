"""Nothing gets much slower unnoticed: counts, and ratios to what anybody would write instead.

The figures are far from what is reached (benchmarks/peers.py prints that), so that they hold on
any machine, however busy: CPU time counts, and of several rounds in turn the least of each.
"""

import time

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import local_std, normal_field
from napari_diversify.recipe import Diversify

SHAPE = (16, 128, 256)


def times_as_fast(ours, theirs, rounds=7):
    """How many times the CPU time of ours theirs takes."""
    ours(), theirs()  # imports, compiled code
    least = {ours: float("inf"), theirs: float("inf")}
    for _ in range(rounds):
        for function in least:
            start = time.process_time()
            function()
            least[function] = min(least[function], time.process_time() - start)
    return least[theirs] / least[ours]


def box_sums(image):
    x = image.astype(np.float64)
    mean, square = (uniform_filter(y, 5, mode="reflect") for y in (x, x * x))
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)


@pytest.mark.parametrize("shape", [SHAPE, (512, 1024)], ids=["3D", "2D"])
def test_the_sigma_map_is_much_faster_than_box_sums(shape):
    image = np.random.default_rng(0).random(shape, np.float32)
    np.testing.assert_allclose(local_std(image), box_sums(image), atol=1e-5)
    assert times_as_fast(lambda: local_std(image), lambda: box_sums(image)) > 3


def test_noise_is_faster_than_that_of_numpy():
    numbers = np.random.default_rng(0)
    theirs = lambda: numbers.standard_normal(SHAPE, np.float32)  # noqa: E731
    assert times_as_fast(lambda: normal_field(SHAPE, 1), theirs) > 1.5


class Counting:
    """Planes of noise, the same for all, that count the voxels asked of them."""

    def __init__(self, planes):
        self._plane = np.random.default_rng(0).integers(0, 255, (64, 96), np.uint8)
        self.shape, self.dtype, self.ndim = (planes, 64, 96), self._plane.dtype, 3
        self.read = 0

    def __getitem__(self, key):
        planes, *rest = key
        n = len(range(*planes.indices(self.shape[0])))
        values = np.broadcast_to(self._plane, (n, 64, 96))[(slice(None), *rest)]
        self.read += values.size
        return values


@pytest.mark.parametrize("planes", [16, 1_000, 1_000_000])
def test_a_look_at_a_plane_reads_its_window_and_a_slider_event_nothing(planes):
    image = Counting(planes)
    step = Diversify(w_v=2.0, window=5)
    recipe = Recipe(steps=(step,), seed=1, intensity_range=(0.0, 255.0))
    lazy = LazyVolume(image, recipe, (0.5, 0.2, 0.2))
    lazy[planes // 2]
    assert image.read <= 5 * 64 * 96
    image.read = 0
    lazy.recipe = recipe.replace(steps=(step.replace(w_v=3.0),))
    lazy[planes // 2]
    assert image.read <= 64 * 96  # the plane itself

"""σ map, noise and diversification beside their peers and the machine's limit.

Run: ``python benchmarks/core.py``. All figures of one table come from one run;
exit status 1 if a goal is missed.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.ndimage import generic_filter, uniform_filter
from timing import goal, in_turn, report, seconds

from napari_diversify.core import diversify, local_std, normal_field, synthetic_nuclei

SHAPE = (64, 512, 512)


def box_sums(image: np.ndarray) -> np.ndarray:
    """Local standard deviation by two box filters in float64, as one would write it."""
    x = image.astype(np.float64)
    mean = uniform_filter(x, 5, mode="reflect")
    square = uniform_filter(x * x, 5, mode="reflect")
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)


def sigma_map(image: np.ndarray) -> list[bool]:
    n = image.size
    crop = image[:12, :64, :64]
    times = in_turn(
        {
            "local_std": lambda: local_std(image),
            "box sums with scipy (float64)": lambda: box_sums(image),
            "limit: copy the array": lambda: image.copy(),
        }
    )
    rows = {name: (t / n * 1e9, "ns/voxel") for name, t in times.items()}
    slow = seconds(lambda: generic_filter(crop.astype(np.float64), np.std, size=5))
    rows["scipy generic_filter(np.std), the reference"] = (slow / crop.size * 1e9, "ns/voxel")
    report(f"σ map, window 5x5x5, {SHAPE} float32", rows, "local_std")
    ours = rows["local_std"][0]
    return [
        goal(
            "σ against generic_filter (x faster)",
            rows["scipy generic_filter(np.std), the reference"][0] / ours,
            3000,
        ),
        goal(
            "σ against scipy box sums (x faster)",
            rows["box sums with scipy (float64)"][0] / ours,
            15,
        ),
    ]


def noise() -> list[bool]:
    n = int(np.prod(SHAPE))
    out = np.empty(SHAPE, np.float32)
    sfc, pcg = np.random.Generator(np.random.SFC64(1)), np.random.default_rng(1)
    times = in_turn(
        {
            "normal_field": lambda: normal_field(SHAPE, 1),
            "NumPy ziggurat (SFC64, sequential)": lambda: sfc.standard_normal(
                dtype=np.float32, out=out
            ),
            "NumPy ziggurat (PCG64, sequential)": lambda: pcg.standard_normal(
                dtype=np.float32, out=out
            ),
            "limit: fill the array": lambda: out.fill(1),
        }
    )
    rows = {name: (t / n * 1e9, "ns/voxel") for name, t in times.items()}
    report(f"standard-normal noise, {SHAPE} float32", rows, "normal_field")
    return []


def mixing(image: np.ndarray) -> list[bool]:
    n = image.size
    sigma, field = local_std(image), normal_field(image.shape, 1)
    times = in_turn(
        {
            "diversify": lambda: diversify(image, sigma, field, 0.8, 2.0),
            "NumPy expression with clip": lambda: np.clip(
                np.float32(0.8) * image + np.float32(2.0) * sigma * field, 0, 1
            ),
            "limit: copy the array": lambda: image.copy(),
        }
    )
    rows = {name: (t / n * 1e9, "ns/voxel") for name, t in times.items()}
    report(f"w_i I + w_v σ n, clipped, {SHAPE} float32", rows, "diversify")
    return []


if __name__ == "__main__":
    phantom = synthetic_nuclei(SHAPE, count=300).image.astype(np.float32)
    phantom /= phantom.max()
    met = [*sigma_map(phantom), *noise(), *mixing(phantom)]
    sys.exit(0 if all(met) else 1)

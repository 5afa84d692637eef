"""Ours beside every comparable package and the limit of the machine, in one run.

Run: ``python benchmarks/peers.py``, with the extra ``bench`` for the peers (those that are not
installed are left out, and named); ``--quick`` for a look. The alternatives of a table are timed
in turn. Each package uses as many threads as it does by itself; ours uses as many as there are
cores, and once only one. Figures and a plot go to docs/benchmarks; exit status 1 if a goal is
missed.
"""

from __future__ import annotations

import argparse
import os
import sys

# else OpenMP threads of the one before wait by spinning, on cores that the next one needs
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from collections.abc import Callable
from itertools import count

import numpy as np
import numpy.typing as npt
import others
from plot import bars
from record import Record
from scipy import fft
from scipy.ndimage import gaussian_filter, generic_filter
from timing import in_turn, seconds

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import diversify, local_std, normal_field, synthetic_nuclei
from napari_diversify.core.blocks import workers
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass

TOP = 4095.0
W_I, W_V = 0.8, 2.0
COPY, FILL = "limit: copy the array", "limit: fill the array"


def on_one_core(function: Callable[[], object]) -> Callable[[], object]:
    """The same with a single thread: ours are as many as the cores that we may use."""

    def call() -> object:
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(cores)})
        try:
            return function()
        finally:
            os.sched_setaffinity(0, cores)

    return call


def timed(ways: others.Alternatives, ours: str, rounds: int) -> others.Alternatives:
    """Seconds of each, and of ours on one core."""
    if hasattr(os, "sched_setaffinity") and workers() > 1:
        ways = {ours: ways[ours], f"{ours}, one thread": on_one_core(ways[ours]), **ways}
    return in_turn(ways, rounds)


def per_voxel(times: dict[str, float], voxels: int) -> dict[str, float]:
    return {name: t / voxels * 1e9 for name, t in times.items()}


def sigma_map(record: Record, image: npt.NDArray[np.float32], rounds: int) -> None:
    ours, reference = "ours: local_std", "the reference: SciPy generic_filter(np.std)"
    ways = {ours: lambda: local_std(image), **others.local_std(image), COPY: image.copy}
    values = per_voxel(timed(ways, ours, rounds), image.size)
    crop = image[(slice(8),) * (image.ndim - 2) + (slice(64), slice(64))].astype(np.float64)
    slow = seconds(lambda: generic_filter(crop, np.std, size=5))
    values[reference] = slow / crop.size * 1e9
    window = "x".join("5" * image.ndim)
    shape = "x".join(map(str, image.shape))
    record.table(f"σ map, window {window}, {shape} float32", values, "ns/voxel", ours)
    boxes = values["SciPy, two box filters in float64"] / values[ours]
    if image.ndim == 2:
        record.goal("σ in 2D, times as fast as SciPy's box filters", boxes, 10)
        return
    record.goal("σ, times as fast as the reference", values[reference] / values[ours], 4000)
    record.goal("σ, times as fast as SciPy's box filters", boxes, 20)
    record.goal("σ, against a copy", values[ours] / values[COPY], 5, at_most=True)


def noise(record: Record, shape: tuple[int, ...], rounds: int) -> None:
    ours, out = "ours: normal_field", np.empty(shape, np.float32)
    ways = {
        ours: lambda: normal_field(shape, 1),
        **others.normal_noise(shape),
        FILL: lambda: out.fill(1),
    }
    values = per_voxel(timed(ways, ours, rounds), out.size)
    title = f"standard-normal noise, {'x'.join(map(str, shape))} float32"
    record.table(title, values, "ns/voxel", ours)
    numpy = values["NumPy standard_normal (default_rng)"]
    record.goal("noise, times as fast as NumPy's standard_normal", numpy / values[ours], 5)


def mixing(record: Record, image: npt.NDArray[np.float32], rounds: int) -> None:
    ours, sigma, field = "ours: diversify", local_std(image), normal_field(image.shape, 1)
    i, v = np.float32(W_I), np.float32(W_V)
    ways = {
        ours: lambda: diversify(image, sigma, field, W_I, W_V),
        "NumPy expression with clip": lambda: np.clip(i * image + v * sigma * field, 0, 1),
        COPY: image.copy,
    }
    values = per_voxel(timed(ways, ours, rounds), image.size)
    record.table("w_i I + w_v σ n, σ and n given, float32", values, "ns/voxel", ours)


def whole(record: Record, image: npt.NDArray[np.uint16], rounds: int) -> None:
    ours = "ours: σ, noise and mix"
    recipe = Recipe(steps=(Diversify(w_i=W_I, w_v=W_V),), seed=1, intensity_range=(0.0, TOP))
    plain, own = others.plain_noise(image, TOP)
    ways = {
        ours: lambda: recipe.apply(image),
        **others.same_arithmetic(image, TOP, W_I, W_V),
        **{f"{name}: plain noise": way for name, way in plain.items()},
        "uint16 to float32 and back, nothing else": lambda: others.to_grey(
            others.to_float(image), TOP
        ),
        COPY: image.copy,
    }
    values = per_voxel(timed(ways, ours, rounds), image.size)
    shape = "x".join(map(str, image.shape))
    title = f"diversification beside plain global noise, {shape}, uint16 in and out"
    record.table(title, values, "ns/voxel", ours)
    for name, wanted in (("NumPy", 2), ("batchgeneratorsv2", 2), ("MONAI", 4), ("TorchIO", 4)):
        if name in plain:
            times = values[f"{name}: plain noise"] / values[ours]
            record.goal(f"diversification, times as fast as plain noise of {name}", times, wanted)
    if "SimpleITK" in plain:
        times = values[ours] / values["SimpleITK: plain noise"]
        print(f"  distance to plain noise of SimpleITK: {times:.2f} x its time")
    values = per_voxel(in_turn({ours: ways[ours], **own}, rounds), image.size)
    title = "the same, without their conversions: on the dtype in which each package works"
    record.table(title, values, "ns/voxel", ours)


def events(size: int, step: Callable[[float], object]) -> tuple[Callable[[], object], ...]:
    """A slider event on a plane seen before, and on one whose source has changed."""
    volume = np.random.default_rng(0).random((6, size, size), dtype=np.float32)
    places = count()

    def recipe() -> Recipe:
        at = 0.2 + next(places) % 997 / 2500
        return Recipe(steps=(step(at),), intensity_range=(0.0, 1.0))

    lazy = LazyVolume(volume, recipe(), (0.5, 0.2, 0.2))

    def warm() -> object:
        lazy.recipe = recipe()
        return lazy[3]

    def cold() -> object:
        lazy.source_edited()
        return lazy[3]

    return warm, cold


def scipy_contrast(plane: npt.NDArray[np.float32]) -> object:
    sharp, wide = (gaussian_filter(plane, s, mode="reflect") for s in (3.2, 20.0))
    noise = np.random.default_rng(0).standard_normal(plane.shape, np.float32)
    return 0.7 * sharp + 0.3 * wide + 0.01 * noise


def spectral(record: Record, size: int, rounds: int) -> None:
    plane = np.random.default_rng(1).random((size, size), dtype=np.float32)
    lowpass, lowpass_cold = events(size, lambda at: LowPass(cutoff=at))
    contrast, contrast_cold = events(size, lambda at: DegradeContrast(extra_depth=100 * at))
    inverse = "one inverse DCT of SciPy"
    ways = {
        "ours: low-pass, plane seen before": lowpass,
        "ours: low-pass, new plane": lowpass_cold,
        "ours: contrast, plane seen before": contrast,
        "ours: contrast, new plane": contrast_cold,
        inverse: lambda: fft.idctn(plane, norm="ortho"),
        "SciPy, DCT, mask and inverse DCT": lambda: fft.idctn(
            fft.dctn(plane, norm="ortho") * (plane > 0.5), norm="ortho"
        ),
        "SciPy, two Gaussian filters and noise": lambda: scipy_contrast(plane),
    }
    values = {name: t * 1e3 for name, t in in_turn(ways, rounds).items()}
    for kind, theirs in (
        ("low-pass", "SciPy, DCT, mask and inverse DCT"),
        ("contrast", "SciPy, two Gaussian filters and noise"),
    ):
        ours = f"ours: {kind}, plane seen before"
        names = (ours, f"ours: {kind}, new plane", inverse, theirs)
        title = f"a slider event of {kind}, {size}x{size} float32"
        record.table(title, {name: values[name] for name in names}, "ms", ours)
    unit = values[inverse]
    for name, wanted in (
        ("low-pass, plane seen before", 0.5),
        ("contrast, plane seen before", 0.9),
        ("contrast, new plane", 4),
    ):
        share = values[f"ours: {name}"] / unit
        record.goal(f"{name}, against one inverse DCT of SciPy", share, wanted, at_most=True)


def main(quick: bool) -> bool:
    record = Record(*others.PEERS)
    shape, side, rounds = ((16, 256, 256), 1024, 3) if quick else ((64, 512, 512), 2048, 7)
    print(
        f"threads: {workers()} (ours, SimpleITK, dask, PyTorch) or 1 (NumPy, SciPy, scikit-image)"
    )
    if others.absent():
        print(f"not installed, and left out: {', '.join(others.absent())}")
    phantom = synthetic_nuclei(shape, count=300).image.astype(np.float32)
    phantom /= phantom.max()
    plane = np.tile(phantom[len(phantom) // 2], (2048 // shape[1], 2048 // shape[2]))
    sigma_map(record, phantom, rounds)
    sigma_map(record, np.ascontiguousarray(plane[:side, :side]), rounds)
    noise(record, shape, rounds)
    mixing(record, phantom, rounds)
    whole(record, np.round(phantom * TOP).astype(np.uint16), rounds)
    spectral(record, 1024, 15)
    if not quick:
        record.save("peers", bars(record.tables))
    return record.all_met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small images; nothing is written")
    sys.exit(0 if main(parser.parse_args().quick) else 1)

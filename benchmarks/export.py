"""Export of a volume through the batch, beside copying its file and the reference recipe.

Run: ``python benchmarks/export.py``, or ``--mb 64`` for a quick look. All ratios
come from one run; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import zarr
from scipy.ndimage import generic_filter
from timing import goal, in_turn, report, seconds

from napari_diversify import LazyVolume, Recipe, files
from napari_diversify.batch import Job, Source, run
from napari_diversify.core import (
    PairSums,
    blocks,
    diversify,
    local_std,
    normal_field,
    synthetic_nuclei,
)
from napari_diversify.core.blocks import slices
from napari_diversify.core.measures.quality import ssim
from napari_diversify.recipe import Diversify
from napari_diversify.recipe.sampling import Sampling

SIDE = 1448  # rows and columns: a plane of 4.2 MB
RANGE = (0.0, 4095.0)
MEGABYTES = 600  # of memory, for images of any size
PLANES = 192  # of the big image that are made before it is stopped


def planes_for(megabytes: int) -> int:
    return max(8, round(megabytes * 1e6 / 2 / SIDE**2 / 8) * 8)


def header_for(planes: int) -> files.Header:
    size, units = (0.5, 0.2, 0.2), ("micrometer",) * 3
    return files.Header((planes, SIDE, SIDE), np.dtype("uint16"), "zyx", size, units)


class Nuclei:
    """Tiled synthetic nuclei with Poisson noise of their own in every plane, never stored."""

    def __init__(self, planes: int) -> None:
        self.shape, self.dtype, self.ndim = (planes, SIDE, SIDE), np.dtype("uint16"), 3
        # small, so that making it does not need more memory than what is measured
        tile = synthetic_nuclei((32, SIDE // 8, SIDE // 8), count=24).image
        self._tile = tile.astype(np.float32)

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint16]:
        zs, *rest = key
        planes = range(*zs.indices(self.shape[0]))
        shape = self._plane(0)[tuple(rest)].shape
        out = np.empty((len(planes), *shape), self.dtype)
        for k, z in enumerate(planes):
            out[k] = self._plane(z)[tuple(rest)]
        return out

    def _plane(self, z: int) -> npt.NDArray[np.uint16]:
        mean = np.tile(self._tile[z % len(self._tile)], (8, 8))
        # with hundreds of photons Poisson's distribution comes to the normal one
        grey = normal_field((SIDE, SIDE), seed=7, sample=z)
        grey *= np.sqrt(mean)
        grey += mean
        return np.clip(grey, 0, 65535).astype(np.uint16)


def recipe(stride: int = 1) -> Recipe:
    step = Diversify(w_i=0.8, w_v=2.0, stride=stride)
    return Recipe(steps=(step,), seed=1, intensity_range=RANGE)


def one_sample(source: Source, output: Path, stride: int = 1) -> Job:
    return Job((source,), Sampling(recipe=recipe(stride)), output, file_format="ome-zarr")


def export(source: Source, output: Path, stride: int = 1) -> None:
    done = blocks.exhaust(run(one_sample(source, output, stride)))
    if done.failed:
        raise RuntimeError(done.failed[0][1])


def copy(path: Path, target: Path) -> None:
    """Copy level 0 chunk by chunk."""
    old = zarr.open_array(str(path / "0"), mode="r")
    new = zarr.create_array(
        str(target),
        shape=old.shape,
        dtype=old.dtype,
        chunks=old.chunks,
        serializer=old.serializer,
        compressors=old.compressors,
    )
    for at in product(*(range(0, n, c) for n, c in zip(old.shape, old.chunks, strict=True))):
        here = tuple(slice(a, a + c) for a, c in zip(at, old.chunks, strict=True))
        new[here] = old[here]


def reference(image: npt.NDArray[np.uint16], target: Path, stride: int) -> None:
    """The arithmetic of the reference implementation, to a TIFF; its stride is 4."""
    unit = (image - RANGE[0]) / (RANGE[1] - RANGE[0])
    sigma = generic_filter(unit[::stride, ::stride, ::stride], np.std, size=5)
    for axis in range(3):
        sigma = np.repeat(sigma, stride, axis)
    noise = np.random.default_rng(0).standard_normal(image.shape)
    made = np.clip(0.8 * unit + 2.0 * sigma * noise, 0, 1)
    tifffile.imwrite(target, (made * RANGE[1]).astype(np.uint16))


def median(function: Callable[[], object], rounds: int) -> float:
    return sorted(seconds(function) for _ in range(rounds))[rounds // 2]


def throughput(folder: Path, megabytes: int, rounds: int) -> list[bool]:
    volume = Nuclei(planes_for(megabytes))
    path = folder / "nuclei.ome.zarr"
    files.create(path, header_for(volume.shape[0]))
    files.write_all(path, volume, {})
    source, n = Source("nuclei", path=path), int(np.prod(volume.shape))
    small = folder / "small.ome.zarr"
    files.create(small, header_for(8))
    files.write_all(small, volume, {})
    export(Source("small", path=small), folder / "warm up")
    target = folder / "made"
    works: dict[str, Callable[[], object]] = {
        "export: image, pyramid, metrics": lambda: export(source, target),
        "the same with stride 4": lambda: export(source, target, 4),
        "copy the array with zarr, chunk by chunk": lambda: copy(path, target),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
            # not removed between rounds: some file systems then look for names that were just
            # freed, for seconds; and each round begins without pages that wait for the disk
            target.rename(folder / f"made {sum(map(len, times.values()))}")
            os.sync()
    values = {name: sorted(t)[rounds // 2] / n * 1e9 for name, t in times.items()}
    for stride, crop in ((1, volume[:16, :48, :48]), (4, volume[:16, :128, :128])):
        values[f"generic_filter, tifffile, stride {stride}"] = (
            median(lambda crop=crop, s=stride: reference(crop, folder / "crop.tif", s), 3)
            / crop.size
            * 1e9
        )
    ours, ours_4, copied, slow, slow_4 = values.values()
    rows = {name: (value, "ns/voxel") for name, value in values.items()}
    name = f"{'x'.join(map(str, volume.shape))} uint16, {n * 2 / 1e9:.2f} GB"
    report(f"export of {name} with Diversify", rows, next(iter(rows)))
    print(f"  throughput of export: {2e3 / ours:.0f} MB/s; with stride 4: {2e3 / ours_4:.0f} MB/s")
    print(f"  with stride 4, export is {slow_4 / ours_4:.0f} times as fast as the reference")
    parts(path, folder)
    return [
        goal("export against the copy (x its time)", ours / copied, 1, at_most=True),
        goal("export against generic_filter, stride 1 (x faster)", slow / ours, 100),
    ]


def parts(path: Path, folder: Path) -> None:
    """Each part of the work by itself: reading and writing of a slab, the rest of a band of it."""
    region = files.slabs(path)[0]
    stored = zarr.open_array(str(path / "0"), mode="r")
    slab = np.asarray(stored[slices(region)])
    clean = slab[:, :64].copy()
    unit = clean / np.float32(RANGE[1])
    sigma, noise = local_std(unit), normal_field(clean.shape, 1)
    lazy = LazyVolume(clean, recipe())
    made, whole = lazy[:], LazyVolume(slab, recipe()).read(region)
    files.create(folder / "slab.zarr", header_for(len(slab)))
    square = (0, slice(SIDE // 2 - 256, SIDE // 2 + 256), slice(SIDE // 2 - 256, SIDE // 2 + 256))
    sums = PairSums(*RANGE)
    works: dict[str, tuple[Callable[[], object], int]] = {
        "all of the computing": (lambda: lazy.read(blocks.whole(clean.shape)), clean.size),
        "  σ map": (lambda: local_std(unit), clean.size),
        "  noise": (lambda: normal_field(clean.shape, 1), clean.size),
        "  mixing": (lambda: diversify(unit, sigma, noise, 0.8, 2.0), clean.size),
        "metrics: sums": (lambda: sums.add(clean, made), clean.size),
        "metrics: SSIM of the watched square": (
            lambda: ssim(slab[square], whole[square], RANGE[1]),
            slab[square].size,
        ),
        "reading": (lambda: stored[slices(region)], slab.size),
        "writing: all levels of the pyramid": (
            lambda: files.write_slab(folder / "slab.zarr", region, whole),
            slab.size,
        ),
    }
    times = in_turn({name: work for name, (work, _) in works.items()})
    rows = {name: (t / works[name][1] * 1e9, "ns/voxel") for name, t in times.items()}
    report("its parts, each by itself", rows, "all of the computing")


def virtual(megabytes: int) -> None:
    """Export an image that is nowhere stored, or some planes of it; print the peak memory."""
    volume = Nuclei(planes_for(megabytes))
    source = Source("virtual", array=volume, header=header_for(volume.shape[0]))
    with tempfile.TemporaryDirectory() as folder:
        steps = run(one_sample(source, Path(folder)))
        for done, total in steps:
            if done < total and done >= total * PLANES / volume.shape[0]:
                break
        steps.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def memory(megabytes: int) -> list[bool]:
    peaks = {}
    for size in (megabytes, 16 * megabytes):
        call = [sys.executable, __file__, "--virtual", str(size)]
        told = subprocess.run(call, check=True, capture_output=True, text=True).stdout
        peaks[size] = float(told)
    few, many = peaks.values()
    rows = {f"image of {size / 1e3:g} GB": (peak, "MiB") for size, peak in peaks.items()}
    report(f"peak memory of a process, the first {PLANES} planes", rows, next(iter(rows)))
    return [
        goal("peak memory, MiB", max(few, many), MEGABYTES, at_most=True),
        goal("change with the size of the image", abs(many / few - 1), 0.10, at_most=True),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1000, help="size of the image")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--virtual", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.virtual:
        virtual(given.virtual)
        sys.exit()
    met = memory(given.mb)  # first: a process begins with the peak of the one that starts it
    with tempfile.TemporaryDirectory() as folder:
        met += throughput(Path(folder), given.mb, given.rounds)
    sys.exit(0 if all(met) else 1)

"""What is paid beside the arithmetic: loading the package, ``--help``, and small samples.

Run: ``python benchmarks/overhead.py``. Fresh processes, and batches of small images, are timed in
turn, each beside its limit; CPU seconds, children included. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import zarr
from timing import goal, report, seconds
from zarr.codecs import BloscCodec

from napari_diversify import Recipe, files
from napari_diversify.batch import Job, Source, export
from napari_diversify.recipe import Diversify
from napari_diversify.recipe.sampling import Sampling

SHAPE = (4, 64, 64)
LAYOUTS = (
    ("OME-Zarr", "plain", "ome-zarr"),
    ("OME-TIFF", "plain", "ome-tiff"),
    ("StarDist", "stardist", None),
    ("nnU-Net", "nnunet", None),
)
_COMMAND = ["-m", "napari_diversify"]
LIMIT = "limit: numpy and parts of scipy"
PROCESSES = {
    LIMIT: ["-c", "import numpy, scipy.fft, scipy.ndimage, scipy.special"],
    "import numpy, scipy": ["-c", "import numpy, scipy"],
    "import napari_diversify": ["-c", "import napari_diversify"],
    "import napari_diversify.core": ["-c", "import napari_diversify.core"],
    "from napari_diversify import Recipe": ["-c", "from napari_diversify import Recipe"],
    "napari-diversify --help": [*_COMMAND, "--help"],
    "napari-diversify apply --help": [*_COMMAND, "apply", "--help"],
    "napari-diversify phantom --help": [*_COMMAND, "phantom", "--help"],
}


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def median_in_turn(
    works: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[..., float]
) -> dict[str, float]:
    """Median of what each work costs, done in turn after one warm-up each."""
    costs: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        clock(work)
    for _ in range(rounds):
        for name, work in works.items():
            costs[name].append(clock(work))
    return {name: sorted(c)[rounds // 2] for name, c in costs.items()}


def cpu_of(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = cpu()
    work()
    return cpu() - start


def start(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def loading(rounds: int) -> list[bool]:
    works = {name: lambda a=arguments: start(a) for name, arguments in PROCESSES.items()}
    times = median_in_turn(works, rounds, seconds)
    rows = {name: (t * 1e3, "ms") for name, t in times.items()}
    report("fresh processes, wall time", rows, "import napari_diversify")
    return [
        goal("the core beyond NumPy and SciPy, s",
             times["import napari_diversify.core"] - times[LIMIT], 0.3, at_most=True),
        goal("napari-diversify --help, s", times["napari-diversify --help"], 0.3, at_most=True),
    ]  # fmt: skip


def plain_writes(folder: Path, voxels: np.ndarray, n: int) -> None:
    """The same arrays, created and written with zarr and nothing else."""
    for k in range(n):
        array = zarr.create_array(
            str(folder / f"{k}"),
            shape=voxels.shape,
            dtype=voxels.dtype,
            chunks=voxels.shape,
            compressors=BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
        )
        array[...] = voxels


def batches(folder: Path, n: int) -> Iterator[tuple[str, Callable[[int], object]]]:
    """Work by name, each a function of the number of samples."""
    voxels = np.random.default_rng(0).integers(100, 4000, SHAPE).astype(np.uint16)
    header = files.Header(SHAPE, voxels.dtype, "zyx", (0.5, 0.2, 0.2), ("micrometer",) * 3)
    path = folder / "cells.ome.zarr"
    files.create(path, header)
    files.write_all(path, voxels, {})
    source, target = Source("cells", path=path), folder / "made"
    recipe = Recipe(steps=(Diversify(),), seed=1, intensity_range=(0, 4095))

    def job(k: int, layout: str, file_format: str | None, workers: int | None) -> None:
        sampling = Sampling(recipe=recipe, samples=k, ranges={"w_v": (0, 8)})
        made = export(Job((source,), sampling, target, layout, file_format), workers=workers)
        assert not made.failed

    for name, layout, file_format in LAYOUTS:
        yield name, lambda k, a=(layout, file_format): job(k, *a, None)
    yield "OME-Zarr, 1 worker", lambda k: job(k, "plain", "ome-zarr", 1)
    yield "OME-Zarr, 2 workers", lambda k: job(k, "plain", "ome-zarr", 2)
    yield "limit: zarr writes the arrays", lambda k: plain_writes(target, voxels, k)


def samples(n: int, rounds: int) -> list[bool]:
    with tempfile.TemporaryDirectory() as folder:
        few = max(4, n // 5)  # what a run costs by itself, to be taken off
        works = {
            (name, k): lambda w=work, k=k: w(k)
            for name, work in batches(Path(folder), n)
            for k in (few, n)
        }

        def cost(work: Callable[[], object]) -> float:
            shutil.rmtree(Path(folder) / "made", ignore_errors=True)
            return cpu_of(work)

        costs = median_in_turn(works, rounds, cost)
    each = {name: (costs[name, n] - costs[name, few]) / (n - few) for name, k in works if k == n}
    report(
        f"one more sample of {'x'.join(map(str, SHAPE))} uint16, CPU time",
        {name: (c * 1e3, "ms") for name, c in each.items()},
        "OME-Zarr",
    )
    return [
        *(goal(f"{name}, ms of CPU", each[name] * 1e3, 10, at_most=True) for name, *_ in LAYOUTS),
        goal("2 workers against 1 (x its CPU)",
             each["OME-Zarr, 2 workers"] / each["OME-Zarr, 1 worker"], 1.1, at_most=True),
    ]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    met = [*loading(given.rounds), *samples(given.samples, given.rounds)]
    sys.exit(0 if all(met) else 1)

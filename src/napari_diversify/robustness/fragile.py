"""Which objects are lost first, and what they have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from .rows import Row
from .segmenters import Labels, Spacing
from .study import Study

#: IoU from which an object counts as found; of its draws, half must be.
_FOUND, _OFTEN = 0.5, 0.5


@dataclass(frozen=True)
class Fragile:
    """How long an object is found.

    Attributes
    ----------
    label : int
    held : int
        The last level at which it is found in at least half of the draws; 0: only in the image
        as it is; -1: nowhere.
    size : float
        In cubic (of planes: square) micrometres, or in voxels where their size is not known.
    brightness : float
        Mean grey level.
    contrast : float
        That, less the median of the background.
    touching : bool
        Whether another object is next to it.
    at_border : bool
    """

    label: int
    held: int
    size: float
    brightness: float
    contrast: float
    touching: bool
    at_border: bool


def held(study: Study, rows: Sequence[Row], curve: int) -> npt.NDArray[np.int64]:
    """The last level at which each true object of an image is found; see :class:`Fragile`."""
    of_curve = [row for row in rows if row.dot.curve == curve]
    n = max((row.true for row in of_curve), default=0)
    last = np.full(n, -1, np.int64)
    for level in range(len(study.levels) + 1):
        here = [row for row in of_curve if row.dot.level == level]
        if here and n:
            # a failed segmentation finds nothing, and has no list
            found = [
                np.asarray(row.ious) >= _FOUND if row.ious else np.zeros(n, bool) for row in here
            ]
            last[np.mean(found, axis=0) >= _OFTEN] = level
    return last


def fragile(
    study: Study,
    rows: Sequence[Row],
    curve: int,
    image: npt.NDArray[Any],
    labels: Labels,
    spacing: Spacing = None,
) -> list[Fragile]:
    """All labelled objects of an image: how long a curve finds each, and its features.

    Parameters
    ----------
    study : Study
    rows : sequence of Row
        Of this image, with ``labels`` as reference.
    curve : int
        Number of the curve.
    image, labels : ndarray of the same shape, (Y, X) or (Z, Y, X)
    spacing : tuple of float, optional
        Micrometres along the axes.

    Returns
    -------
    list of Fragile
        In the order of their labels.
    """
    last = held(study, rows, curve)
    ids, flat = np.unique(labels, return_inverse=True)
    numbers = flat.reshape(labels.shape) + (0 if ids[0] == 0 else 1)
    ids = ids[ids != 0]
    at = np.arange(1, len(ids) + 1)
    voxel = 1.0 if spacing is None else math.prod(spacing)
    sizes = np.bincount(numbers.reshape(-1), minlength=len(ids) + 1)[1:] * voxel
    grey = scipy.ndimage.mean(image, numbers, at)
    outside = image[numbers == 0]
    background = float(np.median(outside)) if outside.size else 0.0
    touching, border = _neighbours(numbers, len(ids))
    return [
        Fragile(int(label), int(h), float(s), float(g), float(g) - background, bool(t), bool(b))
        for label, h, s, g, t, b in zip(ids, last, sizes, grey, touching, border, strict=True)
    ]


def coloured(labels: Labels, objects: Sequence[Fragile]) -> npt.NDArray[np.int32]:
    """Labels with the number of levels at which each object is held, as a layer to look at.

    Returns
    -------
    ndarray of int32, shape of ``labels``
        0 is background; 1: found nowhere; 2: lost at the first level; and so on.
    """
    ids = np.array([o.label for o in objects], labels.dtype)
    colours = np.array([o.held + 2 for o in objects], np.int32)
    out = np.zeros(labels.shape, np.int32)
    if len(ids):
        place = np.minimum(np.searchsorted(ids, labels), len(ids) - 1)
        out = np.where(ids[place] == labels, colours[place], 0).astype(np.int32)
    return out


def lost_at(study: Study, held: int) -> str:
    """At which level an object is lost, in words."""
    if held < 0:
        return "never found"
    if held >= len(study.levels):
        return "never lost"
    _, unit = study.axis
    return f"{study.levels[held]:g} {unit}".strip()


def _neighbours(numbers: npt.NDArray[Any], n: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Whether each object touches another one, and a side of the image."""
    touching, border = np.zeros(n + 1, bool), np.zeros(n + 1, bool)
    for axis in range(numbers.ndim):
        line = np.moveaxis(numbers, axis, 0)
        a, b = line[:-1], line[1:]
        meet = (a != b) & (a > 0) & (b > 0)
        touching[a[meet]] = touching[b[meet]] = True
        if len(line) > 1:
            border[line[0]] = border[line[-1]] = True
    return touching[1:], border[1:]

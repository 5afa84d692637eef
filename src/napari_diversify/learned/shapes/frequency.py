"""How often a voxel is part of its object, and how often it truly is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_FEW = 50  # voxels, below which a share says nothing


def calibration(
    counts: Sequence[npt.NDArray[Any]], truths: Sequence[npt.NDArray[np.bool_]], n: int
) -> tuple[float, ...]:
    """Which share of the voxels that are set in 0, 1, ... n of n samples are truly set.

    Parameters
    ----------
    counts : sequence of array of int
        How many samples of an object set each voxel.
    truths : sequence of array of bool
    n : int
        Samples of each object.

    Returns
    -------
    tuple of float
        n + 1 numbers that never fall; where there are too few voxels, k / n.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.repeat([0, 1, 2], 100)
    >>> calibration([counts], [counts > np.tile([0, 1], 150)], 2)
    (0.0, 0.5, 1.0)
    """
    seen, total = np.zeros(n + 1), np.zeros(n + 1)
    for count, truth in zip(counts, truths, strict=True):
        total += np.bincount(count.ravel(), minlength=n + 1)
        seen += np.bincount(count[truth].ravel(), minlength=n + 1)
    shares = np.where(total >= _FEW, seen / np.maximum(total, 1), np.arange(n + 1) / n)
    return tuple(float(round(share, 4)) for share in np.maximum.accumulate(shares))


def calibrated(
    frequency: npt.NDArray[np.float32], shares: Sequence[float]
) -> npt.NDArray[np.float32]:
    """A frequency map as the probability that it stands for.

    Examples
    --------
    >>> import numpy as np
    >>> calibrated(np.array([0, 0.5, 1], np.float32), (0.0, 0.3, 0.9))
    array([0. , 0.3, 0.9], dtype=float32)
    """
    if not shares:
        return frequency
    known = np.linspace(0, 1, len(shares))
    return np.interp(frequency, known, shares).astype(np.float32)

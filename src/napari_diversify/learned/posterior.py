"""What samples of an image have in common: their mean, their spread, the most frequent of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Unit: TypeAlias = npt.NDArray[np.float32]

#: Shifts of the mean towards the mode, and the width of the surroundings that are compared.
SHIFTS, WIDTH = 6, 5


def moments(samples: Iterable[npt.NDArray[np.float32]]) -> tuple[Unit, Unit]:
    """Mean and standard deviation of at least two samples, each float32 of the same shape.

    Summed in the order given, in double precision.

    Examples
    --------
    >>> import numpy as np
    >>> mean, spread = moments(np.float32([[1, 5], [3, 5]]))
    >>> mean.tolist(), [round(s, 3) for s in spread.tolist()]
    ([2.0, 5.0], [1.414, 0.0])
    """
    total: Any = 0.0
    squares: Any = 0.0
    n, origin = 0, None
    for sample in samples:
        origin = sample if origin is None else origin
        deviation = np.subtract(sample, origin, dtype=np.float64)
        total = total + deviation
        squares = squares + deviation * deviation
        n += 1
    if origin is None or n < 2:
        raise ValueError(f"a spread needs two samples or more; got {n}")
    variance = np.maximum(squares - total * total / n, 0) / (n - 1)
    return (origin + total / n).astype(np.float32), np.sqrt(variance).astype(np.float32)


def mode(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The most frequent image among samples, judged by surroundings of 5 x 5 pixels.

    Mean shift: beginning with the mean, each pixel moves to a mean of the samples that weighs
    those most whose surroundings are like its own. Whole images, as in DivNoising's description,
    are too far from each other for this: all samples lie about equally far from their mean.

    Parameters
    ----------
    samples : numpy.ndarray of float32, shape (samples, Y, X)

    Returns
    -------
    numpy.ndarray of float32, shape (Y, X)
        A pixel depends on 12 pixels around it.

    Examples
    --------
    >>> import numpy as np
    >>> samples = np.float32([0, 0, 0, 0, 1])[:, None, None] * np.ones((5, 8, 8), np.float32)
    >>> bool(mode(samples).max() < samples.mean())
    True
    """
    from scipy.ndimage import uniform_filter

    estimate, _ = moments(samples)
    for _ in range(SHIFTS):
        apart = np.stack([uniform_filter((s - estimate) ** 2, WIDTH) for s in samples])
        nearest = apart.min(axis=0)
        width = np.maximum(np.median(apart, axis=0) / 2, np.finfo(np.float32).tiny)
        weights = np.exp((nearest - apart) / width)
        estimate = (weights * samples).sum(axis=0) / weights.sum(axis=0)
    return estimate.astype(np.float32)

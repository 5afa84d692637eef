"""How pairs of weights (w_i, w_v) are drawn for a set of diversified images."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from ..noise import check_count

Strategy: TypeAlias = Literal["random", "structured", "single_aug"]


def _check_range(name: str, bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = (float(v) for v in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"{name} must be (low, high), finite, low <= high; got {bounds!r}")
    return low, high


def truncated_normal(
    u: npt.ArrayLike, centre: float, low: float, high: float
) -> npt.NDArray[np.float64]:
    """Truncated normal values around ``centre`` on [low, high], from uniform u.

    w = centre + (M / 3) * TN, M = max(centre - low, high - centre), TN standard
    normal between -3 (centre - low) / M and 3 (high - centre) / M.
    """
    u = np.asarray(u, dtype=np.float64)
    m = max(centre - low, high - centre)
    if m <= 0:
        return np.full_like(u, centre)
    a, b = ndtr(-3 * (centre - low) / m), ndtr(3 * (high - centre) / m)
    values: npt.NDArray[np.float64] = np.clip(centre + m / 3 * ndtri(a + u * (b - a)), low, high)
    return values


def draw_weights(
    n: int,
    strategy: Strategy = "random",
    *,
    w_i_range: tuple[float, float] = (0.2, 1.8),
    w_v_range: tuple[float, float] = (0.0, 8.0),
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Draw n pairs of weights for :func:`diversify`.

    Parameters
    ----------
    n : int
        Number of pairs, 1 or more.
    strategy : {"random", "structured", "single_aug"}, optional
        ``random``: both uniform and independent.
        ``structured``: evenly spaced, the signal falling from the top of its
        range while the noise rises from the bottom of its own; one pair is (1, 1).
        ``single_aug``: both from a normal distribution around 1, truncated to
        the range, whose standard deviation is a third of the longer side.
    w_i_range, w_v_range : (float, float), optional
        Lowest and highest weight; the defaults are those of the reference's
        demonstration.
    seed : int, optional
        Seed of the draw, 0 or more; the same seed gives the same pairs.

    Returns
    -------
    numpy.ndarray of float64, shape (n, 2)
        Columns w_i, w_v. Always n pairs: the neutral pair (1, 0), which the
        reference puts in front, is left to the caller.

    Raises
    ------
    ValueError
        If n < 1, the strategy is unknown, or a range is not (low, high).

    References
    ----------
    .. [1] D. Eschweiler, J. Schock, J. Stegmaier, "Image diversification",
       SASHIMI workshop at MICCAI (2022).

    Examples
    --------
    >>> from napari_diversify.core import draw_weights
    >>> draw_weights(3, "structured")
    array([[1.8, 0. ],
           [1. , 4. ],
           [0.2, 8. ]])
    """
    n = check_count("n", n, 31)
    if n < 1:
        raise ValueError("n must be a whole number from 1 upwards; got 0")
    i_low, i_high = _check_range("w_i_range", w_i_range)
    v_low, v_high = _check_range("w_v_range", w_v_range)
    if strategy == "structured":
        if n == 1:
            return np.ones((1, 2))
        return np.stack([np.linspace(i_high, i_low, n), np.linspace(v_low, v_high, n)], axis=1)
    u = np.random.Generator(np.random.Philox(seed)).random((n, 2))
    if strategy == "random":
        return np.stack(
            [i_low + u[:, 0] * (i_high - i_low), v_low + u[:, 1] * (v_high - v_low)], axis=1
        )
    if strategy == "single_aug":
        if not i_low <= 1 <= i_high:
            raise ValueError(f"single_aug draws around 1, which w_i_range {w_i_range} leaves out")
        noise = np.zeros(n) if v_low == v_high == 0 else truncated_normal(u[:, 1], 1, v_low, v_high)
        return np.stack([truncated_normal(u[:, 0], 1, i_low, i_high), noise], axis=1)
    strategies = ", ".join(get_args(Strategy))
    raise ValueError(f"strategy must be one of {strategies}; got {strategy!r}")

"""How pairs of weights (w_i, w_v) are drawn for a set of diversified images."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..draws import evenly, truncated_normal, uniform
from ..noise import check_count, uniform_numbers

Strategy: TypeAlias = Literal["random", "structured", "single_aug"]


def _check_range(name: str, bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = (float(v) for v in bounds)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"{name} must be (low, high), finite, low <= high; got {bounds!r}")
    return low, high


def draw_weights(
    n: int,
    strategy: Strategy = "random",
    *,
    w_i_range: tuple[float, float] = (0.2, 1.8),
    w_v_range: tuple[float, float] = (0.0, 8.0),
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """Draw n pairs of weights for :func:`diversify`.

    The same pairs as those of a :class:`.Sampling` of these ranges on a recipe of one
    ``Diversify`` step with the default weights and this seed.

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
        pairs = [
            (evenly(i_low, i_high, n, n - 1 - k), evenly(v_low, v_high, n, k)) for k in range(n)
        ]
        return np.array(pairs)
    u = np.array([uniform_numbers(2, seed, sample) for sample in range(n)]).T
    if strategy == "random":
        return np.stack([uniform(u[0], i_low, i_high), uniform(u[1], v_low, v_high)], axis=1)
    if strategy == "single_aug":
        if not i_low <= 1 <= i_high:
            raise ValueError(f"single_aug draws around 1, which w_i_range {w_i_range} leaves out")
        w_i, w_v = (
            truncated_normal(u[0], 1, i_low, i_high),
            truncated_normal(u[1], 1, v_low, v_high),
        )
        return np.stack([w_i, w_v], axis=1)
    strategies = ", ".join(get_args(Strategy))
    raise ValueError(f"strategy must be one of {strategies}; got {strategy!r}")

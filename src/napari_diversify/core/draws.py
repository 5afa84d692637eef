"""Values drawn from a range: the published strategies, for weights and every other parameter.

References
----------
.. [1] D. Eschweiler, J. Schock, J. Stegmaier, "Image diversification", SASHIMI workshop at
   MICCAI (2022).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy


def uniform(u: npt.ArrayLike, low: float, high: float) -> npt.NDArray[np.float64]:
    """Values spread evenly over [low, high], from u spread evenly over (0, 1)."""
    return low + np.asarray(u, dtype=np.float64) * (high - low)


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
    ndtr, ndtri = scipy.special.ndtr, scipy.special.ndtri
    a, b = ndtr(-3 * (centre - low) / m), ndtr(3 * (high - centre) / m)
    values: npt.NDArray[np.float64] = np.clip(centre + m / 3 * ndtri(a + u * (b - a)), low, high)
    return values


def evenly(low: float, high: float, n: int, k: int) -> float:
    """Value k of n from low to high, both ends exact; of one value, the middle.

    Examples
    --------
    >>> [evenly(0.0, 3.0, 4, k) for k in range(4)]
    [0.0, 1.0, 2.0, 3.0]
    """
    if n == 1:
        return (low + high) / 2
    return high if k == n - 1 else low + (high - low) * k / (n - 1)

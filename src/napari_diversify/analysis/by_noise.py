"""PSNR, and the contrast that is left, against the weight of the noise."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import inf, isfinite, nan

import numpy as np
import scipy

from ..core.diversification.psnr_model import W_V_MAX, PsnrModel
from .plane import Floats

_WEIGHTS = 64


_AT_ONCE = 8  # weights


@dataclass(frozen=True, eq=False)
class ByNoise:
    """The expected effect of the weight of the noise on the whole image.

    Attributes
    ----------
    w_v, psnr, kept : numpy.ndarray of float64
        Weight, PSNR in decibel (inf where nothing is changed), and object
        contrast in percent of that of the source (NaN where it has none).
    half : float
        The strongest noise at which half of the contrast is left: inf if more is
        left at all weights, NaN if less is left at all of them.
    """

    w_v: Floats
    psnr: Floats
    kept: Floats
    half: float


def contrast_kept(model: PsnrModel, w_i: float, w_v: float) -> float:
    """Expected object contrast in percent of the source's; NaN where there is none."""
    source = model.contrast(1.0, 0.0)
    return 100 * model.contrast(w_i, w_v) / source if source > 0 else nan


def by_noise(model: PsnrModel, w_i: float) -> Generator[tuple[int, int], None, ByNoise | str]:
    """PSNR and contrast against the weight of the noise, for one weight of the image."""
    w_v = W_V_MAX * np.linspace(0, 1, _WEIGHTS) ** 2  # denser towards 0, as the curves bend there
    psnr, kept = np.empty(w_v.size), np.empty(w_v.size)
    for i, weight in enumerate(w_v):
        if i % _AT_ONCE == 0:
            yield i, w_v.size
        psnr[i] = model.expected(w_i, weight)
        kept[i] = contrast_kept(model, w_i, weight)
    if not np.isfinite(psnr).any():
        return (
            "The noise follows the local standard deviation, which is 0 everywhere: "
            "no weight changes this image."
        )
    above = np.flatnonzero(kept >= 50)
    if above.size == 0:
        half = nan
    elif above[-1] == w_v.size - 1:
        half = inf
    else:
        ends = w_v[above[-1]], w_v[above[-1] + 1]
        half = float(
            scipy.optimize.brentq(lambda v: contrast_kept(model, w_i, v) - 50, *ends, xtol=1e-4)
        )
    return ByNoise(w_v, psnr, kept, half)


def said_half(curve: ByNoise) -> str:
    """The sentence on how much noise leaves half of the contrast."""
    if np.isnan(curve.kept).all():
        return "There is no contrast: no part is brighter than the rest, or the rest has no light."
    if isfinite(curve.half):
        return f"Half of the contrast is left at w_v {curve.half:.2f}."
    if curve.half == inf:
        return f"More than half of the contrast is left up to w_v {W_V_MAX:g}."
    return "Less than half of the contrast is left at any w_v."

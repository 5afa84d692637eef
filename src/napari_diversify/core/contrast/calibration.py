"""How contrast falls with depth in the user's own stack, and the scattering length that follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import skimage

from ..checks import check_intensities
from ..spectral.dct import blurred, forward

_REGIONS = 20  # tissue and empty space are told apart at this fraction of a plane's side
_TWO_KINDS = 3.0  # times brighter than the rest: then the rest counts as empty
_INSIDE = 0.9  # of the neighbourhood of a pixel that must be bright
_LEAST_SHARE = 0.02  # of a plane that must be tissue for its contrast to count
_LEAST_PLANES = 5
_LEAST_FALL = 0.1  # of the contrast, from the first plane to the last
_LEAST_CERTAINTY = 5.0  # slope over its standard error


@dataclass(frozen=True, eq=False)
class ContrastDecay:
    """Contrast against depth, with the exponential C0 exp(-d / length) fitted to it.

    Attributes
    ----------
    depth : numpy.ndarray of float64
        Depth of each plane below the first one, in the unit of the spacing.
    contrast : numpy.ndarray of float64
        RMS contrast (standard deviation over mean, above the offset) of the
        tissue in each plane; NaN where there is hardly any.
    c0, length : float
        Of the fit.
    scattering_length : float
        The l_s of :class:`Tissue` whose contrast falls as much over the stack.
    """

    depth: npt.NDArray[np.float64]
    contrast: npt.NDArray[np.float64]
    c0: float
    length: float
    scattering_length: float


def fit_contrast_decay(
    image: npt.ArrayLike,
    spacing_z: float = 1.0,
    *,
    offset: float | None = None,
    collected: float = 1.0,
    upwards: bool = False,
) -> ContrastDecay:
    """Fit how the contrast of a stack falls with depth.

    Parameters
    ----------
    image : array_like, shape (Z, Y, X)
    spacing_z : float, optional
        Distance of planes, micrometres.
    offset : float, optional
        Intensity of no light; by default the 0.1st percentile.
    collected : float, optional
        rho of the :class:`Tissue` that the result is meant for.
    upwards : bool, optional
        Depth grows towards the first plane.

    Returns
    -------
    ContrastDecay

    Raises
    ------
    ValueError
        If the image is not a stack, or if its contrast does not fall with depth, which
        leaves the method without a basis; the message says so.
    """
    stack = check_intensities(image)
    if stack.ndim != 3 or len(stack) < _LEAST_PLANES:
        raise ValueError(
            f"a stack (z, y, x) of {_LEAST_PLANES} planes or more is needed; "
            f"the shape is {stack.shape}"
        )
    if not (np.isfinite(spacing_z) and spacing_z > 0):
        raise ValueError(f"spacing_z must be a positive number; got {spacing_z!r}")
    if not 0 < collected <= 1:
        raise ValueError(f"collected must be above 0 and at most 1; got {collected!r}")
    if offset is not None and not np.isfinite(offset):
        raise ValueError(f"offset must be a finite number; got {offset!r}")
    dark = float(np.percentile(stack, 0.1)) if offset is None else float(offset)
    if stack.min() == stack.max():
        raise ValueError("the image is constant: it has no contrast")
    tissue = _tissue(stack, max(stack.shape[-2:]) / _REGIONS)
    depth = np.arange(len(stack), dtype=np.float64) * float(spacing_z)
    if upwards:
        depth = depth[::-1].copy()
    contrast: npt.NDArray[np.float64] = np.array(
        [_rms(plane[inside], plane.size, dark) for plane, inside in zip(stack, tissue, strict=True)]
    )
    use = np.isfinite(contrast) & (contrast > 0)
    if use.sum() < _LEAST_PLANES:
        raise ValueError(
            f"only {use.sum()} planes hold enough tissue to measure contrast in; "
            f"{_LEAST_PLANES} are needed"
        )
    slope, c0, fall, certain = _fall(depth[use], contrast[use])
    if not certain:
        raise ValueError(
            "contrast does not fall with depth in this stack (change over the stack: "
            f"{-100 * fall:+.0f} %), so no scattering length can be derived from it. "
            "Set the scattering length by hand, or choose the other z direction"
        )
    length = -1 / slope
    # w(L) = tau / (tau + (1 - tau) rho) = exp(-L / length) at the far end L
    span = float(np.ptp(depth[use]))
    w = np.exp(-span / length)
    tau = w * collected / (1 - w * (1 - collected))
    return ContrastDecay(depth, contrast, c0, length, float(-span / np.log(tau)))


class Decay(NamedTuple):
    """The exponential c0 exp(-d / length)."""

    c0: float
    length: float


def fit_decay(depth: npt.ArrayLike, contrast: npt.ArrayLike) -> Decay | None:
    """Fit C0 exp(-d / length) to any contrast measured at some depths.

    Parameters
    ----------
    depth, contrast : array_like, shape (n,)
        Points at which the contrast is not finite or not positive are left out.

    Returns
    -------
    Decay or None
        ``length`` is in the unit of ``depth``. None where the points show no
        decay: fewer than 5 of them, a fall of less than a tenth, or one that does
        not stand out from the scatter.

    Raises
    ------
    ValueError
        If depth and contrast are not two lists of the same length.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.contrast.calibration import fit_decay
    >>> depth = np.arange(0.0, 50.0, 10.0)
    >>> round(fit_decay(depth, 0.8 * np.exp(-depth / 40)).length, 6)
    40.0
    >>> fit_decay(depth, np.full(5, 0.8)) is None
    True
    """
    d, c = np.asarray(depth, np.float64), np.asarray(contrast, np.float64)
    if d.shape != c.shape or d.ndim != 1:
        raise ValueError(
            f"depth and contrast must be two lists of the same length; got {d.shape} and {c.shape}"
        )
    use = np.isfinite(d) & np.isfinite(c) & (c > 0)
    if use.sum() < _LEAST_PLANES or np.ptp(d[use]) == 0:
        return None
    slope, c0, _, certain = _fall(d[use], c[use])
    return Decay(c0, -1 / slope) if certain else None


def _fall(
    depth: npt.NDArray[np.float64], contrast: npt.NDArray[np.float64]
) -> tuple[float, float, float, bool]:
    """Slope of the logarithm, C0, the share lost from first to last, whether it is certain."""
    slope, intercept, certainty = _line(depth, np.log(contrast))
    fall = float(1 - np.exp(slope * np.ptp(depth)))
    certain = slope < 0 and fall >= _LEAST_FALL and certainty >= _LEAST_CERTAINTY
    return slope, float(np.exp(intercept)), fall, certain


def _tissue(stack: npt.NDArray[Any], scale: float) -> npt.NDArray[np.bool_]:
    """Where there is tissue: everywhere, unless the stack clearly has empty regions.

    Then tissue is what is bright on a wide scale, in voxels, without a rim of about
    that scale, whose contrast would be that of the edge.
    """

    def smooth(planes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.stack([blurred(forward(plane), (scale, scale)) for plane in planes])

    level = smooth(stack)
    bright = level > skimage.filters.threshold_otsu(level)
    lowest = level.min()
    if level[bright].mean() - lowest < _TWO_KINDS * (level[~bright].mean() - lowest):
        return np.ones(stack.shape, bool)
    inside: npt.NDArray[np.bool_] = smooth(bright) > _INSIDE
    return inside


def _rms(tissue: npt.NDArray[Any], size: int, dark: float) -> float:
    tissue = tissue.astype(np.float64) - dark
    if tissue.size < _LEAST_SHARE * size or tissue.mean() <= 0:
        return float("nan")
    return float(tissue.std() / tissue.mean())


def _line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Slope and intercept of a straight line, and the slope over its standard error."""
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - (slope * x + intercept)
    error = np.sqrt((residual @ residual) / (x.size - 2) / np.square(x - x.mean()).sum())
    return float(slope), float(intercept), float(abs(slope) / error) if error > 0 else np.inf

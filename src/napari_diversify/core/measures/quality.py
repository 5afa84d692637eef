"""How a changed image compares with its reference: numbers for a table.

A wrong argument raises; what the data do not define (the SI-PSNR of a constant
image) is NaN, so that one odd image does not end a table of thousands. For a
volume that comes in blocks see :class:`PairSums`.
"""

from __future__ import annotations

from math import fsum, nan
from operator import index as as_integer
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from ..checks import check_intensities
from .pair_sums import (
    PairSums,
    check_data_range,
    check_limits,
    check_pair,
    count_clipped,
    planes_of,
)

SSIM_WINDOW = 11  # side of the Gaussian window of SSIM, sigma 1.5 cut at 3.5 sigma
_SSIM_SIGMA = 1.5

_Plane: TypeAlias = npt.NDArray[np.float64]


def clipped_fraction(
    reference: npt.ArrayLike, image: npt.ArrayLike, low: float, high: float
) -> float:
    """Share of voxels that a change drove to an end of the intensity range.

    Parameters
    ----------
    reference, image : array_like of int or float of the same shape
        Before and after the change, in one unit.
    low, high : float
        Ends of the range. A voxel counts if it is at an end, or beyond it, in
        the image and was not in the reference.

    Returns
    -------
    float
        0 to 1. For a volume in blocks see :class:`PairSums`.

    Raises
    ------
    TypeError, ValueError
        If an array is not an intensity image, the shapes differ, or low is not less
        than high.

    Examples
    --------
    >>> from napari_diversify.core.measures.quality import clipped_fraction
    >>> clipped_fraction([0, 9, 120, 255], [0, 0, 255, 255], low=0, high=255)
    0.5
    """
    x, y = check_pair(reference, image)
    check_limits(low, high)
    planes = planes_of(x, y, join=True)
    return sum(count_clipped(p, q, low, high) for p, q in planes) / x.size


def si_psnr(reference: npt.ArrayLike, image: npt.ArrayLike) -> float:
    """Scale-invariant PSNR: noise alone, whatever the brightness of the image.

    A change of gain and offset, such as w_i or absorption makes, lowers the
    PSNR without adding any noise. Here the image is first fitted to the
    reference::

        gt' = (gt - mean(gt)) / std(gt)        p' = p - mean(p)
        a   = <gt', p'> / <p', p'>
        SI-PSNR = PSNR(gt', a p')              R  = (max(gt) - min(gt)) / std(gt)

    Parameters
    ----------
    reference, image : array_like of int or float of the same shape
        gt and p; their units may differ.

    Returns
    -------
    float
        Decibel, the same for ``image`` and for ``a * image + b`` (a != 0; a
        negative counts as its positive). NaN if the reference or the image
        is constant. Inf if less than 2^-46 of the variance is noise.

    Raises
    ------
    TypeError, ValueError
        If an array is not an intensity image or the shapes differ.

    References
    ----------
    .. [1] M. Weigert et al., "Content-aware image restoration", Nature Methods
       15 (2018), supplement; as ``scale_invariant_psnr`` of the authors' group.

    Examples
    --------
    >>> from napari_diversify.core.measures.quality import si_psnr
    >>> round(si_psnr([0, 1, 2, 3], [0, 1, 2, 4]), 6)
    23.222193
    >>> round(si_psnr([0, 1, 2, 3], [100, 103, 106, 112]), 6)
    23.222193
    """
    sums = PairSums()
    sums.add(reference, image)
    return sums.si_psnr()


def ssim(reference: npt.ArrayLike, image: npt.ArrayLike, data_range: float) -> float:
    """Structural similarity, with the settings of its authors.

    Parameters
    ----------
    reference, image : array_like of int or float, shape (..., Y, X)
        In one unit; Y and X at least 11, the side of the Gaussian window.
    data_range : float
        Width of the intensity range in the same unit. As for :func:`psnr` there
        is no default on purpose.

    Returns
    -------
    float
        -1 to 1, computed in float64; the mean over planes, each by itself. It
        is defined for constant images too.

    Raises
    ------
    TypeError, ValueError
        If an array is not an intensity image, the shapes differ, planes are smaller
        than the window, or data_range is not a positive number.

    References
    ----------
    .. [1] Z. Wang et al., "Image quality assessment: from error visibility to
       structural similarity", IEEE Transactions on Image Processing 13 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.measures.quality import ssim
    >>> ramp = np.tile(np.arange(16), (16, 1))
    >>> ssim(ramp, ramp, data_range=15), round(ssim(ramp, 15 - ramp, data_range=15), 3)
    (1.0, -0.827)
    """
    x, y = check_pair(reference, image)
    peak = check_data_range(data_range)
    if x.ndim < 2 or min(x.shape[-2:]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM needs planes of {SSIM_WINDOW} x {SSIM_WINDOW} pixels or more, the size of its "
            f"window; the shape is {x.shape}"
        )
    # in float32 the variance in a window, a small difference, would drown
    planes = [
        _similarity(x[lead].astype(np.float64), y[lead].astype(np.float64), peak)
        for lead in np.ndindex(x.shape[:-2])
    ]
    return fsum(planes) / len(planes)


def _similarity(x: _Plane, y: _Plane, peak: float) -> float:
    """Mean SSIM where the window lies inside the plane; what scikit-image computes, bit by bit."""
    mx, my = _blurred(x), _blurred(y)
    vx, vy = _blurred(x * x) - mx * mx, _blurred(y * y) - my * my
    vxy = _blurred(x * y) - mx * my
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    similar = (2 * mx * my + c1) * (2 * vxy + c2)
    similar /= (mx**2 + my**2 + c1) * (vx + vy + c2)
    inside = slice(SSIM_WINDOW // 2, -(SSIM_WINDOW // 2))
    return float(similar[inside, inside].mean())


def _blurred(plane: _Plane) -> _Plane:
    """A plane in the Gaussian window: by itself, as a wrapper costs more than a small plane."""
    offsets = np.arange(-(SSIM_WINDOW // 2), SSIM_WINDOW // 2 + 1)
    window = np.exp(-0.5 / (_SSIM_SIGMA * _SSIM_SIGMA) * offsets**2)
    window /= window.sum()
    for axis in (0, 1):
        plane = scipy.ndimage.correlate1d(plane, window, axis, mode="reflect")
    return plane


def histogram_distance(reference: npt.ArrayLike, image: npt.ArrayLike, bins: int = 256) -> float:
    """How far intensities have moved: the Wasserstein-1 distance of two histograms.

    The mean distance that grey levels must be moved to turn one histogram into
    the other, wherever the voxels are.

    Parameters
    ----------
    reference, image : array_like of int or float
        In one unit; they may differ in shape.
    bins : int, optional
        Levels, 2 or more, evenly from the minimum to the maximum of the
        reference, that intensities are rounded to. Intensities of the image
        beyond them count as the nearest.

    Returns
    -------
    float
        In units of the reference's range, 0 to 1; the rounding changes it by
        1 / (bins - 1) at most. NaN if the reference is constant.

    Raises
    ------
    TypeError, ValueError
        If an array is not an intensity image, or bins is not a whole number from 2.

    Examples
    --------
    >>> from napari_diversify.core.measures.quality import histogram_distance
    >>> histogram_distance([0, 100, 200, 400], [0, 200, 400, 400], bins=5)
    0.1875
    """
    x, y = check_intensities(reference, "reference"), check_intensities(image)
    levels = as_integer(bins)
    if isinstance(bins, bool) or levels < 2:
        raise ValueError(f"bins must be a whole number, 2 or more; got {bins!r}")
    low, high = float(x.min()), float(x.max())
    if low == high:
        return nan
    counts = []
    for array in (x, y):
        count = np.zeros(levels, np.int64)
        for lead in np.ndindex(array.shape[:-2]):  # no float64 copy of a big volume
            unit = (np.asarray(array[lead], dtype=np.float64) - low) / (high - low)
            at = np.rint(np.clip(unit, 0, 1) * (levels - 1)).astype(np.intp)
            count += np.bincount(at.reshape(-1), minlength=levels)
        counts.append(np.cumsum(count) / array.size)
    return float(np.abs(counts[0] - counts[1])[:-1].sum() / (levels - 1))

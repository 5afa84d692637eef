"""Two classical segmenters of blob-like objects, such as nuclei, in fluorescence images.

They are here to be compared with and to try things out at once; both have few parameters and
no chance in them. Where the voxel size is known, lengths are the same along all axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy
import skimage

from .checks import check_intensities

_Image: TypeAlias = npt.NDArray[np.float32]
_Labels: TypeAlias = npt.NDArray[np.int32]

#: Share of its mean brightness above the background to which an object reaches.
_EXTENT = 0.7


def otsu_watershed(
    image: npt.ArrayLike,
    spacing: Sequence[float] | None = None,
    *,
    smoothing: float = 1.5,
    separation: float = 5.0,
) -> _Labels:
    """Objects brighter than Otsu's threshold, cut apart where they are narrow.

    The smoothed image is thresholded; each point that lies deepest in the foreground within
    the separation is a seed, and a watershed of the depth divides the foreground among them.

    Parameters
    ----------
    image : array_like of int or float, shape (Y, X) or (Z, Y, X)
    spacing : sequence of float, optional
        Voxel size along the axes, in any unit.
    smoothing : float, optional
        Standard deviation of the Gaussian, in voxels of the finest axis.
    separation : float, optional
        Least distance between the middles of two objects, in voxels of the finest axis.

    Returns
    -------
    numpy.ndarray of int32, shape of ``image``
        0 is background, objects count from 1. All 0 for a constant image.

    Raises
    ------
    TypeError, ValueError
        If the image is not an intensity image.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE
       Transactions on Systems, Man, and Cybernetics 9 (1979).

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:20, :36]
    >>> discs = sum((y - 10) ** 2 + (x - c) ** 2 < 60 for c in (10, 23))
    >>> int(otsu_watershed(discs).max())
    2
    """
    unit, scale = _prepared(image, spacing)
    smooth = _blurred(unit, smoothing * scale)
    mask = smooth > _threshold(smooth)
    depth = scipy.ndimage.distance_transform_edt(mask, sampling=1 / scale).astype(np.float32)
    depth = _blurred(depth, scale)
    return _divided(-depth, _peaks(depth, separation * scale) & mask, mask)


def log_watershed(
    image: npt.ArrayLike,
    spacing: Sequence[float] | None = None,
    *,
    diameter: float = 20.0,
) -> _Labels:
    """Objects around the maxima of the Laplacian of Gaussian, grown by a watershed.

    The Laplacian averages over whole objects and so sees them through more noise than a
    threshold of single voxels does, and misses those of other sizes. Each object ends where the
    Laplacian changes its sign, or where the smoothed image falls to 0.7 of the object's mean
    above the background (the median).

    Parameters
    ----------
    image : array_like of int or float, shape (Y, X) or (Z, Y, X)
    spacing : sequence of float, optional
        Voxel size along the axes, in any unit.
    diameter : float, optional
        Usual diameter of the objects, in voxels of the finest axis.

    Returns
    -------
    numpy.ndarray of int32, shape of ``image``
        0 is background, objects count from 1. All 0 for a constant image.

    Raises
    ------
    TypeError, ValueError
        If the image is not an intensity image.

    References
    ----------
    .. [1] T. Lindeberg, "Feature detection with automatic scale selection", International
       Journal of Computer Vision 30 (1998): a disc of radius r answers most at a standard
       deviation of r / sqrt(2), a ball at r / sqrt(3).

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:40, :60]
    >>> spots = sum(np.exp(-((y - 20) ** 2 + (x - c) ** 2) / 60) for c in (15, 40))
    >>> int(log_watershed(spots).max())
    2
    """
    unit, scale = _prepared(image, spacing)
    sigma = diameter / 2 / np.sqrt(unit.ndim)
    blob = -scipy.ndimage.gaussian_laplace(unit, sigma * scale, mode="nearest")
    smooth = _blurred(unit, 0.7 * sigma * scale)
    mask = (smooth > _threshold(smooth)) & (blob > 0)
    labels = _divided(-blob, _peaks(blob, sigma * scale) & mask, mask)
    above = smooth - np.float32(np.median(smooth))
    mean = scipy.ndimage.mean(above, labels, np.arange(labels.max() + 1))
    labels[above < _EXTENT * mean[labels]] = 0
    return labels


def _prepared(
    image: npt.ArrayLike, spacing: Sequence[float] | None
) -> tuple[_Image, npt.NDArray[np.float64]]:
    """The image from 0 to 1, and how many voxels of each axis are one of the finest."""
    array = check_intensities(image)
    if array.ndim not in (2, 3):
        raise ValueError(f"planes and volumes can be segmented; the shape is {array.shape}")
    size = np.ones(array.ndim) if spacing is None else np.asarray(spacing, float)
    low, high = float(array.min()), float(array.max())
    unit = (array.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-30))
    return unit, size.min() / size


def _blurred(image: _Image, sigma: npt.NDArray[np.float64]) -> _Image:
    blurred: _Image = scipy.ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=3)
    return blurred


def _threshold(image: _Image) -> float:
    """Otsu's; above everything in a constant image."""
    if image.min() == image.max():
        return float(image.max())
    return float(skimage.filters.threshold_otsu(image))


def _peaks(height: _Image, reach: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where nothing within the reach along the axes is higher."""
    size = 2 * np.maximum(np.rint(reach).astype(int), 1) + 1
    peaks: npt.NDArray[np.bool_] = height == scipy.ndimage.maximum_filter(height, size)
    return peaks


def _divided(surface: _Image, seeds: npt.NDArray[Any], mask: npt.NDArray[np.bool_]) -> _Labels:
    """The mask divided among the seeds along the ridges of a surface."""
    markers, n = scipy.ndimage.label(seeds, np.ones((3,) * seeds.ndim))
    if n == 0:
        return np.zeros(mask.shape, np.int32)
    labels: _Labels = skimage.segmentation.watershed(surface, markers, mask=mask)
    return labels.astype(np.int32, copy=False)

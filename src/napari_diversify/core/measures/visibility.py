"""How well structures stand out in one image: five contrasts, and contrast against depth.

Intensities are taken above the offset, the intensity of no light: left in, it
alone lowers every contrast. Where the data do not define a contrast (no light
above the offset, no foreground) it is NaN; a wrong argument raises.
"""

from __future__ import annotations

from math import nan, sqrt
from operator import index as as_integer
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
import skimage

from ..checks import check_intensities


def ratio(above: float, below: float) -> float:
    """The ratio above / below; NaN where below, the light to compare with, is not positive."""
    return float(above / below) if below > 0 else nan


def _check_offset(offset: float) -> float:
    if not np.isfinite(offset):
        raise ValueError(f"offset must be a finite number; got {offset!r}")
    return float(offset)


def _check_labels(
    labels: npt.ArrayLike, shape: tuple[int, ...], name: str = "labels"
) -> npt.NDArray[np.bool_]:
    array = np.asarray(labels)
    if array.dtype.kind not in "iub":
        raise TypeError(f"{name} must be whole numbers or a mask; got dtype {array.dtype}")
    if array.shape != shape:
        raise ValueError(
            f"{name} and image must have the same shape; got {array.shape} and {shape}"
        )
    foreground: npt.NDArray[np.bool_] = array > 0
    return foreground


def rms_contrast(image: npt.ArrayLike, offset: float = 0.0) -> float:
    """Root-mean-square contrast: standard deviation over mean, above the offset.

    Parameters
    ----------
    image : array_like of int or float
    offset : float, optional
        Intensity of no light, in the unit of the image.

    Returns
    -------
    float
        0 or more, computed in float64; NaN if the mean is not above the offset.

    Raises
    ------
    TypeError, ValueError
        If the array is not an intensity image or the offset is not finite.

    References
    ----------
    .. [1] E. Peli, "Contrast in complex images", Journal of the Optical Society
       of America A 7 (1990).

    Examples
    --------
    >>> from napari_diversify.core.measures.visibility import rms_contrast
    >>> rms_contrast([1, 3]), rms_contrast([101, 103], offset=100)
    (0.5, 0.5)
    """
    array = check_intensities(image)
    dark = _check_offset(offset)
    # plane by plane, so that no float64 copy of a big volume is made
    planes = [array[lead] for lead in np.ndindex(array.shape[:-2])]
    mean = sum(float(np.sum(p, dtype=np.float64)) for p in planes) / array.size
    square = sum(float(np.square(np.subtract(p, mean, dtype=np.float64)).sum()) for p in planes)
    return ratio(sqrt(square / array.size), mean - dark)


def michelson_contrast(image: npt.ArrayLike, offset: float = 0.0) -> float:
    """Michelson contrast between the 99th and the 1st percentile.

    (P99 - P1) / (P99 + P1) above the offset. Percentiles, because minimum and
    maximum are those of the noise.

    Parameters
    ----------
    image : array_like of int or float
    offset : float, optional
        Intensity of no light, in the unit of the image.

    Returns
    -------
    float
        0 to 1, more than 1 where P1 is below the offset; NaN if P99 + P1 is not
        positive above the offset.

    Raises
    ------
    TypeError, ValueError
        If the array is not an intensity image or the offset is not finite.

    Examples
    --------
    >>> from napari_diversify.core.measures.visibility import michelson_contrast
    >>> michelson_contrast([10] * 50 + [30] * 50)
    0.5
    """
    array = check_intensities(image)
    dark = _check_offset(offset)
    p1, p99 = (float(p) - dark for p in np.percentile(array, [1, 99]))
    return ratio(p99 - p1, p99 + p1)


def weber_contrast(
    image: npt.ArrayLike, labels: npt.ArrayLike, *, width: int = 3, offset: float = 0.0
) -> float:
    """Weber contrast of labelled objects against their surroundings.

    (F - B) / B above the offset: F is the mean of the objects, B the mean of a
    ring around them, so it says how well they stand out from what lies beside
    them.

    Parameters
    ----------
    image : array_like of int or float, shape (..., Y, X)
    labels : array_like of int or bool, shape of ``image``
        Objects are greater than 0.
    width : int, optional
        Width of the ring in pixels, 1 or more: background within this many
        steps, from pixel to neighbouring pixel, of an object. Steps stay in the
        plane, as planes are often further apart than pixels.
    offset : float, optional
        Intensity of no light, in the unit of the image.

    Returns
    -------
    float
        -1 or more, negative for objects darker than their surroundings; NaN if
        there is no object or no ring, or B is not above the offset.

    Raises
    ------
    TypeError, ValueError
        If an array cannot be used, the shapes differ, the width is not a whole
        number from 1, or the offset is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.measures.visibility import weber_contrast
    >>> labels = np.zeros((9, 9), int)
    >>> labels[3:6, 3:6] = 1
    >>> weber_contrast(np.where(labels, 30, 10), labels)
    2.0
    """
    array = check_intensities(image)
    dark = _check_offset(offset)
    if array.ndim < 2:
        raise ValueError(f"image must have two axes or more; its shape is {array.shape}")
    steps = as_integer(width)
    if isinstance(width, bool) or steps < 1:
        raise ValueError(f"width must be a whole number of pixels, 1 or more; got {width!r}")
    foreground = _check_labels(labels, array.shape)
    cross = scipy.ndimage.generate_binary_structure(2, 1).reshape((1,) * (array.ndim - 2) + (3, 3))
    ring = scipy.ndimage.binary_dilation(foreground, cross, iterations=steps) & ~foreground
    if not (foreground.any() and ring.any()):
        return nan
    bright, beside = (float(array[at].mean(dtype=np.float64)) for at in (foreground, ring))
    return ratio(bright - beside, beside - dark)


def object_contrast(image: npt.ArrayLike, foreground: npt.ArrayLike, offset: float = 0.0) -> float:
    """Weber contrast between the mean of the objects and the mean of all the rest.

    (F - B) / B above the offset. Noise of zero mean leaves both means, and
    so this contrast, where they are, while RMS and percentile contrast rise with
    it; clipping, haze and blur lower it. To follow one specimen through its
    variants, find the foreground once, in the original.

    Parameters
    ----------
    image : array_like of int or float
    foreground : array_like of int or bool, shape of ``image``
        Greater than 0 in the objects.
    offset : float, optional
        Intensity of no light, in the unit of the image.

    Returns
    -------
    float
        -1 or more, negative for objects darker than the rest; NaN if foreground
        or rest is empty, or B is not above the offset.

    Raises
    ------
    TypeError, ValueError
        If an array cannot be used, the shapes differ, or the offset is not
        finite.

    Examples
    --------
    >>> from napari_diversify.core import object_contrast
    >>> object_contrast([10, 10, 20, 40], [0, 0, 1, 1])
    2.0
    """
    array = check_intensities(image)
    dark = _check_offset(offset)
    objects = _check_labels(foreground, array.shape, "foreground")
    voxels = int(np.count_nonzero(objects))
    if voxels in (0, array.size):
        return nan
    bright = float(np.sum(array, where=objects, dtype=np.float64)) / voxels
    rest = float(np.sum(array, where=~objects, dtype=np.float64)) / (array.size - voxels)
    return ratio(bright - rest, rest - dark)


def signal_to_background(
    image: npt.ArrayLike, labels: npt.ArrayLike | None = None, *, offset: float = 0.0
) -> float:
    """Signal-to-background ratio: P95 of the foreground over the median of the rest.

    Parameters
    ----------
    image : array_like of int or float
    labels : array_like of int or bool, shape of ``image``, optional
        The foreground is greater than 0. By default it is what is above the
        threshold of Otsu's method, which finds some in any image.
    offset : float, optional
        Intensity of no light, in the unit of the image.

    Returns
    -------
    float
        NaN if foreground or background is empty (as in a constant image), or
        the background's median is not above the offset.

    Raises
    ------
    TypeError, ValueError
        If an array cannot be used, the shapes differ, or the offset is not
        finite.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms",
       IEEE Transactions on Systems, Man, and Cybernetics 9 (1979).

    Examples
    --------
    >>> from napari_diversify.core.measures.visibility import signal_to_background
    >>> signal_to_background([10, 10, 12, 60, 60])
    6.0
    """
    array = check_intensities(image)
    dark = _check_offset(offset)
    if labels is not None:
        foreground = _check_labels(labels, array.shape)
    else:
        foreground = array > otsu_threshold(array)
    if foreground.all() or not foreground.any():
        return nan
    signal = float(np.percentile(array[foreground], 95))
    return ratio(signal - dark, float(np.median(array[~foreground])) - dark)


def otsu_threshold(array: npt.NDArray[Any]) -> float:
    """Threshold of Otsu's method: the objects of an image are what is above it."""
    # scikit-image keeps a count for every integer in the range, and for a range of
    # 32 bits these may not fit in memory
    wide = array.dtype.kind in "iu" and array.dtype.itemsize > 2
    return float(skimage.filters.threshold_otsu(array.astype(np.float64) if wide else array))


def contrast_by_depth(volume: npt.ArrayLike, offset: float = 0.0) -> npt.NDArray[np.float64]:
    """RMS contrast of each plane of a stack.

    It is that of whole planes, empty regions included; :func:`fit_contrast_decay`
    looks for the tissue first, and fits how the contrast falls.

    Parameters
    ----------
    volume : array_like of int or float, shape ([Z,] Y, X)
    offset : float, optional
        Intensity of no light, in the unit of the image.

    Returns
    -------
    numpy.ndarray of float64, shape (Z,)
        As :func:`rms_contrast`, NaN where a plane's mean is not above the
        offset; one number for a single plane.

    Raises
    ------
    TypeError, ValueError
        If the array is not a stack of intensities or the offset is not finite.

    Examples
    --------
    >>> from napari_diversify.core.measures.visibility import contrast_by_depth
    >>> contrast_by_depth([[[1, 3]], [[2, 2]], [[0, 0]]])
    array([0.5, 0. , nan])
    """
    array = check_intensities(volume)
    if array.ndim not in (2, 3):
        raise ValueError(f"volume must have two or three axes; its shape is {array.shape}")
    planes = array if array.ndim == 3 else array[None]
    return np.array([rms_contrast(plane, offset) for plane in planes])

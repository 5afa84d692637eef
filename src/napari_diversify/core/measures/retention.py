"""How much of the detail of an image is still there after it has been restored."""

from __future__ import annotations

from math import nan

import numpy as np
import numpy.typing as npt
import scipy

#: Standard deviations, in pixels, of the Gaussians whose difference is the band of detail.
BAND = (1.0, 2.0)


def detail_retention(image: npt.ArrayLike, restored: npt.ArrayLike) -> float:
    """Correlation of the fine detail of a restored image with that of the image itself.

    1 where restoring has only scaled the detail; less where it has moved detail, lost it or
    invented some. Noise is detail, too: of a method that takes noise away it says little.

    Parameters
    ----------
    image, restored : array_like of int or float, shape (..., Y, X)
        Of the same shape. Each plane is filtered by itself.

    Returns
    -------
    float
        -1 to 1: the correlation of both after a band-pass, the difference of two Gaussians of
        1 and 2 pixels, which passes most at 0.15 cycles per pixel. NaN if either has no detail.

    Raises
    ------
    ValueError
        If the shapes differ, or have fewer than two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import detail_retention
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> round(detail_retention(image, 3 * image + 5), 3)
    1.0
    >>> bool(detail_retention(image, np.roll(image, 8, 0)) < 0.1)
    True
    """
    a, b = np.asarray(image), np.asarray(restored)
    if a.shape != b.shape or a.ndim < 2:
        raise ValueError(
            f"image and restored must be planes of the same shape; got {a.shape} and {b.shape}"
        )
    planes = (-1, *a.shape[-2:])
    sums = np.zeros(3)  # of a², b² and ab
    for p, q in zip(a.reshape(planes), b.reshape(planes), strict=True):
        x, y = _detail(p), _detail(q)
        sums += np.vdot(x, x), np.vdot(y, y), np.vdot(x, y)
    power = np.sqrt(sums[0] * sums[1])
    return float(sums[2] / power) if power > 0 else nan


def _detail(plane: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    values = plane.astype(np.float64)
    values -= values.mean()  # of a constant plane nothing is left, whatever is rounded
    fine, coarse = (scipy.ndimage.gaussian_filter(values, sigma) for sigma in BAND)
    return np.asarray(fine - coarse, np.float64)

"""Peak signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def psnr(reference: npt.ArrayLike, image: npt.ArrayLike, data_range: float) -> float:
    """Peak signal-to-noise ratio of an image against its reference.

    Parameters
    ----------
    reference, image : array_like of the same shape
        Clean and changed image, in one unit.
    data_range : float
        Peak R in the same unit. There is no default on purpose: conventions
        differ by several decibels, so a PSNR means something only with its R.

    Returns
    -------
    float
        10 log10(R^2 / MSE) in decibel, computed in float64; inf for equal images.

    Raises
    ------
    ValueError
        If the shapes differ or are empty, or data_range is not a positive number.

    Examples
    --------
    >>> from napari_diversify.core import psnr
    >>> psnr([0, 100, 200], [10, 90, 210], data_range=200)
    26.020599913279625
    """
    a, b = np.asarray(reference), np.asarray(image)
    if a.shape != b.shape or a.size == 0:
        raise ValueError(
            f"reference and image must have the same shape; got {a.shape} and {b.shape}"
        )
    if not (np.isfinite(data_range) and data_range > 0):
        raise ValueError(f"data_range must be a positive number; got {data_range!r}")
    # one plane at a time, so that no float64 copy of a big volume is made
    planes = zip(a.reshape((-1,) + a.shape[-2:]), b.reshape((-1,) + b.shape[-2:]), strict=True)
    error = sum(float(np.square(np.subtract(p, q, dtype=np.float64)).sum()) for p, q in planes)
    return decibel(error / a.size, float(data_range))


def decibel(mse: float, data_range: float = 1.0) -> float:
    """PSNR of a mean square error, in decibel; inf of none."""
    return float("inf") if mse == 0 else float(10 * np.log10(data_range**2 / mse))

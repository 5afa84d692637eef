"""What an image is made of: its power at each spatial frequency, its noise at each intensity."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_integer

import numpy as np
import numpy.typing as npt

from ..checks import check_intensities
from ..contrast.detector_noise import noise_curve
from ..spectral.dct import forward, frequencies

_PIECE = 1 << 15  # frequencies that are counted at once
_NOISE_SAMPLES = 1 << 16  # as many as noise_curve looks at


def radial_power_spectrum(
    image: npt.ArrayLike, spacing: Sequence[float] | None = None, bins: int | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Power of an image against spatial frequency, whatever its direction in the plane.

    Parameters
    ----------
    image : array_like of int or float, shape (..., Y, X)
        At least two pixels. Each plane is transformed by itself, about its own
        mean, and their powers are averaged.
    spacing : sequence of float, optional
        Pixel size, one number per axis or one each for y and x, in micrometres;
        by default 1, so that frequencies are in cycles per voxel. Where pixels
        are not square, power goes into the bin of its physical frequency.
    bins : int, optional
        Number of bins, evenly up to the highest frequency, that of the corner;
        by default as many as leave none empty.

    Returns
    -------
    frequency : numpy.ndarray of float64, shape (bins,)
        Middle of each bin, cycles per micrometre (or per voxel).
    power : numpy.ndarray of float64, shape (bins,)
        Mean power of the frequencies in each bin, in squared intensity: white
        noise of variance s^2 has s^2 in all of them. Times the number of
        frequencies in a bin, they sum to that of (I - mean)^2 over the pixels.
        0 for a constant image; NaN in a bin that holds no frequency.

    Raises
    ------
    TypeError, ValueError
        If the array is not an image, or spacing or bins cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.measures.spectrum import radial_power_spectrum
    >>> wave = np.cos(2 * np.pi * (np.arange(64) + 0.5) / 8)  # 8 pixels of 0.5 um
    >>> frequency, power = radial_power_spectrum(np.tile(wave, (64, 1)), spacing=(0.5, 0.5))
    >>> round(float(frequency[power.argmax()]), 2)
    0.25
    """
    array = check_intensities(image)
    if array.ndim < 2 or array.shape[-2] * array.shape[-1] < 2:
        raise ValueError(
            f"image must have planes of two pixels or more; its shape is {array.shape}"
        )
    sizes = (1.0, 1.0) if spacing is None else tuple(float(s) for s in spacing)
    if len(sizes) not in (2, array.ndim) or not all(np.isfinite(s) and s > 0 for s in sizes):
        raise ValueError(
            f"spacing must be two positive numbers, for y and x, or one per axis; got {spacing!r}"
        )
    shape = array.shape[-2:]
    y, x = frequencies(shape, sizes[-2:])
    radius = np.hypot(y, x)
    highest = float(radius.max())
    if bins is None:
        # no bin narrower than the coarser of the two steps of frequency
        width = max(0.5 / (n * s) for n, s in zip(shape, sizes[-2:], strict=True) if n > 1)
        count = round(highest / width)
    else:
        count = as_integer(bins)
        if isinstance(bins, bool) or count < 1:
            raise ValueError(f"bins must be a whole number, 1 or more; got {bins!r}")
        width = highest / count
    # without the mean, which is not structure; bins are centred on 1, 2, ... widths
    nearest = np.rint(radius / width).astype(np.intp).reshape(-1)[1:]
    at = np.clip(nearest, 1, count) - 1
    # The DCT-II and not a windowed FFT: it continues the plane by reflection, so
    # opposite borders that differ make no cross of false power, and no window
    # suppresses the border: power is conserved to the last pixel.
    power = np.zeros(at.size)
    planes = array.reshape((-1, *shape))
    for plane in planes:
        coefficients = forward(plane - plane.mean(dtype=np.float64))
        power += np.square(coefficients.reshape(-1)[1:], dtype=np.float64)
    members, total = np.zeros(count, np.intp), np.zeros(count)
    # bincount holds the GIL: small pieces let the window's thread run in between
    for start in range(0, at.size, _PIECE):
        piece = slice(start, start + _PIECE)
        members += np.bincount(at[piece], minlength=count)
        total += np.bincount(at[piece], weights=power[piece], minlength=count)
    total /= len(planes)
    mean = np.full(count, np.nan)
    np.divide(total, members, out=mean, where=members > 0)
    return np.arange(1, count + 1) * width, mean


def noise_by_intensity(
    image: npt.ArrayLike,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Variance of the noise against intensity, measured in the image itself.

    The mean-variance curve: flat for noise of one strength, a line through the
    offset for photon noise, whose slope is the gain. Of a volume, rows from all
    over it are used; the measurement is that of
    :func:`~napari_diversify.core.contrast.detector_noise.noise_curve`.

    Parameters
    ----------
    image : array_like of int or float, shape (..., Y, X)
        X at least 3: noise is what differs between neighbours along x.

    Returns
    -------
    intensity, variance : numpy.ndarray of float64
        Up to 16 classes, ascending in intensity, in the unit of the image and
        in that unit squared. The variance is 0 in a constant image.

    Raises
    ------
    TypeError, ValueError
        If the array is not an image or has fewer than three columns.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.measures.spectrum import noise_by_intensity
    >>> photons = np.random.default_rng(0).poisson(np.linspace(50, 500, 256), (256, 256))
    >>> intensity, variance = noise_by_intensity(photons)
    >>> round(float(np.polyfit(intensity, variance, 1)[0]), 1)
    1.0
    """
    array = check_intensities(image)
    if array.ndim < 2 or array.shape[-1] < 3:
        raise ValueError(
            f"image must have planes of three columns or more; its shape is {array.shape}"
        )
    # evenly spaced, but not by a whole step, so as not to take the same row of each plane
    total = array.size // array.shape[-1]
    rows = np.linspace(0, total - 1, min(total, max(1, _NOISE_SAMPLES // array.shape[-1])))
    lead = np.unravel_index(rows.astype(np.intp), array.shape[:-1])
    intensity, sigma = noise_curve(array[lead])
    return intensity, np.square(sigma)

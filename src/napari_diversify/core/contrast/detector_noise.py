"""The noise of an image's detector: measured in the image itself, and more of it drawn.

A detector that counts photons has noise whose variance grows linearly with
intensity. Structure can pass for noise, but hardly in second differences, and not
in most pixels of an intensity.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ..spectral import compiled as kernels
from ..spectral.dct import Coefficients, forward_of

#: Intensities, ascending, and the standard deviation of the noise at each.
NoiseCurve: TypeAlias = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

_CLASSES = 16  # intensity classes in which noise is measured
_LEAST_PIXELS = 64  # in each of them
_SAMPLES = 1 << 16  # pixels per plane that are enough to measure it


def noise_curve(plane: npt.ArrayLike) -> NoiseCurve:
    """Noise of an image against its intensity, measured in the image itself.

    Second differences along x leave noise and hardly any structure; their
    median magnitude, in classes of intensity, is not moved by a few edges.

    Parameters
    ----------
    plane : array_like, shape (Y, X)

    Returns
    -------
    intensity, sigma : numpy.ndarray of float64
        Up to 16 classes, ascending in intensity; standard deviation of the noise.
    """
    intensity, sigma, _ = _noise_classes(plane)
    return intensity, sigma


def _noise_classes(plane: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], ...]:
    """Intensity, noise and number of pixels of each class; the classes are equally wide."""
    image = np.asarray(plane, dtype=np.float32)
    if image.shape[-1] < 3:
        return np.zeros(1), np.zeros(1), np.ones(1)
    rows = image[:: max(1, image.size // _SAMPLES)] if image.size > _SAMPLES else image
    left, middle, right = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
    difference = np.abs(left - 2 * middle + right).ravel() / np.sqrt(np.float32(6))
    level = ((left + middle + right) / np.float32(3)).ravel()
    # a few pixels at the ends, hot ones or a bright corner, should not stretch the classes
    least = max(1, min(_LEAST_PIXELS, level.size // _CLASSES))
    low, high = (float(np.partition(level, k)[k]) for k in (least - 1, level.size - least))
    of = np.zeros(level.size, np.uint8)
    if high > low:
        share = level.astype(np.float64)
        share -= low
        share /= high - low
        share *= _CLASSES
        of = np.clip(share, 0, _CLASSES - 1, out=share).astype(np.uint8)
    edges = _edges(np.bincount(of), least)
    order = np.argsort(of, kind="stable")
    levels, differences = (np.split(values[order], edges) for values in (level, difference))
    intensity = np.array([values.mean(dtype=np.float64) for values in levels])
    sigma = np.array([1.4826 * _median(values) for values in differences])
    return intensity, sigma, np.array([float(values.size) for values in levels])


def _edges(sizes: npt.NDArray[np.int64], least: int) -> list[int]:
    """Where to cut the ordered pixels of classes of these sizes, with ``least`` pixels in each."""
    merged: list[int] = []
    for size in sizes.tolist():
        if merged and (merged[-1] < least or 0 < size < least):
            merged[-1] += size
        elif size:
            merged.append(size)
    return list(np.cumsum(merged)[:-1])


def _median(values: npt.NDArray[np.float32]) -> float:
    """``np.median``, several times as fast: finding one number is quicker than finding two."""
    middle = values.size // 2
    ordered = np.partition(values, middle)
    if values.size % 2:
        return float(ordered[middle])
    return float((ordered[:middle].max() + ordered[middle]) / np.float32(2))


def photon_transfer(plane: npt.ArrayLike) -> tuple[float, float]:
    """How the variance of an image's noise depends on its intensity: a + b I.

    The law of a detector that counts photons (b) and has noise of its own (a).
    A line of least absolute deviations through the classes of
    :func:`noise_curve`, each weighing as much as its pixels: edges, which look
    like noise between two intensities, are few and do not move it.

    Returns
    -------
    a, b : float
        In the unit of the image, squared, and in its unit.
    """
    intensity, sigma, pixels = _noise_classes(plane)
    variance = sigma**2
    if intensity.size == 1 or np.ptp(intensity) == 0 or variance.max() == 0:
        return float(np.average(variance, weights=pixels)), 0.0
    # every line of least absolute deviations goes through two of the points
    i, j = np.triu_indices(intensity.size, 1)
    slope = (variance[j] - variance[i]) / (intensity[j] - intensity[i])
    start = variance[i] - slope * intensity[i]
    lines = np.maximum(start[:, None] + slope[:, None] * intensity, 0)
    costs = np.abs(lines - variance) @ pixels
    best = int(np.argmin(costs))
    flat = np.abs(variance[:, None] - variance) @ pixels  # cost of a level at each point
    if flat.min() <= costs[best]:
        return float(variance[np.argmin(flat)]), 0.0
    return float(start[best]), float(slope[best])


class NoiseLaw(NamedTuple):
    """Variance of an image's noise at an intensity I: a + b I, and at least ``least``.

    Attributes
    ----------
    a, b, least : float
        In the unit of the image, squared; in its unit; squared.
    """

    a: float
    b: float
    least: float

    def deviation(self, intensity: float) -> float:
        """Standard deviation of the noise at an intensity."""
        return math.sqrt(max(self.a + self.b * intensity, self.least, 0.0))

    def in_units(self, zero: float, one: float) -> NoiseLaw:
        """The law of (I - zero) / one."""
        a = (self.a + self.b * zero) / one**2
        return NoiseLaw(a, self.b / one, self.least / one**2)


def noise_law(plane: npt.ArrayLike) -> NoiseLaw:
    """:func:`photon_transfer`, held up in the dark by what was measured there.

    Texture in bright structures looks like noise and tilts the line, which then
    promises too little noise, or none, below the darkest intensity that was measured. The
    background is where faint objects have to be told from noise.

    Examples
    --------
    >>> dark = np.random.default_rng(0).normal(100, 5, (64, 64))
    >>> round(noise_law(dark).deviation(90))
    5
    """
    a, b = photon_transfer(plane)
    _, sigma = noise_curve(plane)
    return NoiseLaw(a, b, float(sigma[0]) ** 2)


def noise_spectrum(
    light: npt.NDArray[np.float32], noise: npt.NDArray[np.float32], law: tuple[float, float]
) -> Coefficients:
    """DCT-II of standard-normal ``noise``, scaled to that of a detector in this ``light``.

    ``law``: see :func:`photon_transfer`.
    """

    def columns(part: slice, out: npt.NDArray[np.float32]) -> None:
        kernels.detector_noise(light, noise, part.start, *law, out)

    return forward_of(light.shape, columns)

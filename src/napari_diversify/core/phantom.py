"""Synthetic nuclei: a labelled volume that looks like a fluorescence stack.

Our own generator, for demonstration and tests: smooth ellipsoids, placed at
random without overlap, with texture, uneven brightness and illumination, the
blur of a microscope, camera offset and noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, zoom

from .noise import normal_field

#: Grey levels of the camera: offset, brightest nucleus above it, read noise.
OFFSET, SIGNAL, READ_NOISE = 100.0, 3000.0, 4.0
_GAIN = 2.0  # electrons per grey level
_TRIES = 30  # places tried for each nucleus before it is left out


@dataclass(frozen=True)
class Phantom:
    """A synthetic image with its ground truth.

    Attributes
    ----------
    image : numpy.ndarray of uint16, shape (Z, Y, X)
    labels : numpy.ndarray of uint16, shape (Z, Y, X)
        0 is background; nuclei are numbered from 1.
    spacing : tuple of float
        Voxel size (z, y, x) in micrometres.
    """

    image: npt.NDArray[np.uint16]
    labels: npt.NDArray[np.uint16]
    spacing: tuple[float, float, float]


def _rotation(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A random rotation: the orthogonal part of a Gaussian matrix."""
    q, r = np.linalg.qr(rng.standard_normal((3, 3)))
    return q * np.sign(np.diag(r))


def _smooth(
    rng: np.random.Generator, shape: tuple[int, ...], cells: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """A smooth random field between 0 and 1, with about ``cells`` bumps per axis."""
    coarse = rng.random(cells).astype(np.float32)
    field = zoom(coarse, np.array(shape) / cells, order=1, mode="nearest", grid_mode=True)
    return np.clip(field, 0, 1)


def synthetic_nuclei(
    shape: tuple[int, int, int] = (64, 256, 256),
    *,
    spacing: tuple[float, float, float] = (0.5, 0.2, 0.2),
    radius: tuple[float, float] = (2.6, 4.4),
    count: int = 80,
    seed: int = 0,
) -> Phantom:
    """Make a volume of synthetic nuclei with its instance labels.

    Parameters
    ----------
    shape : (int, int, int), optional
        Voxels (z, y, x).
    spacing : (float, float, float), optional
        Voxel size (z, y, x) in micrometres.
    radius : (float, float), optional
        Shortest and longest semi-axis in micrometres; each of the three
        semi-axes of a nucleus is drawn between them.
    count : int, optional
        Number of nuclei to place; fewer if there is no room without overlap.
    seed : int, optional
        The same seed gives the same volume.

    Returns
    -------
    Phantom
        Image and labels (uint16) and the spacing.

    Raises
    ------
    ValueError
        If shape, spacing, radius or count are out of range.

    Examples
    --------
    >>> from napari_diversify.core import synthetic_nuclei
    >>> phantom = synthetic_nuclei((16, 64, 64), count=4, seed=1)
    >>> phantom.image.shape, int(phantom.labels.max())
    ((16, 64, 64), 4)
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be three positive numbers (z, y, x); got {shape!r}")
    if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise ValueError(f"spacing must be three positive sizes in micrometres; got {spacing!r}")
    if not 0 < radius[0] <= radius[1]:
        raise ValueError(f"radius must be (low, high) with 0 < low <= high; got {radius!r}")
    if not 0 <= count <= np.iinfo(np.uint16).max:
        raise ValueError(f"count must be from 0 to 65535; got {count!r}")
    rng = np.random.default_rng(seed)
    size = np.array(spacing)
    labels = np.zeros(shape, np.uint16)
    signal = np.zeros(shape, np.float32)
    texture = _smooth(rng, shape, _cells(shape, spacing, 1.2))
    placed = 0
    for _ in range(count):
        for _ in range(_TRIES):
            centre = rng.random(3) * shape
            axes = rng.uniform(*radius, 3)
            box, r = _ellipsoid(centre, axes, _rotation(rng), size, shape)
            inside = r <= 1
            if inside.any() and not labels[box][r <= 1.12].any():
                placed += 1
                labels[box][inside] = placed
                brightness = rng.uniform(0.35, 1.0)
                # a rim slightly brighter than the middle, falling off smoothly
                profile = np.clip((1.08 - r) / 0.16, 0, 1) * (0.75 + 0.25 * np.minimum(r, 1) ** 2)
                grain = 0.7 + 0.6 * texture[box]
                signal[box] = np.maximum(signal[box], brightness * profile * grain)
                break
    signal = gaussian_filter(signal, np.array((0.45, 0.16, 0.16)) / size, truncate=3)
    light = 0.7 + 0.3 * _smooth(rng, shape, (2, 3, 3))
    photons = SIGNAL * light * (signal + 0.015)
    noise = normal_field(shape, int(rng.integers(2**32)))
    grey = OFFSET + photons + np.sqrt(photons / _GAIN + READ_NOISE**2) * noise
    image = np.clip(np.rint(grey), 0, np.iinfo(np.uint16).max).astype(np.uint16)
    return Phantom(image, labels, spacing)


def _cells(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], size: float
) -> tuple[int, int, int]:
    """How many cells of ``size`` micrometres fit along each axis, at least one."""
    z, y, x = (max(1, round(n * s / size)) for n, s in zip(shape, spacing, strict=True))
    return z, y, x


def _ellipsoid(
    centre: npt.NDArray[np.float64],
    axes: npt.NDArray[np.float64],
    rotation: npt.NDArray[np.float64],
    size: npt.NDArray[np.float64],
    shape: tuple[int, ...],
) -> tuple[tuple[slice, ...], npt.NDArray[np.float32]]:
    """The box around an ellipsoid and the normalised radius (1 at the surface) in it."""
    reach = 1.2 * axes.max() / size
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    offsets = [
        ((np.arange(a, b) - c) * s).astype(np.float32)
        for a, b, c, s in zip(low, high, centre, size, strict=True)
    ]
    z, y, x = np.meshgrid(*offsets, indexing="ij", sparse=True)
    to_sphere = (rotation / axes[:, None]).astype(np.float32)
    r2 = sum((row[0] * z + row[1] * y + row[2] * x) ** 2 for row in to_sphere)
    return box, np.sqrt(r2)

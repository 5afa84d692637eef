"""Numbers about a shape: how large, how long, how rough it is, and how it lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
import skimage

from ...core.specimens.measured_objects import measure_objects

#: All of them, in the order of :func:`features`, with their units.
NAMES = (
    "volume (µm³)",
    "surface (µm²)",
    "sphericity",
    "roughness",
    "convexity",
    "longest axis (µm)",
    "middle axis (µm)",
    "shortest axis (µm)",
    "axis ratio",
    "flatness",
    "tilt (degrees)",
    "height (µm)",
    "section (µm²)",
    "projection (µm²)",
    "convexity of the section",
    "mean thickness (µm)",
    "variation of thickness",
    "mean depth (µm)",
    "inscribed radius (µm)",
    "asymmetry along z",
)

_SMOOTH = 1.0  # voxels: without it, the surface counts the steps between them
_ROUGH = 2.0  # voxels, as DISPR's authors measure it


def features(shape: npt.NDArray[np.bool_], voxel: float) -> npt.NDArray[np.float64]:
    """Measure a shape in its cube.

    Parameters
    ----------
    shape : array of bool, shape (z, y, x)
        The section in focus lies in the middle of z.
    voxel : float
        Size of its voxels in micrometres.

    Returns
    -------
    numpy.ndarray of float64
        As many as :data:`NAMES`. Sphericity: surface of the sphere of the same volume / surface.
        Roughness: share of the volume that a Gaussian filter of 2 voxels adds or removes.
        Convexity: volume / that of the convex hull. Axes: those of the ellipsoid of the same
        second moments; axis ratio: longest / shortest; flatness: middle / shortest; tilt: of the
        shortest axis with z. Depth: distance of voxels from the surface. Asymmetry: distance of
        the centre from the section / height. NaN of a shape without voxels, but for its volume.

    Examples
    --------
    >>> import numpy as np
    >>> ball = np.linalg.norm(np.indices((32, 32, 32)) - 15.5, axis=0) < 10
    >>> found = dict(zip(NAMES, features(ball, 0.5)))
    >>> float(round(found["volume (µm³)"], -1)), float(round(found["sphericity"], 1))
    (530.0, 1.0)
    """
    voxels = int(np.count_nonzero(shape))
    if not voxels:
        return np.array([0.0] + [np.nan] * (len(NAMES) - 1))
    volume = voxels * voxel**3
    surface = _surface(shape) * voxel**2
    smooth = scipy.ndimage.gaussian_filter(shape.astype(np.float32), _ROUGH) > 0.5
    moments = measure_objects(shape.astype(np.int64), (voxel,) * 3)
    short, middle, long = 2 * moments.semi_axes[0]
    thickness = shape.sum(axis=0)
    thickness = thickness[thickness > 0] * voxel
    depth = scipy.ndimage.distance_transform_edt(np.pad(shape, 1))[1:-1, 1:-1, 1:-1] * voxel
    planes = np.flatnonzero(shape.any(axis=(1, 2)))
    height = float(planes[-1] - planes[0] + 1) * voxel
    half = len(shape) // 2
    section = np.asarray(shape[half - 1 : half + 1].any(axis=0))
    centre = float(moments.centres[0, 0]) - len(shape) / 2 * voxel
    return np.array(
        [
            volume,
            surface,
            np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / surface,
            np.count_nonzero(smooth != shape) / voxels,
            _convexity(shape),
            long,
            middle,
            short,
            long / short,
            middle / short,
            np.degrees(np.arccos(np.clip(moments.shortest[0], 0, 1))),
            height,
            np.count_nonzero(section) * voxel**2,
            thickness.size * voxel**2,
            _convexity(section),
            thickness.mean(),
            thickness.std() / thickness.mean(),
            depth[shape].mean(),
            depth.max(),
            abs(centre) / height,  # up and down cannot be told apart
        ]
    )


def _surface(shape: npt.NDArray[np.bool_]) -> float:
    """Surface in units of a voxel's face."""
    soft = scipy.ndimage.gaussian_filter(np.pad(shape, 3).astype(np.float32), _SMOOTH)
    if soft.max() <= 0.5 or soft.min() >= 0.5:
        soft = np.pad(shape, 3).astype(np.float32)
    corners, faces, *_ = skimage.measure.marching_cubes(soft, 0.5)
    return float(skimage.measure.mesh_surface_area(corners, faces))


def _convexity(shape: npt.NDArray[Any]) -> float:
    """Voxels / volume of the convex hull around the middles of their faces."""
    rim = shape & ~scipy.ndimage.binary_erosion(shape)
    places = np.argwhere(rim)
    if not len(places):
        return 1.0
    faces = np.concatenate([np.eye(shape.ndim), -np.eye(shape.ndim)]) / 2
    points = np.unique((places[:, None] + faces).reshape(-1, shape.ndim), axis=0)
    hull = float(scipy.spatial.ConvexHull(points).volume)
    return min(1.0, np.count_nonzero(shape) / hull)

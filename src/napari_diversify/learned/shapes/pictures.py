"""What a network sees of an object: its mask and its picture in 2D, on the grid of its cube."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float32]


def on_grid(
    values: npt.NDArray[Any],
    spacing: Sequence[float],
    centre: Sequence[float],
    voxel: float,
    side: int,
) -> Floats:
    """Values on a grid of ``side`` points along each axis, around a place.

    Parameters
    ----------
    values : array, shape (Y, X) or (Z, Y, X)
        Nothing lies beyond them.
    spacing : sequence of float
        Their voxel size in micrometres.
    centre : sequence of float
        The middle of the grid, in micrometres from the outer edge of the first voxel.
    voxel : float
        Distance of the grid's points in micrometres. Finer values are smoothed to it.
    side : int

    Examples
    --------
    >>> import numpy as np
    >>> on_grid(np.arange(4.0) * np.ones((4, 4)), (1, 1), (2, 2), 1.0, 2)[0]
    array([1., 2.], dtype=float32)
    """
    size = np.asarray(spacing, np.float64)
    sigma = np.maximum(voxel / size - 1.0, 0.0) / 2.0
    smooth = scipy.ndimage.gaussian_filter(values.astype(np.float32), sigma, mode="constant")
    offsets = (np.arange(side) - (side - 1) / 2) * voxel
    places = [(c + offsets) / s - 0.5 for c, s in zip(centre, size, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    found: Floats = scipy.ndimage.map_coordinates(smooth, grid, order=1, mode="grid-constant")
    return found


def middle_of(mask: npt.NDArray[np.bool_], spacing: Sequence[float]) -> tuple[float, ...]:
    """The middle of the box around a mask, in micrometres from its outer edge."""
    middle = []
    for axis, size in enumerate(spacing):
        along = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        middle.append(float(along[0] + along[-1] + 1) / 2 * size)
    return tuple(middle)


def levels_of(
    image: npt.NDArray[Any], labels: npt.NDArray[Any], inside: npt.NDArray[Any] | None = None
) -> tuple[float, float]:
    """Grey levels of the background and of the objects of an image: medians of its pixels.

    ``inside``: grey levels of the objects, if they are not those under the labels. Where hardly
    anything tells objects from background, the second is one standard deviation above the first.
    """
    if inside is None:
        inside = image[labels != 0]
    outside = image[labels == 0]
    low = float(np.median(outside)) if outside.size else float(image.min())
    high, spread = float(np.median(inside)), float(np.std(inside, dtype=np.float64)) or 1.0
    return low, high if abs(high - low) > spread / 10 else low + spread


def seen(
    mask: npt.NDArray[np.bool_],
    picture: npt.NDArray[Any] | None,
    levels: tuple[float, float],
    spacing: Sequence[float],
    voxel: float,
    side: int,
) -> Floats:
    """Mask and picture of an object, (2, side, side), around the middle of the mask.

    The mask is 0 or 1. The picture is 0 outside of it, and inside, where ``levels`` are those of
    the image, -1 at the background's and 0 at that of a usual object: thin objects are dim. It is
    0 everywhere if there is no picture.
    """
    middle = middle_of(mask, spacing)
    flat = np.zeros(mask.shape, np.float32)
    if picture is not None:
        low, high = levels
        flat[mask] = np.clip((picture[mask] - low) / (high - low) - 1, -1, 1)
    drawn = on_grid(mask, spacing, middle, voxel, side) >= 0.5
    return np.stack([drawn, on_grid(flat, spacing, middle, voxel, side) * drawn]).astype(np.float32)

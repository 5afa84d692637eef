"""Masks as networks see them, and objects in masks that networks make."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
import skimage

_SEED = 0.35  # of a usual diameter that the middles of two objects must be apart
_SMALLEST = 0.2  # of a usual area: what is smaller is a fragment


def seen_by_network(labels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Labels (Y, X) as -1 for background and 1 inside objects; where two touch, background.

    Examples
    --------
    >>> seen_by_network(np.array([[0, 1, 1, 2, 2]])).tolist()
    [[-1.0, 1.0, -1.0, -1.0, 1.0]]
    """
    inside = labels > 0
    for axis in (-2, -1):
        a: Any = [slice(None)] * 2
        b: Any = [slice(None)] * 2
        a[axis], b[axis] = slice(1, None), slice(None, -1)
        first, second = labels[tuple(a)], labels[tuple(b)]
        touching = (first != second) & (first > 0) & (second > 0)
        inside[tuple(a)] &= ~touching
        inside[tuple(b)] &= ~touching
    return np.where(inside, np.float32(1), np.float32(-1))


def objects_in(mask: npt.NDArray[np.float32], diameter: float) -> npt.NDArray[np.uint16]:
    """Number the objects of a mask (Y, X) that a network has made; above 0 is inside.

    Those that have grown together are parted where they are narrow, and fragments are left out.

    Parameters
    ----------
    mask : numpy.ndarray of float32
    diameter : float
        Of a usual object, in pixels.

    Examples
    --------
    >>> mask = np.full((16, 32), -1.0, np.float32)
    >>> mask[4:12, 4:12] = mask[4:12, 20:28] = mask[1, 1] = 1
    >>> np.unique(objects_in(mask, 8)).tolist()
    [0, 1, 2]
    """
    inside = mask > 0
    depth = scipy.ndimage.distance_transform_edt(inside)
    depth = scipy.ndimage.gaussian_filter(depth, 0.05 * diameter)
    apart = max(1, round(_SEED * diameter))
    parts = skimage.measure.label(inside, connectivity=1)
    peaks = skimage.feature.peak_local_max(
        depth, min_distance=apart, labels=parts, exclude_border=False
    )
    seeds = np.zeros(inside.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    found = skimage.segmentation.watershed(-depth, seeds, mask=inside)
    sizes = np.bincount(found.ravel())
    kept = sizes >= _SMALLEST * np.pi / 4 * diameter**2
    kept[0] = False
    numbers = np.cumsum(kept) * kept
    objects: npt.NDArray[np.uint16] = numbers[found].astype(np.uint16)
    return objects

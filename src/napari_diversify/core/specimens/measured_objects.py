"""What one pass over the voxels measures of every labelled object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import compiled as kernels
from .field import check_field, in_three


@dataclass(frozen=True)
class MeasuredObjects:
    """What one pass over the voxels measures of every object; lengths in micrometres.

    Objects are those numbered from 1, in their order.
    """

    volume: npt.NDArray[np.float64]
    centres: npt.NDArray[np.float64]
    semi_axes: npt.NDArray[np.float64]  # (n, ndim), short to long
    shortest: npt.NDArray[np.float64]  # cosine of the angle of the shortest axis with z
    matrices: npt.NDArray[np.float64]
    extent: npt.NDArray[np.float64]
    cut: npt.NDArray[np.int64]  # how many borders cut it along each axis
    touching: npt.NDArray[np.bool_]
    voxels: npt.NDArray[np.float64]


def check_labels(labels: npt.ArrayLike, spacing: Sequence[float]) -> npt.NDArray[np.int64]:
    """The labels numbered from 1 without gaps; raise, saying why, if they cannot be used."""
    given = np.asarray(labels)
    if given.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be whole numbers, 0 for background; got dtype {given.dtype}. "
            "Convert them first, e.g. labels.astype('uint16')"
        )
    if given.ndim not in (2, 3) or 0 in given.shape:
        raise ValueError(
            f"labels must have two or three axes, (y, x) or (z, y, x); got shape {given.shape}"
        )
    check_field(given.shape, spacing)
    if given.min() < 0:
        raise ValueError(f"labels must be 0 (background) or more; got {given.min()}")
    numbers, places = np.unique(given, return_inverse=True)
    if not numbers.any():
        raise ValueError("there is no label in the array: all voxels are 0 (background)")
    if len(numbers) == 1:
        raise ValueError(
            f"label {numbers[0]} fills the whole array: there is no object whose size could be "
            "measured"
        )
    return places.reshape(given.shape).astype(np.int64) + int(numbers[0] != 0)


def measure_objects(labels: npt.NDArray[np.int64], spacing: Sequence[float]) -> MeasuredObjects:
    """Measure each object of labels that are numbered without gaps, as :func:`check_labels` does.

    Examples
    --------
    >>> import numpy as np
    >>> box = np.pad(np.ones((4, 8), np.int64), 2)
    >>> measure_objects(box, (0.5, 0.5)).volume
    array([8.])
    """
    ndim = labels.ndim
    shape, size = in_three(labels.shape, spacing)
    n = int(labels.max())
    sums = np.zeros((n + 1, 10))
    boxes = np.zeros((n + 1, 2, 3), np.int64)
    boxes[:, 0] = shape
    touching = np.zeros(n + 1, np.bool_)
    kernels.label_moments(labels.reshape(shape), sums, boxes, touching)
    sums, boxes = sums[1:], boxes[1:]
    voxels = sums[:, 0]
    middle = sums[:, 1:4] / voxels[:, None]
    i, j = [0, 1, 2, 1, 2, 2], [0, 1, 2, 0, 0, 1]
    second = (sums[:, 4:] / voxels[:, None] - middle[:, i] * middle[:, j]) * size[i] * size[j]
    full = second[:, [[0, 3, 4], [3, 1, 5], [4, 5, 2]]][:, -ndim:, -ndim:]
    # in a solid ellipsoid the variance along a semi-axis is its square / (ndim + 2)
    values, vectors = np.linalg.eigh(full)
    least = float(size[-ndim:].min()) ** 2 / 12.0  # no object is thinner than a voxel
    semi_axes = np.sqrt((ndim + 2) * np.maximum(values, least))
    padded = np.zeros((n, 3, 3))
    padded[:, 0, 0] = 1.0
    padded[:, -ndim:, -ndim:] = np.einsum("nij,nj,nkj->nik", vectors, np.square(semi_axes), vectors)
    matrices = np.ascontiguousarray(padded[:, i, j])
    low, high = boxes[:, 0], boxes[:, 1]
    cut = (low == 0).astype(np.int64) + (high == np.array(shape))
    return MeasuredObjects(
        volume=voxels * float(np.prod(size[-ndim:])),
        centres=(middle + 0.5) * size,
        semi_axes=semi_axes,
        shortest=np.abs(vectors[:, 0, 0]),
        matrices=matrices,
        extent=((high - low) * size)[:, -ndim:],
        cut=cut[:, -ndim:],
        touching=touching[1:],
        voxels=voxels,
    )

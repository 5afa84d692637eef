"""How long the step from one voxel to the next is, wherever a layer keeps it.

napari and its readers put the size of a voxel into ``scale``, into ``affine``,
or into both, and rotate and shear on top. What counts is the length of the
step that is shown: ``affine @ rotate @ shear @ scale``, one column per axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .units import ratio

#: Share of a step below which a component of it is rounding error.
_NOTHING = 1e-9


def steps(meta: Mapping[str, Any], ndim: int) -> npt.NDArray[np.float64]:
    """The step along each axis as a column, from a layer's state as napari gives it to writers."""
    scale = meta.get("scale")
    matrix = np.diag(np.ones(ndim) if scale is None else np.asarray(scale, np.float64))
    for name in ("shear", "rotate", "affine"):
        matrix = _square(meta.get(name), ndim) @ matrix
    return matrix


def voxel_sizes(
    steps: npt.NDArray[np.float64], units: Sequence[str | None]
) -> tuple[float | None, ...]:
    """Length of the step along each axis, in the unit of that axis.

    Parameters
    ----------
    steps : array, shape (n, n)
        See :func:`steps`; row i is in ``units[i]``.
    units : sequence of str or None
        One per axis; spellings as for :func:`unit_of`.

    Returns
    -------
    tuple of float or None
        None where there is no such length: a step that goes along axes which
        measure different things, such as depth and time, or one of length 0.

    Examples
    --------
    >>> import numpy as np
    >>> voxel_sizes(np.array([[3.0, 0.0], [4.0, -2.0]]), ("µm", "µm"))
    (5.0, 2.0)
    >>> voxel_sizes(np.array([[3.0, 0.0], [4.0, -2.0]]), ("s", "µm"))
    (None, 2.0)
    """
    return tuple(_length(step, axis, units) for axis, step in enumerate(steps.T))


def _length(step: npt.NDArray[np.float64], axis: int, units: Sequence[str | None]) -> float | None:
    parts = []
    for along, part in enumerate(step):
        if along != axis and not abs(part) > _NOTHING * np.abs(step).max():
            continue
        factor = ratio(units[along], units[axis])
        if factor is None:
            return None
        parts.append(float(part) * factor)
    length = math.hypot(*parts)
    return length if length > 0 and math.isfinite(length) else None


def _square(transform: Any, ndim: int) -> npt.NDArray[np.float64]:
    """The linear part of a transform in any of the forms in which napari keeps one."""
    if transform is None:
        return np.eye(ndim)
    values = np.asarray(getattr(transform, "affine_matrix", transform), np.float64)
    if values.ndim == 1 and len(values) == ndim * (ndim - 1) // 2:  # shear: above the diagonal
        matrix = np.eye(ndim)
        matrix[np.triu_indices(ndim, 1)] = values
        return matrix
    if values.ndim == 2:
        matrix = np.eye(ndim)
        n = min(ndim, len(values))
        matrix[-n:, -n:] = values[:n, :n]
        return matrix
    return np.eye(ndim)  # an angle: it turns steps and does not change their lengths

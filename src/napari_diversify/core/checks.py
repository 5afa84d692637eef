"""What every function of the core asks of an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def check_intensities(image: npt.ArrayLike, name: str = "image") -> npt.NDArray[Any]:
    """Return ``image`` as an array, or say why it cannot be an intensity image."""
    array = np.asarray(image)
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} must hold integers or floating-point numbers; got dtype {array.dtype}. "
            "Convert it first, e.g. image.astype('float32')"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    if array.dtype.kind == "f" and not _all_finite(array):
        raise ValueError(
            f"{name} contains {np.count_nonzero(~np.isfinite(array))} values that are NaN or "
            "infinite; only finite intensities are accepted. Replace them first, "
            "e.g. with numpy.nan_to_num"
        )
    return array


def _all_finite(array: npt.NDArray[Any]) -> bool:
    """Whether no value is NaN or infinite; quick where the sum of squares is finite."""
    if array.flags.c_contiguous and array.dtype.itemsize in (4, 8):
        flat = array.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(np.vdot(flat, flat)):
                return True
    return bool(np.isfinite(array).all())

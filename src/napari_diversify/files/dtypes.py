"""Which numbers a file format holds, as data; what it does not hold is refused before any work."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

_TIFF = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")

#: Names of the dtypes that files of each of :data:`.layouts.FORMATS` hold.
DTYPES = MappingProxyType(
    {"ome-zarr": (*_TIFF, "int64", "uint64", "float16"), "ome-tiff": _TIFF, "tiff": _TIFF}
)


def check_dtype(dtype: np.dtype[Any], file_format: str) -> None:
    """Raise a sentence if files of a format cannot hold images of this dtype.

    Parameters
    ----------
    dtype : numpy.dtype
    file_format : str
        One of :data:`.layouts.FORMATS`.

    Raises
    ------
    TypeError
        With what it holds, and what to do.

    Examples
    --------
    >>> check_dtype(np.dtype("float16"), "ome-zarr")
    >>> check_dtype(np.dtype("uint16"), "tiff")
    """
    held = DTYPES[file_format]
    if dtype.name not in held:
        raise TypeError(
            f"OME-TIFF cannot hold {dtype} (it can: {', '.join(held)}). "
            "Convert the image, or write OME-Zarr"
        )


def smallest_integer(low: int, high: int, file_format: str) -> np.dtype[Any] | None:
    """The smallest integer dtype of a format that holds all numbers from low to high, if any."""
    wanted = "u" if low >= 0 else "i"
    found = (np.dtype(name) for name in DTYPES[file_format])
    fitting = [
        d for d in found if d.kind == wanted and np.iinfo(d).min <= low and high <= np.iinfo(d).max
    ]
    return min(fitting, key=lambda d: d.itemsize, default=None)

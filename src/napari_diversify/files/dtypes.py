"""Which numbers a file format holds, as data; others are refused before any work is done."""

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
    """Raise a readable error if files of a format cannot hold images of this dtype.

    Parameters
    ----------
    dtype : numpy.dtype
    file_format : str
        One of :data:`.layouts.FORMATS`.

    Raises
    ------
    TypeError
        Saying what the format holds, and what to do.

    Examples
    --------
    >>> check_dtype(np.dtype("float16"), "ome-zarr")
    >>> check_dtype(np.dtype("uint16"), "tiff")
    """
    names = DTYPES[file_format]
    if dtype.name not in names:
        raise TypeError(
            f"OME-TIFF cannot hold {dtype} (it can: {', '.join(names)}). "
            "Convert the image, or write OME-Zarr"
        )


def smallest_integer(low: int, high: int, file_format: str) -> np.dtype[Any] | None:
    """The smallest integer dtype of a format that holds all numbers from low to high, if any."""
    kind = "u" if low >= 0 else "i"
    dtypes = (np.dtype(name) for name in DTYPES[file_format])
    fitting = [
        d for d in dtypes if d.kind == kind and np.iinfo(d).min <= low and high <= np.iinfo(d).max
    ]
    return min(fitting, key=lambda d: d.itemsize, default=None)

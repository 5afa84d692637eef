"""What a file format does not hold is refused before any work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .formats import FORMATS


def check_dtype(dtype: np.dtype[Any], file_format: str) -> None:
    """Raise a readable error if files of a format cannot hold images of this dtype.

    Parameters
    ----------
    dtype : numpy.dtype
    file_format : str
        One of :data:`.formats.FORMATS`.

    Raises
    ------
    TypeError
        Saying what the format holds, and what to do.

    Examples
    --------
    >>> check_dtype(np.dtype("float16"), "ome-zarr")
    >>> check_dtype(np.dtype("uint16"), "tiff")
    """
    fmt = FORMATS[file_format]
    if not fmt.holds(dtype):
        others = [other.title for other in FORMATS.values() if other.holds(dtype)]
        instead = f", or write {' or '.join(others)}" if others else ""
        raise TypeError(
            f"{fmt.title} cannot hold {dtype} (it can: {', '.join(fmt.dtypes)}). "
            f"Convert the image{instead}"
        )


def smallest_integer(low: int, high: int, dtypes: Iterable[str]) -> np.dtype[Any] | None:
    """The smallest integer dtype among some that holds all numbers from low to high, if any.

    Examples
    --------
    >>> smallest_integer(0, 256, FORMATS["tiff"].dtypes)
    dtype('uint16')
    """
    kind = "u" if low >= 0 else "i"
    known = map(np.dtype, dtypes)
    fitting = [
        d for d in known if d.kind == kind and np.iinfo(d).min <= low and high <= np.iinfo(d).max
    ]
    return min(fitting, key=lambda d: d.itemsize, default=None)

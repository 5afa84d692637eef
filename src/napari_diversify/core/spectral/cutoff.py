"""Which DCT-II coefficients a low-pass keeps: the cutoff, its shape and its taper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from .. import compiled as kernels
from ..blocks import in_slabs

Shape: TypeAlias = Literal["radial", "square", "triangular"]


def transfer(
    size: Sequence[int], cutoff: float, shape: Shape = "radial", taper: float = 0.0
) -> npt.NDArray[np.float32]:
    """Gain of the low-pass at each DCT-II coefficient.

    Parameters
    ----------
    size : sequence of int
        Shape of the filtered image.
    cutoff, shape, taper
        See :func:`napari_diversify.core.lowpass`.

    Returns
    -------
    numpy.ndarray of float32, shape ``size``
        1 below the cutoff, 0 from it on, a cosine in the tapered band.
    """
    check_filter(cutoff, shape, taper)
    f = [np.arange(n) / n for n in (1,) * (3 - len(size)) + tuple(size)]
    gain = np.empty([a.size for a in f], np.float32)
    code = get_args(Shape).index(shape)

    def rows(part: slice) -> None:
        kernels.lowpass_gain(
            f[0], f[1][part], f[2], float(cutoff), code, float(taper), gain[:, part]
        )

    in_slabs(rows, gain.shape[1], gain.size)
    return gain.reshape(tuple(size))


def keeps_all(size: Sequence[int], cutoff: float, shape: Shape, taper: float) -> bool:
    """Whether the low-pass leaves an image of shape ``size`` all its coefficients."""
    highest = [np.array([(n - 1) / n]) for n in (1,) * (3 - len(size)) + tuple(size)]
    gain = np.empty((1, 1, 1), np.float32)  # it never rises with a frequency
    kernels.lowpass_gain(*highest, float(cutoff), get_args(Shape).index(shape), float(taper), gain)
    return bool(gain[0, 0, 0] == 1)


def physical_cutoff(cutoff: float, spacing: Sequence[float]) -> tuple[float, ...]:
    """The frequency of a cutoff along each axis, in cycles per unit of ``spacing``."""
    return tuple(cutoff / (2 * size) for size in spacing)


@lru_cache(maxsize=8)
def cached_transfer(
    size: tuple[int, ...], cutoff: float, shape: Shape, taper: float
) -> npt.NDArray[np.float32]:
    """:func:`transfer`, kept for the planes of a volume; not to be changed."""
    return transfer(size, cutoff, shape, taper)


def check_filter(cutoff: float, shape: str, taper: float) -> None:
    """Raise a ValueError that says which parameter of a low-pass is out of range."""
    if not (np.isfinite(cutoff) and cutoff > 0):
        raise ValueError(
            f"cutoff must be greater than 0, in units of the Nyquist frequency; got {cutoff!r}"
        )
    if shape not in get_args(Shape):
        raise ValueError(f"shape must be one of {', '.join(get_args(Shape))}; got {shape!r}")
    if not 0 <= taper <= 1:
        raise ValueError(f"taper must be from 0 to 1, a share of the cutoff; got {taper!r}")

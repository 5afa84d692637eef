"""Which DCT-II coefficients a low-pass keeps: the cutoff, its shape and its taper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..blocks import in_slabs
from . import compiled as kernels

Shape: TypeAlias = Literal["radial", "square", "triangular"]
#: How many voxels can be multiplied in the time that one cosine takes.
_COSINE = 16


@dataclass(frozen=True, eq=False)
class Gain:
    """Gain of a low-pass at each DCT-II coefficient of a plane: 1, falling, 0 along each row.

    Attributes
    ----------
    full, passed : numpy.ndarray of int64, one number per row
        How many of its gains, the first, are 1, and how many are above 0.
    starts : numpy.ndarray of int64, one number per row
        Where its gains between the two begin in ``band``.
    band : numpy.ndarray of float32
    """

    full: npt.NDArray[np.int64]
    passed: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    band: npt.NDArray[np.float32]

    @property
    def rows(self) -> int:
        """Number of rows of which anything passes: the first ones."""
        return int(np.count_nonzero(self.passed))

    def multiply(
        self, coefficients: npt.NDArray[np.float32], rows: slice, out: npt.NDArray[np.float32]
    ) -> None:
        """Write some rows of the product with the coefficients of a plane."""
        of_rows = (self.full[rows], self.passed[rows], self.starts[rows])
        kernels.multiply_band(coefficients[rows], *of_rows, self.band, out)


def gain_of(
    size: Sequence[int], cutoff: float, shape: Shape = "radial", taper: float = 0.0
) -> Gain:
    """Gain of the low-pass of a plane of shape ``size``.

    See :func:`napari_diversify.core.lowpass` for the parameters.
    """
    check_filter(cutoff, shape, taper)
    fy, fx = (np.arange(n) / n for n in size)
    options = (float(cutoff), get_args(Shape).index(shape), float(taper))
    full, passed = np.empty((2, fy.size), np.int64)
    kernels.lowpass_edges(fy, fx, *options, full, passed)
    ends = np.cumsum(passed - full)
    starts, band = ends - (passed - full), np.empty(ends[-1], np.float32)

    def rows(part: slice) -> None:
        edges = (full[part], passed[part], starts[part])
        kernels.lowpass_band(fy[part], fx, *options, *edges, band)

    if band.size:
        in_slabs(rows, fy.size, band.size * _COSINE)
    return Gain(full, passed, starts, band)


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
def cached_gain(size: tuple[int, ...], cutoff: float, shape: Shape, taper: float) -> Gain:
    """:func:`gain_of`, kept for the planes of a volume."""
    return gain_of(size, cutoff, shape, taper)


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

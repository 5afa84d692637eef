"""Sums over a pair of images, read once, in any pieces.

PSNR, scale-invariant PSNR, contrast and clipping need no neighbourhood: a few
sums over the voxels are enough for all of them. The sums are exact numbers, so
the result does not depend on how a volume was cut or in which order the pieces
were merged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, fsum, inf, nan, sqrt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import compiled as kernels
from ..checks import check_intensities
from .psnr import decibel
from .visibility import ratio

# Sums are integers in units of 2^-_PLACES, those of products in units of its
# square: any float64 is a whole number of them, so nothing is ever rounded away.
_PLACES = 1100

# Voxels worked on together: few enough to stay in the cache, and for products of
# 16-bit digits to sum to less than 2^53, where float64 is exact in any order.
_CHUNK = 1 << 15
_MOST = 1 << 30  # voxels whose products of 16-bit numbers have a sum that fits 64 bits
_SHIFT_SAMPLES = 1 << 12
_LARGEST = 1e140  # the squares of a volume still have a float64 sum
# share of the variance that the rounded sums of floats cannot tell from zero
_ROUNDING = 2.0**-46


def check_pair(
    reference: npt.ArrayLike, image: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Both as arrays of intensities; raise unless they have the same shape."""
    a, b = check_intensities(reference, "reference"), check_intensities(image)
    if a.shape != b.shape:
        raise ValueError(
            f"reference and image must have the same shape; got {a.shape} and {b.shape}"
        )
    return a, b


def check_data_range(data_range: float) -> float:
    """Return the peak as a float; raise unless it is a positive number."""
    if not (np.isfinite(data_range) and data_range > 0):
        raise ValueError(f"data_range must be a positive number; got {data_range!r}")
    return float(data_range)


def check_limits(low: float, high: float) -> None:
    """Raise unless low and high are the ends of a range."""
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            f"low and high must be the ends of a range, low < high; got {low!r} and {high!r}"
        )


@dataclass(frozen=True)
class Summary:
    """Intensities of one image.

    Attributes
    ----------
    voxels : int
    minimum, maximum, mean, std : float
        In the unit of the image; ``std`` is the population's.
    """

    voxels: int
    minimum: float
    maximum: float
    mean: float
    std: float

    def rms_contrast(self, offset: float = 0.0) -> float:
        """Standard deviation over mean above ``offset``; see :func:`rms_contrast`."""
        return ratio(self.std, self.mean - offset)


@dataclass
class PairSums:
    """Sums over a pair (reference, image), added up block by block.

    The blocks must cover the volume once, in any order; each process may fill
    sums of its own, and ``a + b`` merges them. Sums of integers up to 32 bits
    are exact, so any blocks give the same bits. Of floating-point numbers each
    plane (the last two axes) is summed in float64 about a value near its mean,
    and the planes are added exactly: any blocks of whole planes give the same
    bits, other blocks agree to about 1e-15 of the variance.

    Parameters
    ----------
    low, high : float, optional
        Ends of the intensity range, both or none; with them, clipped voxels are
        counted.

    Attributes
    ----------
    voxels : int
        Number of voxels added so far.
    clipped : int
        How many of them are clipped in the sense of :func:`clipped_fraction`.

    Raises
    ------
    ValueError
        If only one end is given, or low is not less than high.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.measures.pair_sums import PairSums
    >>> reference = np.arange(12, dtype=np.uint16).reshape(3, 2, 2)
    >>> sums = PairSums()
    >>> for z in range(3):
    ...     sums.add(reference[z], 2 * reference[z] + 1)
    >>> round(sums.psnr(data_range=11), 3), sums.si_psnr()
    (3.491, inf)
    >>> sums.reference.mean, sums.image.mean
    (5.5, 12.0)
    """

    low: float | None = None
    high: float | None = None
    voxels: int = 0
    clipped: int = 0
    #: Exact sums of x, y, x^2, y^2, x y and (x - y)^2.
    _sums: tuple[int, ...] = field(default=(0,) * 6, repr=False)
    #: Minimum and negative maximum of x, and of y.
    _ends: tuple[float, ...] = field(default=(inf,) * 4, repr=False)

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high come together: give both ends of the range or none")
        if self.low is not None and self.high is not None:
            check_limits(self.low, self.high)

    def add(self, reference: npt.ArrayLike, image: npt.ArrayLike) -> None:
        """Add a block of the reference and the same block of the image.

        Parameters
        ----------
        reference, image : array_like of int or float of the same shape
            Finite, in one unit. Best C-contiguous: a copy is made otherwise,
            plane by plane.

        Raises
        ------
        TypeError, ValueError
            If a block is not an intensity image, the shapes differ, or a
            floating-point intensity is 1e140 or more in magnitude; then nothing
            has been added.
        """
        x, y = check_pair(reference, image)
        ends = tuple(float(v) for a in (x, y) for v in (a.min(), -float(a.max())))
        if max(abs(v) for v in ends) >= _LARGEST:
            raise ValueError(
                f"intensities must be less than {_LARGEST:g} in magnitude, or their squares "
                "cannot be summed; give them in a larger unit"
            )
        whole = all(a.dtype.kind in "iu" and a.dtype.itemsize <= 4 for a in (x, y))
        sums, clipped = self._sums, self.clipped
        for p, q in planes_of(x, y, join=whole):
            new = _integer_sums(p, q) if whole else _float_sums(p, q)
            sums = tuple(s + n for s, n in zip(sums, new, strict=True))
            if self.low is not None and self.high is not None:
                clipped += count_clipped(p, q, self.low, self.high)
        self._sums, self.clipped = sums, clipped
        self._ends = tuple(min(a, b) for a, b in zip(self._ends, ends, strict=True))
        self.voxels += x.size

    def __add__(self, other: PairSums) -> PairSums:
        """Sums over the voxels of both; their ``low`` and ``high`` must be the same."""
        if (self.low, self.high) != (other.low, other.high):
            raise ValueError(
                "only sums with the same low and high can be merged; got "
                f"{(self.low, self.high)} and {(other.low, other.high)}"
            )
        return PairSums(
            self.low,
            self.high,
            self.voxels + other.voxels,
            self.clipped + other.clipped,
            tuple(a + b for a, b in zip(self._sums, other._sums, strict=True)),
            tuple(min(a, b) for a, b in zip(self._ends, other._ends, strict=True)),
        )

    def _count(self) -> int:
        if self.voxels == 0:
            raise ValueError("there is nothing to measure: no block has been added yet")
        return self.voxels

    def _scatter(self) -> tuple[int, int, int]:
        """Variance of x, that of y, and the covariance, each times n^2."""
        n, (x, y, xx, yy, xy, _) = self._count(), self._sums
        return n * xx - x * x, n * yy - y * y, n * xy - x * y

    def _summary(self, which: int) -> Summary:
        n = self._count()
        low, high = self._ends[2 * which], -self._ends[2 * which + 1]
        variance = self._scatter()[which] / (n * n << 2 * _PLACES)
        return Summary(n, low, high, self._sums[which] / (n << _PLACES), sqrt(max(variance, 0.0)))

    @property
    def reference(self) -> Summary:
        """Minimum, maximum, mean, std and RMS contrast of the reference."""
        return self._summary(0)

    @property
    def image(self) -> Summary:
        """Minimum, maximum, mean, std and RMS contrast of the image."""
        return self._summary(1)

    @property
    def clipped_fraction(self) -> float:
        """Share of clipped voxels, 0 to 1, as :func:`clipped_fraction`; needs low and high."""
        if self.low is None:
            raise ValueError("clipped voxels were not counted: make PairSums with low and high")
        return self.clipped / self._count()

    def psnr(self, data_range: float) -> float:
        """Peak signal-to-noise ratio in decibel, as :func:`psnr`; inf for equal images."""
        peak = check_data_range(data_range)
        return decibel(self._sums[5] / (self._count() << 2 * _PLACES), peak)

    def si_psnr(self) -> float:
        """Scale-invariant PSNR in decibel; see :func:`si_psnr`."""
        vx, vy, cov = self._scatter()
        x, y = self.reference, self.image
        if x.std == 0 or y.std == 0:
            return nan
        # what is left of gt' after its regression on p', whose slope is a
        residual = (vx * vy - cov * cov) / (vx * vy)
        return inf if residual < _ROUNDING else decibel(residual, (x.maximum - x.minimum) / x.std)


def planes_of(
    x: npt.NDArray[Any], y: npt.NDArray[Any], *, join: bool
) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """The planes of both blocks, flattened; with ``join``, and where possible, all in one."""
    if join and x.flags.c_contiguous and y.flags.c_contiguous:
        return [(x.reshape(-1), y.reshape(-1))]
    return [
        (np.asarray(x[lead]).reshape(-1), np.asarray(y[lead]).reshape(-1))
        for lead in np.ndindex(x.shape[:-2])
    ]


def _integer_sums(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[int, ...]:
    """The six sums of integers."""
    sx = sy = xx = yy = xy = 0
    if x.dtype == y.dtype and x.dtype.itemsize <= 2 and x.dtype.isnative:
        sums = np.zeros(5, np.int64)
        for start in range(0, x.size, _MOST):
            sums[:] = 0
            part = slice(start, start + _MOST)
            kernels.whole_pair_sums(x[part], y[part], sums)
            px, py, pxx, pyy, pdd = (int(n) for n in sums)
            sx, sy, xx, yy, xy = sx + px, sy + py, xx + pxx, yy + pyy, xy + (pxx + pyy - pdd) // 2
    else:
        for start in range(0, x.size, _CHUNK):
            u, v = (_digits(a[start : start + _CHUNK]) for a in (x, y))
            sx += sum(weight * int(digits.sum()) for digits, weight in u)
            sy += sum(weight * int(digits.sum()) for digits, weight in v)
            xx, yy, xy = xx + _product(u, u), yy + _product(v, v), xy + _product(u, v)
    products = (xx, yy, xy, xx + yy - 2 * xy)
    return sx << _PLACES, sy << _PLACES, *(product << 2 * _PLACES for product in products)


_Digits: TypeAlias = list[tuple[npt.NDArray[np.float64], int]]


def _digits(line: npt.NDArray[Any]) -> _Digits:
    """Integers as float64 digits of 16 bits with their weights: their products stay exact."""
    if line.dtype.itemsize <= 2:
        return [(line.astype(np.float64), 1)]
    return [((line >> 16).astype(np.float64), 1 << 16), ((line & 0xFFFF).astype(np.float64), 1)]


def _product(u: _Digits, v: _Digits) -> int:
    return sum(wa * wb * int(a @ b) for a, wa in u for b, wb in v)


def _float_sums(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[int, ...]:
    """The six sums of a plane: rounded about a value near its mean, then moved exactly."""
    shifts = [float(a[:: max(1, a.size // _SHIFT_SAMPLES)].mean(dtype=np.float64)) for a in (x, y)]
    # two types of arrays, for which the loop is compiled; float64 holds what the others hold
    work = np.float32 if x.dtype == y.dtype == np.float32 else np.float64
    p, q = (np.ascontiguousarray(a, work) for a in (x, y))
    parts = np.empty((-(-x.size // kernels.SUMMED), 6))
    kernels.shifted_pair_sums(p, q, *shifts, parts)
    n, a, b = x.size, _units(shifts[0]), _units(shifts[1])
    su, sv, *rounded = (_units(fsum(column)) for column in parts.T.tolist())
    uu, vv, uv, dd = (product << _PLACES for product in rounded)
    return (
        su + n * a,
        sv + n * b,
        uu + a * (2 * su + n * a),
        vv + b * (2 * sv + n * b),
        uv + b * su + a * (sv + n * b),
        dd,
    )


def _units(value: float) -> int:
    """A float64 in units of 2^-_PLACES, exactly."""
    numerator, power_of_two = value.as_integer_ratio()
    return (numerator << _PLACES) // power_of_two


def count_clipped(x: npt.NDArray[Any], y: npt.NDArray[Any], low: float, high: float) -> int:
    """Voxels at an end of the range in the flat array ``y`` that are not so in ``x``."""
    # integers are compared with integers, which is quicker and means the same
    low_x, low_y = (floor(low) if a.dtype.kind in "iu" else low for a in (x, y))
    high_x, high_y = (ceil(high) if a.dtype.kind in "iu" else high for a in (x, y))
    if x.dtype == y.dtype and x.dtype.isnative and x.dtype.str[1:] in ("u1", "u2", "f4", "f8"):
        ends: list[Any] = [x.dtype.type(end) for end in (low_y, high_y) if x.dtype.kind == "f"]
        # an end beyond the type's range may as well be the first number outside it
        ends = ends or [np.int32(min(max(end, -1), 1 << 16)) for end in (low_y, high_y)]
        total = np.zeros(1, np.int64)
        kernels.clipped_count(x, y, *ends, total)
        return int(total[0])
    count = 0
    for start in range(0, x.size, _CHUNK):
        p, q = x[start : start + _CHUNK], y[start : start + _CHUNK]
        count += int(np.count_nonzero((q <= low_y) & (p > low_x)))
        count += int(np.count_nonzero((q >= high_y) & (p < high_x)))
    return count

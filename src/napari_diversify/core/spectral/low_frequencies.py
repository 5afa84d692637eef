"""The low frequencies of a whole volume, kept, and any plane evaluated from them.

A filter along z, y and x together needs the whole volume for each voxel. Only
the coefficients below the cutoff are needed again, so only they are kept: at
half the Nyquist frequency an eighth of the volume. A plane is then one sum
along z over them, in a fixed order, and one inverse transform.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt
import scipy

from ..blocks import in_slabs
from . import compiled as kernels
from .cutoff import Shape, check_filter
from .dct import LINES, Coefficients, inverse_of


@dataclass(frozen=True, eq=False)
class LowFrequencies:
    """The low corner of a volume's orthonormal DCT-II.

    Attributes
    ----------
    shape : tuple of int
        (Z, Y, X) of the volume.
    coefficients : numpy.ndarray of float32, shape (at most Z, Y, X)
        The coefficients from 0 on along each axis.
    """

    shape: tuple[int, ...]
    coefficients: Coefficients

    @property
    def nbytes(self) -> int:
        """Bytes that the coefficients take."""
        return self.coefficients.nbytes

    def plane(
        self, z: int, cutoff: float, shape: Shape = "radial", taper: float = 0.0
    ) -> npt.NDArray[np.float32]:
        """Plane z of the low-passed volume; see :func:`lowpass` for the parameters.

        Exact for cutoffs up to the one that the coefficients were kept for.
        """
        check_filter(cutoff, shape, taper)
        c = self.coefficients
        u = np.arange(c.shape[0])
        depth = self.shape[0]
        wave = np.cos(np.pi * u * (z + 0.5) / depth) * np.sqrt(np.where(u == 0, 1, 2) / depth)
        f = [np.arange(n) / whole for n, whole in zip(c.shape, self.shape, strict=True)]
        options = (float(cutoff), get_args(Shape).index(shape), float(taper))

        def rows(part: slice, out: npt.NDArray[np.float32]) -> None:
            out[...] = 0
            kernels.lowpass_plane(
                c[:, part], wave.astype(np.float32), f[0], f[1][part], f[2], *options, out
            )

        return inverse_of(self.shape[1:], rows, c.shape[1])


def kept_shape(shape: Sequence[int], cutoff: float) -> tuple[int, ...]:
    """How many coefficients along each axis a cutoff, in units of Nyquist, may need."""
    z, y, x = (int(np.count_nonzero(np.arange(n) / n < cutoff)) for n in shape)
    return z, y, min(shape[-1], -(-x // LINES) * LINES)


def needed_memory(shape: Sequence[int], cutoff: float) -> int:
    """Bytes that :func:`low_frequencies` takes at its peak."""
    z, y, x = kept_shape(shape, cutoff)
    return 4 * y * x * (shape[0] + z)


def low_frequencies(
    shape: Sequence[int], coefficients: Callable[[int], Coefficients], cutoff: float
) -> Generator[tuple[int, int], None, LowFrequencies]:
    """Transform a volume plane by plane and keep what lies below a cutoff.

    A generator, to be stopped between pieces: yields (planes done, planes).

    Parameters
    ----------
    shape : sequence of int
        (Z, Y, X) of the volume.
    coefficients : callable
        ``coefficients(z)`` is the DCT-II of the plane z.
    cutoff : float
        Highest cutoff that is going to be asked for, in units of Nyquist.
    """
    depth, (kept_z, kept_y, kept_x) = shape[0], kept_shape(shape, cutoff)
    stack = np.empty((depth, kept_y, kept_x), np.float32)
    for z in range(depth):
        yield z, depth
        stack[z] = coefficients(z)[:kept_y, :kept_x]

    def rows(part: slice) -> None:
        # always the same lines together, whatever the cutoff: rounding may depend on that
        for y in range(part.start, part.stop):
            for x in range(0, kept_x, LINES):
                lines = np.ascontiguousarray(stack[:, y, x : x + LINES])
                stack[:, y, x : x + LINES] = scipy.fft.dct(lines, type=2, norm="ortho", axis=0)

    in_slabs(rows, kept_y, stack.size)
    yield depth, depth
    return LowFrequencies(tuple(shape), stack if kept_z == depth else stack[:kept_z].copy())

"""From fluorescence to grey levels: blur, uneven light, camera; for any region by itself.

A specimen is a function that gives its fluorescence in any region of the voxel
grid, beyond the border of the field too. What the camera records of a region is
then the same, bit for bit, whichever region it is asked for in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..blocks import Region, in_slabs, region_shape
from ..noise import normal_region
from . import compiled as kernels
from .field import in_three, three

Light = Callable[[Region], npt.NDArray[np.float32]]

#: Streams of the noise: texture takes two, the camera one.
TEXTURE, CAMERA = (1, 2), 0
_REACH = 3.0  # standard deviations after which the blur is cut off


@dataclass(frozen=True)
class Microscope:
    """How a microscope turns fluorescence into grey levels.

    Parameters
    ----------
    blur, axial_blur : float
        Standard deviation of the Gaussian point-spread function within planes
        and along z, in micrometres.
    shading : float
        Share of the light that is missing in the darkest corner of the field.
    signal, background : float
        Grey levels of fluorescence 1, and of none, above the offset.
    offset, read_noise : float
        Grey level of no light, and the standard deviation of the camera's noise there.
    gain : float
        Photo-electrons per grey level: fewer give more shot noise.
    """

    blur: float = 0.16
    axial_blur: float = 0.45
    shading: float = 0.3
    signal: float = 3000.0
    background: float = 45.0
    offset: float = 100.0
    read_noise: float = 4.0
    gain: float = 2.0

    def weights(self, spacing: Sequence[float]) -> list[npt.NDArray[np.float32]]:
        """One half of the blur along (z, y, x), middle first; images are blurred along y, x."""
        ndim = len(spacing)
        _, size = in_three((1,) * ndim, spacing)
        sigmas = (self.axial_blur if ndim == 3 else 0.0, self.blur, self.blur)
        return [_half_gaussian(s / step) for s, step in zip(sigmas, size, strict=True)]

    def record(
        self,
        light: Light,
        region: Region,
        shape: Sequence[int],
        spacing: Sequence[float],
        seed: int,
    ) -> npt.NDArray[np.uint16]:
        """Grey levels of a gapless region of a field.

        Parameters
        ----------
        light : callable
            Fluorescence (float32) of a region (z, y, x), which may reach beyond the field.
        region : tuple of range
            As many axes as the field.
        shape, spacing : sequence
            Of the whole field: two or three axes, micrometres.
        seed : int
            Of the noise.
        """
        given, region = region, three(region)
        weights = self.weights(spacing)
        wide = tuple(
            range(r.start - len(w) + 1, r.stop + len(w) - 1)
            for r, w in zip(region, weights, strict=True)
        )
        grey = _blurred(light(wide), weights)
        full, _ = in_three(shape, spacing)
        grey *= np.float32(self.signal)
        grey += np.float32(self.background)
        if self.shading > 0:
            grey *= self._shade(region, full, seed)
        noise = normal_region(full, region, seed, stream=CAMERA)
        noise *= np.sqrt(grey * np.float32(1.0 / self.gain) + np.float32(self.read_noise**2))
        grey += noise
        grey += np.float32(self.offset)
        np.rint(grey, out=grey)
        grey = np.clip(grey, 0, np.iinfo(np.uint16).max)
        return grey.astype(np.uint16).reshape(region_shape(given))

    def _shade(
        self, region: Region, shape: tuple[int, int, int], seed: int
    ) -> npt.NDArray[np.float32]:
        """Light that falls with the square of the distance from a place near the middle."""
        middle = 0.5 + 0.2 * (np.random.default_rng(seed).random(2) - 0.5)
        worst, terms = 0.0, []
        for r, n, c in zip(region[1:], shape[1:], middle, strict=True):
            terms.append(((np.asarray(r) + 0.5) / n - c) ** 2)
            worst += max(c, 1.0 - c) ** 2
        return np.asarray(1.0 - self.shading / worst * np.add.outer(*terms), np.float32)


def _half_gaussian(sigma: float) -> npt.NDArray[np.float32]:
    """Weights of a Gaussian that sum to 1 with both sides; ``sigma`` in voxels."""
    reach = math.ceil(_REACH * sigma)
    if sigma < 0.1:  # narrower than a voxel can show
        return np.ones(1, np.float32)
    w = np.exp(-0.5 * np.square(np.arange(reach + 1) / sigma))
    return np.asarray(w / (2.0 * w.sum() - w[0]), np.float32)


def _blurred(
    block: npt.NDArray[np.float32], weights: Sequence[npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """The block blurred along each axis, and shorter by the reach of the weights on each side."""
    for axis, w in enumerate(weights):
        n = len(w) - 1
        if n == 0:
            continue
        shape = [size - 2 * n * (a == axis) for a, size in enumerate(block.shape)]
        out = np.empty(shape, np.float32)
        along = 0 if shape[0] > 1 else 1
        source = block

        def part(
            s: slice,
            source: npt.NDArray[np.float32] = source,
            out: npt.NDArray[np.float32] = out,
            axis: int = axis,
            along: int = along,
            w: npt.NDArray[np.float32] = w,
        ) -> None:
            more = 2 * (len(w) - 1) * (axis == along)
            cut = (slice(None),) * along
            kernels.blur_axis(
                source[(*cut, slice(s.start, s.stop + more))], w, axis, out[(*cut, s)]
            )

        in_slabs(part, shape[along], out.size)
        block = out
    return block


@dataclass(frozen=True)
class Texture:
    """Random grain, fixed in the field: noise at the points of a lattice, eased between them.

    Parameters
    ----------
    strength : float
        Standard deviation, as a share of the brightness.
    grain : float
        Distance between the points in micrometres.
    """

    strength: float = 0.2
    grain: float = 1.2

    def lattices(
        self, region: Region, shape: Sequence[int], spacing: Sequence[float], seed: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float64], float]:
        """Points around a region (z, y, x): two lattices, where they begin, and their scale."""
        full, size = in_three(shape, spacing)
        ndim = len(shape)
        # positions must not be negative in the halo of a blur, which is narrower than this
        before = np.full(3, 128.0 * self.grain)
        before[: 3 - ndim] = -0.5  # a plane lies on the points, with nothing between
        blocks, begins = [], []
        for finer, stream in zip((1.0, 2.0), TEXTURE, strict=True):
            grain = self.grain / finer
            whole = [
                math.ceil((n * s + 2.0 * max(b, 0.0)) / grain) + 2
                for n, s, b in zip(full, size, before, strict=True)
            ]
            near = tuple(
                range(
                    math.floor((b + (r.start + 0.5) * s) / grain),
                    math.floor((b + (r.stop - 0.5) * s) / grain) + 3,
                )
                for r, s, b in zip(region, size, before, strict=True)
            )
            blocks.append(normal_region(whole, near, seed, stream=stream))
            begins += [float(r.start) for r in near]
        # easing between points lowers the variance: 26/35 of it remain along each axis
        scale = (26.0 / 35.0) ** (-ndim / 2.0) / math.sqrt(1.25)
        return blocks[0], blocks[1], np.array([*before, *begins]), scale

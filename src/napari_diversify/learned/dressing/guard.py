"""The guard of a dressing: what a picture passes before anybody looks at it.

A low-pass, the shape and taper of :class:`.LowPass`, and then noise as strong as that of the
detector. In a training it stands between generator and back-translation: a signal that it takes
away or drowns cannot be used to hide the mask. Importing this loads PyTorch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...core.spectral.cutoff import gain_of, keeps_all
from ..card import DressingShape


def guarded(pictures: Tensor, shape: DressingShape, noise: Tensor) -> Tensor:
    """Pictures (N, 1, Y, X), low-passed, with noise.

    ``noise`` is standard-normal and of the shape of the pictures; its strength follows the light,
    in the units of the network.
    """
    calm = low_passed(pictures, shape.cutoff, shape.taper)
    a, b, least = shape.noise
    if not any(shape.noise):
        return calm
    # how strong the noise is must not become another way to write something down
    deviation = (a + b * calm.detach()).clamp(min=max(least, 0.0)).sqrt()
    return calm + deviation * noise


def low_passed(pictures: Tensor, cutoff: float, taper: float) -> Tensor:
    """Pictures (N, 1, Y, X) without their high frequencies: P(x) = C^T (M . (C x C^T)) C."""
    height, width = (int(n) for n in pictures.shape[-2:])
    if keeps_all((height, width), cutoff, "radial", taper):
        return pictures
    rows, columns, gain = (
        t.to(pictures.device, torch.float32) for t in _matrices(height, width, cutoff, taper)
    )
    # a matrix product in half precision would leave more than it takes away
    with torch.autocast(pictures.device.type, enabled=False):
        coefficients = rows @ pictures.float() @ columns.T
        low: Tensor = rows.T @ (gain * coefficients) @ columns
    return low


@lru_cache(maxsize=16)
def _matrices(height: int, width: int, cutoff: float, taper: float) -> tuple[Tensor, ...]:
    """The DCT-II along both axes, and the gain of each coefficient."""
    gain = np.empty((height, width), np.float32)
    found = gain_of((height, width), cutoff, "radial", taper)
    found.multiply(np.ones_like(gain), slice(0, height), gain)
    return tuple(torch.from_numpy(m) for m in (_cosines(height), _cosines(width), gain))


def _cosines(n: int) -> npt.NDArray[np.float32]:
    """Orthonormal DCT-II as a matrix."""
    u, x = np.arange(n)[:, None], np.arange(n)[None]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * u * (2 * x + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    cosines: npt.NDArray[np.float32] = matrix.astype(np.float32)
    return cosines

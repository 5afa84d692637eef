"""Diffusion in a cube: how noise comes in, and how a shape comes out of it.

    x_u = cos(pi u / 2) x_0 + sin(pi u / 2) noise,    u from 0 (a shape) to 1 (noise)

The network predicts x_0, the shape itself: predicting the noise leaves speckle that only long
training removes. A sample is drawn by DDIM (Song et al. 2021), without noise on the way: it is
a function of network, picture, seed and number.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy

from ...core.noise import normal_field, seed_for
from ..needs import torch
from .pictures import Floats

if TYPE_CHECKING:
    from torch import Tensor

    from ..card import DiffusionShape

_MASK_ONLY = np.array([1, 0], np.float32)[:, None, None]
_FAR = 4.0  # voxels: surfaces further away all look the same


def target(cube: npt.NDArray[np.bool_], kind: str) -> Floats:
    """What a network is to predict of a shape: above 0 inside, below outside, from -1 to 1."""
    if kind == "mask":
        return np.where(cube, 1, -1).astype(np.float32)
    edt = scipy.ndimage.distance_transform_edt
    return (np.clip(edt(cube) - edt(~cube), -_FAR, _FAR) / _FAR).astype(np.float32)


def amounts(u: float) -> tuple[float, float]:
    """How much of x_u is shape, and how much noise.

    Examples
    --------
    >>> [round(amount, 2) for amount in amounts(1 / 3)]
    [0.87, 0.5]
    """
    return math.cos(math.pi / 2 * u), math.sin(math.pi / 2 * u)


def noise_of(shape: DiffusionShape, seed: int, name: str, number: int) -> Floats:
    """The noise that a sample of an object begins with."""
    side = shape.side
    return normal_field((side, side, side), seed_for(seed, name), sample=number)


def draw(net: Any, shape: DiffusionShape, seen: Floats, noise: Floats) -> Floats:
    """Draw a sample of one object.

    Parameters
    ----------
    net : torch.nn.Module
        As :func:`napari_diversify.learned.load` gives it, on any device.
    shape : DiffusionShape
        Of it.
    seen : array, shape (2, side, side)
        As :func:`.pictures.seen` gives it.
    noise : array, shape (side, side, side)
        As :func:`noise_of` gives it.

    Returns
    -------
    numpy.ndarray of float32, shape (side, side, side)
        From -1 to 1, above 0 inside the shape.

    References
    ----------
    .. [1] J. Song, C. Meng and S. Ermon, "Denoising diffusion implicit models", ICLR (2021).
    """
    package = torch()
    device = next(net.parameters()).device
    given = package.from_numpy(seen[None] if shape.image else seen[None] * _MASK_ONLY).to(device)
    x: Tensor = package.from_numpy(noise[None]).to(device)
    with package.inference_mode():
        for k in range(shape.draws):
            u, after = 1 - k / shape.draws, 1 - (k + 1) / shape.draws
            at = package.full((1,), u, dtype=package.float32, device=device)
            predicted = net(x, at, given).clamp(-1, 1)
            of_shape, of_noise = amounts(u)
            left = (x - of_shape * predicted) / of_noise
            of_shape, of_noise = amounts(after)
            x = of_shape * predicted + of_noise * left
    result: Floats = predicted[0].cpu().numpy()
    return result

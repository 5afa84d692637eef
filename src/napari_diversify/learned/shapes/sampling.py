"""Diffusion in a cube: how noise comes in, and how a shape comes out of it.

    x_u = cos(a) x_0 + sin(a) noise,    tan(a) = shift tan(pi u / 2)

with u from 0 (a shape) to 1 (noise).

As thousands of voxels belong together, a shape can be told from a few per cent of it: without the
shift, nearly all of the way would lie behind the point where it is decided which shape it becomes
(Hoogeboom et al. 2023), and samples would all be the mean.

The network predicts x_0, the shape itself: predicting the noise leaves speckle that only long
training removes. A sample is drawn by DDIM (Song et al. 2021), without noise on the way: it is
a function of network, picture, seed and number.
"""

from __future__ import annotations

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


def amounts(u: npt.ArrayLike, shift: float) -> tuple[Any, Any]:
    """How much of x_u is shape, and how much noise.

    Examples
    --------
    >>> [round(float(amount), 2) for amount in amounts(1 / 3, 1.0)]
    [0.87, 0.5]
    """
    angle = np.pi / 2 * np.asarray(u, np.float64)
    shape, noise = np.cos(angle), shift * np.sin(angle)
    whole = np.hypot(shape, noise)
    return shape / whole, noise / whole


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
    .. [2] E. Hoogeboom, J. Heek and T. Salimans, "Simple diffusion: end-to-end diffusion for high
       resolution images", ICML (2023).
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
            of_shape, of_noise = map(float, amounts(u, shape.shift))
            left = (x - of_shape * predicted) / of_noise
            of_shape, of_noise = map(float, amounts(after, shape.shift))
            x = of_shape * predicted + of_noise * left
    result: Floats = predicted[0].cpu().numpy()
    return result

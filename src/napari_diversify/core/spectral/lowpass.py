"""Low-pass in the DCT domain, and the high-frequency signal that it takes away.

Generators trained with a cycle hide a faint, high-frequency copy of their input
in their output; setting the high coefficients of the DCT to zero removes it
(after Utz et al. 2023). Which coefficients they zeroed is not known to us: the
shapes and the default here are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import skimage

from ..blocks import exhaust
from ..checks import check_intensities
from .cutoff import Gain, Shape, check_filter, gain_of
from .dct import Coefficients, forward, inverse_of
from .low_frequencies import low_frequencies


def filtered(coefficients: Coefficients, gain: Gain) -> npt.NDArray[np.float32]:
    """The plane that has these coefficients, each multiplied by its gain."""
    return inverse_of(
        coefficients.shape, partial(gain.multiply, coefficients), gain.rows, coefficients
    )


def lowpass(
    image: npt.ArrayLike,
    cutoff: float,
    *,
    shape: Shape = "radial",
    taper: float = 0.0,
    axes: Sequence[int] = (-2, -1),
) -> npt.NDArray[np.float32]:
    """Remove all frequencies from a cutoff upwards.

    Parameters
    ----------
    image : array_like of int or float
        Finite intensities, in any unit.
    cutoff : float
        Greater than 0, in units of the Nyquist frequency of each axis (half a
        cycle per voxel). Coefficient (u, v) of an H x W plane is kept if ...
    shape : {"radial", "square", "triangular"}, optional
        ... (u/H)^2 + (v/W)^2 < cutoff^2 for ``radial``, both u/H and v/W <
        cutoff for ``square``, u/H + v/W < cutoff for ``triangular``; likewise
        in 3D. So nothing is removed from a cutoff of sqrt(d), 1 and d upwards,
        where d is the number of axes.
    taper : float, optional
        0 cuts sharply, which rings beside edges. Otherwise the upper share
        ``taper`` (up to 1) of the band falls off as a cosine.
    axes : sequence of int, optional
        Axes to filter together: the last two by default, each plane by itself.
        ``(-3, -2, -1)`` filters volumes.

    Returns
    -------
    numpy.ndarray of float32, shape of ``image``
        Not clipped: it may overshoot the range of the image.

    Raises
    ------
    TypeError, ValueError
        If the image cannot be filtered or a parameter is out of range.

    References
    ----------
    .. [1] J. Utz et al., "Focus on content not noise: improving image generation
       for nuclei segmentation by suppressing steganography in CycleGAN",
       ICCV workshop on bioimage computing (2023). The mask shapes are ours.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import lowpass
    >>> slow, fast = (np.cos(np.pi * u * (np.arange(8) + 0.5) / 8) for u in (1, 6))
    >>> image = np.tile(slow + fast, (4, 1))
    >>> bool(np.allclose(lowpass(image, cutoff=0.5), slow, atol=1e-6))
    True
    """
    array = check_intensities(image)
    ordered = sorted(a + array.ndim if a < 0 else a for a in axes)
    last = [array.ndim - n for n in range(len(axes), 0, -1)]
    if len(axes) not in (2, 3) or len(axes) > array.ndim or ordered != last:
        raise ValueError(
            f"axes must be the last two or three of the image's {array.ndim}; got {tuple(axes)}"
        )
    check_filter(cutoff, shape, taper)
    out = np.empty(array.shape, np.float32)
    for lead in np.ndindex(array.shape[: -len(axes)]):
        image = array[lead]
        if len(axes) == 2:
            out[lead] = filtered(forward(image), gain_of(image.shape, cutoff, shape, taper))
            continue
        low = exhaust(low_frequencies(image.shape, partial(_spectrum, image), cutoff))
        for z in range(len(image)):
            out[lead][z] = low.plane(z, cutoff, shape, taper)
    return out


def _spectrum(volume: npt.NDArray[Any], z: int) -> Coefficients:
    return forward(volume[z])


@dataclass(frozen=True, eq=False)
class HiddenSignal:
    """What a low-pass takes away, made visible.

    Attributes
    ----------
    removed : numpy.ndarray of float32
        image - lowpass(image), in the unit of the image.
    scaled : numpy.ndarray of float32
        The same with -3 to +3 standard deviations mapped to [0, 1] and clipped.
    equalised : numpy.ndarray of float32
        ``scaled`` after adaptive histogram equalisation, each plane by itself.
    energy_share : float
        Energy of ``removed`` as a share of the energy of the image about its
        mean, 0 to 1.
    """

    removed: npt.NDArray[np.float32]
    scaled: npt.NDArray[np.float32]
    equalised: npt.NDArray[np.float32]
    energy_share: float


def hidden_signal(
    image: npt.ArrayLike,
    cutoff: float,
    *,
    shape: Shape = "radial",
    taper: float = 0.0,
    axes: Sequence[int] = (-2, -1),
) -> HiddenSignal:
    """Show what :func:`lowpass` would take away, which may hold a hidden picture.

    Parameters
    ----------
    image, cutoff, shape, taper, axes
        See :func:`lowpass`.

    Returns
    -------
    HiddenSignal

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import hidden_signal
    >>> smooth = np.linspace(0, 1, 64) * np.ones((64, 1))
    >>> hidden_signal(smooth, cutoff=0.5).energy_share < 1e-4
    True
    """
    array = check_intensities(image).astype(np.float32)
    removed = array - lowpass(array, cutoff, shape=shape, taper=taper, axes=axes)
    scaled = _scaled(removed)
    equalised = np.stack([_equalised(scaled[lead]) for lead in np.ndindex(array.shape[:-2])])
    share = energy_share(array, removed)
    return HiddenSignal(removed, scaled, equalised.reshape(array.shape), share)


def equalised_plane(removed: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """:attr:`HiddenSignal.equalised` of a single plane, from what was taken away of it."""
    return _equalised(_scaled(removed))


def energy_share(image: npt.NDArray[Any], removed: npt.NDArray[Any]) -> float:
    """Energy of what was taken away as a share of the image's about its mean, 0 to 1."""
    energy = float(np.square(image - image.mean(dtype=np.float64), dtype=np.float64).sum())
    share = float(np.square(removed, dtype=np.float64).sum()) / energy if energy > 0 else 0.0
    return min(share, 1.0)


def _scaled(removed: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    spread = float(removed.std())
    if spread == 0:
        return np.full_like(removed, 0.5)
    scaled: npt.NDArray[np.float32] = np.clip(removed / (6 * spread) + 0.5, 0, 1)
    return scaled


def _equalised(scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if scaled.min() == scaled.max():
        return scaled
    return np.asarray(skimage.exposure.equalize_adapthist(scaled), np.float32)

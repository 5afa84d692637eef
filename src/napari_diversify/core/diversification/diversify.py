"""Image diversification: I~ = w_i * I + w_v * σ * n (Eschweiler et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..blocks import Region, in_slabs, region_shape
from ..grey_levels import GreyLevels
from ..noise import counter_and_key, numbering, table
from . import compiled as kernels
from .local_std import in_windows


def diversify(
    image: npt.ArrayLike,
    sigma: npt.ArrayLike,
    noise: npt.ArrayLike,
    w_i: float = 1.0,
    w_v: float = 1.0,
    *,
    clip: tuple[float, float] | None = (0.0, 1.0),
) -> npt.NDArray[np.float32]:
    """Weigh the signal and add noise as strong as the local standard deviation.

    Parameters
    ----------
    image : array_like, any shape
        Intensities I, usually mapped to [0, 1].
    sigma : array_like, shape of ``image``
        Its local standard deviation, from :func:`local_std`, in the same unit.
    noise : array_like, shape of ``image``
        Standard-normal values n, from :func:`normal_field`.
    w_i : float, optional
        Weight of the image; below 1 the specimen gets dimmer. The paper's
        demonstration draws it from 0.2 to 1.8.
    w_v : float, optional
        Weight of the noise; 0 adds none. The paper's demonstration draws it
        from 0 to 8.
    clip : (float, float) or None, optional
        Lowest and highest value of the result, like those of a detector that
        saturates; None leaves the values as they are.

    Returns
    -------
    numpy.ndarray of float32, shape of ``image``
        clip(w_i * I + (w_v * σ) * n), in single precision, in this order.

    Raises
    ------
    ValueError
        If shapes differ, a weight is not finite, or clip is not (low, high)
        with low < high.

    References
    ----------
    .. [1] D. Eschweiler, J. Schock, J. Stegmaier, "Image diversification",
       SASHIMI workshop at MICCAI (2022).

    Examples
    --------
    >>> from napari_diversify.core import diversify
    >>> diversify([0.5, 0.5], [0.1, 0.0], [-2.0, 3.0], w_i=0.8, w_v=1.0).round(3)
    array([0.2, 0.4], dtype=float32)
    """
    arrays = [np.ascontiguousarray(a, dtype=np.float32) for a in (image, sigma, noise)]
    shape = np.shape(image)
    if any(np.shape(a) != shape for a in (sigma, noise)):
        raise ValueError(
            "image, sigma and noise must have the same shape; got "
            f"{shape}, {np.shape(sigma)} and {np.shape(noise)}"
        )
    if not (np.isfinite(w_i) and np.isfinite(w_v)):
        raise ValueError(f"the weights must be finite; got w_i={w_i!r}, w_v={w_v!r}")
    low, high = (-np.inf, np.inf) if clip is None else clip
    if not low < high:
        raise ValueError(f"clip must be (low, high) with low < high; got {clip!r}")
    flat = [a.reshape(-1) for a in arrays]
    out = np.empty(flat[0].size, np.float32)

    def part(s: slice) -> None:
        kernels.diversify_flat(
            *(a[s] for a in flat), *(np.float32(v) for v in (w_i, w_v, low, high)), out[s]
        )

    in_slabs(part, out.size, out.size)
    return out.reshape(shape)


@dataclass(frozen=True)
class NoiseField:
    """The noise of an image: part of the field ``normal_field(shape, seed, ...)``.

    Attributes
    ----------
    shape : tuple of int
        Of the whole field.
    lead : tuple of int
        Place of the image along its first axes, which are not spatial.
    seed, sample, stream : int
        See :func:`.normal_field`.
    """

    shape: tuple[int, ...]
    lead: tuple[int, ...]
    seed: int
    sample: int
    stream: int


def diversify_grey(
    block: npt.NDArray[Any],
    block_region: Region,
    region: Region,
    shape: Sequence[int],
    window: Sequence[int],
    levels: GreyLevels,
    noise: NoiseField,
    w_i: float,
    w_v: float,
) -> npt.NDArray[Any]:
    """Diversify ``region`` of an image in its own grey levels, in one pass.

    The bits of :func:`.local_std_region` of the unit values, :func:`.normal_field`,
    :func:`diversify` and rounding, without an array for each of them.

    Parameters
    ----------
    block : ndarray of integers of up to 16 bits
        The image in ``block_region``, at least the source region of the σ map.
    block_region, region, shape, window
        As for :func:`.local_std_region`, with a stride of 1.
    levels : GreyLevels
        How grey levels are mapped to unit values and back.
    noise : NoiseField
        Where the noise is drawn.
    w_i, w_v : float
        Weights of the image and of the noise.

    Returns
    -------
    numpy.ndarray of the dtype of ``block``, shape of ``region``
    """
    block = np.ascontiguousarray(block, block.dtype.newbyteorder("="))
    out = np.empty(region_shape(region), block.dtype)
    whole = (*(range(i, i + 1) for i in noise.lead), *region)
    first, *growth = numbering(noise.shape, whole)
    number = first, growth[-3] if len(region) == 3 else 0, growth[-2]
    weights = np.float32(w_i), np.float32(w_v), levels.bottom, levels.top
    field = (*counter_and_key(noise.seed, noise.sample, noise.stream), table())
    mixing = weights, number, *field
    in_windows((levels.low, levels.width), mixing, out, block, block_region, region, shape, window)
    return out

"""Image diversification: I~ = w_i * I + w_v * σ * n (Eschweiler et al. 2022)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .. import compiled as kernels
from ..blocks import in_slabs


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

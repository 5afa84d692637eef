"""Deep-tissue contrast loss, undone: the inverse of our own forward model.

The model of :mod:`.contrast` multiplies each DCT-II coefficient of a plane with a known gain H,
and puts noise in the place of what is lost: 1 - H^2 of its power N. The Wiener filter of that,

    W = H (1 + e / s) / (H^2 + (1 - H^2) N / (s P) + e / s)

divides by H where there is signal, keeps from raising noise, and leaves alone what tissue has
not touched. N is measured in the plane, by the photon-transfer law. P is the power of the signal
before the tissue: that of the plane at this frequency minus twice N, over H^2, and N itself where
nothing is left of that, the signal being hidden. The small constant e stands for how little is
known of the tissue: frequencies of which next to nothing has arrived are not raised without
bounds. s is the strength, 1 by default.

Richardson-Lucy is the other method: iterations that never leave positive values, for the same H.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ..checks import check_intensities
from ..spectral import compiled as kernels
from ..spectral.dct import Coefficients, forward, inverse_of
from .contrast import PlaneFilter, Tissue, plane_filter
from .depth import planes_and_depths
from .detector_noise import photon_transfer

Method: TypeAlias = Literal["wiener", "richardson-lucy"]

#: The constant e: gains are known to about 6 % of that of the mean, at best.
_DOUBT = 4e-3
#: Rings of frequencies, from 0 to the highest in the corner of a plane; at most 256.
_RINGS = 128
#: Coefficients in a band of rings, or more, so that its power is hardly a matter of chance.
_LEAST = 32
#: Deviations by which the weakest of all bands may fall below their power by chance.
_CHANCE = 3.5
#: By how much an even loss of light, or a pedestal, is undone at most.
_MOST = 1e3


@lru_cache(maxsize=4)
def _bands(
    shape: tuple[int, int], spacing: tuple[float, float]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Bands of frequencies by their distance from 0: the end of each in each row, and its size."""
    fy, fx = (np.arange(n) / (n * s) for n, s in zip(shape, spacing, strict=True))
    furthest = np.hypot(1 / spacing[0], 1 / spacing[1])
    rings = np.empty(shape, np.uint8)
    for ring, f in zip(rings, fy, strict=True):
        ring[:] = np.minimum(np.hypot(f, fx) / furthest * _RINGS, _RINGS - 1)
    sizes = np.bincount(rings.ravel(), minlength=_RINGS)
    last, members, left = [], 0, rings.size  # ring of each band
    for n, size in enumerate(sizes):
        members, left = members + size, left - size
        if members > _LEAST < left:
            last.append(n)
            members = 0
    last.append(_RINGS - 1)
    ends = np.array([np.searchsorted(row, last, side="right") for row in rings], np.int32)
    return ends, np.diff(ends, axis=1, prepend=0).sum(axis=0, dtype=np.int64)


def noise_to_signal(
    plane: npt.NDArray[np.float32], coefficients: Coefficients, spacing: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Power of the noise over that of the signal in a plane, as it is, by band of frequencies.

    Infinite where the noise hides the signal.
    """
    ends, size = _bands(plane.shape, tuple(spacing[-2:]))
    power = np.zeros(size.size)
    kernels.band_power(coefficients, ends, power)
    mean = power / np.maximum(size - (np.arange(size.size) == 0), 1)
    a, b = photon_transfer(plane)
    # structure can pass for noise; but white noise is no stronger than the weakest band
    most = (mean * np.exp(_CHANCE * np.sqrt(2 / size))).min()
    noise = min(max(a + b * float(plane.mean(dtype=np.float64)), 0.0), most)
    signal = mean - 2 * noise
    seen = signal > 0
    return np.where(seen, noise / np.where(seen, signal, 1), np.inf).astype(np.float32)


def _even(filt: PlaneFilter) -> tuple[float, float]:
    """What is left of the mean, and of all other frequencies before any blur; never nearly 0."""
    mean, rest = float(filt.mean.sum()), float(filt.blur.sum() + filt.halo.sum())
    return max(mean, 1 / _MOST), max(rest, 1 / _MOST)


def wiener_plane(
    coefficients: Coefficients,
    filt: PlaneFilter,
    ratio: npt.NDArray[np.float32],
    spacing: Sequence[float],
    offset: float,
    strength: float,
) -> npt.NDArray[np.float32]:
    """A plane whose coefficients have been filtered; ``ratio`` is its :func:`noise_to_signal`."""
    ends = _bands(coefficients.shape, tuple(spacing[-2:]))[0]
    mean, rest = _even(filt)
    blur, halo = (np.float32(a.sum() / rest) for a in (filt.blur, filt.halo))
    known = np.isfinite(ratio)
    seen = np.where(known, ratio / strength, 0).astype(np.float32)
    hidden = np.where(known, 0, 1 / strength).astype(np.float32)
    doubt = np.float32(_DOUBT / strength)
    dark = offset * np.sqrt(coefficients.size)

    def rows(part: slice, out: npt.NDArray[np.float32]) -> None:
        factors = filt.by[part], filt.bx, filt.hy[part], filt.hx, blur, halo
        kernels.wiener(coefficients[part], ends[part], *factors, seen, hidden, doubt, out)
        out *= np.float32((1 + doubt) / rest)
        if part.start == 0:
            out[0, 0] = np.float32(dark + (coefficients[0, 0] - dark) / mean)

    return inverse_of(coefficients.shape, rows)


def richardson_lucy_plane(
    plane: npt.NDArray[np.float32], filt: PlaneFilter, offset: float, iterations: int
) -> npt.NDArray[np.float32]:
    """A plane after some iterations of Richardson and Lucy, which begin with the plane itself.

    What lies below the offset counts as no light.
    """
    mean = _even(filt)[0]
    blur, halo = (np.float32(a.sum() / mean) for a in (filt.blur, filt.halo))

    def seen(light: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """How the model shows this light, without the loss that is the same everywhere."""
        c = forward(light)

        def rows(part: slice, out: npt.NDArray[np.float32]) -> None:
            factors = filt.by[part], filt.bx, filt.hy[part], filt.hx, blur, halo
            kernels.times_gain(c[part], *factors, out)
            if part.start == 0:
                out[0, 0] = c[0, 0]

        return inverse_of(c.shape, rows)

    measured = np.maximum(plane - np.float32(offset), np.float32(0)) / np.float32(mean)
    light: npt.NDArray[np.float32] = measured.copy()
    # rounding may leave less than nothing of what the model shows
    least = max(np.finfo(np.float32).eps * measured.max(), np.float32(1e-30))
    for _ in range(iterations):
        light *= seen(measured / np.maximum(seen(light), least))
        np.maximum(light, np.float32(0), out=light)
    light += np.float32(offset)
    return light


def restore_contrast(
    image: npt.ArrayLike,
    *,
    spacing: Sequence[float] | None = None,
    depth: float,
    tissue: Tissue | None = None,
    growing: bool = False,
    surface: int = 0,
    upwards: bool = False,
    method: Method = "wiener",
    strength: float = 1.0,
    iterations: int = 10,
) -> npt.NDArray[np.float32]:
    """Undo what tissue has done to an image: the inverse of :func:`degrade_contrast`.

    Plane by plane; light that the model mixes in from neighbouring planes stays there.

    Parameters
    ----------
    image : array_like of int or float, shape ([Z,] Y, X)
    spacing : sequence of float, optional
        Voxel size per axis in micrometres; by default 1 each, so that all
        lengths are in voxels.
    depth : float
        Depth of tissue to undo, micrometres, 0 or more.
    tissue : Tissue, optional
        The tissue; by default ``Tissue()``. Its ``context`` and ``axial_ratio`` are not used.
    growing, surface, upwards : optional
        Add each plane's own depth, as in :func:`degrade_contrast`.
    method : {"wiener", "richardson-lucy"}, optional
        A Wiener filter, which knows the noise of the image, or iterations that keep values
        positive, and raise noise the further they go.
    strength : float, optional
        Of the Wiener filter, greater than 0: 1 restores as much as the measured noise allows;
        more restores more, and more noise.
    iterations : int, optional
        Of Richardson and Lucy, 0 or more.

    Returns
    -------
    numpy.ndarray of float32, shape of ``image``
        In the unit of the image; not clipped.

    Raises
    ------
    TypeError, ValueError
        If the image cannot be used or a parameter is out of range.

    References
    ----------
    .. [1] N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series"
       (1949).
    .. [2] W. H. Richardson, "Bayesian-based iterative method of image restoration", J. Opt. Soc.
       Am. 62 (1972); L. B. Lucy, Astron. J. 79 (1974).

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import degrade_contrast, restore_contrast
    >>> stripes = np.tile([[0.0] * 8 + [1.0] * 8], (16, 4))
    >>> deep = degrade_contrast(stripes, extra_depth=50, noise=False)
    >>> restored = restore_contrast(deep, depth=50)
    >>> bool(abs(restored - stripes).mean() < 0.3 * abs(deep - stripes).mean())
    True
    """
    array = check_intensities(image)
    if array.ndim not in (2, 3):
        raise ValueError(f"image must have two or three axes; its shape is {array.shape}")
    tissue = tissue or Tissue()
    sizes, depths = planes_and_depths(
        array.shape, spacing, "depth", depth, growing=growing, surface=surface, upwards=upwards
    )
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}; got {method!r}")
    if not (np.isfinite(strength) and strength > 0):
        raise ValueError(f"strength must be greater than 0; got {strength!r}")
    if isinstance(iterations, bool) or int(iterations) != iterations or iterations < 0:
        raise ValueError(f"iterations must be a whole number, 0 or more; got {iterations!r}")
    volume = array.reshape((-1, *array.shape[-2:])).astype(np.float32)
    for plane, deep in zip(volume, depths, strict=True):
        if deep == 0:
            continue
        filt = plane_filter(plane.shape, sizes, tissue, float(deep))
        if method == "richardson-lucy":
            plane[:] = richardson_lucy_plane(plane, filt, tissue.offset, int(iterations))
        else:
            c = forward(plane)
            ratio = noise_to_signal(plane, c, sizes)
            plane[:] = wiener_plane(c, filt, ratio, sizes, tissue.offset, strength)
    return volume.reshape(array.shape)

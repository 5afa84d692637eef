"""PSNR of a diversified image: measured, expected, and solved for; and the contrast to expect.

Clipping makes the textbook formula for added noise wrong by many decibels at
high noise. The expected error is therefore integrated in closed form, clipped
Gaussian by clipped Gaussian, over the joint histogram of intensity and σ; no
noise is drawn. So is the expected contrast between the bright objects and the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
import skimage

from ..measures.psnr import decibel
from ..measures.visibility import ratio

#: Highest weight of the noise that :meth:`PsnrModel.solve` considers.
W_V_MAX = 32.0

_I_BINS, _SIGMA_BINS = 128, 64
_SCAN = 56
_DENSITY = 1 / np.sqrt(2 * np.pi)


def _density(n: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    density: npt.NDArray[np.float64] = _DENSITY * np.exp(-n * n / 2)
    return density


def _check_weights(w_i: float, w_v: float) -> tuple[float, float]:
    if not (np.isfinite([w_i, w_v]).all() and w_i >= 0 and w_v >= 0):
        raise ValueError(
            f"the weights must be finite and not negative; got w_i={w_i!r}, w_v={w_v!r}"
        )
    return float(w_i), float(w_v)


class PsnrHistogram:
    """Joint histogram of intensity and σ, filled block by block.

    Each bin keeps the number of its voxels, the sum of their intensities, and
    the sum of σ^2.
    """

    def __init__(self) -> None:
        self._sums = np.zeros((3, _I_BINS * _SIGMA_BINS))

    def add(self, image: npt.NDArray[Any], sigma: npt.NDArray[Any]) -> None:
        """Count the voxels of a block; both arrays have the same shape."""
        if image.shape != sigma.shape:
            raise ValueError(
                f"image and sigma must have the same shape; got {image.shape} and {sigma.shape}"
            )
        i, s = image.ravel(), sigma.ravel()
        # σ of values in [0, 1] is at most 1/2; the square root gives the many
        # voxels of low σ, which decide at high PSNR, bins of their own
        row = np.clip(i * _I_BINS, 0, _I_BINS - 1).astype(np.intp)
        column = np.clip(np.sqrt(2 * s) * _SIGMA_BINS, 0, _SIGMA_BINS - 1).astype(np.intp)
        bins = row * _SIGMA_BINS + column
        n = _I_BINS * _SIGMA_BINS
        self._sums[0] += np.bincount(bins, minlength=n)
        self._sums[1] += np.bincount(bins, weights=i, minlength=n)
        self._sums[2] += np.bincount(bins, weights=np.square(s, dtype=np.float64), minlength=n)

    def model(self) -> PsnrModel:
        """The PSNR model of all voxels counted so far."""
        count, i_sum, s_sum = self._sums[:, self._sums[0] > 0]
        if count.size == 0:
            raise ValueError("there is no voxel to model: the image is empty")
        return PsnrModel(count / count.sum(), i_sum / count, np.sqrt(s_sum / count))


@dataclass(frozen=True, eq=False)
class PsnrModel:
    """Expected PSNR of a diversified volume, for any pair of weights.

    Make one with :meth:`from_volume` or, piece by piece, :meth:`from_blocks`.
    The reference is the image clipped to [0, 1], the data range is 1 (the
    intensity range of the recipe), and every voxel counts, background included.

    Attributes
    ----------
    share : numpy.ndarray of float64, shape (n,)
        Share of the voxels in each occupied bin of the (I, σ) histogram.
    intensity, sigma : numpy.ndarray of float64, shape (n,)
        Mean intensity and root mean square of σ in each bin.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import PsnrModel
    >>> model = PsnrModel.from_volume(np.full((4, 4), 0.5), np.full((4, 4), 0.05))
    >>> round(model.expected(w_i=1.0, w_v=1.0), 2)
    26.02
    >>> round(model.solve(20.0), 3)
    2.0
    """

    share: npt.NDArray[np.float64]
    intensity: npt.NDArray[np.float64]
    sigma: npt.NDArray[np.float64]

    @classmethod
    def from_volume(cls, image: npt.ArrayLike, sigma: npt.ArrayLike) -> PsnrModel:
        """Model of a whole volume.

        Parameters
        ----------
        image : array_like
            Intensities mapped to [0, 1] by the recipe's range.
        sigma : array_like, shape of ``image``
            Their local standard deviation.

        Raises
        ------
        ValueError
            If the shapes differ or there is no voxel.
        """
        return cls.from_blocks([(np.asarray(image), np.asarray(sigma))])

    @classmethod
    def from_blocks(cls, blocks: Iterable[tuple[npt.NDArray[Any], npt.NDArray[Any]]]) -> PsnrModel:
        """Model of a volume, or of a representative part, given in blocks (I, σ)."""
        histogram = PsnrHistogram()
        for image, sigma in blocks:
            histogram.add(image, sigma)
        return histogram.model()

    def expected(self, w_i: float = 1.0, w_v: float = 1.0) -> float:
        """Expected PSNR in decibel of clip(w_i * I + w_v * σ * n, 0, 1) against I.

        Raises
        ------
        ValueError
            If a weight is negative or not finite.
        """
        return decibel(self._mse(*_check_weights(w_i, w_v)))

    def contrast(self, w_i: float = 1.0, w_v: float = 1.0) -> float:
        """Expected object contrast of clip(w_i * I + w_v * σ * n, 0, 1), above an offset of 0.

        That of :func:`object_contrast`, between the expected mean of the objects
        and that of the rest. The objects are what is above the threshold of Otsu's
        method in the image itself, whatever the weights. NaN if the image is
        constant or the rest of it is black.

        Raises
        ------
        ValueError
            If a weight is negative or not finite.
        """
        w_i, w_v = _check_weights(w_i, w_v)
        objects = self._objects
        if objects.all() or not objects.any():
            return nan
        light = self.share * self._mean(w_i, w_v)
        bright = light[objects].sum() / self.share[objects].sum()
        rest = light[~objects].sum() / self.share[~objects].sum()
        return ratio(bright - rest, rest)

    @cached_property
    def _objects(self) -> npt.NDArray[np.bool_]:
        """Which bins are above Otsu's threshold of the intensities."""
        # as finely as the histogram was counted: bins of one row differ in σ, and in their
        # mean intensity only by chance
        row = np.clip(self.intensity * _I_BINS, 0, _I_BINS - 1).astype(np.intp)
        share = np.bincount(row, weights=self.share)
        light = np.bincount(row, weights=self.share * self.intensity)
        rows = np.flatnonzero(share)
        if rows.size < 2:
            return np.zeros(row.shape, np.bool_)
        threshold = skimage.filters.threshold_otsu(hist=(share[rows], light[rows] / share[rows]))
        above: npt.NDArray[np.bool_] = self.intensity > threshold
        return above

    def _mean(self, w_i: float, w_v: float) -> npt.NDArray[np.float64]:
        """E[clip(m + s n)] of each bin, m = w_i I, s = w_v σ."""
        m = w_i * self.intensity
        s = np.maximum(w_v * self.sigma, 1e-12)
        a, b = -m / s, (1 - m) / s  # where n meets the two clips
        ndtr = scipy.special.ndtr
        mean = ndtr(-b) + m * (ndtr(b) - ndtr(a)) + s * (_density(a) - _density(b))
        return np.where(w_v * self.sigma > 0, mean, np.clip(m, 0, 1))

    def _mse(self, w_i: float, w_v: float) -> float:
        """E[(clip(m + s n) - r)^2], m = w_i I, s = w_v σ, r = clip(I)."""
        r = np.clip(self.intensity, 0, 1)
        m = w_i * self.intensity
        s = np.maximum(w_v * self.sigma, 1e-12)
        a, b = -m / s, (1 - m) / s  # where n meets the two clips
        ndtr = scipy.special.ndtr
        cdf_a, cdf_b = ndtr(a), ndtr(b)
        pdf_a, pdf_b = _density(a), _density(b)
        inside = cdf_b - cdf_a
        d = m - r
        mse = (
            r * r * cdf_a
            + (1 - r) ** 2 * ndtr(-b)
            + d * d * inside
            + 2 * d * s * (pdf_a - pdf_b)
            + s * s * (inside + a * pdf_a - b * pdf_b)
        )
        mse = np.where(w_v * self.sigma > 0, mse, np.square(np.clip(m, 0, 1) - r))
        return max(float(self.share @ mse), 0.0) if (w_i, w_v) != (1, 0) else 0.0

    @lru_cache(maxsize=64)  # noqa: B019  small, and the model lives as long as its source
    def _curve(self, w_i: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """PSNR at w_v from 0 to W_V_MAX, denser towards 0."""
        w_v = W_V_MAX * np.linspace(0, 1, _SCAN) ** 2
        return w_v, np.array([self.expected(w_i, v) for v in w_v])

    def reachable(self, w_i: float = 1.0) -> tuple[float, float]:
        """Lowest and highest expected PSNR in decibel for w_v from 0 to ``W_V_MAX``."""
        _, curve = self._curve(float(w_i))
        return float(curve.min()), float(curve.max())

    def solve(self, target: float, w_i: float = 1.0) -> float:
        """Find the weight of the noise that gives a target PSNR.

        Parameters
        ----------
        target : float
            PSNR in decibel.
        w_i : float, optional
            Weight of the image. For w_i = 1 the PSNR falls steadily as w_v
            grows. Otherwise it may rise again, because clipping pulls the mean
            back; then the smallest w_v that gives the target is returned.

        Returns
        -------
        float
            w_v from 0 to ``W_V_MAX``; 0 for a target of inf at w_i = 1.

        Raises
        ------
        ValueError
            If the target is NaN or out of reach; the message names the range.
        """
        w_v, curve = self._curve(float(w_i))
        if target == curve[0]:  # also where both are infinite
            return 0.0
        side = np.sign(np.where(np.isinf(curve), curve, curve - target))
        hits = np.flatnonzero((side[:-1] != side[1:]) & (side[:-1] != 0))
        if not np.isfinite(target) or hits.size == 0:
            low, high = self.reachable(w_i)
            raise ValueError(
                f"a PSNR of {target:.4g} dB is out of reach: with w_i = {w_i:.3g} it lies between "
                f"{low:.2f} and {high:.2f} dB (w_v from 0 to {W_V_MAX:g})"
            )
        low, high = w_v[hits[0]], w_v[hits[0] + 1]
        if side[hits[0] + 1] == 0:
            return float(high)
        if np.isinf(curve[hits[0]]):  # only at w_v = 0
            low = high * 1e-6
            if self.expected(w_i, low) < target:
                return float(low)
        return float(
            scipy.optimize.brentq(lambda v: self.expected(w_i, v) - target, low, high, xtol=1e-6)
        )

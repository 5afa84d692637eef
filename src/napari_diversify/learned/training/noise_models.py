"""How noise depends on the light: p(x | s), the probability of a grey level x where s is true.

Four models, simplest first. All are in grey levels, hold numbers only, and become a part of the
card of a model. Pixels are taken to be independent: a camera that interpolates, or an image that
was resampled or denoised before, breaks that, and its noise is then taken for structure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...model import Model
from ..needs import unlimited_torch

if TYPE_CHECKING:
    from torch import Tensor

_Values: TypeAlias = npt.NDArray[np.float64]
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class GaussianNoise(Model):
    """Noise of the same strength everywhere: N(s, sigma^2)."""

    kind: Literal["gaussian"] = "gaussian"
    sigma: float = Field(gt=0)

    def log_density(self, x: Tensor, s: Tensor) -> Tensor:
        """Logarithm of p(x | s), by pixel."""
        return -0.5 * ((x - s) / self.sigma) ** 2 - (math.log(self.sigma) + _HALF_LOG_2PI)

    def variance(self, s: npt.ArrayLike) -> _Values:
        """Of the noise where s is true."""
        return np.full(np.shape(s), self.sigma**2)

    def draw(self, s: npt.ArrayLike, seed: int) -> _Values:
        """Noise, without s."""
        return _normal(np.shape(s), seed) * self.sigma


class PhotonTransferNoise(Model):
    """The law of a detector that counts photons: N(s, a + b s), and never below ``least``."""

    kind: Literal["photon transfer"] = "photon transfer"
    a: float
    b: float
    least: float = Field(gt=0)

    def log_density(self, x: Tensor, s: Tensor) -> Tensor:
        """Logarithm of p(x | s), by pixel."""
        variance = (self.a + self.b * s).clamp(min=self.least)
        return -0.5 * ((x - s) ** 2 / variance + variance.log()) - _HALF_LOG_2PI

    def variance(self, s: npt.ArrayLike) -> _Values:
        """Of the noise where s is true."""
        return np.maximum(self.a + self.b * np.asarray(s, np.float64), self.least)

    def draw(self, s: npt.ArrayLike, seed: int) -> _Values:
        """Noise, without s."""
        return _normal(np.shape(s), seed) * np.sqrt(self.variance(s))


class MixtureNoise(Model):
    """A mixture of normal distributions whose parameters are linear in s (Prakash et al. 2021).

    With t = (s - low) / (high - low), clamped to 0 to 1, and in units of ``scale``: the mean of
    component k is m0 + m1 t, its variance exp(v0) + exp(v1) t and not below ``least``, and its
    share is the softmax of a0 + a1 t. Means are shifted so that the noise has none.
    """

    kind: Literal["mixture"] = "mixture"
    low: float
    high: float
    scale: float = Field(gt=0)
    least: float = Field(1e-3, gt=0)
    weights: tuple[tuple[float, float, float, float, float, float], ...] = Field(
        min_length=1, max_length=16, description="m0, m1, v0, v1, a0, a1 of each component."
    )

    def log_density(self, x: Tensor, s: Tensor) -> Tensor:
        """Logarithm of p(x | s), by pixel."""
        weights = unlimited_torch().tensor(self.weights, dtype=s.dtype, device=s.device)
        return mixture_density(x, s, weights, self)

    def _components(self, s: npt.ArrayLike) -> tuple[_Values, _Values, _Values]:
        """Share, mean and variance of each component, (K, ...)."""
        t = np.clip((np.asarray(s, np.float64) - self.low) / (self.high - self.low), 0, 1)
        m0, m1, v0, v1, a0, a1 = (
            np.array(w).reshape(-1, *(1,) * t.ndim) for w in zip(*self.weights, strict=True)
        )
        share = np.exp(a0 + a1 * t - (a0 + a1 * t).max(axis=0))
        share /= share.sum(axis=0)
        mean = m0 + m1 * t
        mean = mean - (share * mean).sum(axis=0)
        return share, mean, np.maximum(np.exp(v0) + np.exp(v1) * t, self.least)

    def variance(self, s: npt.ArrayLike) -> _Values:
        """Of the noise where s is true."""
        share, mean, variance = self._components(s)
        all_of_it: _Values = self.scale**2 * (share * (variance + mean**2)).sum(axis=0)
        return all_of_it

    def draw(self, s: npt.ArrayLike, seed: int) -> _Values:
        """Noise, without s."""
        share, mean, variance = self._components(s)
        u = np.random.Generator(np.random.Philox(key=seed + 1)).random(np.shape(s))
        k = np.minimum((np.cumsum(share, axis=0) < u).sum(axis=0), len(share) - 1)[None]
        m, v = (np.take_along_axis(part, k, 0)[0] for part in (mean, variance))
        drawn: _Values = self.scale * (m + _normal(np.shape(s), seed) * np.sqrt(v))
        return drawn


class HistogramNoise(Model):
    """Counted noise: how often x - s has which value, in standard deviations at s.

    Attributes
    ----------
    low, high : float
        Signals of the first and the last row; between rows, and between bins, it is linear.
    sigma : tuple of float
        Standard deviation of the noise, by row.
    reach : float
        Standard deviations that the bins reach to on both sides.
    density : tuple of tuple of float
        By row and bin, per standard deviation.
    """

    kind: Literal["histogram"] = "histogram"
    low: float
    high: float
    sigma: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=2, max_length=64)
    reach: float = Field(gt=0)
    density: tuple[tuple[Annotated[float, Field(gt=0)], ...], ...]

    def log_density(self, x: Tensor, s: Tensor) -> Tensor:
        """Logarithm of p(x | s), by pixel."""
        package = unlimited_torch()
        table = package.tensor(self.density, dtype=s.dtype, device=s.device)
        sigmas = package.tensor(self.sigma, dtype=s.dtype, device=s.device)
        rows, bins = table.shape
        row = ((s - self.low) / (self.high - self.low)).clamp(0, 1) * (rows - 1)
        above = row.detach().floor().clamp(max=rows - 2).long()
        share = row - above
        sigma = sigmas[above] * (1 - share) + sigmas[above + 1] * share
        r = (x - s) / sigma
        place = ((r + self.reach) / (2 * self.reach)) * bins - 0.5
        inside = place.clamp(0, bins - 1)
        left = inside.detach().floor().clamp(max=bins - 2).long()
        part = inside - left
        density = (
            table[above, left] * (1 - share) * (1 - part)
            + table[above + 1, left] * share * (1 - part)
            + table[above, left + 1] * (1 - share) * part
            + table[above + 1, left + 1] * share * part
        )
        # beyond the bins it falls as a normal distribution does: there must be a way back
        outside = (place - inside) * (2 * self.reach / bins)
        tail: Tensor = 0.5 * outside**2 + outside.abs() * self.reach
        logarithm: Tensor = density.log() - sigma.log() - tail
        return logarithm

    def variance(self, s: npt.ArrayLike) -> _Values:
        """Of the noise where s is true."""
        knots = np.linspace(self.low, self.high, len(self.sigma))
        variance: _Values = np.interp(np.asarray(s, np.float64), knots, self.sigma) ** 2
        return variance

    def draw(self, s: npt.ArrayLike, seed: int) -> _Values:
        """Noise, without s."""
        table = np.array(self.density)
        rows, bins = table.shape
        t = np.clip((np.asarray(s, np.float64) - self.low) / (self.high - self.low), 0, 1)
        u = np.random.Generator(np.random.Philox(key=seed)).random((3, *t.shape))
        row = np.floor(t * (rows - 1) + u[0]).astype(int)  # one of both, by distance
        cumulative = np.cumsum(table, axis=1) / table.sum(axis=1, keepdims=True)
        drawn = (cumulative[row] < u[1][..., None]).sum(axis=-1) + u[2]
        noise: _Values = (drawn / bins * 2 - 1) * self.reach * np.sqrt(self.variance(s))
        return noise


NoiseModel: TypeAlias = Annotated[
    GaussianNoise | PhotonTransferNoise | MixtureNoise | HistogramNoise,
    Field(discriminator="kind"),
]


def mixture_density(x: Tensor, s: Tensor, weights: Any, model: MixtureNoise) -> Tensor:
    """Logarithm of p(x | s) of a mixture with these weights, (K, 6): as fitted and as used.

    Computed by logsumexp: densities themselves are 0 for outliers, and have no gradient there.
    """
    t = ((s - model.low) / (model.high - model.low)).clamp(0, 1)[..., None]
    m0, m1, v0, v1, a0, a1 = weights.unbind(1)
    log_share = (a0 + a1 * t).log_softmax(-1)
    mean = m0 + m1 * t
    mean = mean - (log_share.exp() * mean).sum(-1, keepdim=True)
    variance = (v0.exp() + v1.exp() * t).clamp(min=model.least)
    r = ((x - s) / model.scale)[..., None]
    parts = log_share - 0.5 * ((r - mean) ** 2 / variance + variance.log())
    density: Tensor = parts.logsumexp(-1) - (_HALF_LOG_2PI + math.log(model.scale))
    return density


def _normal(shape: tuple[int, ...], seed: int) -> _Values:
    return np.random.Generator(np.random.Philox(key=seed)).standard_normal(shape)

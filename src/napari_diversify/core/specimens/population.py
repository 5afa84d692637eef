"""A population of ellipsoids, drawn as a whole from a seed.

Sizes and axis ratios are drawn from named distributions; the objects are then
placed by :mod:`.ellipsoids`.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from ..blocks import exhaust
from ..noise import check_count
from .ellipsoids import (
    TRIES,
    Ellipsoids,
    Floats,
    check_number,
    exclusion_ellipsoids,
    in_field,
    placing,
)
from .field import check_field, in_three

_WIDEST = 3.0  # standard deviations at which the sizes are cut off
_LONGEST = 0.999  # quantile at which the axis ratios are


@dataclass(frozen=True)
class Population:
    """How ellipsoids (ellipses, in 2D) are drawn; lengths in micrometres.

    Parameters
    ----------
    diameter, diameter_variation : float
        Diameter of the sphere of equal volume (disc of equal area): mean, and
        coefficient of variation of its log-normal distribution.
    axis_ratio, axis_ratio_spread : float
        Longest / shortest axis: mean and standard deviation.
    density : float
        Objects per 1000 cubic (in 2D square) micrometres of the field.
    overlap : float
        0 keeps all labels apart by a voxel; above, two objects may interpenetrate
        as far as they would just touch with semi-axes shorter by this share.
    clustering : float
        Share of the objects that lie in clusters.
    flatness : float
        0 for any direction in space, 1 for the shortest axis along z.
    layer : float
        Thickness of the layer about the middle of a volume in which centres
        lie; 0 for no layer.
    brightness_variation : float
        Coefficient of variation of the brightness, log-normal with mean 1.
    """

    diameter: float = 7.0
    diameter_variation: float = 0.15
    axis_ratio: float = 1.4
    axis_ratio_spread: float = 0.15
    density: float = 1.0
    overlap: float = 0.0
    clustering: float = 0.0
    flatness: float = 0.0
    layer: float = 0.0
    brightness_variation: float = 0.25

    def draw(
        self, shape: Sequence[int], spacing: Sequence[float], seed: int, *, tries: int = TRIES
    ) -> Ellipsoids:
        """Draw the population of a field of ``shape`` voxels (2 or 3 axes) of ``spacing``.

        Centres lie beyond the border too, as far as an object reaches, so that
        objects cut by the border are as dense as the others.

        Raises
        ------
        ValueError
            If shape, spacing or seed are out of range.

        Examples
        --------
        >>> nuclei = Population(density=2.0).draw((32, 128, 128), (0.5, 0.25, 0.25), seed=1)
        >>> len(nuclei) > 20, nuclei.centres.shape[1]
        (True, 3)
        """
        return exhaust(self.drawing(shape, spacing, seed, tries=tries))

    def drawing(
        self, shape: Sequence[int], spacing: Sequence[float], seed: int, *, tries: int = TRIES
    ) -> Generator[tuple[int, int], None, Ellipsoids]:
        """As :meth:`draw`, and yield (objects placed or left out so far, all objects)."""
        check_field(shape, spacing)
        rng = np.random.default_rng(check_count("seed", seed, 64))
        ndim = len(shape)
        full, steps = in_three(shape, spacing)
        size = np.multiply(full, steps)
        margin = np.full(3, self._margin(ndim))
        margin[: 3 - ndim] = 0.0
        low, high = -margin, size + margin
        if ndim == 2:
            low[0] = high[0] = 0.0
        elif self.layer > 0:
            half = min(self.layer, size[0]) / 2.0
            low[0], high[0] = size[0] / 2.0 - half, size[0] / 2.0 + half
            margin[0] = 0.0  # the density counts per volume of the field, not of the layer
        n = round(self.density / 1000.0 * float(np.prod((size + 2.0 * margin)[-ndim:])))
        check_number(n, "Lower the density, or make the field smaller")
        semi_axes = self._semi_axes(n, ndim, rng)
        directions = draw_directions(n, ndim, self.flatness, rng)
        s2 = math.log1p(self.brightness_variation**2)
        brightness = np.exp(math.sqrt(s2) * rng.standard_normal(n) - s2 / 2.0)
        matrices, reach = exclusion_ellipsoids(semi_axes, directions, spacing, self.overlap)
        # tighter than the objects allow: a cluster grows outwards as it fills
        spread = self.diameter * (0.4 if ndim == 3 else 0.5)
        centres, placed = yield from placing(
            matrices,
            reach,
            low,
            high,
            rng,
            wrapped=margin > 0,
            clustered=rng.random(n) < self.clustering,
            spread=spread,
            tries=tries,
            patience=max(200, n // 50),
        )
        drawn = Ellipsoids(centres, semi_axes, directions, brightness, n, int(placed.sum()))
        return in_field(drawn.take(placed), shape, spacing, self.overlap)

    def _semi_axes(self, n: int, ndim: int, rng: np.random.Generator) -> Floats:
        diameters = draw_diameters(n, self.diameter, self.diameter_variation, rng)
        ratios = draw_axis_ratios(n, self.axis_ratio, self.axis_ratio_spread, rng)
        return semi_axes_of(diameters, ratios, ndim, rng)

    def _margin(self, ndim: int) -> float:
        """How far all but the very longest objects reach."""
        semi_axes = self._semi_axes(512, ndim, np.random.default_rng(0))
        return float(np.quantile(semi_axes[:, 0], 0.99))


# ---- sizes and shapes ----


def draw_diameters(
    n: int, mean: float, variation: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw diameters from a log-normal distribution, cut off at 3 sd of its logarithm.

    Parameters
    ----------
    n : int
        How many.
    mean, variation : float
        Mean, and coefficient of variation (standard deviation / mean).
    rng : numpy.random.Generator
        Where the random numbers come from.

    Examples
    --------
    >>> diameters = draw_diameters(10_000, 8.0, 0.25, np.random.default_rng(0))
    >>> print(f"{diameters.mean():.1f} {diameters.std() / diameters.mean():.2f}")
    8.0 0.25
    """
    s2 = math.log1p(variation**2)
    tail = float(scipy.special.ndtr(-_WIDEST))
    z = scipy.special.ndtri(tail + rng.random(n) * (1.0 - 2.0 * tail))
    return np.asarray(mean * np.exp(math.sqrt(s2) * z - s2 / 2.0), np.float64)


def draw_axis_ratios(
    n: int, mean: float, spread: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw longest / shortest axis: 1 plus a gamma variable, with this mean and spread.

    Parameters
    ----------
    n : int
        How many.
    mean, spread : float
        Mean (1 or more) and standard deviation of the ratio.
    rng : numpy.random.Generator
        Where the random numbers come from.

    Examples
    --------
    >>> ratios = draw_axis_ratios(10_000, 1.8, 0.2, np.random.default_rng(0))
    >>> print(f"{ratios.mean():.1f} {ratios.std():.1f} {ratios.min() >= 1}")
    1.8 0.2 True
    """
    u = rng.random(n) * _LONGEST
    excess = mean - 1.0
    if excess <= 0 or spread <= 0:
        return np.full(n, max(mean, 1.0))
    k = (excess / spread) ** 2
    return np.asarray(1.0 + excess / k * scipy.special.gammaincinv(k, u), np.float64)


def semi_axes_of(
    diameters: Floats, ratios: Floats, ndim: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Semi-axes (long, middle, short) of this volume (area, if 2D) and longest / shortest.

    The middle one lies anywhere between, evenly on a logarithmic scale. In 2D:
    (long, short, 1).
    """
    if ndim == 2:
        short = diameters / 2.0 / np.sqrt(ratios)
        return np.stack([short * ratios, short, np.ones_like(short)], axis=1)
    u = rng.random(len(diameters))
    short = diameters / 2.0 / ratios ** ((1.0 + u) / 3.0)
    return np.stack([short * ratios, short * ratios**u, short], axis=1)


def draw_directions(n: int, ndim: int, flatness: float, rng: np.random.Generator) -> Floats:
    """Directions of the semi-axes, shape (n, 3, 3): any, or with the short axis towards z.

    ``flatness`` is the share by which the tilt of the short axis against z is
    reduced: 0 leaves every direction equally likely, 1 lays the objects flat.
    """
    turn = rng.random(n) * 2.0 * np.pi
    out = np.zeros((n, 3, 3))
    if ndim == 2:
        out[:, 0, 1], out[:, 0, 2] = np.sin(turn), np.cos(turn)
        out[:, 1, 1], out[:, 1, 2] = np.cos(turn), -np.sin(turn)
        out[:, 2, 0] = 1.0
        return out
    tilt = np.arccos(rng.random(n)) * (1.0 - flatness)
    azimuth = rng.random(n) * 2.0 * np.pi
    short = np.stack(
        [np.cos(tilt), np.sin(tilt) * np.sin(azimuth), np.sin(tilt) * np.cos(azimuth)], axis=1
    )
    u = np.stack(
        [-np.sin(tilt), np.cos(tilt) * np.sin(azimuth), np.cos(tilt) * np.cos(azimuth)], axis=1
    )
    v = np.cross(short, u)
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    return np.stack([c * u + s * v, c * v - s * u, short], axis=1)

"""Generated images beside real ones: grey levels, fineness, contrast.

Every image counts equally, by the middle of one plane, and is first normalised by
itself: its 0.1 and 99.9 percentiles become 0 and 1. Gain and offset differ between
microscopes and mean nothing here; what is left is compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import files
from ..core import histogram_distance, radial_power_spectrum, rms_contrast
from .pictures import middle_plane
from .rows import TrainingSet, spread

#: Images of each kind, and the side of the middle part of their planes that is compared.
IMAGES, SIDE = 50, 1024
PERCENTILES = (0.1, 99.9)
_PIXELS = 1 << 16  # of each image, for the histogram
_BINS = 64
_LEAST = 4  # real images that can be halved
_LABEL_ENDINGS = ("_labels", "_label", "_masks", "_mask")

#: Frequencies of the mean spectrum, cycles per pixel; above _FINE it is mostly noise.
FREQUENCIES = np.linspace(0.02, 0.5, 49)
_FINE = 0.25

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """The appearance of one image: grey levels 0 to 1, power in decibel, RMS contrast."""

    levels: _Floats
    power: _Floats
    contrast: float


@dataclass(frozen=True)
class Comparison:
    """Generated and real images, and how far apart they are.

    Attributes
    ----------
    generated, real : tuple of Look
    available : (int, int)
        How many images there are of each kind; these were compared.
    left_out : tuple of str
        Images that could not be compared, and why.
    """

    generated: tuple[Look, ...]
    real: tuple[Look, ...]
    available: tuple[int, int]
    left_out: tuple[str, ...]

    def histograms(self) -> tuple[_Floats, _Floats, _Floats]:
        """Grey levels, and log10 of the share of pixels at each: generated, real; NaN if none."""
        edges = np.linspace(0, 1, _BINS + 1)
        shares = [
            np.histogram(_pooled(looks), edges)[0] / _pooled(looks).size
            for looks in (self.generated, self.real)
        ]
        first, second = (np.log10(np.where(share > 0, share, np.nan)) for share in shares)
        return (edges[:-1] + edges[1:]) / 2, first, second

    def spectra(self) -> tuple[_Floats, _Floats]:
        """Mean power at :data:`FREQUENCIES` in decibel, generated and real."""
        return _mean_power(self.generated), _mean_power(self.real)

    @property
    def distance(self) -> float:
        """Distance of the grey levels of generated and real images, 0 to 1."""
        return histogram_distance(_pooled(self.real), _pooled(self.generated))

    @property
    def distance_of_halves(self) -> float:
        """Baseline: the distance between two halves of the real images; NaN if too few."""
        if len(self.real) < _LEAST:
            return math.nan
        return histogram_distance(_pooled(self.real[::2]), _pooled(self.real[1::2]))

    @property
    def fine_power(self) -> tuple[float, float]:
        """Power of the fine half of the spectrum in decibel, generated and real."""
        fine = FREQUENCIES >= _FINE
        first, second = (y[fine & np.isfinite(y)] for y in self.spectra())
        return (
            float(first.mean()) if first.size else math.nan,
            float(second.mean()) if second.size else math.nan,
        )

    @property
    def contrasts(self) -> tuple[float, float]:
        """Median RMS contrast, generated and real."""
        return (
            median(look.contrast for look in self.generated),
            median(look.contrast for look in self.real),
        )


def compare(train: TrainingSet, real: Path) -> Comparison:
    """Compare a training set with a folder of real images.

    Files named as labels or masks are left out.

    Raises
    ------
    OSError, ValueError
        If there is nothing to compare with; the message says why.
    """
    own = [train.folder / row.file for row in train.rows]
    others = [
        path
        for path in files.inputs_in([real])
        if not files.stem(path).lower().endswith(_LABEL_ENDINGS)
    ]
    if not others:
        raise ValueError(f"{real} holds labels only, no images to compare with")
    sides, left_out = [], []
    for paths, what in ((own, "generated"), (others, "real")):
        looks, refused = _looks(spread(paths, IMAGES))
        if not looks:
            raise ValueError(
                f"none of the {what} images can be compared; the first is {refused[0]}"
            )
        sides.append(looks)
        left_out += [f"{what} {text}" for text in refused]
    return Comparison(sides[0], sides[1], (len(own), len(others)), tuple(left_out))


def look_at(plane: npt.NDArray[Any]) -> Look:
    """The appearance of a plane.

    Raises
    ------
    TypeError, ValueError
        If the plane cannot be compared; the message says why.
    """
    rows, columns = (slice(max(0, (n - SIDE) // 2), (n + SIDE) // 2) for n in plane.shape)
    middle = plane[rows, columns].astype(np.float64)
    if not np.isfinite(middle).all():
        raise ValueError("it holds values that are not finite")
    low, high = np.percentile(middle, PERCENTILES)
    if not low < high:
        raise ValueError("it has the same grey level everywhere")
    unit = np.clip((middle - low) / (high - low), 0, 1)
    frequency, power = radial_power_spectrum(unit)
    has_power = power > 0
    decibel = np.full(FREQUENCIES.shape, np.nan)
    if has_power.any():
        decibel = np.interp(
            FREQUENCIES,
            frequency[has_power],
            10 * np.log10(power[has_power]),
            left=np.nan,
            right=np.nan,
        )
    flat = unit.reshape(-1)
    at = np.linspace(0, flat.size - 1, min(flat.size, _PIXELS)).astype(np.intp)
    return Look(flat[at], decibel, rms_contrast(unit))


def _looks(paths: Iterable[Path]) -> tuple[tuple[Look, ...], list[str]]:
    looks, refused = [], []
    for path in paths:
        try:
            looks.append(look_at(middle_plane(path).values))
        except (OSError, TypeError, ValueError) as error:
            refused.append(f"{path.name}: {error}")
    return tuple(looks), refused


def _pooled(looks: Sequence[Look]) -> _Floats:
    """Pixels of all images, the same number from each."""
    least = min(look.levels.size for look in looks)
    at = [np.linspace(0, look.levels.size - 1, least).astype(np.intp) for look in looks]
    return np.concatenate([look.levels[i] for look, i in zip(looks, at, strict=True)])


def _mean_power(looks: Sequence[Look]) -> _Floats:
    """The mean over images of decibels; NaN where no image has this frequency."""
    power = np.array([look.power for look in looks])
    known = np.isfinite(power)
    total = np.where(known, power, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)

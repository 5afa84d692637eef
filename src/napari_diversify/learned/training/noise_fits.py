"""Noise models fitted: to frames of a static scene, to a denoised copy, or to the image alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.contrast.detector_noise import photon_transfer
from ..needs import unlimited_torch
from .images import Image
from .noise_models import (
    GaussianNoise,
    HistogramNoise,
    MixtureNoise,
    NoiseModel,
    PhotonTransferNoise,
    mixture_density,
)

_Values = npt.NDArray[np.float64]

_PIXELS = 1 << 17  # pairs that are enough for a fit
_PLANES = 16
_STEPS = 300
_ROWS, _BINS, _REACH = 24, 64, 6.0
_LEAST = 1e-2  # share of the mean variance that no grey level falls below


def from_image(planes: Sequence[npt.NDArray[np.float32]], kind: str) -> NoiseModel:
    """Noise measured in the image itself, by the photon-transfer law.

    Raises
    ------
    ValueError
        If the model needs more than that.
    """
    if kind not in ("gaussian", "photon transfer"):
        raise ValueError(
            f"the noise model “{kind}” is fitted to calibration frames (--frames) or to a denoised "
            "copy of the image (--denoised). Give one, or use “photon transfer”"
        )
    laws = np.array([photon_transfer(plane) for plane in planes[:_PLANES]])
    a, b = (float(v) for v in np.median(laws, axis=0))
    mean = float(np.mean([plane.mean(dtype=np.float64) for plane in planes]))
    variance = a + b * mean
    if not variance > 0:
        raise ValueError(
            "no noise was found in the image, so there is nothing to denoise. Is it a raw image?"
        )
    if kind == "gaussian":
        return GaussianNoise(sigma=float(np.sqrt(variance)))
    return PhotonTransferNoise(a=a, b=b, least=_LEAST * variance)


def from_frames(frames: Image) -> Iterator[tuple[_Values, _Values]]:
    """Signal and grey level of the pixels of each frame of a static scene.

    The signal is the mean of the other frames: one that contained the frame itself would hide a
    part of its noise.
    """
    n = frames.planes
    if n < 4:
        raise ValueError(
            f"{frames.name} holds {n} frame(s); calibration takes 4 or more of one static scene"
        )
    total = sum(frames.plane(k).astype(np.float64) for k in range(n))
    for k in range(n):
        frame = frames.plane(k).astype(np.float64)
        yield (np.asarray(total) - frame) / (n - 1), frame


def from_copies(images: Sequence[Image], denoised: Sequence[Image]) -> Iterator[tuple[Any, Any]]:
    """Signal and grey level of the pixels of images, the signal being a denoised copy."""
    check_like(images, denoised, "denoised copy")
    for image, copy in zip(images, denoised, strict=True):
        for n in np.unique(np.linspace(0, image.planes - 1, _PLANES).astype(int)):
            yield copy.plane(n).astype(np.float64), image.plane(n).astype(np.float64)


def check_like(images: Sequence[Image], others: Sequence[Image], what: str) -> None:
    """Raise a ValueError unless there is another image for each, of the same shape."""
    if len(images) != len(others):
        raise ValueError(
            f"each of the {len(images)} image(s) needs a {what}, in the same order; got "
            f"{len(others)}"
        )
    for image, other in zip(images, others, strict=True):
        if image.array.shape != other.array.shape:
            raise ValueError(
                f"{other.name} has the shape {other.array.shape}, but {image.name}, whose {what} "
                f"it should be, has {image.array.shape}"
            )


def fitted(
    pairs: Iterator[tuple[_Values, _Values]], kind: str, seed: int = 0, frames: int | None = None
) -> NoiseModel:
    """A noise model from pairs of signal and grey level.

    ``frames``: how many there are, if signals are means of all others; their own noise is
    then taken off.
    """
    signals, levels = [], []
    for signal, level in pairs:
        signals.append(signal.ravel()[:: max(1, signal.size // _PIXELS)])
        levels.append(level.ravel()[:: max(1, level.size // _PIXELS)])
    s, x = np.concatenate(signals), np.concatenate(levels)
    if s.size > _PIXELS:
        some = np.random.Generator(np.random.Philox(key=seed)).permutation(s.size)[:_PIXELS]
        s, x = s[some], x[some]
    # x minus the mean of n - 1 others has 1 + 1 / (n - 1) of the variance
    r = (x - s) * (1.0 if frames is None else np.sqrt((frames - 1) / frames))
    low, high = (float(v) for v in np.percentile(s, [0.5, 99.5]))
    if not r.std() > 0 or not high > low:
        raise ValueError("the calibration images hold no noise, or the same signal everywhere")
    if kind == "gaussian":
        return GaussianNoise(sigma=float(r.std()))
    if kind == "photon transfer":
        return _line(s, r, low, high)
    if kind == "histogram":
        return _histogram(s, r, low, high)
    return _mixture(s, r, low, high, seed)


def _line(s: _Values, r: _Values, low: float, high: float) -> PhotonTransferNoise:
    of = np.clip((s - low) / (high - low) * 16, 0, 15).astype(int)
    n = np.bincount(of, minlength=16)
    light, variance = (np.bincount(of, v, minlength=16)[n > 9] / n[n > 9] for v in (s, r**2))
    # a mean square of n errors is known to its sqrt(2 / n)
    weights = np.sqrt(n[n > 9]) / np.maximum(variance, 1e-3 * variance.max())
    b, a = np.polyfit(light, variance, 1, w=weights) if light.size > 1 else (-1.0, 0.0)
    mean = float((r**2).mean())
    if b < 0:
        a, b = mean, 0.0
    return PhotonTransferNoise(a=float(a), b=float(b), least=_LEAST * mean)


def _histogram(s: _Values, r: _Values, low: float, high: float) -> HistogramNoise:
    knots = np.linspace(low, high, _ROWS)
    row = np.clip(np.rint((s - low) / (high - low) * (_ROWS - 1)), 0, _ROWS - 1).astype(int)
    all_of_it = r.std()
    sigma = np.array([_spread(r[row == k]) for k in range(_ROWS)])
    known = sigma > 0.1 * all_of_it
    sigma = np.interp(knots, knots[known], sigma[known])
    bins = np.floor((r / sigma[row] / _REACH + 1) / 2 * _BINS).astype(int)
    inside = (bins >= 0) & (bins < _BINS)
    counts = np.zeros((_ROWS, _BINS))
    np.add.at(counts, (row[inside], bins[inside]), 1)
    # bins that nobody has counted in get the share that a normal distribution gives them
    middle = (np.arange(_BINS) + 0.5) / _BINS * 2 * _REACH - _REACH
    normal = np.exp(-0.5 * middle**2) / np.sqrt(2 * np.pi)
    counts += 20 * normal / normal.sum()
    density = counts / counts.sum(axis=1, keepdims=True) * _BINS / (2 * _REACH)
    return HistogramNoise(
        low=low,
        high=high,
        sigma=tuple(float(f"{v:.6g}") for v in sigma),
        reach=_REACH,
        density=tuple(tuple(float(f"{max(v, 1e-30):.4g}") for v in line) for line in density),
    )


def _spread(r: _Values) -> float:
    return float(r.std()) if r.size >= 30 else 0.0


def _mixture(s: _Values, r: _Values, low: float, high: float, seed: int) -> MixtureNoise:
    package = unlimited_torch()
    scale = float(r.std())
    start = [(0.3 * (k - 1), 0.0, -1.5 + 0.5 * k, -1.5 + 0.5 * k, 0.0, 0.0) for k in range(3)]
    model = MixtureNoise(low=low, high=high, scale=scale, weights=tuple(start))
    order = np.random.Generator(np.random.Philox(key=seed + 2)).permutation(s.size)
    signal, level = (package.from_numpy(v[order].astype(np.float32)) for v in (s, s + r))
    weights = package.tensor(start, requires_grad=True)
    adam = package.optim.Adam([weights], lr=0.05)
    size = min(s.size, 4096)
    for step in range(_STEPS):
        for group in adam.param_groups:
            group["lr"] = 0.05 * 0.5 * (1 + np.cos(np.pi * step / _STEPS))
        first = (step * size) % max(1, s.size - size + 1)
        part = slice(first, first + size)
        loss = -mixture_density(level[part], signal[part], weights, model).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    found = [tuple(float(f"{v:.6g}") for v in row) for row in weights.detach().tolist()]
    return MixtureNoise(low=low, high=high, scale=scale, weights=found)

"""Denoisers that learn nothing, to compare with: each with several strengths to choose from.

Each takes a plane, the noise model and how much stronger than that the noise is. Where noise
grows with the light, those that expect the same noise everywhere get the plane after the
generalised Anscombe transform.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import scipy
import skimage

from .images import Plane
from .noise_models import PhotonTransferNoise

Method: TypeAlias = Callable[[Plane, Any, float], Plane]


def gaussian_filter(plane: Plane, noise: Any, stronger: float, *, sigma: float) -> Plane:
    """A Gaussian filter."""
    smooth: Plane = scipy.ndimage.gaussian_filter(plane, sigma)
    return smooth


def non_local_means(plane: Plane, noise: Any, stronger: float, *, h: float) -> Plane:
    """Non-local means (Buades et al. 2005), its strength in units of the noise."""

    def denoise(image: Plane, sigma: float) -> Plane:
        means: Plane = skimage.restoration.denoise_nl_means(
            image, patch_size=7, patch_distance=6, h=h * sigma, sigma=sigma, fast_mode=True
        )
        return means

    return _stabilised(plane, noise, stronger, denoise)


def wavelet(plane: Plane, noise: Any, stronger: float, *, mode: str) -> Plane:
    """Shrinkage of wavelet coefficients (BayesShrink, Chang et al. 2000)."""

    def denoise(image: Plane, sigma: float) -> Plane:
        shrunk: Plane = skimage.restoration.denoise_wavelet(
            image, sigma=sigma, mode=mode, rescale_sigma=False
        )
        return shrunk

    return _stabilised(plane, noise, stronger, denoise)


def _stabilised(
    plane: Plane, noise: Any, stronger: float, denoise: Callable[[Plane, float], Plane]
) -> Plane:
    if not isinstance(noise, PhotonTransferNoise) or noise.b <= 0:
        return denoise(plane, stronger * float(np.sqrt(noise.variance(plane).mean())))
    a, b = noise.a * stronger**2, noise.b * stronger**2
    calm = 2 / b * np.sqrt(np.maximum(b * plane + 3 / 8 * b**2 + a, 0))
    z = denoise(calm.astype(np.float32), 1.0)
    back: Plane = (b * (z**2 / 4 - 1 / 8) - a / b).astype(np.float32)
    return back


def _has_wavelets() -> bool:
    return find_spec("pywt") is not None


#: By name, the same method with several strengths.
METHODS: dict[str, list[Method]] = {
    "Gaussian filter": [partial(gaussian_filter, sigma=s) for s in (0.7, 1, 1.4, 2, 2.8, 4)],
    "non-local means": [partial(non_local_means, h=h) for h in (0.5, 0.7, 0.9, 1.2)],
}
if _has_wavelets():
    METHODS["wavelet"] = [partial(wavelet, mode=mode) for mode in ("soft", "hard")]


def left_out() -> list[str]:
    """Sentences on what is missing from the comparison."""
    if _has_wavelets():
        return []
    return ["Wavelets were left out: the package PyWavelets is not installed."]

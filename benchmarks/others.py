"""How the same things are done with other packages, each in the fastest way it offers.

Every function returns the alternatives by name. A package that is not installed is left out, and
:func:`absent` names it. None of them is asked to do more than its users would ask of it: images
are in memory, in the dtype that the package computes in, unless grey levels of 16 bits go in and
come out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

Alternatives = dict[str, Callable[[], object]]
Image = npt.NDArray[np.float32]
Grey = npt.NDArray[np.uint16]

#: Modules of the peers that may be installed, by the names of their packages.
PEERS = {
    "monai": "monai",
    "torchio": "torchio",
    "batchgeneratorsv2": "batchgeneratorsv2",
    "SimpleITK": "SimpleITK",
    "scikit-image": "skimage",
    "dask": "dask",
    "torch": "torch",
}
STD = 0.03  # of plain noise, as a share of the range


def here(package: str) -> bool:
    """Whether a peer is installed."""
    return find_spec(PEERS[package]) is not None


def absent() -> list[str]:
    """The peers that are not installed."""
    return [package for package in PEERS if not here(package)]


# ---- local standard deviation in a window of 5 ----


def box_sums(image: npt.NDArray[np.generic], dtype: type = np.float64) -> Image:
    """Two box filters, as one would write it; float64, else flat regions become noise."""
    x = image.astype(dtype)
    mean = uniform_filter(x, 5, mode="reflect")
    square = uniform_filter(x * x, 5, mode="reflect")
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)


def cumulative_sums(image: Image) -> Image:
    """The same in NumPy alone: differences of cumulative sums along each axis."""
    x = np.pad(image.astype(np.float64), 2, mode="symmetric")
    sums = []
    for y in (x, x * x):
        for axis in range(y.ndim):
            total = np.cumsum(y, axis)
            ahead = np.moveaxis(total, axis, 0)
            first = ahead[4:5]
            y = np.moveaxis(np.concatenate([first, ahead[5:] - ahead[:-5]]), 0, axis)
        sums.append(y / 5**image.ndim)
    return np.sqrt(np.maximum(sums[1] - sums[0] ** 2, 0)).astype(np.float32)


def local_std(image: Image) -> Alternatives:
    ways: Alternatives = {
        "SciPy, two box filters in float64": lambda: box_sums(image),
        "SciPy, the same in float32 (inexact)": lambda: box_sums(image, np.float32),
        "NumPy, cumulative sums in float64": lambda: cumulative_sums(image),
    }
    if here("scikit-image"):
        from skimage.filters import threshold_niblack

        window = (5,) * image.ndim
        ways["scikit-image, threshold_niblack: mean and std"] = lambda: threshold_niblack(
            image, window, k=1
        )
    if here("SimpleITK"):
        import SimpleITK

        itk = SimpleITK.GetImageFromArray(image)
        ways["SimpleITK, BoxSigma"] = lambda: SimpleITK.BoxSigma(itk, [2] * image.ndim)
    if here("dask"):
        import dask.array

        chunks = dask.array.from_array(image, chunks=_chunks(image))
        boxes = chunks.map_overlap(box_sums, depth=2, boundary="reflect", dtype=np.float32)
        ways["dask map_overlap of SciPy's box filters"] = lambda: boxes.compute(scheduler="threads")
    if here("torch"):
        import torch

        tensor = torch.from_numpy(image)[None]
        ways["PyTorch, avg_pool along each axis (float32, inexact)"] = lambda: pooled(tensor)
    return ways


def pooled(tensor: Any) -> Any:
    """What a user of MONAI, TorchIO or batchgeneratorsv2 can write: they have no local std."""
    from torch.nn import functional

    ndim = tensor.ndim - 1
    pool = functional.avg_pool3d if ndim == 3 else functional.avg_pool2d

    def boxes(x: Any) -> Any:
        for axis in range(ndim):
            x = pool(x, tuple(5 if a == axis else 1 for a in range(ndim)), 1)
        return x

    x = functional.pad(tensor[None], (2,) * (2 * ndim), mode="reflect")
    mean = boxes(x)
    return (boxes(x * x) - mean * mean).clamp_(0).sqrt_()


def _chunks(image: npt.NDArray[np.generic]) -> tuple[int, ...]:
    """A chunk for each of eight tasks, of whole planes if there are any."""
    return (max(1, -(-len(image) // 8)), *image.shape[1:])


# ---- standard-normal noise ----


def normal_noise(shape: tuple[int, ...]) -> Alternatives:
    out = np.empty(shape, np.float32)
    pcg, sfc = np.random.default_rng(1), np.random.Generator(np.random.SFC64(1))
    ways: Alternatives = {
        "NumPy standard_normal (default_rng)": lambda: pcg.standard_normal(shape, np.float32),
        "NumPy standard_normal (SFC64, into an array)": lambda: sfc.standard_normal(
            dtype=np.float32, out=out
        ),
    }
    if here("torch"):
        import torch

        tensor = torch.empty(shape)
        ways["PyTorch normal_, in place (as batchgeneratorsv2)"] = tensor.normal_
        ways["PyTorch randn (as TorchIO)"] = lambda: torch.randn(shape)
    if here("dask"):
        import dask.array

        noise = dask.array.random.default_rng(1).standard_normal(
            shape, chunks=_chunks(out), dtype=np.float32
        )
        ways["dask.array.random, in threads"] = lambda: noise.compute(scheduler="threads")
    return ways


# ---- plain Gaussian noise, uint16 in and out ----


def to_float(image: Grey) -> Image:
    return image.astype(np.float32)


def to_grey(image: Image, top: float) -> Grey:
    """Round, clip and convert, in place as far as that goes."""
    np.rint(image, out=image)
    np.clip(image, 0, top, out=image)
    return image.astype(np.uint16)


def plain_noise(image: Grey, top: float) -> tuple[Alternatives, Alternatives]:
    """Noise on grey levels, and each package's own part of it, on what it works on."""
    rng, std = np.random.default_rng(1), STD * top
    given = to_float(image)

    def numpy(x: Image) -> Image:
        noise = rng.standard_normal(x.shape, np.float32)
        noise *= std
        noise += x
        return noise

    own: Alternatives = {"NumPy": lambda: numpy(given)}
    ways: Alternatives = {"NumPy": lambda: to_grey(numpy(to_float(image)), top)}
    for name, function in _on_tensors(std).items():
        import torch

        tensor = torch.from_numpy(given)[None]
        own[name] = lambda f=function, x=tensor: f(x)
        ways[name] = lambda f=function: to_grey(
            np.asarray(f(torch.from_numpy(to_float(image))[None]))[0], top
        )
    if here("scikit-image"):
        from skimage.util import random_noise

        share = std / 65535  # it takes the range of the dtype for [0, 1]
        own["scikit-image"] = lambda: random_noise(image, var=share**2, rng=rng)
        ways["scikit-image"] = lambda: to_grey(
            random_noise(image, var=share**2, rng=rng) * 65535, top
        )
    if here("SimpleITK"):
        import SimpleITK

        itk = SimpleITK.GetImageFromArray(image)
        own["SimpleITK"] = lambda: SimpleITK.AdditiveGaussianNoise(itk, std, 0.0, 7)
        # a view, for it clips by itself
        ways["SimpleITK"] = lambda: SimpleITK.GetArrayViewFromImage(
            SimpleITK.AdditiveGaussianNoise(SimpleITK.GetImageFromArray(image), std, 0.0, 7)
        )
    return ways, own


def _on_tensors(std: float) -> dict[str, Callable[[Any], Any]]:
    """Peers that take float32 tensors (channel, z, y, x)."""
    functions: dict[str, Callable[[Any], Any]] = {}
    if here("monai"):
        from monai.data import set_track_meta
        from monai.transforms import RandGaussianNoise

        set_track_meta(False)  # its faster way
        functions["MONAI"] = RandGaussianNoise(prob=1.0, std=std, sample_std=False)
    if here("torchio"):
        import torchio

        functions["TorchIO"] = torchio.RandomNoise(std=(std, std), copy=False)
    if here("batchgeneratorsv2"):
        from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform

        noise = GaussianNoiseTransform(noise_variance=(std, std))  # which it takes for std
        functions["batchgeneratorsv2"] = lambda x: noise(image=x)["image"]
    return functions


# ---- diversification as in the paper, uint16 in and out ----


def diversified(image: Grey, top: float, w_i: float, w_v: float, stride: int = 1) -> Grey:
    """``w_i I + w_v σ n`` in NumPy and SciPy; with a stride, σ is that of a coarser image."""
    unit = image.astype(np.float32) / np.float32(top)
    thinned = (slice(None, None, stride),) * unit.ndim
    sigma = box_sums(unit[thinned])
    for axis in range(unit.ndim if stride > 1 else 0):
        sigma = np.repeat(sigma, stride, axis)
    sigma = sigma[tuple(slice(n) for n in unit.shape)]
    noise = np.random.default_rng(1).standard_normal(unit.shape, np.float32)
    noise *= sigma
    noise *= np.float32(w_v)
    unit *= np.float32(w_i)
    unit += noise
    unit *= np.float32(top)
    return to_grey(unit, top)


def same_arithmetic(image: Grey, top: float, w_i: float, w_v: float) -> Alternatives:
    ways: Alternatives = {
        "σ, noise and mix in NumPy and SciPy": lambda: diversified(image, top, w_i, w_v),
        "σ with stride 4, noise and mix in NumPy": lambda: diversified(image, top, w_i, w_v, 4),
    }
    if here("dask"):
        import dask.array

        chunks = dask.array.from_array(image, chunks=_chunks(image))
        function = partial(diversified, top=top, w_i=w_i, w_v=w_v)
        made = chunks.map_overlap(function, depth=2, boundary="reflect", dtype=np.uint16)
        ways["σ, noise and mix, dask map_overlap"] = lambda: made.compute(scheduler="threads")
    return ways

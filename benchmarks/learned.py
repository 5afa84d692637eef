"""How well the learned steps do, on phantoms whose truth is known, beside what learns nothing.

Restoration: R is a phantom seen through 60 µm of tissue; a model is trained on R alone, and
restores planes of R that were held out. Denoising: the same phantom with Gaussian noise, and
with that of few photons and a camera; again only noisy planes are trained on, and others are
measured. Baselines are tuned on the truth, the models are not. All are judged against the clean
planes; for restoration by the scale-invariant PSNR, as stretching R alone wins several decibels
of the plain one.

Run: ``python benchmarks/learned.py [restore] [gaussian] [photons] [looking]`` (all if none is
named; 12 minutes of one core, less with --steps-share 0.3). Exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np

from napari_diversify.core import degrade_contrast, detail_retention, psnr, restore_contrast
from napari_diversify.core.measures.quality import si_psnr
from napari_diversify.core.measures.visibility import rms_contrast
from napari_diversify.learned.needs import torch
from napari_diversify.learned.training.images import Image
from napari_diversify.learned.training.job import Job, Source
from napari_diversify.learned.training.settings import DenoiseTraining, RestoreTraining
from napari_diversify.synthetic.nuclei import SyntheticNuclei

SPACING = (0.2, 0.2, 0.2)
SHAPE = (16, 256, 256)
DEPTH = 60.0
TISSUE = {"scattering_length": 60.0, "blur": 0.5, "halo": 0.1}
DRAWS = 50
MISSED: list[str] = []


def goal(what: str, value: float, least: float, most: float = float("inf")) -> None:
    held = least <= value <= most
    bounds = f">= {least:g}" if most == float("inf") else f"{least:g} to {most:g}"
    print(f"  {'held  ' if held else 'MISSED'} {what}: {value:.3g} ({bounds})")
    if not held:
        MISSED.append(what)


def trained(array: Any, settings: Any, spacing: tuple[float, float] = SPACING[1:]) -> Any:
    """A training that was run to its end: what was set up, and the network."""
    from napari_diversify.learned.training.loop import Loop
    from napari_diversify.learned.training.setting_up import set_up

    image = Image("phantom", array, len(array), spacing)
    ready = set_up(Job(images=(Source(path="-"),), settings=settings), [image], "")
    loop, begun = Loop(ready.task, settings, 0), time.process_time()
    for _ in loop.run():
        pass
    seconds = time.process_time() - begun
    print(
        f"  {settings.steps} steps in {seconds:.0f} CPU seconds, "
        f"{1000 * seconds / settings.steps:.0f} ms each, {loop.precision} on {loop.device}"
    )
    return ready, loop.trained()


def restoring(share: float) -> None:
    from napari_diversify.core.contrast.contrast import Tissue
    from napari_diversify.learned.training.restoration import applied

    nuclei = SyntheticNuclei(density=6, diameter=7, seed=1).specimen(SHAPE, SPACING)
    clean = np.asarray(nuclei.image, np.float32)
    tissue = Tissue(**TISSUE)
    raw = degrade_contrast(clean, spacing=SPACING, extra_depth=DEPTH, tissue=tissue, seed=5)
    print(f"Restoration: {DEPTH:g} µm of tissue, held-out planes")
    settings = RestoreTraining(depth=DEPTH, **TISSUE)
    settings = settings.replace(steps=max(20, round(settings.steps * share)))
    ready, net = trained(raw, settings)
    held = [n for _, n in ready.patches.held_out(100)]
    x, r = clean[held], raw[held]
    slope, start = np.polyfit(r.ravel(), x.ravel(), 1)
    rows = {"R": r, "R, best straight line": slope * r + start}
    known = {"spacing": SPACING, "depth": DEPTH, "tissue": tissue}
    rows["Wiener"] = restore_contrast(r, **known)
    for n in (10, 40):
        rows[f"Richardson-Lucy, {n}"] = restore_contrast(
            r, **known, method="richardson-lucy", iterations=n
        )
    planes = r
    for k in range(1, 6):
        planes = np.stack(
            [applied(net, p[None], ready.task.shape, ready.normalisation) for p in planes]
        )
        rows[f"learned, k = {k}"] = planes
    print(f"  {'':24s} {'PSNR':>6s} {'SI-PSNR':>8s} {'RMS contrast':>13s} {'detail':>7s}")
    peak = float(np.ptp(x))
    print(f"  {'clean':24s} {'':6s} {'':8s} {rms_contrast(x):13.2f}")
    for name, found in rows.items():
        numbers = (
            psnr(x, found, peak),
            si_psnr(x, found),
            rms_contrast(found),
            detail_retention(r, found),
        )
        print("  {:24s} {:6.1f} {:8.1f} {:13.2f} {:7.2f}".format(name, *numbers))
    learned = [rows[f"learned, k = {k}"] for k in range(1, 6)]
    gains = [si_psnr(x, found) - si_psnr(x, r) for found in learned]
    goal(f"gain of SI-PSNR at the best k ({1 + int(np.argmax(gains))})", max(gains), 2)
    contrasts = [rms_contrast(found) for found in (r, *learned[:3])]
    goal("contrast rises with k = 0 to 3, by at least", float(np.diff(contrasts).min()), 0)
    kept = [detail_retention(r, found) for found in (r, *learned[:3])]
    goal("detail falls with k = 0 to 3, by at least", float(-np.diff(kept).max()), 0)


def denoising(name: str, share: float) -> None:
    from napari_diversify.learned.training.divnoising import sampled
    from napari_diversify.learned.training.plain_denoising import METHODS

    specimen = SyntheticNuclei(density=6, diameter=7, seed=1, read_noise=0, gain=1000)
    clean = np.asarray(specimen.specimen(SHAPE, (0.5, 0.2, 0.2)).image, np.float32)
    rng, peak = np.random.default_rng(0), float(np.ptp(clean))
    if name == "gaussian":
        print("Denoising: Gaussian noise")
        noisy = clean + 0.0484 * peak * rng.standard_normal(clean.shape)
    else:
        print("Denoising: 60 photons in the brightest voxel, read noise 20")
        gain, dark = 60 / peak, float(clean.min())
        noisy = rng.poisson((clean - dark) * gain) / gain + dark
        noisy = noisy + 20 * rng.standard_normal(clean.shape)
    noisy = noisy.astype(np.float32)
    settings = DenoiseTraining()
    settings = settings.replace(steps=max(20, round(settings.steps * share)))
    ready, net = trained(noisy, settings)
    held = [n for _, n in ready.patches.held_out(100)]
    x, y, noise = clean[held], noisy[held], ready.task.noise

    def db(found: Any) -> float:
        return psnr(x, np.stack(list(found)), float(np.ptp(x)))

    table = {"noisy": db(y)}
    for method, strengths in METHODS.items():
        table[f"{method}, best"] = max(db([m(p, noise, 1.0) for p in y]) for m in strengths)
    samples = np.stack([sampled(net, p, ready.normalisation, DRAWS) for p in y], axis=1)
    for n in (1, 5, 10, DRAWS):
        table[f"mean of {n} sample{'s' * (n > 1)}"] = db(samples[:n].mean(axis=0))
    for method, value in table.items():
        print(f"  {method:28s} {value:6.2f} dB")
    mean, spread = samples.mean(axis=0), samples.std(axis=0, ddof=1)
    error = np.abs(mean - x)

    def blocks(a: Any) -> Any:
        return a.reshape(len(a), SHAPE[1] // 8, 8, SHAPE[2] // 8, 8).mean((2, 4)).ravel()

    r = float(np.corrcoef(spread.ravel(), error.ravel())[0, 1])
    r8 = float(np.corrcoef(blocks(spread), blocks(error))[0, 1])
    within = [100 * float((error < n * spread).mean()) for n in (1, 2)]
    factor = float(np.quantile(error / spread, 0.9545)) / 2
    print(f"  spread and error: r {r:.2f} by pixel, {r8:.2f} in blocks of 8 x 8")
    print(f"  errors within 1 and 2 sd: {within[0]:.0f} % and {within[1]:.1f} %")
    print(f"  factor that makes the spread an error bar: {factor:.2f}")
    best = table[f"mean of {DRAWS} samples"]
    goal("above the noisy image, dB", best - table["noisy"], 9 if name == "gaussian" else 6)
    if name == "gaussian":
        goal("above the best Gaussian filter, dB", best - table["Gaussian filter, best"], 1)
        goal("above tuned non-local means, dB", best - table["non-local means, best"], 0)
        goal("r by pixel", r, 0.55)
        goal("r in blocks of 8 x 8", r8, 0.8)
        goal("errors within 2 sd, %", within[1], 90, 99.5)


def looking() -> None:
    """CPU seconds until a plane of 512 x 512 is there, of networks of the usual size."""
    from tempfile import TemporaryDirectory

    from napari_diversify import LazyVolume, Recipe
    from napari_diversify.learned import Denoise, RestoreLearned, save
    from napari_diversify.learned.card import Normalisation, Trained, UNetShape, VaeShape
    from napari_diversify.learned.networks import network

    image = np.random.default_rng(0).integers(0, 1000, (3, 512, 512)).astype(np.uint16)
    print("Looking: CPU seconds for a plane of 512 x 512 (first, again, a part of it)")
    with TemporaryDirectory() as folder:
        for task, shape in (("restore", UNetShape()), ("denoise", VaeShape())):
            trained = Trained(
                images=("-",), levels=(0, 1000), settings={}, steps=1, seed=0, versions={}
            )
            values = {"normalisation": Normalisation(mean=500, std=300), "trained": trained}
            save(f"{folder}/{task}", network(shape), task=task, shape=shape, **values)
        restore, denoise = f"{folder}/restore", f"{folder}/denoise"
        for step in (
            RestoreLearned(model=restore),
            RestoreLearned(model=restore, iterations=3),
            Denoise(model=denoise),
            Denoise(model=denoise, show="sample"),
            Denoise(model=denoise, show="mode"),
        ):
            lazy = LazyVolume(image, Recipe(steps=(step,)))
            lazy[2, :9, :9]  # libraries are loaded
            took = []
            for key in (0, 0, (0, slice(100, 200))):
                begun = time.process_time()
                lazy[key]
                took.append(time.process_time() - begun)
            what = " ".join(f"{k} {v}" for k, v in step.model_dump(exclude={"model"}).items())
            print(f"  {what:44s} " + " ".join(f"{t:7.3f}" for t in took))
            if step == step.__class__(model=step.model):
                goal(f"first picture of {step.kind}, CPU seconds", took[0], 0, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["restore", "gaussian", "photons", "looking"])
    parser.add_argument("--steps-share", type=float, default=1.0, help="of the usual steps")
    given = parser.parse_args()
    torch()
    for part in given.parts:
        if part == "restore":
            restoring(given.steps_share)
        elif part == "looking":
            looking()
        else:
            denoising(part, given.steps_share)
        print(flush=True)
    return 1 if MISSED else 0


if __name__ == "__main__":
    sys.exit(main())

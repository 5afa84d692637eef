"""The trainings of ``training_gain.py``, and what their networks are tested on."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import scipy
import skimage
import tifffile
import torch
from tiny_segmenter import Augment, Image, Labels, Maps, Net, labels_of, maps_of, trained

from napari_diversify import Recipe
from napari_diversify.core import local_std, psnr
from napari_diversify.core.measures.matching import match
from napari_diversify.recipe import (
    DegradeContrast,
    Diversify,
    LowPass,
    Sampling,
    SyntheticNuclei,
)

SPACING = (0.5, 0.5)  # µm; that of img2d is not known
WEIGHTS = {"w_i": (0.2, 1.8), "w_v": (0, 8)}
Pair: TypeAlias = tuple[Image, Labels]
#: Samples of a condition, each with its true labels.
Tests: TypeAlias = dict[str, list[Pair]]
Scores: TypeAlias = dict[str, float]

NOISY = ("as it is", *(f"diversified, {dB} dB" for dB in (25, 20, 16, 13, 11)))
OTHER = "another microscope"


# ---- trainings ----


def scale(image: Image) -> tuple[float, float]:
    return float(image.min()), float(image.max())


def ordinary(image: Image, seed: int) -> Augment:
    """Gamma, blur, and even noise, on average as strong as that of diversification."""
    low, high = scale(image)
    rms = float(np.sqrt(np.mean(local_std(image) ** 2))) / (high - low)

    def augment(crop: Image, number: int) -> Image:
        rng = np.random.default_rng((seed, number))
        unit = ((crop - low) / (high - low)) ** rng.uniform(0.6, 1.6)
        if rng.random() < 0.5:
            unit = scipy.ndimage.gaussian_filter(unit, rng.uniform(0.5, 1.5))
        noise = rng.uniform(0, 8) * rms * rng.standard_normal(crop.shape)
        return np.clip(unit + noise, 0, 1).astype(np.float32) * (high - low) + low

    return augment


def diversified(image: Image, seed: int) -> Augment:
    return _sampled(Sampling(recipe=_recipe(image, seed, Diversify()), ranges=WEIGHTS))


def chain(image: Image, seed: int) -> Augment:
    """Diversified crops, half of them behind up to 80 µm of tissue."""
    recipe = _recipe(image, seed, DegradeContrast(), Diversify())
    deep = _sampled(Sampling(recipe=recipe, ranges=WEIGHTS | {"extra_depth": (0, 80)}))
    return _by_chance(deep, diversified(image, seed), seed, 1)


def both(image: Image, seed: int) -> Augment:
    return _by_chance(ordinary(image, seed), chain(image, seed), seed, 2)


def _recipe(image: Image, seed: int, *steps: Any) -> Recipe:
    return Recipe(steps=steps, seed=seed, intensity_range=scale(image))


def _sampled(sampling: Sampling) -> Augment:
    return lambda crop, number: sampling(crop, index=number, spacing=SPACING)


def _by_chance(one: Augment, other: Augment, seed: int, coin: int) -> Augment:
    def augment(crop: Image, number: int) -> Image:
        heads = np.random.default_rng((seed, number, coin)).random() < 0.5
        return (one if heads else other)(crop, number)

    return augment


TRAININGS: Mapping[str, Callable[[Image, int], Augment] | None] = {
    "raw": None,
    "ordinary": ordinary,
    "diversified": diversified,
    "chain": chain,
    "ordinary + chain": both,
}


def augmentation(name: str, image: Image, seed: int) -> Augment:
    made = TRAININGS[name]
    if made is None:
        return lambda crop, number: crop
    change = made(image, seed)

    def augment(crop: Image, number: int) -> Image:
        kept = np.random.default_rng((seed, number, 3)).random() < 0.25
        return crop if kept else change(crop, number)

    return augment


# ---- what they are tested on ----


def at_psnr(clean: Image, target: float, worse: Callable[[float], Image]) -> Image:
    """The sample with this PSNR; ``worse`` takes the logarithm of a strength up to 32."""
    low, high = scale(clean)

    def excess(strength: float) -> float:
        return target - psnr(clean, worse(strength), high - low)

    return worse(scipy.optimize.brentq(excess, -7, np.log(32), xtol=1e-3))


def tests_of(clean: Image, labels: Labels, draws: int) -> Tests:
    low, high = scale(clean)

    def recipe(step: Any, draw: int) -> Recipe:
        return _recipe(clean, 1000 + draw, step)

    def limited(unit: Any) -> Image:
        return (np.clip(unit, 0, 1) * (high - low) + low).astype(np.float32)

    unit = (clean - low) / (high - low)

    def noise(draw: int) -> Image:
        rng = np.random.default_rng(2000 + draw)
        return rng.standard_normal(clean.shape).astype(np.float32)

    def diversify(draw: int, strength: float) -> Image:
        return recipe(Diversify(w_v=float(np.exp(strength))), draw).apply(clean)

    def gaussian(draw: int, strength: float) -> Image:
        return limited(unit + np.exp(strength - 2) * noise(draw))

    def photons(draw: int, strength: float) -> Image:
        n, rng = np.exp(4 - strength), np.random.default_rng(3000 + draw)
        return limited(rng.poisson(unit * n) / n)

    made: dict[str, Callable[[int], Image]] = {"as it is": lambda draw: clean}
    for name, kind, targets in (
        ("diversified", diversify, (25, 20, 16, 13, 11, 9)),
        ("photon noise", photons, (25, 20, 16)),
        ("even noise", gaussian, (20,)),
    ):
        for target in targets:
            made[f"{name}, {target} dB"] = lambda draw, kind=kind, target=target: at_psnr(
                clean, target, lambda strength: kind(draw, strength)
            )
    for depth in (40, 80, 160):
        made[f"{depth} µm deeper"] = lambda draw, depth=depth: recipe(
            DegradeContrast(extra_depth=depth), draw
        ).apply(clean, SPACING)
    made["low-pass, cutoff 0.25"] = lambda draw: filtered(clean)
    alike = ("as it is", "low-pass, cutoff 0.25")
    return {
        name: [(make(draw), labels) for draw in range(1 if name in alike else draws)]
        for name, make in made.items()
    }


def filtered(image: Image, cutoff: float = 0.25) -> Image:
    return _recipe(image, 0, LowPass(cutoff=cutoff)).apply(image)


def another(folder: Path) -> list[Pair]:
    """Four planes in which all nuclei that have a label are seen, as large as those of img2d."""
    image, labels = (tifffile.imread(folder / n) for n in ("nuclei.tif", "nuclei_label.tif"))
    size = tuple(round(0.42 * n) for n in image.shape[1:])
    return [
        (
            skimage.transform.resize(image[z].astype(np.float32), size, anti_aliasing=True),
            skimage.transform.resize(
                labels[z].astype(np.int32), size, order=0, preserve_range=True, anti_aliasing=False
            ),
        )
        for z in (28, 32, 36, 40)
    ]


# ---- scores ----


def ap(found: Labels, true: Labels) -> float:
    return match(true, found).ap(0.5)


def averaged(net: Net, image: Image, weights: tuple[tuple[float, float], ...]) -> Maps:
    """Mean of the maps of diversified copies."""
    copies = (
        _recipe(image, 4000 + n, Diversify(w_i=w_i, w_v=w_v)).apply(image)
        for n, (w_i, w_v) in enumerate(weights)
    )
    return np.mean([maps_of(net, copy) for copy in copies], axis=0)


def turned(net: Net, image: Image) -> Maps:
    """Mean of the maps of the image in four orientations."""
    return np.mean(
        [
            np.rot90(maps_of(net, np.rot90(image, k).copy()), -k, (1, 2))
            for k in range(4)
        ],
        axis=0,
    )  # fmt: skip


def _copies(n: int, w_i: tuple[float, float], w_v: tuple[float, float]) -> Any:
    return tuple(zip(np.linspace(*w_i, n).tolist(), np.linspace(*w_v, n).tolist(), strict=True))


#: What may be done to an image of which nothing else is known, before or around the network.
REMEDIES: Mapping[str, Callable[[Net, Image], Maps]] = {
    "low-pass before it": lambda net, image: maps_of(net, filtered(image)),
    "4 mild copies": lambda net, image: averaged(net, image, _copies(4, (1.2, 0.8), (0, 2))),
    "4 strong copies": lambda net, image: averaged(net, image, _copies(4, (1.8, 0.2), (0, 8))),
    "4 orientations": turned,
}


@dataclass(frozen=True)
class Run:
    """A training, and what the network is tested on."""

    part: str
    training: str
    fold: int
    seed: int
    steps: int
    pairs: list[Pair]
    tests: Tests

    def scores(self) -> tuple[Scores, float]:
        """Mean AP of each condition and remedy, and the CPU seconds that this took."""
        torch.set_num_threads(1)
        started = time.process_time()
        augment = augmentation(self.training, self.pairs[0][0], self.seed)
        net = trained(self.pairs, augment, steps=self.steps, seed=self.seed)
        scores: dict[str, list[float]] = {}
        for name, samples in self.tests.items():
            ways = {name: maps_of}
            if self.part == "real" and name in NOISY:
                ways |= {f"{name}: {way}": remedy for way, remedy in REMEDIES.items()}
            for way, predicted in ways.items():
                scores[way] = [ap(labels_of(predicted(net, i)), true) for i, true in samples]
        means = {name: float(np.mean(values)) for name, values in scores.items()}
        return means, time.process_time() - started


def runs(given: argparse.Namespace) -> Iterator[Run]:
    image = tifffile.imread(given.img2d / "img2d.tif").astype(np.float32)
    labels = tifffile.imread(given.img2d / "mask2d.tif").astype(np.int32)
    others: Tests = {OTHER: another(given.other)} if given.other else {}
    fitted = SyntheticNuclei.like(labels, SPACING, image)
    made = [fitted.replace(seed=n).specimen((256, 256), SPACING) for n in range(9)]
    synthetic = [
        (np.asarray(one.image[...], np.float32), np.asarray(one.labels[...], np.int32))
        for one in made
    ]
    tests = {"another synthetic image": synthetic[8:]} | tests_of(image, labels, given.draws)
    for seed in range(given.seeds):
        for name in TRAININGS:
            yield Run("synthetic", name, 0, seed, given.steps, synthetic[:8], tests | others)
    halves = [(image[part], labels[part]) for part in (slice(256), slice(256, None))]
    for fold in range(given.folds):
        tests = tests_of(*halves[1 - fold], given.draws) | others
        for seed in range(given.seeds):
            for name in TRAININGS:
                yield Run("real", name, fold, seed, given.steps, [halves[fold]], tests)

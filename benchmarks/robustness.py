"""What curves of robustness tell, and what they cost.

Run: ``python benchmarks/robustness.py``, and with ``--img2d FOLDER`` also on a real image: FOLDER
holds ``img2d.tif`` and ``mask2d.tif``, as the wheel of stardist 0.9.2 does in
``stardist/data/images``. CPU seconds. Exit status 1 if a goal is missed.

The defaults of the two segmenters were chosen on these two images, from a few settings; their
curves show what the program does, not which of the two is better elsewhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import tifffile
from timing import goal, seconds

from napari_diversify import Recipe
from napari_diversify.batch import Source
from napari_diversify.core.blocks import exhaust
from napari_diversify.core.measures.matching import match
from napari_diversify.core.measures.psnr import psnr
from napari_diversify.files import header_of
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, SyntheticNuclei
from napari_diversify.robustness.curves import Result, result
from napari_diversify.robustness.following import follow
from napari_diversify.robustness.rows import Dot
from napari_diversify.robustness.scoring import read, sample_of, voxels_of
from napari_diversify.robustness.segmenters import LoG, Otsu, Segmenter
from napari_diversify.robustness.study import Study
from napari_diversify.robustness.words import said

LEVELS = (30, 25, 20, 16, 13, 11, 9)
NOISE = Recipe(steps=(Diversify(),))


class Collapsing(Otsu):
    """Stands for a network that finds nothing as soon as there is some noise."""

    def segment(self, image: Any, spacing: Any) -> Any:
        rough = np.std(scipy.ndimage.laplace(image.astype(float))) / max(image.std(), 1e-9)
        labels = super().segment(image, spacing)
        return labels if rough < 2.4 else np.zeros_like(labels)


def source_of(image: Any, labels: Any, axes: str, spacing: tuple[float, ...] = ()) -> Source:
    units = ("micrometer",) * len(spacing)
    header = header_of(shape=image.shape, dtype=image.dtype, axes=axes, scale=spacing, units=units)
    plain = header_of(shape=labels.shape, dtype=labels.dtype, axes=axes)
    return Source(
        "image", array=image, header=header, labels=Source("l", array=labels, header=plain)
    )


def nuclei(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Source:
    specimen = SyntheticNuclei(seed=4).specimen(shape, spacing)
    image, labels = np.asarray(specimen.image[...]), np.asarray(specimen.labels[...])
    return source_of(image, labels, "zyx", spacing)


def curves(title: str, source: Source, psnrs: tuple[float, ...]) -> Result:
    study = Study(recipe=NOISE, psnr=psnrs, draws=4, segmenters=(Otsu(), LoG()))
    rows = exhaust(follow(study, [source])).rows
    found = result(study, rows)
    print(
        f"\n{title}, {rows[0].true} objects: AP at IoU 0.5, mean of 4 draws (95 %: noise; objects)"
    )
    for curve in found.curves:
        print(f"  {curve.name}")
        for p in curve.points:
            where = (
                f"{study.levels[p.level - 1]:g} dB, w_v {p.weight:.2g}" if p.level else "as it is"
            )
            low, high = p.objects
            noise = "" if p.n < 2 else f"{p.draws[0]:.2f} to {p.draws[1]:.2f}; "
            print(f"    {where:<20} {p.mean:.2f} ({noise}{low:.2f} to {high:.2f})")
    for line in said(study, found, rows):
        print(f"  {line}.")
    return found


def crossing(found: Result, low: float, high: float) -> list[bool]:
    places = [place.at for place in found.versus[0].crossings]
    at = places[0] if places else float("nan")
    return [
        goal("Otsu and LoG cross at, dB", at, low),
        goal("Otsu and LoG cross at, dB", at, high, at_most=True),
    ]


def tell_something(img2d: Path | None) -> list[bool]:
    found = curves("synthetic nuclei 24 x 128 x 128", nuclei((24, 128, 128), (1, 0.3, 0.3)), LEVELS)
    ap = {point.level: point.mean for point in found.curves[0].points}
    met = [
        goal("Otsu's AP as it is", ap[0], 0.65),
        goal("Otsu's AP at 16 dB", ap[4], 0.40),
        goal("Otsu's AP at 16 dB", ap[4], 0.64, at_most=True),
        goal("Otsu's AP at 9 dB", ap[7], 0.2, at_most=True),
        *crossing(found, 13.5, 19.5),
    ]
    if img2d is not None:
        image, labels = (tifffile.imread(img2d / name) for name in ("img2d.tif", "mask2d.tif"))
        met += crossing(curves("img2d", source_of(image, labels, "yx"), LEVELS), 21, 28)
    return met


def conditions(image: Any) -> Iterator[tuple[str, Any]]:
    """An image as it is, and worse in three ways."""
    span = (float(image.min()), float(image.max()))
    yield "as it is", image
    for w_v in (2, 4, 8, 16):
        yield f"w_v {w_v}", Recipe(steps=(Diversify(w_v=w_v),), intensity_range=span).apply(image)
    rng = np.random.default_rng(0)
    for photons in (100, 30, 10):
        unit = (image - span[0]) / (span[1] - span[0])
        noisy = rng.poisson(unit * photons) / photons * (span[1] - span[0]) + span[0]
        yield f"{photons} photons", np.clip(noisy, 0, span[1]).astype(image.dtype)
    for depth in (20, 40, 80):
        recipe = Recipe(steps=(DegradeContrast(extra_depth=depth),), intensity_range=span)
        yield f"{depth} µm deeper", recipe.apply(image, (0.5, 0.5))
    for cutoff in (0.25, 0.12):
        yield (
            f"cutoff {cutoff}",
            Recipe(steps=(LowPass(cutoff=cutoff),), intensity_range=span).apply(image),
        )


def stable(img2d: Path) -> list[bool]:
    """Spearman's rho of 1 - stability with the true error 1 - PQ, over tiles and conditions."""
    from napari_diversify.robustness.stability import stability

    image, labels = (tifffile.imread(img2d / name) for name in ("img2d.tif", "mask2d.tif"))
    tiles = [(slice(y, y + 128), slice(x, x + 256)) for y in range(0, 512, 128) for x in (0, 256)]
    span = (float(image.min()), float(image.max()))
    mild = Recipe(steps=(Diversify(w_v=1),), intensity_range=span)
    met = []
    tried: list[tuple[str, Segmenter, float]] = [
        ("Otsu", Otsu(), 0.4),
        ("a segmenter that collapses", Collapsing(), 0.6),
    ]
    for name, segmenter, wanted in tried:
        pairs = []
        for tile in tiles:
            for _, worse in conditions(image[tile]):
                true = match(labels[tile], segmenter.segment(worse, None)).scores()["pq"]
                pairs.append((1 - stability(segmenter, worse, mild), 1 - true))
        rho = scipy.stats.spearmanr(*zip(*pairs, strict=True)).statistic
        met.append(goal(f"rho of instability and error, {name} ({len(pairs)} pairs)", rho, wanted))
    return met


def cost() -> list[bool]:
    """The program's own share: everything but the segmenters."""
    source = nuclei((64, 256, 256), (0.5, 0.25, 0.25))
    study = Study(recipe=NOISE, psnr=(35, *LEVELS), draws=4, segmenters=(Otsu(),))
    (curve,) = study.curves
    spent = dict.fromkeys(
        ("w_v solved for 8 levels", "32 samples", "their PSNR", "their scores"), 0.0
    )

    def timed(what: str, work: Any, *given: Any) -> Any:
        started = time.process_time()
        done = work(*given)
        spent[what] += time.process_time() - started
        return done

    with ExitStack() as stack:
        image = read(source, stack)
        reference = image.labels
        moved = np.roll(reference, 2, axis=2).astype(np.int64) * 10**12
        for level in range(1, 9):
            timed("w_v solved for 8 levels", sample_of, study, image, curve, Dot(0, level, 0))
            for draw in range(4):
                recipe, sample = sample_of(study, image, curve, Dot(0, level, draw))
                voxels = timed("32 samples", voxels_of, image, recipe, sample)
                low, high = recipe.intensity_range
                timed("their PSNR", psnr, image.voxels, voxels, high - low)
                timed("their scores", lambda: match(reference, moved).scores())
    objects = len(match(reference, reference).true_ids)
    print(f"\n64 x 256 x 256, {objects} objects, 8 levels of 4 draws: CPU seconds")
    for what, took in spent.items():
        print(f"  {what:<28} {took:.2f}")
    once = seconds(lambda: match(reference, moved).scores(), time.process_time)
    for one in (Otsu(), LoG()):
        took = seconds(partial(one.segment, image.voxels, image.spacing), time.process_time)
        print(f"  for comparison, {one.name:<12} {took:.2f} for each sample")
    return [
        goal("CPU s for all figures of one segmentation", once, 0.3, at_most=True),
        goal("CPU s of the program for 32 samples", sum(spent.values()), 10, at_most=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--img2d", type=Path, help="folder with img2d.tif and mask2d.tif")
    given = parser.parse_args()
    met = tell_something(given.img2d) + cost()
    if given.img2d is not None:
        met += stable(given.img2d)
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()

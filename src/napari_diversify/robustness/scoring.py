"""Scoring samples of an image: made, segmented, and compared with the labels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt

from ..batch.labels import fitted
from ..batch.settle import check_recipe, once, settle, space_of
from ..batch.small_images import opened
from ..batch.source import Source
from ..core.measures.matching import match
from ..core.measures.psnr import psnr
from ..core.noise import sample_after
from ..files import Header
from ..recipe import Recipe
from .rows import Dot, Row, nothing_right
from .segmenters import Labels, Spacing
from .segmenting import segmented
from .study import Curve, Study


@dataclass(frozen=True)
class Image:
    """An image of a study, in memory.

    Attributes
    ----------
    source : Source
    header : Header
    voxels : ndarray
        As in the file.
    spacing : tuple of float or None
        Micrometres along the axes that are segmented, the last two or three.
    labels : ndarray or None
        True objects, of the shape in which the image is segmented.
    """

    source: Source
    header: Header
    voxels: npt.NDArray[Any]
    spacing: Spacing
    labels: Labels | None

    @property
    def shape(self) -> tuple[int, ...]:
        """In which it is segmented: without leading axes of length 1."""
        return self.header.shape[-self.header.spatial_ndim :]


def read(source: Source, stack: ExitStack, run: str = "") -> Image:
    """An image with its labels.

    Raises
    ------
    OSError, ValueError, TypeError
        If it cannot be read, is more than one plane or volume, or its labels do not fit.
    """
    header, data = opened(source, run, stack)
    n = header.spatial_ndim
    if any(size > 1 for size in header.shape[:-n]):
        raise ValueError(
            f"{source.name} holds several images (axes {header.axes!r}, shape {header.shape}); a "
            "segmenter is tried on one plane or volume at a time. Save one of them by itself"
        )
    labels = None
    if source.labels is not None:
        theirs, numbers = opened(source, run, stack, labels=True)
        _, laid = fitted(theirs, numbers, header)
        labels = np.asarray(laid[...]).reshape(header.shape[-n:])
        if not labels.any():
            raise ValueError(
                f"the labels of {source.name} hold no object: nothing can be found or missed"
            )
    return Image(
        source, header, np.asarray(data[...]), header.spacing_along(header.axes[-n:]), labels
    )


def check_image(study: Study, source: Source) -> tuple[int, ...]:
    """The shape in which an image is segmented, or why a study cannot use it."""
    with ExitStack() as stack:
        image = read(source, stack)
        for level in study.levels:
            check_recipe(image.header, study.sampling(level).recipe, in_voxels=source.in_voxels)
        return image.shape


def settled(study: Study, image: Image, level: int) -> Recipe:
    """The recipe of a level, every number in it; of level 0, without any step.

    Raises
    ------
    ValueError
        If the level cannot be reached with this image.
    """
    sampling = study.sampling(study.levels[max(level - 1, 0)])
    if level == 0:  # only its range is wanted
        sampling = sampling.replace(psnr=())
    if image.source.key is not None:
        sampling = sampling.keyed(image.source.key)

    def settle_it() -> Recipe:
        return settle(sampling, 0, image.source, image.header, image.voxels)

    recipe = once(image.source, ("settled", sampling.model_dump_json()), settle_it)
    return recipe if level else recipe.replace(steps=())


def sample_of(study: Study, image: Image, curve: Curve, dot: Dot) -> tuple[Recipe, int]:
    """The recipe and the number of a sample."""
    recipe = settled(study, image, dot.level)
    return study.filtered(recipe, curve), sample_after(recipe.sample, dot.draw)


def voxels_of(image: Image, recipe: Recipe, sample: int) -> npt.NDArray[Any]:
    """The voxels of a sample in the shape in which it is segmented."""
    if not recipe.steps:
        return image.voxels.reshape(image.shape)
    _, spacing = space_of(image.header, recipe, in_voxels=image.source.in_voxels)
    return recipe.apply(image.voxels, spacing, sample).reshape(image.shape)


def scored(study: Study, source: Source, curve: Curve, dots: Sequence[Dot], run: str) -> list[Row]:
    """Make samples of an image, segment and score them: a row for each.

    Parameters
    ----------
    study : Study
    source : Source
    curve : Curve
        Of all dots.
    dots : sequence of Dot
        Handed over together to a program, one by one to other segmenters.
    run : str
        Small images are read once in each run.

    Raises
    ------
    OSError, ValueError, TypeError
        If a sample cannot be made. A segmentation that fails is a row.
    """
    with ExitStack() as stack:
        image = read(source, stack, run)
        reference = image.labels if image.labels is not None else _reference(study, image, curve)
        samples = [sample_of(study, image, curve, dot) for dot in dots]
        psnrs: list[float | None] = []

        def made() -> Iterator[npt.NDArray[Any]]:
            for recipe, sample in samples:
                voxels = voxels_of(image, recipe, sample)
                low, high = recipe.intensity_range or (0.0, 0.0)
                same = not recipe.steps
                whole = image.voxels.reshape(image.shape)
                psnrs.append(None if same else psnr(whole, voxels, high - low))
                yield voxels

        found = segmented(curve.segmenter, made(), image.spacing)
        return [
            _row(study, image, dot, *samples[n], psnrs[n], reference, labels)
            for n, (dot, labels) in enumerate(zip(dots, found, strict=True))
        ]


def _row(
    study: Study,
    image: Image,
    dot: Dot,
    recipe: Recipe,
    sample: int,
    decibels: float | None,
    reference: Labels | str,
    labels: Labels | str,
) -> Row:
    failed = next((text for text in (reference, labels) if isinstance(text, str)), "")
    scores, true, found = nothing_right(0), 0, 0
    ious: tuple[float, ...] = ()
    segs = ious
    if not isinstance(reference, str):
        shown = np.zeros_like(reference) if isinstance(labels, str) else labels
        matching = match(reference, shown)
        true, found = len(matching.true_ids), len(matching.pred_ids)
        scores = nothing_right(true) if failed else matching.scores()
        ious, segs = tuple(matching.ious.tolist()), tuple(matching.seg.tolist())
    noisy = recipe.noisy
    weight = recipe.steps[noisy[0]].weights[1] if noisy else None
    return Row(
        image=image.source.name,
        dot=dot,
        level=study.levels[dot.level - 1] if dot.level else None,
        sample=sample,
        recipe=recipe.to_json(),
        weight=weight,
        psnr=decibels,
        against_itself=image.labels is None,
        failed=failed,
        scores=scores,
        true=true,
        found=found,
        ious=ious,
        segs=segs,
    )


#: What segmenters made of images as they are, where there are no labels: the last few. Another
#: array may come to lie where one lay, so that each is kept with its source.
_references: OrderedDict[object, tuple[ref[Source], Labels | str]] = OrderedDict()
_MOST = 4
_lock = Lock()


def _reference(study: Study, image: Image, curve: Curve) -> Labels | str:
    """The segmentation of the image as it is; why there is none, if it failed."""
    key = (image.source.identity, study.recipe, curve)
    with _lock:
        there = _references.get(key)
    same = there is not None and (image.source.array is None or there[0]() is image.source)
    known = there[1] if there is not None and same else None
    if known is None:
        recipe, sample = sample_of(study, image, curve, Dot(curve.number, 0, 0))
        known = next(segmented(curve.segmenter, [voxels_of(image, recipe, sample)], image.spacing))
        if isinstance(known, str):
            known = f"there is nothing to compare with, as the image as it is failed: {known}"
        with _lock:
            _references[key] = ref(image.source), known
            while len(_references) > _MOST:
                _references.popitem(last=False)
    return known

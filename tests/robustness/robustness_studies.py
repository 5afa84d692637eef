"""Small images with labels, and studies of them."""

import numpy as np

from napari_diversify import Recipe
from napari_diversify.batch import Source
from napari_diversify.core.blocks import exhaust
from napari_diversify.files import header_of
from napari_diversify.recipe import Diversify
from napari_diversify.robustness.following import follow
from napari_diversify.robustness.study import Study


def squares(n=12, side=12):
    """Bright squares of several sizes on a dim, uneven ground, and their labels."""
    labels = np.zeros((3 * side, n * side // 2), "uint16")
    for k in range(n):
        y, x = divmod(k, n // 2 if n > 1 else 1)
        size = 5 + k % 4
        labels[y * side + 2 : y * side + 2 + size, x * side + 2 : x * side + 2 + size] = 10 + 3 * k
    ground = 100 + 7 * np.add.outer(np.arange(labels.shape[0]), np.arange(labels.shape[1])) % 23
    return (ground + 900 * (labels > 0)).astype("uint16"), labels


def source_of(image, labels=None, name="squares", axes="yx", **header):
    numbers = None
    if labels is not None:
        of_labels = header_of(shape=labels.shape, dtype=labels.dtype, axes=axes)
        numbers = Source("labels", array=labels, header=of_labels)
    told = header_of(shape=image.shape, dtype=image.dtype, axes=axes, **header)
    return Source(name, array=image, header=told, labels=numbers)


def study_of(*segmenters, psnr=(25, 15, 8), draws=2, **more):
    recipe = Recipe(steps=(Diversify(),), seed=5, sample=3)
    return Study(recipe=recipe, psnr=psnr, draws=draws, segmenters=segmenters, **more)


def followed(study, *sources, **options):
    return exhaust(follow(study, sources, **options))

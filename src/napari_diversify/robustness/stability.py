"""How far a segmentation agrees with itself: a question that needs no labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from ..core.measures.matching import match
from ..core.noise import sample_after
from ..recipe import Recipe
from .segmenters import AnySegmenter
from .segmenting import segmented


def stability(
    segmenter: AnySegmenter,
    image: npt.NDArray[Any],
    recipe: Recipe,
    copies: int = 4,
    spacing: Sequence[float] | None = None,
) -> float:
    """Mean PQ between the segmentation of an image and those of changed copies.

    It is stability, not accuracy: a segmenter can be stable and wrong. Across images of
    different quality it goes along with the true error, across images of one quality hardly. An
    empty result counts as unstable, or a segmenter that finds nothing would seem to be at its best.

    Parameters
    ----------
    segmenter : Segmenter
    image : ndarray of int or float, shape (Y, X) or (Z, Y, X)
    recipe : Recipe
        What makes the copies; each has noise of its own. With w_v 1 or 2 they look nearly the same.
    copies : int, optional
    spacing : sequence of float, optional
        Micrometres along the axes.

    Returns
    -------
    float
        0 to 1. A segmentation that fails agrees with nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> from napari_diversify.robustness.segmenters import Otsu
    >>> from napari_diversify.robustness.stability import stability
    >>> discs = np.kron(np.eye(3), np.ones((12, 12))) * 1000
    >>> stability(Otsu(), discs, Recipe(steps=(Diversify(w_v=0),)), copies=1)
    1.0
    """
    size = None if spacing is None else tuple(float(s) for s in spacing)
    numbers = [sample_after(recipe.sample, n) for n in range(copies)]
    images = (image, *(recipe.apply(image, size, number) for number in numbers))
    reference, *others = segmented(segmenter, images, size)
    if isinstance(reference, str):
        return 0.0
    agreement = [
        0.0 if isinstance(labels, str) else match(reference, labels).scores()["pq"]
        for labels in others
    ]
    return sum(agreement) / len(agreement)

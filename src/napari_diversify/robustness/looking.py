"""What is behind a row: the sample, its segmentation, and what is wrong with it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..batch.source import Source
from ..core.measures.matching import FALSE, MERGED, MISSED, RIGHT, SPLIT, match
from .rows import Dot, Row
from .scoring import read, sample_of, voxels_of
from .segmenters import Labels
from .segmenting import segmented
from .study import Study

#: What the numbers in a map of errors mean; 0 is background.
FATES = {RIGHT: 1, MISSED: 2, FALSE: 3, MERGED: 4, SPLIT: 5}


@dataclass(frozen=True)
class Looked:
    """What is behind a row.

    Attributes
    ----------
    sample : ndarray
        Voxels as the segmenter is given them: ``row.made_by.apply(image, sample=row.sample)``.
    labels : ndarray or None
        Its segmentation; None if it failed.
    errors : ndarray of uint8 or None
        For each voxel the number in :data:`FATES` of what became of the object there.
    """

    sample: npt.NDArray[Any]
    labels: Labels | None
    errors: npt.NDArray[np.uint8] | None


def behind(study: Study, source: Source, row: Row) -> Looked:
    """Make the sample of a row once more, and segment it.

    Raises
    ------
    OSError, ValueError, TypeError
        If the image cannot be read.
    """
    with ExitStack() as stack:
        image = read(source, stack)
        curve = study.curves[row.dot.curve]
        sample = voxels_of(image, row.made_by, row.sample)
        found = next(segmented(curve.segmenter, [sample], image.spacing))
        if isinstance(found, str):
            return Looked(sample, None, None)
        reference = image.labels
        if reference is None:
            clean = voxels_of(image, *sample_of(study, image, curve, Dot(curve.number, 0, 0)))
            by_itself = next(segmented(curve.segmenter, [clean], image.spacing))
            reference = None if isinstance(by_itself, str) else by_itself
        return Looked(sample, found, None if reference is None else errors(reference, found))


def errors(true: Labels, found: Labels) -> npt.NDArray[np.uint8]:
    """A map of what became of each object.

    True objects are drawn by what became of them; where there is none, false objects, and parts
    of right ones that lie beside theirs.

    Returns
    -------
    ndarray of uint8, shape of ``true``
        Numbers of :data:`FATES`.

    Examples
    --------
    >>> import numpy as np
    >>> errors(np.array([1, 1, 0, 2, 2, 0]), np.array([1, 1, 0, 0, 0, 8])).tolist()
    [1, 1, 0, 2, 2, 3]
    """
    matching = match(true, found)
    of_true, of_found = matching.fates()
    drawn = _coloured(true, matching.true_ids, of_true)
    return np.where(drawn > 0, drawn, _coloured(found, matching.pred_ids, of_found))


def _coloured(labels: Labels, ids: npt.NDArray[Any], fates: list[str]) -> npt.NDArray[np.uint8]:
    if not len(ids):
        return np.zeros(labels.shape, np.uint8)
    numbers = np.array([FATES[fate] for fate in fates], np.uint8)
    place = np.minimum(np.searchsorted(ids, labels), len(ids) - 1)
    return np.where(labels > 0, numbers[place], np.uint8(0))

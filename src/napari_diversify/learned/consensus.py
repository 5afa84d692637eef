"""One segmentation from many samples of a denoised image, by vote."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from ..core.measures.visibility import otsu_threshold
from ..recipe import LazyVolume, Recipe

#: Makes a mask, or labels, of a sample.
Segment: TypeAlias = Callable[[npt.NDArray[Any]], npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class Consensus:
    """What most samples have in common.

    Attributes
    ----------
    labels : numpy.ndarray of int32
        Objects where more than half of the samples see one: connected voxels, faces touching.
    votes : numpy.ndarray of float32
        Share of the samples that see an object in each voxel: 0 and 1 where all agree, 0.5 where
        they are divided.
    samples : int
    """

    labels: npt.NDArray[np.int32]
    votes: npt.NDArray[np.float32]
    samples: int

    @property
    def objects(self) -> int:
        """How many objects there are."""
        return int(self.labels.max(initial=0))

    @property
    def divided(self) -> float:
        """Share of the voxels about which a tenth of the samples or more are of another mind."""
        return float(np.mean(np.minimum(self.votes, 1 - self.votes) >= 0.1))


def otsu(sample: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Objects are what is brighter than Otsu's threshold of the sample; none if it is flat."""
    if sample.min() == sample.max():
        return np.zeros(sample.shape, np.bool_)
    return np.asarray(sample > otsu_threshold(sample))


def consensus(samples: Iterable[npt.ArrayLike], segment: Segment = otsu) -> Consensus:
    """Segment each sample by itself, and let them vote.

    Where the samples differ, as at dim objects and between touching ones, the votes tell how
    sure the result is. Where objects stand well apart it is that of the mean of the samples.

    Parameters
    ----------
    samples : iterable of array_like of one shape, ([Z,] Y, X)
        Of one image, such as those of a recipe with ``Denoise(show="sample")``.
    segment : callable, optional
        ``segment(sample)`` gives a mask, or labels with 0 for background, of the same shape; by
        default what is brighter than Otsu's threshold.

    Returns
    -------
    Consensus

    Raises
    ------
    ValueError
        If there is no sample, or shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.learned.consensus import consensus
    >>> samples = np.zeros((3, 4, 8))
    >>> samples[:, 1, 1:3] = 9  # all see it
    >>> samples[0, 3, 6] = 9  # one sees it
    >>> found = consensus(samples)
    >>> found.objects, float(found.votes[1, 1]), round(float(found.votes[3, 6]), 2)
    (1, 1.0, 0.33)
    """
    votes = _Votes(segment)
    for sample in samples:
        votes.add(np.asarray(sample))
    return votes.counted()


def consensus_of(
    array: Any,
    recipe: Recipe,
    samples: int,
    *,
    spacing: Sequence[float] | None = None,
    segment: Segment = otsu,
) -> Generator[tuple[int, int], None, Consensus]:
    """The consensus of samples 0, 1, 2, ... of a recipe, computed plane by plane.

    Parameters
    ----------
    array : array-like of int or float, shape ([Z,] Y, X)
        Its image.
    recipe : Recipe
        Which draws samples, as one with ``Denoise(show="sample")``.
    samples : int
        1 or more.
    spacing : sequence of float, optional
        Voxel size per axis, in micrometres.
    segment : callable, optional
        As in :func:`consensus`; it is given whole samples.

    Yields
    ------
    (int, int)
        Planes computed, and planes.

    Returns
    -------
    Consensus
    """
    votes, done = _Votes(segment), 0
    lazy = LazyVolume(array, recipe, spacing)
    planes = [*np.ndindex(lazy.shape[:-2])]
    # sample by sample: a threshold is that of a whole one
    recipe = recipe.replace(intensity_range=lazy.intensity_range)
    for number in range(samples):
        of_this = LazyVolume(array, recipe, spacing, number)
        values = np.empty(of_this.shape, of_this.dtype)
        for plane in planes:
            yield done, samples * len(planes)
            values[plane] = of_this[plane]
            done += 1
        votes.add(values)
    return votes.counted()


class _Votes:
    """Counts in how many samples a voxel belongs to an object."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._votes: npt.NDArray[np.uint32] | None = None
        self._samples = 0

    def add(self, sample: npt.NDArray[Any]) -> None:
        """Have a sample vote."""
        objects = np.asarray(self._segment(sample)) != 0
        if self._votes is None:
            self._votes = np.zeros(sample.shape, np.uint32)
        if not objects.shape == sample.shape == self._votes.shape:
            raise ValueError(
                f"samples and their segmentations must have one shape; got {self._votes.shape}, "
                f"{sample.shape} and {objects.shape}"
            )
        self._votes += objects
        self._samples += 1

    def counted(self) -> Consensus:
        """What most of them have in common."""
        if self._votes is None:
            raise ValueError("a consensus needs one sample or more; there is none")
        labels = np.empty(self._votes.shape, np.int32)
        scipy.ndimage.label(2 * self._votes > self._samples, output=labels)
        share = self._votes / np.float32(self._samples)
        return Consensus(labels, share.astype(np.float32), self._samples)

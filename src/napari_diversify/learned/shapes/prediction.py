"""The 3D shapes that the objects of a 2D image may have: samples, frequency map, features.

    shapes = Prediction("models/cells", labels, image, spacing=(0.2, 0.2))
    shapes.samples[0]            labels (Z, Y, X) of the first sample
    shapes.frequency             how often a voxel is part of an object
    shapes.features()            a row for each object, with its spread

All arrays are computed where they are indexed. The given plane is the one in the middle of z. A
sample of an object is a function of model, picture, seed, label and number of the sample.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from ...core.blocks import Region, in_slabs, normalise_index, region_shape, spread_over, workers
from ...core.computed import Computed
from ..folder import find, load
from .features import NAMES, features
from .frequency import calibrated
from .given import check_given, objects_in, shape_of
from .pictures import Floats, levels_of
from .sampling import draw, noise_of

_KEPT = 1 << 28  # bytes of samples in their cubes


class Prediction:
    """3D shapes of labelled objects in a 2D image.

    Parameters
    ----------
    model : str or path-like
        Folder of a model that ``train shapes`` has made, or what a recipe would call it.
    labels : array of int, shape (Y, X)
        0 is background.
    image : array, shape (Y, X), optional
        Needed if the model looks at pictures.
    spacing : (float, float)
        Size of a pixel along y and x in micrometres.
    samples : int, optional
        How many shapes are drawn of each object.
    seed : int, optional
    plane_spacing : float, optional
        Distance of the planes of the result in micrometres; by default the size of a pixel.
    levels : (float, float), optional
        Grey levels of background and usual objects; by default those of the image.

    Attributes
    ----------
    numbers : tuple of int
        Labels of the objects that shapes are drawn for.
    notes : tuple of str
        Sentences without a full stop on objects that are left out, and on what to doubt.
    spacing : tuple of float
        Voxel size of the results (z, y, x) in micrometres.
    samples : array-like of labels, shape (samples, Z, Y, X)
        Where shapes of neighbours overlap, a voxel belongs to the one that is surer of it.
    frequency : array-like of float32, shape (Z, Y, X)
        Share of the samples in which a voxel is part of an object.
    probability : array-like of float32, shape (Z, Y, X)
        The same, corrected by how often such voxels were right in objects that were held out
        when the model was trained.
    majority : array-like of labels, shape (Z, Y, X)
        Voxels that are set in more than half of the samples.

    Raises
    ------
    OSError, TypeError, ValueError
        If the model, the labels or the image cannot be used; the message says why.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        labels: npt.NDArray[Any],
        image: npt.NDArray[Any] | None = None,
        *,
        spacing: Sequence[float],
        samples: int = 5,
        seed: int = 0,
        plane_spacing: float | None = None,
        levels: tuple[float, float] | None = None,
    ) -> None:
        name = os.fspath(model)
        self.card = find(name)[1]
        self.shape = shape_of(self.card, name)
        check_given(labels, image, spacing, self.shape)
        if samples < 1:
            raise ValueError(f"there must be at least 1 sample of each object; got {samples}")
        self.seed, self.number = seed, samples
        y, x = (float(s) for s in spacing)
        z = float(plane_spacing or x)
        self.spacing = (z, y, x)
        if levels is None:
            levels = (0.0, 1.0) if image is None else levels_of(image, labels)
        self.levels = levels
        # an odd number of planes: the one in the middle is the one that was given
        planes = 2 * math.ceil(self.shape.side * self.shape.voxel / z / 2) + 1
        self.size = (planes, *labels.shape)
        self._objects, self.notes = objects_in(labels, image, self.levels, (y, x), self.shape)
        self.numbers = tuple(one.number for one in self._objects)
        self._net = lru_cache(maxsize=1)(lambda: load(name))
        kept = max(samples, _KEPT // (4 * self.shape.side**3))
        self.cube = lru_cache(maxsize=kept)(self._drawn)
        dtype = np.min_scalar_type(max(self.numbers, default=0))
        self.samples = _Array((samples, *self.size), max(dtype, np.dtype("uint8")), self._labels)
        self.majority = _Array(self.size, self.samples.dtype, self._majority)
        self.frequency = _Array(self.size, np.dtype("float32"), self._frequency)
        self.probability = _Array(self.size, np.dtype("float32"), self._probability)

    # ---- cubes ----

    def _drawn(self, k: int, number: int) -> Floats:
        """Sample ``number`` of the k-th object in its cube: above 0 inside."""
        one = self._objects[k]
        noise = noise_of(self.shape, self.seed, f"object {one.number}", number)
        return draw(self._net(), self.shape, one.seen, noise)

    def drawing(self) -> Generator[tuple[int, int], None, None]:
        """Draw all samples, a few at a time; yield (drawn, all)."""
        wanted = [(k, n) for k in range(len(self._objects)) for n in range(self.number)]
        step = 2 * workers()
        for first in range(0, len(wanted), step):
            self._draw(wanted[first : first + step])
            yield min(first + step, len(wanted)), len(wanted)

    def _draw(self, wanted: Sequence[tuple[int, int]]) -> None:
        """Draw samples, one in each thread of ours at a time."""
        self._net()

        def some(part: slice) -> None:
            before = spread_over(1)
            try:
                for k, number in wanted[part]:
                    self.cube(k, number)
            finally:
                spread_over(before)

        in_slabs(some, len(wanted), 1 << 30)

    # ---- from cubes to the image ----

    def _in(self, region: Region) -> list[tuple[int, tuple[slice, ...], list[Floats]]]:
        """Objects whose cube reaches into a region, where, and at which places of their cube."""
        side, voxel = self.shape.side, self.shape.voxel
        found = []
        for k, one in enumerate(self._objects):
            middle = (self.size[0] * self.spacing[0] / 2, *one.middle)
            parts, places = [], []
            for axis, (positions, size, centre) in enumerate(
                zip(region, self.spacing, middle, strict=True)
            ):
                at = np.arange(positions.start, positions.stop, positions.step)
                place = ((at + 0.5) * size - centre) / voxel + (side - 1) / 2
                inside = np.flatnonzero((place > -1) & (place < side))
                if not len(inside):
                    break
                parts.append(slice(int(inside[0]), int(inside[-1]) + 1))
                places.append(place[parts[axis]].astype(np.float32))
            else:
                found.append((k, tuple(parts), places))
        return found

    def _overlaid(
        self, region: Region, numbers: range, value: Callable[[list[Floats]], Floats], least: float
    ) -> tuple[Floats, npt.NDArray[Any]]:
        """The greatest value of any object at each voxel, and the label of that object."""
        within = self._in(region)
        self._draw([(k, n) for k, _, _ in within for n in numbers])
        best = np.full(region_shape(region), least, np.float32)
        labels = np.zeros(best.shape, self.samples.dtype)
        for k, part, places in within:
            grid = np.meshgrid(*places, indexing="ij")
            fields = [
                scipy.ndimage.map_coordinates(
                    self.cube(k, n), grid, order=1, mode="grid-constant", cval=-1.0
                )
                for n in numbers
            ]
            found = value(fields)
            better = found > best[part]
            best[part][better] = found[better]
            labels[part][better] = self.numbers[k]
        return best, labels

    def _labels(self, region: Region) -> npt.NDArray[Any]:
        rest = region[1:]
        planes = [
            self._overlaid(rest, range(n, n + 1), lambda fields: fields[0], 0.0)[1]
            for n in region[0]
        ]
        return np.stack(planes) if planes else np.zeros(region_shape(region), self.samples.dtype)

    def _majority(self, region: Region) -> npt.NDArray[Any]:
        return self._overlaid(region, range(self.number), _share, 0.5)[1]

    def _frequency(self, region: Region) -> npt.NDArray[Any]:
        return self._overlaid(region, range(self.number), _share, 0.0)[0]

    def _probability(self, region: Region) -> npt.NDArray[Any]:
        frequency = self._frequency(region)
        return np.where(frequency > 0, calibrated(frequency, self.card.calibration), 0)

    # ---- numbers ----

    def features(self) -> dict[str, npt.NDArray[Any]]:
        """A table with a row for each object: for each feature its mean and its spread.

        Columns are "label", "index" (the same; napari's layers look for it), "samples", and, for
        each of :data:`.features.NAMES`, its mean over the samples and, after "sd of", its
        standard deviation, which is NaN of a single sample.
        """
        every = self.every_sample()
        columns: dict[str, npt.NDArray[Any]] = {
            "label": np.array(self.numbers, np.int64),
            "index": np.array(self.numbers, np.int64),
            "samples": np.full(len(self.numbers), self.number),
        }
        for f, name in enumerate(NAMES):
            values = every[:, :, f]
            columns[name] = _over_samples(np.mean, values)
            spread = _over_samples(lambda v: np.std(v, ddof=1) if len(v) > 1 else np.nan, values)
            columns[f"sd of {name}"] = spread
        return columns

    def every_sample(self) -> npt.NDArray[np.float64]:
        """The features of each sample of each object, (objects, samples, features)."""
        objects = range(len(self._objects))
        self._draw([(k, n) for k in objects for n in range(self.number)])
        table = [
            [features(self.cube(k, n) > 0, self.shape.voxel) for n in range(self.number)]
            for k in objects
        ]
        return np.array(table, np.float64).reshape(len(objects), self.number, len(NAMES))


class _Array(Computed):
    """An array whose regions a function computes."""

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], compute: Callable[[Region], Any]
    ) -> None:
        self.shape, self.dtype, self._compute = shape, dtype, compute

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        values: npt.NDArray[Any] = self._compute(region).astype(self.dtype, copy=False)
        return values.squeeze(dropped)


def _share(fields: list[Floats]) -> Floats:
    """In which share of the samples a voxel is set."""
    share: Floats = np.mean([field > 0 for field in fields], axis=0, dtype=np.float32)
    return share


def _over_samples(
    function: Callable[[npt.NDArray[np.float64]], Any], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """A function of the finite numbers of each row."""
    found = []
    for row in values:
        known = row[np.isfinite(row)]
        found.append(float(function(known)) if len(known) else math.nan)
    return np.array(found)

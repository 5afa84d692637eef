"""A study of layers, and what is computed of it in threads; knows nothing of windows."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread
from typing import TypeAlias

import napari.layers
import numpy as np
import numpy.typing as npt
import scipy

from ...batch import Source
from ...report import write_study
from ...robustness.children import end_idle, stop_all
from ...robustness.curves import Result, result
from ...robustness.following import Outcome, follow
from ...robustness.fragile import Fragile, coloured, fragile
from ...robustness.looking import Looked, behind
from ...robustness.rows import Row
from ...robustness.running import identity, keep
from ...robustness.scoring import read
from ...robustness.script import as_command
from ...robustness.study import Study
from ...robustness.words import said
from ..export.source import source_of

_Progress: TypeAlias = tuple[int, int]
#: One study at a time: stopping one ends all processes of segmenters.
_ONE = Lock()


@dataclass(frozen=True)
class Concluded:
    """What rows tell, and of how many; with another score they tell other things."""

    study: Study
    rows: tuple[Row, ...]
    result: Result
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Objects:
    """How long each labelled object is found by a curve, as a table and as a layer."""

    curve: int
    objects: tuple[Fragile, ...]
    centres: tuple[tuple[float, ...], ...]  # in voxels
    layer: npt.NDArray[np.int32]


class Job:
    """A study of an image layer: its rows so far, and how to get the others.

    Parameters
    ----------
    study : Study
    image : napari.layers.Image
    labels : napari.layers.Labels, optional
    """

    def __init__(
        self,
        study: Study,
        image: napari.layers.Image,
        labels: napari.layers.Labels | None,
    ) -> None:
        self.study, self.image, self.labels = study, image, labels
        self.rows: list[Row] = []
        self.source: Source | None = None  # as it was when the study began
        self.done = False
        self._loading = False

    def work(self) -> Generator[_Progress, None, Outcome]:
        """Make the rows that are missing; they come into :attr:`rows`."""
        while not _ONE.acquire(timeout=0.1):
            yield 0, 0
        try:
            if self.source is None:
                yield 0, 0
                self._loading = True
                end_idle()  # a function may have been changed since
                for segmenter in self.study.segmenters:
                    identity(segmenter)  # a function that is not there is told before all else
                self.source = _frozen(self.image, self.labels, self.study.recipe.in_lengths)
                self._loading = False
            with closing(follow(self.study, [self.source], known=tuple(self.rows))) as work:
                while True:
                    try:
                        progress = next(work)
                    except StopIteration as end:
                        outcome: Outcome = end.value
                        self.done = True
                        return outcome
                    self.rows += progress.rows
                    yield progress.done, progress.total
        finally:
            self._loading = False
            _ONE.release()

    def hurry(self) -> None:
        """Have a stop be heard while a function is loaded, which may hang."""
        if self._loading:
            Thread(target=stop_all, daemon=True).start()

    def concluded(self, study: Study) -> Generator[_Progress, None, Concluded]:
        """What the rows tell, of the score of ``study``."""
        rows = tuple(self.rows)
        found = result(study, rows)
        return Concluded(study, rows, found, tuple(said(study, found, rows)))
        yield  # it is a generator

    def behind(self, row: Row) -> Generator[_Progress, None, tuple[Row, Looked]]:
        """The sample of a row, its segmentation and the errors."""
        assert self.source is not None
        yield 0, 0
        return row, behind(self.study, self.source, row)

    def objects(self, curve: int) -> Generator[_Progress, None, Objects]:
        """How long each labelled object is found by a curve."""
        assert self.source is not None
        yield 0, 0
        with ExitStack() as stack:
            image = read(self.source, stack)
        labels = image.labels
        if labels is None:
            raise ValueError(
                "which objects are fragile is known only where there are labels: choose a labels "
                "layer, and run again"
            )
        voxels = image.voxels.reshape(image.shape)
        found = fragile(self.study, tuple(self.rows), curve, voxels, labels, image.spacing)
        numbers = np.searchsorted([one.label for one in found], labels) + 1
        at = range(1, len(found) + 1)
        centres = scipy.ndimage.center_of_mass(labels > 0, np.where(labels > 0, numbers, 0), at)
        shape = self.source.header.shape if self.source.header else labels.shape
        layer = coloured(labels, found).reshape(shape)
        return Objects(curve, tuple(found), tuple(centres), layer)

    def kept(self, study: Study, folder: Path) -> Generator[_Progress, None, Sequence[Path]]:
        """Write all there is into a folder, as the command would; the page first."""
        assert self.source is not None
        yield 0, 0
        keep(study, [self.source], tuple(self.rows), folder)
        return write_study(folder)


def command_of(
    study: Study, image: napari.layers.Image, labels: napari.layers.Labels | None
) -> str:
    """The command that runs a study of layers that show files.

    Raises
    ------
    ValueError, TypeError
        If there is none; the message says why.
    """
    source = source_of(image, labels, in_lengths=study.recipe.in_lengths)
    return as_command(study, [source], Path(f"{source.name}-robustness"))


def _frozen(
    image: napari.layers.Image, labels: napari.layers.Labels | None, in_lengths: bool
) -> Source:
    """Both layers as they are now, read once; what is painted later changes no score."""
    source = source_of(image, labels, in_lengths=in_lengths)
    truth = source.labels
    if truth is not None:
        truth = replace(truth, array=np.array(truth.array))
    return replace(source, array=np.array(source.array), labels=truth)

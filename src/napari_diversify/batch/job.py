"""What a batch makes: from which images, how many samples, in which files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import files
from ..files import FORMATS, LAYOUTS, Format, Layout
from ..recipe.sampling import Sampling
from .source import Source


@dataclass(frozen=True)
class Unit:
    """One sample of one source; all its files are made together or not at all."""

    name: str
    source: Source
    number: int


@dataclass(frozen=True, eq=False)
class Job:
    """Samples of some images, and the files to which they are written.

    Attributes
    ----------
    sources : tuple of Source
    sampling : Sampling
    output : Path
        Folder of the training set.
    layout : str
        Key of :data:`napari_diversify.files.LAYOUTS`.
    file_format : str, optional
        Key of :data:`napari_diversify.files.FORMATS`, by default the layout's first.
    chunk, shard : int, optional
        Of OME-Zarr files, in voxels along every spatial axis.
    only : tuple of int, optional
        Samples to make, counted from 0, of those in the sampling; by default all.

    Raises
    ------
    ValueError
        If the job cannot work; the message says why.
    """

    sources: tuple[Source, ...]
    sampling: Sampling
    output: Path
    layout: str = "plain"
    file_format: str | None = None
    chunk: int | None = None
    shard: int | None = None
    only: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("there is no image to make samples of")
        if self.only is not None:
            self._check_only(self.only)
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}; got {self.layout!r}")
        if self.file_format not in (None, *self.how.formats):
            raise ValueError(
                f"{self.how.title} takes {' or '.join(self.how.formats)}; got {self.file_format!r}"
            )
        if self.chunk is not None or self.shard is not None:
            if not self.format.chunked:
                chunked = [fmt.name for fmt in FORMATS.values() if fmt.chunked]
                raise ValueError(f"chunks and shards are for {', '.join(chunked)} files only")
            for n in (self.chunk, self.shard):
                if n is not None and n < 1:
                    raise ValueError(f"chunks and shards have 1 voxel or more; got {n}")
        files.check_names(source.name for source in self.sources)
        for source in self.sources:
            files.paths(self.how, self.output, source.name, file_format=self.format.name)
        if self.how.source is not None and any(s.labels is not None for s in self.sources):
            raise ValueError(
                f"{self.how.title} takes pairs of images, not labels. Choose another layout, "
                "or leave the labels out"
            )

    @property
    def how(self) -> Layout:
        """The layout itself."""
        return LAYOUTS[self.layout]

    @property
    def format(self) -> Format:
        """The file format."""
        return FORMATS[self.file_format or self.how.formats[0]]

    @property
    def settings(self) -> dict[str, Any]:
        """What else its files are written with, see :class:`.formats.Codec`."""
        return {"chunk": self.chunk, "shard": self.shard}

    def _check_only(self, only: tuple[int, ...]) -> None:
        if not only:
            raise ValueError("no sample is chosen: keep at least one")
        if list(only) != sorted(set(only)) or not 0 <= only[0] <= only[-1] < len(self.sampling):
            raise ValueError(
                f"the samples to make must ascend within 0 to {len(self.sampling) - 1}; "
                f"got {', '.join(map(str, only[:8]))}{' …' if len(only) > 8 else ''}"
            )

    @property
    def numbers(self) -> Sequence[int]:
        """The samples made of each image, counted from 0."""
        return range(len(self.sampling)) if self.only is None else self.only

    def __len__(self) -> int:
        return len(self.sources) * len(self.numbers)

    def units(self) -> Iterator[Unit]:
        """All samples of all sources, in the order of the manifest."""
        first = self.sampling.recipe.sample
        digits = max(4, len(str(first + len(self.sampling) - 1)))
        for source in self.sources:
            for n in self.numbers:
                yield Unit(f"{source.name}_{first + n:0{digits}d}", source, n)

    def of(self, unit: Unit) -> Job:
        """The same job for one unit only: little to send to a worker, however many there are."""
        return replace(self, sources=(unit.source,), only=(unit.number,))

    def sampling_of(self, source: Source) -> Sampling:
        """What is drawn for one of the sources."""
        return self.sampling if source.key is None else self.sampling.keyed(source.key)


def size_of(job: Job) -> int:
    """Bytes of everything that a job will write, before compression.

    Raises
    ------
    OSError, ValueError
        If an image cannot be opened.
    """
    total = 0
    for source in job.sources:
        with source.open() as (header, _):
            each = header.nbytes * (2 if job.how.source is not None else 1)
        if source.labels is not None:
            with source.open_labels() as (header, _):
                each += header.nbytes
        total += each * len(job.numbers)
    return total

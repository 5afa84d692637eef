"""What is asked for in a sample, and what its files carry on how they were made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import __version__
from ..recipe import LazyVolume
from ..recipe.provenance import BatchProvenance, SourceImage, WrittenRecipe
from .job import Job, Unit
from .record import Record
from .source import Source


def request(job: Job, unit: Unit, real: Callable[[Path], str] = os.path.realpath) -> Record:
    """A description of a sample, to decide whether a finished one is the one that is wanted.

    ``real`` finds where paths lead; one that remembers folders is quicker for many samples.
    """
    s, source, labels = job.sampling_of(unit.source), unit.source, unit.source.labels
    return {
        "recipe": s.recipe.replace(sample=s.recipe.sample + unit.number).model_dump(mode="json"),
        "drawn": s.drawn(unit.number),
        "target_psnr": s.target(unit.number),
        "source": _image(source, job.output, real).entry(),
        "labels": None if labels is None else _image(labels, job.output, real).entry(),
        "layout": job.layout,
        "format": job.format.name,
        "chunk": job.chunk,
        "shard": job.shard,
    }


def provenance_of(job: Job, unit: Unit, volume: LazyVolume) -> BatchProvenance:
    """The record in every file of a sample: enough to make it again."""
    s = job.sampling_of(unit.source)
    return BatchProvenance(
        program="napari-diversify",
        version=__version__,
        recipe=WrittenRecipe.of(volume.recipe),
        drawn=s.drawn(unit.number),
        target_psnr=s.target(unit.number),
        source=_image(unit.source, job.output, os.path.realpath),
        spacing=volume.spacing,
    )


def _image(source: Source, output: Path, real: Callable[[Path], str]) -> SourceImage:
    """Which image it is, and where."""
    path = None if source.path is None else _way(real(source.path), real(output))
    given: dict[str, Any] = {}
    if source.series is not None:
        given["series"] = source.series
    if source.voxel_size:
        given["voxel_size"] = dict(sorted(source.voxel_size.items()))
    return SourceImage(name=source.name, path=path, axes=source.axes, **given)


def _way(path: str, folder: str) -> str:
    """The path from the training set to a source, so that both may be moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return Path(path).as_posix()

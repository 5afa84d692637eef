"""Making a generated file again from its own recipe, and comparing the two."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import files
from ..core.blocks import region_shape, slices
from ..files import Header
from ..recipe.provenance import BatchProvenance, SourceImage
from .parts import Part
from .record import FOLDER
from .settle import volume_of
from .source import Source
from .specimen_replay import compared

_SPECIMEN = Path("a synthetic specimen")


@dataclass(frozen=True)
class Replay:
    """How a file compares with the result of its recipe.

    Attributes
    ----------
    path, source : Path
        The file, and the image it was made from; "a synthetic specimen" is none.
    voxels, different : int
        How many voxels it has, and how many are not the same.
    largest : float
        The largest difference, in grey levels.
    """

    path: Path
    source: Path
    voxels: int
    different: int
    largest: float


def replay(
    path: str | os.PathLike[str], source: str | os.PathLike[str] | None = None
) -> Generator[tuple[int, int], None, Replay]:
    """Make a generated file again and compare; yield (pieces done, pieces).

    Parameters
    ----------
    path : path-like
        A file that a batch has written, or an image or labels of a synthetic specimen.
    source : path-like, optional
        The image it was made from, if that has been moved.

    Raises
    ------
    ValueError
        If the file carries no recipe, or was not made from this source.
    OSError
        If one of the two cannot be read; the message says which.
    """
    with files.open_image(path) as image:
        entry = image.header.provenance or {}
        if "recipe" not in entry and isinstance(entry.get("specimen"), dict):
            work = compared(Path(path), image.data, entry["specimen"])
            different, largest = yield from work
            return Replay(Path(path), _SPECIMEN, image.data.size, different, largest)
        made_by = _provenance(Path(path), image.header)
        recipe, origin, at = made_by.recipe.recipe(), made_by.source, made_by.at
        where = _source(Path(path), origin.path) if source is None else Path(source)
        with _as_read(origin, where).open() as (header, data):
            if any(i not in range(header.size_of(axis)) for axis, i in at):
                raise ValueError(f"{path} was not made from {where}, which has no {dict(at)}")
            volume = volume_of(header, data, recipe, in_voxels=True)
            if made_by.spacing is not None and len(made_by.spacing) != volume.spatial_ndim:
                raise ValueError(f"what {path} says about its voxel size does not fit {where}")
            if made_by.knows_spacing:  # what it was made with, whatever the file says today
                volume.spacing = made_by.spacing
            else:  # version 0.1.0 knew all sizes or none
                sizes = header.spacing
                volume.spacing = None if sizes is None else sizes[-volume.spatial_ndim :]
            part = Part("part", image.header, at)
            shape = tuple(
                n for n, i in zip(header.shape, part.index(header.axes), strict=True)
                if isinstance(i, slice)
            )  # fmt: skip
            if shape != image.header.shape or header.dtype != image.header.dtype:
                raise ValueError(
                    f"{path} ({image.header.dtype}, {image.header.shape}) was not made from "
                    f"{where} ({header.dtype}, {header.shape})"
                )
            yield from volume.prepare()
            regions = list(part.runs(header.axes))
            different, largest = 0, 0.0
            for n, region in enumerate(regions):
                yield n, len(regions)
                kept = [
                    r for r, i in zip(region, part.index(header.axes), strict=True)
                    if isinstance(i, slice)
                ]  # fmt: skip
                made = volume.read(region).reshape(region_shape(tuple(kept)))
                stored = np.asarray(image.data[slices(tuple(kept))])
                unequal = made != stored
                different += int(np.count_nonzero(unequal))
                if unequal.any():
                    gap = np.abs(made[unequal].astype(float) - stored[unequal].astype(float))
                    largest = max(largest, float(gap.max()))
            return Replay(Path(path), where, image.data.size, different, largest)


def _provenance(path: Path, header: Header) -> BatchProvenance:
    """How a file says that it was made, checked, as it may have been edited."""
    entry = header.provenance or {}
    if not all(isinstance(entry.get(name), dict) for name in ("recipe", "source")):
        raise ValueError(f"{path} carries no recipe: it was not written by a batch")
    try:
        return BatchProvenance.read(entry)
    except ValueError as error:
        raise ValueError(
            f"how {path} was made cannot be read ({error}): it may have been changed"
        ) from None


def _as_read(image: SourceImage, path: Path) -> Source:
    """The image, read as it was read then."""
    return Source(
        "source", path=path, axes=image.axes, series=image.series, voxel_size=image.voxel_size
    )


def _source(path: Path, told: str | None) -> Path:
    """Where the source of a file lies, relative to the folder of its training set."""
    if told is None:
        raise ValueError(f"{path} was made from an image in memory: say where it is (source)")
    if Path(told).is_absolute():
        return Path(told)
    folders = path.resolve().parents[:3]
    # it was told as seen from the folder that holds the records; that may be gone
    folders = [f for f in folders if (f / FOLDER).is_dir()] or folders
    found = next((f / told for f in folders if (f / told).exists()), None)
    if found is None:
        raise FileNotFoundError(
            f"{path} was made from {told}, which does not exist any more: say where it is (source)"
        )
    return found.resolve()

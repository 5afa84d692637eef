"""What a training is given in a command: files and folders, and how they are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .options import voxel_size_in

if TYPE_CHECKING:
    from .. import batch
    from ..learned.training.job import Source


def images_in(
    paths: Sequence[Path] | None,
    axes: str | None,
    channel: int | None,
    voxel_size: Sequence[str] | None,
) -> tuple[Source, ...]:
    """The images in files and folders."""
    if not paths:
        return ()
    from ..batch import sources_of

    found = sources_of(paths, axes=axes, find_labels=False)
    return tuple(_source(one, channel, voxel_size) for one in found)


def labelled(
    images: Sequence[Path] | None,
    labels: Sequence[Path] | None,
    axes: str | None,
    channel: int | None,
    voxel_size: Sequence[str] | None,
) -> tuple[tuple[Source, ...], tuple[Source, ...]]:
    """Images and their labels, or labels alone."""
    from ..batch import sources_of
    from ..files import inputs_in

    if not images:
        found = [sources_of([path], axes=axes)[0] for path in inputs_in(labels or ())]
        return (), tuple(_source(one, None, voxel_size) for one in found)
    pairs = sources_of(images, labels or (), axes=axes)
    bare = [one.name for one in pairs if one.labels is None]
    if bare:
        raise ValueError(f"{bare[0]} has no labels, which shapes are learned from (--labels)")
    return (
        tuple(_source(one, channel, voxel_size) for one in pairs),
        tuple(_source(one.labels, None, voxel_size) for one in pairs if one.labels),
    )


def _source(found: batch.Source, channel: int | None, voxel_size: Sequence[str] | None) -> Source:
    from ..learned.training.job import Source

    sizes, in_voxels = voxel_size_in(voxel_size or ())
    if sizes and not {"y", "x"} <= set(sizes):
        raise ValueError("--voxel-size needs y and x, e.g. z=0.5,y=0.1,x=0.1")
    spacing = tuple(sizes[axis] for axis in "zyx" if axis in sizes) or None
    if found.path is None:
        raise ValueError(f"{found.name} is in no file")
    return Source(
        path=str(found.path.resolve()),
        name=found.path.name if found.series is None else found.name,
        axes=found.axes,
        series=found.series,
        channel=channel,
        spacing=_ones(found) if in_voxels else spacing,
        in_voxels=in_voxels,
    )


def _ones(found: batch.Source) -> tuple[float, ...]:
    """A voxel size of 1 along each axis of space."""
    with found.open() as (header, _):
        return (1.0,) * header.spatial_ndim

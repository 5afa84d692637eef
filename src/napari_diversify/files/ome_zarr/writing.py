"""Writing OME-Zarr 0.5 in slabs: the same bytes for any number of workers, in any order.

Create the empty image, write its slabs (each reads nothing and shares no file with
another), reduce the levels that slabs could not, then finish::

    create(path, header)
    for region in slabs(path):  # or in a pool of processes
        write_slab(path, region, compute(region))
    for level, region in reduced(path):  # one level after the other
        write_reduced(path, level, region)
    finish(path, provenance)

Nothing that is written contains a time or a random number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, region_shape, slices
from ..header import Header
from ..safe import writing
from .arrays import open_array
from .chunks import Chunks
from .pyramid import reduced_block, steps_between
from .reading import PROVENANCE_KEY


def create(
    path: str | os.PathLike[str],
    header: Header,
    *,
    chunk: int | Sequence[int] | None = None,
    shard: int | Sequence[int] | None = None,
    labels: bool = False,
    window: tuple[float, float] | None = None,
) -> None:
    """Create an image with all levels of its pyramid, empty.

    Parameters
    ----------
    path : path-like
        The folder, which must not exist.
    header : Header
        Its provenance is not written here; see :func:`finish`.
    chunk : int or sequence of int, optional
        Voxels of level 0 per chunk along every spatial axis, or per axis. By
        default 256 in y and x, and as many planes, 32 at most, as fit a slab.
    shard : int or sequence of int, optional
        Voxels per shard (a file that holds several chunks), multiples of the chunk.
    labels : bool, optional
        Whether voxels are labels: coarse levels then hold no label that level 0 does not.
    window : (float, float), optional
        Grey levels that viewers show as black and white, if channels have
        names. By default the range of the dtype, 0 to 1 for float.

    Raises
    ------
    FileExistsError
        If something is there already.
    ValueError, TypeError
        If chunks do not fit the axes, or labels are not integers.
    """
    from .ngff import metadata  # yaozarrs takes long to import, and reading does without

    where = Path(path)
    if where.exists():
        raise FileExistsError(f"{where} exists and is left as it is; choose another name")
    chunks = Chunks.planned(header, chunk, shard)
    ome = metadata(header, chunks.levels, window, labels=labels)
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome}}
    where.mkdir(parents=True)
    (where / "zarr.json").write_text(json.dumps(group, indent=2))
    chunks.create_in(where, header)


def create_labels(
    image_path: str | os.PathLike[str],
    name: str,
    header: Header,
    *,
    chunk: int | Sequence[int] | None = None,
    shard: int | Sequence[int] | None = None,
) -> Path:
    """Create a label image, empty, inside an OME-Zarr image that exists.

    Labels of one image must be created one after the other: they share a list.

    Returns
    -------
    Path
        The path of the label image, for :func:`slabs` and the others.

    Raises
    ------
    FileExistsError
        If the image has labels of this name.
    FileNotFoundError
        If the image does not exist.
    """
    from yaozarrs.write.v05 import LabelsBuilder

    from .ngff import labels_model

    root = Path(image_path)
    if not (root / "zarr.json").exists():
        raise FileNotFoundError(f"{root}: there is no OME-Zarr 0.5 image to put labels into")
    where = root / "labels" / name
    if where.exists():
        raise FileExistsError(f"{where} exists and is left as it is; choose another name")
    chunks = Chunks.planned(header, chunk, shard)
    image = labels_model(header, chunks.levels, source="../../")
    builder = LabelsBuilder(root / "labels", writer=chunks.creator())
    builder.add_label(name, image, chunks.specs(header.dtype)).prepare()
    return where


def slabs(path: str | os.PathLike[str]) -> list[Region]:
    """Regions of level 0 that cover it once: whole planes of one volume each.

    No two of them touch the same chunk or shard, of any level that
    :func:`write_slab` writes.
    """
    pyramid = _Pyramid(path)
    return _runs(pyramid.shapes[0], pyramid.thickness(0))


def write_slab(path: str | os.PathLike[str], region: Region, block: npt.NDArray[Any]) -> None:
    """Write level 0 and, from the block in memory, the levels after it.

    Parameters
    ----------
    path : path-like
        A created image.
    region : tuple of range
        One of :func:`slabs`.
    block : ndarray
        Its voxels.
    """
    pyramid = _Pyramid(path)
    if block.shape != region_shape(region):
        raise ValueError(f"the block has shape {block.shape}, its slab {region_shape(region)}")
    if region not in _runs(pyramid.shapes[0], pyramid.thickness(0)):
        raise ValueError(f"this is not a slab of {path}: {region}. Ask slabs() for them")
    level = 0
    while True:
        pyramid.array(level)[slices(region)] = block
        level += 1
        if level >= pyramid.from_slabs:
            return
        steps = pyramid.steps(level)
        block = reduced_block(block, steps, labels=pyramid.labels)
        starts = [r.start // step for r, step in zip(region, steps, strict=True)]
        region = tuple(range(a, a + n) for a, n in zip(starts, block.shape, strict=True))


def reduced(path: str | os.PathLike[str]) -> list[tuple[int, Region]]:
    """What remains to be done when all slabs are written: (level, region), coarse levels last.

    Empty with chunks of the default size. Tasks of one level may run at the
    same time; each level needs the one before it to be complete.
    """
    pyramid = _Pyramid(path)
    return [
        (level, region)
        for level in range(pyramid.from_slabs, len(pyramid.shapes))
        for region in _runs(pyramid.shapes[level], pyramid.thickness(level))
    ]


def write_reduced(path: str | os.PathLike[str], level: int, region: Region) -> None:
    """Compute a region of a level from the level before, as stored."""
    pyramid = _Pyramid(path)
    steps = pyramid.steps(level)
    finer = tuple(
        range(r.start * step, min(r.stop * step, n))
        for r, step, n in zip(region, steps, pyramid.shapes[level - 1], strict=True)
    )
    block = np.asarray(pyramid.array(level - 1)[slices(finer)])
    pyramid.array(level)[slices(region)] = reduced_block(block, steps, labels=pyramid.labels)


def finish(path: str | os.PathLike[str], attributes: dict[str, Any] | None = None) -> None:
    """Write our own record, at the end.

    It is read back as the ``provenance`` of a header.
    """
    file = Path(path) / "zarr.json"
    group = json.loads(file.read_bytes())
    group["attributes"][PROVENANCE_KEY] = attributes or {}
    with writing(file, overwrite=True) as partial:
        partial.write_bytes(json.dumps(group, indent=2, allow_nan=False).encode())


def write_all(
    path: str | os.PathLike[str],
    array: Any,
    attributes: dict[str, Any] | None,
    tell: Callable[[int], object] = lambda n: None,
) -> None:
    """Write every slab of a created image from an array-like, and finish it.

    ``array`` is read slab by slab, in C order; it may be lazy. ``tell`` is called with the number
    of voxels of each slab.
    """
    for region in slabs(path):
        block = np.asarray(array[slices(region)])
        write_slab(path, region, block)
        tell(block.size)
    for level, region in reduced(path):
        write_reduced(path, level, region)
    finish(path, attributes)


class _Pyramid:
    """A created image: levels and slabs according to its metadata and arrays."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            ome = json.loads((self.path / "zarr.json").read_bytes())["attributes"]["ome"]
            image = ome["multiscales"][0]
            self.labels = "image-label" in ome
            self._arrays = [
                open_array(self.path / d["path"], sparse=self.labels) for d in image["datasets"]
            ]
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(
                f"{path}: this is not an OME-Zarr image that was created here ({error})"
            ) from error
        self.shapes = [tuple(a.shape) for a in self._arrays]
        self._has_z = any(axis["name"] == "z" for axis in image["axes"])

    def array(self, level: int) -> Any:
        """The Zarr array of a level."""
        return self._arrays[level]

    def steps(self, level: int) -> tuple[int, ...]:
        """How many voxels of the level before one of this level spans, per axis."""
        return steps_between(self.shapes[level - 1], self.shapes[level])

    def thickness(self, level: int) -> int:
        """Planes of a level in one file, 1 if there is no z."""
        array = self._arrays[level]
        return int((array.shards or array.chunks)[-3]) if self._has_z else 1

    @property
    def from_slabs(self) -> int:
        """Number of the first level of which a slab does not make whole files."""
        one_slab = not self._has_z or self.shapes[0][-3] <= self.thickness(0)
        here = self.thickness(0)
        for level in range(1, len(self.shapes)):
            if one_slab:
                continue
            step = self.steps(level)[-3]
            if here % step or (here // step) % self.thickness(level):
                return level
            here //= step
        return len(self.shapes)


def _runs(shape: tuple[int, ...], thickness: int) -> list[Region]:
    """Runs of whole planes of each image: the last axis before y and x may be cut."""
    if len(shape) == 2:
        return [tuple(range(n) for n in shape)]
    *lead, depth, height, width = shape
    return [
        (
            *(range(i, i + 1) for i in index),
            range(start, min(start + thickness, depth)),
            range(height),
            range(width),
        )
        for index in np.ndindex(*lead)
        for start in range(0, depth, thickness)
    ]

"""Reading OME-Zarr (0.1 to 0.5), and Zarr arrays that say nothing of OME."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .arranged import Arranged
from .described import described
from .entry import Entry
from .header import AXES, Header, printable
from .multiscales import (
    Level,
    Multiscale,
    Place,
    dataset_paths,
    entries,
    multiscale,
    says_sizes,
    unknown_version,
)
from .stored_array import StoredArray
from .units import unit_name
from .zarr_axes import (
    disagreement,
    given_axes,
    guessed_axes,
    named_axes,
    ome_axes,
    ome_units,
    said_axes,
)
from .zarr_chunks import Grid
from .zarr_images import Found, found_in, label_folders
from .zarr_nodes import Node, inside, node_at

#: Attribute of a group in which our own record of an image is kept, beside "ome".
PROVENANCE_KEY = "diversify"

#: How far above an array a group may list it as a level of its image.
_LEVELS_ABOVE = 3


def images_in_zarr(path: Path) -> list[Entry]:
    """The images of a Zarr folder or a plate, in the order in which they are numbered."""
    return [found.entry for found in found_in(path)]


def label_names(path: Path) -> list[str]:
    """Names of the label images that are stored inside an OME-Zarr image."""
    return [folder.relative_to(path / "labels").as_posix() for folder in label_folders(path)]


def missing_chunks(path: Path, series: int | None = None) -> tuple[int, int]:
    """How many chunks (or shards) of the finest level are not there, and how many there should be.

    Zarr reads a chunk that is not there as its fill value: programs leave out chunks that hold
    nothing else, and so does a copy that was cut short. Only files are counted; nothing is
    missing of what is no Zarr folder.
    """
    if not path.is_dir():
        return 0, 0
    grid = Grid.of(_stored(_chosen(path, series)[0]).image.levels[0].array)
    return grid.missing(), grid.size


def read_zarr(
    path: Path, name: str, axes: str | None, series: int | None
) -> tuple[Header, list[Arranged]]:
    """The header and the levels, finest first, of a Zarr folder."""
    found, notes = _chosen(path, series)
    stored = _stored(found)
    finest = stored.image.levels[0]
    letters, more = _letters(stored, axes)
    scale, units, odd = _sizes(stored, letters)
    levels = [StoredArray(level.array) for level in stored.image.levels]
    channels, lost = _channels(stored, dict(zip(letters, finest.array.shape, strict=False)))
    title = stored.entry.get("name")
    if not found.entry.name:  # inside of the folder that was asked for: named as it is by itself
        name = "_".join([name, *found.entry.path.relative_to(path).parts])
    own = stored.group.attributes.get(PROVENANCE_KEY)
    return described(
        levels,
        letters,
        scale,
        units,
        channels,
        title if isinstance(title, str) and title.strip("/ ") else name,
        own if isinstance(own, dict) else None,
        origin=dict(zip(letters, finest.place.origin, strict=False)),
        notes=(*notes, *stored.image.notes, *more, *odd, *lost, *_bareness(levels[0].grid, found)),
    )


@dataclass(frozen=True)
class _Stored:
    """An image as its folder describes it.

    Parameters
    ----------
    image : Multiscale
        Its levels; one for an array without OME metadata.
    group : Node
        Whose attributes tell of it: a group, or that array.
    entry : mapping
        What the OME metadata say of it; nothing for that array.
    """

    image: Multiscale
    group: Node
    entry: Mapping[str, Any]

    @property
    def version(self) -> str | None:
        """The version of its OME metadata, if it is none that is understood."""
        return unknown_version(self.group, self.entry)


def _chosen(path: Path, series: int | None) -> tuple[Found, tuple[str, ...]]:
    """The image that is asked for, and a note if it is one of several and none was named."""
    found = found_in(path, labels=series is not None)
    if series is not None:
        if not 0 <= series < len(found):
            there = ", ".join(map(str, range(min(len(found), 20))))
            raise ValueError(f"it has no series {series}; it has {there}")
        return found[series], ()
    images = [f for f in found if not f.entry.aside]
    if not images and found[0].entry.path != path:
        inside = ", ".join(
            f"{f.entry.path.relative_to(path)} ({f.entry.aside})" for f in found[:20]
        )
        raise ValueError(f"it holds no image that can be taken for the one meant: {inside}")
    notes = []
    if len(images) > 1:
        title = f" ({printable(images[0].entry.title)})" if images[0].entry.title else ""
        notes.append(
            f"it holds {len(images)} images; this is the first{title}. Choose with --series"
        )
    lost = sum(f.entry.aside.endswith("not there") for f in found)
    if lost:
        notes.append(f"{lost} of the images that it lists are not there")
    return (images or found)[0], tuple(notes)


def _stored(found: Found) -> _Stored:
    """What the folder of an image says of it."""
    where = found.entry.path
    node = found.node or node_at(where)
    if node is None:
        raise ValueError(f"{where} is not there")
    index, only = found.index, None
    if node.is_array:
        owner = _owner(node)
        if owner is None:
            unknown = (math.nan,) * len(node.shape)
            level = Level(node, Place(unknown, unknown))
            return _Stored(Multiscale((level,)), node, {})
        (node, index), only = owner, where
    images = entries(node)
    if index >= len(images):
        raise ValueError(f"{where} holds no image")
    return _Stored(multiscale(node, images[index], only), node, images[index])


def _owner(array: Node) -> tuple[Node, int] | None:
    """The group that lists an array as a level of an image, and the number of the image."""
    for folder in list(array.path.parents)[:_LEVELS_ABOVE]:
        with suppress(ValueError, OSError):
            if (group := node_at(folder)) is None:
                continue
            for index, entry in enumerate(entries(group)):
                paths = [inside(folder, path) for path in dataset_paths(entry)]
                if array.path in paths and unknown_version(group, entry) is None:
                    return group, index
    return None


def _letters(stored: _Stored, axes: str | None) -> tuple[str, tuple[str, ...]]:
    """The axes of the finest level: as given, as named, or guessed with a note."""
    array = stored.image.levels[0].array
    version = stored.version
    if axes is not None:
        note = f"it is OME-Zarr {version}, which is not understood: its sizes count as unknown"
        return given_axes(axes, array.shape), (note,) * (version is not None)
    if version is not None:
        raise ValueError(
            f"it is OME-Zarr {printable(version)[:40]}; versions 0.1 to 0.5 can be read. Convert "
            f"it, or say what its axes are with {said_axes(len(array.shape))}: its sizes then "
            "count as unknown"
        )
    if stored.entry:
        named = ome_axes(stored.entry.get("axes"), array.shape)
        own = None
        with suppress(ValueError):  # not understood, and OME says it
            own = named_axes(array)
        if named is not None:
            return named, () if own is None else disagreement(named, own)
        if own is None and str(stored.entry.get("version")) in ("0.1", "0.2"):
            guess, notes = guessed_axes(len(array.shape))
            return guess, () if guess == AXES else notes  # the axes of these versions
    own = named_axes(array)
    return (own, ()) if own is not None else guessed_axes(len(array.shape))


def _sizes(
    stored: _Stored, letters: str
) -> tuple[dict[str, float], dict[str, str | None], tuple[str, ...]]:
    """Sizes of voxels and their units by axis, and notes on those that cannot be told."""
    place = stored.image.levels[0].place
    scale = dict(zip(letters, place.scale, strict=False))
    if stored.version is not None:
        return {}, {}, ()
    written = dict(
        zip(letters, ome_units(stored.entry.get("axes"), len(place.scale)), strict=False)
    )
    units = {axis: unit_name(text, axis) for axis, text in written.items()}
    spatial = [axis for axis in "zyx" if axis in scale]
    lost = [axis for axis in spatial if math.isnan(scale[axis])]
    promised = says_sizes(stored.entry) or any(written.get(axis) for axis in spatial)
    notes = []
    if lost and promised:
        notes.append(
            f"its metadata do not tell the size of a voxel along {', '.join(lost)}: it counts as "
            "unknown"
        )
    for axis in spatial:
        if written[axis] and units[axis] is None:
            notes.append(f"{printable(written[axis])[:40]!r}, its unit along {axis}, is no length")
    nowhere = [
        a for a, o in zip(letters, place.origin, strict=False) if math.isnan(o) and a in AXES
    ]
    if nowhere and stored.entry:
        notes.append(f"its metadata do not tell where it lies along {', '.join(nowhere)}")
    return scale, units, tuple(notes)


def _channels(stored: _Stored, sizes: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the channels, if each has one; otherwise none, and a note if there are some."""
    omero = stored.group.ome.get("omero") if stored.entry else None
    listed = omero.get("channels") if isinstance(omero, dict) else None
    names = (
        [c.get("label") if isinstance(c, dict) else None for c in listed or []]
        if isinstance(listed, list)
        else []
    )
    labels = tuple(name for name in names if isinstance(name, str))
    if len(labels) == len(names) == sizes.get("c", 1) or not labels:
        return labels, ()
    return (), (f"it names {len(labels)} of {sizes.get('c', 1)} channels: the names are left out",)


def _bareness(grid: Grid, found: Found) -> tuple[str, ...]:
    """A note if no chunk of an image is there; an error if they are there by other names."""
    if not grid.is_bare():
        return ()
    stranger = grid.stranger()
    if stranger is not None:
        raise ValueError(
            f"its metadata say that chunks are called like {grid.name((0,) * len(grid.shape))!r}, "
            f"but there are only others like {stranger!r}: what they say of the separator "
            "(dimension_separator, chunk_key_encoding) is wrong"
        )
    if "label" in found.entry.aside:  # programs leave out chunks without a label
        return ()
    return (f"none of its {grid.size} chunks is there: all its voxels would be the fill value",)

"""Reading OME-Zarr (0.1 to 0.5), and Zarr arrays without OME metadata."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..arranged import Arranged
from ..described import described
from ..entry import Entry
from ..header import AXES, Header, printable
from ..units import unit_name
from .axes import (
    axes_option,
    disagreement,
    given_axes,
    guessed_axes,
    named_axes,
    ome_axes,
    ome_units,
)
from .chunk_files import Grid
from .descriptions import Description, chosen_image, description_of
from .images import zarr_images
from .labels import label_folders
from .multiscales import Multiscale, describes_sizes
from .stored_array import StoredArray

#: Attribute of a group in which our own record of an image is kept, beside "ome".
PROVENANCE_KEY = "diversify"


def images_in_zarr(path: Path) -> list[Entry]:
    """The images of a Zarr folder or a plate, in the order in which they are numbered."""
    return [image.entry for image in zarr_images(path)]


def label_names(path: Path) -> list[str]:
    """Names of the label images that are stored inside an OME-Zarr image."""
    with _about(path):
        return [folder.relative_to(path / "labels").as_posix() for folder in label_folders(path)]


def missing_chunks(path: str | os.PathLike[str], series: int | None = None) -> tuple[int, int]:
    """How many chunks (or shards) of the finest level are missing, and how many there should be.

    Zarr reads a missing chunk as its fill value: programs leave out chunks that hold nothing
    else, but chunks are also missing from a copy that was cut short. Only files are counted;
    nothing is missing from a path that is not a Zarr folder.

    Parameters
    ----------
    path : path-like
        As for :func:`.open_image`.
    series : int, optional
        Likewise.

    Raises
    ------
    ValueError, OSError
        If there is no such image.
    """
    where = Path(path)
    if not where.is_dir():
        return 0, 0
    with _about(where):
        grid = Grid.of(description_of(chosen_image(where, series)[0]).image.levels[0].array)
        return grid.missing(), grid.size


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Put the path of the image in front of the message of an error."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_zarr(
    path: Path, name: str, axes: str | None, series: int | None
) -> tuple[Header, list[Arranged]]:
    """The header and the levels, finest first, of a Zarr folder."""
    image, notes = chosen_image(path, series)
    description = description_of(image)
    finest = description.image.levels[0]
    letters, axes_notes = _letters(description, axes)
    scale, units, size_notes = _sizes(description, letters)
    levels, level_notes = _levels(description.image, "label" in image.entry.aside)
    sizes = dict(zip(letters, finest.array.shape, strict=False))
    channels, channel_notes = _channels(description, sizes)
    title = description.entry.get("name")
    if not image.entry.name:  # inside the folder that was asked for: named as if opened itself
        name = "_".join([name, *image.entry.path.relative_to(path).parts])
    record = description.group.attributes.get(PROVENANCE_KEY)
    origin = dict(zip(letters, finest.place.origin, strict=False)) if scale else {}
    notes += description.image.notes + axes_notes + size_notes + channel_notes + level_notes
    return described(
        levels,
        letters,
        scale,
        units,
        channels,
        title if isinstance(title, str) and title.strip("/ ") else name,
        record if isinstance(record, dict) else None,
        origin=origin,
        notes=notes,
    )


def _letters(description: Description, axes: str | None) -> tuple[str, tuple[str, ...]]:
    """The axes of the finest level: as given by the user, as named, or guessed with a note."""
    array = description.image.levels[0].array
    version = description.version
    if axes is not None:
        note = f"it is OME-Zarr {version}, which is not understood: its sizes count as unknown"
        return given_axes(axes, array.shape), (note,) * (version is not None)
    if version is not None:
        raise ValueError(
            f"it is OME-Zarr {printable(version)[:40]}; versions 0.1 to 0.5 can be read. Convert "
            f"it, or say what its axes are with {axes_option(len(array.shape))}: its sizes then "
            "count as unknown"
        )
    if description.entry:
        by_ome = ome_axes(description.entry.get("axes"), array.shape)
        own = None
        with suppress(ValueError):  # not understood, but the OME metadata say it
            own = named_axes(array)
        if by_ome is not None:
            return by_ome, () if own is None else disagreement(by_ome, own)
        if own is None and str(description.entry.get("version")) in ("0.1", "0.2"):
            guess, notes = guessed_axes(len(array.shape))
            return guess, () if guess == AXES else notes  # the axes of these versions
    own = named_axes(array)
    return (own, ()) if own is not None else guessed_axes(len(array.shape))


def _sizes(
    description: Description, letters: str
) -> tuple[dict[str, float], dict[str, str | None], tuple[str, ...]]:
    """Sizes of voxels and their units by axis, and notes on those that are not certain."""
    place = description.image.levels[0].place
    scale = dict(zip(letters, place.scale, strict=False))
    if description.version is not None:
        return {}, {}, ()
    written = dict(
        zip(letters, ome_units(description.entry.get("axes"), len(place.scale)), strict=False)
    )
    units = {axis: unit_name(text, axis) for axis, text in written.items()}
    spatial = [axis for axis in "zyx" if axis in scale]
    unknown = [axis for axis in spatial if math.isnan(scale[axis])]
    promised = describes_sizes(description.entry) or any(written.get(axis) for axis in spatial)
    notes = []
    if unknown and promised:
        notes.append(
            f"its metadata do not give the size of a voxel along {', '.join(unknown)}: it counts "
            "as unknown"
        )
    for axis in spatial:
        if written[axis] and units[axis] is None:
            notes.append(
                f"{printable(written[axis])[:40]!r}, its unit along {axis}, is not a length"
            )
    origin = dict(zip(letters, place.origin, strict=False))
    unknown = [axis for axis in AXES if math.isnan(origin.get(axis, 0.0))]
    if unknown and description.entry:
        notes.append(f"its metadata do not say where it lies along {', '.join(unknown)}")
    return scale, units, tuple(notes)


def _channels(
    description: Description, sizes: Mapping[str, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the channels, if each has one; otherwise none, and a note if some have one."""
    omero = description.group.ome.get("omero") if description.entry else None
    listed = omero.get("channels") if isinstance(omero, dict) else None
    listed = listed if isinstance(listed, list) else []
    names = [channel.get("label") for channel in listed if isinstance(channel, dict)]
    labels = tuple(name for name in names if isinstance(name, str))
    if len(labels) == len(listed) == sizes.get("c", 1) or not labels:
        return labels, ()
    return (), (f"it names {len(labels)} of {sizes.get('c', 1)} channels: the names are left out",)


def _levels(image: Multiscale, are_labels: bool) -> tuple[list[StoredArray], tuple[str, ...]]:
    """The arrays of the levels; coarse ones that cannot be read or are empty are left out."""
    finest = StoredArray(image.levels[0].array)
    levels, notes = [finest], list(_emptiness(finest.grid, are_labels))
    for level in image.levels[1:]:
        try:
            coarse = StoredArray(level.array)
            reasons = () if notes else _emptiness(coarse.grid, are_labels)
        except ValueError as error:
            reasons = (str(error),)
        if reasons:
            name = level.array.path.name
            notes.append(f"a coarse level of it, {name!r}, is left out: {reasons[0]}")
        else:
            levels.append(coarse)
    return levels, tuple(notes)


def _emptiness(grid: Grid, are_labels: bool) -> tuple[str, ...]:
    """A note if no chunk of an image exists; an error if they exist under other names."""
    if not grid.is_bare():
        return ()
    stranger = grid.stranger()
    if stranger is not None:
        raise ValueError(
            f"its metadata say that chunks are named like {grid.name((0,) * len(grid.shape))!r}, "
            f"but there are only others like {stranger!r}: what they say about the separator "
            "(dimension_separator, chunk_key_encoding) is wrong"
        )
    if are_labels:  # programs leave out chunks without a label
        return ()
    return (f"none of its {grid.size} chunks is there: all its voxels would be the fill value",)

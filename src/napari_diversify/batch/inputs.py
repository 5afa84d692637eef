"""From the paths that a user gives to the images of a batch and their labels.

Folders hold images, labels, previews and log files side by side. What is an image and what are
its labels is told by name (:mod:`..files.label_names`); what cannot be told is refused, and what
was decided becomes a sentence.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import files
from ..files import Entry
from ..files.label_names import is_label_name
from .folders import first_of, is_folder, listed_in, told_apart
from .pairs import found_labels, given_labels, pairs_in_words
from .source import Source


@dataclass(frozen=True)
class Reading:
    """How files are read where their own metadata are incomplete.

    Attributes
    ----------
    axes : str, optional
        Axes of all images and labels.
    series : tuple of int, optional
        Which images of files that hold several; by default all except thumbnails.
    voxel_size : mapping from axis to float, optional
        Micrometres along "z", "y", "x".
    in_voxels : bool, optional
        Whether lengths count in voxels where the voxel size is not known.
    """

    axes: str | None = None
    series: tuple[int, ...] | None = None
    voxel_size: Mapping[str, float] | None = None
    in_voxels: bool = False


@dataclass(frozen=True)
class Inputs:
    """The images of a batch, and what the user should know about how they were found."""

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()


def sources_of(
    inputs: Sequence[str | os.PathLike[str]],
    labels: Sequence[str | os.PathLike[str]] = (),
    *,
    axes: str | None = None,
    series: Sequence[int] | None = None,
    voxel_size: Mapping[str, float] | None = None,
    in_voxels: bool = False,
    find_labels: bool = True,
    same_noise: bool = False,
    own_noise: bool = False,
) -> tuple[Source, ...]:
    """The images in files and folders, each with its labels if there are any.

    Parameters
    ----------
    inputs : sequence of path
        Files, OME-Zarr folders, plates, and folders of them. Each image of a file that holds
        several becomes a source. Out of a folder or a list, each source has noise and drawn
        values of its own, keyed by its name; one image named by itself has those of the recipe.
    labels : sequence of path, optional
        Label files, or a folder of them, which are paired with the images by their names; as
        many files as images are paired in their order if no name fits. Or the name of the
        labels inside OME-Zarr images.
    axes : str, optional
        Axes of all images and labels, if the files do not say so.
    series : sequence of int, optional
        Which images of files that hold several; by default all except thumbnails.
    voxel_size : mapping from axis to float, optional
        Micrometres along "z", "y", "x", if the files do not say so.
    in_voxels : bool, optional
        Whether lengths of the recipe count in voxels where the voxel size is not known.
    find_labels : bool, optional
        Whether to use labels beside the images or inside them, if none are given.
    same_noise : bool, optional
        Give all images the same noise and the same drawn values.
    own_noise : bool, optional
        Key the noise of an image by its name even if it is named by itself: for jobs that
        process one image of a set each.

    Raises
    ------
    OSError, ValueError
        If one is missing, or it is not clear which labels to use; the message says which.
    """
    reading = Reading(axes, None if series is None else tuple(series), voxel_size, in_voxels)
    return look_at(
        inputs,
        labels,
        reading,
        find_labels=find_labels,
        same_noise=same_noise,
        own_noise=own_noise,
    ).sources


def look_at(
    inputs: Sequence[str | os.PathLike[str]],
    labels: Sequence[str | os.PathLike[str]] = (),
    reading: Reading | None = None,
    *,
    find_labels: bool = True,
    same_noise: bool = False,
    own_noise: bool = False,
    output: Path | None = None,
) -> Inputs:
    """:func:`sources_of` with notes on it; files in ``output`` do not count as images."""
    reading = reading or Reading()
    if same_noise and own_noise:
        raise ValueError("noise is either the same for all images or each one's own: choose one")
    given = [Path(path) for path in inputs]
    by_itself = len(given) == 1 and not is_folder(given[0])
    listed, notes = listed_in(given, output)
    images, beside = (listed, []) if by_itself else told_apart(listed, given)
    if not listed:
        raise ValueError("there is no image to make samples of: name a file or a folder")
    if not images:
        raise ValueError(
            f"there is no image among these {len(listed)} files, only labels by their names; the "
            f"first is {listed[0].name}. If they are images, name the files themselves"
        )
    if by_itself and is_label_name(files.stem(images[0])):
        notes.append(
            f"{images[0].name} is called like labels, but taken as an image as it is named"
        )
    entries = _at_home([entry for image in images for entry in _entries(image, reading, notes)])
    if labels:
        pairs = given_labels(entries, [Path(p) for p in labels], set(images), notes)
    elif find_labels:
        pairs = found_labels(entries, beside, notes)
    else:
        pairs = [None] * len(entries)
    orphans = set(beside) - {label.path for label in pairs if label is not None}
    if orphans and not labels:
        notes.append(
            f"{first_of(sorted(p.name for p in orphans))} left out: called like labels, but of no "
            "image here"
            if find_labels
            else f"{first_of(sorted(p.name for p in orphans))} left out as labels"
        )
    notes += pairs_in_words(entries, pairs) if any(pairs) else []
    keyed = not same_noise and (own_noise or not by_itself or len(entries) > 1)
    sources = tuple(
        replace(
            _source(entry, reading),
            labels=None if label is None else replace(label, axes=reading.axes),
            key=entry.name if keyed else None,
        )
        for entry, label in zip(entries, pairs, strict=True)
    )
    return Inputs(sources, tuple(notes))


# ---- which images ----


def _entries(path: Path, reading: Reading, notes: list[str]) -> list[Entry]:
    """The images in a file that are wanted; opening one that cannot be read says so."""
    try:
        inside = files.images_in(path)
    except (OSError, ValueError):
        return [Entry(path, name=files.stem(path))]
    if reading.series is not None:
        if len(inside) == 1 and reading.series == (0,):
            return inside
        missing = [k for k in reading.series if not 0 <= k < len(inside)]
        if missing:
            raise ValueError(
                f"{path} has no image {missing[0]}; its {len(inside)} images count from 0"
            )
        return [inside[k] for k in reading.series]
    wanted = [entry for entry in inside if not entry.aside] or inside
    for number, entry in enumerate(inside):
        if entry not in wanted:
            notes.append(f"image {number} of {path.name} is left out: {entry.aside}")
    if len(wanted) > 1:
        notes.append(
            f"{path.name} holds {len(wanted)} images: {first_of([e.name for e in wanted])}; "
            "each is a source of its own (--series takes some of them)"
        )
    return wanted


def _at_home(entries: Sequence[Entry]) -> list[Entry]:
    """Each image once, though it may be spread over several files that all list it."""
    taken: set[tuple[Path | None, str]] = {(e.path, e.title) for e in entries if e.home is None}
    once: list[Entry] = []
    for entry in entries:
        image = (entry.home, entry.title)
        if entry.home is None or image not in taken:
            once.append(entry)
            taken.add(image)
    return once


def _source(entry: Entry, reading: Reading) -> Source:
    by_number = entry.series or entry.name.endswith(f"_s{entry.series}")
    return Source(
        entry.name,
        path=entry.path,
        axes=reading.axes,
        series=entry.series if by_number else None,
        voxel_size=reading.voxel_size,
        in_voxels=reading.in_voxels,
    )

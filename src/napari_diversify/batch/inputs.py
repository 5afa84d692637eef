"""From the paths that a user gives to the images of a batch and their labels.

Folders hold images, labels, previews and log files side by side. What is an image and what are
its labels is told by name (:mod:`..files.label_names`); what cannot be told is refused, and what
was decided becomes a sentence.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import files
from ..files import Entry
from ..files.label_names import LabelNames, is_label_name
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
    by_itself = len(given) == 1 and not _is_folder(given[0])
    listed, notes = _listed(given, output)
    images, beside = (listed, []) if by_itself else _told_apart(listed, given)
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
        pairs = _given_labels(entries, [Path(p) for p in labels], set(images), notes)
    elif find_labels:
        pairs = _found_labels(entries, beside, notes)
    else:
        pairs = [None] * len(entries)
    orphans = set(beside) - {label.path for label in pairs if label is not None}
    if orphans and not labels:
        notes.append(
            f"{_first_of(sorted(p.name for p in orphans))} left out: called like labels, but of no "
            "image here"
            if find_labels
            else f"{_first_of(sorted(p.name for p in orphans))} left out as labels"
        )
    notes += _pairs_in_words(entries, pairs) if any(pairs) else []
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


# ---- which files ----


def _is_folder(path: Path) -> bool:
    """Whether a path is a folder of files, not an image in the form of a folder."""
    return path.is_dir() and not files.is_image(path) and not files.is_zarr(path)


def _listed(given: Sequence[Path], output: Path | None) -> tuple[list[Path], list[str]]:
    """All files that may be images, also inside folders; and what was skipped in these."""
    listed: list[Path] = []
    notes: list[str] = []
    written = None if output is None else output.resolve()
    for path in given:
        if not _is_folder(path):
            if not path.exists():
                raise FileNotFoundError(f"{path}: there is no such file or folder")
            listed.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        kept = [p for p in inside if files.is_image(p) and not _is_pickle(p)]
        if written is not None:
            kept = [p for p in kept if p.resolve() != written]
        taken = set(kept)
        if not kept:
            endings = ", ".join(files.ENDINGS)
            raise ValueError(f"{path}: no image in this folder ({endings}){_folders_in(inside)}")
        others = Counter(
            "_seg.npy" if _is_pickle(p) else p.suffix.lower() or "no ending"
            for p in inside
            if p not in taken and p.is_file()
        )
        if others:
            kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(others.items()))
            notes.append(f"{sum(others.values())} other files in {path} are not read: {kinds}")
        listed += kept
    return listed, notes


def _is_pickle(path: Path) -> bool:
    """Whether a file is Cellpose's own kind, a pickle, which could run any program."""
    return path.name.lower().endswith("_seg.npy")


def _folders_in(inside: Iterable[Path]) -> str:
    names = [p.name for p in inside if p.is_dir()]
    return f". It holds the folders {', '.join(names[:5])}: name one of them" if names else ""


def _told_apart(listed: Sequence[Path], given: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Images, and files beside them that are labels by their names.

    A file that is called like labels and belongs to no other one is an image only if it was
    named itself.
    """
    called = [path for path in listed if is_label_name(files.stem(path))]
    if not called:
        return list(listed), []
    names = LabelNames(called)
    own = {path: set(names.of(files.stem(path))) - {path} for path in listed}
    belong = set().union(*own.values())
    named = set(given)
    # a file that has labels is an image, whatever it is called
    labels = [p for p in called if not own[p] and (p in belong or p not in named)]
    apart = set(labels)
    return [path for path in listed if path not in apart], labels


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
            f"{path.name} holds {len(wanted)} images: {_first_of([e.name for e in wanted])}; "
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


# ---- whose labels ----


def _found_labels(
    entries: Sequence[Entry], beside: Sequence[Path], notes: list[str]
) -> list[Source | None]:
    """Labels that lie beside the images, or inside them."""
    names, siblings = LabelNames(beside), _by_file(entries)
    pairs: list[Source | None] = []
    for entry in entries:
        own = names.of(files.stem(entry.path))
        try:
            own = own + files.labels_in(entry.path)
        except ValueError as error:
            notes.append(f"the labels inside {entry.path.name} are left out: {error}")
        if len(own) > 1:
            raise ValueError(
                f"{entry.path} has several label images ({', '.join(p.name for p in own)}). Name "
                "the ones to take (--labels), or take none (--no-labels)"
            )
        pairs.append(_label_source(own[0], entry, siblings) if own else None)
    return pairs


def _given_labels(
    entries: Sequence[Entry], given: Sequence[Path], images: set[Path], notes: list[str]
) -> list[Source | None]:
    """Labels that the user has named: a folder, files, or the name that they have inside."""
    siblings = _by_file(entries)
    if len(given) == 1 and not given[0].exists() and len(given[0].parts) == 1:
        inside = [entry.path / "labels" / given[0] for entry in entries]
        if any(path.exists() for path in inside):
            return [
                _label_source(path, entry, siblings) if path.exists() else _refuse(entry, given[0])
                for path, entry in zip(inside, entries, strict=True)
            ]
    by_folder = any(_is_folder(path) for path in given)
    pool = [path for path in _listed(given, None)[0] if path not in images]
    if not pool:
        raise ValueError(f"{given[0]} holds no labels, only the images themselves")
    names = LabelNames(pool, by_equal_name=True)
    inside_of: dict[Path, list[Path]] = {}
    for path in pool:
        inside_of.setdefault(path.parent.parent, []).append(path)
    own = [inside_of.get(e.path) or names.of(files.stem(e.path)) for e in entries]
    several = next((i for i, found in enumerate(own) if len(found) > 1), None)
    if several is not None:
        raise ValueError(
            f"{entries[several].path} has several label files by their names: "
            f"{', '.join(path.name for path in own[several])}. Keep one of them, or name one "
            "label file per image"
        )
    if all(own):
        return [_label_source(paths[0], e, siblings) for paths, e in zip(own, entries, strict=True)]
    if not by_folder and len(pool) != len(entries):
        raise ValueError(
            f"there are {len(entries)} images but {len(pool)} label files; give as many, in the "
            "same order, or one folder in which they have the same names"
        )
    if by_folder or any(own):
        entry = entries[[bool(found) for found in own].index(False)]
        name = files.stem(entry.path)
        raise ValueError(
            f"{given[0]} holds no labels for {entry.path.name}: none is called {name} or "
            f"{name}_labels"
            if by_folder
            else f"no label file is called like {entry.path.name}, though others are called like "
            "their images: give one for each image, or none that has a name of its own"
        )
    if len(entries) > 1:
        notes.append("images and labels have different names: they are paired in the given order")
    return [_label_source(path, e, siblings) for path, e in zip(pool, entries, strict=True)]


def _refuse(entry: Entry, name: Path) -> Source:
    raise ValueError(f"{entry.path} holds no labels called {name}")


def _by_file(entries: Sequence[Entry]) -> dict[Path, list[Entry]]:
    """The images of each file."""
    found: dict[Path, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.path, []).append(entry)
    return found


def _label_source(path: Path, entry: Entry, by_file: Mapping[Path, list[Entry]]) -> Source:
    """Labels for an image; of a file with several images, those with the same number."""
    siblings = by_file[entry.path]
    if len(siblings) == 1:
        return Source(files.stem(path), path=path)
    inside = [e for e in files.images_in(path) if not e.aside]
    if len(inside) != len(siblings):
        raise ValueError(
            f"{entry.path.name} holds {len(siblings)} images and {path.name} {len(inside)}: which "
            "belongs to which is not clear. Split the files, or choose one image (--series)"
        )
    return Source(files.stem(path), path=path, series=inside[siblings.index(entry)].series)


def _pairs_in_words(entries: Sequence[Entry], pairs: Sequence[Source | None]) -> list[str]:
    """One line that says what was paired with what."""
    paired = [(e, label) for e, label in zip(entries, pairs, strict=True) if label is not None]
    bare = [e for e, label in zip(entries, pairs, strict=True) if label is None]
    first, label = paired[0]
    assert label.path is not None
    more = f" and {len(paired) - 1} more pairs" if len(paired) > 1 else ""
    missing = f"; {_first_of([e.name for e in bare])} without labels" if bare else ""
    return [f"labels: {first.name} with {_place_of(label.path, first.path)}{more}{missing}"]


def _place_of(label: Path, image: Path) -> str:
    """Where labels lie, relative to their image."""
    return str(label.relative_to(image.parent) if label.is_relative_to(image.parent) else label)


def _first_of(names: Sequence[str]) -> str:
    """Names in short.

    Examples
    --------
    >>> _first_of(["a", "b"]), _first_of(list("abcdef"))
    ('a, b', 'a, b, c and 3 more')
    """
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

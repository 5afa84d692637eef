"""Whose labels: which label image belongs to which image of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .. import files
from ..files import Entry
from ..files.label_names import LabelNames
from .folders import first_of, is_folder, listed_in
from .source import Source


def found_labels(
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


def given_labels(
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
    by_folder = any(is_folder(path) for path in given)
    pool = [path for path in listed_in(given, None)[0] if path not in images]
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


def pairs_in_words(entries: Sequence[Entry], pairs: Sequence[Source | None]) -> list[str]:
    """One line that says what was paired with what."""
    paired = [(e, label) for e, label in zip(entries, pairs, strict=True) if label is not None]
    bare = [e for e, label in zip(entries, pairs, strict=True) if label is None]
    first, label = paired[0]
    assert label.path is not None
    more = f" and {len(paired) - 1} more pairs" if len(paired) > 1 else ""
    missing = f"; {first_of([e.name for e in bare])} without labels" if bare else ""
    return [f"labels: {first.name} with {_place_of(label.path, first.path)}{more}{missing}"]


def _place_of(label: Path, image: Path) -> str:
    """Where labels lie, relative to their image."""
    return str(label.relative_to(image.parent) if label.is_relative_to(image.parent) else label)

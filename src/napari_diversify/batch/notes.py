"""Notes on the images of a batch, gathered into a few sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .record import Record, provenance_in

#: Names that a sentence lists before it counts the rest.
_NAMES = 3


@dataclass(frozen=True)
class Noted:
    """What was noticed about one image.

    Attributes
    ----------
    name : str
        Of the image.
    notes : tuple of str
        Sentences without a full stop.
    spacing : tuple of float or None
        Its voxel size in micrometres, None if it is not known.
    """

    name: str
    notes: tuple[str, ...]
    spacing: tuple[float, ...] | None


def noted_in(record: Record) -> Noted:
    """What the record of a sample says about its image; those of version 0.1.0 say little."""
    made = provenance_in(record)
    return Noted(made.source.name, tuple(map(str, record.get("notes", ()))), made.spacing)


def gathered(images: Iterable[Noted]) -> tuple[str, ...]:
    """Each note once, with the names of the images to which it applies, and their differences.

    Examples
    --------
    >>> gathered([Noted("a", ("0 is white",), None), Noted("b", ("0 is white",), None)])
    ('a, b: 0 is white',)
    """
    by_note: dict[str, dict[str, None]] = {}
    by_size: dict[tuple[float, ...] | None, dict[str, None]] = {}
    for image in sorted(images, key=lambda image: image.name):
        for note in image.notes:
            by_note.setdefault(note, {})[image.name] = None
        size = None if image.spacing is None else tuple(round(s, 9) for s in image.spacing)
        by_size.setdefault(size, {})[image.name] = None
    sentences = [f"{_in_short(list(names))}: {note}" for note, names in by_note.items()]
    if len(by_size) > 1:
        kinds = [f"{_size_in_words(s)} ({_in_short(list(n))})" for s, n in by_size.items()]
        more = f" and {len(kinds) - _NAMES} more sizes" if len(kinds) > _NAMES else ""
        sentences.append(f"the images differ in voxel size: {', '.join(kinds[:_NAMES])}{more}")
    return tuple(sentences)


def _in_short(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _size_in_words(size: tuple[float, ...] | None) -> str:
    return "unknown" if size is None else " x ".join(f"{s:g}" for s in size) + " µm"

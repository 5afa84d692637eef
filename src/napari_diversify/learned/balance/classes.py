"""Which object is of which class, as a table says."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...files import stem
from ...small_files import read_small
from .methods import Classes

_WANTED = (
    "a table of classes is a CSV file with the columns “label” and “class” and, where there are "
    "several files of labels, “image”"
)


def classes_of(
    path: str | os.PathLike[str], objects: Sequence[str]
) -> tuple[Classes, tuple[str, ...], tuple[str, ...]]:
    """The class of each object.

    Parameters
    ----------
    path : path-like
        A CSV file with the columns "label" and "class"; with objects of several files, also
        "image": the name of the labels.
    objects : sequence of str
        Names as those of :class:`~napari_diversify.learned.shapes.objects.Objects`: the name of
        the labels, and the number.

    Returns
    -------
    classes : array of int
        Number of each one's class; -1 of an object that is not in the table.
    names : tuple of str
        Of the classes, those with most objects first.
    notes : tuple of str
        Sentences without a full stop.

    Raises
    ------
    OSError, ValueError
        If the table cannot be used.
    """
    text = read_small(Path(path), most=1 << 24).decode("utf-8-sig", errors="replace")
    table = csv.DictReader(io.StringIO(text))
    columns = {(name or "").strip().lower(): name for name in table.fieldnames or ()}
    if not {"label", "class"} <= set(columns):
        raise ValueError(f"{_WANTED}; {path} has {', '.join(columns) or 'none'}")
    images = {name.rpartition(" ")[0] for name in objects}
    if len(images) > 1 and "image" not in columns:
        raise ValueError(f"{_WANTED}; {path} has no “image”, and there are {len(images)} files")
    given: dict[str, str] = {}
    for row in table:
        number = (row[columns["label"]] or "").strip()
        image = (row[columns["image"]] or "").strip() if "image" in columns else ""
        for one in images:
            if len(images) > 1 and image not in (one, stem(one)):
                continue
            given[f"{one} {number}"] = (row[columns["class"]] or "").strip()
    known = [given.get(name, "") for name in objects]
    names = sorted({name for name in known if name}, key=lambda name: (-known.count(name), name))
    if not names:
        raise ValueError(f"{path} has a class for none of the {len(objects)} whole objects")
    classes = np.array([names.index(name) if name else -1 for name in known], np.intp)
    without = int(np.sum(classes < 0))
    notes = []
    if without:
        notes.append(f"{without} object{'s' * (without > 1)} left out, without a class in {path}")
    return classes, tuple(names), tuple(notes)

"""Writing the report on a training set."""

from __future__ import annotations

import os
from collections.abc import Generator
from html import escape
from pathlib import Path

from ..core.blocks import exhaust
from ..files import writing
from .comparison import Comparison, compare
from .findings import LINES, Findings, Pair
from .flags import flagged
from .page import page_of
from .pictures import Plane, limits_of, middle_plane, source_plane, thumbnail, trouble_of
from .rows import Row, TrainingSet, read_set, spread
from .unseen import IMAGES, seen_of

NAME = "report.html"
#: Flagged files and lines of the table that have pictures, and their sides in pixels.
_PAIRS, _PICTURES = 40, 200
_SIDE, _SMALL = 160, 64
_OPENED = LINES  # images that are opened, to see whether they can be read


def write_report(
    folder: str | os.PathLike[str],
    *,
    real: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one page on a training set: what stands out, and how its numbers are distributed.

    The manifest, the records and one plane of some of the images are read. The page is
    a single file; the same training set gives the same bytes.

    Parameters
    ----------
    folder : path-like
        Of the training set, with ``manifest.csv``.
    real : path-like, optional
        Folder of real images to compare with.
    out : path-like, optional
        The page, or the folder for it; by default ``report.html`` in ``folder``.
    overwrite : bool, optional
        Whether an older page may be replaced.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileExistsError
        If the page exists and ``overwrite`` is not set.
    OSError, ValueError
        If there is no training set or nothing to compare it with; the message says which.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from pathlib import Path
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.batch import Job, export, sources_of
    >>> from napari_diversify.recipe import Diversify, Sampling
    >>> from napari_diversify.report import write_report
    >>> folder = tempfile.TemporaryDirectory()
    >>> here = Path(folder.name)
    >>> np.save(here / "cells.npy", np.arange(960.0, dtype="float32").reshape(4, 12, 20))
    >>> sampling = Sampling(recipe=Recipe(steps=(Diversify(),)), samples=2)
    >>> report = export(Job(sources_of([here / "cells.npy"]), sampling, here / "train"))
    >>> write_report(here / "train").name
    'report.html'
    >>> folder.cleanup()
    """
    return exhaust(reporting(folder, real=real, out=out, overwrite=overwrite))


def reporting(
    folder: str | os.PathLike[str],
    *,
    real: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Generator[tuple[int, int], None, Path]:
    """:func:`write_report` in pieces, for callers that show progress; yields (done, total)."""
    root = Path(folder)
    target = _target(root, out)
    if target.exists() and not overwrite:  # refused before the work, not after it
        raise FileExistsError(
            f"{target} exists and is left as it is; choose another name, or overwrite it"
        )
    train = read_set(root)
    yield 0, len(train.rows)
    comparison = None if real is None else compare(train, Path(real))
    findings = yield from _findings_of(train, comparison)
    with writing(target, overwrite) as partial:
        partial.write_text(page_of(findings), encoding="utf-8", newline="\n")
    return target


def _target(root: Path, out: str | os.PathLike[str] | None) -> Path:
    if out is None:
        return root / NAME
    target = Path(out)
    if target.is_dir():
        return target / NAME
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(
            f"a report is a page whose name ends in .html, or a folder for it; got {target}"
        )
    return target


def _findings_of(
    train: TrainingSet, comparison: Comparison | None
) -> Generator[tuple[int, int], None, Findings]:
    """Look at the files, the numbers and the planes."""
    rows, folder = train.rows, train.folder
    pictured = spread(rows[:LINES], _PICTURES)
    labelled = spread([row for row in rows if row.labels], IMAGES)
    total = len(rows) + len(pictured) + _PAIRS + len(labelled)
    opened = {row.file for row in spread(rows, _OPENED)}
    troubles = {}
    for n, row in enumerate(rows):
        yield n, total
        trouble = trouble_of(folder, row, opened=row.file in opened)
        if trouble is not None:
            troubles[row.file] = trouble
    thumbnails = {}
    for n, row in enumerate(pictured, len(rows)):
        yield n, total
        if (folder / row.file).exists() and row.file not in thumbnails:
            try:
                thumbnails[row.file] = _picture(folder, row, _SMALL)
            except ValueError as error:
                troubles.setdefault(row.file, f"it cannot be read: {error}")
    bad = flagged(rows, troubles)
    pairs = []
    for n, (row, _) in enumerate(bad[:_PAIRS], len(rows) + len(pictured)):
        yield n, total
        pairs.append(_pair(folder, row))
    seen = []
    for n, row in enumerate(labelled, total - len(labelled)):
        yield n, total
        seen.append(seen_of(folder, row))
    probed = tuple(one for one in seen if one is not None)
    return Findings(train, bad, pairs, thumbnails, len(opened), comparison, probed)


def _picture(folder: Path, row: Row, side: int) -> str:
    plane = middle_plane(folder / row.file)
    return _tag(plane, limits_of(row, plane), side, f"Middle plane of {row.file}")


def _pair(folder: Path, row: Row) -> Pair:
    """The middle plane of a file and that of its source, on one grey scale."""
    try:
        plane = middle_plane(folder / row.file)
    except ValueError as error:
        return Pair(_words(f"no picture: {error}"), _words("nothing to show it beside"))
    limits = limits_of(row, plane)
    image = _tag(plane, limits, _SIDE, f"Middle plane of {row.file}")
    try:
        source = source_plane(folder, row, plane)
    except (OSError, ValueError) as error:
        return Pair(image, _words(f"no picture: {error}"))
    return Pair(image, _tag(source, limits, _SIDE, f"The same plane of its source {row.source}"))


def _tag(plane: Plane, limits: tuple[float, float], side: int, words: str) -> str:
    uri, width, height = thumbnail(plane.values, limits, side)
    return (
        f'<img src="{uri}" width="{width}" height="{height}" loading="lazy" alt="{escape(words)}">'
    )


def _words(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>'

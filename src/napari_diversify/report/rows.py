"""What a training set says about itself: the lines of its manifest, and their records."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .. import files
from ..batch.notes import Noted, gathered, noted_in
from ..batch.record import FOLDER, MANIFEST, Record, provenance_in, read_record
from ..small_files import read_small

T = TypeVar("T")

#: Metrics in the order of the page.
METRICS = ("psnr", "si_psnr", "ssim", "contrast_source", "contrast", "clipped")
_NUMBERS = (*METRICS, "data_range", "ssim_planes")
_HEAD = ("file", "labels", "clean", "source", "group", "sample", "seed")
_KNOWN = (*_HEAD, "target_psnr", *_NUMBERS)
_LARGEST = 1 << 30  # bytes of a manifest: about four million samples
_NEWER = ("data_range_rule",)  # older manifests lack it


@dataclass(frozen=True)
class Origin:
    """What the record of a sample says that the manifest does not.

    Attributes
    ----------
    name : str
        Of the record.
    version, layout : str
        Of the program that made it; key of the layout.
    steps : tuple of str
        Kinds of the steps of its recipe, in order.
    limits : (float, float) or None
        The intensity range.
    source, axes : str or None
        Path of the source relative to the folder of the set, and its axes.
    sizes, dtype
        Of this image file; length by axis, channels left out: some layouts split them.
    """

    name: str
    version: str
    layout: str
    steps: tuple[str, ...]
    limits: tuple[float, float] | None
    source: str | None
    axes: str | None
    sizes: dict[str, int]
    dtype: str


@dataclass(frozen=True)
class Row:
    """One image file as it stands in the manifest; metrics keep their spelling there."""

    file: str
    labels: str
    clean: str
    source: str
    group: str
    sample: str
    seed: str
    parameters: dict[str, str]
    target: str
    metrics: dict[str, str]
    origin: Origin | None

    def number(self, metric: str) -> float:
        """A metric as a number."""
        return float(self.metrics[metric])

    @property
    def unit(self) -> str:
        """Name of its sample, which may have several files: time points, channels, planes."""
        if self.origin is not None:
            return self.origin.name
        stem = files.stem(self.file)
        own = re.match(rf"{re.escape(self.source)}_0*{re.escape(self.sample)}(?=_|$)", stem)
        return own.group() if own else stem


@dataclass(frozen=True)
class TrainingSet:
    """All rows, sorted by file, and notes on the set as a whole."""

    folder: Path
    rows: tuple[Row, ...]
    parameters: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def recorded(self, name: str) -> list[str]:
        """The different values of a field of the records, in the order of the rows."""
        values = {getattr(row.origin, name): None for row in self.rows if row.origin is not None}
        return [" → ".join(v) if isinstance(v, tuple) else str(v) for v in values]

    def varying(self) -> list[str]:
        """Parameters that are not the same in all rows."""
        return [p for p in self.parameters if len({r.parameters[p] for r in self.rows}) > 1]


def read_set(folder: Path) -> TrainingSet:
    """Read the manifest and the records of a training set.

    Raises
    ------
    OSError, ValueError
        If there is no manifest, or it is not one of ours; the message says so.
    """
    manifest = folder / MANIFEST
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    if not manifest.exists():
        raise FileNotFoundError(
            f"{folder} holds no {MANIFEST}, so it is not a training set of this program. Give the "
            "folder that was exported to; if its export was stopped, run it again with --resume"
        )
    columns, lines = _read_table(manifest)
    origins, noted, unread = _origins(folder)
    rows = [_row(manifest, n, line, origins) for n, line in lines]
    if not rows:
        raise ValueError(f"{manifest} has no lines: there is no sample to report on")
    notes = []
    strange = [name for name in columns if name not in (*_KNOWN, *_NEWER) and "." not in name]
    if strange:
        notes.append(
            f"{MANIFEST} has columns that this version does not know and leaves out: "
            f"{', '.join(strange)}."
        )
    if unread:
        notes.append(f"{number_of(unread, 'record')} in {FOLDER} could not be read.")
    bare = sum(row.origin is None for row in rows)
    if bare:
        notes.append(
            f"{number_of(bare, 'file')} of {len(rows):,} have no record in {FOLDER}: their "
            "layout, intensity range and source are not known."
        )
    more = len({o.name for o in origins.values()} - {r.origin.name for r in rows if r.origin})
    if more:
        notes.append(
            f"{number_of(more, 'more sample')} with a record {'is' if more == 1 else 'are'} not in "
            f"{MANIFEST}: a run was stopped, or the table was changed. The same command with "
            "--resume completes both."
        )
    notes += [f"{sentence}." for sentence in gathered(noted)]
    return TrainingSet(
        folder,
        tuple(sorted(rows, key=lambda row: row.file)),
        tuple(name for name in columns if name not in _KNOWN and "." in name),
        tuple(notes),
    )


def _read_table(manifest: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    try:
        text = read_small(manifest, _LARGEST).decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = list(table.fieldnames or ())
        lines = [(table.line_num, line) for line in table]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{manifest} cannot be read as a table: {error}") from error
    if not columns:
        raise ValueError(f"{manifest} is empty: there is no sample to report on")
    missing = [name for name in _KNOWN if name not in columns]
    if missing:
        raise ValueError(
            f"{manifest} is not a manifest that this version can read: it has no column "
            f"{', '.join(map(repr, missing))}. Another program has written it, or another version "
            "of this one"
        )
    for number, line in lines:
        if None in line or None in line.values():
            raise ValueError(
                f"{manifest}, line {number}: it has more or fewer than {len(columns)} entries"
            )
    return columns, lines


def _row(manifest: Path, number: int, line: dict[str, str], origins: dict[str, Origin]) -> Row:
    for name in (*_NUMBERS, "target_psnr"):
        try:
            if line[name] or name != "target_psnr":
                float(line[name])
        except ValueError:
            raise ValueError(
                f"{manifest}, line {number}: {name} must be a number; got {line[name]!r}"
            ) from None
    if not line["file"]:
        raise ValueError(f"{manifest}, line {number}: it names no file")
    return Row(
        file=line["file"],
        labels=line["labels"],
        clean=line["clean"],
        source=line["source"],
        group=line["group"],
        sample=line["sample"],
        seed=line["seed"],
        parameters={k: v for k, v in line.items() if k not in _KNOWN and "." in k},
        target=line["target_psnr"],
        metrics={name: line[name] for name in _NUMBERS},
        origin=origins.get(line["file"]),
    )


def _origins(folder: Path) -> tuple[dict[str, Origin], list[Noted], int]:
    """What the records say about each file, and about images; and how many cannot be read."""
    origins: dict[str, Origin] = {}
    noted: list[Noted] = []
    unread = 0
    for path in sorted((folder / FOLDER).glob("[!.]*.json")):
        record = read_record(folder, path.stem)
        try:
            origins |= _origins_in(path.stem, record or {})
            noted.append(noted_in(record or {}))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            unread += 1
    return origins, noted, unread


def _origins_in(name: str, record: Record) -> dict[str, Origin]:
    made, out = provenance_in(record), {}
    for part in record["parts"]:
        out[str(part["files"]["image"])] = Origin(
            name=name,
            version=made.version or "unknown",
            layout=str(record["request"]["layout"]),
            steps=made.recipe.kinds,
            limits=made.recipe.limits,
            source=made.source.path,
            axes=made.source.axes,
            sizes=without_channels(part["header"]["axes"], part["header"]["shape"]),
            dtype=str(part["header"]["dtype"]),
        )
    return out


def without_channels(axes: str, shape: Sequence[int]) -> dict[str, int]:
    """Length by axis, without axes of length 1, which do not matter, and without channels."""
    sizes = zip(axes, shape, strict=True)
    return {axis: int(n) for axis, n in sizes if axis != "c" and n > 1}


def numbers(texts: Iterable[str]) -> list[float] | None:
    """Texts as numbers; None if one of them is not a number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return None


def finite(values: Iterable[float]) -> list[float]:
    """Those that are neither NaN nor infinite."""
    return [value for value in values if math.isfinite(value)]


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of the items, evenly spread, the first and the last among them.

    Examples
    --------
    >>> spread(range(10), 4), spread("ab", 4)
    ([0, 3, 6, 9], ['a', 'b'])
    """
    n = len(items)
    if n <= most:
        return list(items)
    return [items[round(i * (n - 1) / max(1, most - 1))] for i in range(most)]


def number_of(n: int, what: str) -> str:
    """Count something, with its plural where needed.

    Examples
    --------
    >>> number_of(1, "file"), number_of(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"

"""The table of all finished samples in a folder, and what the layout wants beside the images.

Both are of all runs that worked in the folder, and are made anew from the records. Runs that
end at the same time write them one after the other, so that the last one has the samples of all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files
from ..files import Item, Layout, Listing
from .claims import guarded
from .locks import look_anew
from .record import (
    FOLDER,
    MANIFEST,
    METRICS,
    Record,
    finished_records,
    header_in,
    names_in,
    provenance_in,
    recipe_asked_in,
)

_HEAD = ("file", "labels", "clean", "source", "group", "sample", "seed")
_OLDER = ("data_range_rule",)  # columns that manifests did not have once


@dataclass(frozen=True)
class Tables:
    """What is to be written about all finished samples.

    Attributes
    ----------
    rows : tuple of dict
        The lines of the manifest.
    items : tuple of Item
        The images of the layout that is asked for, if it wants something beside them.
    """

    rows: tuple[dict[str, Any], ...]
    items: tuple[Item, ...]

    @property
    def manifest(self) -> str:
        """The table, a line per image file.

        Columns: ``file``, ``labels``, ``clean`` (the source, where the layout wants
        it), ``source``, ``group`` (the same for all samples of one source: keep a
        group on one side of a split), ``sample``, ``seed``, every parameter, then
        ``target_psnr`` and the metrics. PSNR counts with the intensity range as
        peak (``data_range``), which was ``given`` in the recipe or is the ``min-max``
        of the source (``data_range_rule``); SSIM is the mean over ``ssim_planes`` planes; contrast
        is standard deviation over mean; ``clipped`` is the share of voxels that
        have moved to an end of the range.
        """
        known = {*_HEAD, "target_psnr", *METRICS}
        parameters = dict.fromkeys(name for row in self.rows for name in row if name not in known)
        text = io.StringIO(newline="")
        columns = [*_HEAD, *parameters, "target_psnr", *METRICS]
        table = csv.DictWriter(text, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        return text.getvalue()


def write_tables(output: Path, layout: Layout, run: str) -> None:
    """Write the tables of all samples finished by now, if there are any.

    ``run`` keeps writers apart, as in :func:`.files.writing`. The manifest is dated when its
    records began to be read: of many runs that end together, and wait for each other, only the
    first and one that has waited read them all; the others find theirs in it.
    """
    ended = look_anew(output / FOLDER, f".now.{run}.partial")
    while True:
        with guarded(output) as (guard, began):
            others_have = ended < _date_of(output / MANIFEST) <= began
            if guard.waited and layout.extras is None and others_have:
                return
            tables = _tables_of(output, layout, Listing())
            if not guard.is_mine():  # it took so long that others went on
                continue
            if tables.rows:
                files.write_extras(layout, output, tables.items, run)
                files.replace_text(output / MANIFEST, tables.manifest, run, began)
            return


def _date_of(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def are_written(output: Path, layout: Layout, listing: Listing) -> bool:
    """Whether the tables of all finished samples have been written already."""
    tables = _tables_of(output, layout, listing)
    manifest = tables.manifest.encode()
    return files.holds(output / MANIFEST, manifest) and files.has_extras(
        layout, output, tables.items
    )


def check_tables(output: Path, layout: Layout, listing: Listing) -> None:
    """Raise if others have written a table that would be replaced.

    Raises
    ------
    FileExistsError
        Naming the file and what to do.
    """
    manifest = output / MANIFEST
    names = [MANIFEST, *(layout.extras(()) if layout.extras is not None else ())]
    foreign = [name for name in names if listing.exists(output / name)]
    if foreign and not names_in(output, listing):
        raise FileExistsError(
            f"{output} holds a {foreign[0]} that no batch has written; it is left as it is. "
            "Choose another folder"
        )
    if listing.exists(manifest) and (strange := _strange_columns(manifest)):
        raise FileExistsError(
            f"{manifest} has been changed ({strange}) and would be replaced. Give it "
            "another name, or choose another folder"
        )


def _strange_columns(manifest: Path) -> str:
    """The columns of a manifest that are not ours, in words."""
    try:
        with manifest.open(newline="", encoding="utf-8") as file:
            columns = next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error):
        return "it cannot be read as our table"
    ours = {*_HEAD, "target_psnr", *METRICS}
    missing = ours.difference(columns, _OLDER)
    more = [name for name in columns if name not in ours and "." not in name]
    if missing:
        return f"it has no column {sorted(missing)[0]!r}"
    return f"it has a column {more[0]!r}" if more else ""


def items_of(records: Iterable[Record], layout: Layout) -> dict[str, Item]:
    """Images of a layout in records, by their names."""
    return {
        part["name"]: Item(part["name"], header_in(part))
        for record in records
        if record["request"]["layout"] == layout.name
        for part in record["parts"]
    }


def _tables_of(output: Path, layout: Layout, listing: Listing) -> Tables:
    rows: list[dict[str, Any]] = []
    items: dict[str, Item] = {}
    for record in finished_records(output, listing):  # one at a time: they are bigger than rows
        rows += _rows(record)
        if layout.extras is not None:
            items |= items_of([record], layout)
    return Tables(tuple(rows), tuple(items.values()))


def _rows(record: Record) -> list[dict[str, Any]]:
    """The lines of a sample."""
    made = provenance_in(record)
    steps = _parameters(made.recipe.steps)
    asked = recipe_asked_in(record).limits
    rows = []
    for part in record["parts"]:
        paths = {role: Path(path).as_posix() for role, path in part["files"].items()}
        rows.append(
            {
                "file": paths["image"],
                "labels": paths.get("labels", ""),
                "clean": paths.get("source", ""),
                "source": made.source.name,
                "group": made.source.name,
                "sample": made.recipe.sample,
                "seed": made.recipe.seed,
                **steps,
                "target_psnr": made.target_psnr,
                **part["metrics"],
                "data_range_rule": "min-max" if asked is None else "given",
            }
        )
    return rows


def _parameters(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """All parameters of a recipe, by names that distinguish steps of one kind."""
    kinds = [step["kind"] for step in steps]
    out: dict[str, Any] = {}
    for i, step in enumerate(steps):
        prefix = step["kind"] if kinds.count(step["kind"]) == 1 else str(i)
        for name, value in step.items():
            if name != "kind":
                flat = " ".join(map(str, value)) if isinstance(value, list) else value
                out[f"{prefix}.{name}"] = flat
    return out

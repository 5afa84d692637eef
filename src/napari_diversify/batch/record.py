"""What is known about each finished sample.

Beside the files of a training set lies a folder of records, one per sample. A
record is written before its files get their names, and once more when they
have them: a file without a record is not ours, and a record that is not
finished, or without its files, is of a sample to be made again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ..files import ENDINGS, Header, Listing, header_of, writing
from ..recipe.provenance import BatchProvenance, WrittenRecipe
from ..small_files import read_small

FOLDER = ".diversify"
MANIFEST = "manifest.csv"

Record: TypeAlias = dict[str, Any]

#: Names of the numbers that are measured of each file.
METRICS = (
    "psnr",
    "data_range",
    "data_range_rule",
    "si_psnr",
    "ssim",
    "ssim_planes",
    "contrast_source",
    "contrast",
    "clipped",
)


def write_record(output: Path, name: str, record: Record, run: str = "") -> None:
    """Write a record, whole or not at all; an older one of this name is replaced.

    ``run`` tells apart who writes, as in :func:`.files.writing`.
    """
    with writing(place_of(output, name), overwrite=True, run=run) as partial:
        partial.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_record(output: Path, name: str) -> Record | None:
    """The record of a sample; None if there is none that can be read."""
    try:
        record: Record = json.loads(read_small(place_of(output, name)))
        whole = _is_whole(record)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        return None
    except RecursionError:  # lists in lists in lists
        return None
    return record if whole else None


def provenance_in(record: Record) -> BatchProvenance:
    """How the files of a sample were made.

    Raises
    ------
    ValueError, LookupError
        If the record does not tell.
    """
    return BatchProvenance.read(record["provenance"])


def recipe_asked_in(record: Record) -> WrittenRecipe:
    """The recipe that was asked for, before its range and its target PSNR were settled."""
    return WrittenRecipe(record["request"]["recipe"])


def header_in(part: Record) -> Header:
    """What the record of a sample says about one of its images."""
    told = part["header"].items()
    fields: Record = {n: tuple(v) if isinstance(v, list) else v for n, v in told}
    return header_of(**fields)


def _is_whole(record: Record) -> bool:
    """Whether everything that a table needs is there, as the file may have been edited."""
    provenance_in(record), recipe_asked_in(record)  # which raise if they are not there
    asked = record["request"]
    return (
        "finished" in record
        and all(isinstance(path, str) for path in record.get("superseded", ()))
        and isinstance(asked["layout"], str)
        and all(
            isinstance(part["name"], str)
            and bool(header_in(part))
            and set(part["metrics"]) <= set(METRICS)
            and isinstance(part["files"]["image"], str)
            and all(isinstance(path, str) for path in part["files"].values())
            for part in record["parts"]
        )
    )


def is_finished(output: Path, record: Record, listing: Listing) -> bool:
    """Whether all files of a sample have their names."""
    # asked for one by one if not listed: a network disk may have listed a folder a minute ago
    return bool(record["finished"]) and all(
        listing.exists(path) or path.exists() for path in files_of(output, record)
    )


def names_in(output: Path, listing: Listing) -> list[str]:
    """Names of all records in a folder, sorted."""
    return sorted(
        name.removesuffix(".json")
        for name in listing.names(output / FOLDER)
        if name.endswith(".json") and not name.startswith(".")
    )


def records_in(output: Path, listing: Listing) -> Iterator[tuple[str, Record]]:
    """All records in a folder that can be read, with their names and in their order."""
    for name in names_in(output, listing):
        record = read_record(output, name)
        if record is not None:
            yield name, record


def finished_records(output: Path, listing: Listing) -> Iterator[Record]:
    """Records of all finished samples in a folder, by their names."""
    return (r for _, r in records_in(output, listing) if is_finished(output, r, listing))


def files_of(output: Path, record: Record) -> list[Path]:
    """All files that a record lists."""
    return [output / path for path in _told(record)]


def superseded_in(output: Path, record: Record) -> list[Path]:
    """Files of an older record that were still to be removed."""
    return [output / path for path in record.get("superseded", ())]


def ours(folder: str | os.PathLike[str]) -> set[Path]:
    """Everything in a folder that a batch has made: files in its records, and training sets.

    Returns
    -------
    set of Path
        Without links. A folder inside it that holds records counts as a whole.
    """
    where, listing = Path(folder), Listing()
    made = (
        path
        for _, record in records_in(where, listing)
        for path in (*files_of(where, record), *superseded_in(where, record))
    )
    sets = (where / name for name in listing.names(where) if (where / name / FOLDER).is_dir())
    return {Path(listing.real(path)) for path in (*made, *sets)}


def _told(record: Record) -> list[str]:
    return [path for part in record["parts"] for path in part["files"].values()]


def superseded(output: Path, name: str, before: Record | None, record: Record) -> list[str]:
    """Files that an older record of a sample lists, and the new one does not.

    A record that is not finished also lists those that were still to be removed.
    """
    if before is None:
        return []
    now = set(_told(record))
    old = [path for path in (*_told(before), *before.get("superseded", ())) if path not in now]
    return [path for path in dict.fromkeys(old) if _could_be_ours(output, name, path)]


def _could_be_ours(output: Path, name: str, path: str) -> bool:
    """Whether a path in a record, which may have been edited, is one that we would write."""
    target = output / path
    endings = "|".join(map(re.escape, (*ENDINGS, ".json")))
    ours = re.fullmatch(rf"{re.escape(name)}\w*({endings})", target.name)
    inside = target.parent.resolve().is_relative_to(output.resolve())
    folder = target.is_dir() and not (target / "zarr.json").exists()
    return ours is not None and inside and not folder


def place_of(output: Path, name: str) -> Path:
    """The file of a record."""
    return output / FOLDER / f"{name}.json"

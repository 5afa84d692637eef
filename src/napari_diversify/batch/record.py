"""What is known of each finished sample, and the table of them all.

Beside the files of a training set lies a folder of records, one per sample. A
record is written before its files get their names, and once more when they
have them: a file without a record is not ours, and a record that is not
finished, or without its files, is of a sample to be made again.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ..files import writing
from ..small_files import read_small

FOLDER = ".diversify"
MANIFEST = "manifest.csv"

Record: TypeAlias = dict[str, Any]

_METRICS = (
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


def write_record(output: Path, name: str, record: Record) -> None:
    """Write a record, whole or not at all; an older one of this name is replaced."""
    with writing(_place(output, name), overwrite=True) as partial:
        partial.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_record(output: Path, name: str) -> Record | None:
    """The record of a sample, None if there is none that can be read."""
    try:
        record: Record = json.loads(read_small(_place(output, name)))
        whole = _is_whole(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return record if whole else None


def _is_whole(record: Record) -> bool:
    """Whether all is there that a table is made of, if somebody has edited the file."""
    made, asked = record["provenance"], record["request"]
    steps = made["recipe"]["steps"]
    return (
        "finished" in record
        and isinstance(made["source"]["name"], str)
        and {"sample", "seed"} <= made["recipe"].keys()
        and "target_psnr" in made
        and isinstance(asked["layout"], str)
        and "intensity_range" in asked["recipe"]
        and isinstance(steps, list)
        and all(isinstance(step["kind"], str) for step in steps)
        and all(
            isinstance(part["name"], str)
            and isinstance(part["header"], dict)
            and set(part["metrics"]) <= set(_METRICS)
            and isinstance(part["files"]["image"], str)
            and all(isinstance(path, str) for path in part["files"].values())
            for part in record["parts"]
        )
    )


def is_finished(output: Path, record: Record) -> bool:
    """Whether all files of a sample have their names."""
    return bool(record["finished"]) and all(p.exists() for p in files_of(output, record))


def finished_records(output: Path) -> list[Record]:
    """Records of all finished samples in a folder, by their names."""
    return [r for _, r in records_in(output) if is_finished(output, r)]


def records_in(output: Path) -> Iterator[tuple[str, Record]]:
    """All records in a folder that can be read, with their names and in their order."""
    for name in sorted(path.stem for path in (output / FOLDER).glob("[!.]*.json")):
        record = read_record(output, name)
        if record is not None:
            yield name, record


def files_of(output: Path, record: Record) -> list[Path]:
    """All files that a record tells of."""
    return [output / path for path in _told(record)]


def _told(record: Record) -> list[str]:
    return [path for part in record["parts"] for path in part["files"].values()]


def superseded(output: Path, name: str, before: Record | None, record: Record) -> list[str]:
    """Files that an older record of a sample tells of, and the new one does not.

    A record that is not finished also tells which ones were still to be removed.
    """
    if before is None:
        return []
    now = set(_told(record))
    old = [path for path in (*_told(before), *before.get("superseded", ())) if path not in now]
    return [path for path in dict.fromkeys(old) if _could_be_ours(output, name, path)]


def _could_be_ours(output: Path, name: str, path: str) -> bool:
    """Whether a path in a record, which somebody may have edited, is one that we give a file."""
    target = output / path
    ours = re.fullmatch(re.escape(name) + r"\w*(\.ome)?\.(tif|tiff|zarr|json)", target.name)
    inside = target.parent.resolve().is_relative_to(output.resolve())
    folder = target.is_dir() and not (target / "zarr.json").exists()
    return ours is not None and inside and not folder


def write_manifest(output: Path, records: Iterable[Record]) -> Path:
    """Write the table of all samples, a line per image file.

    Columns: ``file``, ``labels``, ``clean`` (the source, where the layout wants
    it), ``source``, ``group`` (the same for all samples of one source: keep a
    group on one side of a split), ``sample``, ``seed``, every parameter, then
    ``target_psnr`` and the metrics. PSNR counts with the intensity range as
    peak (``data_range``), which was ``given`` in the recipe or is the ``min-max``
    of the source (``data_range_rule``); SSIM is the mean over ``ssim_planes`` planes; contrast
    is standard deviation over mean; ``clipped`` is the share of voxels that
    ended at an end of the range without having been there.
    """
    rows, parameters = [], dict[str, None]()
    for record in records:
        steps = _parameters(record["provenance"]["recipe"]["steps"])
        parameters |= dict.fromkeys(steps)
        asked = record["request"]["recipe"]["intensity_range"]
        for part in record["parts"]:
            paths = {role: Path(path).as_posix() for role, path in part["files"].items()}
            rows.append(
                {
                    "file": paths["image"],
                    "labels": paths.get("labels", ""),
                    "clean": paths.get("source", ""),
                    "source": record["provenance"]["source"]["name"],
                    "group": record["provenance"]["source"]["name"],
                    "sample": record["provenance"]["recipe"]["sample"],
                    "seed": record["provenance"]["recipe"]["seed"],
                    **steps,
                    "target_psnr": record["provenance"]["target_psnr"],
                    **part["metrics"],
                    "data_range_rule": "min-max" if asked is None else "given",
                }
            )
    head = ["file", "labels", "clean", "source", "group", "sample", "seed"]
    text = io.StringIO(newline="")
    table = csv.DictWriter(
        text, [*head, *parameters, "target_psnr", *_METRICS], lineterminator="\n"
    )
    table.writeheader()
    table.writerows(rows)
    target = output / MANIFEST
    with writing(target, overwrite=True) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8", newline="")
    return target


def _parameters(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """All parameters of a recipe, by names that tell two steps of a kind apart."""
    kinds = [step["kind"] for step in steps]
    out: dict[str, Any] = {}
    for i, step in enumerate(steps):
        prefix = step["kind"] if kinds.count(step["kind"]) == 1 else str(i)
        for name, value in step.items():
            if name != "kind":
                flat = " ".join(map(str, value)) if isinstance(value, list) else value
                out[f"{prefix}.{name}"] = flat
    return out


def _place(output: Path, name: str) -> Path:
    return output / FOLDER / f"{name}.json"

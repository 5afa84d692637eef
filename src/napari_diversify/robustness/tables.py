"""The tables of a study: every score, and the levels of every curve."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from .. import files
from ..batch.source import Source
from ..core.measures.matching import DEFINITIONS
from .curves import results
from .fragile import fragile, lost_at
from .rows import Row, in_order
from .scoring import read
from .study import Study

SCORES, CURVES, OBJECTS = "scores.csv", "curves.csv", "objects.csv"


def write_tables(study: Study, rows: Sequence[Row], folder: Path) -> None:
    """Write the tables of a study; the same rows give the same bytes, in whatever order."""
    for name, text in ((SCORES, scores_table(study, rows)), (CURVES, curves_table(study, rows))):
        with files.writing(folder / name, overwrite=True) as partial:
            partial.write_text(text, encoding="utf-8", newline="")


def write_objects(
    study: Study, sources: Sequence[Source], rows: Sequence[Row], folder: Path
) -> None:
    """Write how long each labelled object is found, with its features."""
    head = [
        "image", "curve", "label", "lost_at", "size", "brightness", "contrast", "touching",
        "at_border",
    ]  # fmt: skip
    lines: list[list[object]] = []
    for source in sorted(sources, key=lambda source: source.name):
        here = [row for row in rows if row.image == source.name]
        if source.labels is None or not here:
            continue
        with ExitStack() as stack:
            image = read(source, stack)
            voxels = image.voxels.reshape(image.shape)
            assert image.labels is not None
            for curve in study.curves:
                lines += [
                    [
                        source.name,
                        curve.name,
                        one.label,
                        lost_at(study, one.held),
                        one.size,
                        one.brightness,
                        one.contrast,
                        int(one.touching),
                        int(one.at_border),
                    ]
                    for one in fragile(
                        study, here, curve.number, voxels, image.labels, image.spacing
                    )
                ]
    if lines:
        with files.writing(folder / OBJECTS, overwrite=True) as partial:
            partial.write_text(_csv(head, lines), encoding="utf-8", newline="")


def scores_table(study: Study, rows: Sequence[Row]) -> str:
    """A line for every sample and curve."""
    head = [
        "image", "curve", "axis", "level", "draw", "sample", "weight", "psnr", "reference",
        "true_objects", "found_objects", *DEFINITIONS, "failed",
    ]  # fmt: skip
    lines = [
        [
            row.image,
            study.curves[row.dot.curve].name,
            study.axis[0],
            "" if row.level is None else row.level,
            row.dot.draw,
            row.sample,
            row.weight,
            row.psnr,
            "itself" if row.against_itself else "labels",
            row.true,
            row.found,
            *(row.scores[name] for name in DEFINITIONS),
            row.failed,
        ]
        for row in in_order(rows)
    ]
    return _csv(head, lines)


def curves_table(study: Study, rows: Sequence[Row]) -> str:
    """A line for every level of every curve: mean and both intervals."""
    head = [
        "image", "curve", "axis", "level", "score", "mean", "draws_low", "draws_high",
        "objects_low", "objects_high", "draws", "failed", "weight", "psnr",
    ]  # fmt: skip
    lines = [
        [
            one.image,
            curve.name,
            study.axis[0],
            study.levels[point.level - 1] if point.level else "",
            one.score,
            point.mean,
            *point.draws,
            *point.objects,
            point.n,
            point.failed,
            point.weight,
            point.psnr,
        ]
        for one in results(study, rows)
        for curve in one.curves
        for point in curve.points
    ]
    return _csv(head, lines)


def _csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in line] for line in lines)
    return text.getvalue()


def _cell(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.9g}" if isinstance(value, float) else value

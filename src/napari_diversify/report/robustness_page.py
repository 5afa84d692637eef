"""The page on a study: where each segmenter fails, which is better, and on which objects."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files as resources
from pathlib import Path

from .. import __version__
from ..core.measures.matching import DEFINITIONS
from ..files import writing
from ..robustness.curves import Result, results
from ..robustness.rows import Row
from ..robustness.running import STUDY, load
from ..robustness.study import Study
from ..robustness.tables import OBJECTS
from ..robustness.words import CAUTIONS, STABILITY, level_in_words, said, title_of
from .curve_chart import curve_chart
from .tables import cell, scrolled

NAME = "robustness.html"
_OBJECTS = 40  # lines of the table of fragile objects, for each curve


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study."""
    return (folder / STUDY).is_file()


def write_study(folder: str | os.PathLike[str]) -> list[Path]:
    """Write the page of a study into its folder, and each image's curves as SVG and PNG.

    Older ones are replaced. The same rows give the same bytes.

    Parameters
    ----------
    folder : path-like
        Of the study, as :func:`napari_diversify.robustness.running.run` leaves it, also stopped.

    Returns
    -------
    list of Path
        The page first.

    Raises
    ------
    OSError, ValueError
        If there is no study.
    """
    root = Path(folder)
    study, rows = load(root)
    found = results(study, rows)
    written = [root / NAME]
    for one in found:
        chart = curve_chart(study, one)
        for ending, content in ((".svg", chart.svg().encode()), (".png", chart.png())):
            # one image has no need of its name
            stem = "curves" if len(found) == 1 else f"curves_{one.image}"
            written.append(root / f"{stem}{ending}")
            with writing(written[-1], overwrite=True) as partial:
                partial.write_bytes(content)
    with writing(written[0], overwrite=True) as partial:
        text = page(study, rows, found, _objects(root))
        partial.write_text(text, encoding="utf-8", newline="\n")
    return written


def page(
    study: Study, rows: Sequence[Row], found: Sequence[Result], objects: Sequence[dict[str, str]]
) -> str:
    """The whole page."""
    style = resources(__package__).joinpath("page.css").read_text(encoding="utf-8")
    body = "".join(_section(study, rows, n, one, objects) for n, one in enumerate(found))
    links = "".join(
        f'<li><a href="#image-{n}">{escape(one.image)}</a></li>' for n, one in enumerate(found)
    )
    notes = [*CAUTIONS] + ([STABILITY] if any(one.against_itself for one in found) else [])
    cautions = "".join(f"<li>{escape(note)}</li>" for note in notes)
    nothing = "" if found else "<p>There is no row yet.</p>"
    title = "Robustness of segmentation"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{style}</style></head>\n"
        '<body><a class="skip" href="#image-0">Skip to the curves</a>\n'
        f"<header><h1>{title}</h1>{_head(study)}"
        f'<nav aria-label="Images"><ul>{links}</ul></nav></header>\n<main>\n{nothing}{body}'
        '<section aria-labelledby="reading"><h2 id="reading">How to read this</h2>'
        f"<ul>{cautions}</ul>{_definitions()}</section></main>\n"
        f'<footer class="soft"><p>Written by napari-diversify {escape(__version__)} from '
        "study.json and the rows of this folder.</p></footer></body></html>\n"
    )


def _head(study: Study) -> str:
    name, unit = study.axis
    levels = ", ".join(f"{level:g}" for level in study.levels)
    facts = {
        "segmenters": ", ".join(curve.name for curve in study.curves),
        "axis": f"{name}: {levels} {unit}".strip(),
        "draws": "as many as it takes" if study.draws == "auto" else str(study.draws),
        "recipe": ", ".join(step.title for step in study.recipe.steps),
        "seed": str(study.recipe.seed),
    }
    return "<dl>" + "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in facts.items()) + "</dl>"


def _section(
    study: Study,
    rows: Sequence[Row],
    number: int,
    one: Result,
    objects: Sequence[dict[str, str]],
) -> str:
    here = [row for row in rows if row.image == one.image]
    sentences = "".join(f"<li>{escape(text)}.</li>" for text in said(study, one, here))
    fragile = [line for line in objects if line["image"] == one.image]
    return (
        f'<section id="image-{number}" aria-labelledby="image-{number}-title">'
        f'<h2 id="image-{number}-title">{escape(one.image)}</h2>'
        f'<ul class="found">{sentences}</ul>'
        f'<figure class="plot curves">{curve_chart(study, one).svg()}<figcaption>{_caption(one)}'
        f"</figcaption></figure>{_levels(study, one)}{_fragile(fragile)}</section>\n"
    )


def _caption(one: Result) -> str:
    return escape(
        f"{title_of(one)}, mean of the draws. Dashed: the image as it is. Dark band: other noise; "
        "light band: other objects. Tick on the axis: 90 % of the score of the image as it is are "
        "left. Ring: segmentations failed."
    )


def _levels(study: Study, one: Result) -> str:
    names = ["level", "curve", "mean", "noise", "objects", "draws", "failed", "w_v", "PSNR"]
    words = {"level", "curve"}
    head = "".join(cell("th", name, name in words, ' scope="col"') for name in names)
    lines = []
    for level in range(len(study.levels) + 1):
        for curve in one.curves:
            for point in (p for p in curve.points if p.level == level):
                cells = [
                    cell("th", level_in_words(study, level), True, ' scope="row"'),
                    cell("td", curve.name, True),
                    cell("td", f"{point.mean:.3f}"),
                    cell("td", _interval(point.draws)),
                    cell("td", _interval(point.objects)),
                    cell("td", str(point.n)),
                    cell("td", str(point.failed or "")),
                    cell("td", _short(point.weight)),
                    cell("td", _short(point.psnr)),
                ]
                lines.append(f"<tr>{''.join(cells)}</tr>")
    table = (
        "<table><caption>All levels, with 95 % intervals over noise and over objects</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>\n{chr(10).join(lines)}\n</tbody></table>"
    )
    return scrolled(f"Levels of {escape(one.image)}", table)


def _fragile(objects: Sequence[dict[str, str]]) -> str:
    """The objects that are lost first, of each curve."""
    if not objects:
        return ""
    names = [name for name in objects[0] if name != "image"]
    head = "".join(
        cell("th", name.replace("_", " "), name == "curve", ' scope="col"') for name in names
    )
    lines = []
    for curve in dict.fromkeys(line["curve"] for line in objects):
        of_curve = [line for line in objects if line["curve"] == curve]
        # found nowhere tells little: those that are lost come first
        of_curve.sort(key=lambda line: (line["lost_at"].startswith("never"), -_number(line)))
        lines += [
            "<tr>" + "".join(cell("td", line[name], name == "curve") for name in names) + "</tr>"
            for line in of_curve[:_OBJECTS]
        ]
    table = (
        f"<table><caption>Objects in the order in which they are lost, {_OBJECTS} of each curve at "
        f"most; all are in {OBJECTS}</caption><thead><tr>{head}</tr></thead><tbody>\n"
        f"{chr(10).join(lines)}\n</tbody></table>"
    )
    return "<h3>Fragile objects</h3>" + scrolled("Fragile objects", table)


def _number(line: dict[str, str]) -> float:
    word = line["lost_at"].split(" ")[0]
    try:
        return float(word)
    except ValueError:
        return -math.inf


def _definitions() -> str:
    rows = "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in DEFINITIONS.items())
    return f"<h3>Scores</h3><dl>{rows}</dl>"


def _interval(ends: tuple[float, float]) -> str:
    return "" if math.isnan(ends[0]) else f"{ends[0]:.2f} to {ends[1]:.2f}"


def _short(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"


def _objects(root: Path) -> list[dict[str, str]]:
    try:
        with open(root / OBJECTS, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []

"""The page itself: the findings as HTML that needs no other file and no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from importlib.resources import files as resources

from .. import __version__
from ..batch.record import MANIFEST
from ..files import LAYOUTS
from .distributions import beside_real, distributions
from .findings import LINES, Findings
from .flags import KINDS
from .outliers import outliers
from .rows import METRICS, Row, number_of
from .tables import cell, scrolled, trimmed
from .unseen import unseen_objects

_GROUPS = 30  # groups that are listed one by one


def page_of(findings: Findings) -> str:
    """The whole page. The same findings give the same text."""
    sections = [
        ("outliers", "What stands out", outliers(findings)),
        ("distributions", "Distributions", distributions(findings)),
        ("groups", "Groups for a split", _groups(findings.train.rows)),
    ]
    if findings.comparison is not None:
        sections.insert(2, ("real", "Beside real images", beside_real(findings.comparison)))
    if findings.seen:
        sections.append(("seen", "Objects that cannot be seen", unseen_objects(findings.seen)))
    sections.append(("files", "All files", _files(findings)))
    links = "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title, _ in sections)
    body = "".join(
        f'<section id="{key}" aria-labelledby="{key}-title">'
        f'<h2 id="{key}-title">{title}</h2>{text}</section>\n'
        for key, title, text in sections
    )
    name = escape(findings.train.folder.resolve().name)
    style = resources(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>Training set {name}</title>\n<style>\n{style}</style></head>\n"
        '<body><a class="skip" href="#outliers">Skip to what stands out</a>\n'
        f"<header><h1>Training set {name}</h1>{_head(findings)}"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>\n'
        f"<main>\n{body}</main>\n"
        f'<footer class="soft"><p>Written by napari-diversify {escape(__version__)} from '
        f"{MANIFEST}, the records and the images of this folder.</p></footer>"
        "</body></html>\n"
    )


# ---- the head ----


def _head(findings: Findings) -> str:
    train, rows = findings.train, findings.train.rows
    samples, sources = len({row.unit for row in rows}), len({row.source for row in rows})
    unknown = "unknown: there are no records"
    layouts = [LAYOUTS[key].title if key in LAYOUTS else key for key in train.recorded("layout")]
    labelled = sum(bool(row.labels) for row in rows)
    files = f", {number_of(len(rows), 'file')}" if samples != len(rows) else ""
    facts = {
        "samples": f"{samples:,} of {number_of(sources, 'source image')}{files}",
        "labels": "none" if not labelled else f"with {labelled:,} of {len(rows):,} images",
        "layout": ", ".join(layouts) or unknown,
        "recipe": "; or ".join(train.recorded("steps")) or unknown,
        "varies": ", ".join(train.varying()) or "no parameter: samples differ in noise alone",
        "made by": ", ".join(f"napari-diversify {v}" for v in train.recorded("version")) or unknown,
    }
    notes = "".join(f"<li>{escape(note)}</li>" for note in train.notes)
    return (
        f"{_verdict(findings)}<dl>"
        + "".join(f"<dt>{key}</dt><dd>{escape(value)}</dd>" for key, value in facts.items())
        + "</dl>"
        + (f'<ul class="soft">{notes}</ul>' if notes else "")
    )


def _verdict(findings: Findings) -> str:
    n, total = len(findings.flagged), len(findings.train.rows)
    if not n:
        text = f"Nothing stands out in {number_of(total, 'file')}."
        return f'<p class="verdict">{text}</p>'
    kinds = Counter(flag.kind for _, flags in findings.flagged for flag in flags)
    most, times = kinds.most_common(1)[0]
    text = f"{n:,} of {number_of(total, 'file')} should be looked at"
    text += f", {times:,} of them for: {KINDS[most]}." if n > 1 else f": {KINDS[most]}."
    return f'<p class="verdict bad">{text}</p>'


# ---- groups ----


def _groups(rows: Sequence[Row]) -> str:
    groups = Counter(row.group for row in rows)
    text = (
        f"<p>There {'is' if len(groups) == 1 else 'are'} {number_of(len(groups), 'group')}. "
        "All files of a group come from one source image and show the same objects: keep a "
        f"group on one side of a split (column “group” of {MANIFEST}). "
    )
    if len(groups) == 1:
        text += (
            "With one group, no part of this set can test a model that was trained on the rest; "
            "use other images for that."
        )
    else:
        text += f"A cross-validation can have {len(groups):,} folds at most."
    sizes = ", ".join(f"{name} ({n:,})" for name, n in sorted(groups.items())[:_GROUPS])
    more = f", and {len(groups) - _GROUPS:,} more" if len(groups) > _GROUPS else ""
    return f'{text}</p><p class="soft">Files in each: {escape(sizes)}{more}.</p>'


# ---- all files ----


def _files(findings: Findings) -> str:
    train, rows = findings.train, findings.train.rows
    shown = rows[:LINES]
    varying = train.varying()
    kinds = {id(row): ", ".join(flag.kind for flag in flags) for row, flags in findings.flagged}
    targets = ["target_psnr"] if any(row.target for row in rows) else []
    names = ["picture", "file", "flags", "source", "sample", "seed", *varying, *targets, *METRICS]
    words = {"picture", "file", "source", "flags"}
    head = "".join(cell("th", n, n in words, ' scope="col"') for n in names)
    lines = []
    for row in shown:
        cells = [
            f'<td class="word">{findings.thumbnails.get(row.file, "")}</td>',
            cell("th", row.file, True, ' scope="row"'),
            cell("td", kinds.get(id(row), ""), True),
            cell("td", row.source, True),
            cell("td", row.sample),
            cell("td", row.seed),
            *(cell("td", trimmed(row.parameters[name])) for name in varying),
            *(cell("td", row.target) for _ in targets),
            *(cell("td", row.metrics[metric]) for metric in METRICS),
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    text = "Metrics are as in the manifest, parameters to six digits."
    if len(shown) < len(rows):
        text += (
            f" The first {len(shown):,} of {len(rows):,} files are here; the other "
            f"{len(rows) - len(shown):,} are in {MANIFEST}."
        )
    pictures = sum(row.file in findings.thumbnails for row in shown)
    if pictures < len(shown):
        text += f" {pictures:,} of these, evenly spread, have a picture."
    table = (
        '<table class="all"><caption>All files, sorted by name</caption>'
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>\n{chr(10).join(lines)}\n</tbody></table>"
    )
    return f'<p class="soft">{text}</p>' + scrolled("Table of all files", table)

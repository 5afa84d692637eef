"""What stands out in a training set: how much of it, and the worst files as cards."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from html import escape

from .charts import short
from .findings import Findings, Pair
from .flags import CLIPPED, KINDS, LEAST_FILES, MADS, Flag, ssim_limits
from .rows import METRICS, Row, number_of
from .tables import scrolled, trimmed


def outliers(findings: Findings) -> str:
    """The section on what stands out."""
    rows = findings.train.rows
    total, kinds = len(rows), Counter(f.kind for _, flags in findings.flagged for f in flags)
    out = []
    if not findings.flagged:
        out.append("<p>No file was flagged.</p>")
    else:
        lines = "".join(
            f'<tr><th scope="row" class="word">{text}</th><td>{kinds[kind]:,}</td>'
            f"<td>{kinds[kind] / total:.1%}</td></tr>"
            for kind, text in KINDS.items()
            if kinds[kind]
        )
        out.append(
            scrolled(
                "Why files were flagged",
                "<table><caption>Why files were flagged; one may have several reasons</caption>"
                '<thead><tr><th scope="col" class="word">reason</th><th scope="col">files</th>'
                f'<th scope="col">share</th></tr></thead><tbody>{lines}</tbody></table>',
            )
        )
        if kinds["clipped"] > total / 2 and total > 1:
            out.append(
                f"<p>More than half of the files have over {CLIPPED:.0%} of their voxels clipped: "
                "that is how the set was made rather than a few bad samples. A lower w_v, or an "
                "intensity range that ends further out, clips less.</p>"
            )
    out.append(f'<p class="soft">{escape(_how_looked(findings))}</p>')
    settings = findings.train.varying() if total > 1 else list(findings.train.parameters)
    cards = "".join(
        _card(row, flags, pair, settings)
        for (row, flags), pair in zip(findings.flagged, findings.pairs, strict=False)
    )
    if cards:
        out.append(
            '<p class="soft">The worst first. Pictures show the middle plane, every n-th pixel of '
            "it, on the grey scale of the intensity range: black and white are its ends.</p>"
            f'<ol class="cards">{cards}</ol>'
        )
    rest = len(findings.flagged) - len(findings.pairs)
    if rest > 0:
        out.append(
            f"<p>{number_of(rest, 'more flagged file')} without pictures here: see the column "
            "“flags” of the table below.</p>"
        )
    return "".join(out)


def _how_looked(findings: Findings) -> str:
    rows = findings.train.rows
    limits = ssim_limits(rows)
    opened = (
        "all images were opened"
        if findings.opened == len({row.file for row in rows})
        else f"{findings.opened:,} images, evenly spread, were opened"
    )
    read = len(findings.thumbnails)
    text = f"All files were looked for, {opened}, and one plane of {read:,} was read."
    if limits is None:
        text += f" SSIM is compared with the rest only in sets of {LEAST_FILES} files or more."
    else:
        text += (
            f" SSIM is extreme here if it is more than {limits[1]:.3f} from the median "
            f"{limits[0]:.3f} ({MADS:g} scaled median absolute deviations, 0.01 at least)."
        )
    if unmeasured := sum(row.number("ssim_planes") == 0 for row in rows):
        text += (
            f" {number_of(unmeasured, 'file')} without SSIM: planes are smaller than its window."
        )
    return text


def _card(row: Row, flags: Sequence[Flag], pair: Pair, settings: Sequence[str]) -> str:
    why = "".join(f"<li>{escape(flag.reason)}</li>" for flag in flags)
    numbers = "".join(f"<dt>{m}</dt><dd>{_in_short(row, m)}</dd>" for m in METRICS)
    numbers += f"<dt>target</dt><dd>{escape(row.target)}</dd>" if row.target else ""
    words = [f"sample {row.sample}", f"seed {row.seed}"]
    words += [f"{name} {trimmed(row.parameters[name])}" for name in settings]
    return (
        f'<li><h3>{escape(row.file)}</h3><div class="pair">'
        f"<figure>{pair.image}<figcaption>generated</figcaption></figure>"
        f"<figure>{pair.source}<figcaption>source {escape(row.source)}</figcaption></figure></div>"
        f'<ul class="why">{why}</ul><dl>{numbers}</dl>'
        f'<p class="soft">{escape(", ".join(words))}</p></li>'
    )


def _in_short(row: Row, metric: str) -> str:
    value = row.number(metric)
    return short(value) if math.isfinite(value) else escape(row.metrics[metric])

"""Labelled objects that the images do not show: each is looked for in the middle planes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from ..core.measures.hidden import HiddenProbe, probe_hidden
from ..files import LAYOUTS
from .pictures import middle_plane
from .rows import Row, number_of
from .tables import cell, scrolled

#: Images that are probed, the side of the middle part of their planes, and lines of the table.
IMAGES, SIDE, LINES = 50, 1024, 20


@dataclass(frozen=True)
class Seen:
    """What the probe says of a plane of one file."""

    file: str
    probe: HiddenProbe

    @property
    def objects(self) -> int:
        """How many the labels have."""
        return int(self.probe.numbers.size)

    @property
    def unseen(self) -> int:
        """How many of them cannot be seen."""
        return int(self.probe.unseen.sum())


def seen_of(folder: Path, row: Row) -> Seen | None:
    """Probe the middle plane of a file; None without labels of objects, or if it cannot be read."""
    layout = LAYOUTS.get(row.origin.layout) if row.origin is not None else None
    if not row.labels or (layout is not None and layout.semantic):
        return None  # classes are no objects
    try:
        image, labels = (middle_plane(folder / name).values for name in (row.file, row.labels))
        y, x = (slice(max(0, (n - SIDE) // 2), (n + SIDE) // 2) for n in image.shape)
        probe = probe_hidden(image[y, x], np.where(labels > 0, labels, 0)[y, x])
    except (ValueError, TypeError):
        return None  # why not stands among what stands out
    return Seen(row.file, probe) if probe.numbers.size else None


def unseen_objects(seen: Sequence[Seen]) -> str:
    """The section on the page."""
    objects, unseen = (sum(getattr(one, n) for one in seen) for n in ("objects", "unseen"))
    text = (
        f"<p>In the middle planes of {number_of(len(seen), 'file')}, {unseen:,} of "
        f"{number_of(objects, 'labelled object')} ({unseen / objects:.1%}) cannot be seen: the "
        "75th percentile inside them lies less than one standard deviation of the image’s noise "
        "above the background around them. A model that is trained on them learns to find what "
        "is not there.</p>"
    )
    worst = sorted(seen, key=lambda one: (-one.unseen / one.objects, one.file))[:LINES]
    names = ["file", "objects", "unseen", "contrast", "5th percentile", "trace"]
    head = "".join(cell("th", name, name == "file", ' scope="col"') for name in names)
    lines = [
        cell("th", one.file, True, ' scope="row"')
        + cell("td", f"{one.objects:,}")
        + cell("td", f"{one.unseen:,}")
        + "".join(
            cell("td", f"{number:.2f}" if math.isfinite(number) else "")
            for number in (
                one.probe.percentile(50),
                one.probe.percentile(5),
                one.probe.unseen_trace,
            )
        )
        for one in worst
    ]
    table = (
        "<table><caption>Contrast in standard deviations of the noise: median and 5th percentile "
        "of the objects. Trace: how strong the high frequencies are in unseen objects, beside the "
        f"background; well above 1, they hold a hidden signal.</caption><thead><tr>{head}</tr>"
        f"</thead><tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table>"
    )
    more = len(seen) - len(worst)
    rest = f'<p class="soft">{escape(f"{more:,} more files have fewer.")}</p>' if more else ""
    return text + scrolled("Table of objects that cannot be seen", table) + rest

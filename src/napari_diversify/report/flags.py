"""Which files of a training set should be looked at, and why: the worst first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .rows import Row, finite

#: Share of clipped voxels, part of the contrast, and decibels that are still in order.
CLIPPED, CONTRAST_KEPT, OFF_TARGET = 0.05, 0.5, 0.05
#: SSIM counts as extreme if it is more than so many scaled MAD from the median, and more than
#: this gap; with fewer files than these the spread is unknown.
MADS, LEAST_GAP, LEAST_FILES = 3.0, 0.01, 5
_SCALE = 1.4826  # MAD of normally distributed numbers to their standard deviation

#: What can be wrong, in the words of the page.
KINDS = {
    "file": "file missing, unreadable or changed",
    "clipped": f"more than {CLIPPED:.0%} of the voxels clipped",
    "contrast": "less than half of the source's contrast left",
    "ssim": "SSIM unlike the rest of the set, or not a number",
    "psnr": f"PSNR more than {OFF_TARGET:g} dB from its target",
    "duplicate": "the same as another file",
}


@dataclass(frozen=True)
class Flag:
    """One thing to look at: a key of :data:`KINDS`, why, and how bad it is, 0 to 1 (files: 10)."""

    kind: str
    reason: str
    weight: float


def flagged(rows: Sequence[Row], troubles: Mapping[str, str]) -> list[tuple[Row, tuple[Flag, ...]]]:
    """Rows that should be looked at, the worst first.

    A row is as bad as the sum of its weights: 10 for a file that cannot be used,
    the share of clipped voxels, the share of the contrast that is lost, the
    distance of SSIM from the median, a twentieth per decibel off the target, and
    0.05 for a duplicate.

    Parameters
    ----------
    rows : sequence of Row
    troubles : mapping
        What is wrong with files, by their names in the rows.
    """
    limits = ssim_limits(rows)
    targets, twins = _off_target(rows), _duplicates(rows)
    rows_with_flags = []
    for n, row in enumerate(rows):
        flags = []
        if row.file in troubles:
            flags.append(Flag("file", troubles[row.file], 10.0))
        flags += _clipped(row) + _contrast(row) + _ssim(row, limits)
        flags += [flag for flag in (targets.get(n), twins.get(n)) if flag is not None]
        if flags:
            rows_with_flags.append((row, tuple(flags)))
    return sorted(rows_with_flags, key=lambda one: (-sum(f.weight for f in one[1]), one[0].file))


def ssim_limits(rows: Sequence[Row]) -> tuple[float, float] | None:
    """Median of SSIM, and the distance from it that is extreme; None with too few numbers."""
    values = finite(row.number("ssim") for row in rows)
    if len(values) < LEAST_FILES:
        return None
    middle = median(values)
    spread = _SCALE * median(abs(value - middle) for value in values)
    return middle, max(MADS * spread, LEAST_GAP)


def _clipped(row: Row) -> list[Flag]:
    share = row.number("clipped")
    if not share > CLIPPED:
        return []
    return [Flag("clipped", f"{share:.1%} of its voxels are clipped", min(share, 1.0))]


def _contrast(row: Row) -> list[Flag]:
    before, after = row.number("contrast_source"), row.number("contrast")
    if not before > 0 or not math.isfinite(before):
        return []  # nothing to lose
    if not after > 0:
        return [Flag("contrast", "it has no contrast left", 1.0)]
    share = after / before
    if share >= CONTRAST_KEPT:
        return []
    reason = f"its contrast is {share:.1%} of the source's"
    return [Flag("contrast", reason, 1.0 - share)]


def _ssim(row: Row, limits: tuple[float, float] | None) -> list[Flag]:
    value = row.number("ssim")
    if not math.isfinite(value):
        measured = row.number("ssim_planes") > 0  # planes below 11 pixels have none
        return [Flag("ssim", "its SSIM is not a number", 1.0)] if measured else []
    if limits is None or abs(value - limits[0]) <= limits[1]:
        return []
    reason = f"its SSIM {value:.3f} lies more than {limits[1]:.3f} from the median {limits[0]:.3f}"
    return [Flag("ssim", reason, min(abs(value - limits[0]), 1.0))]


def _off_target(rows: Sequence[Row]) -> dict[int, Flag]:
    """Flags by row; a target applies to a sample, whose files share its noise."""
    samples: dict[str, list[int]] = defaultdict(list)
    for n, row in enumerate(rows):
        if row.target:
            samples[row.unit].append(n)
    out = {}
    for members in samples.values():
        target = float(rows[members[0]].target)
        # below -300 dB the table is damaged, and the power of ten would overflow
        decibels = [rows[n].number("psnr") for n in members]
        errors = [10 ** (-(-300.0 if d < -300 else d) / 10) for d in decibels]
        mean = math.fsum(errors) / len(errors)
        reached = -10 * math.log10(mean) if mean > 0 else math.inf
        off = abs(reached - target)
        if off <= OFF_TARGET + 1e-6:  # metrics have six digits
            continue
        whole = f" over its {len(members)} files" if len(members) > 1 else ""
        reason = f"its PSNR{whole} is {reached:.2f} dB, the target was {target:g} dB"
        # NaN and inf are as far off as can be
        out[members[0]] = Flag("psnr", reason, min(off / 20, 1.0) if math.isfinite(off) else 1.0)
    return out


def _duplicates(rows: Sequence[Row]) -> dict[int, Flag]:
    """Flags by row, for all but the first of those that are the same."""
    times = Counter(row.file for row in rows)
    first: dict[tuple[object, ...], str] = {}
    listed, out = set[str](), {}
    twins = _equal_in_numbers(rows)
    for n, row in enumerate(rows):
        recipe = (row.source, row.seed, row.sample, row.target, *sorted(row.parameters.items()))
        unit = first.setdefault(recipe, row.unit)
        if row.file in listed:
            out[n] = Flag("duplicate", f"it is listed {times[row.file]} times", 0.05)
        elif unit != row.unit:
            reason = f"it has the source, noise and parameters of {unit}"
            out[n] = Flag("duplicate", reason, 0.05)
        elif row.unit in twins:
            reason = f"it is identical to {twins[row.unit]} in every number: nothing was drawn"
            out[n] = Flag("duplicate", reason, 0.05)
        listed.add(row.file)
    return out


def _equal_in_numbers(rows: Sequence[Row]) -> dict[str, str]:
    """Samples that equal an earlier one of the same source in every metric of all their files."""
    numbers: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for row in rows:
        numbers.setdefault((row.source, row.unit), []).append(tuple(row.metrics.values()))
    first: dict[tuple[object, ...], str] = {}
    twins = {}
    for (source, unit), metrics in numbers.items():
        earlier = first.setdefault((source, *metrics), unit)
        if earlier != unit:
            twins[unit] = earlier
    return twins

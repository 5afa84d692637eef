"""How the numbers of a training set are distributed, alone and beside those of real images."""

from __future__ import annotations

import math
from collections import Counter
from html import escape

from . import charts
from .comparison import FREQUENCIES, PERCENTILES, SIDE, Comparison
from .findings import Findings
from .rows import METRICS, numbers
from .tables import scrolled, trimmed


def distributions(findings: Findings) -> str:
    """The section with a plot of every number that varies."""
    train, rows = findings.train, findings.train.rows
    if len(rows) == 1:
        return "<p>One file has no distribution; its numbers are in the table below.</p>"
    plots, words = [], []
    fixed = [f"{p} {trimmed(rows[0].parameters[p])}" for p in train.parameters]
    for name in train.varying():
        values = [row.parameters[name] for row in rows]
        fixed.remove(f"{name} {trimmed(values[0])}")
        as_numbers = numbers(values)
        if as_numbers is None:
            counts = ", ".join(f"{v or 'none'} ({n:,})" for v, n in sorted(Counter(values).items()))
            words.append(f"{name}: {counts}")
        else:
            plots.append(charts.histogram(name, as_numbers))
    targets = [float(row.target) for row in rows if row.target]
    if len(set(targets)) > 1:
        plots.append(charts.histogram("target_psnr", targets, "dB"))
    for metric in METRICS:
        unit = "dB" if "psnr" in metric else ""
        drawn = charts.histogram(metric, [row.number(metric) for row in rows], unit)
        if drawn:
            plots.append(drawn)
        else:
            words.append(f"{metric}: not a finite number in any file")
    bad = {id(row) for row, _ in findings.flagged}
    points = [(row.number("psnr"), row.number("ssim"), id(row) in bad) for row in rows]
    plots.append(charts.scatter("SSIM against PSNR", ("PSNR in dB", "SSIM"), points))
    if fixed:
        words.insert(0, f"the same in all files: {', '.join(fixed)}")
    return (
        '<p class="soft">Bars count files; the dashed line is the median.</p>'
        f'<div class="plots">{"".join(plots)}</div>'
        f"<ul>{''.join(f'<li>{escape(word)}</li>' for word in words)}</ul>"
    )


def beside_real(c: Comparison) -> str:
    """The section that compares with real images."""
    levels, made, real = c.histograms()
    first, second = c.spectra()
    fine_made, fine_real = c.fine_power
    contrast_made, contrast_real = c.contrasts
    both = [look.contrast for look in (*c.generated, *c.real)]
    least, most = min(both), max(both)
    halves = c.distance_of_halves
    beside = (
        f"two halves of the real ones by {halves:.3f}."
        if math.isfinite(halves)
        else "there are too few real ones to compare two halves of them."
    )
    low, high = PERCENTILES
    generated, real_images = c.available
    how = (
        f"{len(c.generated):,} of {generated:,} generated and {len(c.real):,} of {real_images:,} "
        "real images, evenly spread, are compared: of each the middle plane, and of that the "
        f"middle {SIDE} x {SIDE} pixels at most. Each is normalised by itself, its {low:g} and "
        f"{high:g} percentiles to 0 and 1, so that gain and offset of the microscopes do not "
        "count. "
        "Frequencies are in cycles per pixel, whatever the size of a pixel: that is what a "
        "network sees."
    )
    lines = [
        ("median RMS contrast", f"{contrast_made:.3f}", f"{contrast_real:.3f}"),
        ("power above 0.25 cycles per pixel, dB", f"{fine_made:.1f}", f"{fine_real:.1f}"),
    ]
    rows = "".join(
        f'<tr><th scope="row" class="word">{name}</th><td>{a}</td><td>{b}</td></tr>'
        for name, a, b in lines
    )
    left = "".join(f"<li>{escape(text)}</li>" for text in c.left_out)
    return (
        f"<p>{escape(_fineness(fine_made - fine_real))} Their grey levels differ by "
        f"{c.distance:.3f} of the range, {beside}</p>"
        + scrolled(
            "Generated beside real images",
            "<table><caption>Generated beside real images</caption><thead><tr>"
            '<th scope="col" class="word">measure</th><th scope="col">generated</th>'
            f'<th scope="col">real</th></tr></thead><tbody>{rows}</tbody></table>',
        )
        + '<div class="plots">'
        + charts.lines(
            "Grey levels", ("grey level, normalised", "log10 of the share"), levels, made, real
        )
        + charts.lines("Power spectrum", ("cycles per pixel", "dB"), FREQUENCIES, first, second)
        + "".join(
            charts.histogram(
                f"RMS contrast, {name}", [look.contrast for look in looks], ends=(least, most)
            )
            for name, looks in (("generated", c.generated), ("real", c.real))
        )
        + f'</div><p class="soft">{escape(how)} The difference of grey levels is the mean distance '
        "(Wasserstein-1) from one histogram to the other.</p>"
        + (f"<p>Left out:</p><ul>{left}</ul>" if left else "")
    )


def _fineness(decibel: float) -> str:
    if math.isnan(decibel):
        return "The images are too small for a spectrum."
    if abs(decibel) < 1:
        return "Generated and real images have the same power at high frequencies, within 1 dB."
    more = "more" if decibel > 0 else "less"
    means = "noisier or sharper" if decibel > 0 else "smoother or more blurred"
    return (
        f"Generated images have {abs(decibel):.1f} dB {more} power at high frequencies than real "
        f"ones: they are {means}."
    )

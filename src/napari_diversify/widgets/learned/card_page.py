"""The card of a model as a page: how well it does, beside the baselines, and when to doubt it."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

from ...learned.card import Card

TASKS = {
    "restore": "restore contrast",
    "denoise": "denoise",
    "dress": "make pictures for masks",
}


def page(folder: Path, card: Card) -> str:
    """What a card says, as rich text."""
    return "".join(
        (
            f"<p><b>{escape(folder.name)}</b> — {TASKS[card.task]}<br>"
            f"Trained on {escape(', '.join(card.trained.images))}, {card.trained.steps:,} steps, "
            f"seed {card.trained.seed}.</p>",
            _figures(card),
            "".join(f"<p>{escape(remark)}</p>" for remark in card.remarks),
            "<p><b>Do not believe it where</b></p>",
            "".join(f"<p>• {escape(limit)}</p>" for limit in limits(card)),
            f"<p>{_made_with(card)}</p>",
        )
    )


def limits(card: Card) -> tuple[str, ...]:
    """Where a model should not be believed."""
    low, high = card.trained.levels
    said = [f"grey levels lie outside {low:,.5g} to {high:,.5g}, those that it was trained on"]
    spacing = card.trained.spacing
    if spacing is not None:
        size = f"{spacing[1]:.3g} µm"
        if abs(spacing[0] - spacing[1]) > 1e-6 * spacing[1]:
            size = f"{spacing[0]:.3g} × {spacing[1]:.3g} µm (y, x)"
        said.append(f"pixels are of another size than {size}")
    else:
        said.append("pixels are of another size (that of the training is not known)")
    said.append("the specimen, the stain or the microscope is another one")
    if card.task == "restore":
        said.append(
            "it is applied more than once (k > 1): from then on it works on images unlike those of "
            "its training"
        )
    elif card.task == "denoise":
        said.append(
            "the samples agree: they can be wrong together, and their spread is no error bar "
            "unless the shares above say so"
        )
    else:
        said.append(
            "masks are denser than its images were: objects are hidden in the pictures then, or "
            "invented. The command probe says which"
        )
    return tuple(said)


def _figures(card: Card) -> str:
    if not card.figures:
        return "<p>No held-out figures were measured for this model.</p>"
    counts = Counter(name for row in card.figures for name in row.values)
    names = [name for name in counts if counts[name] > 1]  # what methods are compared by
    head = "".join(f"<th align='right'>{escape(name)}</th>" for name in names)
    rows, more = [], []
    for figures in card.figures:
        cells = (_number(figures.values.get(name)) for name in names)
        numbers = "".join(f"<td align='right'>{cell}</td>" for cell in cells)
        rows.append(f"<tr><td>{escape(figures.method)}</td>{numbers}</tr>")
        own = [f"{escape(n)} {_number(v)}" for n, v in figures.values.items() if counts[n] == 1]
        if own:
            more.append(f"<p>{escape(figures.method)}: {'; '.join(own)}.</p>")
    return (
        "<p>On patches that it was not trained on:</p><table cellspacing='0' cellpadding='3'>"
        f"<tr><th align='left'>method</th>{head}</tr>{''.join(rows)}</table>{''.join(more)}"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def _made_with(card: Card) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in card.trained.versions.items())
    return f"Hash {card.hash[:16]}. Made with {escape(versions)}." if versions else ""

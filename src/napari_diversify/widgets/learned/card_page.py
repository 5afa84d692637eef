"""The card of a model as a page: how well it does, beside the baselines, and when to doubt it."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

from ...learned.card import Card, DiffusionShape
from .tasks import TASKS

#: What figures are of, where they are not of patches.
_HELD = {"dress": "masks", "shapes": "objects"}


def page(folder: Path, card: Card) -> str:
    """What a card says, as rich text."""
    return "".join(
        (
            f"<p><b>{escape(folder.name)}</b> — {TASKS[card.task].name}<br>"
            f"Trained on {escape(trained_on(card))}, {card.trained.steps:,} steps, "
            f"seed {card.trained.seed}.</p>",
            _figures(card),
            "".join(f"<p>{escape(remark)}</p>" for remark in card.remarks),
            "<p><b>Do not believe it where</b></p>",
            "".join(f"<p>• {escape(limit)}</p>" for limit in limits(card)),
            f"<p>{_made_with(card)}</p>",
        )
    )


def trained_on(card: Card) -> str:
    """What a model was trained on."""
    cells = card.trained.settings.get("cells")
    drawn = [f"{cells:,} synthetic cells"] if cells else []
    return ", ".join([*card.trained.images, *drawn]) or "synthetic cells"


def limits(card: Card) -> tuple[str, ...]:
    """Where a model should not be believed."""
    if isinstance(card.shape, DiffusionShape):
        return _of_shapes(card.shape)
    said = [*_of_pixels(card), "the specimen, the stain or the microscope is another one"]
    if card.task == "restore":
        said.append(
            "it is applied more than once (k > 1): from then on it works on images unlike those of "
            "its training"
        )
    elif card.task == "dress":
        said.append(
            "masks are denser than its images were, or less dense: objects are hidden or invented "
            "then, and the probe tells"
        )
        said.append("its masks of real images are taken for a segmentation")
    else:
        said.append(
            "the samples agree: they can be wrong together, and their spread is no error bar "
            "unless the shares above say so"
        )
    return tuple(said)


def _of_pixels(card: Card) -> list[str]:
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
    return said


def _of_shapes(shape: DiffusionShape) -> tuple[str, ...]:
    picture = {"section": "largest section", "projection": "projection along z"}[shape.picture]
    return (
        "objects are of other kinds than those that it was shown: it makes of them what it knows",
        f"they are larger than {shape.side * shape.voxel:.3g} µm, or much smaller",
        f"a picture is not the {picture} of its object",
        "a single sample is measured: it is one of many possibilities",
        "the samples agree: they can be wrong together",
    )


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
        f"<p>On {_HELD.get(card.task, 'patches')} that it was not trained on:</p>"
        "<table cellspacing='0' cellpadding='3'>"
        f"<tr><th align='left'>method</th>{head}</tr>{''.join(rows)}</table>{''.join(more)}"
    )


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}".removesuffix(".0")


def _made_with(card: Card) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in card.trained.versions.items())
    return f"Hash {card.hash[:16]}. Made with {escape(versions)}." if versions else ""

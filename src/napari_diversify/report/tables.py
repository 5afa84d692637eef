"""Tables on a page, and their cells."""

from __future__ import annotations

from html import escape

from .rows import numbers


def cell(tag: str, text: str, word: bool = False, more: str = "") -> str:
    """A cell; words are aligned left, numbers right."""
    kind = ' class="word"' if word else ""
    return f"<{tag}{more}{kind}>{escape(text)}</{tag}>"


def scrolled(name: str, table: str) -> str:
    """A table that scrolls by itself on a narrow screen, by keyboard too."""
    return f'<div class="scroll" role="region" aria-label="{name}" tabindex="0">{table}</div>'


def trimmed(text: str) -> str:
    """A parameter in six digits; what is not a number stays as it is."""
    values = numbers([text])
    return text if values is None else f"{values[0]:.6g}"

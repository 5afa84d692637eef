"""Tables on a page, and what their cells hold."""

from __future__ import annotations

from html import escape

from .rows import numbers


def cell(tag: str, text: str, word: bool = False, more: str = "") -> str:
    """A cell; words stand at the left, numbers at the right."""
    kind = ' class="word"' if word else ""
    return f"<{tag}{more}{kind}>{escape(text)}</{tag}>"


def scrolled(name: str, table: str) -> str:
    """A table that scrolls by itself on a narrow screen, by keyboard too."""
    return f'<div class="scroll" role="region" aria-label="{name}" tabindex="0">{table}</div>'


def trimmed(text: str) -> str:
    """A parameter in six digits; what is no number as it is."""
    found = numbers([text])
    return text if found is None else f"{found[0]:.6g}"

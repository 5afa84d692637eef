"""Images of a TIFF without a description: which pages make one, and which are copies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import tifffile

from ..asides import Candidate, asides
from .content import Content, TiffImage, is_copy, levels_of
from .library import axes_of
from .pages import Page, alike

_FACTORS = (2, 3, 4)  # by which programs make the levels of a pyramid smaller


def images_of_pages(tif: tifffile.TiffFile, pages: Sequence[Page]) -> list[TiffImage]:
    """Pages of one size and type are an image; smaller ones of similar shape are its copies."""
    pyramids = _pyramids(alike(pages))
    candidates = [
        Candidate("", len(p[0]), q.height, q.width, q.is_colour, q.reduced, q.mask)
        for p in pyramids
        for q in p[0][:1]
    ]
    return [
        TiffImage(partial(_content, tif, pyramid), aside=why)
        for pyramid, why in zip(pyramids, asides(candidates), strict=True)
    ]


def _pyramids(stacks: list[list[Page]]) -> list[list[list[Page]]]:
    """Stacks with their smaller copies, in the order in which the first page of any comes."""
    pyramids: list[list[list[Page]]] = []
    for stack in sorted(stacks, key=lambda stack: -stack[0].area):
        for pyramid in pyramids:
            if _is_next_level(stack, pyramid):
                pyramid.append(stack)
                break
        else:
            pyramids.append([stack])
    return sorted(pyramids, key=lambda pyramid: min(stack[0].number for stack in pyramid))


def _is_next_level(stack: list[Page], pyramid: list[list[Page]]) -> bool:
    page, coarsest = stack[0], pyramid[-1][0]
    if len(stack) != len(pyramid[0]) or page.mask != coarsest.mask or not is_copy(page, coarsest):
        return False
    return page.reduced or any(
        page.width in (coarsest.width // factor, -(-coarsest.width // factor))
        and page.height in (coarsest.height // factor, -(-coarsest.height // factor))
        for factor in _FACTORS
    )


def _content(tif: tifffile.TiffFile, pyramid: list[list[Page]]) -> Content:
    n_planes = len(pyramid[0])
    letters, sizes = ("i", [n_planes]) if n_planes > 1 else ("", [])
    stacks = [[(tif, page) for page in stack] for stack in pyramid]
    levels = levels_of(stacks[0], letters, sizes, larger=True)
    levels += [level for stack in stacks[1:] for level in levels_of(stack, letters, sizes)[:1]]
    levels.sort(key=lambda level: -level.keyframe.imagewidth)
    unmarked = [stack[0] for stack in pyramid[1:] if not stack[0].reduced]
    notes = []
    if unmarked:
        smaller = ", ".join(f"{page.width} x {page.height}" for page in unmarked)
        notes.append(f"its smaller pages ({smaller}) were taken to be copies of the largest")
    axes = axes_of(levels[0])
    return Content(levels, axes, notes=tuple(notes))

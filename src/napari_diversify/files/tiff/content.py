"""The result of reading a TIFF: the pages of one image, in order, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tifffile

from .pages import Page, parts_of
from .series import series_of


@dataclass(frozen=True)
class Content:
    """An image of a TIFF, before its axes are given our letters.

    Parameters
    ----------
    levels : list of TiffPageSeries
        Finest first.
    letters : str
        One per axis of a level, in its order; letters other than ours have no meaning.
    scale, units, origin : mapping from axis
        What is known.
    channels : tuple of str
        Names.
    name : str
        What the file calls the image.
    provenance : dict, optional
        Our own record.
    keep : str
        Axes that stay although they have length 1.
    signed : bool
        Whether 16-bit values stand for those that are smaller by 32768.
    notes : tuple of str
        What the user should know.
    others : tuple of TiffFile
        The files over which it is spread, besides the one that was opened.
    """

    levels: list[tifffile.TiffPageSeries]
    letters: str
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str | None] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    name: str = ""
    provenance: dict[str, Any] | None = None
    keep: str = ""
    signed: bool = False
    notes: tuple[str, ...] = ()
    others: tuple[tifffile.TiffFile, ...] = ()


@dataclass(frozen=True)
class TiffImage:
    """An image that a TIFF lists, and how it is opened.

    Parameters
    ----------
    open : callable
        Returns its content, or raises :class:`Refused`.
    title, aside, home
        As those of an :class:`.Entry`.
    """

    open: Callable[[], Content]
    title: str = ""
    aside: str = ""
    home: Path | None = None


def levels_of(
    pages: Sequence[tuple[tifffile.TiffFile, Page]],
    letters: str,
    sizes: Sequence[int],
    *,
    larger: bool = False,
) -> list[tifffile.TiffPageSeries]:
    """The series of pages, and those of the smaller copies that belong to them, finest first.

    Copies that not every page has, or whose size and type are not those of copies, are left out.
    With ``larger``, the copy of a page may also be the larger of the two.
    """
    parts = [[(tif, part) for part in _parts(tif, page)] for tif, page in pages if page.parts]
    stacks = [list(pages)]
    if len(parts) == len(pages):
        n_copies = min(len(copies) for copies in parts)
        stacks += [[copies[n] for copies in parts] for n in range(n_copies)]
    if larger:
        stacks.sort(key=lambda stack: -stack[0][1].area)
    finest = stacks[0][0][1]
    copies = (
        stack
        for stack in stacks[1:]
        if is_copy(stack[0][1], finest) and len({page.fits for _, page in stack}) == 1
    )
    ordered = sorted(copies, key=lambda stack: -stack[0][1].area)
    return [series_of(stack, letters, sizes) for stack in (stacks[0], *ordered)]


def _parts(tif: tifffile.TiffFile, page: Page) -> list[Page]:
    closed = tif.filehandle.closed
    if closed:
        tif.filehandle.open()
    try:
        return parts_of(tif.filehandle, page)
    finally:
        if closed:
            tif.filehandle.close()


def is_copy(page: Page, finer: Page) -> bool:
    """Whether a page can be a smaller copy of another: same pixels, same shape but for rounding."""
    smaller = page.width < finer.width or page.height < finer.height
    skew = abs(page.width * finer.height - finer.width * page.height)
    return smaller and page.pixel == finer.pixel and skew <= max(finer.width, finer.height)

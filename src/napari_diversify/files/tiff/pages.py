"""The table of contents of a TIFF: how its pages are described, before a voxel is read.

The pages of a TIFF are a linked list of directories. It is walked here checking each
link, so that a list that goes in circles, or beyond the end of the file, is noticed
before a library follows it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .library import Refused

#: Photometric interpretations of pictures: RGB, CMYK, YCbCr, CIELab.
COLOURS = (2, 5, 6, 8)

CUT_OFF = "this TIFF is cut off: it ends before its last plane. Copy it again"

_MOST_PAGES = 4_000_000
_MOST_TAGS = 4096
_SUBFILE, _OLD_SUBFILE, _DESCRIPTION, _PARTS = 254, 255, 270, 330
_REDUCED, _MASK = 1, 4

# Tags that say how voxels are stored: pages of one image have the same values.
_LAYOUT = {
    256: "width",
    257: "height",
    258: "bits",
    259: "compression",
    262: "photometric",
    266: "fill order",
    277: "samples",
    278: "rows per strip",
    284: "planar",
    317: "predictor",
    322: "tile width",
    323: "tile height",
    338: "extra samples",
    339: "sample format",
    32997: "depth",
}
_OTHERS = {_SUBFILE, _OLD_SUBFILE, _DESCRIPTION, _PARTS}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_SIZES = {kind: struct.calcsize(letter) for kind, letter in _INTEGERS.items()}

#: Values of the tags that say how the voxels of a page are stored, by tag.
Layout = tuple[tuple[int, tuple[int, ...]], ...]


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def seek(self, offset: int, /) -> int:
        """Go to a byte."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer at the end of the file."""


@dataclass(frozen=True)
class Page:
    """One page, or a smaller copy that belongs to it (SubIFD).

    Parameters
    ----------
    number : tuple of int
        Which page of the file; of a smaller copy also which of that page.
    offset : int
        Where its directory starts.
    layout : Layout
        How its voxels are stored.
    reduced, mask : bool
        Whether it says that it is a smaller copy, or a mask, of another page.
    described : bool
        Whether it has a description.
    parts : tuple of int
        Where the directories of its own smaller copies start.
    """

    number: tuple[int, ...]
    offset: int
    layout: Layout
    reduced: bool = False
    mask: bool = False
    described: bool = False
    parts: tuple[int, ...] = ()

    def _values(self, name: str, default: int) -> tuple[int, ...]:
        return next((v for c, v in self.layout if _LAYOUT[c] == name and v), (default,))

    @property
    def width(self) -> int:
        """Columns."""
        return self._values("width", 0)[0]

    @property
    def height(self) -> int:
        """Rows."""
        return self._values("height", 0)[0]

    @property
    def area(self) -> int:
        """Pixels."""
        return self.width * self.height

    @property
    def samples(self) -> int:
        """Values per pixel."""
        return self._values("samples", 1)[0]

    @property
    def is_colour(self) -> bool:
        """Whether it is a picture in red, green and blue, or the like."""
        return self.samples > 2 and self._values("photometric", 1)[0] in COLOURS

    @property
    def pixel(self) -> tuple[tuple[int, ...], ...]:
        """Type and number of the values of a pixel: the same for a page and its smaller copies."""
        names = ("samples", "bits", "sample format", "photometric", "depth")
        return tuple(self._values(name, 1) for name in names)

    @property
    def fits(self) -> tuple[Any, ...]:
        """Equal for pages that fit into one array, however each of them is stored."""
        planar = self._values("planar", 1) if self.samples > 1 else ()
        return (self.width, self.height, self.pixel, planar, self.reduced, self.mask)


def pages_in(file: Readable) -> list[Page]:
    """All pages of a file, in its order.

    Raises
    ------
    ValueError
        If it is not a TIFF, a page lies beyond the end of the file, or the list does not end.
    """
    form, offset = _start(file)
    pages: list[Page] = []
    known: dict[Layout, Layout] = {}
    visited: set[int] = set()
    while offset:
        if offset in visited or len(pages) == _MOST_PAGES:
            raise Refused("this TIFF is damaged: the list of its pages does not end")
        visited.add(offset)
        page, offset = _page(file, form, offset, (len(pages),), known)
        pages.append(page)
    if not pages:
        raise Refused("it holds no image that can be read: it is damaged or not complete")
    return pages


def parts_of(file: Readable, page: Page) -> list[Page]:
    """The smaller copies that belong to a page, as listed."""
    form, _ = _start(file)
    return [_page(file, form, at, (*page.number, n), {})[0] for n, at in enumerate(page.parts)]


def alike(pages: Iterable[Page]) -> list[list[Page]]:
    """Pages that fit into one array, in the order in which the first of each comes."""
    groups: dict[tuple[Any, ...], list[Page]] = {}
    keys: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # in most files all pages have one layout
    for page in pages:
        stored = (page.layout, page.reduced, page.mask)
        if stored not in keys:
            keys[stored] = page.fits
        groups.setdefault(keys[stored], []).append(page)
    return list(groups.values())


class _Form(NamedTuple):
    """How the directories of a file are written: a classic TIFF, or one of more than 4 GB."""

    n_tags: struct.Struct
    tag: struct.Struct
    offset: struct.Struct


def _start(file: Readable) -> tuple[_Form, int]:
    """The form of a file, and where its first page starts."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">", b"EP": "<"}.get(head[:2])
    if order is None or len(head) < 8:
        raise Refused("this is not a TIFF, or it is damaged (it does not start like one)")
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version == 43 and len(head) == 16:
        form = _Form(*(struct.Struct(order + f) for f in ("Q", "HHQ8s", "Q")))
        return form, int(form.offset.unpack_from(head, 8)[0])
    form = _Form(*(struct.Struct(order + f) for f in ("H", "HHI4s", "I")))
    return form, int(form.offset.unpack_from(head, 4)[0])


def _page(
    file: Readable, form: _Form, offset: int, number: tuple[int, ...], known: dict[Any, Layout]
) -> tuple[Page, int]:
    """A page, and where the next one starts (0: there is none)."""
    (n_tags,) = form.n_tags.unpack(_read(file, offset, form.n_tags.size))
    if not 0 < n_tags <= _MOST_TAGS:
        raise Refused(f"this TIFF is damaged: one of its pages has {n_tags} tags")
    length = n_tags * form.tag.size
    table = _read(file, offset + form.n_tags.size, length + form.offset.size)
    tags = list(form.tag.iter_unpack(table[:length]))
    others = {tag[0]: tag for tag in tags if tag[0] in _OTHERS}
    subfile, old, parts = (
        _integers(file, form, *others[code][1:]) if code in others else ()
        for code in (_SUBFILE, _OLD_SUBFILE, _PARTS)
    )
    page = Page(
        number,
        offset,
        _layout(file, form, tuple(tag for tag in tags if tag[0] in _LAYOUT), known),
        reduced=bool(subfile and subfile[0] & _REDUCED) or (not any(subfile) and old[:1] == (2,)),
        mask=bool(subfile and subfile[0] & _MASK),
        described=_DESCRIPTION in others,
        parts=tuple(part for part in parts if part >= 8),
    )
    return page, int(form.offset.unpack_from(table, length)[0])


def _layout(file: Readable, form: _Form, tags: tuple[Any, ...], known: dict[Any, Layout]) -> Layout:
    """The values of the layout tags; decoded only once for pages that are alike."""
    layout = known.get(tags)
    if layout is None:
        layout = tuple(sorted((code, _integers(file, form, *tag)) for code, *tag in tags))
        layout = known.setdefault(layout, layout)
        if all(count * _SIZES.get(kind, 8) <= len(raw) for _, kind, count, raw in tags):
            known[tags] = layout  # the values stand in the tags themselves
    return layout


def _integers(file: Readable, form: _Form, kind: int, count: int, raw: bytes) -> tuple[int, ...]:
    """The values of a tag; none if they are not integers, or more than a page can have."""
    if kind not in _INTEGERS or count > _MOST_TAGS:
        return ()
    values = struct.Struct(f"{form.offset.format[0]}{count}{_INTEGERS[kind]}")
    if values.size > len(raw):
        raw = _read(file, form.offset.unpack(raw)[0], values.size)
    return values.unpack_from(raw)


def _read(file: Readable, offset: int, size: int) -> bytes:
    try:
        file.seek(offset)
    except (OSError, OverflowError):
        raise Refused(CUT_OFF) from None
    data = file.read(size)
    if len(data) < size:
        raise Refused(CUT_OFF)
    return data

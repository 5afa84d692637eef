"""A drawing of lines, areas and words that becomes SVG or PNG: the same picture either way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw, ImageFont

Point: TypeAlias = tuple[float, float]
Anchor: TypeAlias = Literal["start", "middle", "end"]

_INK, _GROUND = "#1a1c1f", "#ffffff"


@dataclass(frozen=True)
class _Line:
    points: tuple[Point, ...]
    colour: str
    width: float
    dashed: bool


@dataclass(frozen=True)
class _Area:
    points: tuple[Point, ...]
    colour: str
    opacity: float


@dataclass(frozen=True)
class _Disc:
    at: Point
    colour: str
    radius: float
    filled: bool


@dataclass(frozen=True)
class _Words:
    at: Point
    text: str
    anchor: Anchor
    colour: str


@dataclass
class Drawing:
    """Shapes in the order in which they are drawn; colours as #rrggbb, "" for that of text."""

    width: int
    height: int
    words: str
    _shapes: list[_Line | _Area | _Disc | _Words] = field(default_factory=list)

    def line(
        self, points: Sequence[Point], colour: str = "", width: float = 1, dashed: bool = False
    ) -> None:
        """A line through points."""
        self._shapes.append(_Line(tuple(points), colour, width, dashed))

    def area(self, points: Sequence[Point], colour: str, opacity: float) -> None:
        """The inside of a polygon."""
        self._shapes.append(_Area(tuple(points), colour, opacity))

    def disc(self, at: Point, colour: str, radius: float, filled: bool = True) -> None:
        """A dot, or a ring."""
        self._shapes.append(_Disc(at, colour, radius, filled))

    def text(self, at: Point, text: str, anchor: Anchor = "start", colour: str = "") -> None:
        """A line of words on its base line."""
        self._shapes.append(_Words(at, text, anchor, colour))

    def svg(self) -> str:
        """As SVG, which can stand in a page or in a file."""
        parts = "".join(_as_svg(shape) for shape in self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'role="img" aria-label="{escape(self.words)}" font-family="sans-serif" '
            f'font-size="11">{parts}</svg>'
        )

    def png(self, scale: int = 3) -> bytes:
        """As PNG on white, so many pixels for each unit."""
        size = (self.width * scale, self.height * scale)
        image = Image.new("RGB", size, _GROUND)
        font = ImageFont.load_default(11 * scale)
        for shape in self._shapes:
            _paint(image, shape, scale, font)
        out = io.BytesIO()
        image.save(out, "PNG", optimize=True)
        return out.getvalue()


def _as_svg(shape: _Line | _Area | _Disc | _Words) -> str:
    if isinstance(shape, _Words):
        x, y = shape.at
        colour = f' style="fill:{shape.colour}"' if shape.colour else ""
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{shape.anchor}"{colour}>'
            f"{escape(shape.text)}</text>"
        )
    colour = shape.colour or "currentColor"
    if isinstance(shape, _Disc):
        x, y = shape.at
        fill = colour if shape.filled else "none"
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{shape.radius:g}" fill="{fill}" '
            f'stroke="{colour}"/>'
        )
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in shape.points)
    if isinstance(shape, _Area):
        return f'<path d="{path}Z" fill="{colour}" fill-opacity="{shape.opacity:g}"/>'
    dashes = ' stroke-dasharray="5 4"' if shape.dashed else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{shape.width:g}"{dashes}/>'
    )


def _paint(
    image: Image.Image,
    shape: _Line | _Area | _Disc | _Words,
    scale: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    draw = ImageDraw.Draw(image, "RGBA")
    colour = shape.colour or _INK
    if isinstance(shape, _Words):
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        at = (shape.at[0] * scale, shape.at[1] * scale)
        text = shape.text.replace("µ", "u")  # Pillow's own font, the same everywhere, has none
        draw.text(at, text, fill=colour, font=font, anchor=anchor)
        return
    if isinstance(shape, _Disc):
        (x, y), r = shape.at, shape.radius
        box = [(x - r) * scale, (y - r) * scale, (x + r) * scale, (y + r) * scale]
        draw.ellipse(box, fill=colour if shape.filled else None, outline=colour, width=scale)
        return
    points = [(x * scale, y * scale) for x, y in shape.points]
    if isinstance(shape, _Area):
        alpha = f"{round(255 * shape.opacity):02x}"
        draw.polygon(points, fill=f"{colour}{alpha}")
        return
    pieces = _dashes(points, 5 * scale, 4 * scale) if shape.dashed else [points]
    for piece in pieces:
        draw.line(piece, fill=colour, width=round(shape.width * scale), joint="curve")


def _dashes(points: Sequence[Point], on: float, off: float) -> list[list[Point]]:
    """A line as the pieces of it that are drawn."""
    pieces: list[list[Point]] = []
    gone = 0.0
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        at = 0.0
        while at < length:
            phase = gone % (on + off)
            step = min((on if phase < on else on + off) - phase or off, length - at)
            if phase < on:
                ends = [(at + k) / length for k in (0, step)]
                pieces.append([(x0 + f * (x1 - x0), y0 + f * (y1 - y0)) for f in ends])
            at, gone = at + max(step, 1e-6), gone + max(step, 1e-6)
    return pieces

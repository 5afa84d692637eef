"""TIFF of kinds of which tifffile knows how their pages belong together: its own, and vendors'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import tifffile

from .asides import Seen, asides
from .header import AXES
from .tiff_content import Content, TiffImage
from .tiff_library import Refused

_KINDS = (
    "shaped", "lsm", "mmstack", "ndtiff", "fluoview", "stk", "sis", "svs", "scn", "qpi", "ndpi",
    "bif", "avs", "eer", "philips", "scanimage", "nih", "mdgel",
)  # fmt: skip
_COLOURS = (2, 5, 6, 8)


def is_of_library(tif: tifffile.TiffFile) -> bool:
    """Whether a file is of one of these kinds."""
    return any(getattr(tif, f"is_{kind}") for kind in _KINDS)


def images_of_library(tif: tifffile.TiffFile) -> list[TiffImage]:
    """The images that tifffile makes of a file.

    Raises
    ------
    Refused
        If tifffile cannot make sense of it, and would take it for a plain TIFF.
    """
    series = tif.series
    if not series or series[0].kind in ("generic", "uniform"):
        raise Refused(_contradiction("of other planes than there are"))
    noted = iter(tif.shaped_metadata or ())
    for one in series:
        if one.kind == "shaped" and one.keyframe.shaped_description is not None:
            shape = next(noted)["shape"]
            if math.prod(shape) != math.prod(one.get_shape(squeeze=False)):
                raise Refused(_contradiction(f"of the shape {tuple(shape)}"))
    pyramids = _pyramids(series)
    reasons = asides([_seen(levels[0]) for levels in pyramids])
    return [
        TiffImage(partial(_content, levels), levels[0].name, why)
        for levels, why in zip(pyramids, reasons, strict=True)
    ]


def _contradiction(what: str) -> str:
    return (
        f"its description speaks {what}: it is cut off, or the description is wrong. Copy it "
        "again, or say with axes= (--axes) what the axes of its pages are, e.g. axes='zyx'"
    )


def _seen(series: tifffile.TiffPageSeries) -> Seen:
    page = series.keyframe
    return Seen(
        series.name,
        series.size // max(page.size, 1),
        page.imagelength,
        page.imagewidth,
        page.samplesperpixel > 2 and page.photometric in _COLOURS,
        bool(page.subfiletype & 1),
        bool(page.subfiletype & 4),
    )


def _pyramids(
    series: Sequence[tifffile.TiffPageSeries],
) -> list[list[tifffile.TiffPageSeries]]:
    """Images with their smaller copies, finest first.

    tifffile lists copies that belong to a page as images if their description has other axes.
    """
    pyramids: list[list[tifffile.TiffPageSeries]] = []
    for one in series:
        if not (one.keyframe.is_subifd and pyramids):
            pyramids.append(list(one.levels))
        elif _outer(one) == _outer(pyramids[-1][0]) and one.dtype == pyramids[-1][0].dtype:
            pyramids[-1].append(one)
    return [sorted(levels, key=lambda level: -level.keyframe.imagewidth) for levels in pyramids]


def _outer(series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    """Lengths of all axes but those of a page."""
    shape = series.get_shape(squeeze=False)
    return tuple(shape[: len(shape) - len(series.keyframe.shape)])


def _content(levels: list[tifffile.TiffPageSeries]) -> Content:
    letters = levels[0].get_axes(squeeze=False).lower()
    return Content(levels, letters, keep=AXES if levels[0].kind == "shaped" else "")

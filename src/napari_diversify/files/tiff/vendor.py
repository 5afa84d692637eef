"""Kinds of TIFF whose pages tifffile knows how to put together: its own, and vendors'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import tifffile

from ..asides import Candidate, asides
from ..header import AXES
from .content import Content, TiffImage
from .library import Refused, axes_of, refusals, series_in, shape_of
from .pages import COLOURS

_KINDS = (
    "shaped", "lsm", "mmstack", "ndtiff", "fluoview", "stk", "sis", "svs", "scn", "qpi", "ndpi",
    "bif", "avs", "eer", "philips", "scanimage", "nih", "mdgel",
)  # fmt: skip


def is_of_library(tif: tifffile.TiffFile) -> bool:
    """Whether a file is of one of these kinds."""
    return any(getattr(tif, f"is_{kind}") for kind in _KINDS)


def images_of_library(tif: tifffile.TiffFile) -> list[TiffImage]:
    """The images that tifffile finds in a file.

    Raises
    ------
    Refused
        If tifffile cannot make sense of it, and would treat it as a plain TIFF.
    """
    with refusals("its description cannot be understood"):
        series = series_in(tif)
        shapes = [tuple(metadata["shape"]) for metadata in tif.shaped_metadata or ()]
    if not series or series[0].kind in ("generic", "uniform"):
        raise Refused(_contradiction("more or fewer planes than there are"))
    shaped = (one for one in series if one.kind == "shaped" and one.keyframe.is_shaped)
    for one, shape in zip(shaped, shapes, strict=False):
        if math.prod(shape) != math.prod(shape_of(one)) or _is_cut_off(one):
            raise Refused(_contradiction(f"the shape {shape}"))
    pyramids = _pyramids(series)
    reasons = asides([_candidate(levels[0]) for levels in pyramids])
    return [
        TiffImage(partial(_content, levels), levels[0].name, why)
        for levels, why in zip(pyramids, reasons, strict=True)
    ]


def _is_cut_off(series: tifffile.TiffPageSeries) -> bool:
    """Whether planes that should follow each other continue beyond the end of the file."""
    start, n_bytes = series.dataoffset, series.size * series.dtype.itemsize
    return start is not None and start + n_bytes > series.keyframe.parent.filehandle.size


def _contradiction(what: str) -> str:
    return (
        f"its description announces {what}: it is cut off, or the description is wrong. Copy it "
        "again, or say with axes= (--axes) what the axes of its pages are, e.g. axes='zyx'"
    )


def _candidate(series: tifffile.TiffPageSeries) -> Candidate:
    page = series.keyframe
    return Candidate(
        series.name,
        series.size // max(page.size, 1),
        page.imagelength,
        page.imagewidth,
        page.samplesperpixel > 2 and page.photometric in COLOURS,
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
    """Lengths of all axes except those of a page."""
    shape = shape_of(series)
    return tuple(shape[: len(shape) - len(series.keyframe.shape)])


def _content(levels: list[tifffile.TiffPageSeries]) -> Content:
    letters = axes_of(levels[0])
    return Content(levels, letters, keep=AXES if levels[0].kind == "shaped" else "")

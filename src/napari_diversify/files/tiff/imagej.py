"""The image of an ImageJ TIFF: the planes that it describes, on its pages or after the first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tifffile

from .content import Content
from .imagej_description import imagej
from .library import Refused, axes_of
from .pages import Page
from .series import series_of


def imagej_content(tif: tifffile.TiffFile, text: str, pages: Sequence[Page]) -> Content:
    """Read the image of an ImageJ TIFF.

    Raises
    ------
    Refused
        If its pages are not the planes of its description.
    """
    first = pages[0]
    planes = imagej(text, _pixel_sizes(tif.pages.first), first.samples)
    n_planes = math.prod(planes.sizes) if planes.sizes else len(pages)
    if len(pages) not in (1, n_planes):
        raise Refused(
            f"its ImageJ description lists {n_planes} plane(s), but it has {len(pages)} page(s). "
            "Copy it again, or say with axes= (--axes) what the axes of its pages are, e.g. "
            "axes='zyx'"
        )
    if any(page.fits != first.fits for page in pages):
        raise Refused(
            "its pages are not alike, and its ImageJ description does not say why. Say with axes= "
            "(--axes) what the axes of its pages are, e.g. axes='zyx'"
        )
    series = series_of(
        [(tif, page) for page in pages],
        planes.letters,
        planes.sizes or (n_planes,),
        behind_each_other=len(pages) < n_planes,
    )
    if len(pages) < n_planes and series.dataoffset is None:
        raise Refused(
            f"this TIFF is cut off: its ImageJ description lists {n_planes} planes, but one is "
            "there. Copy it again"
        )
    signed = planes.signed and series.dtype == np.uint16
    letters = axes_of(series)
    return Content(
        [series],
        letters,
        planes.scale,
        planes.units,
        planes.origin,
        signed=signed,
        notes=planes.notes,
    )


def _pixel_sizes(page: tifffile.TiffPage) -> dict[str, float]:
    """Size of a pixel according to the resolution tags, each of which is a fraction."""
    sizes = {}
    for axis, tag in (("y", "YResolution"), ("x", "XResolution")):
        value = page.tags[tag].value if tag in page.tags else None
        if isinstance(value, tuple) and len(value) == 2 and all(value):
            pixels, length = value
            sizes[axis] = length / pixels
    return sizes

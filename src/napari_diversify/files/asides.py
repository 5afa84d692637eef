"""Images that are only opened on request: thumbnails, labels of slides, masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SIDE_NAMES = re.compile(
    r"(^|[\s_#/:-])(thumbnail|macro|label|overview|preview)(\s+image)?$", re.IGNORECASE
)
_MUCH_SMALLER = 16  # times, in area


@dataclass(frozen=True)
class Candidate:
    """What is known of an image before it is opened.

    Parameters
    ----------
    title : str
        What the file calls it.
    planes, height, width : int
        Its size.
    colour, reduced, mask : bool
        Whether it is a picture in red, green and blue; whether the file says that it is a
        smaller copy, or a mask, of another.
    """

    title: str
    planes: int
    height: int
    width: int
    colour: bool = False
    reduced: bool = False
    mask: bool = False

    @property
    def area(self) -> int:
        """Pixels of a plane."""
        return self.height * self.width


def asides(images: Sequence[Candidate]) -> list[str]:
    """Why each image of a file is only opened on request; empty for an ordinary image.

    At least one is ordinary.

    Examples
    --------
    >>> asides([Candidate("", 1, 8, 10), Candidate("", 6, 64, 80)])
    ['it is one small plane (10 x 8) beside an image of 80 x 64, such as a thumbnail', '']
    """
    reasons = [_of_itself(image) for image in images]
    ordinary = [image for image, why in zip(images, reasons, strict=True) if not why]
    grey = any(not image.colour for image in ordinary)
    largest = max(ordinary, key=lambda image: image.area, default=None)
    for n, image in enumerate(images):
        if reasons[n] or largest is None:
            continue
        if image.colour and grey:
            reasons[n] = "it is a colour picture beside images that are not"
        elif image.planes == 1 and image.area * _MUCH_SMALLER <= largest.area:
            reasons[n] = (
                f"it is one small plane ({image.width} x {image.height}) beside an image of "
                f"{largest.width} x {largest.height}, such as a thumbnail"
            )
    if reasons and all(reasons):
        reasons[_largest(images)] = ""
    return reasons


def _of_itself(image: Candidate) -> str:
    if image.mask:
        return "the file says that it is a mask of another image"
    if image.reduced:
        return "the file says that it is a smaller copy of another image"
    if _SIDE_NAMES.search(image.title):
        return f'it is called "{image.title}"'
    return ""


def _largest(images: Sequence[Candidate]) -> int:
    return max(range(len(images)), key=lambda n: images[n].planes * images[n].area)

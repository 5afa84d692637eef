"""One image among those that a file or a Zarr folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """An image that can be opened.

    Parameters
    ----------
    path : Path
        What :func:`.open_image` takes: the file, or a folder inside the Zarr folder.
    series : int, optional
        Which image of ``path``, counted from 0.
    title : str, optional
        What the file calls it.
    aside : str, optional
        Why it is only opened on request ("it is a thumbnail of image 1"); empty for an
        ordinary image.
    home : Path, optional
        Of an image that is spread over several files and listed by each: the file that it is
        opened with. None for other images, and in that file.
    name : str, optional
        Unique among the images of the same file or plate; see :func:`.images_in`.
    """

    path: Path
    series: int = 0
    title: str = ""
    aside: str = ""
    home: Path | None = None
    name: str = ""

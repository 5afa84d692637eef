"""The names of image files: their endings, and how an image is named after its file."""

from __future__ import annotations

import os
from pathlib import Path

from .formats import ENDINGS, FORMATS

_OF_FOLDERS = tuple(e for fmt in FORMATS.values() if fmt.folder for e in fmt.every_ending)


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of an image: one of :data:`.formats.ENDINGS`."""
    where = Path(path)
    return not where.name.startswith(".") and where.name.lower().endswith(ENDINGS)


def stem(path: str | os.PathLike[str]) -> str:
    """The name of an image without folder and ending; inside a Zarr folder, with the path there.

    Examples
    --------
    >>> stem("somewhere/nuclei.1.ome.tif")
    'nuclei.1'
    >>> stem("somewhere/plate.ome.zarr/A/1/0")
    'plate_A_1_0'
    """
    where = Path(path)
    folder = next((p for p in where.parents if p.name.lower().endswith(_OF_FOLDERS)), None)
    if folder is not None and not is_image(where):
        return "_".join([stem(folder), *where.relative_to(folder).parts])
    name = where.name
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)] or name

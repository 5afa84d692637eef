"""The names of image files: their endings, and how an image is named after its file."""

from __future__ import annotations

import os
from pathlib import Path

#: Endings of the file names of images, longest first.
ENDINGS = (".ome.zarr", ".ome.tiff", ".ome.tif", ".zarr", ".tiff", ".tif", ".npy", ".npz")


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of an image: .ome.zarr .zarr .tif .tiff .npy .npz."""
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
    zarr_folder = next((p for p in where.parents if p.name.lower().endswith(".zarr")), None)
    if zarr_folder is not None and not is_image(where):
        return "_".join([stem(zarr_folder), *where.relative_to(zarr_folder).parts])
    name = where.name
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)] or name

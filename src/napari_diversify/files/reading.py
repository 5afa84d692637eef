"""Opening an image, whatever its format: header and lazy voxels, one set of axes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from .arranged import Arranged
from .header import Header, guess_axes
from .reading_tiff import read_tiff
from .reading_zarr import described, label_names, read_zarr

#: Endings of the file names of images, longest first.
ENDINGS = (".ome.zarr", ".ome.tiff", ".ome.tif", ".zarr", ".tiff", ".tif", ".npy", ".npz")


@dataclass(frozen=True)
class ImageFile:
    """An open image; close it, or use it in a ``with`` statement.

    Pickled, it is the path, not the voxels: another process that unpickles it
    opens the file again. Its arrays by themselves cannot be pickled.

    Parameters
    ----------
    path : Path
        What was opened.
    header : Header
        Axes are in the order "tczyx" whatever their order in the file.
    levels : list of Arranged
        Lazy arrays with shape, dtype and basic indexing, finest first; one if
        the file holds no pyramid.
    """

    path: Path
    header: Header
    levels: list[Arranged]
    _arguments: tuple[str | None, int] = (None, 0)
    _close: Callable[[], object] = field(default=lambda: None, repr=False, compare=False)

    @property
    def data(self) -> Arranged:
        """The finest level."""
        return self.levels[0]

    def close(self) -> None:
        """Close the file; its arrays cannot be read any more."""
        self._close()

    def __enter__(self) -> ImageFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.path, *self._arguments)


def open_image(
    path: str | os.PathLike[str], *, axes: str | None = None, series: int = 0
) -> ImageFile:
    """Open an image without reading its voxels.

    OME-Zarr (up to 0.5) and plain Zarr folders, OME-TIFF, ImageJ TIFF, plain
    TIFF, .npy, and .npz with one array (which is read, as it cannot be mapped).
    A TIFF axis without a meaning is taken for z. The resolution of a plain TIFF
    is not believed.

    Parameters
    ----------
    path : path-like
        The file, or the Zarr folder.
    axes : str, optional
        What the axes of the file are, in its order, if it does not say so or is
        wrong: one letter of "tczyx" each. Axes of length 1 of a TIFF may be left out.
    series : int, optional
        Which image of a file that holds several, counted from 0.

    Returns
    -------
    ImageFile
        With ``header``, ``data`` and ``levels``; a context manager.

    Raises
    ------
    ValueError
        If the file cannot be used; the message names it and says why.
    OSError
        If it is missing or cannot be read.
    """
    where = Path(path)
    name = stem(where)
    axes = None if axes is None else axes.lower()
    if not where.exists():
        raise FileNotFoundError(f"{where}: there is no such file or folder")
    kind = where.suffix.lower()
    close: Callable[[], object] = lambda: None  # noqa: E731
    try:
        if where.is_dir():
            header, levels = read_zarr(where, name, axes, series)
        elif kind in (".tif", ".tiff"):
            header, levels, tif = read_tiff(where, name, axes, series)
            close = tif.close
        elif kind in (".npy", ".npz"):
            header, levels = _read_numpy(where, name, axes)
        else:
            raise ValueError(f"an image must be one of {', '.join(ENDINGS)}")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    return ImageFile(where, header, levels, (axes, series), close)


def _reopen(path: Path, axes: str | None, series: int) -> ImageFile:
    return open_image(path, axes=axes, series=series)


def _read_numpy(path: Path, name: str, axes: str | None) -> tuple[Header, list[Arranged]]:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"this is no NumPy file, or a damaged one ({error})") from error
    if path.suffix.lower() == ".npz":
        with loaded:
            if len(loaded.files) != 1:
                raise ValueError(f"it must hold one array; it holds {len(loaded.files)}")
            loaded = loaded[loaded.files[0]]
    letters = guess_axes(loaded.ndim) if axes is None else axes
    return described([loaded], letters, {}, {}, (), name, None)


def is_image(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of an image: .ome.zarr .zarr .tif .tiff .npy .npz."""
    where = Path(path)
    return not where.name.startswith(".") and where.name.lower().endswith(ENDINGS)


def stem(path: str | os.PathLike[str]) -> str:
    """The name of an image file without the folder and the ending.

    Examples
    --------
    >>> stem("somewhere/nuclei.1.ome.tif")
    'nuclei.1'
    """
    name = Path(path).name
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)] or name


def inputs_in(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Image files and Zarr folders as they are; for other folders the images in them.

    Raises
    ------
    ValueError
        If a folder holds no image.
    FileNotFoundError
        If a path does not exist.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder")
        if not path.is_dir() or is_image(path) or _is_zarr(path):
            found.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if is_image(entry))
        if not inside:
            raise ValueError(f"{path}: no image in this folder ({', '.join(ENDINGS)})")
        found += inside
    return found


def _is_zarr(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("zarr.json", ".zgroup", ".zarray"))


def labels_in(path: str | os.PathLike[str]) -> list[Path]:
    """Paths of the label images inside an OME-Zarr image; none for other formats."""
    where = Path(path)
    if not where.is_dir():
        return []
    return [where / "labels" / name for name in label_names(where)]

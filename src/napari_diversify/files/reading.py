"""Opening an image, whatever its format: header and lazy voxels, one set of axes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from .arranged import Arranged
from .entry import Entry
from .formats import ENDINGS, FORMATS, Format, format_called
from .header import Header
from .names import is_image, stem
from .ome_zarr.reading import label_names
from .present import check_present
from .units import unit_of


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
    _arguments: tuple[str | None, int | None, Mapping[str, float] | None] = (None, None, None)
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
    path: str | os.PathLike[str],
    *,
    axes: str | None = None,
    series: int | None = None,
    voxel_size: Mapping[str, float] | None = None,
) -> ImageFile:
    """Open an image without reading its voxels.

    OME-Zarr (up to 0.5) and plain Zarr folders, OME-TIFF, ImageJ TIFF, plain
    TIFF, .npy, and .npz with one array (which is read, as it cannot be mapped).
    A TIFF axis without a meaning is taken to be z. The resolution of a plain TIFF
    is not trusted.

    Parameters
    ----------
    path : path-like
        The file, or the Zarr folder.
    axes : str, optional
        What the axes of the file are, in its order, if it does not say so or is
        wrong: one letter of "tczyx" each. Axes of length 1 of a TIFF may be left out.
    series : int, optional
        Which image of a file that holds several, counted from 0 as :func:`images_in` lists
        them. By default the first that is not a thumbnail or the like; a note of the header
        then says that there are others.
    voxel_size : mapping from "z", "y", "x" to float, optional
        Size of a voxel in micrometres along these axes, if the file does not say so or is wrong.

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
    check_present(where)
    close: Callable[[], object] = lambda: None  # noqa: E731
    try:
        fmt = _format_of(where)
        if fmt is None:
            raise ValueError(f"an image must be one of {', '.join(ENDINGS)}")
        header, levels, close = fmt.codec.read(where, name, axes, series)
        if voxel_size:
            header = _sized(header, voxel_size)
    except (ValueError, TypeError) as error:
        close()
        raise ValueError(f"{where}: {error}") from error
    return ImageFile(where, header, levels, (axes, series, voxel_size), close)


def _format_of(path: Path) -> Format | None:
    """The format of a file by its name; a folder is of the format whose images are folders."""
    if path.is_dir():
        return next(fmt for fmt in FORMATS.values() if fmt.folder)
    return format_called(path.name)


def _reopen(
    path: Path, axes: str | None, series: int | None, voxel_size: Mapping[str, float] | None
) -> ImageFile:
    return open_image(path, axes=axes, series=series, voxel_size=voxel_size)


def _sized(header: Header, voxel_size: Mapping[str, float]) -> Header:
    """The header with another voxel size; the origin stays where it is in the file's units."""
    for axis in voxel_size:
        if axis not in "zyx" or axis not in header.axes:
            raise ValueError(
                f"a voxel size is given for axis {axis!r}, but the axes of the image are "
                f"{header.axes!r}"
            )
    return replace(
        header,
        scale=tuple(voxel_size.get(a, s) for a, s in zip(header.axes, header.scale, strict=True)),
        units=tuple(
            "micrometer" if a in voxel_size else u
            for a, u in zip(header.axes, header.units, strict=True)
        ),
        origin=tuple(
            o * (unit.worth if a in voxel_size and (unit := unit_of(u, a)) else 1.0)
            for a, u, o in zip(header.axes, header.units, header.origin, strict=True)
        ),
    )


def images_in(path: str | os.PathLike[str]) -> list[Entry]:
    """All images in a file, a Zarr folder or a plate, without reading their voxels.

    Returns
    -------
    list of Entry
        In the order of the file. A single image has the name of the file; several are numbered
        in addition (``stack_s0``, ``stack_s1``), and fields of a plate are named by row,
        column and field (``plate_A_1_0``).

    Raises
    ------
    ValueError, OSError
        As :func:`open_image`.
    """
    where = Path(path)
    check_present(where)
    try:
        fmt = _format_of(where)
        # what cannot be an image is left to whoever opens it
        listed = fmt is not None and (where.is_dir() or not fmt.folder)
        entries = fmt.codec.images(where) if fmt is not None and listed else [Entry(where)]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    several = {
        p for p in {entry.path for entry in entries}
        if sum(entry.path == p and not entry.aside for entry in entries) > 1
    }  # fmt: skip
    return [
        replace(
            entry,
            name=stem(entry.name or entry.path)
            + (f"_s{entry.series}" if entry.path in several or entry.aside else ""),
        )
        for entry in entries
    ]


def inputs_in(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Image files and Zarr folders as they are; instead of other folders, the images in them.

    Raises
    ------
    ValueError
        If a folder holds no image.
    FileNotFoundError
        If a path does not exist.
    """
    inputs: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder")
        if not path.is_dir() or is_image(path) or is_zarr(path):
            inputs.append(path)
            continue
        inside = sorted(entry for entry in path.iterdir() if is_image(entry))
        if not inside:
            raise ValueError(f"{path}: no image in this folder ({', '.join(ENDINGS)})")
        inputs += inside
    return inputs


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr array or group, whatever it is called."""
    return any((folder / name).exists() for name in ("zarr.json", ".zgroup", ".zarray"))


def labels_in(path: str | os.PathLike[str]) -> list[Path]:
    """Paths of the label images inside an OME-Zarr image; none for other formats."""
    where = Path(path)
    if not where.is_dir():
        return []
    return [where / "labels" / name for name in label_names(where)]

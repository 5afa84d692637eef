"""File formats of images, as data: endings, what they hold, and where they are read and written.

Code asks a format, and never compares its name: adding one means adding an entry to
:data:`FORMATS` (or to :data:`READ_ONLY`), and the module that it names. This file imports none
of these modules before a file is read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..core.blocks import Region
    from .arranged import Arranged
    from .entry import Entry
    from .header import Header

#: Header, levels (finest first), and what closes the file.
Opened: TypeAlias = "tuple[Header, list[Arranged], Callable[[], object]]"

_TIFF = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")


class Codec(Protocol):
    """What the module of a format holds.

    Only ``read`` and ``images`` are there in a format that is only read, and only a format that
    is written in slabs has what comes after ``write_planes``. Paths to write to are temporary
    names, see :func:`.safe.writing`. ``settings`` are ``chunk``, ``shard`` and ``window`` of
    :func:`.create`; a format without chunks ignores them.
    """

    def read(self, path: Path, name: str, axes: str | None, series: int | None) -> Opened:
        """Open an image without reading its voxels; see :func:`.open_image`."""

    def images(self, path: Path) -> list[Entry]:
        """All images of a file, in its order."""

    def write(
        self,
        path: Path,
        header: Header,
        array: Any,
        *,
        labels: bool = False,
        tell: Callable[[int], object] = ...,
        **settings: Any,
    ) -> None:
        """Write all voxels of an array-like piece by piece; tell how many each piece has."""

    def write_planes(
        self,
        path: Path,
        header: Header,
        planes: Iterable[npt.NDArray[Any]],
        *,
        labels: bool = False,
        **settings: Any,
    ) -> None:
        """Write planes (y, x), given in C order over the other axes."""

    def create(self, path: Path, header: Header, *, labels: bool = False, **settings: Any) -> None:
        """Create an empty image."""

    def slabs(self, path: Path) -> list[Region]:
        """Regions that cover it once."""

    def write_slab(self, path: Path, region: Region, block: npt.NDArray[Any]) -> None:
        """Write one of them, in any process."""

    def reduced(self, path: Path) -> list[tuple[int, Region]]:
        """What is left to do when all slabs are written, one level after the other."""

    def write_reduced(self, path: Path, level: int, region: Region) -> None:
        """Do it."""

    def finish(self, path: Path, attributes: dict[str, Any] | None = None) -> None:
        """Write the provenance, last."""


@dataclass(frozen=True)
class Format:
    """A file format.

    Parameters
    ----------
    name, title : str
        Its key, and what it is called in sentences.
    endings : tuple of str
        Endings of file names; the first is that of files that are written.
    dtypes : tuple of str
        Names of the dtypes that it holds.
    module : str
        Where it is read and written, seen from here: see :class:`Codec`.
    also_read : tuple of str
        Endings of files that are read, and not written under such a name.
    folder : bool
        Whether an image is a folder.
    packed : tuple of str
        Endings of files that may hold such a folder: its module says what to do with them.
    in_slabs : bool
        Whether parts of an image may be written in any order, by any number of processes; else
        one process writes plane after plane.
    chunked : bool
        Whether chunks and shards can be chosen.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    dtypes: tuple[str, ...]
    module: str
    also_read: tuple[str, ...] = ()
    folder: bool = False
    packed: tuple[str, ...] = ()
    in_slabs: bool = False
    chunked: bool = False

    @property
    def ending(self) -> str:
        """Ending of files that are written."""
        return self.endings[0]

    @property
    def every_ending(self) -> tuple[str, ...]:
        """Endings of files that are read."""
        return (*self.endings, *self.also_read)

    def holds(self, dtype: np.dtype[Any]) -> bool:
        """Whether it holds images of a dtype."""
        return dtype.name in self.dtypes

    @property
    def codec(self) -> Codec:
        """What reads and writes it, imported when it is first asked for."""
        return cast(Codec, import_module(self.module, __package__))


#: The formats that can be written, by name.
FORMATS = MappingProxyType(
    {
        fmt.name: fmt
        for fmt in (
            Format(
                "ome-zarr",
                "OME-Zarr",
                (".ome.zarr",),
                (*_TIFF, "int64", "uint64", "float16"),
                ".ome_zarr.format",
                also_read=(".zarr",),
                folder=True,
                packed=(".zip", ".ozx"),
                in_slabs=True,
                chunked=True,
            ),
            Format("ome-tiff", "OME-TIFF", (".ome.tif", ".ome.tiff"), _TIFF, ".tiff.format"),
            Format("tiff", "TIFF", (".tif", ".tiff"), _TIFF, ".tiff.format"),
        )
    }
)
#: Formats that are only read.
READ_ONLY = (Format("numpy", "NumPy", (".npy", ".npz"), (), ".numpy_files"),)

#: Endings of the file names of images, longest first.
ENDINGS = tuple(
    sorted(
        (ending for fmt in (*FORMATS.values(), *READ_ONLY) for ending in fmt.every_ending),
        key=lambda ending: -len(ending),
    )
)


def format_called(name: str) -> Format | None:
    """The format of a file of this name, whatever the case of its ending; None if unknown.

    Examples
    --------
    >>> [format_called(n).name for n in ("a.ome.tif", "a.TIF", "b.zarr")]
    ['ome-tiff', 'tiff', 'ome-zarr']
    >>> format_called("a.png")
    """
    every = [
        (ending, fmt)
        for fmt in (*FORMATS.values(), *READ_ONLY)
        for ending in (*fmt.every_ending, *fmt.packed)
    ]
    fitting = [item for item in every if name.lower().endswith(item[0])]
    return max(fitting, key=lambda item: len(item[0]), default=(None, None))[1]

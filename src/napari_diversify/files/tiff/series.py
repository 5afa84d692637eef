"""Pages of one or several TIFF files as one array whose voxels are read when needed."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
import zarr

from ...core.computed import Computed
from ..header import image_dtype
from .library import Refused, sentences, shape_of
from .pages import CUT_OFF, Page

# The most bytes that one stored byte can decode to; a page that claims more is damaged.
_LARGEST_GAIN = {1: 1, 5: 4096, 8: 1032, 32946: 1032, 32773: 128, 34925: 1 << 14}
_OTHER_GAIN = 1 << 17
_DAMAGED = "a plane of this TIFF is damaged and cannot be read"

Stored = tifffile.TiffPage | tifffile.TiffFrame


def series_of(
    pages: Sequence[tuple[tifffile.TiffFile, Page]],
    letters: str,
    sizes: Sequence[int],
    *,
    behind_each_other: bool = False,
) -> tifffile.TiffPageSeries:
    """An array of pages, which may be spread over several files.

    Parameters
    ----------
    pages : sequence of (TiffFile, Page)
        Its planes in C order. Files that were closed are closed again.
    letters : str
        One letter per axis before those of a page.
    sizes : sequence of int
        Length of each.
    behind_each_other : bool
        Whether all planes follow the first, which is the only one listed, uncompressed.
    """
    stored: list[Any] = [None] * len(pages)
    by_file: dict[int, list[int]] = {}
    for n, (tif, _) in enumerate(pages):
        by_file.setdefault(id(tif), []).append(n)
    for numbers in by_file.values():
        tif = pages[numbers[0]][0]
        closed = tif.filehandle.closed
        if closed:
            tif.filehandle.open()
        try:
            for n, page in zip(numbers, _stored(tif, [pages[n][1] for n in numbers]), strict=True):
                stored[n] = page
        finally:
            if closed:
                tif.filehandle.close()
    first = _key(stored[0])
    series = tifffile.TiffPageSeries(
        stored,
        (*sizes, *first.shape),
        first.dtype,
        letters.upper() + first.axes,
        parent=pages[0][0],
        multifile=len(by_file) > 1,
        truncated=behind_each_other,
    )
    if series.is_multifile:
        # offsets of pages in different files may follow each other by accident
        series.__dict__["dataoffset"] = None
    return series


def _stored(tif: tifffile.TiffFile, pages: Sequence[Page]) -> list[Stored]:
    """Pages as tifffile has them: the first of each layout in full, the others as offsets."""
    full: dict[Any, tifffile.TiffPage] = {}
    out: list[Stored] = []
    for page in pages:
        key = full.get(page.layout)
        if key is not None:
            frame = tifffile.TiffFrame(tif, page.number, offset=page.offset, keyframe=key)
            if not key.is_contiguous or _in_one_piece(frame):
                out.append(frame)
                continue
        if page.number == (0,):
            out.append(tif.pages.first)
        else:
            tif.filehandle.seek(page.offset)
            out.append(tifffile.TiffPage(tif, page.number))
        full.setdefault(page.layout, _key(out[-1]))
    return out


def _key(page: Stored) -> tifffile.TiffPage:
    """The page with all the tags that this page shares with others."""
    if page.keyframe is None:
        raise Refused("this TIFF is damaged: a page has no tags")
    return page.keyframe


def _in_one_piece(frame: tifffile.TiffFrame) -> bool:
    """Whether strips follow each other as those of the keyframe do, which tifffile believes."""
    ends = map(sum, zip(frame.dataoffsets, frame.databytecounts, strict=True))
    return all(end == start for end, start in zip(ends, frame.dataoffsets[1:], strict=False))


def check_readable(series: tifffile.TiffPageSeries) -> tuple[str, ...]:
    """Raise Refused if planes are missing, cut off, or stored in a way that cannot be read.

    tifffile would give zeros for the first two.

    Returns
    -------
    tuple of str
        What is odd.
    """
    key = series.keyframe
    _check_decoder(key)
    if series.dataoffset is not None:
        if series.dataoffset + _nbytes(series) > key.parent.filehandle.size:
            raise Refused(CUT_OFF)
        return ()
    empty = sum(_n_empty(page) for page in series)
    note = f"{empty} tiles or strips are not in the file, and their voxels count as 0"
    return (note,) if empty else ()


def _nbytes(series: tifffile.TiffPageSeries) -> int:
    return math.prod(shape_of(series)) * series.dtype.itemsize


def _check_decoder(page: tifffile.TiffPage) -> None:
    """Raise Refused if the voxels of a page are of a kind that cannot be decoded."""
    if page.dtype is None:
        raise Refused(
            f"its voxels of {page.bitspersample} bits (sample format {page.sampleformat!s}) are "
            "of a kind that cannot be read. Save it with 8, 16 or 32 bits"
        )
    if min(page.shape, default=0) < 1:
        raise Refused(f"this TIFF is damaged: the shape of a page is {page.shape}")
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
        tifffile.TIFF.UNPREDICTORS[page.predictor]
    except KeyError:
        _ask_for_imagecodecs(f"its compression ({_name(page)})")
    try:
        image_dtype(page.dtype)
    except TypeError as error:
        raise Refused(str(error)) from None
    if page.bitspersample not in (8, 16, 32, 64) and not _has_imagecodecs():
        _ask_for_imagecodecs(f"its voxels of {page.bitspersample} bits")
    _ = page.decode  # raises where voxels do not fit into bytes


def _name(page: tifffile.TiffPage) -> str:
    try:
        return tifffile.COMPRESSION(page.compression).name
    except ValueError:
        return str(page.compression)


def _has_imagecodecs() -> bool:
    return importlib.util.find_spec("imagecodecs") is not None


def _ask_for_imagecodecs(what: str) -> None:
    raise Refused(
        f"{what} cannot be read without the package imagecodecs: pip install imagecodecs, or save "
        "it uncompressed"
    )


def _n_empty(page: Stored | None) -> int:
    """How many parts of a page are not in the file; raise Refused if it cannot be an image."""
    if page is None:
        raise Refused(CUT_OFF)
    key, size = _key(page), page.parent.filehandle.size
    needed = _n_parts(key)
    if min(len(page.dataoffsets), len(page.databytecounts)) < needed:
        raise Refused(CUT_OFF)
    offsets, counts = page.dataoffsets[:needed], page.databytecounts[:needed]
    if key.is_contiguous and len(offsets) == 1:  # some writers count pixels, not bytes
        counts = (key.nbytes,)
    empty = sum(not (a and b) for a, b in zip(offsets, counts, strict=True))
    if max(a + b for a, b in zip(offsets, counts, strict=True)) > size:
        raise Refused(CUT_OFF)
    gain = _LARGEST_GAIN.get(key.compression, _OTHER_GAIN)
    bits = key.bitspersample if isinstance(key.bitspersample, int) else 0
    whole = key.size * bits // 8 * (needed - empty) // needed
    if empty == needed or whole > gain * sum(counts) or key.nbytes > _OTHER_GAIN * size:
        raise Refused(
            f"this TIFF is damaged: a page of shape {key.shape} is stored in {sum(counts)} bytes"
        )
    return empty


def _n_parts(page: tifffile.TiffPage) -> int:
    """Strips or tiles that a page is made of."""
    separate, depth, height, width, _ = page.shaped
    if page.is_tiled:
        sides = ((depth, page.tiledepth), (height, page.tilelength), (width, page.tilewidth))
    else:
        sides = ((depth, 1), (height, page.rowsperstrip), (1, 1))
    if min(part for _, part in sides) < 1:
        raise Refused("this TIFF is damaged: its tiles or strips have no size")
    return separate * math.prod(-(-whole // part) for whole, part in sides)


class Voxels(Computed):
    """The voxels of a series, read when they are asked for.

    Parameters
    ----------
    series : TiffPageSeries
        Its finest level is used.
    signed : bool
        Whether 16-bit values stand for those that are smaller by 32768.
    """

    def __init__(self, series: tifffile.TiffPageSeries, *, signed: bool = False) -> None:
        pages = [series[0]] if series.dataoffset is not None else series
        keys = {_key(page) for page in pages if page is not None}
        tiles = {key.chunks if key.is_tiled else None for key in keys}
        chunkmode = 0 if len(tiles) == 1 and None not in tiles else 2  # strips: whole planes
        store = series.aszarr(squeeze=False, level=0, chunkmode=chunkmode, read_only=True)
        self._array: Any = zarr.open_array(store, mode="r")
        self._signed = signed
        self._damaged = f"{series.keyframe.parent.filehandle.path}: {_DAMAGED}"
        self.shape = shape_of(series)
        self.dtype = np.dtype("int16") if signed else np.dtype(series.dtype)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        with sentences(self._damaged):
            values = np.asarray(self._array[key])
        if self._signed:
            return (values.astype("uint16") ^ np.uint16(1 << 15)).view("int16")
        return values

"""Writing OME-TIFF plane by plane: little memory, and the same bytes for the same image.

An OME-TIFF named .tif opens in everything that reads TIFF: the layouts of training sets
use it too, and so keep their voxel size.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from ...core.blocks import workers
from ..dtypes import check_dtype
from ..header import Header
from ..units import unit_of
from .ome_xml import LABELS_KEY, NAMESPACE

_TILE = 256
_BLOCK = 32 << 20  # bytes of planes that are read, or compressed, at once
_CLASSIC = 4_000_000_000  # bytes that fit a classic TIFF, its tables included

# Level 1: noise cannot be compressed, and higher levels only take longer to find that out.
_LEVEL = 1


def write_tiff(
    path: str | os.PathLike[str],
    header: Header,
    planes: Iterable[npt.NDArray[Any]],
    *,
    labels: bool = False,
) -> None:
    """Write an OME-TIFF.

    Parameters
    ----------
    path : path-like
        Where, usually a temporary name; see :func:`.safe.writing`. Overwritten.
    header : Header
        Shape, dtype, axes, voxel size, channel names, origin and provenance. Programs that
        read OME-TIFF find the origin as the position of the stage.
    planes : iterable of ndarray, shape (y, x)
        In C order over the other axes; consumed one at a time, or nearly so. See
        :func:`planes_of`.
    labels : bool, optional
        Whether voxels are labels, which must be integers; the file says so.

    Raises
    ------
    TypeError
        If OME-TIFF has no such dtype.
    ValueError
        If the planes are not those that the header announces.

    Notes
    -----
    ``tifffile.imread`` leaves out axes of length 1; :func:`open_image` does not.
    """
    check_dtype(header.dtype, "ome-tiff")
    if labels and header.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers; these are {header.dtype}")
    height, width = header.shape[-2:]
    tiled = max(height, width) > _TILE
    given = iter(planes)
    checked = _checked(given, header)
    rows, columns = (-(-n // _TILE) * _TILE if tiled else n for n in (height, width))
    stored = header.nbytes // (height * width) * rows * columns
    with tifffile.TiffWriter(path, bigtiff=stored > _CLASSIC, ome=True) as tif:
        tif.write(
            _tiles(checked) if tiled else checked,
            shape=header.shape,
            dtype=header.dtype,
            tile=(_TILE, _TILE) if tiled else None,
            rowsperstrip=None if tiled else height,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": _LEVEL},
            maxworkers=workers(),
            buffersize=_BLOCK,
            software=NAMESPACE,
            metadata=_metadata(header, labels),
        )
    if next(given, None) is not None:
        raise ValueError(f"more planes were given than an image of shape {header.shape} has")


def planes_of(array: Any, header: Header) -> Iterator[npt.NDArray[Any]]:
    """The planes of an array-like in C order, read some megabytes at a time.

    They are read in runs, not one by one: a plane that is computed from its neighbours
    in z would otherwise be computed several times.
    """
    if header.spatial_ndim == 2:
        for index in np.ndindex(*header.shape[:-2]):
            yield np.asarray(array[index])
        return
    plane = header.shape[-1] * header.shape[-2] * header.dtype.itemsize
    run = max(1, _BLOCK // plane)
    for index in np.ndindex(*header.shape[:-3]):
        for start in range(0, header.shape[-3], run):
            yield from np.asarray(array[(*index, slice(start, start + run))])


def _checked(planes: Iterable[npt.NDArray[Any]], header: Header) -> Iterator[npt.NDArray[Any]]:
    n, total = 0, int(np.prod(header.shape[:-2]))
    for n, plane in enumerate(planes, start=1):
        if plane.shape != header.shape[-2:] or plane.dtype != header.dtype:
            raise ValueError(
                f"plane {n} is {plane.dtype} {plane.shape}; the header says {header.dtype} "
                f"{header.shape[-2:]}"
            )
        yield np.ascontiguousarray(plane, header.dtype)
    if n < total:
        raise ValueError(f"{n} planes were given; an image of shape {header.shape} has {total}")


def _tiles(planes: Iterator[npt.NDArray[Any]]) -> Iterator[npt.NDArray[Any]]:
    for plane in planes:
        for y in range(0, plane.shape[0], _TILE):
            for x in range(0, plane.shape[1], _TILE):
                tile = plane[y : y + _TILE, x : x + _TILE]
                missing = [(0, _TILE - n) for n in tile.shape]
                yield np.pad(tile, missing) if tile.shape != (_TILE, _TILE) else tile


def _metadata(header: Header, labels: bool) -> dict[str, Any]:
    """OME-XML as tifffile accepts it, and our note of what OME-XML cannot express."""
    out: dict[str, Any] = {"axes": header.axes.upper(), "Name": header.name}
    note: dict[str, Any] = {"axes": header.axes}
    if labels:
        note[LABELS_KEY] = True
    lost = {}
    for axis, scale, name in zip(header.axes, header.scale, header.units, strict=True):
        unit = unit_of(name, axis)
        if unit is None and scale == 1.0:
            continue
        if axis == "c" or (axis == "t" and unit is None):
            lost[axis] = scale
            continue
        key = "TimeIncrement" if axis == "t" else f"PhysicalSize{axis.upper()}"
        out[key] = scale
        # without a unit OME-XML would mean micrometres
        out[f"{key}Unit"] = "pixel" if unit is None else unit.symbol
    if lost:
        note["scale"] = lost
    positions, elsewhere = _positions(header)
    if positions:
        out["Plane"] = positions
    if elsewhere:
        note["origin"] = elsewhere
    if header.channels:
        out["Channel"] = {"Name": list(header.channels)}
    if header.provenance is not None:
        note["provenance"] = header.provenance
    text = json.dumps(note, sort_keys=True, allow_nan=False)
    out["MapAnnotation"] = {"Namespace": NAMESPACE, "header": text}
    out["Creator"] = NAMESPACE
    # tifffile would draw one from the clock
    identity = repr(replace(header, provenance=None)) + text
    out["UUID"] = str(uuid.uuid5(uuid.NAMESPACE_URL, identity))
    return out


def _positions(header: Header) -> tuple[dict[str, Any], dict[str, float]]:
    """Where the origin goes: into every plane of OME-XML, or, for some axes, into our note."""
    planes: dict[str, Any] = {}
    note = {}
    n_planes = int(np.prod(header.shape[:-2]))
    steps = np.arange(n_planes) % header.size_of("z")
    for axis, start, name in zip(header.axes, header.origin, header.units, strict=True):
        unit = unit_of(name, axis)
        if start == 0:
            continue
        if unit is None or axis == "t":
            note[axis] = start
            continue
        key = f"Position{axis.upper()}"
        moves = steps * header.scale_of("z") if axis == "z" else np.zeros(n_planes)
        planes[key] = (start + moves).tolist()
        planes[f"{key}Unit"] = [unit.symbol] * n_planes
    return planes, note

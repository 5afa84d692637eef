"""From layers of the viewer to the sources of a batch."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import napari.layers
import numpy as np

from ... import files
from ...batch import Source
from ...files import Arranged, Header
from ...files.units import unit_of
from ...readers import FILE_KEY
from ...writers import described
from ..live.layers import levels_of


def source_of(
    layer: napari.layers.Image,
    labels: napari.layers.Labels | None = None,
    *,
    with_file: bool = True,
    in_lengths: bool = True,
) -> Source:
    """The image that a layer shows: its own voxels, and the file from which they were read.

    Without ``with_file`` nothing is read, and no file is looked for. Many
    readers drop the voxel size of a file: unless the result depends on it
    (``in_lengths``), that of the file is taken where the layer knows none.

    Raises
    ------
    ValueError, TypeError
        If the layer cannot be written; the message says why.
    """
    array, header = described(layer.data, layer.as_layer_data_tuple()[1])
    header = replace(header, channels=() if "c" not in header.axes else header.channels)
    file = _file_of(layer, header, in_lengths) if with_file else None
    if file is not None and file.header.axes != header.axes:
        array = Arranged(array, header.axes, file.header.axes)  # with the axis of its one channel
    return Source(
        tidy(layer.name) if file is None else file.name,
        path=None if file is None else file.path,
        series=None if file is None else file.series,
        array=array,
        header=header if file is None else file.header,
        # the dock shows lengths in voxels where a layer has no size, and says so
        in_voxels=in_lengths and header.spacing is None,
        labels=None if labels is None else source_of(labels, with_file=with_file, in_lengths=False),
    )


@dataclass(frozen=True)
class _File:
    """One image of a file."""

    path: Path
    series: int | None
    name: str
    header: Header


def _file_of(layer: Any, header: Header, in_lengths: bool) -> _File | None:
    """The image of a file that a layer shows completely, if there is one."""
    if layer.source.path is None:
        return None
    path = Path(layer.source.path)
    # layers made from this one may carry its metadata: in the end the voxels decide
    known = layer.metadata.get(FILE_KEY) or {"path": path, "series": None, "name": files.stem(path)}
    path, series = Path(known["path"]), known["series"]
    try:
        with files.open_image(path, series=series) as image:
            there = image.header
            if header.axes not in (there.axes, there.axes.replace("c", "")):
                return None
            held = Arranged(image.data, there.axes, header.axes)
            same = (
                (held.shape, held.dtype) == (header.shape, header.dtype)
                and (_same_size(there, header) or not (in_lengths or _knows_size(header)))
                and _same_place(there, header)
                and _same_voxels(levels_of(layer)[0], held)
            )
    except (OSError, ValueError, TypeError):
        return None
    return _File(path, series, known["name"], there) if same else None


def _same_size(file: Header, layer: Header) -> bool:
    """Whether file and layer agree on the size of a voxel."""
    a, b = file.spacing, layer.spacing
    if a is None or b is None:
        return a is None and b is None
    return all(math.isclose(x, y, rel_tol=1e-6) for x, y in zip(a, b, strict=True))


def _same_place(file: Header, layer: Header) -> bool:
    """Whether a layer lies where its file says, or at the origin, where many readers put it."""
    places = _places(file)
    return not any(layer.origin) or all(
        math.isclose(place, places[axis], rel_tol=1e-6, abs_tol=1e-9)
        for axis, place in _places(layer).items()
    )


def _places(header: Header) -> dict[str, float]:
    """Where an image starts, per axis, in micrometres and seconds if it has units."""
    return {
        axis: origin * (1.0 if (found := unit_of(unit, axis)) is None else found.worth)
        for axis, origin, unit in zip(header.axes, header.origin, header.units, strict=True)
    }


def _knows_size(header: Header) -> bool:
    return header.spacing is not None or any(size != 1 for size in header.scale)


def _same_voxels(layer: Any, file: Any) -> bool:
    """Whether a few planes agree: voxels may have been painted over since."""
    lead = layer.shape[:-2]
    for share in (0.0, 0.5, 1.0):
        at = tuple(round(share * (n - 1)) for n in lead)
        if not np.array_equal(np.asarray(layer[at]), file[at]):
            return False
    return True


def tidy(name: str) -> str:
    """The name of a layer as that of a file."""
    return re.sub(r"[^\w.()+-]+", "_", name).strip("._ ")[:100] or "image"

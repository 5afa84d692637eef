"""From layers of the viewer to the sources of a batch."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari.layers
import numpy as np

from .. import files
from ..batch import Source
from ..files import Header
from ..writers import described
from .layers import levels_of


def source_of(
    layer: napari.layers.Image,
    labels: napari.layers.Labels | None = None,
    *,
    with_file: bool = True,
    in_lengths: bool = True,
) -> Source:
    """The image that a layer shows: its own voxels, and the file they came from if any.

    Without ``with_file`` nothing is read, and no file is looked for. Many
    readers drop the voxel size of a file: unless the result depends on it
    (``in_lengths``), that of the file is taken where the layer knows none.

    Raises
    ------
    ValueError, TypeError
        If the layer is none that can be written; the message says why.
    """
    array, header = described(layer.data, layer.as_layer_data_tuple()[1])
    header = replace(header, channels=() if "c" not in header.axes else header.channels)
    path, told = _file_of(layer, header, in_lengths) if with_file else (None, None)
    return Source(
        _name(layer.name) if path is None else files.stem(path),
        path=path,
        array=array,
        header=header if told is None else told,
        labels=None if labels is None else source_of(labels, with_file=with_file, in_lengths=False),
    )


def _file_of(layer: Any, header: Header, in_lengths: bool) -> tuple[Path | None, Header | None]:
    """The file of a layer and its header, if it holds what the layer shows."""
    if layer.source.path is None:
        return None, None
    path = Path(layer.source.path)
    try:
        with files.open_image(path) as image:
            there = image.header
            same = (
                (there.shape, there.dtype, there.axes) == (header.shape, header.dtype, header.axes)
                and (_same_size(there, header) or not (in_lengths or _knows_size(header)))
                and _same_voxels(levels_of(layer)[0], image.data)
            )
    except (OSError, ValueError, TypeError):
        return None, None
    return (path, there) if same else (None, None)


def _same_size(file: Header, layer: Header) -> bool:
    """Whether file and layer agree on the size of a voxel."""
    a, b = file.spacing, layer.spacing
    if a is None or b is None:
        return a is None and b is None
    return all(math.isclose(x, y, rel_tol=1e-6) for x, y in zip(a, b, strict=True))


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


def _name(name: str) -> str:
    """The name of a layer as that of a file."""
    tidy = re.sub(r"[^\w.()+-]+", "_", name).strip("._ ")
    return tidy[:100] or "image"

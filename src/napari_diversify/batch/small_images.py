"""Small images that many samples are made of: read once in a run, not again for each sample.

Opening a file and reading 16,000 voxels takes as long as all of the arithmetic on them.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from threading import Lock
from typing import Any

import numpy as np

from ..files import Header
from .source import Source

_SMALL = 4 << 20  # bytes
_MOST = 4  # images and labels that a process keeps

_kept: OrderedDict[object, tuple[Header, Any]] = OrderedDict()
_lock = Lock()


def opened(
    source: Source, run: str, stack: ExitStack, *, labels: bool = False
) -> tuple[Header, Any]:
    """Header and voxels of an image, or of its labels: those that this run has read, if any.

    Parameters
    ----------
    source : Source
    run : str
        Its id: another run reads the file anew. Without one, nothing is kept.
    stack : ExitStack
        Closes the file, if it stays open.
    labels : bool, optional
        Whether its labels are wanted.
    """
    key = _key(source, run, labels)
    with _lock:
        known = None if key is None else _kept.get(key)
    if known is not None:
        return known
    header, data = stack.enter_context(source.open_labels() if labels else source.open())
    if key is None or header.nbytes > _SMALL:
        return header, data
    voxels = np.asarray(data[(slice(None),) * header.ndim])
    with _lock:
        _kept[key] = header, voxels
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return header, voxels


def _key(source: Source, run: str, labels: bool) -> object:
    """Of a file as this run reads it; None for an array in memory, and for a file that is gone.

    A file is read in another way as labels: voxel size and axes given for images are not theirs.
    """
    file = source.labels if labels else source
    if file is None or file.header is not None or not run:
        return None
    try:
        return run, file.identity, labels
    except OSError:  # opening it says so
        return None

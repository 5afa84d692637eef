"""NumPy files, .npy and .npz, as a file format: what :class:`.formats.Codec` asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .described import described
from .entry import Entry
from .formats import Opened
from .header import guess_axes


def images(path: Path) -> list[Entry]:
    """The one image of a file."""
    return [Entry(path)]


def read(path: Path, name: str, axes: str | None, series: int | None) -> Opened:
    """Open an image without reading its voxels, which only those of an .npz have to be."""
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"this is not a NumPy file, or it is damaged ({error})") from error
    if path.suffix.lower() == ".npz":
        with loaded:
            if len(loaded.files) != 1:
                raise ValueError(f"it must hold one array; it holds {len(loaded.files)}")
            loaded = loaded[loaded.files[0]]
    letters = guess_axes(loaded.ndim) if axes is None else axes
    return *described([loaded], letters, {}, {}, (), name, None), lambda: None

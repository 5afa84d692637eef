"""A pyramid on disk to look at: nuclei as OME-Zarr, 512 x 2048 x 2048 uint16, levels halved.

Run: ``python benchmarks/pyramid.py FOLDER.zarr``, or ``--planes 64 --side 1024`` for a smaller
one. Chunks are 16 x 512 x 512 and thinner at coarse levels; most of a plane is dark, as in
sparse tissue, so that the whole takes about 640 MB.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_diversify import files
from napari_diversify.core import normal_field, synthetic_nuclei
from napari_diversify.files.ome_zarr import writing as ome_zarr

CHUNK = (16, 512, 512)
LIMITS = (100, 400)
_TILE = (32, 256, 256)


class Tissue:
    """The same nuclei again and again, with camera noise of its own in every plane; not stored."""

    def __init__(self, planes: int, side: int) -> None:
        self.shape, self.dtype, self.ndim = (planes, side, side), np.dtype("uint16"), 3
        tile = synthetic_nuclei(_TILE, count=40).image.astype(np.float32)
        bright = tile - np.percentile(tile, 82)
        self._tile = np.clip(bright / bright.max(), 0, None) * np.float32(LIMITS[1] - LIMITS[0])

    def __getitem__(self, key: Any) -> npt.NDArray[np.uint16]:
        planes, *rest = key
        return np.stack([self._plane(z)[tuple(rest)] for z in range(self.shape[0])[planes]])

    def _plane(self, z: int) -> npt.NDArray[np.uint16]:
        repeats = [-(-n // m) for n, m in zip(self.shape[1:], _TILE[1:], strict=True)]
        mean = np.tile(self._tile[z % _TILE[0]], repeats)[: self.shape[1], : self.shape[2]]
        grey = normal_field(mean.shape, seed=7, sample=z)
        grey *= np.sqrt(mean)  # that of photons: none where it is dark
        return np.round(np.clip(mean + grey, 0, None) + LIMITS[0]).astype(np.uint16)


def write(path: Path, planes: int = 512, side: int = 2048) -> None:
    """Write the pyramid to a folder that does not exist yet."""
    tissue = Tissue(planes, side)
    sizes, units = (0.4, 0.4, 0.4), ("micrometer",) * 3
    header = files.Header(tissue.shape, tissue.dtype, "zyx", sizes, units, name="tissue")
    chunk = [min(n, m) for n, m in zip(CHUNK, tissue.shape, strict=True)]
    ome_zarr.create(path, header, chunk=chunk)
    ome_zarr.write_all(path, tissue, {})


def megabytes(path: Path) -> float:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--planes", type=int, default=512)
    parser.add_argument("--side", type=int, default=2048, help="rows and columns")
    arguments = parser.parse_args()
    write(arguments.folder, arguments.planes, arguments.side)
    print(f"{arguments.folder}: {megabytes(arguments.folder):,.0f} MB on disk")

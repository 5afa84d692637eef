"""The images of a training: opened, checked, and as planes that are read when they are needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import files
from ...files.looks import looks_of
from .plan import Source

Plane = npt.NDArray[np.float32]

_AXES = {2: "yx", 3: "zyx"}


@dataclass(frozen=True, eq=False)
class Image:
    """One image as a list of planes: all of its slices and time points, one after the other.

    Attributes
    ----------
    name : str
    array : array-like, shape (..., Z, Y, X)
        Or (..., Y, X); lazy.
    depth : int
        Z: planes that lie above each other; 1 of a plane.
    spacing : (float, float) or None
        Size of its pixels along y and x in micrometres.
    voxel_size : tuple of float or None
        Along all axes of space.
    """

    name: str
    array: Any
    depth: int
    spacing: tuple[float, float] | None
    voxel_size: tuple[float, ...] | None = None

    @property
    def side(self) -> tuple[int, int]:
        """Rows and columns of a plane."""
        return int(self.array.shape[-2]), int(self.array.shape[-1])

    @property
    def planes(self) -> int:
        """How many there are."""
        return math.prod(self.array.shape[:-2])

    def plane(self, number: int) -> Plane:
        """Read a plane."""
        values = np.asarray(self.array[np.unravel_index(number, self.array.shape[:-2])])
        plane: Plane = values.astype(np.float32)
        if not np.isfinite(plane).all():
            raise ValueError(f"{self.name} holds NaN or infinite values; a training needs numbers")
        return plane

    def beside(self, number: int, context: int) -> list[int]:
        """The planes around one in the same volume, reflected at its ends."""
        first, z = number - number % self.depth, number % self.depth
        around = np.arange(z - context, z + context + 1) % (2 * self.depth)
        return [first + int(i) for i in np.minimum(around, 2 * self.depth - 1 - around)]


@contextmanager
def opened(sources: Sequence[Source], folder: Path) -> Iterator[list[Image]]:
    """The images in files; paths of copies are those in ``folder``.

    Raises
    ------
    OSError, ValueError
        If one cannot be trained on; the message says why, and what to do.
    """
    with ExitStack() as stack:
        yield [_opened(source, folder, stack) for source in sources]


@contextmanager
def opened_labels(sources: Sequence[Source], folder: Path) -> Iterator[list[Image]]:
    """The labels in files, likewise."""
    with ExitStack() as stack:
        yield [_opened(source, folder, stack, labels=True) for source in sources]


def _opened(source: Source, folder: Path, stack: ExitStack, labels: bool = False) -> Image:
    path = folder / source.path  # absolute paths stay as they are
    sizes = source.spacing
    image = stack.enter_context(
        files.open_image(
            path,
            axes=source.axes,
            series=source.series,
            voxel_size=None if sizes is None else dict(zip("zyx"[-len(sizes) :], sizes)),  # noqa: B905
        )
    )
    header, name = image.header, source.name or path.name
    channels = header.size_of("c")
    if source.channel is None and channels > 1:
        raise ValueError(
            f"{name} has {channels} channels; a model learns one. Say which, counted from 0 "
            "(--channel)"
        )
    channel = source.channel or 0
    if channel >= channels:
        raise ValueError(f"{name} has no channel {channel}; it has {channels}, counted from 0")
    if not labels and looks_of(path).labels:
        raise ValueError(f"{name} holds labels, which are numbers of objects; an image is needed")
    index = tuple(channel if axis == "c" else slice(None) for axis in header.axes)
    cut = files.Cut(image.data, index)
    depth = header.shape[-3] if header.spatial_ndim == 3 else 1
    sizes = header.spacing_along("yx")
    spacing = None if sizes is None else (sizes[0], sizes[1])
    return Image(name, cut, depth, spacing, header.spacing)


def check_usable(image: Image, values: Plane) -> None:
    """Raise if a plane of an image looks like labels."""
    if image.array.dtype.kind in "iu":
        objects = values > values.min()
        both = objects[..., 1:] & objects[..., :-1]
        same = (values[..., 1:] == values[..., :-1])[both]
        if same.size and same.mean() > 0.95:
            raise ValueError(
                f"{image.name} looks like labels or a mask: nearly all of its neighbouring pixels "
                "are equal. A training needs an image"
            )

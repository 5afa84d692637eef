"""A trained dressing: pictures for masks, and masks of pictures, plane by plane.

Both networks are applied in the tiles of a fixed grid, each in the same shape, so that a result
does not depend on how large an image is; the low-pass takes the whole plane, and noise is a
function of position.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region
from ...core.contrast.detector_noise import NoiseLaw
from ...core.noise import normal_field
from ...core.spectral.cutoff import keeps_all
from ...core.spectral.lowpass import lowpass
from ..card import DressingShape
from ..folder import find, load, reference, split
from ..needs import torch
from ..tiles import Tile, Unit, assembled, block, covering, each
from .masks import objects_in, seen_by_network


class DressingModel:
    """A model that was trained by ``napari-diversify train dress``.

    Parameters
    ----------
    model : path-like
        Its folder, or what a record calls it by (folder and hash).

    Attributes
    ----------
    name : str
        What a record calls it by.
    card : Card
    noise : NoiseLaw
        Of the real images it was trained on, in grey levels.

    Raises
    ------
    OSError, ValueError, ImportError
        If it cannot be used; the message says what to do.
    """

    def __init__(self, model: str | os.PathLike[str]) -> None:
        text = os.fspath(model)
        self.name = text if split(text)[1] else reference(text)
        folder, self.card = find(self.name)
        if not isinstance(self.card.shape, DressingShape):
            raise ValueError(
                f"the model {folder} was trained to {self.card.task}; pictures for masks need one "
                "trained to dress (napari-diversify train dress)"
            )
        self._shape: DressingShape = self.card.shape
        load(self.name)  # whatever is wrong with it is said now
        law = self.card.trained.noise or {}
        self.noise = NoiseLaw(*(float(law.get(part, 0.0)) for part in NoiseLaw._fields))

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Pixel size (y, x) in micrometres of the images it was trained on."""
        return self.card.trained.spacing

    def picture(
        self, labels: npt.NDArray[Any], seed: int = 0, sample: int = 0, *, noise: bool = True
    ) -> npt.NDArray[np.float32]:
        """A picture, in grey levels, for numbered objects.

        Parameters
        ----------
        labels : ndarray of int, shape (Y, X)
        seed, sample : int
            Of the noise.
        noise : bool
            Whether to add that of the guard.
        """
        mask = seen_by_network(labels)
        unit = self._tiled(mask, lambda net, x: net.pictures(x))
        cutoff, taper = self._shape.cutoff, self._shape.taper
        if not keeps_all(unit.shape, cutoff, "radial", taper):
            unit = lowpass(unit, cutoff, taper=taper)
        if noise and any(self._shape.noise):
            a, b, least = (np.float32(part) for part in self._shape.noise)
            variance = np.maximum(a + b * unit, max(least, np.float32(0)))
            unit = unit + np.sqrt(variance) * normal_field(unit.shape, seed, sample=sample)
        normal = self.card.normalisation
        picture: npt.NDArray[np.float32] = unit * np.float32(normal.std) + np.float32(normal.mean)
        return picture

    def mask(self, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The back-translation of a plane (Y, X) in grey levels: above 0 inside objects."""
        normal = self.card.normalisation
        unit = (image.astype(np.float32) - np.float32(normal.mean)) / np.float32(normal.std)
        return self._tiled(unit, lambda net, x: net.masks(x))

    def masks(self, image: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
        """The same as numbered objects, of each plane by itself; (..., Y, X)."""
        out = np.empty(image.shape, np.uint16)
        for lead in np.ndindex(image.shape[:-2]):
            out[lead] = objects_in(self.mask(image[lead]), self._shape.diameter)
        return out

    def _tiled(self, plane: Unit, network: Callable[[Any, Any], Any]) -> Unit:
        package, net = torch(), load(self.name)
        side, halo, shape = self.card.tile, self._shape.halo, plane.shape
        region: Region = (range(shape[0]), range(shape[1]))

        def source(part: Region) -> Unit:
            rows, columns = part
            return plane[rows.start : rows.stop, columns.start : columns.stop]

        def tile_of(tile: Tile) -> Unit:
            values = block(tile, side, halo, 0, shape, source)
            with package.inference_mode():
                given = package.from_numpy(values[None]).to(memory_format=package.channels_last)
                result: Unit = network(net, given)[0, 0, halo:-halo, halo:-halo].numpy()
            return result

        return assembled(region, dict(each(covering(region, side), tile_of)), side)

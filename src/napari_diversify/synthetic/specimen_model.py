"""What all synthetic specimens share: the microscope, the seed, and what is made of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Sequence
from typing import Any, Generic, NamedTuple, Self, TypeAlias, TypeVar

import numpy.typing as npt
from pydantic import Field

from ..core.blocks import exhaust
from ..core.specimens.microscope import Microscope, Texture
from ..core.specimens.morphometry import Morphometry
from ..model import Model, bounds_of
from .specimen import Specimen

M = TypeVar("M")

TRIED = 1 << 22  # voxels of the trial specimen that shows how much light the microscope costs

_SMALLEST = 1e-6  # of a measured value that must be above 0


#: Work that yields (pieces done, pieces).
Drawing: TypeAlias = Generator[tuple[int, int], None, Specimen]


class Matched(NamedTuple, Generic[M]):
    """A model like some labels, and what was measured of them."""

    model: M
    labels: Morphometry


class SpecimenModel(Model):
    """The microscope, the seed, and what is made of them: what all synthetic specimens share."""

    grain: float = Field(
        Texture.grain,
        ge=0.1,
        le=100,
        title="grain",
        description="Distance between the coarsest grains of the texture.",
        json_schema_extra={"unit": "µm", "slider": [0.2, 5.0]},
    )
    blur: float = Field(
        Microscope.blur,
        ge=0,
        le=10,
        title="blur",
        description="Standard deviation of the point-spread function within planes.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 1.0]},
    )
    axial_blur: float = Field(
        Microscope.axial_blur,
        ge=0,
        le=20,
        title="axial blur",
        description="Standard deviation of the point-spread function along z; only in 3D.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 3.0]},
    )
    shading: float = Field(
        Microscope.shading,
        ge=0,
        le=1,
        title="shading",
        description="Share of the light that is missing in the darkest corner of the field.",
    )
    signal: float = Field(
        Microscope.signal,
        ge=0,
        le=60000,
        title="signal",
        description="Grey levels of a structure of brightness 1 above the background. Less "
        "makes the noise stronger against it.",
        json_schema_extra={"unit": "grey levels", "slider": [0.0, 10000.0]},
    )
    background: float = Field(
        Microscope.background,
        ge=0,
        le=60000,
        title="background",
        description="Grey levels of the light that comes from everywhere.",
        json_schema_extra={"unit": "grey levels", "slider": [0.0, 1000.0]},
    )
    offset: float = Field(
        Microscope.offset,
        ge=0,
        le=60000,
        title="offset",
        description="Grey level of the camera without any light.",
        json_schema_extra={"unit": "grey levels", "slider": [0.0, 1000.0]},
    )
    read_noise: float = Field(
        Microscope.read_noise,
        ge=0,
        le=5000,
        title="read noise",
        description="Standard deviation of the camera's noise without any light.",
        json_schema_extra={"unit": "grey levels", "slider": [0.0, 100.0]},
    )
    gain: float = Field(
        Microscope.gain,
        gt=0,
        le=1000,
        title="gain",
        description="Photo-electrons per grey level; fewer give more shot noise.",
        json_schema_extra={"unit": "electrons/grey level", "slider": [0.05, 5.0]},
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**32 - 1,
        title="seed",
        description="Another seed draws another specimen of the same kind.",
    )

    def specimen(self, shape: Sequence[int], spacing: Sequence[float]) -> Specimen:
        """The specimen of this shape, (y, x) or (z, y, x), and voxel size in micrometres.

        Objects are drawn now, voxels are computed when they are indexed.

        Raises
        ------
        ValueError
            If shape and spacing do not fit, or there would be millions of objects.
        """
        return exhaust(self.drawing(shape, spacing))

    @abstractmethod
    def drawing(self, shape: Sequence[int], spacing: Sequence[float]) -> Drawing:
        """As :meth:`specimen`, and yield (objects placed so far, all objects)."""

    @classmethod
    def like(
        cls,
        labels: npt.ArrayLike,
        spacing: Sequence[float],
        image: npt.ArrayLike | None = None,
    ) -> Self:
        """The specimen whose statistics are those of a label image, and of its image if given.

        Parameters
        ----------
        labels : array_like of int, shape (Y, X) or (Z, Y, X)
            0 is background.
        spacing : sequence of float
            Voxel size in micrometres.
        image : array_like, optional
            From it brightness, its variation, texture, background and noise are taken. The
            texture is that seen through the microscope, which has blurred it.

        Raises
        ------
        TypeError, ValueError
            If labels are not integers, there are none, or the shapes do not fit.
        """
        return exhaust(cls.matching(labels, spacing, image)).model

    @classmethod
    @abstractmethod
    def matching(
        cls,
        labels: npt.ArrayLike,
        spacing: Sequence[float],
        image: npt.ArrayLike | None = None,
    ) -> Generator[tuple[int, int], None, Matched[Self]]:
        """As :meth:`like` with what was measured, and yield (trials made so far, all trials)."""

    def _microscope(self) -> Microscope:
        names = Microscope.__dataclass_fields__
        return Microscope(**{name: getattr(self, name) for name in names})


def part_of(shape: Sequence[int]) -> tuple[int, ...]:
    """A field of at most ``TRIED`` voxels with the same proportions."""
    share = min(1.0, (TRIED / math.prod(shape)) ** (1.0 / len(shape)))
    return tuple(max(1, round(n * share)) for n in shape)


def bounded(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    """Measured values, moved to what the fields accept."""
    out = {}
    for name, value in values.items():
        low, high = bounds_of(model.model_fields[name], _SMALLEST)
        out[name] = value if isinstance(value, bool) else min(max(value, low), high)
    return out

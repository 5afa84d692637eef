"""Synthetic specimens as data: nuclei and membranes, with all that is known of their parameters.

A model is the whole recipe of a specimen; of what shape and voxel size it shall
be is said when it is made::

    nuclei = SyntheticNuclei(density=1.5, axis_ratio=1.6, seed=3)
    specimen = nuclei.specimen((64, 512, 512), (0.5, 0.2, 0.2))
    specimen.image[32]  # computed when it is looked at
    specimen.labels[32]

Ellipses as stand-ins for nuclei are those of Boehland et al., as Utz et al. (2023,
arXiv:2308.01769) use them; distributions, fit and rendering are ours.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Sequence
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.blocks import exhaust
from ..core.specimens.field import check_field
from ..core.specimens.fitting import fitting
from ..core.specimens.membranes import Cells, drawing_seeds
from ..core.specimens.microscope import Microscope, Texture
from ..core.specimens.morphometry import measure, measure_image
from ..core.specimens.nuclei import Nuclei
from ..core.specimens.population import Population
from ..model import Model, bounds_of
from .specimen import Specimen

_TRIED = 1 << 22  # voxels that a fit makes to see what the microscope takes

#: Work that yields (pieces done, pieces).
Drawing: TypeAlias = Generator[tuple[int, int], None, Specimen]


class _Seen(Model):
    """The microscope, the seed, and what is made of them: what all synthetic specimens share."""

    grain: float = Field(
        1.2,
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

        Objects are drawn now; voxels when they are looked at.

        Raises
        ------
        ValueError
            If shape and spacing do not fit, or there would be millions of objects.
        """
        return exhaust(self.drawing(shape, spacing))

    @abstractmethod
    def drawing(self, shape: Sequence[int], spacing: Sequence[float]) -> Drawing:
        """As :meth:`specimen`, and yield how many of how many objects have been placed."""

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
            If labels are no integers, there are none, or the shapes do not fit.
        """
        return exhaust(cls.matching(labels, spacing, image))

    @classmethod
    @abstractmethod
    def matching(
        cls,
        labels: npt.ArrayLike,
        spacing: Sequence[float],
        image: npt.ArrayLike | None = None,
    ) -> Generator[tuple[int, int], None, Self]:
        """As :meth:`like`, and yield how many of how many trials have been made."""

    def _microscope(self) -> Microscope:
        names = Microscope.__dataclass_fields__
        return Microscope(**{name: getattr(self, name) for name in names})


class _NucleiPopulation(Model):
    """The objects; declared apart, so that they come before the microscope in a form."""

    kind: Literal["nuclei"] = "nuclei"
    diameter: float = Field(
        Population.diameter,
        gt=0,
        le=1000,
        title="diameter",
        description="Mean diameter of the nuclei: that of a sphere of the same volume, in 2D of "
        "a disc of the same area.",
        json_schema_extra={"unit": "µm", "slider": [2.0, 20.0]},
    )
    diameter_variation: float = Field(
        Population.diameter_variation,
        ge=0,
        le=0.8,
        title="variation of diameter",
        description="Coefficient of variation of the diameters, which are log-normal: standard "
        "deviation / mean.",
        json_schema_extra={"slider": [0.0, 0.5]},
    )
    axis_ratio: float = Field(
        Population.axis_ratio,
        ge=1,
        le=10,
        title="axis ratio",
        description="Mean of longest / shortest axis; 1 is round.",
        json_schema_extra={"slider": [1.0, 4.0]},
    )
    axis_ratio_spread: float = Field(
        Population.axis_ratio_spread,
        ge=0,
        le=5,
        title="spread of axis ratio",
        description="Standard deviation of the axis ratio; without effect at axis ratio 1.",
        json_schema_extra={"slider": [0.0, 1.0]},
    )
    density: float = Field(
        Population.density,
        ge=0,
        le=10000,
        title="density",
        description="Nuclei per 1000 µm³, in 2D per 1000 µm². Where there is no room for all, "
        "there are fewer.",
        json_schema_extra={"unit": "per 1000 µm³ (2D: µm²)", "slider": [0.0, 10.0]},
    )
    overlap: float = Field(
        Population.overlap,
        ge=0,
        le=0.9,
        title="overlap",
        description="How far two nuclei may reach into each other: with axes shorter by this "
        "share they would just touch. 0 keeps all labels apart by a voxel.",
    )
    clustering: float = Field(
        Population.clustering,
        ge=0,
        le=1,
        title="clustering",
        description="Share of the nuclei that lie in clusters of about eight; the others lie "
        "anywhere.",
    )
    flatness: float = Field(
        Population.flatness,
        ge=0,
        le=1,
        title="flatness",
        description="0 for nuclei that point in any direction, 1 for the shortest axis along z, "
        "as of cells on glass; only in 3D.",
    )
    layer: float = Field(
        Population.layer,
        ge=0,
        le=10000,
        title="layer",
        description="Thickness of the layer in the middle of the depth in which the centres lie, "
        "as of a monolayer; 0 for the whole depth. Only in 3D.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 20.0]},
    )
    brightness_variation: float = Field(
        Population.brightness_variation,
        ge=0,
        le=2,
        title="variation of brightness",
        description="Coefficient of variation of the brightness from nucleus to nucleus.",
        json_schema_extra={"slider": [0.0, 1.0]},
    )
    texture: float = Field(
        0.2,
        ge=0,
        le=1,
        title="texture",
        description="Standard deviation of the brightness inside a nucleus, as a share of it, "
        "before the blur.",
    )


class SyntheticNuclei(_Seen, _NucleiPopulation):
    """Fluorescent nuclei: ellipsoids, in 2D ellipses, with instance labels.

    Examples
    --------
    >>> nuclei = SyntheticNuclei(density=4, seed=1).specimen((16, 64, 64), (0.5, 0.25, 0.25))
    >>> nuclei.image[8].shape, bool((nuclei.labels[8] > 0).any())
    ((64, 64), True)
    """

    def population(self) -> Population:
        """How the objects are drawn."""
        names = Population.__dataclass_fields__
        return Population(**{name: getattr(self, name) for name in names})

    def drawing(self, shape: Sequence[int], spacing: Sequence[float]) -> Drawing:
        """As :meth:`specimen`, and yield how many of how many nuclei have been placed."""
        objects = yield from self.population().drawing(shape, spacing, self.seed)
        texture = Texture(self.texture, self.grain)
        drawn = Nuclei(objects, shape, spacing, self.seed, texture, self._microscope())
        note = ""
        if objects.placed < objects.asked:
            found = self.density * objects.placed / objects.asked
            note = (
                f"There was no room for all nuclei: {objects.placed:,} of {objects.asked:,} were "
                f"placed in the field and around it, a density of {found:.3g} instead of "
                f"{self.density:g}. Lower density or diameter, or allow more overlap."
            )
        return Specimen(drawn, len(objects), note)

    @classmethod
    def matching(
        cls,
        labels: npt.ArrayLike,
        spacing: Sequence[float],
        image: npt.ArrayLike | None = None,
    ) -> Generator[tuple[int, int], None, Self]:
        """As :meth:`like`, and yield how many of how many populations have been drawn."""
        found = yield from fitting(labels, spacing, image)
        values = {name: getattr(found, name) for name in Population.__dataclass_fields__}
        if image is not None:
            seen = measure_image(labels, image, spacing)
            values |= {
                "texture": seen.texture,
                "signal": seen.signal,
                "offset": seen.background,
                "background": 0.0,
                "read_noise": seen.noise,
            }
            # shading, rim and blur take light on the way: as much as from a first try
            tried = cls(**_bounded(cls, values)).specimen(_part(np.shape(labels)), spacing)
            if tried.objects:
                lost = measure_image(np.asarray(tried.labels), np.asarray(tried.image), spacing)
                if lost.signal > 0:
                    values["signal"] = seen.signal * seen.signal / lost.signal
        return cls(**_bounded(cls, values))


class _MembraneCells(Model):
    """The cells; declared apart, so that they come before the microscope in a form."""

    kind: Literal["membranes"] = "membranes"
    diameter: float = Field(
        10.0,
        gt=0,
        le=1000,
        title="diameter",
        description="Diameter of a sphere of the mean volume of the cells, in 2D of a disc of "
        "their mean area.",
        json_schema_extra={"unit": "µm", "slider": [3.0, 30.0]},
    )
    regularity: float = Field(
        0.8,
        ge=0,
        le=1,
        title="regularity",
        description="0 for cells of very different size, 1 for cells that are nearly equal.",
    )
    thickness: float = Field(
        0.5,
        gt=0,
        le=20,
        title="thickness",
        description="Full width at half maximum of the membranes, before the blur.",
        json_schema_extra={"unit": "µm", "slider": [0.1, 3.0]},
    )
    apart: bool = Field(
        False,
        title="membranes are background",
        description="Give voxels on a membrane the label 0, so that no two cells touch.",
    )
    inside: float = Field(
        0.08,
        ge=0,
        le=1,
        title="inside",
        description="Brightness inside the cells as a share of that of the membranes.",
        json_schema_extra={"slider": [0.0, 0.5]},
    )
    texture: float = Field(
        0.3,
        ge=0,
        le=1,
        title="texture",
        description="Standard deviation of the brightness along a membrane, as a share of it, "
        "before the blur.",
    )


class SyntheticMembranes(_Seen, _MembraneCells):
    """Cells with stained membranes that fill space: a Voronoi tessellation with instance labels.

    Examples
    --------
    >>> cells = SyntheticMembranes(diameter=6, seed=1).specimen((8, 64, 64), (0.5, 0.25, 0.25))
    >>> cells.image.dtype.name, bool((cells.labels[4] > 0).all())
    ('uint16', True)
    """

    def drawing(self, shape: Sequence[int], spacing: Sequence[float]) -> Drawing:
        """As :meth:`specimen`, and yield how many of how many cells have been placed."""
        check_field(shape, spacing)
        seeds = yield from drawing_seeds(
            shape, spacing, diameter=self.diameter, regularity=self.regularity, seed=self.seed
        )
        drawn = Cells(
            seeds,
            shape,
            spacing,
            self.seed,
            self.thickness,
            self.apart,
            self.inside,
            Texture(self.texture, self.grain),
            self._microscope(),
        )
        extent = np.multiply(shape, spacing)
        middles = seeds[:, -len(extent) :]
        here = ((middles >= 0) & (middles < extent)).all(axis=1)  # others reach in from around
        return Specimen(drawn, int(np.count_nonzero(here)))

    @classmethod
    def matching(
        cls,
        labels: npt.ArrayLike,
        spacing: Sequence[float],
        image: npt.ArrayLike | None = None,
    ) -> Generator[tuple[int, int], None, Self]:
        """As :meth:`like`: the diameter follows from the density, for cells fill space.

        Beside it only whether they touch is taken from the labels.
        """
        yield 0, 1
        found = measure(labels, spacing)
        volume = 1000.0 / found.density if found.density > 0 else math.inf
        ball = 6.0 if len(spacing) == 3 else 4.0
        values: dict[str, Any] = {
            "diameter": (volume * ball / math.pi) ** (1.0 / len(spacing)),
            "apart": found.touching == 0,
        }
        if image is not None:
            given = np.asarray(image)
            if given.shape != np.shape(labels):
                raise ValueError(
                    "image and labels must have one shape; "
                    f"got {given.shape} and {np.shape(labels)}"
                )
            dark, bright = np.percentile(given, (10.0, 99.0))
            values |= {"offset": float(dark), "background": 0.0, "signal": float(bright - dark)}
        return cls(**_bounded(cls, values))


#: A synthetic specimen of either kind.
Synthetic: TypeAlias = SyntheticNuclei | SyntheticMembranes
#: The models by their ``kind``.
KINDS: dict[str, type[SyntheticNuclei] | type[SyntheticMembranes]] = {
    "nuclei": SyntheticNuclei,
    "membranes": SyntheticMembranes,
}


def _part(shape: Sequence[int]) -> tuple[int, ...]:
    """A field of at most so many voxels, of the same proportions."""
    share = min(1.0, (_TRIED / math.prod(shape)) ** (1.0 / len(shape)))
    return tuple(max(1, round(n * share)) for n in shape)


def _bounded(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    """Measured values, moved to what the fields accept."""
    out = {}
    for name, value in values.items():
        low, high = bounds_of(model.model_fields[name])
        out[name] = value if isinstance(value, bool) else min(max(value, low), high)
    return out

"""Synthetic nuclei."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.specimens.fitting import fitting
from ..core.specimens.microscope import Texture
from ..core.specimens.morphometry import measure, measure_image
from ..core.specimens.nuclei import Nuclei
from ..core.specimens.population import Population
from ..model import Model
from .specimen import Specimen
from .specimen_model import Drawing, Matched, SpecimenModel, bounded, part_of


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
        Texture.strength,
        ge=0,
        le=1,
        title="texture",
        description="Standard deviation of the brightness inside a nucleus, as a share of it, "
        "before the blur.",
    )


class SyntheticNuclei(SpecimenModel, _NucleiPopulation):
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
        """As :meth:`specimen`, and yield (nuclei placed so far, all nuclei)."""
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
    ) -> Generator[tuple[int, int], None, Matched[Self]]:
        """As :meth:`like`, and yield (populations drawn so far, all populations)."""
        seen = measure(labels, spacing)
        light = None if image is None else measure_image(labels, image, spacing)
        found = yield from fitting(seen, light, np.shape(labels), spacing)
        values = {name: getattr(found, name) for name in Population.__dataclass_fields__}
        if light is not None:
            values |= {
                "texture": light.texture,
                "signal": light.signal,
                "offset": light.background,
                "background": 0.0,
                "read_noise": light.noise,
            }
            # shading, rim and blur cost light: as much as they cost a first trial
            tried = cls(**bounded(cls, values)).specimen(part_of(np.shape(labels)), spacing)
            if tried.objects:
                lost = measure_image(np.asarray(tried.labels), np.asarray(tried.image), spacing)
                if lost.signal > 0:
                    values["signal"] = light.signal * light.signal / lost.signal
        return Matched(cls(**bounded(cls, values)), seen)

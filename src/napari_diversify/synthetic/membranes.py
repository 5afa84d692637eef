"""Synthetic membranes."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ..core.specimens.field import check_field
from ..core.specimens.membranes import ALONG_MEMBRANES, Cells, drawing_seeds
from ..core.specimens.microscope import Texture
from ..core.specimens.morphometry import measure
from ..model import Model
from .specimen import Specimen
from .specimen_model import Drawing, Matched, SpecimenModel, bounded


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
        Cells.thickness,
        gt=0,
        le=20,
        title="thickness",
        description="Full width at half maximum of the membranes, before the blur.",
        json_schema_extra={"unit": "µm", "slider": [0.1, 3.0]},
    )
    apart: bool = Field(
        Cells.apart,
        title="membranes are background",
        description="Give voxels on a membrane the label 0, so that no two cells touch.",
    )
    inside: float = Field(
        Cells.inside,
        ge=0,
        le=1,
        title="inside",
        description="Brightness inside the cells as a share of that of the membranes.",
        json_schema_extra={"slider": [0.0, 0.5]},
    )
    texture: float = Field(
        ALONG_MEMBRANES.strength,
        ge=0,
        le=1,
        title="texture",
        description="Standard deviation of the brightness along a membrane, as a share of it, "
        "before the blur.",
    )


class SyntheticMembranes(SpecimenModel, _MembraneCells):
    """Cells with stained membranes that fill space: a Voronoi tessellation with instance labels.

    Examples
    --------
    >>> cells = SyntheticMembranes(diameter=6, seed=1).specimen((8, 64, 64), (0.5, 0.25, 0.25))
    >>> cells.image.dtype.name, bool((cells.labels[4] > 0).all())
    ('uint16', True)
    """

    def drawing(self, shape: Sequence[int], spacing: Sequence[float]) -> Drawing:
        """As :meth:`specimen`, and yield (cells placed so far, all cells)."""
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
        here = ((middles >= 0) & (middles < extent)).all(axis=1)  # others reach in from outside
        return Specimen(drawn, int(np.count_nonzero(here)))

    @classmethod
    def matching(
        cls,
        labels: npt.ArrayLike,
        spacing: Sequence[float],
        image: npt.ArrayLike | None = None,
    ) -> Generator[tuple[int, int], None, Matched[Self]]:
        """As :meth:`like`: the diameter follows from the density, as cells fill space.

        Otherwise the labels only decide whether cells touch.
        """
        yield 0, 1
        seen = measure(labels, spacing)
        volume = 1000.0 / seen.density if seen.density > 0 else math.inf
        ball = 6.0 if len(spacing) == 3 else 4.0
        values: dict[str, Any] = {
            "diameter": (volume * ball / math.pi) ** (1.0 / len(spacing)),
            "apart": seen.touching == 0,
        }
        if image is not None:
            given = np.asarray(image)
            if given.shape != np.shape(labels):
                raise ValueError(
                    "image and labels must have the same shape; "
                    f"got {given.shape} and {np.shape(labels)}"
                )
            dark, bright = np.percentile(given, (10.0, 99.0))
            values |= {"offset": float(dark), "background": 0.0, "signal": float(bright - dark)}
        return Matched(cls(**bounded(cls, values)), seen)

"""What steps share that know how tissue degrades an image: its parameters, and depths of planes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ...core.contrast.depth import depth_of_planes
from .step import Step

ScatteringLength: TypeAlias = Annotated[
    float,
    Field(
        gt=0,
        le=10000,
        title="scattering length",
        description="Depth over which the unscattered light falls to 1/e. Calibrate measures it "
        "in a stack whose contrast falls with depth.",
        json_schema_extra={"unit": "µm", "slider": [10.0, 300.0]},
    ),
]
Blur: TypeAlias = Annotated[
    float,
    Field(
        ge=0,
        le=50,
        title="blur",
        description="Standard deviation of the aberration blur at 100 µm of depth; it "
        "grows with the square root of depth.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 5.0]},
    ),
]
Halo: TypeAlias = Annotated[
    float,
    Field(
        ge=0,
        le=10,
        title="halo",
        description="Width of the halo of scattered light, per micrometre of depth.",
        json_schema_extra={"unit": "µm/µm", "slider": [0.0, 1.0]},
    ),
]
Collected: TypeAlias = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="collected",
        description="Share of the scattered light that still reaches the detector. Less means "
        "less haze.",
    ),
]
Absorption: TypeAlias = Annotated[
    float,
    Field(
        ge=0,
        le=1000,
        title="absorption",
        description="How fast light is lost with depth; 0 keeps the mean intensity.",
        json_schema_extra={"unit": "1/mm", "slider": [0.0, 20.0]},
    ),
]
Pedestal: TypeAlias = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="pedestal",
        description="Share of the signal that turns into an even background.",
    ),
]
Offset: TypeAlias = Annotated[
    float,
    Field(
        ge=-1,
        le=1,
        title="offset",
        description="Intensity of no light at all, as a share of the range above its low end.",
        json_schema_extra={"unit": "of range", "slider": [0.0, 0.2]},
    ),
]
Growing: TypeAlias = Annotated[
    bool,
    Field(
        title="grows with depth",
        description="Add to the depth each plane's own depth below the surface plane.",
    ),
]
Surface: TypeAlias = Annotated[
    int,
    Field(
        ge=0,
        title="surface",
        description="Index of the plane where tissue begins; used only if “grows with depth” "
        "is on.",
        json_schema_extra={"unit": "plane"},
    ),
]
Upwards: TypeAlias = Annotated[
    bool,
    Field(
        title="upwards",
        description="Depth grows towards the first plane; used only if “grows with depth” is on.",
    ),
]


class TissueStep(Step):
    """A step with the parameters of this module, and a depth."""

    if TYPE_CHECKING:  # declared by each step, in the order in which its form shows them
        growing: bool
        surface: int
        upwards: bool

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Raise if there is no depth to grow with, or the surface lies outside the stack."""
        if not self.growing:
            return
        if len(shape) < 3:
            raise ValueError(
                "contrast that grows with depth needs volumes (z, y, x); these are 2D images. "
                "Switch “grows with depth” off"
            )
        if self.surface >= shape[0]:
            raise ValueError(
                f"surface must be a plane of the image, 0 to {shape[0] - 1}; got {self.surface}"
            )

    def depths(
        self, depth: float, planes: int, spacing: Sequence[float]
    ) -> npt.NDArray[np.float64]:
        """The depth of each plane, in the unit of ``spacing``."""
        return depth_of_planes(
            planes,
            spacing[0],
            depth,
            growing=self.growing,
            surface=self.surface,
            upwards=self.upwards,
        )

    def is_deep(self, depth: float, shape: Sequence[int] | None) -> bool:
        """Whether any plane has a depth; without a shape, of a volume without end."""
        planes = math.inf if shape is None else shape[0] if len(shape) == 3 else 1
        below = self.surface if self.upwards else planes - 1 - self.surface
        return depth > 0 or (self.growing and below > 0)

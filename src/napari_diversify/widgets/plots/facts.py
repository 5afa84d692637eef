"""What plots are told: the plane in view, the weights that are set, or any fact like them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.diversification.psnr_model import PsnrModel
from ...recipe import LazyVolume


class Fact:
    """Something that plots depend on: one class for each kind of fact.

    Attributes
    ----------
    missing : str
        The sentence in place of the curves while there is no such fact.
    """

    missing: ClassVar[str] = "There is nothing to plot."

    def same(self, other: Any) -> bool:
        """Whether nothing differs that a plot could show."""
        return self is other


@dataclass(frozen=True, eq=False)
class View(Fact):
    """What is in view: an array, an index into it, and what that is called."""

    missing = "Nothing is live: there is no image to plot."

    array: LazyVolume
    index: tuple[Any, ...]
    name: str
    edition: object  # of the source, when it was looked at

    @property
    def lead(self) -> tuple[Any, ...]:
        """Which volume of a time series or of channels it is part of."""
        return self.index[: -self.array.spatial_ndim]

    def same(self, other: View) -> bool:
        """Whether it is the same plane under the same settings."""
        return self.array.same_as(other.array) and self.index == other.index

    def same_volume(self, other: View) -> bool:
        """Whether it is part of the same volume under the same settings."""
        return self.array.same_as(other.array) and self.lead == other.lead

    def same_source(self, other: View) -> bool:
        """Whether it is part of the same volume, whatever the settings."""
        return (self.edition, self.array.intensity_range, self.lead) == (
            *(other.edition, other.array.intensity_range, other.lead),
        )


@dataclass(frozen=True, eq=False)
class Expected(Fact):
    """What is expected at any weights, and which weights are set."""

    missing = "The image has not been measured yet."

    model: PsnrModel
    w_i: float
    w_v: float

    def same(self, other: Expected) -> bool:
        """Whether the same is expected at the same weights."""
        return self.same_curves(other) and self.w_v == other.w_v

    def same_curves(self, other: Expected) -> bool:
        """Whether the same is expected at each weight of the noise."""
        return self.model is other.model and self.w_i == other.w_i

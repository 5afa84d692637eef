"""Contrast that tissue has taken, given back by a network that has learned how it is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..recipe.steps.step import PROCESSING, ExtraView, Place
from .card import Card, Task
from .folder import load
from .needs import torch
from .step import LearnedStep, ModelName
from .tiles import Tile, Unit


class RestoreLearned(LearnedStep):
    """A network applied again and again, after DeepContrast (Martins et al. 2023); ours.

    It was trained on the image itself, degraded once more by :class:`.DegradeContrast`, and is
    applied to the image as it is, which it has not seen: the first iteration undoes about as much
    as the training had added. Contrast rises with every iteration, and detail is lost.

    Examples
    --------
    >>> RestoreLearned().iterations
    1
    """

    title: ClassVar[str] = "Restore contrast (learned)"
    layer: ClassVar[str] = "restored by a model"
    rank: ClassVar[int] = PROCESSING - 4
    stream: ClassVar[int] = 4
    panel: ClassVar[str] = "napari_diversify.widgets.learned.model_panel:RestorePanel"
    task: ClassVar[Task] = "restore"
    views: ClassVar[tuple[ExtraView, ...]] = (
        ExtraView(
            "removed",
            "changed by the model",
            "show what it changes",
            "Show the image minus the restored one, at ±3 standard deviations, in a layer of its "
            "own: does it change what you expect it to?",
        ),
    )

    kind: Literal["restore_learned"] = "restore_learned"
    model: ModelName = ""
    iterations: int = Field(
        1,
        ge=0,
        le=5,
        title="iterations",
        description="How often the model is applied, each time to its last result. Contrast rises "
        "with each, and detail falls. 0 changes nothing.",
        json_schema_extra={"slider": [0, 5]},
    )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Never."""
        return False

    @property
    def passes(self) -> int:
        """The iterations."""
        return self.iterations

    @property
    def iterations_compared(self) -> tuple[int, ...]:
        """All that there can be."""
        return tuple(range(6))

    def doubts(
        self, shape: Sequence[int], spacing: Sequence[float] | None, levels: tuple[float, float]
    ) -> tuple[str, ...]:
        """What differs from the images of the training, and more than one iteration."""
        doubts = super().doubts(shape, spacing, levels)
        if self.iterations > 1:
            doubts += (
                f"the model is applied {self.iterations} times: from the second time on it works "
                "on images unlike those of its training, and what it adds need not be there",
            )
        return doubts

    def predict(self, place: Place, card: Card, tile: Tile, values: Unit) -> Unit:
        """The plane in the middle, restored once."""
        package, network, halo = torch(), load(self.model), card.shape.halo
        with package.inference_mode():
            given = package.from_numpy(values[None]).to(memory_format=package.channels_last)
            result: Unit = network(given)[0, 0, halo:-halo, halo:-halo].numpy()
        return result

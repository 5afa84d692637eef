"""What steps share that compute with a trained network: the model, and tiles."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field

from ..core.blocks import Region
from ..recipe.steps.step import Place, Step
from .card import Card, Task
from .folder import find, reference, split
from .needs import check_installed
from .tiles import Tile, Unit, assembled, block, covering, each, needed, region_of


def _named(model: Any) -> Any:
    """A model as a recipe names it, from the path of its folder."""
    text = os.fspath(model) if isinstance(model, os.PathLike) else model
    if not isinstance(text, str):
        raise ValueError(f"a model is given by the path of its folder; got {model!r}")
    if not text or (split(text)[1] and not os.path.isdir(text)):
        return text
    try:
        return reference(text)
    except OSError as error:
        raise ValueError(str(error)) from None


ModelName: TypeAlias = Annotated[
    str,
    BeforeValidator(_named),
    Field(
        max_length=4096,
        title="model",
        description="The folder of a trained model, and the beginning of its hash.",
    ),
]


class _Missing(Exception):
    """A tile is not in the cache."""


class LearnedStep(Step):
    """A step that computes with a trained network, in tiles of a fixed grid.

    Results are equal to the last bit with the same versions of PyTorch on the same kind of
    processor, and elsewhere up to rounding.
    """

    #: What its model was trained for.
    task: ClassVar[Task]
    extra: ClassVar[str] = "torch"

    model: ModelName = ""

    @property
    def card(self) -> Card:
        """The card of its model.

        Raises
        ------
        OSError, ValueError
            If no model is chosen, or it cannot be used.
        """
        if not self.model:
            raise ValueError(
                f"“{self.title}” needs a trained model: choose one, or train one first"
            )
        folder, card = find(self.model)
        if card.task != self.task:
            raise ValueError(
                f"the model {folder} was trained to {card.task}; “{self.title}” needs one trained "
                f"to {self.task}"
            )
        return card

    @property
    def passes(self) -> int:
        """How often the network is applied, each time to the last result."""
        return 1

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Raise if the model or the packages that it needs are missing."""
        if not self.passes:
            return
        check_installed()
        card = self.card
        if card.shape.context and len(shape) < 3:
            raise ValueError(
                f"the model {find(self.model)[0]} looks at neighbouring planes and needs volumes "
                "(z, y, x); these are 2D images"
            )

    def doubts(
        self, shape: Sequence[int], spacing: Sequence[float] | None, levels: tuple[float, float]
    ) -> tuple[str, ...]:
        """What in these images differs from those that the model was trained on."""
        return self.card.doubts(spacing, levels) if self.passes else ()

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """The tiles that ``region`` lies in, with all that they depend on."""
        card = self.card if self.passes else None
        for _ in range(self.passes):
            assert card is not None
            tiles = covering(region, card.tile)
            region = needed(tiles, card.tile, card.shape.halo, card.shape.context, shape)
        return region

    @abstractmethod
    def predict(self, place: Place, card: Card, tile: Tile, values: Unit) -> Unit:
        """A tile, (tile, tile), of the result, from what it depends on.

        ``values`` are (1 + 2 context, tile + 2 halo, tile + 2 halo), normalised as the card says.
        """

    def key(self, place: Place, done: int) -> tuple[Any, ...]:
        """What a tile depends on after ``done`` passes, beside the source."""
        return self.model, done

    def compute(self, place: Place) -> Unit:
        """The result at ``place``."""
        if not self.passes:
            return place.source(place.region)
        card = self.card
        side, around = card.tile, (card.shape.halo, card.shape.context)
        region, last = place.region, self.passes
        # going back from the result: what is not at hand of each pass
        tiles: list[dict[Tile, Unit]] = [{} for _ in range(last + 1)]
        missing: list[list[Tile]] = [[] for _ in range(last + 1)]
        for done in range(last, 0, -1):
            for tile in covering(region, side):
                try:
                    tiles[done][tile] = self._kept(place, card, tile, done, _raise)
                except _Missing:
                    missing[done].append(tile)
            if not missing[done]:
                break
            region = needed(missing[done], side, *around, place.shape)
        for done in range(1, last + 1):
            before = tiles[done - 1]

            def source(region: Region, done: int = done, before: Any = before) -> Unit:
                return assembled(region, before, side) if done > 1 else place.source(region)

            def tile_of(tile: Tile, done: int = done, source: Any = source) -> Unit:
                values = block(tile, side, *around, place.shape, source)
                result = self._predicted(place, card, tile, values)
                return self._kept(place, card, tile, done, lambda: result)

            tiles[done].update(each(missing[done], tile_of))
            before.clear()
        return assembled(place.region, tiles[last], side)

    def _kept(self, place: Place, card: Card, tile: Tile, done: int, compute: Any) -> Unit:
        where = region_of(tile, card.tile, place.shape)
        return place.remember(("tile", *self.key(place, done)), compute, where)

    def _predicted(self, place: Place, card: Card, tile: Tile, values: Unit) -> Unit:
        low, high = place.levels
        scale = np.float32((high - low) / card.normalisation.std)
        shift = np.float32((low - card.normalisation.mean) / card.normalisation.std)
        result = self.predict(place, card, tile, values * scale + shift)
        if not np.isfinite(result).all() and np.isfinite(values).all():
            raise ValueError(
                f"the model {find(self.model)[0]} gives no finite numbers on this image. Are its "
                "grey levels like those of the training?"
            )
        return (result - shift) / scale


def _raise() -> Unit:
    raise _Missing

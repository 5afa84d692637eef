"""Denoising by a VAE that can say what else the image might have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from ..core.blocks import Region, reflected
from ..core.noise import normal_region
from ..recipe.steps.step import PROCESSING, ExtraView, Place
from .card import Card, Task, VaeShape
from .folder import load
from .needs import torch
from .posterior import mode, moments
from .step import LearnedStep, ModelName
from .tiles import Tile, Unit, region_of

Show: TypeAlias = Literal["mean", "sample", "spread", "mode"]

#: Latents around a tile that a decoded tile depends on.
_REACH = 4
#: Pixels around a tile that the mode depends on beside it; a multiple of 4.
_AROUND = 12


class Denoise(LearnedStep):
    """One of the images that the noisy one may stand for, or what they have in common.

    After DivNoising (Prakash, Krull, Jug, ICLR 2021). The latents of sample n come from the noise
    field of the recipe's seed and of sample n, by position: the same sample is the same in the
    viewer, in a file and in a tile of it.

    Examples
    --------
    >>> Denoise().show
    'mean'
    """

    title: ClassVar[str] = "Denoise (learned)"
    layer: ClassVar[str] = "denoised"
    rank: ClassVar[int] = PROCESSING - 6
    stream: ClassVar[int] = 5
    panel: ClassVar[str] = "napari_diversify.widgets.learned.model_panel:DenoisePanel"
    task: ClassVar[Task] = "denoise"
    views: ClassVar[tuple[ExtraView, ...]] = (
        ExtraView(
            "removed",
            "removed as noise",
            "show what it removes",
            "Show the image minus the denoised one, at ±3 standard deviations, in a layer of its "
            "own: is there any structure in it?",
        ),
    )

    kind: Literal["denoise"] = "denoise"
    model: ModelName = ""
    show: Show = Field(
        "mean",
        title="show",
        description="mean: of the samples, the best estimate. sample: one of them, by the number "
        "of the sample; sharper, and its detail is partly random. spread: their standard "
        "deviation, in grey levels. mode: the most frequent of them, by surroundings of 5 x 5 "
        "pixels.",
    )
    draws: int = Field(
        8,
        ge=2,
        le=1000,
        title="draws",
        description="How many samples mean, spread and mode are made of: samples 0, 1, 2 and so "
        "on. 50 are enough for files; fewer are shown sooner.",
        json_schema_extra={"unit": "samples", "slider": [2, 100]},
    )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """If it shows a sample."""
        return self.show == "sample"

    def key(self, place: Place, done: int) -> tuple[Any, ...]:
        """The seed; for a sample its number, for all else how many are drawn."""
        which = place.sample if self.show == "sample" else self.draws
        return self.model, self.show, place.seed, which

    def predict(self, place: Place, card: Card, tile: Tile, values: Unit) -> Unit:
        """What is shown of the samples."""
        if self.show == "sample":
            return self._sample(place, card, tile, values, place.sample, 0)
        around = _AROUND if self.show == "mode" else 0
        samples = (self._sample(place, card, tile, values, n, around) for n in range(self.draws))
        if self.show == "mode":
            return mode(np.stack(list(samples)))[around:-around, around:-around]
        mean, spread = moments(samples)
        if self.show == "mean":
            return mean
        # as a grey level it is to be the spread itself, not the spread above a mean
        return spread - np.float32(card.normalisation.mean / card.normalisation.std)

    def _sample(
        self, place: Place, card: Card, tile: Tile, values: Unit, number: int, around: int
    ) -> Unit:
        """Tile of one sample, with so many pixels around it."""
        where = region_of(tile, card.tile, place.shape)

        def decoded() -> Unit:
            mean, deviation = place.remember(
                ("latents", self.model), lambda: self._encoded(values), where
            )
            margin = _REACH + around // 4
            skipped = card.shape.halo // 4 - margin
            part = (slice(None),) + 2 * (slice(skipped, mean.shape[-1] - skipped),)
            noise = _noise(place, tile, card, margin, number)
            return self._decoded(mean[part] + deviation[part] * noise, 4 * _REACH)

        return place.remember(("sample", self.model, place.seed, number, around), decoded, where)

    def _encoded(self, values: Unit) -> tuple[Unit, Unit]:
        """Mean and standard deviation of the latents, (latents, rows, columns)."""
        package, network = torch(), load(self.model)
        with package.inference_mode():
            given = package.from_numpy(values[None]).to(memory_format=package.channels_last)
            mean, log_variance = network.encode(given)
            # 20: a variance that overflows would make everything infinite
            deviation = package.exp(log_variance.clamp(max=20) / 2)
        return mean[0].contiguous().numpy(), deviation[0].contiguous().numpy()

    def _decoded(self, latents: Unit, margin: int) -> Unit:
        package, network = torch(), load(self.model)
        with package.inference_mode():
            given = package.from_numpy(latents[None]).to(memory_format=package.channels_last)
            image: Unit = network.decode(given)[0, 0, margin:-margin, margin:-margin].numpy()
        return image


def _noise(place: Place, tile: Tile, card: Card, margin: int, sample: int) -> Unit:
    """Standard-normal noise of the latents of a tile with a margin, by their position."""
    rows, columns = (-(-n // 4) for n in place.shape[-2:])
    assert isinstance(card.shape, VaeShape)
    latents, side = card.shape.latents, card.tile // 4
    planes = place.shape[:-2]
    shape = (*place.array_shape[: len(place.lead)], *planes, latents, rows, columns)
    lead = (*place.lead, *tile[: len(planes)])
    across = [
        reflected(range(n * side, (n + 1) * side), margin, length)[0]
        for n, length in zip(tile[1:], (rows, columns), strict=True)
    ]
    within = tuple(range(int(a.min()), int(a.max()) + 1) for a in across)
    region: Region = (*(range(i, i + 1) for i in lead), range(latents), *within)
    drawn = normal_region(shape, region, place.seed, sample, place.stream)
    drawn = drawn.reshape(drawn.shape[len(lead) :])
    y, x = (a - w.start for a, w in zip(across, within, strict=True))
    return drawn[:, y[:, None], x]

"""A study: which segmenters are tried on what, as data that can be kept and run again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field, model_validator

from ..model import Model, bounds_of, extra_of
from ..recipe import LowPass, Recipe
from ..recipe.recipe import migrated
from ..recipe.sampling import Sampling, place_of
from .segmenters import AnySegmenter

#: Figures that a study can be judged by: those that objects can be resampled for.
Score: TypeAlias = Literal[
    "ap50", "ap60", "ap70", "ap80", "ap90", "ap", "pq", "f1", "precision", "recall", "seg"
]


def evenly(first: float, last: float, count: int) -> tuple[float, ...]:
    """So many levels from the first to the last.

    Examples
    --------
    >>> evenly(1, 0.5, 3)
    (1.0, 0.75, 0.5)
    """
    n = count - 1
    return tuple(round((first * (n - k) + last * k) / n, 9) for k in range(count))


@dataclass(frozen=True)
class Curve:
    """One line of a plot: a segmenter, with or without a low-pass before it."""

    number: int
    segmenter: AnySegmenter
    cutoff: float | None

    @property
    def name(self) -> str:
        """What it is called in tables and plots."""
        name = self.segmenter.name
        return name if self.cutoff is None else f"{name} after low-pass {self.cutoff:g}"


class Study(Model):
    """Segmenters, a recipe, one axis along which its samples get worse, and how many of them.

    Parameters
    ----------
    recipe : Recipe
        What is done to the images. Its seed decides all noise.
    psnr : tuple of float, optional
        Target PSNRs in decibel, falling: the axis. The noise weight of the recipe's only
        diversify step is solved for each image and level.
    parameter : str, optional
        Instead of PSNRs, the parameter that is varied: ``"w_v"``, ``"contrast.extra_depth"``, ...
    values : tuple of float, optional
        Its values, from the mildest on, rising or falling.
    draws : int or "auto", optional
        Samples of each level that differ in noise alone. "auto": 4, and more, up to 16, where
        the error that they leave is above half of that from the number of objects.
    segmenters : tuple of segmenters
    prefilter : float, optional
        Cutoff of a low-pass, in units of the Nyquist frequency: every segmenter is tried on the
        low-passed samples as well.
    score : str, optional
        The figure that conclusions are drawn from.

    Raises
    ------
    ValueError
        With a sentence for each parameter that is not valid.

    Examples
    --------
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> from napari_diversify.robustness.segmenters import LoG, Otsu
    >>> from napari_diversify.robustness.study import Study
    >>> study = Study(recipe=Recipe(steps=(Diversify(),)), psnr=(30, 20, 10),
    ...               segmenters=(Otsu(), LoG()), prefilter=0.25)
    >>> [curve.name for curve in study.curves][:2]
    ['otsu', 'otsu after low-pass 0.25']
    >>> study == Study.from_json(study.to_json())
    True
    """

    VERSION: ClassVar[int] = 1
    #: Samples per level with draws "auto": at first, and at most.
    FEW: ClassVar[int] = 4
    MANY: ClassVar[int] = 16

    schema_version: Literal[1] = 1
    recipe: Recipe
    psnr: tuple[float, ...] = Field(
        (),
        title="PSNR levels",
        description="Target PSNRs, falling; w_v is solved for each.",
        json_schema_extra={"unit": "dB"},
    )
    parameter: str = Field(
        "", title="parameter", description="The parameter that is varied instead of the PSNR."
    )
    values: tuple[float, ...] = Field(
        (), title="values", description="Its values, from the mildest on."
    )
    draws: int | Literal["auto"] = Field(
        "auto",
        title="draws",
        description="Samples of each level. auto: until noise adds little to the error from the "
        "number of objects.",
    )
    segmenters: tuple[AnySegmenter, ...] = Field(min_length=1)
    prefilter: float | None = Field(
        None,
        gt=0,
        le=2,
        title="low-pass before it",
        description="Try every segmenter on low-passed samples, too: the cheapest remedy there is.",
        json_schema_extra={"unit": "Nyquist", "slider": [0.02, 1.0]},
    )
    score: Score = Field(
        "ap50", title="score", description="The figure that conclusions are drawn from."
    )

    @model_validator(mode="before")
    @classmethod
    def _recipe_of_an_older_version(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("recipe"), dict):
            return {**values, "recipe": migrated(values["recipe"])}
        return values

    @model_validator(mode="after")
    def _can_be_run(self) -> Study:
        if bool(self.psnr) == bool(self.parameter):
            raise ValueError("a study has one axis: PSNR levels, or a parameter with its values")
        levels = self.levels
        if len(levels) < 2:
            raise ValueError(f"a curve needs two levels or more; got {len(levels)}")
        steps = [b - a for a, b in pairwise(levels)]
        if not (all(s < 0 for s in steps) or (not self.psnr and all(s > 0 for s in steps))):
            raise ValueError(
                "PSNR levels must fall, as images get worse"
                if self.psnr
                else f"the values of {self.parameter} must rise or fall all the way, from the "
                "mildest on"
            )
        if isinstance(self.draws, int) and not 1 <= self.draws <= 1000:
            raise ValueError(f"draws must be from 1 to 1000, or 'auto'; got {self.draws}")
        names = [segmenter.name for segmenter in self.segmenters]
        if len(set(names)) < len(names):
            raise ValueError(f"a segmenter is given twice: {', '.join(names)}")
        for level in levels:
            self.sampling(level)  # which says what is wrong with it
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """Where on the axis, from the mildest on."""
        return self.psnr or self.values

    @property
    def axis(self) -> tuple[str, str]:
        """Name and unit of the axis."""
        if self.psnr:
            return "PSNR", "dB"
        number, name = place_of(self.recipe, self.parameter)
        field = type(self.recipe.steps[number]).model_fields[name]
        return str(field.title or name), str(extra_of(field).get("unit", ""))

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """All that is drawn: each segmenter, and each behind the low-pass."""
        cutoffs = [None] if self.prefilter is None else [None, self.prefilter]
        pairs = [(segmenter, cutoff) for segmenter in self.segmenters for cutoff in cutoffs]
        return tuple(Curve(n, *pair) for n, pair in enumerate(pairs))

    def sampling(self, level: float) -> Sampling:
        """What settles the recipe of a level for an image.

        Raises
        ------
        ValueError
            If the recipe cannot have this level.
        """
        if self.psnr:
            return Sampling(recipe=self.recipe, psnr=(level,))
        number, name = place_of(self.recipe, self.parameter)
        step = self.recipe.steps[number]
        field = type(step).model_fields[name]
        low, high = bounds_of(field)
        if not low <= level <= high:
            raise ValueError(f"{self.parameter} can be from {low:g} to {high:g}; got {level:g}")
        value = round(level) if field.annotation is int else level
        return Sampling(recipe=self.recipe.with_step(number, step.replace(**{name: value})))

    def filtered(self, recipe: Recipe, curve: Curve) -> Recipe:
        """The recipe of a sample as a curve needs it: with its low-pass at the end."""
        if curve.cutoff is None:
            return recipe
        whole: Recipe = recipe.replace(steps=(*recipe.steps, LowPass(cutoff=curve.cutoff)))
        return whole

    def draws_of(self, level: int, shape: Sequence[int]) -> int | None:
        """How many samples a level has: one where none draws noise; None if that is still open.

        Level 0 is the image as it is.
        """
        if level == 0:
            return 1
        recipe = self.sampling(self.levels[level - 1]).recipe
        noisy = bool(self.psnr) or any(step.draws_noise(shape) for step in recipe.steps)
        if not noisy:
            return 1
        return None if self.draws == "auto" else self.draws

    def to_json(self) -> str:
        """The study as JSON text."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Study:
        """Read a study from JSON text. No code that it names is run.

        Raises
        ------
        ValueError
            If the text is not a study, or one of a newer version.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"this is not a study: the text is not JSON ({error})") from None
        if not isinstance(values, dict) or "segmenters" not in values:
            raise ValueError("this is not a study: it names no segmenters")
        version = values.get("schema_version")
        if isinstance(version, int) and version > cls.VERSION:
            raise ValueError(
                f"this study has version {version}, but this program reads versions up to "
                f"{cls.VERSION}. Update napari-diversify to use it"
            )
        return cls(**values)

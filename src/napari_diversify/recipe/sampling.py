"""How one recipe turns into many: ranges of its parameters, or a series of target PSNRs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator

from ..core.diversification.psnr_model import PsnrModel
from ..core.draws import evenly, truncated_normal, uniform
from ..core.noise import SAMPLES, sample_after, seed_for, uniform_numbers
from ..model import Model
from .recipe import Recipe
from .training import fresh_sample

Strategy: TypeAlias = Literal["random", "structured", "single_aug", "grid"]

#: Where a parameter stands in a recipe: number of the step, name of the field.
_Place: TypeAlias = tuple[int, str]

#: Values of a parameter in a grid whose number is not given.
_GRID = 3


class Range(Model):
    """The range in which a parameter varies."""

    low: float
    high: float
    count: int | None = Field(
        None, ge=1, le=10_000, description="Number of values, both ends included; grid only."
    )

    @model_validator(mode="after")
    def _ascends(self) -> Range:
        if not self.low <= self.high:
            raise ValueError(f"a range goes from low to high; got {self.low:g} to {self.high:g}")
        return self


class Sampling(Model):
    """Many recipes from one: each sample has its own noise, and values drawn for it.

    Parameters
    ----------
    recipe : Recipe
        What all samples have in common. Sample n has the number
        ``recipe.sample + n``.
    samples : int, optional
        How many to make; of a grid or a PSNR series, how many of each setting.
    strategy : {"random", "structured", "single_aug", "grid"}, optional
        ``random``: every parameter uniform in its range and independent.
        ``structured``: evenly spaced from end to end, together; w_i falls while
        all others rise. ``single_aug``: normally distributed around the value
        in the recipe, truncated to the range, its standard deviation a third of
        the longer side. ``grid``: every combination of evenly spaced values.
    ranges : dict of str to Range or (low, high[, count]), optional
        By name of the parameter: ``"w_v"``, or ``"contrast.halo"``, or, where
        two steps are of one kind, ``"1.cutoff"`` with the number of the step.
        Whole numbers are rounded.
    psnr : tuple of float, optional
        Target PSNRs in decibel, each met by w_v of the recipe's only
        :class:`Diversify` step.

    Raises
    ------
    ValueError
        With a sentence on what cannot be drawn.

    Notes
    -----
    What is drawn for a sample depends on seed and number alone, not on how many
    are made (except for ``structured``, whose spacing does).

    References
    ----------
    .. [1] D. Eschweiler, J. Schock, J. Stegmaier, "Image diversification",
       SASHIMI workshop at MICCAI (2022): random, structured and singleAug for
       w_i and w_v. Grid, and the strategies on other parameters, are ours.

    Examples
    --------
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify, Sampling
    >>> recipe = Recipe(steps=(Diversify(),), seed=1)
    >>> sampling = Sampling(recipe=recipe, samples=3, strategy="structured",
    ...                     ranges={"w_i": (0.2, 1.8), "w_v": (0, 8)})
    >>> [sampling.drawn(n) for n in range(3)] == [
    ...     {"diversify.w_i": 1.8, "diversify.w_v": 0.0},
    ...     {"diversify.w_i": 1.0, "diversify.w_v": 4.0},
    ...     {"diversify.w_i": 0.2, "diversify.w_v": 8.0}]
    True
    """

    recipe: Recipe
    samples: int = Field(
        1,
        ge=1,
        le=10_000_000,
        title="samples",
        description="How many to make; of a grid or a PSNR series, how many of each setting.",
    )
    strategy: Strategy = Field(
        "random",
        title="strategy",
        description="random: each value uniform in its range. structured: from end to end, the "
        "signal falling while the noise rises. single_aug: around the value in the recipe. "
        "grid: every combination.",
    )
    ranges: dict[str, Range] = Field(default_factory=dict)
    psnr: tuple[float, ...] = Field(
        (),
        title="PSNR levels",
        description="Target PSNRs; w_v is solved for each.",
        json_schema_extra={"unit": "dB"},
    )

    def __init__(self, **values: Any) -> None:
        if isinstance(values.get("ranges"), dict):
            values["ranges"] = {k: _as_range(k, v) for k, v in values["ranges"].items()}
        super().__init__(**values)

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Sampling:
        if not self.recipe.steps:
            raise ValueError("the recipe has no steps: there is nothing to make samples of")
        if self.recipe.sample + len(self) > SAMPLES:
            raise ValueError(f"sample numbers end at 2**32 - 1; {len(self)} are too many from here")
        places = list(self._places.values())
        if len(set(places)) < len(places):
            raise ValueError(f"ranges name a parameter twice: {', '.join(self.ranges)}")
        if self.psnr:
            noisy = self.recipe.noisy
            if len(noisy) != 1:
                raise ValueError(
                    f"target PSNRs need a recipe with one diversify step; this has {len(noisy)}"
                )
            weight = self.recipe.steps[noisy[0]].noise_weight
            if (noisy[0], weight) in places:
                raise ValueError(
                    f"{weight} cannot have a range and be solved for target PSNRs as well"
                )
            if self.strategy == "grid" and self.ranges:
                raise ValueError("give either a grid of ranges or target PSNRs, not both")
        for name, place in self._places.items():
            self._check_range(name, place)
        return self

    def _check_range(self, name: str, place: _Place) -> None:
        r, step = self.ranges[name], self.recipe.steps[place[0]]
        for end in (r.low, r.high):
            try:
                step.replace(**{place[1]: round(end) if self._is_whole(place) else end})
            except ValueError as error:
                raise ValueError(f"the range of {name} goes beyond its bounds: {error}") from None
        if r.count is not None and self.strategy != "grid":
            raise ValueError(
                f"a number of values ({name}: {r.count}) belongs to strategy 'grid'; "
                f"it is {self.strategy!r}"
            )
        own = getattr(self.recipe.steps[place[0]], place[1])
        if self.strategy == "single_aug" and not r.low <= own <= r.high:
            raise ValueError(
                f"single_aug draws around the recipe's {name} = {own:g}, which its range "
                f"{r.low:g} to {r.high:g} leaves out"
            )

    # ---- public ----

    def __len__(self) -> int:
        settings = len(self.psnr) or (math.prod(self._counts) if self.strategy == "grid" else 1)
        return self.samples * settings

    def keyed(self, name: str) -> Sampling:
        """The sampling of one image of several: its noise and drawn values depend on its name."""
        seed = seed_for(self.recipe.seed, name)
        keyed: Sampling = self.replace(recipe=self.recipe.replace(seed=seed))
        return keyed

    def drawn(self, number: int) -> dict[str, float]:
        """Values of sample ``number`` (0 to len - 1) that were drawn, by full name."""
        self._check_number(number)
        values = {_full_name(self.recipe, p): self._value(number, k, p) for k, p in self._sorted()}
        return dict(sorted(values.items()))

    def target(self, number: int) -> float | None:
        """PSNR that sample ``number`` is to have, in decibel; None if there is no target."""
        return self.psnr[number // self.samples] if self.psnr else None

    def recipe_of(self, number: int, model: PsnrModel | None = None) -> Recipe:
        """The recipe of sample ``number``; ``model`` of its image solves for a target PSNR.

        Raises
        ------
        ValueError
            If a target PSNR cannot be reached; the message says which ones can.
        """
        self._check_number(number)
        recipe = self._recipe_at(number)
        target = self.target(number)
        if target is None:
            return recipe
        if model is None:
            raise ValueError("a target PSNR is solved for an image; its PsnrModel is missing")
        return with_psnr(recipe, target, model)

    def sure_to_differ(self, shape: Sequence[int] | None = None) -> bool:
        """Whether no two samples can come out equal, as far as is known without drawing any.

        ``shape`` is the spatial shape of their image, by default long along all three axes.
        """
        varied = {
            place
            for name, place in self._places.items()
            if self.ranges[name].low < self.ranges[name].high
            and self.recipe.steps[place[0]].counts(place[1])
        }
        steps = enumerate(self.recipe.steps)
        fixed = [step for i, step in steps if all(i != k for k, _ in varied)]
        # with whole numbers, and in a grid, the same value may come up twice
        apart = self.strategy != "grid" and any(not self._is_whole(place) for place in varied)
        return bool(self.psnr) or apart or any(step.draws_noise(shape) for step in fixed)

    def __call__(
        self,
        image: Any,
        mask: Any = None,
        *,
        index: int | None = None,
        spacing: Sequence[float] | None = None,
    ) -> Any:
        """Make a sample of an image, its values drawn, for a training loop.

        As :meth:`Recipe.__call__`, for strategies ``random`` and ``single_aug``,
        which know no last sample.

        Raises
        ------
        ValueError
            For other strategies, and target PSNRs: these are for batches.
        """
        if self.psnr or (self.ranges and self.strategy in ("grid", "structured")):
            what = "target PSNRs" if self.psnr else f"strategy {self.strategy!r}"
            raise ValueError(
                f"{what} make a set of samples, not one at a time; choose 'random' or 'single_aug'"
            )
        return fresh_sample(self._recipe_at, image, mask, index, spacing)

    # ---- private ----

    def _check_number(self, number: int) -> None:
        if not 0 <= number < len(self):
            raise ValueError(f"number must be from 0 to {len(self) - 1}; got {number!r}")

    def _recipe_at(self, number: int) -> Recipe:
        """The recipe with the values drawn for a number put in."""
        steps = list(self.recipe.steps)
        for k, (i, field) in self._sorted():
            steps[i] = steps[i].replace(**{field: self._value(number, k, (i, field))})
        sample = sample_after(self.recipe.sample, number)
        recipe: Recipe = self.recipe.replace(steps=tuple(steps), sample=sample)
        return recipe

    @property
    def _places(self) -> dict[str, _Place]:
        return {name: place_of(self.recipe, name) for name in self.ranges}

    def _sorted(self) -> list[tuple[int, _Place]]:
        """Places in the order of the recipe, each with its number among the drawn values."""
        return list(enumerate(sorted(self._places.values())))

    def _range(self, place: _Place) -> Range:
        return next(self.ranges[name] for name, p in self._places.items() if p == place)

    def _is_whole(self, place: _Place) -> bool:
        return _numbers(type(self.recipe.steps[place[0]]))[place[1]] is int

    @property
    def _counts(self) -> list[int]:
        """Number of values of each parameter of a grid; the last one runs fastest."""
        return [self._range(place).count or _GRID for _, place in self._sorted()]

    def _value(self, number: int, k: int, place: _Place) -> float:
        """Value number k among those drawn for a sample."""
        r = self._range(place)
        whole = self._is_whole(place)
        if self.strategy == "grid":
            counts = self._counts
            setting = number // self.samples // math.prod(counts[k + 1 :])
            value = evenly(r.low, r.high, counts[k], setting % counts[k])
        elif self.strategy == "structured":
            n, at = self.samples, number % self.samples
            if n == 1:
                return float(getattr(self.recipe.steps[place[0]], place[1]))
            falls = place[1] in self.recipe.steps[place[0]].falling
            value = evenly(r.low, r.high, n, n - 1 - at if falls else at)
        else:
            sample = sample_after(self.recipe.sample, number)
            u = float(uniform_numbers(k + 1, self.recipe.seed, sample)[k])
            if self.strategy == "random":
                # each whole number gets as much room as any other
                value = (
                    math.floor(r.low + u * (r.high - r.low + 1))
                    if whole
                    else float(uniform(u, r.low, r.high))
                )
            else:
                own = float(getattr(self.recipe.steps[place[0]], place[1]))
                value = float(truncated_normal(u, own, r.low, r.high))
        return min(max(round(value), math.ceil(r.low)), math.floor(r.high)) if whole else value


def place_of(recipe: Recipe, name: str) -> tuple[int, str]:
    """The number of the step and the field that a parameter's name stands for.

    Raises
    ------
    ValueError
        If it stands for none, or for several; the message lists all.

    Examples
    --------
    >>> from napari_diversify.recipe import Diversify, LowPass, Recipe
    >>> recipe = Recipe(steps=(Diversify(), LowPass()))
    >>> place_of(recipe, "cutoff"), place_of(recipe, "diversify.w_v")
    ((1, 'cutoff'), (0, 'w_v'))
    """
    kind, _, field = name.rpartition(".")
    found = [
        (i, field)
        for i, step in enumerate(recipe.steps)
        if field in _numbers(type(step)) and kind in ("", step.kind, str(i))
    ]
    if len(found) == 1:
        return found[0]
    known = ", ".join(
        _full_name(recipe, (i, f))
        for i, step in enumerate(recipe.steps)
        for f in _numbers(type(step))
    )
    why = "several parameters go" if found else "no number of the recipe goes"
    raise ValueError(f"{why} by the name {name!r}; there are {known}")


def _full_name(recipe: Recipe, place: _Place) -> str:
    i, field = place
    kind = recipe.steps[i].kind
    alone = sum(step.kind == kind for step in recipe.steps) == 1
    return f"{kind if alone else i}.{field}"


def with_psnr(recipe: Recipe, target: float, model: PsnrModel) -> Recipe:
    """The recipe with w_v such that ``model`` expects the target, in decibel.

    Raises
    ------
    ValueError
        If the target cannot be reached with the recipe's w_i.
    """
    number = recipe.noisy[0]
    return recipe.with_step(number, recipe.steps[number].with_psnr(target, model))


def _as_range(name: str, value: Any) -> Any:
    """A range from two or three numbers."""
    if isinstance(value, (Range, dict)):
        return value
    try:
        numbers = tuple(value)
        if not 2 <= len(numbers) <= 3:
            raise TypeError
    except TypeError:
        raise ValueError(
            f"the range of {name} must be (low, high) or (low, high, count); got {value!r}"
        ) from None
    return Range(**dict(zip(("low", "high", "count"), numbers, strict=False)))


def _numbers(step: type[Model]) -> dict[str, Any]:
    """Names of the fields of a step that are single numbers, and whether these are integers."""
    return {
        name: field.annotation
        for name, field in step.model_fields.items()
        if field.annotation in (int, float)
    }

"""A row: one sample, one segmenter, and its scores."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..core.measures.matching import DEFINITIONS
from ..recipe import Recipe


@dataclass(frozen=True)
class Dot:
    """Which sample: of which curve and level, and which draw; level 0 is the image as it is."""

    curve: int
    level: int
    draw: int


@dataclass(frozen=True)
class Row:
    """What a segmenter made of a sample.

    Attributes
    ----------
    image : str
        Name of the image.
    dot : Dot
    level : float or None
        Where on the axis; None for the image as it is.
    sample : int
        ``recipe.apply(image, sample=sample)`` is what the segmenter was given, bit for bit.
    recipe : str
        That recipe, as JSON.
    weight : float or None
        Weight of its noise, w_v; None without any.
    psnr : float or None
        Of the sample, in decibel, over the recipe's range; None if it is the image.
    against_itself : bool
        Whether the reference is the segmentation of the image as it is, not labels.
    failed : str
        Why there is no segmentation; empty if there is one. All scores are 0 then.
    scores : dict of str to float
        By the names of :data:`.DEFINITIONS`.
    true, found : int
        Number of objects.
    ious, segs : tuple of float
        IoU with its partner and SEG of each true object, in the order of their numbers.
    """

    image: str
    dot: Dot
    level: float | None
    sample: int
    recipe: str
    weight: float | None
    psnr: float | None
    against_itself: bool
    failed: str
    scores: Mapping[str, float]
    true: int
    found: int
    ious: tuple[float, ...] = field(repr=False)
    segs: tuple[float, ...] = field(repr=False)

    @property
    def made_by(self) -> Recipe:
        """The recipe itself."""
        return Recipe.from_json(self.recipe)

    def to_json(self) -> str:
        """The row as JSON; what is not a number becomes null."""
        return json.dumps(_plain(asdict(self)), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Row:
        """Read a row.

        Raises
        ------
        ValueError, LookupError, TypeError
            If it is none.
        """
        values = json.loads(text)
        scores = {k: math.nan if v is None else float(v) for k, v in values["scores"].items()}
        if set(scores) != set(DEFINITIONS):
            raise ValueError("its scores are not those of this version")
        told = {"dot": Dot(**values["dot"]), "scores": scores}
        told |= {name: tuple(values[name]) for name in ("ious", "segs")}
        return cls(**{**values, **told})


def nothing_right(n: int) -> dict[str, float]:
    """The scores of a segmentation that failed, with n true objects."""
    return {**dict.fromkeys(DEFINITIONS, 0.0), "count_error": -1.0 if n else math.nan}


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of tables: by image, curve, level and draw."""
    return sorted(rows, key=lambda r: (r.image, r.dot.curve, r.dot.level, r.dot.draw))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value

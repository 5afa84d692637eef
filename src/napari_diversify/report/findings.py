"""What a report says, before it is a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .comparison import Comparison
from .flags import Flag
from .rows import Row, TrainingSet
from .unseen import Seen

#: Lines that the table of a page has at most.
LINES = 2000

Flagged = tuple[Row, tuple[Flag, ...]]


@dataclass(frozen=True)
class Pair:
    """A generated plane beside that of its source, as tags; or why there is no picture."""

    image: str
    source: str


@dataclass(frozen=True)
class Findings:
    """Everything that a report says.

    Attributes
    ----------
    train : TrainingSet
    flagged : sequence of (Row, flags)
        The worst first.
    pairs : sequence of Pair
        Of the first of these.
    thumbnails : dict
        Tags of small pictures, by the file of the row.
    opened : int
        How many files were opened; all were checked for existence.
    comparison : Comparison or None
    seen : sequence of Seen
        Labelled objects of some of the files.
    """

    train: TrainingSet
    flagged: Sequence[Flagged]
    pairs: Sequence[Pair]
    thumbnails: dict[str, str]
    opened: int
    comparison: Comparison | None
    seen: Sequence[Seen] = ()

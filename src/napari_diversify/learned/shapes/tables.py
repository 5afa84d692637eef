"""Features of predicted shapes as CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .features import NAMES

if TYPE_CHECKING:
    from .prediction import Prediction


def write_spread(path: Path, drawn: Prediction) -> None:
    """Write a row for each object: the mean of each feature, and its spread over the samples."""
    table = {name: v for name, v in drawn.features().items() if name != "index"}
    _write(path, list(table), zip(*table.values(), strict=True))


def write_samples(path: Path, drawn: Prediction) -> None:
    """Write a row for each sample of each object."""
    every = drawn.every_sample()
    rows = [
        [number, n, *every[k, n]]
        for k, number in enumerate(drawn.numbers)
        for n in range(drawn.number)
    ]
    _write(path, ["label", "sample", *NAMES], rows)


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(value) for value in row] for row in rows)


def _text(value: Any) -> str:
    """A number with the digits that mean something; nothing if it is unknown."""
    if isinstance(value, int | np.integer):
        return str(value)
    return f"{value:.6g}" if np.isfinite(value) else ""

"""Samples on the fly: what recipes and samplings do when a training loop calls them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.noise import check_count


def fresh_sample(
    recipe_of: Callable[[int], Any],
    image: Any,
    mask: Any,
    index: int | None,
    spacing: Sequence[float] | None,
) -> npt.NDArray[Any] | tuple[npt.NDArray[Any], Any]:
    """Apply the recipe of a sample number to an image; a mask comes back as it is.

    Without an index the number is drawn from the operating system: worker
    processes that were forked together would draw the same from any generator.
    """
    number = secrets.randbits(31) if index is None else check_count("index", index, 32)
    result = recipe_of(number).apply(np.asarray(image), spacing)
    return result if mask is None else (result, mask)

"""Compile what is going to be needed, before it is: by doing it once to next to nothing.

Machine code is kept on disk (see :mod:`..core.kernels`), so that this takes a few seconds after
an installation and a moment from then on.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..core.blocks import exhaust
from ..core.pair_sums import PairSums
from .lazy import LazyVolume
from .measure import measure
from .recipe import Recipe
from .steps import AnyStep, DegradeContrast, Diversify, LowPass

_SHAPE = (6, 12, 16)
#: In the order in which a new user meets them.
USUAL: tuple[AnyStep, ...] = (
    Diversify(),
    DegradeContrast(),
    LowPass(cutoff=0.5),
    LowPass(cutoff=0.5, volume=True),
)


def warming(
    dtype: npt.DTypeLike, steps: Sequence[AnyStep] = USUAL
) -> Generator[tuple[int, int], None, None]:
    """Do each step once to a tiny image of this dtype; yield (steps done, steps).

    Parameters
    ----------
    dtype : dtype
        Of the images that are going to be worked on.
    steps : sequence of step
        The ones that are needed first come first.
    """
    image = np.arange(np.prod(_SHAPE)).reshape(_SHAPE) % 97
    image = image.astype(np.dtype(dtype).newbyteorder("="))
    for n, piece in enumerate(_pieces(image, steps)):
        yield n, len(steps) + 2
        del piece


def _pieces(image: npt.NDArray[np.generic], steps: Sequence[AnyStep]) -> Iterator[object]:
    yield None
    for step in steps:
        recipe = Recipe(steps=(step,), intensity_range=(0.0, 96.0))
        result = LazyVolume(image, recipe)[2]
        if step is steps[0]:
            yield exhaust(measure(image, Diversify(), 3))
            sums = PairSums(0.0, 96.0)
            sums.add(image[2], result)
        yield result

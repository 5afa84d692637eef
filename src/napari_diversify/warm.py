"""Compile what is going to be needed, before it is: by doing it once to next to nothing.

Machine code is kept on disk (see :mod:`..core.kernels`): this takes a few seconds after an
installation, and a moment from then on.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import numpy.typing as npt

from .analysis.measure import measure
from .core.blocks import exhaust
from .core.measures.pair_sums import PairSums
from .recipe.lazy.volume import LazyVolume
from .recipe.recipe import Recipe
from .recipe.steps.contrast import DegradeContrast
from .recipe.steps.diversify import Diversify
from .recipe.steps.lowpass import LowPass
from .recipe.steps.registry import AnyStep
from .recipe.steps.restore import Restore
from .synthetic.registry import KINDS

_SHAPE, _TOP = (6, 12, 16), 96
#: In the order in which a new user meets them.
USUAL: tuple[AnyStep, ...] = (
    Diversify(),
    DegradeContrast(),
    LowPass(cutoff=0.5),
    LowPass(cutoff=0.5, volume=True),
    Restore(),
    Restore(method="richardson-lucy", iterations=1),
)


def warming(
    dtype: npt.DTypeLike, steps: Sequence[AnyStep] = USUAL
) -> Generator[tuple[int, int], None, None]:
    """Do each step once to a tiny image of this dtype; yield (steps done, steps).

    Parameters
    ----------
    dtype : dtype of int or float
        Of the images that are going to be worked on.
    steps : sequence of step
        The ones that are needed first come first.
    """
    values = np.arange(np.prod(_SHAPE)).reshape(_SHAPE) % (_TOP + 1)
    image = values.astype(np.dtype(dtype).newbyteorder("="))
    for n, step in enumerate(steps):
        yield n, len(steps)
        recipe = Recipe(steps=(step,), intensity_range=(0.0, float(_TOP)))
        result = LazyVolume(image, recipe)[2]
        if n == 0:  # what the first picture is measured with, and measured by
            yield n, len(steps)
            image[:, :7, :7] = 0  # background that is nothing but that
            windows = Diversify().windows
            model = exhaust(measure(image, [windows], 3)).psnr[windows]
            model.solve(sum(model.reachable()) / 2)
            PairSums(0.0, float(_TOP)).add(image[2], result)


def warming_specimens() -> Generator[tuple[int, int], None, None]:
    """Draw a tiny specimen of each kind; yield (kinds done, kinds)."""
    for n, kind in enumerate(KINDS.values()):
        yield n, len(KINDS)
        specimen = kind().specimen((8, 40, 40), (1.0, 1.0, 1.0))
        for array in (specimen.image, specimen.labels):
            np.asarray(array[4])

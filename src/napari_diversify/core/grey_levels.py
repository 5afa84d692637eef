"""Integer grey levels beside the unit interval that methods work on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GreyLevels:
    """How integer grey levels are mapped to unit values and back, all in single precision.

    Attributes
    ----------
    low, width : numpy.float32
        Grey level of 0, and how far above it that of 1 is.
    bottom, top : numpy.float32
        The least and the greatest grey level there are.
    """

    low: np.float32
    width: np.float32
    bottom: np.float32
    top: np.float32

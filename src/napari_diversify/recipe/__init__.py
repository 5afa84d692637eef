"""What to do, as data: steps with their parameters, and recipes made of them."""

from ..synthetic.membranes import SyntheticMembranes
from ..synthetic.nuclei import SyntheticNuclei
from .lazy.local_std import LazyLocalStd
from .lazy.removed import LazyRemoved
from .lazy.samples import LazySamples
from .lazy.volume import LazyVolume
from .recipe import Recipe
from .sampling import Sampling
from .steps.contrast import DegradeContrast
from .steps.diversify import Diversify
from .steps.lowpass import LowPass
from .steps.restore import Restore

__all__ = [
    "DegradeContrast",
    "Diversify",
    "LazyLocalStd",
    "LazyRemoved",
    "LazySamples",
    "LazyVolume",
    "LowPass",
    "Recipe",
    "Restore",
    "Sampling",
    "SyntheticMembranes",
    "SyntheticNuclei",
]

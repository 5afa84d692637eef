"""What to do, as data: steps with their parameters, and recipes made of them."""

from .lazy import LazyLocalStd, LazyRemoved, LazyVolume
from .recipe import Recipe
from .samples import LazySamples
from .sampling import Sampling
from .steps import DegradeContrast, Diversify, LowPass
from .synthetic import SyntheticMembranes, SyntheticNuclei

__all__ = [
    "DegradeContrast",
    "Diversify",
    "LazyLocalStd",
    "LazyRemoved",
    "LazySamples",
    "LazyVolume",
    "LowPass",
    "Recipe",
    "Sampling",
    "SyntheticMembranes",
    "SyntheticNuclei",
]

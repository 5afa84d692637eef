"""What to do, as data: steps with their parameters, and recipes made of them."""

from .lazy import LazyLocalStd, LazyVolume
from .recipe import Recipe
from .steps import Diversify

__all__ = ["Diversify", "LazyLocalStd", "LazyVolume", "Recipe"]

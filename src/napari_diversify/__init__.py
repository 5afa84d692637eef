"""Make many realistic microscopy volumes from one, and see each before you use it."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recipe import LazyVolume, Recipe
else:

    def __getattr__(name: str) -> Any:
        """Import what takes a second when it is asked for: the command must start without."""
        if name not in ("LazyVolume", "Recipe"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import recipe

        return getattr(recipe, name)


try:
    __version__ = version("napari-diversify")
except PackageNotFoundError:  # run from a source folder that was never installed
    __version__ = "0+unknown"

__all__ = ["LazyVolume", "Recipe", "__version__"]

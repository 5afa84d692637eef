"""Make many realistic microscopy volumes from one, and see each before you use it."""

from importlib.metadata import PackageNotFoundError, version

from .recipe import LazyVolume, Recipe

try:
    __version__ = version("napari-diversify")
except PackageNotFoundError:  # run from a source folder that was never installed
    __version__ = "0+unknown"

__all__ = ["LazyVolume", "Recipe", "__version__"]

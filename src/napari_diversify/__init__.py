"""Make many realistic microscopy volumes from one, and see each before you use it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .recipe import LazyVolume, Recipe

    __version__: str
else:

    def __getattr__(name: str) -> Any:
        """Import what takes long when it is asked for: the command must start without."""
        if name == "__version__":
            return _version()
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import recipe

        return getattr(recipe, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = ["LazyVolume", "Recipe", "__version__"]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("napari-diversify")
    except PackageNotFoundError:  # run from a source folder that was never installed
        return "0+unknown"

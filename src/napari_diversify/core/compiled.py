"""The compiled loops of :mod:`.kernels`, loaded when one is first called.

numba takes longer to import than all else together, and most of what is imported (a recipe, a
command, its help) calls no kernel. Whoever calls one takes it from here.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any


def found_in(module: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module that stands for another one, loaded with its first use."""

    def look_up(name: str) -> Any:
        if name.startswith("__"):  # what the import system asks every module for
            raise AttributeError(name)
        return getattr(import_module(module), name)

    return look_up


if TYPE_CHECKING:
    from .kernels import *  # noqa: F403
else:
    __getattr__ = found_in(f"{__package__}.kernels")

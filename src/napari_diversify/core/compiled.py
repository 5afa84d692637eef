"""The compiled loops of :mod:`.kernels`, loaded when one is first called.

numba takes longer to import than all else together, and most of what is imported (a recipe, a
command, its help) calls no kernel. Whoever calls one takes it from here.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernels import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        from . import kernels

        return getattr(kernels, name)

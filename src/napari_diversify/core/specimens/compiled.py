"""The compiled loops of :mod:`.kernels`, loaded when one is first called; see :mod:`..compiled`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernels import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        from . import kernels

        return getattr(kernels, name)

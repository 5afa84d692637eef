"""The compiled loops of :mod:`.kernels`, loaded when one is first called; see :mod:`..compiled`."""

from typing import TYPE_CHECKING

from ..compiled import found_in

if TYPE_CHECKING:
    from .kernels import *  # noqa: F403
else:
    __getattr__ = found_in(f"{__package__}.kernels")

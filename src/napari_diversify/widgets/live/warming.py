"""Have compiled what a dock is going to need, while nobody waits for it yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...warm import warming, warming_specimens
from ..qt.driver import driver

#: Comes after all that lies ahead of what is looked at.
_LAST = 1 << 30
_BEGUN: set[str] = set()


def warm_up(dtype: npt.DTypeLike = "uint16") -> None:
    """Compile what images of this dtype need, once per program."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iuf" and dtype.name not in _BEGUN:
        _BEGUN.add(dtype.name)
        driver().start(lambda: warming(dtype), _ended, ahead=_LAST)


def warm_up_specimens() -> None:
    """Compile what synthetic specimens need, once per program."""
    if "specimens" not in _BEGUN:
        _BEGUN.add("specimens")
        driver().start(warming_specimens, _ended, ahead=_LAST)


def _ended(_: Any, error: Exception | None) -> None:
    """If it failed, whoever needs it says so."""

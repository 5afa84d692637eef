"""A fault of PySide6 6.12 that ends the program on Python 3.11, and what keeps it going.

Its wheels are built for Pythons in which ``None``, ``True`` and ``False`` live
for ever (3.12 and later, PEP 683), and return them without counting the
reference. On 3.11 nearly every call of Qt loses one, whoever makes it, napari
and pytest-qt too: ``setText``, ``parent``, ``emit``, ``disconnect``, ``show``.
After as many calls as the program holds references (some ten thousand to
``None``, some hundred to ``True``) Python ends with "none_dealloc" or
"bool_dealloc: deallocating True or False". No call can be avoided for that;
so the references that get lost are added beforehand.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

from qtpy.QtCore import QObject, Signal

_CALLS = 64
_ENOUGH = 1 << 40


class _Probe(QObject):
    emitted = Signal()


@cache
def keep_alive() -> bool:
    """Where calls of Qt lose references, add more than can be lost; say whether that was needed."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return False
    probe, before = _Probe(), sys.getrefcount(True)
    for _ in range(_CALLS):
        probe.emitted.emit()
    if before - sys.getrefcount(True) < _CALLS // 2:
        return False
    for singleton in (None, True, False, NotImplemented):
        # nothing in Python adds references by the million; the count is an object's first field
        ctypes.c_ssize_t.from_address(id(singleton)).value += _ENOUGH
    return True

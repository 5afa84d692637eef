"""A fault of PySide6 6.12 on Python 3.11 that ends the program, and what keeps it going.

Each call of ``SignalInstance.emit`` or ``disconnect`` returns ``True`` without
counting the reference: one is lost per call, by whoever emits, napari and Qt's
own wrappers too. After as many calls as the program holds references to
``True`` (some thousands) Python ends with "bool_dealloc: deallocating True or
False". From Python 3.12 on ``True`` cannot be deallocated (PEP 683).
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
def keep_true_alive() -> bool:
    """Where emitting loses references to True, add more than can be lost; say whether it did."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return False
    probe, before = _Probe(), sys.getrefcount(True)
    for _ in range(_CALLS):
        probe.emitted.emit()
    if before - sys.getrefcount(True) < _CALLS // 2:
        return False
    # no call of Python's adds references by the million; the count is an object's first field
    ctypes.c_ssize_t.from_address(id(True)).value += _ENOUGH
    return True

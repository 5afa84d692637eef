"""With a binding that loses references to None and True the program goes on."""

import sys

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QLabel

from napari_diversify.widgets.qt.singletons import keep_alive


class Emitter(QObject):
    emitted = Signal()


def test_more_calls_than_there_are_references_end_nothing(qapp):
    """PySide6 6.12 on Python 3.11 lost one with each: a few thousand ended the program."""
    keep_alive()
    emitter, label = Emitter(), QLabel()
    held = max(sys.getrefcount(True), 1000) if sys.getrefcount(True) < 1 << 20 else 5000
    for _ in range(2 * held):
        emitter.emitted.emit()
        label.setText("")
    assert sys.getrefcount(None) > 100
    assert sys.getrefcount(True) > 10


def test_bindings_that_count_are_left_alone(qapp):
    if keep_alive():
        assert sys.version_info < (3, 12)
        assert sys.getrefcount(True) > 1 << 39
    elif sys.version_info < (3, 12):
        assert sys.getrefcount(True) < 1 << 32

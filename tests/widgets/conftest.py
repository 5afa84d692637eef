"""Tests of widgets on a viewer model: no display, no OpenGL, and nothing left behind."""

import gc
import sys
import threading
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent, QThreadPool
from qtpy.QtWidgets import QApplication

from napari_diversify.recipe import LazyVolume
from napari_diversify.recipe.lazy_array import LazyArray


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(qapp):
    """After each test: no window that it opened, no thread that it started."""
    before = set(QApplication.topLevelWidgets())
    yield
    pool = QThreadPool.globalInstance()
    deadline = time.monotonic() + 60
    while pool.activeThreadCount() and time.monotonic() < deadline:
        QApplication.processEvents()
        pool.waitForDone(5)
    assert pool.activeThreadCount() == 0, "a worker thread is still running"
    _destroy_the_closed()
    left = set(QApplication.topLevelWidgets()) - before
    if left:  # perhaps only waiting for the garbage collector
        del left
        gc.collect()
        _destroy_the_closed()
        left = set(QApplication.topLevelWidgets()) - before
    assert not left, f"windows were left open: {left}"


def _destroy_the_closed():
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def destroy_closed():
    """Let Qt destroy what was told to ``deleteLater()``."""
    return _destroy_the_closed


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def live(viewer, open_dock, make_image):
    """A dock whose live layer shows a small volume."""
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    return dock


@pytest.fixture
def handed(monkeypatch):
    """What napari was handed of lazy arrays, oldest first, and by which thread it was asked."""
    return Handed(monkeypatch)


class Handed:
    def __init__(self, monkeypatch):
        self.calls = []  # (array, values, held, on_gui_thread)
        getitem, whole = LazyArray.__getitem__, LazyArray.__array__
        gui = threading.get_ident()

        def spied_getitem(array, key):
            held = array.holds(key)
            values = getitem(array, key)
            if _asked_by_napari():
                self.calls.append((array, values, held, threading.get_ident() == gui))
            return values

        def spied_array(array, *args, **keywords):
            values = whole(array, *args, **keywords)
            if _asked_by_napari():
                self.calls.append((array, values, False, threading.get_ident() == gui))
            return values

        monkeypatch.setattr(LazyArray, "__getitem__", spied_getitem)
        monkeypatch.setattr(LazyArray, "__array__", spied_array)

    def volumes(self):
        """All values of diversified volumes that went to napari, oldest first."""
        return [values for array, values, _, _ in self.calls if isinstance(array, LazyVolume)]

    def last(self):
        return self.volumes()[-1]

    def computed_on_gui_thread(self, more_than):
        """Shapes of all that was computed on the GUI thread beyond so many voxels."""
        return [
            values.shape
            for _, values, held, gui in self.calls
            if gui and not held and values.size > more_than
        ]


def _asked_by_napari():
    return sys._getframe(2).f_globals["__name__"].startswith("napari.")


class Spy:
    """An array that counts how it is read."""

    def __init__(self, array):
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.ndim, self.size = array.ndim, array.size
        self.reads = 0

    def __getitem__(self, key):
        self.reads += 1
        return self.array[key]

    def __array__(self, dtype=None, copy=None):
        self.reads += 1
        return np.asarray(self.array, dtype)


@pytest.fixture
def spy():
    return Spy

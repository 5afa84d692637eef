"""Tests of widgets on a viewer model: no display, no OpenGL, and nothing left behind."""

import gc
import math
import threading
import time

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication

from napari_diversify.recipe import LazyVolume
from napari_diversify.widgets.live.feed import Feed
from napari_diversify.widgets.qt.driver import driver


@pytest.fixture(autouse=True)
def _nothing_is_left_behind(qapp):
    """After each test: no window that it opened, no thread that it started."""
    before = set(QApplication.topLevelWidgets())
    yield
    deadline = time.monotonic() + 60
    while not (driver().wait(0.005) and driver().idle) and time.monotonic() < deadline:
        QApplication.processEvents()
    assert driver().wait(0), "a worker thread is still running"
    assert driver().idle, "something is still being computed"
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
    """What napari was handed of lazy arrays, and what was computed on the GUI thread."""
    return Handed(monkeypatch)


class Handed:
    def __init__(self, monkeypatch):
        self.calls = []  # (array, values, exact) of what napari was given, oldest first
        self._computed = []  # shapes of what was computed on the GUI thread
        self._gui = threading.get_ident()
        picture, plate = Feed.picture, Feed.plate

        def spied_picture(feed, place, *, tile):
            array = feed.arrays[place[0]]
            values = picture(feed, place, tile=tile)
            exact = feed._pictures.find(place, array.look) is not None
            self.calls.append((array, values, exact))
            return values

        def spied_plate(feed, level):
            array, values = feed.arrays[level], plate(feed, level)
            exact = feed._pictures.find(feed._whole(level), array.look) is not None
            self.calls.append((array, values, exact))
            return values

        quickly = Feed._quickly

        def spied_quickly(feed, array, place, seconds):
            values = quickly(feed, array, place, seconds)
            if threading.get_ident() == self._gui and values is not None:
                self._computed.append(values.shape)
            return values

        monkeypatch.setattr(Feed, "picture", spied_picture)
        monkeypatch.setattr(Feed, "plate", spied_plate)
        monkeypatch.setattr(Feed, "_quickly", spied_quickly)

    def volumes(self):
        """All exact values of diversified volumes that went to napari, oldest first."""
        return [
            values for array, values, exact in self.calls if exact and isinstance(array, LazyVolume)
        ]

    def last(self):
        return self.volumes()[-1]

    def computed_on_gui_thread(self, more_than):
        """Shapes of all that was computed on the GUI thread beyond so many voxels."""
        return [shape for shape in self._computed if math.prod(shape) > more_than]

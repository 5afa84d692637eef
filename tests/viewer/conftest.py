"""Tests of the dock in a real viewer, on a display, each with sync and with async slicing."""

import threading

import pytest
from napari.settings import get_settings
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QApplication

from napari_diversify.recipe import LazyLocalStd, LazyRemoved, LazySamples, LazyVolume
from napari_diversify.recipe.compared import LazyDifference, LazySplit
from napari_diversify.widgets.driver import driver
from napari_diversify.widgets.feed import Feed


@pytest.fixture(params=["sync", "async"])
def slicing(request):
    """How napari slices: in the GUI thread, or in one of its own."""
    return request.param


@pytest.fixture
def viewer(slicing, make_napari_viewer_proxy):
    """A shown viewer, behind the proxy that plugins get."""
    get_settings().experimental.async_ = slicing == "async"
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1100, 560)  # fewer pixels for a software renderer
    yield viewer
    # what a thread holds for another moment would be taken for a viewer that never goes
    QThreadPool.globalInstance().waitForDone(5000)
    driver().stop(5.0)
    QApplication.processEvents()


@pytest.fixture
def dock_in(viewer, open_dock):
    """Open a dock in the viewer's window, as napari does."""

    def open_():
        dock = open_dock(viewer, show=False)
        viewer.window.add_dock_widget(dock.explorer, name="Diversify", area="right")
        return dock

    return open_


@pytest.fixture
def drawn(monkeypatch):
    """(array, values, exact) of all that napari was given of live layers, oldest first."""
    calls, original = [], Feed.picture

    def spied(feed, place, *, tile):
        array = feed.arrays[place[0]]
        values = original(feed, place, tile=tile)
        calls.append((array, values, feed._pictures.find(place, array.look) is not None))
        return values

    monkeypatch.setattr(Feed, "picture", spied)
    return calls


@pytest.fixture
def computed_on_gui_thread(monkeypatch):
    """Shapes of all that our arrays computed, or read, on the GUI thread."""
    shapes, gui = [], threading.get_ident()

    def spy_on(kind):
        original = kind._reader

        def spied(array, *arguments):
            read = original(array, *arguments)

            def watched(region):
                values = read(region)
                if threading.get_ident() == gui:
                    shapes.append(values.shape)
                return values

            return watched

        monkeypatch.setattr(kind, "_reader", spied)

    for kind in (LazyVolume, LazyRemoved, LazyDifference, LazySplit, LazyLocalStd, LazySamples):
        spy_on(kind)
    return shapes

"""Tests of the dock in a real viewer, on a display, each with sync and with async slicing."""

import gc
import threading
import warnings
from contextlib import suppress

import numpy as np
import pytest
from napari._qt.qt_viewer import QtViewer
from napari.settings import get_settings

from napari_diversify.recipe import LazyLocalStd, LazyRemoved, LazySamples, LazyVolume
from napari_diversify.recipe.lazy.compared import LazyDifference, LazyHidden, LazySplit
from napari_diversify.widgets.live.feed import Feed
from napari_diversify.widgets.qt.driver import driver


@pytest.fixture(params=["sync", "async"])
def slicing(request):
    """How napari slices: in the GUI thread, or in one of its own."""
    return request.param


@pytest.fixture
def viewer(slicing, make_napari_viewer_proxy, qtbot, request):
    """A shown viewer, behind the proxy that plugins get; nothing of it stays when it is closed."""
    get_settings().experimental.async_ = slicing == "async"
    get_settings().application.save_window_geometry = False
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1100, 560)  # fewer pixels for a software renderer
    yield viewer
    driver().stop(60.0)
    outcome = getattr(request.node, "rep_call", None)  # none if it was not begun
    if outcome is None or not outcome.passed:
        return
    with suppress(AttributeError), warnings.catch_warnings():  # the test has closed it
        warnings.simplefilter("ignore")  # napari's, of layers that were turned
        # napari's controls become narrower without a layer, and its canvas wider: a pyramid is
        # then sliced anew, which fails once the slicer of a closing viewer is shut down
        viewer.__wrapped__.layers.clear()
        viewer.__wrapped__.close()

    def is_gone():
        gc.collect()
        return not QtViewer._instances

    # napari looks at once: what a thread holds for another moment would be taken for a leak
    qtbot.waitUntil(is_gone)
    gc.freeze()  # what napari has loaded with it


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
        # that very picture, and not one that a thread has finished since
        known = feed._pictures.find(place, array.look)
        exact = known is not None and np.may_share_memory(known, values)
        calls.append((array, values, exact))
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

    kinds = LazyVolume, LazyRemoved, LazyHidden, LazyDifference, LazySplit
    for kind in (*kinds, LazyLocalStd, LazySamples):
        spy_on(kind)
    return shapes

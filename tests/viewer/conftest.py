"""Tests of the dock in a real viewer, on a display, each with sync and with async slicing."""

import threading

import pytest
from napari.settings import get_settings
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QApplication

from napari_diversify.recipe.lazy_array import LazyArray


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
    QThreadPool.globalInstance().waitForDone(60_000)
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
def asked(monkeypatch):
    """(array, values, held, on the GUI thread) of all that was asked of lazy arrays."""
    calls, original, gui = [], LazyArray.__getitem__, threading.get_ident()

    def spied(array, key):
        held = array.holds(key)
        values = original(array, key)
        calls.append((array, values, held, threading.get_ident() == gui))
        return values

    monkeypatch.setattr(LazyArray, "__getitem__", spied)
    return calls

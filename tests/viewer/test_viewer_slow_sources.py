"""Images that are slow to read: nobody waits for us, and every picture is true of its plane."""

import json
import sys
import threading
import time

import dask.array as da
import numpy as np
import pytest
import zarr
from qtpy.QtWidgets import QApplication

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import local_std
from napari_diversify.recipe import Sampling
from napari_diversify.widgets import commands

pytestmark = pytest.mark.viewer

SECONDS = 0.04  # that a read takes
CHUNKS = (4, 32, 64)
#: What is done to the window, in this order.
DEEDS = {}


def deed(function):
    DEEDS[function.__name__] = function
    return function


class Reads:
    """Counts the reads of images, and knows who waited for them."""

    def __init__(self):
        self.ours, self.all = [], 0

    def note(self, key):
        self.all += 1
        if threading.current_thread() is threading.main_thread() and _we_asked():
            self.ours.append(key)
        time.sleep(SECONDS)


def _we_asked():
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("napari_diversify"):
            return True
        frame = frame.f_back
    return False


class Slow:
    """An array of no library."""

    def __init__(self, array, reads):
        self._array, self._reads = array, reads
        self.shape, self.dtype = array.shape, array.dtype
        self.ndim, self.size = array.ndim, array.size

    def __getitem__(self, key):
        self._reads.note(key)
        return self._array[key]


@pytest.fixture
def reads():
    return Reads()


@pytest.fixture
def image(make_image):
    return make_image((12, 72, 96))


@pytest.fixture(params=["volume", "pyramid", "dask", "zarr"])
def data(request, image, reads, monkeypatch):
    """The image as it is opened, and the arrays of its levels in memory."""
    if request.param == "volume":
        return Slow(image, reads), [image]
    if request.param == "pyramid":
        levels = [image, image[:, ::2, ::2], image[:, ::4, ::4]]
        return [Slow(level, reads) for level in levels], levels
    if request.param == "dask":
        original = da.Array.__array__

        def spied(array, *args, **keywords):
            reads.note(array.shape)
            return original(array, *args, **keywords)

        monkeypatch.setattr(da.Array, "__array__", spied)
        return da.from_array(image, chunks=CHUNKS), [image]
    store = zarr.storage.FsspecStore.from_url(f"memory://{id(reads)}.zarr")
    array = zarr.create_array(store, shape=image.shape, chunks=CHUNKS, dtype=image.dtype)
    array[:] = image
    original_getitem = zarr.Array.__getitem__

    def spied_getitem(array, key):
        reads.note(key)
        return original_getitem(array, key)

    monkeypatch.setattr(zarr.Array, "__getitem__", spied_getitem)
    return array, [image]


@pytest.fixture
def window(viewer, data, reads, dock_in, qtbot):
    opened, levels = data
    keywords = {"multiscale": True} if len(levels) > 1 else {}
    viewer.add_image(opened, name="cells", contrast_limits=(0, 65535), **keywords)
    dock = dock_in()
    return Window(viewer, dock, levels, reads, qtbot)


class Window:
    def __init__(self, viewer, dock, levels, reads, qtbot):
        self.viewer, self.dock, self.levels, self.reads = viewer, dock, levels, reads
        self._qtbot = qtbot

    def settle(self):
        """Until all pictures are there, and their layers hold them."""
        live = [view.live for view in self.dock.explorer.session.views.views.values()]
        live.append(self.dock.explorer.samples.live)

        def settled():
            return (
                not self.dock.measuring
                and not any(one.running for one in live)
                and all(layer.loaded for layer in self.viewer.layers)
            )

        self._qtbot.waitUntil(settled, timeout=30_000)
        self._qtbot.wait(20)
        self._qtbot.waitUntil(settled, timeout=30_000)

    def switch(self, *names):
        for name in names:
            self.dock.switch(name).setChecked(True)
            self.settle()


@deed
def opened(window):
    window.settle()


@deed
def more_layers_added(window):
    window.switch("sigma", "contrast", "lowpass", "removed", "hidden", "difference")


@deed
def dragged(window):
    for w_v in np.linspace(0.5, 6, 12):
        window.dock.slide(w_v=w_v)
        QApplication.processEvents()
    window.settle()


@deed
def windows_changed(window):
    window.dock.axis_boxes("window")[1].setValue(7)
    window.settle()


@deed
def scrolled(window):
    for z in (7, 8, 9, 3, 2, 1, 11):
        window.viewer.dims.set_current_step(0, z)
        QApplication.processEvents()
    window.settle()


@deed
def zoomed(window):
    camera = window.viewer.scene.camera
    for factor in (20, 1 / 80, 4):
        camera.zoom *= factor
        window._qtbot.wait(30)
        window.settle()


@deed
def panned(window):
    for y in (10, 60, 36):
        window.viewer.scene.camera.center = (0, y, y)
        window._qtbot.wait(30)
    window.settle()


@deed
def turned(window):
    for order in ((1, 0, 2), (2, 1, 0), (0, 1, 2)):
        window.viewer.dims.order = order
        window.settle()


@deed
def in_3d_and_back(window):
    window.viewer.dims.ndisplay = 3
    window._qtbot.wait(20)
    window.dock.layer.visible = True  # as long as it is being computed too
    window.settle()
    window.dock.slide(w_v=3.0)
    window.settle()
    window.viewer.dims.ndisplay = 2
    window.settle()


@deed
def made_from_the_menu(window):
    for command in (commands.local_std_map, commands.lowpass):
        ((values, keywords, _),) = command(window.viewer.layers["cells"])
        window.viewer.add_image(values, **keywords)
    window.viewer.dims.set_current_step(0, 4)
    window.settle()


@deed
def drawn_samples(window):
    if len(window.levels) == 1:  # else it takes a while
        recipe = window.dock.explorer.value()
        sampling = Sampling(recipe=recipe, samples=3, ranges={"w_v": (0, 8)})
        window.dock.explorer.samples.draw(window.viewer.layers["cells"], sampling)
        window.settle()
        window.dock.explorer.samples.go_to(2)
        window.settle()
        window.dock.explorer.samples.close()


@deed
def edited(window):
    at = np.s_[2:6, 10:40, 10:40]
    opened = window.viewer.layers["cells"].data
    if isinstance(opened, da.Array):
        return  # they are immutable
    if isinstance(opened, zarr.Array):
        opened[at] = 60_000
    window.levels[0][at] = 60_000  # coarser ones look into it
    window.viewer.layers["cells"].refresh()
    window.settle()


@deed
def layers_removed(window):
    for name in ("sigma", "removed"):
        window.viewer.layers.remove(window.dock.layer_of(name))
    window.settle()


@deed
def another_image_and_back(window):
    other = np.add.outer(np.arange(40), np.arange(50)).astype("uint16")
    window.viewer.add_image(Slow(other, window.reads), name="other", contrast_limits=(0, 99))
    window.settle()
    window.viewer.layers.selection.active = window.viewer.layers["cells"]
    window.settle()


@deed
def hidden_and_shown(window):
    window.dock.explorer.hide()
    window.viewer.dims.set_current_step(0, 3)
    window._qtbot.wait(50)
    window.dock.explorer.show()
    window.settle()


def test_nobody_waits_for_a_read_or_a_computation_of_ours(
    window, reads, computed_on_gui_thread, same_bits
):
    blamed = {}
    for name, do in DEEDS.items():
        do(window)
        if reads.ours or computed_on_gui_thread:
            blamed[name] = list(reads.ours), list(computed_on_gui_thread)
            reads.ours.clear()
            computed_on_gui_thread.clear()
    assert reads.all > 0
    assert blamed == {}
    shown = window.dock.layer.data
    shown = shown[0] if window.dock.layer.multiscale else shown
    same_bits(np.asarray(shown), window.dock.rebuilt(window.levels[0]))


def test_every_picture_is_true_of_its_plane(window, drawn):
    """What is shown meanwhile is the image itself, the last picture, or nothing."""
    window.settle()
    window.switch("sigma")
    entry = window.dock.entry
    for z in (7, 8, 9, 10, 4, 3, 2):
        window.viewer.dims.set_current_step(0, z)
        window._qtbot.wait(60)
    window.settle()
    recipe = Recipe.from_json(json.dumps(entry["recipe"]))
    results = {level.shape: recipe.apply(level) for level in window.levels}
    shown = 0
    for array, values, exact in drawn:
        plane = np.squeeze(values)
        if plane.size == 1:
            continue
        if isinstance(array, LazyVolume):
            wholes = [results[array.shape]] if exact else []
            wholes += [] if exact else [results[array.shape], *window.levels]
        else:
            wholes = [local_std(level, 5) for level in window.levels]
        wholes = [w for w in wholes if w.shape == array.shape]
        assert any(any(_is_tile(plane, whole[z]) for z in range(len(whole))) for whole in wholes)
        shown += exact
    assert shown >= 7


def _is_tile(tile, plane):
    if tile.shape == plane.shape:
        return np.array_equal(tile, plane)
    h, w = tile.shape
    return any(
        np.array_equal(tile, plane[y : y + h, x : x + w])
        for y in range(plane.shape[0] - h + 1)
        for x in range(plane.shape[1] - w + 1)
        if plane[y, x] == tile[0, 0]
    )


def test_the_canvas_ends_with_the_exact_picture_wherever_the_user_stops(window):
    window.settle()
    recipe = Recipe.from_json(json.dumps(window.dock.entry["recipe"]))
    for z in (2, 9):
        for step in (z - 2, z - 1, z):
            window.viewer.dims.set_current_step(0, step)
            QApplication.processEvents()
        window.settle()
        layer = window.dock.layer
        level = layer.data_level if layer.multiscale else 0
        expected = recipe.apply(window.levels[level])[z]
        for y, x in ((3, 4), (40, 50), (70, 95)):
            value = layer.get_value((z, y, x), world=True)
            value = value[1] if layer.multiscale else value
            if value is not None:  # not on the tile in view
                assert value == expected[y >> level, x >> level]

"""What the monkey can do: each kind of event by its name, and how often it is chosen.

Every event takes the world and a random generator of its own, so that a list of
events can be played again with some of them left out. What cannot be done just
now is not done.
"""

import time
import warnings

import napari.layers
import numpy as np
from monkey_world import MOST_LAYERS, is_live_copy, linked_with, small
from napari._app_model import get_app_model
from napari._app_model.actions._layerlist_context_actions import LAYERLIST_CONTEXT_ACTIONS
from napari._app_model.context import get_context
from napari.settings import get_settings
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QPushButton,
    QTabWidget,
)
from superqt import QDoubleSlider

from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Recipe
from napari_diversify.recipe.steps.registry import kinds
from napari_diversify.synthetic.membranes import SyntheticMembranes
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.plan import Plan
from napari_diversify.widgets.commands import (
    degrade_contrast,
    local_std_map,
    lowpass,
    restore_contrast,
)
from napari_diversify.widgets.live.layers import levels_of
from napari_diversify.widgets.qt.proxy import behind

EVENTS = {}  # name: (how often, function)

_ACTIONS = {action.id.removeprefix("napari.layer."): action for action in LAYERLIST_CONTEXT_ACTIONS}
# asked of files, the clipboard or the web, or opening a dialog that waits for an answer
_NOT_PRESSED = ("save", "load", "choose", "open folder", "report", "copy as", "export")


def event(often):
    """Make a function an event, chosen this often beside the others."""

    def register(function):
        EVENTS[function.__name__] = often, function
        return function

    return register


def _process(rng):
    """Let the window live for a moment, or not at all."""
    for _ in range(rng.choice((0, 0, 1, 3))):
        QApplication.processEvents()


def _child(widget, kinds, rng, but=()):
    """A control that a user can reach, or None."""
    children = [
        child
        for kind in kinds
        for child in widget.findChildren(kind)
        if child.isVisible() and child.isEnabled() and child not in but
    ]
    return rng.choice(children) if children else None


def _pick(rng, things):
    things = list(things)
    return rng.choice(things) if things else None


# ---- the dock ----


def _drag(slider, rng):
    low, high = slider.minimum(), slider.maximum()
    to = slider.value()
    for _ in range(rng.randint(1, 8)):
        to = min(high, max(low, to + (high - low) * rng.uniform(-0.3, 0.3)))
        slider.setValue(to if isinstance(slider, QDoubleSlider) else round(to))
        _process(rng)


@event(10)
def drag(world, rng):
    if world.dock and (slider := _child(world.dock, (QAbstractSlider,), rng, _bars(world.dock))):
        _drag(slider, rng)


def _bars(dock):
    """Scroll bars, which change nothing."""
    return [s for s in dock.findChildren(QAbstractSlider) if type(s).__name__ == "QScrollBar"]


@event(6)
def type_number(world, rng):
    box = world.dock and _child(world.dock, (QAbstractSpinBox,), rng)
    if box:
        low, high = float(box.minimum()), float(box.maximum())
        high = min(high, 12.0) if isinstance(box, QDoubleSpinBox) else min(high, 15)
        value = rng.uniform(max(low, -100.0), max(high, low))
        text = f"{value:.2f}" if isinstance(box, QDoubleSpinBox) else str(round(value))
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, text)
        QTest.keyClick(box, Qt.Key.Key_Return)


@event(3)
def choose(world, rng):
    dock = world.dock
    if dock and (box := _child(dock, (QComboBox,), rng, (dock.source_panel.picker,))):
        box.setCurrentIndex(rng.randrange(box.count()))


@event(6)
def tick(world, rng):
    if world.dock and (box := _child(world.dock, (QCheckBox,), rng)):
        box.click()


@event(4)
def switch(world, rng):
    if world.dock:
        dock = world.dock
        cards = list(dock.cards.widgets.values())
        boxes = [b for c in cards for b in (c.live, c.reads_image, *c.views.values())]
        rng.choice([*boxes, dock.compare.split, dock.compare.difference]).click()


@event(3)
def section(world, rng):
    if world.dock:
        cards = list(world.dock.cards.widgets.values())
        if cards:
            rng.choice(cards).title.click()


@event(3)
def chain(world, rng):
    if world.dock:
        cards = world.dock.cards
        keys = list(cards.widgets)
        what = rng.choice(("add", "remove", "move"))
        if what == "add" and len(keys) < 5:
            cards.added.emit(rng.choice(list(kinds())))
        elif what == "remove" and keys:
            cards.removed.emit(rng.choice(keys))
        elif what == "move" and keys:
            cards.moved.emit(rng.choice(keys), rng.randrange(len(keys)))


@event(3)
def pick_image(world, rng):
    if world.dock:
        picker = world.dock.source_panel.picker
        picker.setCurrentIndex(rng.randrange(picker.count()))


@event(2)
def press(world, rng):
    dock = world.dock
    push = dock and _child(dock, (QPushButton,), rng)
    if push and not push.text().lower().startswith(_NOT_PRESSED) and push.text():
        push.click()


@event(2)
def recipe_file(world, rng):
    path, dock = world.folder / "recipe.json", world.dock
    if dock is None:
        return
    if rng.random() < 0.4 or not path.exists():
        dock.save(path)
    elif rng.random() < 0.2:
        broken = world.folder / "broken.json"
        broken.write_text('{"steps": [{"kind": "no such"}]}')
        dock.load(broken)
    else:
        dock.load(path)


@event(2)
def set_recipe(world, rng):
    steps = [
        Diversify(w_i=rng.uniform(0.2, 1.5), w_v=rng.uniform(0, 6), window=rng.choice((3, 5))),
        LowPass(),
        DegradeContrast(),
    ]
    rng.shuffle(steps)
    seed, sample = rng.randrange(100), rng.randrange(5)
    if world.dock:
        world.dock.setValue(Recipe(steps=tuple(steps[: rng.randint(1, 3)]), seed=seed), sample)


@event(6)
def compare(world, rng):
    if world.dock is None:
        return
    way = rng.choice("BSDG")
    if rng.random() < 0.5:
        _press_key(world, way)
    else:
        c = world.dock.compare
        {"B": c.blink, "S": c.split, "D": c.difference, "G": c.side_by_side}[way].click()


def _press_key(world, letter):
    native = world.viewer.window._qt_viewer.canvas.native
    QTest.keyClick(native, getattr(Qt.Key, f"Key_{letter}"))


@event(2)
def drag_divider(world, rng):
    native = world.viewer.window._qt_viewer.canvas.native
    at = QPoint(native.width() // 2, native.height() // 2)
    QTest.mousePress(native, Qt.MouseButton.LeftButton, pos=at)
    for _ in range(rng.randint(1, 5)):
        at = at + QPoint(rng.randint(-40, 40), rng.randint(-5, 5))
        QTest.mouseMove(native, at)
        _process(rng)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=at)


@event(1)
def cancel(world, rng):
    if world.dock:
        world.dock.status.cancelled.emit()


@event(3)
def hide_or_show_dock(world, rng):
    if dock := _pick(rng, world.docks):
        holder = dock.parentWidget()
        holder.setVisible(not dock.isVisible())


@event(1.5)
def close_or_open_dock(world, rng):
    if world.docks and (len(world.docks) > 1 or rng.random() < 0.5):
        world.close_dock(rng.choice(world.docks))
    if not world.docks or rng.random() < 0.3:
        world.open_dock()


# ---- its windows ----


@event(2)
def plots(world, rng):
    dock = world.dock
    if dock is None:
        return
    window = dock.windows.plots
    if window is None or not window.isVisible():
        dock.actions_.plots.click()
        return
    tabs = window.findChildren(QTabWidget)
    if tabs and rng.random() < 0.7:
        tabs[0].setCurrentIndex(rng.randrange(tabs[0].count()))
    else:
        window.close()


@event(3)
def samples(world, rng):
    dock = world.dock
    if dock is None:
        return
    window = dock.windows.samples
    if window is None or not window.isVisible():
        dock.actions_.samples.click()
        return
    what = rng.choice(("draw", "draw", "go", "keep", "reject", "all", "tick", "close", "remove"))
    if what == "draw":
        window.sampling.samples.setValue(rng.randint(1, 5))
        window.draw.click()
    elif what == "tick" and (box := _child(window.sampling, (QCheckBox,), rng)):
        box.click()
    elif what == "go" and dock.samples.sampling is not None:
        dock.samples.go_to(rng.randrange(len(dock.samples.sampling)))
    elif what in ("keep", "reject", "all"):
        {"keep": window.keep, "reject": window.reject_, "all": window.keep_all}[what].click()
    elif what == "close":
        window.close()
    elif what == "remove":
        dock.samples.close()


@event(2)
def explore(world, rng):
    dock = world.dock
    if dock is None:
        return
    window = dock.windows.explore
    if window is None or not window.isVisible():
        dock.actions_.explore.click()
    elif rng.random() < 0.6 and (tile := _child(window, (QPushButton,), rng)):
        tile.click()
    else:
        window.close()


@event(2)
def export(world, rng):
    dock = world.dock
    if dock is None:
        return
    dialog = dock.windows.export
    if dialog is None or not dialog.isVisible():
        dock.actions_.export.click()
        return
    what = rng.choice(("start", "start", "cancel", "close", "escape"))
    if what == "start" and not dialog.running:
        world.exports += 1
        dialog.folder.setText(str(world.folder / f"set {world.exports}"))
        dialog.sampling.samples.setValue(rng.randint(1, 3))
        dialog.export.click()
    elif what == "cancel":
        dialog.status.cancelled.emit()
    elif what == "close":
        dialog.close()
    else:
        dialog.reject()


# ---- the synthetic dock ----


@event(4)
def synthetic(world, rng):
    if world.synthetic is None:
        if rng.random() < 0.3:
            world.open_synthetic()
        return
    dock = world.synthetic
    what = rng.choice(
        ("drag", "drag", "drag", "live", "keep", "plan", "seed", "fit", "hide", "close", "cancel")
    )
    if what == "drag" and (slider := _child(dock, (QAbstractSlider,), rng, _bars(dock))):
        _drag(slider, rng)
    elif what == "live":
        dock.live.click()
    elif what == "keep" and len(world.users()) < MOST_LAYERS - 1:
        dock.keep()
    elif what == "plan":
        kind = rng.choice((SyntheticNuclei, SyntheticMembranes))
        ndim = rng.choice((2, 3))
        plan = Plan(kind(seed=rng.randrange(9)), (8, 40, 48)[-ndim:], (0.8, 0.5, 0.5)[-ndim:])
        dock.setValue(small(plan))
    elif what == "seed":
        dock.panel.seed.setValue(rng.randrange(100))
    elif what == "fit" and dock.fit.button.isEnabled():
        dock.fit.button.click()
    elif what == "hide":
        dock.parentWidget().setVisible(not dock.isVisible())
    elif what == "close":
        world.close_synthetic()
    elif what == "cancel":
        dock.status.cancelled.emit()


# ---- the view ----


@event(8)
def scroll(world, rng):
    dims = world.viewer.dims
    axes = [axis for axis in range(dims.ndim) if axis not in dims.displayed]
    if not axes:
        return
    axis = rng.choice(axes)
    steps = dims.nsteps[axis]
    at, way = rng.randrange(steps), rng.choice((-1, 1))
    for n in range(rng.choice((1, 1, 4))):
        dims.set_current_step(axis, min(steps - 1, max(0, at + n * way)))
        _process(rng)


@event(3)
def ndisplay(world, rng):
    world.viewer.dims.ndisplay = 5 - world.viewer.dims.ndisplay


@event(3)
def turn(world, rng):
    dims = world.viewer.dims
    what = rng.choice(("roll", "transpose", "any", "back"))
    if what == "roll":
        dims.roll()
    elif what == "transpose":
        dims.transpose()
    elif what == "any":
        dims.order = tuple(rng.sample(range(dims.ndim), dims.ndim))
    else:
        dims.order = tuple(range(dims.ndim))


@event(0.7)
def thickness(world, rng):
    dims = world.viewer.dims
    thick = rng.choice((0.0, 0.0, 2.0))
    dims.margin_left = dims.margin_right = (thick,) * dims.ndim


@event(3)
def zoom(world, rng):
    camera = world.viewer.scene.camera
    if rng.random() < 0.5:
        camera.zoom = rng.choice((0.3, 1.0, 3.0, 10.0))
    elif rng.random() < 0.5:
        camera.center = tuple(c + rng.uniform(-20, 20) for c in camera.center)
    else:
        world.viewer.reset_view()


@event(1)
def grid(world, rng):
    grid = world.viewer.canvas.grid
    if rng.random() < 0.3:
        grid.stride = rng.choice((1, -1, 2))
    else:
        grid.enabled = not grid.enabled


@event(0.5)
def theme(world, rng):
    world.viewer.theme = rng.choice(("dark", "light"))


@event(1)
def slicing(world, rng):
    experimental = get_settings().experimental
    experimental.async_ = not experimental.async_


@event(1)
def units_of_the_viewer(world, rng):
    """Other units for a moment: napari fails on layers in pixels that come meanwhile."""
    layers = world.layers
    units = layers.units
    if not units or any(str(u) == "pixel" for u in units):
        return
    lengths = ("nanometer", "micrometer", "millimeter")
    layers.units = tuple(rng.choice(lengths) for u in units)
    scroll(world, rng)
    _process(rng)
    layers.units = None


# ---- layers ----


def _image(rng, shape, dtype="uint16"):
    noise = np.random.default_rng(rng.randrange(2**32))
    waves = sum(np.sin(g / (2 + n)) for n, g in enumerate(np.indices(shape).astype(float)))
    unit = (waves + noise.random(shape) - waves.min()) / (np.ptp(waves) + 1)
    dtype = np.dtype(dtype)
    top = np.iinfo(dtype).max if dtype.kind in "iu" else 1
    return (unit * min(top, 2**20)).astype(dtype)


class Slow:
    """An array that takes its time."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.ndim, self.size = array.ndim, array.size

    def __getitem__(self, key):
        time.sleep(0.005)
        return self._array[key]

    def __array__(self, dtype=None, copy=None):
        return np.array(self[...], dtype)


def _some_image(rng):
    """(data, keywords) of an image of some kind."""
    kind = rng.choice(
        ("volume", "volume", "plane", "bytes", "float", "signed", "series", "5D")
        + ("flat pyramid", "deep pyramid", "dask", "slow", "constant", "tiny", "RGB", "bool")
    )
    shape = (rng.randint(4, 9), rng.randint(20, 50), rng.randint(20, 50))
    flat = rng.randint(20, 60), rng.randint(20, 60)
    limits = {"contrast_limits": (0, 60_000)}
    if kind == "volume":
        return _image(rng, shape), {}
    if kind == "plane":
        return _image(rng, flat), {}
    if kind == "bytes":
        return _image(rng, shape, "uint8"), {}
    if kind == "float":
        return _image(rng, shape, "float32"), {}
    if kind == "signed":
        return _image(rng, shape, "int16"), {}
    if kind == "series":
        return _image(rng, (2, *shape)), {"axis_labels": ("t", "z", "y", "x")}
    if kind == "5D":
        return _image(rng, (2, 2, 4, 20, 24)), {"axis_labels": ("t", "c", "z", "y", "x")}
    if kind == "flat pyramid":
        fine = _image(rng, (600, 640))
        return [fine, fine[::2, ::2].copy(), fine[::4, ::4].copy()], {"multiscale": True}
    if kind == "deep pyramid":
        fine = _image(rng, (4, 80, 96))
        return [fine, fine[:, ::2, ::2].copy()], {"multiscale": True}
    if kind == "dask":
        import dask.array as da

        return da.from_array(_image(rng, shape), chunks=(2, 16, 16)), limits
    if kind == "slow":
        return Slow(_image(rng, shape)), limits
    if kind == "constant":
        return np.full(shape, 7, "uint16"), {}
    if kind == "tiny":
        return _image(rng, (1, 5, 6)), {}
    if kind == "RGB":
        return _image(rng, (*flat, 3), "uint8"), {"rgb": True}
    return _image(rng, flat) > 30_000, {}


@event(4)
def add_image(world, rng):
    if len(world.users()) < MOST_LAYERS:
        data, keywords = _some_image(rng)
        world.viewer.add_image(data, name=rng.choice(("cells", "nuclei", "tissue")), **keywords)


@event(1)
def add_other(world, rng):
    if len(world.users()) >= MOST_LAYERS:
        return
    what = rng.choice(("labels", "points", "shapes"))
    if what == "labels":
        world.viewer.add_labels(_image(rng, (6, 40, 48), "uint8") // 64)
    elif what == "points":
        world.viewer.add_points(np.array([[1.0, 5.0, 5.0], [2.0, 20.0, 9.0]]))
    else:
        world.viewer.add_shapes(np.array([[[0, 0], [0, 9], [9, 9], [9, 0]]], float))


def _remove(world, layers):
    world.allowed.update(layers)
    world.layers.selection = set(layers)
    world.layers.remove_selected()


@event(3)
def remove(world, rng):
    users = world.users()
    if len(users) > 2 or rng.random() < 0.3:
        layers = [la for la in users if not la.locked]
        _remove(world, rng.sample(layers, min(len(layers), rng.choice((1, 1, 2)))))


@event(1.5)
def remove_live(world, rng):
    layers = [layer for layer in world.ours() if not layer.locked]
    if layers:
        _remove(world, [rng.choice(layers)])


@event(0.7)
def remove_and_put_back(world, rng):
    layer = _pick(
        rng, (la for la in world.layers if not la.locked and la in world.users() + world.ours())
    )
    if layer is not None:
        world.allowed.add(layer)
        world.layers.remove(layer)
        _process(rng)
        world.layers.append(layer)
        world.touch(layer, "name")


@event(0.4)
def clear(world, rng):
    world.allowed.update(world.layers)
    world.layers.clear()


@event(2)
def rename(world, rng):
    if layer := _pick(rng, world.users()):
        world.touch(layer, "name")
        layer.name = rng.choice(("a", "b", "cells", "cells (diversified)", "synthetic"))


@event(4)
def select(world, rng):
    layers = list(world.layers)
    if layers:
        world.layers.selection = set(rng.sample(layers, rng.choice((1, 1, 1, min(2, len(layers))))))


@event(1)
def move(world, rng):
    n = len(world.layers)
    if n > 1:
        world.layers.move(rng.randrange(n), rng.randrange(n))


@event(4)
def eye(world, rng):
    if layer := _pick(rng, world.layers):
        linked = [layer, *linked_with(layer)]
        for one in linked:
            world.touch(one, "visible")
            world.eyes.add(id(behind(one)))
        layer.visible = not layer.visible


@event(0.7)
def link(world, rng):
    layers = world.users()
    if len(layers) > 1:
        two = rng.sample(layers, 2)
        if rng.random() < 0.5:
            world.layers.link_layers(two, ("visible",))
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                world.layers.unlink_layers(two)


@event(1)
def lock(world, rng):
    if layer := _pick(rng, world.layers):
        world.touch(layer, "locked")
        layer.locked = not layer.locked


@event(1)
def lock_level(world, rng):
    layers = [la for la in world.layers if getattr(la, "multiscale", False)]
    if layer := _pick(rng, layers):
        levels = range(len(levels_of(layer)))
        layer.locked_data_level = rng.choice((None, *levels))


@event(1)
def contrast_limits(world, rng):
    images = [la for la in world.images() + world.ours() if hasattr(la, "contrast_limits")]
    images = [la for la in images if not getattr(la, "rgb", False)]
    if layer := _pick(rng, images):
        for other in world.images():
            world.touch(other, "contrast_limits")  # those that are linked
        low, high = layer.contrast_limits_range
        at = sorted((rng.uniform(low, high), rng.uniform(low, high)))
        layer.contrast_limits = at[0], max(at[1], at[0] + (high - low) / 100)


@event(4)
def edit(world, rng):
    """Change voxels in place, and make it known in one of the ways that there are."""
    layer = _pick(rng, [la for la in world.arrays() if not la.rgb])
    if layer is None:
        return
    world.touch(layer, "voxels")
    top = 200 if layer.dtype.kind in "iu" else 1
    value, at = rng.choice((0, top)), rng.randrange(4)
    levels = levels_of(layer)
    for n, level in enumerate(levels):
        level[..., (4 + at) >> n : 18 >> n] = value
    for other in world.images():  # that show the same array
        if any(level is mine for level in levels_of(other) for mine in levels):
            world.touch(other, "voxels")
    if rng.random() < 0.5:
        layer.refresh()
    else:
        _again(layer)


def _again(layer):
    layer.data = list(layer.data) if layer.multiscale else layer.data


@event(1.5)
def replace_data(world, rng):
    layer = _pick(rng, [la for la in world.arrays() if not la.rgb and not la.multiscale])
    if layer is None:
        return
    shape = layer.data.shape
    if rng.random() < 0.5:
        shape = tuple(max(1, n + rng.randint(-1, 2)) for n in shape)
    dtype = np.dtype(rng.choice((layer.data.dtype, "uint16", "float32")))
    world.touch(layer, "voxels")
    with warnings.catch_warnings():
        layer.data = _image(rng, shape, "uint8" if dtype.kind == "b" else dtype)


@event(0.5)
def replace_data_of_live(world, rng):
    layer = _pick(rng, [la for la in world.ours() if not getattr(la, "multiscale", True)])
    if layer is not None:
        like = np.asarray(layer.data)
        layer.data = np.zeros(like.shape, like.dtype)


@event(4)
def transform(world, rng):
    layer = _pick(rng, world.images())
    if layer is None:
        return
    n = layer.ndim
    what = rng.choice(
        ("scale", "scale", "translate", "rotate", "shear", "affine", "units", "labels", "back")
    )
    if what == "back":
        world.touch(layer, "scale", "translate", "rotate", "shear", "affine", "units")
        layer.scale, layer.translate = (1,) * n, (0,) * n
        layer.rotate, layer.shear, layer.affine = (
            np.eye(n),
            (0,) * (n * (n - 1) // 2),
            np.eye(n + 1),
        )
        layer.units = ("pixel",) * n
        return
    world.touch(layer, "axis_labels" if what == "labels" else what)
    if what == "scale":
        layer.scale = tuple(rng.choice((1, 1, 0.5, 2, -1)) for _ in range(n))
    elif what == "translate":
        layer.translate = tuple(rng.uniform(-3, 3) for _ in range(n))
    elif what == "rotate":
        layer.rotate = rng.choice((0, 30, 90)) if n == 2 else (rng.choice((0, 0, 10)), 0, 0)
    elif what == "shear":
        layer.shear = tuple(rng.choice((0, 0.2)) for _ in range(n * (n - 1) // 2))
    elif what == "affine":
        matrix = np.eye(n + 1)
        matrix[range(n), range(n)] = [rng.choice((1, 2, 0.7)) for _ in range(n)]
        layer.affine = matrix
    elif what == "units":
        layer.units = (rng.choice(("pixel", "micrometer", "nanometer")),) * n
    else:
        layer.axis_labels = tuple("tczyx"[-n:]) if rng.random() < 0.7 else tuple("abcde"[:n])


def _menu(world, rng, layers):
    """A command of the layer menu on one layer."""
    if not layers or len(world.users()) >= MOST_LAYERS:
        return
    layer = rng.choice(layers)
    others = [la for la in layers if la is not layer]
    chosen = {layer, *(rng.sample(others, 1) if others and rng.random() < 0.3 else ())}
    name = rng.choice(
        ("duplicate", "duplicate", "duplicate", "split_stack", "convert_to_labels")
        + ("convert_to_image", "merge_stack", "link_selected_layers", "toggle_visibility")
        + ("project_max", "project_mean", "project_std", "extract_multiscale_level")
        + ("toggle_lock", "hide_unselected", "show_selected", "split_rgb")
    )
    action = _ACTIONS[name]
    if name == "split_stack" and max(la.data.shape[0] for la in chosen if la.ndim) > 3:
        return  # a layer for each plane
    if name.startswith("convert") and any(getattr(la, "multiscale", False) for la in chosen):
        return  # napari 0.9 fails on pyramids
    world.layers.selection = chosen
    if layer is not None:
        world.layers.selection.active = layer
    context = get_context(world.layers)
    conditions = [action.enablement, *(rule.when for rule in action.menus or ())]
    if not all(condition is None or condition.eval(context) for condition in conditions):
        return
    world.allowed.update(chosen)
    for one in world.users():
        world.touch(one, "visible", "locked")
    if name in ("toggle_visibility", "hide_unselected", "show_selected"):
        world.eyes.update(id(behind(la)) for la in world.layers)
    get_app_model().commands.execute_command(f"napari.layer.{name}").result()


@event(4)
def menu_on_live(world, rng):
    _menu(world, rng, world.ours())


@event(2)
def menu_on_users(world, rng):
    _menu(world, rng, world.users())


@event(1)
def filter_menu(world, rng):
    images = [la for la in world.images() if not is_live_copy(la)]
    if (layer := _pick(rng, images)) is not None and len(world.users()) < MOST_LAYERS:
        command = rng.choice((degrade_contrast, restore_contrast, lowpass, local_std_map))
        for data, keywords, kind in command(layer):
            world.viewer.add_layer(napari.layers.Layer.create(data, keywords, kind))

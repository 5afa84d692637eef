"""What all tests share: settings of their own, a display or a line on its absence, a dock."""

import atexit
import gc
import json
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings


def _has_display():
    """Whether a real viewer can draw: always on macOS and Windows, else by its variables."""
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# before napari reads either: no test may touch the settings of whoever runs it
_SETTINGS = tempfile.mkdtemp(prefix="napari-diversify-tests-")
atexit.register(shutil.rmtree, _SETTINGS, ignore_errors=True)
os.environ["NAPARI_CONFIG"] = str(Path(_SETTINGS) / "settings.yaml")
HAS_DISPLAY = _has_display()
if not HAS_DISPLAY:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# PySide6 6.12 on Python 3.11 would end the run after some thousand calls
from napari_diversify.widgets.qt.singletons import keep_alive  # noqa: E402

keep_alive()

# --doctest-modules would import these, under the one name that they share
collect_ignore_glob = ["*conftest.py"]

_LEFT_OUT = pytest.StashKey[int]()

# how long an example takes depends on what else the machine does
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

#: Milliseconds to wait for what is sure to come: a busy machine takes its time.
PATIENCE = 120_000


# ---- real viewers need a display ----


def pytest_configure(config):
    if os.environ.get("DIVERSIFY_REQUIRE_VIEWER") == "1" and not HAS_DISPLAY:
        raise pytest.UsageError(
            "DIVERSIFY_REQUIRE_VIEWER=1 asks for the real-viewer tests, but there is no display. "
            "Run pytest under xvfb-run -a, with QT_QPA_PLATFORM unset"
        )


def pytest_collection_modifyitems(config, items):
    if HAS_DISPLAY:
        return
    left_out = [item for item in items if item.get_closest_marker("viewer")]
    if left_out:
        config.stash[_LEFT_OUT] = len(left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("viewer")]


def pytest_terminal_summary(terminalreporter, config):
    if n := config.stash.get(_LEFT_OUT, 0):
        terminalreporter.write_line(
            f"{n} real-viewer tests were left out: there is no display. To run them: "
            "xvfb-run -a pytest (packages: see README).",
            yellow=True,
        )


# ---- garbage ----


@pytest.fixture(autouse=True, scope="module")
def known_objects():
    """Napari collects garbage for each layer and viewer: what is there to stay is left out."""
    gc.collect()
    gc.freeze()


# ---- waiting ----


@pytest.fixture
def qtbot(qtbot):
    """Give pytest-qt's own, with patience: what a test waits for ends it, not the clock."""
    for name in ("waitUntil", "waitSignal", "waitSignals"):
        setattr(qtbot, name, _patient(getattr(qtbot, name)))
    return qtbot


def _patient(wait):
    def waits(*arguments, timeout=PATIENCE, **keywords):
        return wait(*arguments, timeout=timeout, **keywords)

    return waits


# ---- worker processes, which take seconds to start ----


@pytest.fixture(scope="session")
def processes():
    """Three of them, for all tests."""
    from napari_diversify.batch import engine

    with engine(3) as executor:
        yield executor


# ---- a dock, and words to drive it ----


class Dock:
    """An Explorer with the words that tests need: slide, type, wait, compare."""

    def __init__(self, explorer, qtbot):
        self.explorer = explorer
        self._qtbot = qtbot

    @property
    def layer(self):
        return self.layer_of("diversify")

    @property
    def sigma(self):
        return self.layer_of("sigma")

    def layer_of(self, name):
        """The layer of a kind of step, an extra view, or a comparison; None if there is none."""
        view = self.explorer.view(*self._place(name))
        return None if view is None else view.live.layer

    def switch(self, name):
        """What shows it."""
        kind, view, _ = self._place(name)
        if not kind:
            return getattr(self.explorer.compare, view)
        card = self.explorer.card(kind)
        return card.views[view] if view else card.live

    def _place(self, name):
        places = {"sigma": "diversify", "removed": "lowpass", "hidden": "lowpass"}
        if name in ("split", "difference"):
            return "", name, 0
        return (places[name], name, 1) if name in places else (name, "", 1)

    def unchain(self):
        """Have every step work on the image itself."""
        for card in self.explorer.cards.widgets.values():
            card.reads_image.setChecked(True)

    def put_in_order(self, *kinds):
        """Move cards so that these kinds follow each other."""
        for place, kind in enumerate(kinds):
            self.explorer.cards.moved.emit(self.explorer.card(kind).key, place)

    @property
    def message(self):
        return self.explorer.status.message.text()

    @property
    def entry(self):
        """What the live layer says of itself."""
        return self.layer.metadata["napari-diversify"]

    @property
    def measuring(self):
        return (
            self.explorer.session.image.measurement.running
            or self.explorer.session.image._settled.isActive()
        )

    # ---- what a user does ----

    def control(self, name):
        panel = self.explorer.card("diversify").panel
        return panel.psnr if name == "psnr" else panel.form.controls[name]

    def slider(self, name):
        from superqt import QDoubleSlider

        return self.control(name).findChild(QDoubleSlider)

    def box(self, name):
        from qtpy.QtWidgets import QDoubleSpinBox

        return self.control(name).findChild(QDoubleSpinBox)

    def axis_boxes(self, name):
        from qtpy.QtWidgets import QAbstractSpinBox

        return self.control(name).findChildren(QAbstractSpinBox)

    def slide(self, **values):
        for name, value in values.items():
            self.slider(name).setValue(value)

    def pin(self, layer):
        """Choose a layer in the list of images, or None for the active one."""
        picker = self.explorer.source_panel.picker
        name = None if layer is None else layer.name
        picker.setCurrentIndex(0 if name is None else picker.findText(name))

    # ---- what a test waits for and compares ----

    def in_step(self):
        """Whether the live layer shows the settings of the dock."""
        explorer = self.explorer
        return (
            self.layer is not None
            and explorer.value().intensity_range is not None
            and self.entry["recipe"] == json.loads(explorer.value().to_json())
            and self.entry["sample"] == explorer.sample()
        )

    @property
    def computing(self):
        return any(view.live.running for view in self.explorer.session.views.views.values())

    def settled(self):
        """Whether everything that has to be shown is, with the newest settings."""
        from napari_diversify.widgets.diversify.resolve import resolve

        explorer = self.explorer
        image, views = explorer.session.image, explorer.session.views
        quiet = (
            not self.measuring
            and not self.computing
            and not explorer.session._throttle._timer.isActive()
            and not any(task.running for task in explorer._tasks())
            and not views._to_add
        )
        if not quiet or image.source() is None or not image.facts().known:
            return quiet
        wanted = resolve(explorer.state(), image.facts())
        there = {key: views.get(key) for key in wanted}
        return all(
            # one that cannot be shown of the image belongs to none
            view is not None and (view._of is None or view.follows(wanted[key].recipe))
            for key, view in there.items()
        )

    def settle(self):
        self.wait(self.settled)

    def calm(self):
        """Whether the live layer is in step and nothing is measured, computed, or about to be."""
        return self.in_step() and not self.measuring and not self.computing

    def wait(self, condition=None):
        self._qtbot.waitUntil(condition or self.calm)

    def wait_measured(self):
        self.wait(lambda: not self.measuring)

    def wait_for_source(self, layer):
        """Until the live layer shows ``layer``."""
        self.wait(lambda: self.calm() and self.entry["source"] == layer.name)

    def rebuilt(self, array):
        """What the recipe in the layer's metadata makes of an array."""
        from napari_diversify import Recipe

        recipe = Recipe.from_json(json.dumps(self.entry["recipe"]))
        return recipe.apply(array, sample=self.entry["sample"])

    def assert_exact(self, array):
        """The live layer is, bit for bit, what its metadata says of ``array``."""
        assert_same_bits(np.asarray(self.layer.data), self.rebuilt(array))


def assert_same_bits(a, b):
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@pytest.fixture
def same_bits():
    """Assert that two arrays have one dtype, one shape and the same bytes."""
    return assert_same_bits


@pytest.fixture
def open_dock(qtbot):
    """Make an Explorer on a viewer model and show it; closed again after the test."""
    from napari_diversify.widgets.diversify.dock import Explorer

    def make(viewer, *, show=True):
        explorer = Explorer(viewer)
        qtbot.addWidget(explorer)
        if show:
            explorer.show()
        return Dock(explorer, qtbot)

    return make


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests(request, monkeypatch):
    """What the plugin remembers between sessions it forgets between tests, unless one asks."""
    if "plugin_settings" not in request.fixturenames:
        from napari_diversify.widgets.qt import preferences

        monkeypatch.setattr(preferences, "_settings", lambda: None)


class Gate:
    """Closed, it holds back generators that are guarded by it; they stay cancellable."""

    def __init__(self):
        self._open = threading.Event()
        self._open.set()

    def close(self):
        self._open.clear()

    def open(self):
        self._open.set()

    def guard(self, generator_function):
        def guarded(*args, **keywords):
            while not self._open.is_set():
                yield 0, 1
                self._open.wait(0.005)
            return (yield from generator_function(*args, **keywords))

        return guarded


@pytest.fixture
def gate():
    """A gate that is opened after the test, whatever happens."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def make_image():
    """Random images in which every voxel counts: blobs of two sizes, and noise."""

    def make(shape=(6, 24, 32), dtype="uint16", seed=0):
        rng = np.random.default_rng(seed)
        grid = np.indices(shape).astype(float)
        waves = sum(np.sin(g / (2 + n)) for n, g in enumerate(grid))
        unit = (waves + rng.random(shape) - (waves + 0.5).min()) / (np.ptp(waves) + 2)
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return (unit - 0.25).astype(dtype)
        limits = np.iinfo(dtype)
        low = max(limits.min, -(2**20))
        return (low + unit * (min(limits.max, 2**20) - low)).astype(dtype)

    return make


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

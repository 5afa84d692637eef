"""Small screens: all can be reached, no line of words is cut; keys are what tooltips say."""

import itertools
from pathlib import Path

import pytest
from napari.layers import Labels, Points, Shapes
from napari.utils.action_manager import action_manager
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtWidgets import QApplication, QLabel, QScrollArea

from napari_diversify.widgets.diversify import readout as readout_module
from napari_diversify.widgets.qt.words import Words
from napari_diversify.widgets.synthetic.dock import SyntheticDock

#: A laptop of 1366 x 768, less what the desktop and the title of a window take.
WIDTH, HEIGHT = 1366, 700


def lay_out(widget):
    """Let Qt distribute the room there is, until nothing moves any more."""
    for _ in range(4):
        QApplication.processEvents()
    layout = widget.layout()
    if layout is not None:
        layout.activate()


def cut(label):
    return label.isVisible() and label.height() < label.heightForWidth(label.width())


@pytest.fixture
def measured(live, monkeypatch):
    """A dock with numbers in both lines."""
    monkeypatch.setattr(readout_module, "_PLANE_MS", 5)
    lines = live.explorer.readout
    live.wait(lambda: "PSNR" in lines.plane.text() and "PSNR" in lines.volume.text())
    return live


TEXTS = (
    "…",
    "PSNR 16.75 dB   SSIM 0.34   RMS contrast 0.26 → 0.35   clipped 4.7 %",
    "PSNR 116.75 dB   SSIM 0.34   RMS contrast 10.26 → 10.35   clipped 14.7 %",
    "Nothing of the image lies in the plane in view.",
    "napari shows several planes as one here. For numbers set the layer’s projection mode to none, "
    "or the thickness of the slice to 0.",
)


@pytest.mark.parametrize("name", ["z 3", "t 11, z 31", "axis -4: 11, axis -3: 131"])
def test_the_line_of_numbers_is_cut_at_no_size_of_the_dock(measured, name):
    explorer, lines = measured.explorer, measured.explorer.readout
    sizes = list(itertools.product(range(300, 701, 80), range(500, 1101, 46)))
    assert len(sizes) == 84
    for width, height in sizes:
        explorer.resize(width, height)
        lines._name.setText(name)
        for text in (*TEXTS, *TEXTS[::-1]):
            lines.plane.setText(text)
            lay_out(explorer)
            where = f"{explorer.width()} x {explorer.height()}: {text}"
            assert not cut(lines.plane), where
            assert not cut(lines.volume), where
            assert explorer.height() >= explorer.status.geometry().bottom()


@pytest.mark.parametrize("width", [300, 430, 560, 700])
def test_no_words_of_the_dock_are_cut(measured, width):
    explorer = measured.explorer
    explorer.status.say("A sentence of the kind that says what to do about an image. " * 4)
    for card in explorer.cards.widgets.values():
        card.title.setChecked(True)
    for height in (500, 800, 1100):
        explorer.resize(width, height)
        lay_out(explorer)
        found = [label for label in explorer.findChildren(QLabel) if isinstance(label, Words)]
        assert len(found) >= 5
        assert not [label.text() for label in found if cut(label)]


def test_every_window_fits_a_laptop(measured, viewer, qtbot):
    synthetic = SyntheticDock(viewer)
    qtbot.addWidget(synthetic)
    synthetic.show()
    windows = measured.explorer.windows
    for name in ("contrast", "lowpass"):
        measured.switch(name).setChecked(True)
    windows.open_export()
    windows.open_samples()
    windows.open_explore()
    windows.open_plots()
    measured.wait(lambda: len(windows.explore.values) == len(windows.explore.tiles) > 0)
    opened = [windows.export, windows.samples, windows.explore, windows.plots]
    for widget in (measured.explorer, synthetic, *opened):
        lay_out(widget)
        least = widget.minimumSizeHint()
        assert least.height() <= HEIGHT, type(widget).__name__
        assert least.width() <= WIDTH, type(widget).__name__


def test_all_tiles_of_explore_can_be_reached(measured):
    measured.explorer.windows.open_explore()
    window = measured.explorer.windows.explore
    measured.wait(lambda: len(window.values) == len(window.tiles) > 0)
    measured.wait(lambda: window.width() > 300)  # as large as the screen allows
    available = window.screen().availableGeometry()
    assert window.height() <= available.height()
    assert window.width() <= available.width()
    area = window.findChild(QScrollArea)
    window.resize(500, 400)
    for tile in window.tiles.values():
        area.ensureWidgetVisible(tile)
        lay_out(window)
        middle = tile.mapTo(area.viewport(), tile.rect().center())
        assert area.viewport().rect().contains(middle)
    assert not cut(window.note)


def test_a_size_given_to_explore_stays(measured):
    measured.explorer.windows.open_explore()
    window = measured.explorer.windows.explore
    measured.wait(lambda: window.width() > 300)
    window.resize(444, 333)
    measured.slide(w_v=5.0)
    measured.wait()
    measured.wait(lambda: any(w[1] == 5.0 for w in window.values))
    assert (window.width(), window.height()) == (444, 333)


# ---- keys ----

#: What napari calls the actions of each kind of layer.
OF_LAYERS = {"Labels": Labels, "Points": Points, "Shapes": Shapes}


def layers_that_use(letter):
    """Kinds of layers of which napari uses a key itself."""
    names = [name for name, keys in default_shortcuts.items() if letter in map(str, keys)]
    providers = {action_manager._actions[name].keymapprovider.__name__ for name in names}
    return providers & set(OF_LAYERS)


@pytest.mark.parametrize(
    ("letter", "button"),
    [("G", "side_by_side"), ("B", "blink"), ("S", "split"), ("D", "difference")],
)
def test_tooltips_say_whose_a_key_is_while_another_layer_is_active(live, letter, button):
    tooltip = getattr(live.explorer.compare, button).toolTip()
    assert f"Key, in the viewer: {letter}" in tooltip
    said = {kind for kind in OF_LAYERS if kind in tooltip}
    assert said == layers_that_use(letter)


def test_the_docs_say_so_too():
    text = (Path(__file__).parents[2] / "docs" / "looking.md").read_text()
    (sentence,) = [line for line in text.split("\n\n") if "uses some of these keys" in line]
    assert "B in Labels and Shapes" in " ".join(sentence.split())
    for letter in "BSDR":
        for kind in layers_that_use(letter):
            assert kind in sentence
    assert all(kind in sentence for kind in OF_LAYERS)

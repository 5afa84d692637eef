"""A plot is one class: the window shows and follows those that it has never heard of."""

import copy
import pathlib
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from napari_diversify.recipe import Diversify, LazyVolume, Recipe, Restore
from napari_diversify.widgets import plots as plots_room
from napari_diversify.widgets.plots import follower as follower_module
from napari_diversify.widgets.plots.facts import Fact, View
from napari_diversify.widgets.plots.numbers import Numbers
from napari_diversify.widgets.plots.plot import Plot
from napari_diversify.widgets.plots.registry import PLOTS
from napari_diversify.widgets.plots.window import PlotsWindow

PLANES = [(slice(z, z + 1), slice(None), slice(None)) for z in range(6)]


class Profile(Numbers):
    """Mean of each line of the plane in view."""

    def __init__(self):
        super().__init__(View)
        self.computed = []

    def compute(self, fact, wanted, before):
        """In two pieces."""
        yield 0, 2
        self.computed.append((fact.index, wanted, threading.current_thread()))
        yield 1, 2
        return np.asarray(fact.array[fact.index])[0].mean(axis=1)


class ProfilePlot(Plot):
    """A plot of the plane in view, with numbers of its own."""

    name = "profile"
    numbers = Profile()

    def __init__(self):
        super().__init__("Profile", "Mean of each line.", "line", "mean")
        self.result = self.curve("result")

    def draw(self, numbers, of):
        """Draw it."""
        self.result.setData(np.arange(numbers.size), numbers)
        self.reveal([("result", "—", "result")], of.name)


@dataclass(frozen=True, eq=False)
class Scores(Fact):
    """A curve that somebody else has computed."""

    missing = "No scores yet."

    k: np.ndarray
    score: np.ndarray


class ScoresPlot(Plot):
    """A plot of a curve that is handed over; a click picks one of its points."""

    name = "scores"
    numbers = Numbers(Scores)

    def __init__(self):
        super().__init__("Scores", "Score against k.", "k", "score")
        self.result = self.curve("result")

    def draw(self, numbers, of):
        """Draw it."""
        self.result.setData(numbers.k, numbers.score)
        self.reveal([("result", "—", "score")])


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    for name, wait in (("_REST_MS", 40), ("_FOLLOW_MS", 100), ("_DRAW_MS", 2)):
        monkeypatch.setattr(follower_module, name, wait)
    monkeypatch.setattr(ProfilePlot, "numbers", Profile())


@pytest.fixture
def array(make_image):
    image = make_image((6, 40, 48))
    recipe = Recipe(steps=(Diversify(w_v=2.0),), intensity_range=(0.0, float(image.max())))
    return LazyVolume(image, recipe, (2.0, 0.5, 0.5))


@pytest.fixture
def window(viewer, qtbot):
    window = PlotsWindow(viewer, kinds=(*PLOTS, ProfilePlot, ScoresPlot))
    qtbot.addWidget(window, before_close_func=lambda w: w.cancel())
    window.resize(900, 900)
    window.show()
    return window


def settle(qtbot, window):
    qtbot.waitUntil(lambda: window.in_step and not window.running)


def test_a_fifth_plot_is_shown_and_follows(window, array, qtbot):
    profile = window.plots["profile"]
    assert profile.isVisible()
    assert "no image" in profile.sentence.text()
    for z in (2, 4):
        window.look(array, PLANES[z], f"z {z}")
        settle(qtbot, window)
        assert profile.result.getData()[1].tolist() == array[z].mean(axis=1).tolist()
        assert f"z {z}" in profile.heading.text()
    threads = {thread for _, _, thread in profile.numbers.computed}
    assert threading.main_thread() not in threads
    array.recipe = array.recipe.replace(steps=(Diversify(w_v=6.0),))
    window.look(array, PLANES[4], "z 4")
    qtbot.waitUntil(lambda: bool(profile.faint))
    settle(qtbot, window)
    assert not profile.faint
    assert profile.result.getData()[1].tolist() == array[4].mean(axis=1).tolist()
    window.clear()
    assert not profile.has_curves


def test_hidden_it_computes_nothing_until_it_is_shown(window, array, qtbot):
    profile = window.plots["profile"]
    window.switches["profile"].setChecked(False)
    window.look(array, PLANES[2], "z 2")
    settle(qtbot, window)
    qtbot.wait(60)
    assert profile.numbers.computed == []
    assert window.plots["histogram"].has_curves
    window.switches["profile"].setChecked(True)
    settle(qtbot, window)
    assert [entry[:2] for entry in profile.numbers.computed] == [(PLANES[2], {"profile"})]
    assert profile.has_curves


def test_a_curve_handed_over_is_drawn_until_it_is_forgotten(window, array, qtbot):
    scores = window.plots["scores"]
    assert scores.sentence.text() == "No scores yet."
    window.look(array, PLANES[2], "z 2")  # of no matter to it
    for score in (np.arange(4.0), np.arange(4.0)[::-1]):
        window.tell(Scores(np.arange(4.0), score))
        settle(qtbot, window)
        assert scores.result.getData()[1].tolist() == score.tolist()
        assert not scores.faint
    window.forget(Scores)
    assert scores.sentence.text() == "No scores yet."
    assert window.plots["profile"].has_curves


def test_what_any_plot_picks_the_window_tells(window, qtbot):
    with qtbot.waitSignal(window.picked) as picked:
        window.plots["scores"].picked.emit("k", 2.5)
    assert picked.args == ["k", 2.5]


@pytest.mark.parametrize("name", ["histogram", "depth", "profile"])
def test_back_at_the_settings_that_it_shows_a_plot_is_not_left_faint(window, array, qtbot, name):
    plot = window.plots[name]
    other = copy.copy(array)
    other.recipe = array.recipe.replace(steps=(Diversify(w_v=6.0),))
    window.look(array, PLANES[2], "z 2")
    settle(qtbot, window)
    qtbot.waitUntil(lambda: not window._follower._soon.isActive())  # so that it begins anew
    note = plot.note.text()
    window.look(other, PLANES[2], "z 2")
    qtbot.waitUntil(lambda: bool(plot.faint))
    window.look(array, PLANES[2], "z 2")
    settle(qtbot, window)
    assert not plot.faint
    assert plot.note.text() == note


def test_numbers_that_arrived_while_a_plot_was_hidden_are_drawn_when_it_is_shown(
    window, array, qtbot, gate, monkeypatch
):
    """Both plots of the plane were wanted; one is hidden before it is drawn."""
    window._follower._drawing.setInterval(100)
    spectrum = window.plots["spectrum"]
    window.look(array, PLANES[2], "z 2")
    work = window._follower._work_of[spectrum]
    qtbot.waitUntil(lambda: work.measured is not None)
    window.switches["spectrum"].setChecked(False)
    settle(qtbot, window)
    assert not spectrum.has_curves
    window.switches["spectrum"].setChecked(True)
    settle(qtbot, window)
    assert spectrum.has_curves


def test_no_plot_is_named_where_plots_are_shown_and_followed():
    room = pathlib.Path(plots_room.__file__).parent
    names = [kind.name for kind in PLOTS] + ["w_v", "psnr", "contrast", "weight"]
    assert names[:4] == ["histogram", "spectrum", "depth", "noise"]
    for file in ("window", "follower", "measuring", "numbers", "plot"):
        text = (room / f"{file}.py").read_text(encoding="utf-8").lower()
        assert [name for name in names if name in text] == []


def test_restoration_marks_the_iterations_without_computing_the_curves_again(window, array, qtbot):
    plot = window.plots["restoration"]
    assert not plot.isVisible()  # of use to few chains
    window.switches["restoration"].setChecked(True)
    window.look(array, PLANES[2], "z 2")
    settle(qtbot, window)
    assert "richardson-lucy" in plot.sentence.text()
    measured, noisy = [], array.recipe.steps[0]
    for k in (2, 5):
        steps = (Restore(method="richardson-lucy", iterations=k), noisy)
        array.recipe = array.recipe.replace(steps=steps)
        window.look(array, PLANES[2], "z 2")
        settle(qtbot, window)
        assert plot.marker.value() == k
        assert f"k = {k}: " in plot.note.text()
        measured.append(window._follower._work_of[plot].measured)
    assert measured[0] is measured[1]
    contrast, retention = (c.getData()[1] for c in (plot.contrast, plot.retention))
    assert contrast[0] < contrast[-1]
    assert retention[0] == pytest.approx(plot.least.value() / 0.9)

"""The plots show the core's numbers of what is in view, follow sliders, and rest when hidden."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtWidgets import QWidget

from napari_diversify.analysis.by_depth import by_depth
from napari_diversify.core import PsnrModel, local_std, radial_power_spectrum
from napari_diversify.core.blocks import exhaust
from napari_diversify.recipe import Diversify, LazyVolume, LowPass, Recipe
from napari_diversify.widgets.plots import depth as depth_module
from napari_diversify.widgets.plots import follower as follower_module
from napari_diversify.widgets.plots import noise as noise_module
from napari_diversify.widgets.plots import plane as plane_module
from napari_diversify.widgets.plots.facts import Expected, View
from napari_diversify.widgets.plots.window import PlotsWindow

ALL = slice(None)
PLANE = (slice(2, 3), ALL, ALL)
OTHER = (slice(4, 5), ALL, ALL)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(follower_module, "_REST_MS", 40)
    monkeypatch.setattr(follower_module, "_FOLLOW_MS", 15)
    monkeypatch.setattr(follower_module, "_DRAW_MS", 2)


@pytest.fixture
def image(make_image):
    return make_image((6, 40, 48))


def volume(image, *steps, spacing=(2.0, 0.5, 0.5), limits=None):
    limits = limits or (float(np.min(image)), float(np.max(image)))
    recipe = Recipe(steps=steps or (Diversify(w_v=2.0),), intensity_range=limits)
    return LazyVolume(image, recipe, spacing)


@pytest.fixture
def model(image):
    unit = ((image - float(image.min())) / np.ptp(image)).astype(np.float32)
    return PsnrModel.from_volume(unit, local_std(unit))


@pytest.fixture
def open_plots(qtbot, viewer):
    """Make a window of plots; closed again after the test."""

    def make(*, show=True):
        window = PlotsWindow(viewer)
        qtbot.addWidget(window, before_close_func=lambda w: w.cancel())
        window.resize(900, 640)
        if show:
            window.show()
        return window

    return make


@pytest.fixture
def plots(open_plots, image, model, qtbot):
    """A window that shows a plane."""
    window = open_plots()
    window.look(volume(image), PLANE, "z 2")
    window.tell(Expected(model, 1.0, 2.0))
    settle(qtbot, window)
    return window


def settle(qtbot, window):
    qtbot.waitUntil(lambda: window.in_step and not window.running)


def measuring(window, name):
    """Whether numbers of a plot are being computed."""
    return window._follower._work_of[window.plots[name]].running


def data(curve):
    """What is drawn of a curve."""
    x, y = curve.getData()
    return (np.empty(0), np.empty(0)) if x is None else (np.asarray(x), np.asarray(y))


def assert_shows(window, source, result, size):
    """Histogram and spectrum are those of this plane."""
    edges, counts = data(window.plots["histogram"].source)
    assert np.rint(10 ** counts[counts > 0]).sum() == source.size - (counts == 0).sum()
    histogram, spectrum = window.plots["histogram"], window.plots["spectrum"]
    for curve, values in ((histogram.source, source), (histogram.result, result)):
        expected = np.histogram(values, edges)[0]
        assert 10 ** data(curve)[1] == pytest.approx(np.maximum(expected, 10**-0.3), rel=1e-6)
    for curve, values in ((spectrum.source, source), (spectrum.result, result)):
        frequency, power = radial_power_spectrum(values, size)
        assert data(curve)[0] == pytest.approx(frequency)
        assert 10 ** data(curve)[1] == pytest.approx(power, rel=1e-5)


# --- what is shown -----------------------------------------------------------


def test_the_curves_are_the_cores_numbers_of_the_plane_in_view(plots, image):
    assert_shows(plots, image[2], volume(image)[2], (0.5, 0.5))
    assert "z 2" in plots.plots["histogram"].heading.text()
    assert "cycles/µm" in plots.plots["spectrum"].axes["bottom"].labelText
    assert not any(plot.faint for plot in plots.plots.values())


def test_contrast_against_depth_is_that_of_the_volume(plots, image):
    found = exhaust(by_depth(volume(image), PLANE))
    assert data(plots.plots["depth"].source)[1].tolist() == found.source.tolist()
    assert data(plots.plots["depth"].result)[1].tolist() == found.result.tolist()
    assert data(plots.plots["depth"].result)[0].tolist() == found.depth.tolist()
    kept = 100 * found.result_whole / found.source_whole
    assert f"{kept:.0f} % kept" in plots.plots["depth"].note.text()


def test_the_fit_is_drawn_where_contrast_falls_and_only_there(open_plots, qtbot):
    rng = np.random.default_rng(0)
    objects = rng.random((8, 40, 40)) > 0.7
    contrast = 0.8 * np.exp(-np.arange(8) / 20)[:, None, None]
    fading = np.where(objects, 100 * (1 + contrast), 100.0)
    window = open_plots()
    window.look(volume(fading, Diversify(w_v=0.0), limits=(0.0, 1000.0)), PLANE, "z 2")
    settle(qtbot, window)
    depth, fit = data(window.plots["depth"].fits[0])
    assert fit == pytest.approx(0.8 * np.exp(-depth / 40))
    assert "1/e over: source 40 µm, result 40 µm" in window.plots["depth"].note.text()
    window.look(volume(fading[::-1], Diversify(w_v=0.0), limits=(0.0, 1000.0)), PLANE, "z 2")
    settle(qtbot, window)
    assert data(window.plots["depth"].fits[0])[0].size == 0
    assert "1/e" not in window.plots["depth"].note.text()


def test_psnr_and_contrast_are_those_of_the_model(plots, model):
    at, psnr = data(plots.plots["noise"].psnr)
    _, kept = data(plots.plots["noise"].kept)
    for root, decibel, share in list(zip(at, psnr, kept, strict=True))[4::10]:
        assert decibel == pytest.approx(model.expected(1.0, root**2))
        expected = 100 * model.contrast(1.0, root**2) / model.contrast(1.0, 0.0)
        assert share * 2.5 == pytest.approx(expected)
    assert plots.plots["noise"].marker.value() ** 2 == pytest.approx(2.0)
    assert data(plots.plots["noise"].at_psnr)[1][0] == pytest.approx(model.expected(1.0, 2.0))
    assert f"{model.expected(1.0, 2.0):.2f} dB" in plots.plots["noise"].note.text()


def test_the_cutoff_is_drawn_where_the_low_pass_cuts(plots, image, qtbot):
    assert plots.plots["spectrum"].cutoffs == []
    plots.look(volume(image, LowPass(cutoff=0.4)), PLANE, "z 2")
    settle(qtbot, plots)
    assert [line.value() for line in plots.plots["spectrum"].cutoffs] == [pytest.approx(0.4)]
    assert "cutoff 0.4 cycles/µm" in plots.plots["spectrum"].legend.text()
    plots.look(volume(image, LowPass(cutoff=0.4), spacing=(2.0, 0.5, 0.25)), PLANE, "z 2")
    settle(qtbot, plots)
    assert sorted(line.value() for line in plots.plots["spectrum"].cutoffs) == pytest.approx(
        [0.4, 0.8]
    )
    plots.look(volume(image), PLANE, "z 2")
    settle(qtbot, plots)
    assert plots.plots["spectrum"].cutoffs == []


# --- following ---------------------------------------------------------------


def test_after_a_drag_the_last_value_is_shown(plots, image, model, qtbot):
    array = volume(image)
    for w_v in np.linspace(0.1, 6.0, 40):
        array.recipe = array.recipe.replace(steps=(Diversify(w_v=float(w_v)),))
        plots.look(array, PLANE, "z 2")
        plots.tell(Expected(model, 1.0, float(w_v)))
        qtbot.wait(4)
    settle(qtbot, plots)
    assert_shows(plots, image[2], array[2], (0.5, 0.5))
    assert (
        data(plots.plots["depth"].result)[1].tolist()
        == exhaust(by_depth(array, PLANE)).result.tolist()
    )
    assert plots.plots["noise"].marker.value() ** 2 == pytest.approx(6.0)


def test_curves_follow_during_a_drag_and_are_faint_until_true(plots, image, qtbot):
    array = volume(image)
    before = data(plots.plots["histogram"].result)[1]
    for w_v in np.linspace(3.0, 6.0, 60):
        array.recipe = array.recipe.replace(steps=(Diversify(w_v=float(w_v)),))
        plots.look(array, PLANE, "z 2")
        qtbot.wait(5)
        if not np.array_equal(data(plots.plots["histogram"].result)[1], before):
            break
    else:
        pytest.fail("nothing followed during the drag")
    array.recipe = array.recipe.replace(steps=(Diversify(w_v=7.0),))
    plots.look(array, PLANE, "z 2")
    faint = {"result"}
    qtbot.waitUntil(
        lambda: plots.plots["histogram"].faint == plots.plots["spectrum"].faint == faint
    )
    settle(qtbot, plots)
    assert not any(plot.faint for plot in plots.plots.values())


def test_what_changes_during_a_computation_is_computed_after_it(
    plots, image, qtbot, gate, monkeypatch
):
    plots.switches["depth"].setChecked(False)
    gate.close()
    monkeypatch.setattr(plane_module, "of_plane", gate.guard(plane_module.of_plane))
    plots.look(volume(image, Diversify(w_v=4.0)), PLANE, "z 2")
    qtbot.waitUntil(lambda: measuring(plots, "histogram"))
    array = volume(image, Diversify(w_v=6.0))
    plots.look(array, OTHER, "z 4")
    qtbot.wait(60)  # it has looked, and found its thread busy
    gate.open()
    settle(qtbot, plots)
    assert_shows(plots, image[4], array[4], (0.5, 0.5))


def test_another_plane_is_followed_and_depth_stays(plots, image, qtbot, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots.plots["depth"], "draw", lambda *shown: drawn.append(shown))
    plots.look(volume(image), PLANE, "z 2")  # the same settings in another array
    settle(qtbot, plots)
    drawn.clear()
    array = plots.facts[View].array
    plots.look(array, OTHER, "z 4")
    settle(qtbot, plots)
    assert_shows(plots, image[4], array[4], (0.5, 0.5))
    assert drawn == []


def test_an_edited_source_is_plotted_anew(plots, image, qtbot):
    array = volume(image)
    plots.look(array, PLANE, "z 2")
    settle(qtbot, plots)
    image[2] = image[2][::-1] // 2
    array.source_edited()
    plots.look(array, PLANE, "z 2")
    settle(qtbot, plots)
    assert_shows(plots, image[2], array[2], (0.5, 0.5))


def test_a_new_w_i_has_curves_of_its_own(plots, model, qtbot):
    plots.tell(Expected(model, 0.5, 2.0))
    settle(qtbot, plots)
    at, psnr = data(plots.plots["noise"].psnr)
    assert psnr[30] == pytest.approx(model.expected(0.5, at[30] ** 2))
    assert "w_i 0.50" in plots.plots["noise"].heading.text()


# --- hidden ------------------------------------------------------------------


def test_a_hidden_window_reads_nothing_and_catches_up_when_shown(
    open_plots, image, model, spy, qtbot
):
    source = spy(image)
    array = volume(source, limits=(0.0, float(image.max())))
    window = open_plots(show=False)
    window.look(array, PLANE, "z 2")
    window.tell(Expected(model, 1.0, 2.0))
    qtbot.wait(200)
    assert source.reads == 0
    assert not window.running
    window.show()
    settle(qtbot, window)
    assert source.reads > 0
    assert_shows(window, image[2], array[2], (0.5, 0.5))
    window.hide()
    reads = source.reads
    array.recipe = array.recipe.replace(steps=(Diversify(w_v=5.0),))
    window.look(array, OTHER, "z 4")
    qtbot.wait(200)
    assert source.reads == reads
    window.show()
    settle(qtbot, window)
    assert_shows(window, image[4], array[4], (0.5, 0.5))


@pytest.fixture
def asked(monkeypatch):
    """What was measured: of the plane also whether for the histogram, for the spectrum."""
    calls = []
    for module, name in (
        (plane_module, "of_plane"),
        (depth_module, "by_depth"),
        (noise_module, "by_noise"),
    ):
        original = getattr(module, name)

        def spied(*arguments, name=name, original=original):
            calls.append((name, arguments[2:4] if name == "of_plane" else ()))
            return original(*arguments)

        monkeypatch.setattr(module, name, spied)
    return calls


def test_a_hidden_plot_is_not_computed(open_plots, image, model, asked, qtbot):
    window = open_plots()
    for name in ("spectrum", "depth", "noise"):
        window.switches[name].setChecked(False)
    window.look(volume(image), PLANE, "z 2")
    window.tell(Expected(model, 1.0, 2.0))
    settle(qtbot, window)
    qtbot.wait(100)
    assert set(asked) == {("of_plane", (True, False))}
    for name in ("spectrum", "depth", "noise"):
        window.switches[name].setChecked(True)
    settle(qtbot, window)
    assert {name for name, _ in asked} == {"of_plane", "by_depth", "by_noise"}
    assert_shows(window, image[2], volume(image)[2], (0.5, 0.5))


def test_hidden_it_does_not_listen_to_the_viewer(open_plots, viewer, qtbot):
    callbacks = len(viewer.events.theme.callbacks)
    window = open_plots(show=False)
    assert len(viewer.events.theme.callbacks) == callbacks
    window.show()
    assert len(viewer.events.theme.callbacks) == callbacks + 1
    window.hide()
    assert len(viewer.events.theme.callbacks) == callbacks


def test_minimised_it_computes_nothing_and_restored_it_catches_up(
    open_plots, viewer, image, asked, qtbot
):
    window = open_plots()
    window.look(volume(image), PLANE, "z 2")
    settle(qtbot, window)
    window.showMinimized()
    qtbot.waitUntil(window.isMinimized)
    asked.clear()
    window.look(volume(image, Diversify(w_v=5.0)), PLANE, "z 2")
    qtbot.wait(200)  # more than it waits before it follows
    assert asked == []
    assert not window.running
    window.showNormal()
    settle(qtbot, window)
    assert {name for name, _ in asked} >= {"of_plane", "by_depth"}
    assert_shows(window, image[2], volume(image, Diversify(w_v=5.0))[2], (0.5, 0.5))
    window.showMinimized()
    window.close()


def test_closed_while_computing_it_leaves_no_thread(open_plots, image, qtbot, gate, monkeypatch):
    gate.close()
    monkeypatch.setattr(plane_module, "of_plane", gate.guard(plane_module.of_plane))
    monkeypatch.setattr(depth_module, "by_depth", gate.guard(depth_module.by_depth))
    window = open_plots()
    window.look(volume(image), PLANE, "z 2")
    qtbot.waitUntil(lambda: measuring(window, "histogram") and measuring(window, "depth"))
    window.close()
    assert not window.running
    qtbot.wait(50)
    assert not window.plots["histogram"].has_curves
    threads = threading.active_count()
    gate.open()
    qtbot.wait(50)
    assert threading.active_count() <= threads


def test_its_parent_may_go_first(viewer, image, qtbot, destroy_closed):
    parent = QWidget()
    window = PlotsWindow(viewer, parent)
    window.show()
    window.look(volume(image), PLANE, "z 2")
    settle(qtbot, window)
    parent.deleteLater()
    destroy_closed()
    viewer.theme = "light"  # nobody is there to follow


def test_cleared_it_shows_nothing(plots, image, qtbot):
    plots.look(volume(image), OTHER, "z 4")
    plots.clear()
    qtbot.wait(100)
    assert not any(plot.has_curves for plot in plots.plots.values())
    assert not plots.running
    assert "no image" in plots.plots["histogram"].sentence.text()
    assert "not been measured" in plots.plots["noise"].sentence.text()
    plots.look(volume(image), OTHER, "z 4")
    settle(qtbot, plots)
    assert_shows(plots, image[4], volume(image)[4], (0.5, 0.5))


# --- sentences ---------------------------------------------------------------


def test_a_constant_image_has_sentences(open_plots, qtbot):
    flat = np.full((4, 20, 20), 7.0)
    window = open_plots()
    window.look(volume(flat, limits=(0.0, 10.0)), PLANE, "z 2")
    window.tell(Expected(PsnrModel.from_volume(flat / 10, 0 * flat), 1.0, 2.0))
    settle(qtbot, window)
    assert "same intensity everywhere" in window.plots["spectrum"].sentence.text()
    assert "same intensity everywhere" in window.plots["depth"].sentence.text()
    assert "no weight changes" in window.plots["noise"].sentence.text()
    assert [plot.name for plot in window.plots.values() if plot.has_curves] == ["histogram"]


@pytest.mark.parametrize(("shape", "words"), [((40, 48), "2D"), ((1, 40, 48), "has one")])
def test_without_depth_there_is_a_sentence(open_plots, make_image, qtbot, shape, words):
    image = make_image(shape)
    window = open_plots()
    window.look(volume(image, spacing=None), (slice(0, 1), ALL, ALL)[-len(shape) :], "view")
    settle(qtbot, window)
    assert words in window.plots["depth"].sentence.text()
    assert not window.plots["depth"].has_curves
    assert window.plots["histogram"].has_curves
    assert window.plots["spectrum"].has_curves


def test_without_a_unit_frequencies_and_depths_count_pixels_and_planes(open_plots, image, qtbot):
    window = open_plots()
    window.look(volume(image, LowPass(cutoff=0.5), spacing=None), PLANE, "z 2")
    settle(qtbot, window)
    assert "cycles/pixel" in window.plots["spectrum"].axes["bottom"].labelText
    assert window.plots["spectrum"].cutoffs[0].value() == pytest.approx(0.25)
    assert "planes" in window.plots["depth"].axes["bottom"].labelText


def test_what_cannot_be_read_is_said_and_the_next_is_plotted(plots, image, qtbot, monkeypatch):
    with monkeypatch.context() as broken:

        def fail(*arguments):
            yield 0, 1
            raise OSError("the disk is gone")

        broken.setattr(plane_module, "of_plane", fail)
        plots.look(volume(image), OTHER, "z 4")
        settle(qtbot, plots)
        assert "the disk is gone" in plots.plots["histogram"].sentence.text()
    plots.look(volume(image), PLANE, "z 2")
    settle(qtbot, plots)
    assert_shows(plots, image[2], volume(image)[2], (0.5, 0.5))


# --- the hand ----------------------------------------------------------------


def where(noise, w_v, decibel):
    """The pixel of the plot at a weight and a PSNR."""
    scene = noise.plot.getViewBox().mapViewToScene(QPointF(np.sqrt(w_v), decibel))
    return noise.plot.mapFromScene(scene)


@pytest.mark.parametrize("w_v", [0.5, 3.0, 8.0, 20.0])
def test_a_click_sets_the_weight_where_it_was_made(plots, qtbot, w_v):
    viewport = plots.plots["noise"].plot.viewport()
    with qtbot.waitSignal(plots.picked) as picked:
        at = where(plots.plots["noise"], w_v, 45.0)
        qtbot.mouseMove(viewport, at)
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at)
    assert picked.args == ["w_v", pytest.approx(w_v, rel=0.05, abs=0.05)]


def test_the_weight_picked_is_one_that_there_is(plots, qtbot):
    picked = []
    plots.picked.connect(lambda parameter, value: picked.append((parameter, value)))
    plots.plots["noise"].marker.setValue(-1.0)
    plots.plots["noise"].marker.sigDragged.emit(plots.plots["noise"].marker)
    plots.plots["noise"].marker.setValue(9.0)
    plots.plots["noise"].marker.sigDragged.emit(plots.plots["noise"].marker)
    assert picked == [("w_v", 0.0), ("w_v", 32.0)]


def test_moving_the_slider_picks_nothing(plots, model, qtbot):
    with qtbot.assertNotEmitted(plots.picked, wait=100):
        plots.tell(Expected(model, 1.0, 5.0))
        settle(qtbot, plots)
    assert plots.plots["noise"].marker.value() ** 2 == pytest.approx(5.0)


def test_a_click_beside_the_curves_or_with_another_button_sets_nothing(plots, qtbot):
    viewport = plots.plots["noise"].plot.viewport()
    with qtbot.assertNotEmitted(plots.picked, wait=50):
        qtbot.mouseClick(
            viewport, Qt.MouseButton.RightButton, pos=where(plots.plots["noise"], 3.0, 30.0)
        )
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))


# --- themes ------------------------------------------------------------------


def test_light_and_dark_are_followed(plots, viewer):
    def looks():
        noise = plots.plots["noise"]
        return (
            plots.plots["histogram"].plot.backgroundBrush().color().name(),
            noise.axes["left"].textPen().color().name(),
            noise.psnr.opts["pen"].color().name(),
            noise.legend.text(),
            plots.styleSheet(),
        )

    viewer.theme = "dark"
    dark = looks()
    viewer.theme = "light"
    light = looks()
    assert all(a != b for a, b in zip(dark, light, strict=True))
    assert int(light[0][1:3], 16) > 200 > 60 > int(dark[0][1:3], 16)
    plots.hide()
    viewer.theme = "dark"
    plots.show()
    assert looks() == dark


def test_a_click_on_the_diamond_leaves_half_of_the_contrast(plots, model, qtbot):
    half = plots.plots["noise"]._drawn.half
    assert np.isfinite(half)
    viewport = plots.plots["noise"].plot.viewport()
    at = where(plots.plots["noise"], half, 20.0)
    at.setX(at.x() + 3)  # nobody hits it to the pixel
    with qtbot.waitSignal(plots.picked) as picked:
        qtbot.mouseMove(viewport, at)
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at)
    _, w_v = picked.args
    assert half - 0.01 < w_v <= half
    assert model.contrast(1.0, w_v) >= model.contrast(1.0, 0.0) / 2
    assert w_v == round(w_v, 2)  # as the box shows it

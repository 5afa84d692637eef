"""The plots of the dock: of what is in view, along with the sliders, and gone with the dock."""

import subprocess
import sys

import numpy as np
import pytest

from napari_diversify.recipe.lazy.source import original


@pytest.fixture
def plotted(viewer, live, monkeypatch, qtbot):
    live.explorer.windows.open_plots()
    live.plots = live.explorer.windows.plots
    settle(live)
    return live


def settle(dock):
    dock.wait()
    dock.wait(lambda: dock.plots.in_step and not dock.plots.running)


def test_opened_they_show_what_is_in_view(viewer, plotted):
    silent = [name for name, plot in plotted.plots.plots.items() if not plot.has_curves]
    assert silent == ["restoration"]  # which is not shown unless asked for
    z = viewer.dims.current_step[0]
    values = plotted.layer.data[z]
    counted = plotted.plots.plots["histogram"].result.getData()[1]
    assert round(float(np.sum(np.round(10.0 ** counted[counted >= 0])))) == values.size


def test_they_follow_a_drag_and_a_pick_moves_the_slider(plotted):
    for w_v in np.linspace(1, 7, 12):
        plotted.slide(w_v=w_v)
    settle(plotted)
    assert plotted.plots.plots["noise"].marker.value() ** 2 == pytest.approx(7.0)
    plotted.plots.picked.emit("w_v", 3.0)
    settle(plotted)
    assert plotted.slider("w_v").value() == 3.0
    assert plotted.entry["recipe"]["steps"][0]["w_v"] == 3.0
    plotted.assert_exact(original(plotted.layer.data.array.source))


def test_a_loaded_recipe_and_another_image_are_plotted(viewer, plotted, make_image):
    recipe = plotted.explorer.value()
    step = recipe.steps[0].replace(w_v=5.0)
    plotted.explorer.setValue(recipe.replace(steps=(step,)))
    settle(plotted)
    assert plotted.plots.plots["noise"].marker.value() ** 2 == pytest.approx(5.0)
    other = viewer.add_image(make_image((40, 50), seed=3), name="other")
    plotted.wait_for_source(other)
    settle(plotted)
    assert "depth" in plotted.plots.plots["depth"].sentence.text().lower()
    assert plotted.plots.plots["histogram"].has_curves


def test_nothing_live_nothing_plotted(plotted):
    plotted.explorer.card("diversify").live.setChecked(False)
    plotted.wait(lambda: not plotted.plots.plots["histogram"].has_curves)
    plotted.explorer.card("diversify").live.setChecked(True)
    settle(plotted)
    assert plotted.plots.plots["histogram"].has_curves


def test_the_dock_takes_its_plots_along(plotted):
    plotted.explorer.hide()
    assert not plotted.plots.isVisible()
    assert not plotted.plots.running
    plotted.explorer.show()
    plotted.explorer.windows.open_plots()
    settle(plotted)
    assert plotted.plots.plots["histogram"].has_curves


def test_their_library_is_loaded_when_they_are_opened_and_not_before():
    module = "napari_diversify.widgets.diversify.dock"
    program = f"import sys, {module}; print('pyqtgraph' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr

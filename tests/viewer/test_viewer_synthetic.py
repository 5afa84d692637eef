"""In a real window: the dock opens by its name, and the canvas shows the specimen."""

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication, QMainWindow
from superqt import QDoubleSlider

from napari_diversify.synthetic.plan import Plan

pytestmark = pytest.mark.viewer


@pytest.fixture
def dock(viewer, npe2pm, qtbot):
    with npe2pm.tmp_plugin(package="napari-diversify"):
        _, dock = viewer.window.add_plugin_dock_widget("napari-diversify", "Synthetic nuclei")
        plan = Plan().with_(density=4)
        dock.setValue(Plan(plan.model, (12, 60, 80), (0.5, 0.3, 0.3)))
        qtbot.waitUntil(lambda: in_step(dock))
        yield dock
        dock.hide()


def in_step(dock):
    preview = dock.preview
    return (
        preview.in_step
        and preview._shown == dock.value()
        and all(layer.visible and layer.loaded for layer in preview.layers)
    )


def canvas(viewer, layer):
    """What is on the canvas of one layer, at one pixel per voxel, grey levels 0 to 255."""
    for other in viewer.layers:
        other.visible = other == layer
    try:
        return viewer.export_figure(scale_factor=1, flash=False)[..., 0]
    finally:
        for other in viewer.layers:
            other.visible = True


def assert_on_canvas(viewer, dock):
    layer = viewer.layers["synthetic"]
    plane = dock.value().specimen().image[viewer.dims.current_step[0]].astype(float)
    low, high = layer.contrast_limits
    expected = np.clip((plane - low) / (high - low), 0, 1) * 255
    picture = canvas(viewer, layer)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(80 / 60, rel=0.1)
    rows = np.linspace(0, picture.shape[0] - 1e-6, 60, endpoint=False) + picture.shape[0] / 120
    columns = np.linspace(0, picture.shape[1] - 1e-6, 80, endpoint=False) + picture.shape[1] / 160
    sampled = picture[rows.astype(int)][:, columns.astype(int)]
    assert np.abs(sampled - expected).max() <= 2
    assert expected.std() > 10


def test_the_canvas_follows_sliders_and_planes(viewer, dock, qtbot):
    assert_on_canvas(viewer, dock)
    slider = dock.panel.form.controls["diameter"].findChild(QDoubleSlider)
    for diameter in np.linspace(7, 4, 30):
        slider.setValue(diameter)
        QApplication.processEvents()
    qtbot.waitUntil(lambda: in_step(dock))
    assert dock.value().model.diameter == 4.0
    assert_on_canvas(viewer, dock)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: in_step(dock))
    assert_on_canvas(viewer, dock)


def test_3d_and_back_2d_image_and_back_and_a_kept_volume(viewer, dock, qtbot, monkeypatch):
    # on a fast machine this small volume would be computed at once
    monkeypatch.setattr("napari_diversify.widgets.synthetic.preview.AT_ONCE", 0)

    def settled():
        qtbot.waitUntil(lambda: in_step(dock))

    viewer.dims.ndisplay = 3
    settled()
    dock.panel.seed.setValue(3)
    settled()
    viewer.dims.ndisplay = 2
    settled()
    assert_on_canvas(viewer, dock)
    dock.panel.dimensions.setCurrentIndex(1)
    settled()
    dock.panel.dimensions.setCurrentIndex(0)
    settled()
    assert_on_canvas(viewer, dock)
    dock.keep()
    qtbot.waitUntil(lambda: len(viewer.layers) == 4)
    kept = viewer.layers[f"synthetic nuclei {dock.value().model.seed}"]
    np.testing.assert_array_equal(kept.data, dock.value().specimen().image[...])
    viewer.layers.clear()
    assert not dock.live.isChecked()


def test_both_docks_share_one_place_and_use_all_of_it(viewer, qtbot):
    _, first = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    _, second = viewer.window.add_plugin_dock_widget("napari-diversify", "Synthetic nuclei")
    window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMainWindow))
    docks = [widget.parentWidget() for widget in (first, second)]
    qtbot.waitUntil(lambda: docks[1] in window.tabifiedDockWidgets(docks[0]))
    qtbot.waitUntil(lambda: not second.visibleRegion().isEmpty())
    buttons = second.save_button

    def below():
        return second.height() - buttons.mapTo(second, buttons.rect().bottomLeft()).y()

    qtbot.waitUntil(lambda: below() < 30)  # no empty stretch
    docks[0].raise_()
    qtbot.waitUntil(lambda: not first.visibleRegion().isEmpty())
    qtbot.waitUntil(lambda: second.visibleRegion().isEmpty())

"""The plugin as napari finds it: dock, sample data, menu command."""

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_diversify.core import local_std

pytestmark = [
    pytest.mark.viewer,
    pytest.mark.parametrize("slicing", ["sync"], indirect=True),  # slices are not what is at stake
]


@pytest.fixture
def plugin(npe2pm):
    with npe2pm.tmp_plugin(package="napari-diversify") as plugin:
        yield plugin


def app():
    from napari._app_model import get_app_model  # there is no public way to run a menu item

    return get_app_model()


def test_the_sample_opens_from_the_menu_with_its_labels_and_units(plugin, viewer):
    image, labels = viewer.open_sample("napari-diversify", "synthetic_nuclei")
    assert isinstance(image, Image)
    assert isinstance(labels, Labels)
    assert [str(u) for u in viewer.layers["nuclei"].units] == ["micrometer"] * 3
    assert viewer.layers["nuclei"].axis_labels == ("z", "y", "x")
    assert viewer.layers["nuclei"].scale.tolist() == viewer.layers["nuclei labels"].scale.tolist()


def test_the_dock_opens_by_its_name_and_goes_live_on_the_sample(plugin, viewer, qtbot):
    viewer.open_sample("napari-diversify", "synthetic_nuclei")
    _, explorer = viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    qtbot.waitUntil(lambda: "nuclei (diversified)" in viewer.layers)
    qtbot.waitUntil(lambda: not explorer.session.image.measurement.running)
    assert viewer.layers["nuclei (diversified)"].visible


def test_the_filter_menu_holds_the_sigma_map(plugin, viewer):
    ids = {item.command.id for item in app().menus.get_menu("napari/layers/filter")}
    assert "napari-diversify.local_std" in ids


def test_the_menu_item_maps_the_active_image(plugin, viewer, make_image, same_bits):
    image = make_image()
    viewer.add_image(image, name="cells", scale=(2, 1, 1), units=("micrometer",) * 3)
    app().commands.execute_command("napari-diversify.local_std").result()
    layer = viewer.layers["cells (σ)"]
    same_bits(np.asarray(layer.data), local_std(image, 5))
    assert layer.scale.tolist() == [2, 1, 1]
    assert [str(u) for u in layer.units] == ["micrometer"] * 3


def test_the_menu_item_refuses_an_rgb_image_with_a_warning(plugin, viewer):
    viewer.add_image(np.zeros((20, 30, 3), "uint8"), name="colour", rgb=True)
    said = []
    notification_manager.notification_ready.connect(said.append)
    try:
        app().commands.execute_command("napari-diversify.local_std").result()
    finally:
        notification_manager.notification_ready.disconnect(said.append)
    assert len(said) == 1
    assert said[0].severity == NotificationSeverity.WARNING
    assert "RGB" in said[0].message
    assert [layer.name for layer in viewer.layers] == ["colour"]

"""In a real viewer, behind the proxy that plugins get: copies of a live layer are the user's."""

import warnings

import numpy as np
import pytest
from napari._app_model import get_app_model

from napari_diversify.widgets.live import ours

pytestmark = pytest.mark.viewer

COMMANDS = ("duplicate", "project_max", "convert_to_labels", "split_stack")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_menu_command_makes_of_a_live_layer_keeps_its_voxels(
    viewer, dock_in, make_image, command
):
    viewer.add_image(make_image(), name="cells")
    dock = dock_in()
    dock.wait()
    before = set(viewer.layers)
    viewer.layers.selection.active = dock.layer
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="projection mode")
        get_app_model().commands.execute_command(f"napari.layer.{command}").result()
    made = {layer: np.asarray(layer.data).copy() for layer in viewer.layers if layer not in before}
    assert made
    viewer.layers.selection.active = viewer.layers["cells"]
    dock.explorer.card("diversify").live.setChecked(True)
    dock.wait()
    dock.explorer.hide()
    dock.explorer.show()
    dock.explorer.card("diversify").live.setChecked(True)
    dock.wait()
    dock.slide(w_v=6.0)
    dock.wait()
    dock.assert_exact(viewer.layers["cells"].data)
    for layer, voxels in made.items():
        assert layer in viewer.layers
        assert np.asarray(layer.data).tobytes() == voxels.tobytes()
        assert ours.role_of(layer) is None
    assert ours.role_of(dock.layer) == "diversified"

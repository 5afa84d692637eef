"""File > Open in a real viewer: what is on the canvas and in the dock is what the file says."""

import napari
import numpy as np
import pytest

from napari_diversify.cli import main as cli
from napari_diversify.files import Header, create, create_labels, planes_of, write_all, write_tiff

pytestmark = pytest.mark.viewer
only_sync = pytest.mark.parametrize("slicing", ["sync"], indirect=True)  # slices are not at stake
UM = ("micrometer",) * 3


@pytest.fixture(autouse=True)
def plugin(npe2pm):
    with npe2pm.tmp_plugin(package="napari-diversify") as plugin:
        yield plugin


@pytest.fixture
def pyramid(tmp_path, make_image):
    """Two channels of 8 planes in three levels, with labels."""
    header = Header(
        (2, 8, 520, 600), "uint16", "czyx", (1, 2, 0.5, 0.25), (None, *UM), ("DAPI", "GFP"), "cells"
    )
    path = tmp_path / "cells.ome.zarr"
    create(path, header)
    write_all(path, make_image(header.shape), None)
    labels = Header((8, 520, 600), "uint16", "zyx", (2, 0.5, 0.25), UM)
    values = np.zeros(labels.shape, "uint16")
    values[2:6, 100:300, 200:400] = 3
    write_all(create_labels(path, "nuclei", labels), values, None)
    return path


def open_(viewer, path):
    return viewer.open(str(path), plugin="napari-diversify")


def test_channels_pyramids_and_labels_are_shown_along_every_axis(viewer, pyramid, qtbot):
    first, second, nuclei = open_(viewer, pyramid)
    assert [layer.name for layer in viewer.layers] == ["DAPI", "GFP", "nuclei"]
    assert viewer.dims.axis_labels == ("z", "y", "x")
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0)):
        viewer.dims.order = order
        for step in (0, viewer.dims.nsteps[order[0]] // 2):
            viewer.dims.set_current_step(order[0], step)
            qtbot.waitUntil(lambda: all(layer.loaded for layer in (first, second, nuclei)))
    viewer.dims.order = (0, 1, 2)
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: all(layer.loaded for layer in (first, second, nuclei)))
    viewer.dims.ndisplay = 2
    first.visible = nuclei.visible = False
    second.colormap, second.locked_data_level = "gray", 0
    viewer.dims.set_current_step(0, 5)
    qtbot.waitUntil(lambda: second.loaded)
    plane = np.asarray(second.data[0][5]).astype(float)
    low, high = second.contrast_limits
    picture = viewer.export_figure(scale_factor=1, flash=False)[..., 0]
    assert picture.shape == (2 * 520, 600)  # voxels are twice as high as wide
    assert np.abs(picture[::2] - np.clip((plane - low) / (high - low), 0, 1) * 255).max() <= 2


@only_sync
@pytest.mark.parametrize("ending", [".ome.zarr", ".ome.tif"])
def test_the_dock_counts_depth_in_micrometres(viewer, dock_in, tmp_path, make_image, ending):
    header = Header((6, 40, 48), "uint16", "zyx", (2, 0.5, 0.5), UM, name="cells")
    path, array = tmp_path / f"file{ending}", make_image(header.shape)
    if ending == ".ome.zarr":
        create(path, header)
        write_all(path, array, None)
    else:
        write_tiff(path, header, planes_of(array, header))
    open_(viewer, path)
    dock = dock_in()
    dock.wait()
    panel = dock.explorer.card("contrast").panel
    assert (panel._spacing[0], panel.note.text()) == (2, "")
    dock.explorer.card("diversify").live.setChecked(False)
    dock.explorer.card("contrast").live.setChecked(True)
    live = dock.explorer.view("contrast").live
    dock.wait(lambda: live.layer is not None and not dock.measuring)
    recipe = dock.explorer.value()
    expected = recipe.apply(array, (2, 0.5, 0.5))
    np.testing.assert_array_equal(np.asarray(live.layer.data), expected)


def test_a_live_layer_follows_a_pyramid_from_a_file(viewer, dock_in, pyramid, qtbot):
    open_(viewer, pyramid)
    dock = dock_in()
    dock.wait()
    assert dock.entry["source"] == "GFP"  # the image on top
    dock.pin(viewer.layers["DAPI"])
    dock.wait_for_source(viewer.layers["DAPI"])
    assert dock.layer.multiscale
    dock.slide(w_v=3.0)
    dock.wait()
    finest = np.asarray(viewer.layers["DAPI"].data[0])
    np.testing.assert_array_equal(np.asarray(dock.layer.data[0]), dock.rebuilt(finest))


@only_sync
def test_layers_can_be_removed_while_others_of_their_file_stay(viewer, pyramid, qtbot):
    first, second, _ = open_(viewer, pyramid)
    viewer.layers.remove(first)
    del first
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: second.loaded)
    assert np.asarray(second.data[-1][1]).any()


@only_sync
def test_demo_opens_a_file_with_its_voxel_size(viewer, pyramid, monkeypatch, qtbot):
    monkeypatch.setattr(napari, "Viewer", lambda **_: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    cli._open_viewer(pyramid)
    (dock,) = viewer.window.dock_widgets.values()
    qtbot.waitUntil(lambda: "GFP (diversified)" in viewer.layers, timeout=20_000)
    qtbot.waitUntil(lambda: not any(task.running for task in dock._tasks()), timeout=20_000)
    assert viewer.layers["DAPI"].scale.tolist() == [2, 0.5, 0.25]
    assert viewer.layers["DAPI"].source.reader_plugin == "napari-diversify"

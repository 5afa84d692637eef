"""Read-outs, plots, Explore and the split line belong to the plane on display, or to none."""

import numpy as np
import pytest

from napari_diversify.files import open_image
from napari_diversify.widgets.diversify import readout as readout_module
from napari_diversify.widgets.plots import follower as plots_module
from napari_diversify.widgets.plots.facts import View

pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")

SHAPE = (24, 48, 64)
LENGTH = ("micrometer",) * 3


def turned(angle, first, second):
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(np.deg2rad(angle))
    matrix[first, second] = -np.sin(np.deg2rad(angle))
    matrix[second, first] = np.sin(np.deg2rad(angle))
    return matrix


#: Where an image lies, and what is done to the scene with it once the dock is open.
PLACES = {
    "plain": ({}, None),
    "scaled": ({"scale": (2, 0.5, 0.5), "units": LENGTH}, None),
    "flipped": ({"scale": (-2, 0.5, -0.5), "translate": (7, 0, 3)}, None),
    "in the affine": ({"affine": np.diag([2.0, 0.5, 0.5, 1]), "units": LENGTH}, None),
    "sheared": ({"shear": np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 1]])}, None),
    "sheared in plane": ({"shear": (0, 0, 0.7)}, None),
    "turned out of plane": ({"rotate": turned(25, 0, 1)}, None),
    "turned in plane": ({"rotate": turned(30, 1, 2), "scale": (2, 0.5, 0.5)}, None),
    "turned by a right angle": ({"rotate": turned(90, 0, 1)}, None),
    "nanometres beside": ({"scale": (2, 0.5, 0.5), "units": LENGTH}, "nanometres"),
    "units overridden": ({"scale": (2, 0.5, 0.5), "units": LENGTH}, "override"),
    "an image with more axes beside": ({"scale": (2, 0.5, 0.5)}, "more axes"),
    "a longer image beside": ({}, "longer"),
}


def change(viewer, what):
    shape = SHAPE
    if what == "nanometres":
        keywords = {"scale": (2000, 500, 500), "units": ("nanometer",) * 3}
        viewer.add_labels(np.zeros(shape, "uint8"), **keywords)
    elif what == "override":
        viewer.layers.units = ("nanometer",) * 3
    elif what == "more axes":
        viewer.add_labels(np.zeros((3, *shape), "uint8"))
    elif what == "longer":
        viewer.add_labels(np.zeros((2 * shape[0], *shape[1:]), "uint8"))


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    for module, name in ((readout_module, "_PLANE_MS"), (plots_module, "_FOLLOW_MS")):
        monkeypatch.setattr(module, name, 5)
    monkeypatch.setattr(readout_module, "_VOLUME_MS", 10**6)  # not at stake here


@pytest.fixture
def placed(request, viewer, open_dock, make_image):
    place, what = PLACES[request.param]
    viewer.add_image(make_image(SHAPE), name="cells", axis_labels=("z", "y", "x"), **place)
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_plots()
    dock.explorer.windows.open_explore()
    change(viewer, what)
    return dock


def planes(viewer):
    """All planes that the slider of z can reach, and points between them."""
    low, high, _ = viewer.dims.range[-3]
    axis = viewer.dims.ndim - 3
    for share in np.linspace(0, 1, 14):
        viewer.dims.set_point(axis, low + share * (high - low))
        yield share


def on_display(layer):
    """What napari shows of a layer, or None."""
    return None if layer._slice.empty else np.asarray(layer._slice.image.raw)


@pytest.mark.parametrize("placed", PLACES, indirect=True)
def test_everything_that_tells_of_the_plane_tells_of_the_one_on_display(placed, viewer):
    explorer, source = placed.explorer, viewer.layers["cells"]
    readout, windows = explorer.readout, explorer.windows
    seen = set()
    for _ in planes(viewer):
        placed.wait()  # until then a stand-in is drawn
        result, clean = on_display(placed.layer), on_display(source)
        assert (result is None) == (clean is None)
        if result is None:
            assert readout._watched is None
            assert "Nothing of the image" in readout.plane.text()
            assert windows.plots.facts.get(View) is None
            assert windows.explore._explored() is None
            continue
        for watched in (readout._watched, windows.plots.facts.get(View)):
            array, index = watched.array, watched.index
            np.testing.assert_array_equal(np.asarray(array[index]).squeeze(), result)
            np.testing.assert_array_equal(np.asarray(array.source[index]).squeeze(), clean)
        assert windows.explore._explored().index == readout._watched.index
        seen.add(readout._name.text())
    assert seen  # of a stack turned by a right angle napari shows one plane at all points
    assert all(name.startswith("z ") for name in seen)


@pytest.mark.parametrize("placed", PLACES, indirect=True)
def test_after_a_slider_they_still_tell_of_the_plane_on_display(placed, viewer):
    """Right after the scene was changed, before anything else has moved."""
    placed.slide(w_v=5.0)
    placed.wait()
    result = on_display(placed.layer)
    watched = placed.explorer.readout._watched
    if result is None:
        assert watched is None
    else:
        np.testing.assert_array_equal(watched.array[watched.index].squeeze(), result)


@pytest.mark.parametrize("placed", PLACES, indirect=True)
def test_the_split_line_lies_in_the_plane_on_display_and_is_thin(placed, viewer):
    placed.explorer.compare.split.click()
    line = next(la for la in viewer.layers if "divider" in la.name)
    for _ in planes(viewer):
        placed.wait()  # until then a stand-in is drawn
        result = on_display(placed.layer)
        assert line.visible == (result is not None)
        if result is None:
            continue
        z = np.asarray(line.data)[0, 0, 0]
        assert (placed.layer.data[int(z)] == result).all()
        assert len(line._view_data) == 1  # napari shows it in this plane
    across = np.zeros((2, 3))
    across[1, -1] = 1
    step = np.diff([line.data_to_world(p) for p in across], axis=0)[0]
    worth = 1000 if str(viewer.layers.units[-1]) == "nanometer" else 1
    worth = worth if str(line.units[-1]) == "micrometer" else 1
    pixels = line.edge_width * np.linalg.norm(step) * worth * viewer.scene.camera.zoom
    assert 1 < pixels < 4


def test_the_split_line_is_dragged_to_where_the_mouse_is_in_other_units(
    viewer, open_dock, make_image
):
    viewer.add_image(make_image(SHAPE), name="cells", scale=(2, 0.5, 0.5), units=LENGTH)
    dock = open_dock(viewer)
    dock.wait()
    viewer.layers.units = ("nanometer",) * 3
    viewer.dims.set_point(0, 20_000.0)
    dock.explorer.compare.split.click()

    class Event:
        def __init__(self, x):
            self.type, self.position = "mouse_move", (20_000.0, 5000.0, x)

    event = Event(500 * (SHAPE[-1] / 2 - 0.5))
    drag = dock.explorer.compare._divider._drag(viewer, event)
    next(drag)
    event.position = Event(500 * 9.0).position
    next(drag)
    drag.close()
    assert dock.explorer.view("", "split", 0).divider[1] * SHAPE[-1] == pytest.approx(9.5)


def test_tiles_of_explore_are_those_of_the_middle_of_the_canvas_in_other_units(
    viewer, open_dock, make_image
):
    viewer.add_image(make_image((4, 400, 500)), name="cells", scale=(2, 0.5, 0.5), units=LENGTH)
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.windows.open_explore()
    window = dock.explorer.windows.explore
    viewer.layers.units = ("nanometer",) * 3
    viewer.dims.set_point(0, 4000.0)
    viewer.scene.camera.center = (0, 500 * 110, 500 * 130)
    region = window._middle(window._explored())
    assert [part.start for part in region[-2:]] == [110 - 72, 130 - 72]


# ---- the eye, the slice, the voxel size ----


def test_numbers_go_with_the_eye_and_come_back_with_it(live, viewer):
    readout = live.explorer.readout
    live.wait(lambda: "PSNR" in readout.plane.text())
    live.layer.visible = False
    assert (readout.plane.text(), readout.volume.text()) == ("", "")
    live.slide(w_v=8.0)
    live.wait()
    assert readout.plane.text() == ""
    live.layer.visible = True
    live.wait(lambda: "PSNR" in readout.plane.text())


def test_a_thick_slice_has_no_numbers_and_says_why(live, viewer):
    readout = live.explorer.readout
    live.wait(lambda: "PSNR" in readout.plane.text())
    live.layer.projection_mode = "mean"
    viewer.dims.thickness = (4, 0, 0)
    live.wait(lambda: "several planes" in readout.plane.text())
    viewer.dims.thickness = (0, 0, 0)
    live.wait(lambda: "PSNR" in readout.plane.text())


@pytest.mark.parametrize("where", ["scale", "affine"])
def test_panels_and_voxels_follow_the_size_that_napari_shows(viewer, open_dock, make_image, where):
    source = viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    dock.switch("contrast").setChecked(True)
    dock.wait(lambda: dock.layer_of("contrast") is not None)
    assert "count in voxels" in dock.explorer.card("contrast").panel.note.text()
    if where == "scale":
        source.scale = (2, 0.5, 0.5)
    else:
        source.affine = np.diag([2, 0.5, 0.5, 1])
    source.units = LENGTH
    dock.wait(lambda: dock.explorer.view("contrast").live.arrays[0].spacing == (2, 0.5, 0.5))
    assert dock.explorer.card("contrast").panel.note.text() == ""
    assert "cycles/µm" in dock.explorer.card("lowpass").panel.note.text()


def test_what_is_exported_has_the_voxel_size_of_the_screen(viewer, open_dock, make_image, tmp_path):
    viewer.add_image(
        make_image(), name="cells", affine=np.diag([2.3, 0.7, 0.7, 1]), units=LENGTH,
        axis_labels=("z", "y", "x"),
    )  # fmt: skip
    dock = open_dock(viewer)
    dock.wait()
    dock.explorer.card("diversify").live.setChecked(False)
    dock.switch("contrast").setChecked(True)
    layer = lambda: dock.layer_of("contrast")  # noqa: E731
    dock.wait(lambda: layer() is not None and not dock.measuring)
    dock.explorer.windows.open_export()
    dialog = dock.explorer.windows.export
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.sampling.samples.setValue(1)
    dialog.start()
    dock.wait(lambda: not dialog.running)
    with open_image(tmp_path / "out" / "cells_0000.ome.zarr") as image:
        assert image.header.spacing == (2.3, 0.7, 0.7)
        np.testing.assert_array_equal(np.asarray(image.data), np.asarray(layer().data))

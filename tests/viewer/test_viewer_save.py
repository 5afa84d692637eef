"""File > Save in a real viewer: what was generated is saved with its metadata, and opens again."""

import numpy as np
import pytest
import tifffile
import yaozarrs

from napari_diversify import Recipe
from napari_diversify.files import open_image

pytestmark = [
    pytest.mark.viewer,
    pytest.mark.parametrize("slicing", ["sync"], indirect=True),  # slices are not what is at stake
]


@pytest.fixture
def plugin(npe2pm):
    with npe2pm.tmp_plugin(package="napari-diversify") as plugin:
        yield plugin


@pytest.fixture
def generated(plugin, viewer, dock_in, make_image):
    viewer.add_image(
        make_image(), name="cells", scale=(2, 0.5, 0.25), units=("micrometer",) * 3,
        axis_labels=("z", "y", "x"),
    )  # fmt: skip
    dock = dock_in()
    dock.wait()
    return dock.layer


@pytest.mark.parametrize("ending", [".ome.zarr", ".ome.tif", ".ome.tiff"])
def test_a_generated_layer_is_saved_with_scale_units_and_recipe(
    generated, viewer, tmp_path, ending, same_bits
):
    path = tmp_path / f"saved{ending}"
    viewer.layers.selection = {generated}
    assert viewer.layers.save(str(path), selected=True) == [str(path)]
    with open_image(path) as image:
        same_bits(np.asarray(image.data), np.asarray(generated.data))
        assert image.header.spacing == (2, 0.5, 0.25)
        assert image.header.axes == "zyx"
        recipe = Recipe(**image.header.provenance["recipe"])
        same_bits(recipe.apply(viewer.layers["cells"].data), np.asarray(image.data))


def test_what_was_saved_is_valid_for_other_readers(generated, viewer, tmp_path):
    viewer.layers.selection = {generated}
    viewer.layers.save(str(tmp_path / "saved.ome.zarr"), selected=True)
    yaozarrs.validate_zarr_store(str(tmp_path / "saved.ome.zarr"))
    viewer.layers.save(str(tmp_path / "saved.ome.tif"), selected=True)
    np.testing.assert_array_equal(
        tifffile.imread(tmp_path / "saved.ome.tif"), np.asarray(generated.data)
    )


def test_labels_are_saved_as_labels(plugin, viewer, tmp_path):
    values = np.zeros((4, 300, 310), np.uint32)
    values[1:3, 50:200, 40:100] = 70_000
    layer = viewer.add_labels(values, name="truth", scale=(1, 0.5, 0.5))
    viewer.layers.selection = {layer}
    viewer.layers.save(str(tmp_path / "truth.ome.zarr"), selected=True)
    with open_image(tmp_path / "truth.ome.zarr") as image:
        np.testing.assert_array_equal(np.asarray(image.data), values)
        assert len(image.levels) > 1
        assert set(np.unique(np.asarray(image.levels[-1]))) <= {0, 70_000}


@pytest.mark.parametrize("ending", [".ome.zarr", ".ome.tif"])
def test_napari_opens_what_it_saved(generated, plugin, viewer, npe2pm, tmp_path, same_bits, ending):
    viewer.layers.selection = {generated}
    path = tmp_path / f"saved{ending}"
    viewer.layers.save(str(path), selected=True)
    expected = np.asarray(generated.data)
    with npe2pm.tmp_plugin(package="napari"):
        (layer,) = viewer.open(str(path), plugin="napari")
    same_bits(np.asarray(layer.data[0] if layer.multiscale else layer.data), expected)

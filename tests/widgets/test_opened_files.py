"""Files opened through napari's own File > Open are sources like others, with their voxel size."""

import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer

from napari_diversify import Recipe
from napari_diversify.batch import Job, as_command, export, replay, sources_of
from napari_diversify.core.blocks import exhaust
from napari_diversify.files import (
    Header,
    create,
    create_labels,
    open_image,
    planes_of,
    write_all,
    write_tiff,
)
from napari_diversify.recipe import Diversify, Sampling
from napari_diversify.widgets.export.source import source_of

UM = ("micrometer",) * 3
SIZED = Header((6, 40, 48), "uint16", "zyx", (2, 0.5, 0.5), UM, name="cells")


@pytest.fixture(autouse=True)
def plugin(npe2pm):
    with npe2pm.tmp_plugin(package="napari-diversify") as plugin:
        yield plugin


@pytest.fixture(params=["zarr", "tiff"])
def write(request, tmp_path, make_image):
    """Write an image in either format, and give its path and voxels."""

    def write(header=SIZED):
        array = make_image(header.shape, header.dtype)
        if request.param == "zarr":
            path = tmp_path / "file.ome.zarr"
            create(path, header)
            write_all(path, array, header.provenance)
        else:
            path = tmp_path / "file.ome.tif"
            write_tiff(path, header, planes_of(array, header))
        return path, array

    return write


def open_(viewer, path):
    return viewer.open(str(path), plugin="napari-diversify")


def test_lengths_in_the_dock_are_micrometres(viewer, open_dock, write):
    open_(viewer, write()[0])
    dock = open_dock(viewer)
    dock.wait()
    panel = dock.explorer.card("contrast").panel
    assert (panel._spacing[0], panel.note.text()) == (2, "")


def test_a_depth_in_micrometres_is_that_of_the_file(viewer, open_dock, write, same_bits):
    path, array = write()
    open_(viewer, path)
    dock = open_dock(viewer)
    dock.explorer.card("contrast").live.setChecked(True)
    dock.explorer.card("diversify").live.setChecked(False)
    dock.wait(lambda: dock.layer_of("contrast") is not None and not dock.measuring)
    live = dock.explorer.view("contrast").live
    recipe = dock.explorer.value()
    same_bits(np.asarray(live.layer.data), recipe.apply(array, (2, 0.5, 0.5)))
    assert (recipe.apply(array, (1, 1, 1)) != np.asarray(live.layer.data)).any()


@pytest.mark.parametrize("ending", [".ome.zarr", ".ome.tif"])
def test_what_was_generated_is_saved_and_opened_with_its_recipe(
    viewer, open_dock, make_image, tmp_path, same_bits, ending
):
    array = make_image()
    viewer.add_image(array, name="cells")
    dock = open_dock(viewer)
    dock.wait()
    viewer.layers.selection = {dock.layer}
    expected, entry = np.asarray(dock.layer.data), dict(dock.entry)
    path = tmp_path / f"saved{ending}"
    viewer.layers.save(str(path), selected=True, plugin="napari-diversify")
    (layer,) = open_(viewer, path)
    same_bits(np.asarray(layer.data), expected)
    record = layer.metadata["napari-diversify"]
    of_the_moment = {"live", "shape", "dtype"}  # true of this layer only
    assert record == {k: v for k, v in entry.items() if k not in of_the_moment}
    same_bits(Recipe(**record["recipe"]).apply(array, sample=record["sample"]), expected)
    dock.wait_for_source(layer)
    dock.wait(lambda: "generated image: diversify, seed 0, sample 0" in dock.message)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_channel_of_a_generated_file_that_is_saved_by_itself_is_replayed(
    viewer, make_image, tmp_path, channels
):
    header = Header((channels, 6, 40, 48), "uint16", "czyx", (1, 2, 0.5, 0.5), (None, *UM))
    source = tmp_path / "raw.ome.tif"
    write_tiff(source, header, planes_of(make_image(header.shape), header))
    sampling = Sampling(recipe=Recipe(steps=(Diversify(),), seed=3))
    export(Job(sources_of([source]), sampling, tmp_path / "out"))
    (made,) = (tmp_path / "out").glob("raw*.ome.zarr")
    layers = open_(viewer, made)
    assert len(layers) == channels
    for n, layer in enumerate(layers):
        path = tmp_path / "out" / f"channel{n}.ome.tif"
        viewer.layers.selection = {layer}
        viewer.layers.save(str(path), selected=True, plugin="napari-diversify")
        assert exhaust(replay(path)).different == 0


def test_a_layer_is_exported_as_its_file(viewer, write):
    path, _ = write()
    (layer,) = open_(viewer, path)
    source = source_of(layer)
    assert (source.name, source.path, source.series) == ("file", path, None)
    with open_image(path) as image:
        assert source.header == image.header
    job = Job((source,), Sampling(recipe=Recipe(steps=(Diversify(),))), path.parent / "out")
    assert str(path) in as_command(job)


def test_the_axis_of_a_lone_channel_comes_back_in_the_export(viewer, write, same_bits):
    header = Header((1, 6, 40, 48), "uint16", "czyx", (1, 2, 0.5, 0.5), (None, *UM))
    path, array = write(header)
    (layer,) = open_(viewer, path)
    assert layer.ndim == 3
    source = source_of(layer)
    assert (source.path, source.header.axes) == (path, "czyx")
    same_bits(np.asarray(source.array), array)


def test_one_channel_of_several_is_no_file_by_itself(viewer, write):
    path, _ = write(Header((2, 6, 40, 48), "uint16", "czyx", (1, 2, 0.5, 0.5), (None, *UM)))
    for layer in open_(viewer, path):
        source = source_of(layer)
        assert source.path is None
        assert source.header.spacing == (2, 0.5, 0.5)


def test_neither_a_copy_of_a_layer_nor_a_part_of_it_is_its_file(viewer, write):
    path, array = write()
    (layer,) = open_(viewer, path)
    viewer.layers.selection = {layer}
    _duplicate_layer(viewer.layers)
    duplicate = viewer.layers["cells copy"]
    np.testing.assert_array_equal(np.asarray(duplicate.data), array)
    assert source_of(duplicate).path is None  # an image of its own, whose metadata are a copy
    layer.data = array[:, ::-1]
    assert source_of(layer).path is None
    layer.data = array[1:]
    assert source_of(layer).path is None


def test_a_layer_that_was_moved_is_no_longer_its_file(viewer, write):
    (layer,) = open_(viewer, write()[0])
    layer.translate = (1, 2, 3)
    source = source_of(layer)
    assert source.path is None
    assert source.header.origin == (1, 2, 3)


def test_labels_in_the_file_are_exported_as_theirs(viewer, make_image, tmp_path):
    path, array = tmp_path / "file.ome.zarr", make_image(SIZED.shape)
    create(path, SIZED)
    write_all(path, array, None)
    labels = create_labels(path, "nuclei", SIZED)
    write_all(labels, array // 1000, None)
    image, nuclei = open_(viewer, path)
    source = source_of(image, nuclei)
    assert (source.path, source.labels.path) == (path, labels)


def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(viewer, write):
    path, _ = write()
    if path.is_dir():
        text = (path / "zarr.json").read_text()
        (path / "zarr.json").write_text(text.replace('"datasets"', '"data"'))
    else:
        path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ValueError, match=r"cut off|damaged|cannot be understood"):
        open_(viewer, path)
    assert not len(viewer.layers)


def test_menu_commands_do_not_cut_off_what_a_middle_plane_lacks(viewer, tmp_path):
    from napari_diversify.widgets.commands import lowpass

    header = Header((40, 400, 300), "uint16", "zyx")
    array = np.full(header.shape, 500, "uint16")
    array[20, :100] = 100
    array[3] = 40_000  # brighter than the plane that the grey levels are those of
    path = tmp_path / "a.ome.tif"
    write_tiff(path, header, planes_of(array, header))
    (layer,) = open_(viewer, path)
    assert layer.contrast_limits == [100, 500]
    ((data, _, _),) = lowpass(layer)
    assert data[3].max() == 40_000

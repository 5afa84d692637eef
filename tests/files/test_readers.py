"""What napari opens is what the file says, and what was saved: through layers, without a viewer."""

import copy
import gc
import json
import os
import warnings
from dataclasses import replace

import numpy as np
import psutil
import pytest
import tifffile
import zarr
from file_strategies import headers, voxels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from napari.layers import Layer

from napari_diversify import files
from napari_diversify.files import (
    Arranged,
    Header,
    create,
    create_labels,
    looks_of,
    open_image,
    write_all,
    write_tiff,
)
from napari_diversify.readers import FILE_KEY, get_reader
from napari_diversify.recipe.provenance import KEY as METADATA_KEY
from napari_diversify.writers import write_ome_tiff, write_ome_zarr

UM = ("micrometer",) * 3
SIZED = Header((5, 24, 30), "uint16", "zyx", (2, 0.5, 0.25), UM, name="cells")
FORMATS = [(write_ome_zarr, "a.ome.zarr"), (write_ome_tiff, "a.ome.tif")]


def opened(path):
    """The layers that napari makes of a path."""
    return [Layer.create(*one) for one in get_reader(str(path))(str(path))]


def opened_alone(path):
    (layer,) = opened(path)
    return layer


def zarr_image(path, header, array=None, window=None, labels=False):
    create(path, header, window=window, labels=labels)
    write_all(path, voxels(header) if array is None else array, header.provenance)
    return path


def tiff_image(path, header, **options):
    write_tiff(path, header, voxels(header).reshape(-1, *header.shape[-2:]), **options)
    return path


def edited(path, change):
    """Change the attributes of a Zarr group as another program might have written them."""
    group = json.loads((path / "zarr.json").read_text())
    change(group["attributes"]["ome"])
    (path / "zarr.json").write_text(json.dumps(group))
    return path


# ---- Save > Open ----


def same_place(layer, saved):
    axes = [i for i, label in enumerate(saved.axis_labels) if label != "c"]
    assert layer.axis_labels == tuple(saved.axis_labels[i] for i in axes)
    assert layer.units == tuple(saved.units[i] for i in axes)
    np.testing.assert_allclose(layer.scale, saved.scale[axes], rtol=1e-12)
    np.testing.assert_allclose(layer.translate, saved.translate[axes], rtol=1e-9, atol=1e-12)


def of_layer(header, labels):
    """A layer with what a header says of an image."""
    keywords = {
        "name": header.name,
        "scale": header.scale,
        "translate": header.origin,
        "units": [unit or "pixel" for unit in header.units],
        "axis_labels": list(header.axes),
        "metadata": {METADATA_KEY: header.provenance} if header.provenance else {},
    }
    kind = "labels" if labels else "image"
    return Layer.create(voxels(header), keywords if labels else {**keywords, "rgb": False}, kind)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    header=headers(largest=300),
    origin=st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5),
    labels=st.booleans(),
    file_format=st.sampled_from(FORMATS),
)
def test_what_was_saved_opens_as_it_was(tmp_path_factory, header, origin, labels, file_format):
    labels = labels and header.dtype.kind in "iu"
    header = replace(header, origin=tuple(origin[: header.ndim]), channels=())
    saved = of_layer(header, labels)
    write, name = file_format
    path = tmp_path_factory.mktemp("saved") / name
    data, meta, kind = saved.as_layer_data_tuple()
    write(str(path), data, meta)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that sizes are unknown
        layers = opened(path)
    assert len(layers) == header.size_of("c")
    for n, layer in enumerate(layers):
        array = layer.data[0] if layer.multiscale else layer.data
        expected = voxels(header)
        if "c" in header.axes:
            expected = expected.take(n, header.axes.index("c"))
        assert layer.as_layer_data_tuple()[2] == kind
        assert array.dtype == header.dtype
        np.testing.assert_array_equal(np.asarray(array), expected)
        same_place(layer, saved)
        assert layer.name == (header.name if len(layers) == 1 else f"{header.name} c{n}")
        assert layer.metadata.get(METADATA_KEY) == (header.provenance or None)


@pytest.mark.parametrize(("write", "name"), FORMATS, ids=["zarr", "tiff"])
def test_saved_again_a_file_says_the_same(tmp_path, write, name):
    record = {"recipe": {"seed": 5, "steps": []}, "sample": 3}
    header = replace(SIZED, provenance=record, shape=(5, 300, 290))
    saved = of_layer(header, labels=False)
    once, twice = tmp_path / f"once{name}", tmp_path / f"twice{name}"
    write(str(once), *saved.as_layer_data_tuple()[:2])
    write(str(twice), *opened_alone(once).as_layer_data_tuple()[:2])
    with open_image(once) as first, open_image(twice) as second:
        assert first.header == second.header
        assert first.header.provenance == record
        np.testing.assert_array_equal(first.data[...], second.data[...])


# ---- lazily ----


@pytest.fixture
def read(monkeypatch):
    """How many voxels were asked of files."""
    counts = []
    getitem = Arranged.__getitem__

    def counting(array, key):
        values = getitem(array, key)
        counts.append(values.size)
        return values

    monkeypatch.setattr(Arranged, "__getitem__", counting)
    return counts


def test_opening_reads_one_plane_of_a_big_image(tmp_path, read):
    header = Header((90, 256, 256), "uint8", "zyx")
    path = tmp_path / "big.ome.tif"
    write_tiff(path, header, np.zeros(header.shape, "uint8"))
    layer = opened_alone(path)
    one_plane = 256 * 256
    assert sum(read) <= 3 * one_plane  # one for the grey levels, two for napari's first look
    before = len(read)
    np.asarray(layer.data[7])
    assert read[before:] == [one_plane]


def test_a_pyramid_stays_one_and_its_grey_levels_are_those_of_the_coarsest_level(tmp_path, read):
    path = zarr_image(tmp_path / "a.ome.zarr", Header((700, 900), "uint16", "yx"))
    data, keywords, _ = get_reader(str(path))(str(path))[0]
    assert [level.shape for level in data] == [(700, 900), (350, 450), (175, 225)]
    assert sum(read) == 175 * 225
    coarsest = np.asarray(data[-1])
    assert keywords["contrast_limits"] == (coarsest.min(), coarsest.max())
    assert Layer.create(data, keywords, "image").multiscale


def test_a_copy_of_a_layer_shares_its_file(tmp_path):
    layer = opened_alone(tiff_image(tmp_path / "a.ome.tif", SIZED))
    data = copy.deepcopy(layer.data)
    np.testing.assert_array_equal(np.asarray(data), voxels(SIZED))


def is_open(path):
    return os.path.realpath(path) in {file.path for file in psutil.Process().open_files()}


def test_a_file_is_closed_when_its_last_layer_is_gone(tmp_path):
    path = tiff_image(tmp_path / "a.ome.tif", Header((2, 5, 6, 7), "uint16", "czyx"))
    first, second = opened(path)
    del first
    gc.collect()
    assert is_open(path)
    assert second.data[0].shape == (6, 7)
    del second
    gc.collect()
    assert not is_open(path)


# ---- a file that is changed while a layer shows it ----


def test_a_zarr_folder_that_was_replaced_gives_no_voxels_of_another_image(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", SIZED)
    layer = opened_alone(path)
    write_ome_zarr(str(path), np.zeros(SIZED.shape, "uint16"), {"name": "other"})
    with pytest.raises(OSError, match="changed or replaced since it was opened: open it again"):
        layer.data[0]
    assert (np.asarray(opened_alone(path).data) == 0).all()


def test_a_tiff_whose_name_another_has_taken_is_still_read(tmp_path):
    path = tiff_image(tmp_path / "a.ome.tif", SIZED)
    layer = opened_alone(path)
    write_ome_tiff(str(path), np.zeros(SIZED.shape, "uint16"), {"name": "other"})
    np.testing.assert_array_equal(np.asarray(layer.data), voxels(SIZED))


def test_a_tiff_that_was_written_over_is_not_read(tmp_path):
    path = tiff_image(tmp_path / "a.ome.tif", SIZED)
    layer = opened_alone(path)
    tifffile.imwrite(path, np.zeros((3, 50, 60), "uint8"), ome=True)
    with pytest.raises(OSError, match="open it again"):
        layer.data[0]


# ---- channels ----

CHANNELS = Header(
    (3, 5, 24, 30), "uint16", "czyx", (1, 2, 0.5, 0.25), (None, *UM), ("DAPI", "", "GFP"), "cells"
)


@pytest.mark.parametrize("make", [zarr_image, tiff_image])
def test_each_channel_is_a_layer_with_its_name(tmp_path, make):
    name = "a.ome.zarr" if make is zarr_image else "a.ome.tif"
    header = replace(CHANNELS, channels=("DAPI", "WGA", "GFP"))
    layers = opened(make(tmp_path / name, header))
    assert [layer.name for layer in layers] == ["DAPI", "WGA", "GFP"]
    for n, layer in enumerate(layers):
        np.testing.assert_array_equal(np.asarray(layer.data), voxels(header)[n])
        assert layer.scale.tolist() == [2, 0.5, 0.25]
        assert layer.axis_labels == ("z", "y", "x")
        assert layer.blending == "additive"
        assert layer.metadata[FILE_KEY]["channel"] == n


def test_channels_without_names_are_numbered_and_coloured_as_napari_does(tmp_path):
    layers = opened(tiff_image(tmp_path / "a.ome.tif", replace(CHANNELS, channels=())))
    assert [layer.name for layer in layers] == ["cells c0", "cells c1", "cells c2"]
    assert [layer.colormap.name for layer in layers] == ["cyan", "yellow", "magenta"]
    two = Header((2, 5, 6), "uint8", "cyx")
    layers = opened(tiff_image(tmp_path / "b.ome.tif", two))
    assert [layer.colormap.name for layer in layers] == ["magenta", "green"]


def test_colours_and_windows_of_the_file_are_taken(tmp_path):
    header = replace(CHANNELS, channels=("a", "b", "c"))
    path = zarr_image(tmp_path / "a.ome.zarr", header, window=(10, 900))

    def change(ome):
        for n, colour in enumerate(("FF8000", "ffffff", "0000FF")):
            ome["omero"]["channels"][n]["color"] = colour
        del ome["omero"]["channels"][1]["window"]

    layers = opened(edited(path, change))
    assert [layer.colormap.name for layer in layers] == ["#ff8000", "gray", "blue"]
    assert layers[0].contrast_limits == [10, 900]
    assert layers[1].contrast_limits == [voxels(header)[1].min(), voxels(header)[1].max()]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_the_whole_range_of_a_dtype_is_no_window(tmp_path, dtype):
    header = Header((3, 40, 50), dtype, "zyx", channels=("a",))
    array = np.full(header.shape, 3, dtype)
    array[1, 20, 20:] = 90
    layer = opened_alone(zarr_image(tmp_path / "a.ome.zarr", header, array))
    assert layer.contrast_limits == [3, 90]


@pytest.mark.parametrize(("value", "limits"), [(0, [0, 1]), (7, [0, 7]), (-7, [-7, 1])])
def test_an_image_of_one_grey_level_has_limits(tmp_path, value, limits):
    array = np.full((30, 40), value, "int16")
    path = zarr_image(tmp_path / "a.ome.zarr", Header(array.shape, "int16", "yx"), array)
    assert opened_alone(path).contrast_limits == limits


def test_values_that_are_no_numbers_do_not_count(tmp_path):
    array = np.full((30, 40), np.nan, "float32")
    array[3, :3] = (np.inf, 2, 5)
    path = zarr_image(tmp_path / "a.ome.zarr", Header(array.shape, "float32", "yx"), array)
    assert opened_alone(path).contrast_limits == [2, 5]


def test_colours_of_ome_xml_are_taken(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path,
        np.zeros((2, 5, 6), "uint8"),
        metadata={"axes": "CYX", "Channel": {"Name": ["a", "b"], "Color": [-16776961, 16711935]}},
    )
    assert [layer.colormap.name for layer in opened(path)] == ["red", "green"]


@pytest.mark.parametrize(
    "omero",
    [
        *(3, None, [], {}, {"channels": None}, {"channels": 3}, {"channels": {"color": 1}}),
        *({"channels": [3]}, {"channels": [{}]}, {"channels": [{"color": 3, "window": []}]}),
        {"channels": [{"color": "white", "window": {"start": 9, "end": 3}}]},
        {"channels": [{"color": None, "window": {"start": "a", "end": None}}]},
        {"channels": [{"color": "-12345", "window": {"start": 0, "end": 1e999}}]},
    ],
)
def test_what_makes_no_sense_in_omero_counts_as_not_said(tmp_path, omero):
    path = edited(zarr_image(tmp_path / "a.ome.zarr", SIZED), lambda ome: ome.update(omero=omero))
    looks = looks_of(path)
    assert (looks.labels, looks.colour(0), looks.window(0)) == (False, "", None)


def test_a_short_last_axis_is_not_taken_for_colours(tmp_path):
    header = Header((40, 50, 3), "uint8", "zyx")
    assert opened_alone(tiff_image(tmp_path / "a.ome.tif", header)).ndim == 3


# ---- labels ----


def test_labels_in_an_ome_zarr_are_labels_layers(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", CHANNELS)
    header = replace(SIZED, dtype=np.dtype("uint32"))
    for name in ("nuclei", "cells"):
        write_all(create_labels(path, name, header), voxels(header), None)
    *images, nuclei, cells = [layer.as_layer_data_tuple() for layer in opened(path)]
    assert [kind for _, _, kind in images] == ["image"] * 3
    for (data, state, kind), name in ((nuclei, "nuclei"), (cells, "cells")):
        assert (kind, state["name"]) == ("labels", name)
        np.testing.assert_array_equal(data, voxels(header))
        assert list(state["scale"]) == [2, 0.5, 0.25]


def test_labels_that_say_no_size_lie_where_their_image_lies(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", CHANNELS)
    for name, shape in (("fits", (5, 24, 30)), ("other", (5, 12, 15))):
        header = Header(shape, "uint16", "zyx")
        write_all(create_labels(path, name, header), voxels(header), None)
    *_, fits, other = opened(path)
    assert (fits.scale.tolist(), str(fits.units[0])) == ([2, 0.5, 0.25], "micrometer")
    assert (other.scale.tolist(), str(other.units[0])) == ([1, 1, 1], "pixel")


@pytest.mark.parametrize("make", [zarr_image, tiff_image])
def test_a_file_of_labels_is_a_labels_layer(tmp_path, make):
    path = tmp_path / ("a.ome.zarr" if make is zarr_image else "a.ome.tif")
    layer = opened_alone(make(path, SIZED, labels=True))
    assert layer.as_layer_data_tuple()[2] == "labels"
    assert layer.scale.tolist() == [2, 0.5, 0.25]


def test_labels_of_an_ome_zarr_open_by_themselves(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", SIZED)
    labels = create_labels(path, "nuclei", replace(SIZED, dtype=np.dtype("uint8")))
    write_all(labels, voxels(replace(SIZED, dtype=np.dtype("uint8"))), None)
    assert opened_alone(labels).as_layer_data_tuple()[2] == "labels"


def test_small_labels_can_be_painted_on(tmp_path):
    layer = opened_alone(tiff_image(tmp_path / "a.ome.tif", SIZED, labels=True))
    layer.data_setitem((np.array([0]), np.array([3]), np.array([4])), 77)
    assert layer.data[0, 3, 4] == 77


def test_labels_that_are_no_integers_are_shown_as_an_image(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", replace(SIZED, dtype=np.dtype("float32")))
    layer = opened_alone(edited(path, lambda ome: ome.update({"image-label": {}})))
    assert layer.as_layer_data_tuple()[2] == "image"


# ---- what is said ----


def test_what_the_reader_noticed_is_a_warning_once(tmp_path, monkeypatch):
    path = tiff_image(tmp_path / "a.ome.tif", replace(CHANNELS, channels=()))
    original = files.open_image

    def noticing(*args, **keywords):
        image = original(*args, **keywords)
        header = replace(image.header, notes=("its z size is not known", "it is a part of a set"))
        return replace(image, header=header)

    monkeypatch.setattr(files, "open_image", noticing)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(opened(path)) == 3
    assert [str(one.message) for one in caught] == [
        "a.ome.tif: its z size is not known.",
        "a.ome.tif: it is a part of a set.",
    ]


def test_what_says_how_a_live_layer_is_shown_does_not_come_back(tmp_path):
    header = replace(SIZED, provenance={"recipe": {}, "live": "diversify", "waits": True})
    layer = opened_alone(zarr_image(tmp_path / "a.ome.zarr", header))
    assert layer.metadata[METADATA_KEY] == {"recipe": {}}


# ---- what is for other readers ----


def plain_tiff(folder):
    tifffile.imwrite(folder / "a.tif", np.zeros((4, 5), "uint8"))
    return folder / "a.tif"


def folder_of_tiffs(folder):
    plain_tiff(folder)
    return folder


def colour_tiff(folder):
    path = folder / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((6, 40, 50, 3), "uint8"), photometric="rgb")
    return path


def text(folder):
    (folder / "a.ome.tif").write_text("no image at all")
    return folder / "a.ome.tif"


def group_of_tables(folder):
    zarr.create_group(folder / "a.zarr").create_array("x", shape=(3,), dtype="uint8")
    return folder / "a.zarr"


def old_group_of_tables(folder):
    zarr.create_group(folder / "a.zarr", zarr_format=2)
    return folder / "a.zarr"


def folder_called_zarr(folder):
    (folder / "a.zarr").mkdir()
    return folder / "a.zarr"


def nothing(folder):
    return folder / "not_there.ome.tif"


@pytest.mark.parametrize(
    "make",
    [
        plain_tiff,
        folder_of_tiffs,
        colour_tiff,
        text,
        group_of_tables,
        old_group_of_tables,
        folder_called_zarr,
        nothing,
    ],
)
def test_what_is_no_image_for_us_is_left_to_other_readers(tmp_path, make):
    assert get_reader(str(make(tmp_path))) is None


def test_a_stack_of_files_is_left_to_other_readers(tmp_path):
    path = str(tiff_image(tmp_path / "a.ome.tif", SIZED))
    assert get_reader([path, path]) is None


def test_a_plain_zarr_array_is_opened(tmp_path):
    for version in (2, 3):
        path = tmp_path / f"v{version}.zarr"
        array = zarr.create_array(
            path,
            shape=(4, 20, 30),
            dtype="uint16",
            zarr_format=version,
            dimension_names=["z", "y", "x"] if version == 3 else None,
            attributes={"_ARRAY_DIMENSIONS": ["z", "y", "x"]} if version == 2 else None,
        )
        array[:] = voxels(Header((4, 20, 30), "uint16", "zyx"))
        layer = opened_alone(path)
        np.testing.assert_array_equal(np.asarray(layer.data), array[:])
        assert layer.name == f"v{version}"


# ---- what cannot be opened ----


def test_a_damaged_file_is_refused_with_a_sentence(tmp_path):
    path = tiff_image(tmp_path / "a.ome.tif", SIZED)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"a\.ome\.tif: .*(cut off|damaged|understood)"):
        opened(path)


def test_metadata_without_sense_is_refused_with_a_sentence(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", SIZED)
    edited(path, lambda ome: ome["multiscales"][0].pop("datasets"))
    with pytest.raises(ValueError, match=r"a\.ome\.zarr: its OME metadata"):
        opened(path)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_damaged_chunk_is_refused_with_a_sentence(tmp_path, zarr_format):
    path = tmp_path / "a.zarr"
    names = ["y", "x"] if zarr_format == 3 else None
    array = zarr.create_array(
        path, shape=(40, 50), dtype="uint8", zarr_format=zarr_format, dimension_names=names
    )
    array[:] = voxels(Header((40, 50), "uint8", "yx"))
    (chunk,) = [file for file in path.rglob("*") if file.is_file() and "0" in file.name]
    chunk.write_bytes(b"no longer what it was" * 9)
    with pytest.raises(ValueError, match=r"a\.zarr"):
        opened(path)


def test_labels_that_cannot_be_opened_are_said_and_their_image_opens(tmp_path):
    path = zarr_image(tmp_path / "a.ome.zarr", SIZED)
    labels = create_labels(path, "nuclei", replace(SIZED, dtype=np.dtype("uint8")))
    edited(labels, lambda ome: ome["multiscales"][0].pop("datasets"))
    with pytest.warns(UserWarning, match="nuclei: its OME metadata"):
        layer = opened_alone(path)
    assert layer.name == "cells"

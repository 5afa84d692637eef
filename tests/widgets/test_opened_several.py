"""A file with several images opens as several layers, each of which stays with its own image."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import zarr
from napari.components import ViewerModel

from napari_diversify.files import Header, create, create_labels, open_image, write_all
from napari_diversify.widgets.export.source import source_of

UM = ("micrometer",) * 3
FIELD = Header((4, 20, 30), "uint16", "zyx", (2, 0.5, 0.5), UM, name="field")


@pytest.fixture(autouse=True)
def plugin(npe2pm):
    with npe2pm.tmp_plugin(package="napari-diversify") as plugin:
        yield plugin


def open_(path):
    return ViewerModel().open(str(path), plugin="napari-diversify")


def image_at(path, value):
    create(path, FIELD)
    write_all(path, np.full(FIELD.shape, value, "uint16"), None)


def plate(tmp_path, wells, fields):
    """A plate of one row, every field with voxels of its own number."""
    path = tmp_path / "plate.ome.zarr"
    columns = [str(n + 1) for n in range(wells)]
    attributes = {
        "columns": [{"name": name} for name in columns],
        "rows": [{"name": "A"}],
        "wells": [
            {"path": f"A/{name}", "rowIndex": 0, "columnIndex": n} for n, name in enumerate(columns)
        ],
    }
    zarr.create_group(path, attributes={"ome": {"version": "0.5", "plate": attributes}})
    zarr.create_group(path / "A")
    for n, name in enumerate(columns):
        images = [{"path": str(k)} for k in range(fields)]
        well = {"version": "0.5", "well": {"images": images}}
        zarr.create_group(path / "A" / name, attributes={"ome": well})
        for k in range(fields):
            image_at(path / "A" / name / str(k), 1 + n * fields + k)
    return path


def two_series(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for n, name in enumerate(("first", "second")):
            tif.write(
                np.full((4, 20, 30), n + 1, "uint16"),
                photometric="minisblack",
                metadata={
                    "axes": "ZYX",
                    "Name": name,
                    "PhysicalSizeX": 0.5 + n,
                    "PhysicalSizeY": 0.5 + n,
                    "PhysicalSizeZ": 2.0 + n,
                },
            )
    return path


def two_multiscales(tmp_path):
    path = tmp_path / "two.ome.zarr"
    image_at(path, 1)
    document = json.loads((path / "zarr.json").read_text())
    images = document["attributes"]["ome"]["multiscales"]
    (again,) = json.loads(json.dumps(images))
    again["name"] = "second"
    again["datasets"] = [{**again["datasets"][0], "path": "other"}]
    again["datasets"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [3, 1.5, 1.5]}]
    images.append(again)
    (path / "zarr.json").write_text(json.dumps(document))
    shutil.copytree(path / "0", path / "other")
    zarr.open_array(path / "other", mode="r+")[:] = 2
    return path


@pytest.mark.parametrize("make", [two_series, two_multiscales])
def test_each_image_is_a_layer_with_voxels_size_and_name_of_its_own(tmp_path, make):
    layers = open_(make(tmp_path))
    assert [layer.name for layer in layers] == ["two_s0", "two_s1"]
    for n, layer in enumerate(layers):
        assert (np.asarray(layer.data) == n + 1).all()
        assert layer.scale.tolist() == [2 + n, 0.5 + n, 0.5 + n]


@pytest.mark.parametrize("make", [two_series, two_multiscales])
def test_a_layer_is_exported_as_its_own_image_of_the_file(tmp_path, make):
    path = make(tmp_path)
    for n, layer in enumerate(open_(path)):
        source = source_of(layer)
        assert (source.path, source.series, source.name) == (path, n, f"two_s{n}")
        assert source.header.spacing == (2 + n, 0.5 + n, 0.5 + n)
        again = replace(source, array=None, header=None)
        with again.open() as (header, data):
            assert header.spacing == source.header.spacing
            np.testing.assert_array_equal(np.asarray(data), np.asarray(source.array))


def test_a_layer_that_took_the_voxels_of_another_is_not_its_image(tmp_path):
    first, second = open_(two_series(tmp_path))
    first.data = second.data
    assert source_of(first).path is None


def test_of_a_plate_a_few_fields_open_and_the_warning_says_how_to_open_others(tmp_path):
    path = plate(tmp_path, wells=3, fields=2)
    with pytest.warns(UserWarning, match=r"6 fields.*first 4 are opened.*A/3/0") as caught:
        layers = open_(path)
    assert len(caught) == 1
    assert [layer.name for layer in layers] == [
        *("plate_A_1_0", "plate_A_1_1", "plate_A_2_0", "plate_A_2_1")
    ]
    assert [int(np.asarray(layer.data).max()) for layer in layers] == [1, 2, 3, 4]
    (other,) = open_(path / "A" / "3" / "0")
    assert (np.asarray(other.data) == 5).all()


def test_a_field_is_exported_as_the_image_of_its_own_folder(tmp_path):
    path = plate(tmp_path, wells=2, fields=1)
    for n, layer in enumerate(open_(path)):
        source = source_of(layer)
        assert (source.path, source.series) == (path / "A" / str(n + 1) / "0", None)
        assert source.name == f"plate_A_{n + 1}_0"
        with open_image(source.path) as image:
            np.testing.assert_array_equal(np.asarray(image.data), np.asarray(source.array))


def test_labels_of_several_fields_are_called_after_them(tmp_path):
    path = plate(tmp_path, wells=2, fields=1)
    for n in (1, 2):
        labels = create_labels(path / "A" / str(n) / "0", "nuclei", FIELD)
        write_all(labels, np.full(FIELD.shape, n, "uint16"), None)
    layers = open_(path)
    assert [layer.name for layer in layers[2:]] == ["plate_A_1_0 nuclei", "plate_A_2_0 nuclei"]
    assert [int(np.asarray(layer.data).max()) for layer in layers] == [1, 2, 1, 2]


def test_a_thumbnail_is_left_out(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(np.ones((4, 200, 300), "uint16"), metadata={"axes": "ZYX", "Name": "cells"})
        tif.write(np.ones((20, 30), "uint8"), metadata={"axes": "YX", "Name": "thumbnail"})
    (layer,) = open_(path)
    assert layer.name == "cells"
    assert layer.data.shape == (4, 200, 300)

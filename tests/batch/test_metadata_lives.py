"""Axes, voxel size, units, channel names and dtype of a sample are those of its image."""

import numpy as np
import pytest
import tifffile
import yaozarrs
from batch_jobs import header, job_of, made, measured, noise, objects, table
from yaozarrs import validate_zarr_store

from napari_diversify import files
from napari_diversify.files import open_image

IMAGES = {"yx": (20, 24), "zyx": (4, 20, 24), "tyx": (3, 20, 24), "czyx": (2, 4, 20, 24),
          "tczyx": (2, 2, 3, 20, 24)}  # fmt: skip


@pytest.fixture(params=["zarr", "tiff"])
def write(request, tmp_path):
    """Write an image with its metadata, as OME-Zarr or OME-TIFF."""

    def to_disk(told, array, name="a", *, labels=False):
        path = tmp_path / "raw" / f"{name}.ome.{'zarr' if request.param == 'zarr' else 'tif'}"
        path.parent.mkdir(exist_ok=True)
        if request.param == "zarr":
            files.create(path, told, labels=labels)
            files.write_all(path, array, None)
        else:
            files.write_tiff(path, told, files.planes_of(array, told))
        return path

    return to_disk


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("axes", IMAGES)
def test_all_that_an_image_says_of_itself_is_said_of_its_samples(write, tmp_path, axes, dtype):
    told = measured(axes, IMAGES[axes], dtype)
    source = write(told, noise(told.shape, dtype))
    for file_format in ("ome-zarr", "ome-tiff"):
        output = tmp_path / file_format
        made(job_of(source, output, file_format=file_format))
        got = header(output / table(output)[0]["file"])
        for field in ("shape", "dtype", "axes", "scale", "units", "channels"):
            assert getattr(got, field) == getattr(told, field), field
        assert got.name == "a_0000"


@pytest.mark.parametrize("axes", IMAGES)
def test_others_read_the_same(write, tmp_path, axes):
    told = measured(axes, IMAGES[axes])
    source = write(told, noise(told.shape))
    made(job_of(source, tmp_path / "tiff", file_format="ome-tiff"))
    with tifffile.TiffFile(tmp_path / "tiff" / "a_0000.ome.tif") as tif:
        series = tif.series[0]
        assert series.axes.lower() == axes
        assert series.shape == told.shape
        xml = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
        assert xml["PhysicalSizeX"] == 0.25
        assert xml["PhysicalSizeXUnit"] == "µm"
        assert xml.get("PhysicalSizeZ", 2.0) == 2.0
        assert xml["Type"] == "uint16"
        if "c" in axes:
            assert [c["Name"] for c in xml["Channel"]] == list(told.channels)
    made(job_of(source, tmp_path / "zarr"))
    path = tmp_path / "zarr" / "a_0000.ome.zarr"
    validate_zarr_store(str(path))
    group = yaozarrs.open_group(path)
    multiscale = group.ome_metadata().multiscales[0]
    assert "".join(axis.name for axis in multiscale.axes) == axes
    assert tuple(axis.unit for axis in multiscale.axes) == told.units
    transform = multiscale.datasets[0].coordinateTransformations[0]
    assert tuple(transform.scale) == told.scale


@pytest.mark.parametrize(
    ("layout", "axes", "parts"),
    [("stardist", "tczyx", 4), ("cellpose", "czyx", 8), ("nnunet", "tczyx", 4),
     ("careamics", "tyx", 3)],
)  # fmt: skip
def test_a_part_keeps_what_it_still_has(write, tmp_path, layout, axes, parts):
    told = measured(axes, IMAGES[axes])
    made(job_of(write(told, noise(told.shape)), tmp_path / "train", layout=layout))
    lines = table(tmp_path / "train")
    assert len(lines) == parts
    for line in lines:
        got = header(tmp_path / "train" / line["file"])
        assert got.axes == (axes[-2:] if layout in ("cellpose", "careamics") else "zyx")
        for axis in got.axes:
            assert got.scale_of(axis) == told.scale_of(axis)
            assert got.unit_of(axis) == told.unit_of(axis)
            assert got.size_of(axis) == told.size_of(axis)


def test_labels_lie_where_their_image_lies_and_keep_their_numbers(write, tmp_path):
    told = measured()
    labels = np.where(objects(told.shape) == 1000, 70_000, objects(told.shape)).astype("uint32")
    source = write(told, noise(told.shape))
    bare = write(files.header_of(labels.shape, "uint32"), labels, "a_labels", labels=True)
    for file_format in ("ome-zarr", "ome-tiff"):
        output = tmp_path / file_format
        made(job_of(source, output, labels=bare, file_format=file_format))
        with open_image(output / table(output)[0]["labels"]) as image:
            assert image.header.scale == told.scale
            assert image.header.units == told.units
            assert image.header.dtype == np.uint32
            np.testing.assert_array_equal(image.data[...], labels)


def test_one_volume_of_labels_serves_all_channels(write, tmp_path):
    told = measured("czyx", (2, 4, 20, 24))
    labels = objects(told.shape[1:])
    source = write(told, noise(told.shape))
    bare = write(files.header_of(labels.shape, labels.dtype), labels, "l", labels=True)
    for layout in ("plain", "stardist", "cellpose", "nnunet"):
        output = tmp_path / layout
        made(job_of(source, output, labels=bare, layout=layout))
        written = {line["labels"] for line in table(output) if line["labels"]}
        assert len(written) == {"plain": 1, "stardist": 2, "cellpose": 8, "nnunet": 1}[layout]
        for name in written:
            with open_image(output / name) as image:
                assert "c" not in image.header.axes
                assert image.header.scale == told.scale[-image.header.ndim :]


def test_coarse_levels_of_labels_hold_no_new_number(write, tmp_path):
    told = measured("zyx", (4, 600, 300))
    labels = objects(told.shape)
    source = write(told, noise(told.shape))
    bare = write(files.header_of(labels.shape, labels.dtype), labels, "l", labels=True)
    made(job_of(source, tmp_path / "train", labels=bare))
    with open_image(tmp_path / "train" / "a_0000_labels.ome.zarr") as image:
        assert len(image.levels) > 1
        for level in image.levels[1:]:
            assert set(np.unique(level[...])) <= set(np.unique(labels))

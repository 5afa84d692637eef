import hashlib
import itertools
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pytest
import skimage.io
import tifffile
from file_strategies import headers, planes, voxels
from hypothesis import given, settings

from napari_diversify.files import Header, open_image, planes_of, write_tiff


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder, numbers = tmp_path_factory.mktemp("places"), itertools.count()
    return lambda: folder / f"{next(numbers)}.ome.tif"


@settings(deadline=None, max_examples=80)
@given(header=headers(dtypes=("uint8", "uint16", "uint32", "int16", "float32", "float64")))
def test_what_is_written_is_read_back(places, header):
    path, array = places(), voxels(header)
    write_tiff(path, header, planes(array))
    with open_image(path) as image:
        assert image.header == header
        np.testing.assert_array_equal(image.data[...], array)
    shape = [n for n in header.shape[:-2] if n > 1] + [*header.shape[-2:]]
    np.testing.assert_array_equal(tifffile.imread(path), array.reshape(shape))
    first = path.read_bytes()
    write_tiff(path, header, iter(planes(array)))
    assert path.read_bytes() == first


@pytest.mark.parametrize("shape", [(6, 300, 257), (2, 256, 1025), (5, 16, 600)])
def test_planes_bigger_than_a_tile_are_tiled(tmp_path, shape):
    header = Header(shape, "uint16", "zyx", (2, 0.5, 0.5), ("um",) * 3)
    array = voxels(header)
    write_tiff(tmp_path / "a.tif", header, planes(array))
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].tile == (256, 256)
    # everything that reads TIFF opens it, in the shape that training tools expect
    for read in (tifffile.imread, skimage.io.imread):
        np.testing.assert_array_equal(read(tmp_path / "a.tif"), array)
    with open_image(tmp_path / "a.tif") as image:
        assert image.header.spacing == (2, 0.5, 0.5)
        np.testing.assert_array_equal(image.data[1, -3:, ::-1], array[1, -3:, ::-1])


def test_the_metadata_is_that_of_ome(tmp_path):
    header = Header(
        (2, 3, 4, 20, 30),
        "uint16",
        "tczyx",
        (5, 1, 2, 250, 0.25),
        ("ms", None, "um", "nm", "um"),
        ("DAPI", "<G&P>", "µ"),
        "embryo",
        {"recipe": {"seed": 1}},
    )
    path = tmp_path / "a.ome.tif"
    write_tiff(path, header, planes(voxels(header)))
    with tifffile.TiffFile(path) as tif:
        text = tif.ome_metadata
        assert tif.series[0].axes == "TCZYX"
        assert "DateTime" not in tif.pages[0].tags
    pixels = next(e for e in ElementTree.fromstring(text).iter() if e.tag.endswith("Pixels"))
    said = {k: v for k, v in pixels.attrib.items() if ("Size" in k and "l" in k) or "Time" in k}
    assert said == {
        "PhysicalSizeX": "0.25",
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": "250.0",
        "PhysicalSizeYUnit": "nm",
        "PhysicalSizeZ": "2.0",
        "PhysicalSizeZUnit": "µm",
        "TimeIncrement": "5.0",
        "TimeIncrementUnit": "ms",
    }
    assert [e.get("Name") for e in pixels if e.tag.endswith("Channel")] == ["DAPI", "<G&P>", "µ"]


def test_an_unknown_size_is_not_taken_for_micrometres(tmp_path):
    for scale in ((1, 1), (3, 3)):
        header = Header((4, 4), "uint8", "yx", scale)
        write_tiff(tmp_path / "a.tif", header, [np.zeros((4, 4), "uint8")])
        with open_image(tmp_path / "a.tif") as image:
            assert image.header.scale == scale
            assert image.header.spacing is None


def test_labels_of_32_bits_are_kept(tmp_path):
    header = Header((3, 30, 30), "uint32", "zyx")
    array = voxels(header)
    write_tiff(tmp_path / "a.tif", header, planes(array), labels=True)
    read = tifffile.imread(tmp_path / "a.tif")
    assert read.dtype == "uint32"
    np.testing.assert_array_equal(read, array)


def test_planes_are_consumed_as_they_are_written(tmp_path):
    header = Header((300, 512, 512), "uint16", "zyx")  # 150 MiB

    def endless():
        for _ in range(300):
            yield np.ones((512, 512), "uint16")

    tracemalloc.start()
    try:
        write_tiff(tmp_path / "a.tif", header, endless())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 75 << 20


def test_planes_that_do_not_fit_the_header_are_refused(tmp_path):
    header = Header((3, 4, 5), "uint8", "zyx")
    plane = np.zeros((4, 5), "uint8")
    for given_planes, said in [
        ([plane] * 2, "2 planes were given"),
        ([plane] * 4, "more planes"),
        ([plane, plane.T, plane], "plane 2 is"),
        ([plane, plane, plane.astype("uint16")], "plane 3 is uint16"),
    ]:
        with pytest.raises(ValueError, match=said):
            write_tiff(tmp_path / "a.tif", header, given_planes)
    with pytest.raises(TypeError, match="cannot hold int64"):
        write_tiff(tmp_path / "a.tif", Header((4, 5), "int64", "yx"), [plane])
    with pytest.raises(TypeError, match="labels must be integers"):
        write_tiff(tmp_path / "b.tif", Header((4, 5), "float32", "yx"), [plane], labels=True)
    assert not (tmp_path / "b.tif").exists()


@settings(deadline=None)
@given(header=headers(largest=5))
def test_planes_of_an_array_come_in_order(header):
    array = voxels(header)
    got = np.stack(list(planes_of(array, header)))
    assert hashlib.sha1(got.tobytes()).digest() == hashlib.sha1(array.tobytes()).digest()

"""What every file format promises, asked of all of them."""

import numpy as np
import pytest

from napari_diversify.files import ENDINGS, FORMATS, format_called, header_of, open_image, planes_of

SHAPES = [("yx", (9, 11)), ("zyx", (5, 9, 11)), ("tczyx", (2, 2, 40, 9, 11))]


def stored(path):
    with open_image(path) as image:
        return np.asarray(image.data), image.header


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize(("axes", "shape"), SHAPES)
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_an_image_comes_back_whether_written_whole_or_plane_by_plane(
    tmp_path, fmt, axes, shape, labels
):
    array = np.arange(np.prod(shape), dtype="uint16").reshape(shape)
    header = header_of(shape, array.dtype, axes, provenance={"seed": 1})
    seen = []
    whole, planes = (tmp_path / f"{name}{fmt.ending}" for name in ("whole", "planes"))
    fmt.codec.write(whole, header, array, labels=labels, tell=seen.append, chunk=None)
    fmt.codec.write_planes(planes, header, planes_of(array, header), labels=labels)
    assert sum(seen) == array.size
    for path in (whole, planes):
        values, read = stored(path)
        np.testing.assert_array_equal(values, array)
        assert (read.axes, read.provenance) == (axes, {"seed": 1})
        assert path.is_dir() == fmt.folder


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_planes_that_are_missing_are_noticed(tmp_path, fmt):
    header = header_of((5, 9, 11), "uint8", "zyx")
    planes = [np.zeros((9, 11), "uint8")] * 4
    with pytest.raises(ValueError):
        fmt.codec.write_planes(tmp_path / f"a{fmt.ending}", header, planes)


def test_the_longest_ending_tells_the_format():
    assert [len(e) for e in ENDINGS] == sorted((len(e) for e in ENDINGS), reverse=True)
    names = {e: format_called(f"a{e.upper()}").name for e in ENDINGS}
    assert names[".ome.tif"] == "ome-tiff"
    assert names[".tif"] == "tiff"
    assert names[".zarr"] == names[".ome.zarr"] == "ome-zarr"
    assert names[".npy"] == "numpy"
    assert format_called("a.png") is None


@pytest.mark.parametrize("name", ["a.zarr", "a.ome.zarr", "a.zip", "a.ozx"])
def test_a_packed_zarr_is_to_be_unpacked(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(ValueError, match="unpack it"):
        open_image(tmp_path / name)

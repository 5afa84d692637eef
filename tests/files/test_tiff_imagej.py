"""ImageJ TIFF: stacks on pages or behind the first, sizes, signed values."""

import numpy as np
import pytest
import tifffile
from tiff_makers import pattern

from napari_diversify.files import images_in, open_image

STACK = pattern((6, 32, 40))


def read(path, **options):
    with open_image(path, **options) as opened:
        return opened.header, opened.data[...]


def lines(**said):
    return "ImageJ=1.54f\n" + "".join(f"{key}={value}\n" for key, value in said.items())


def write(path, voxels, text, **options):
    """Page by page."""
    planes = voxels.reshape(-1, *voxels.shape[-2:])
    options = {"photometric": "minisblack", **options}
    tifffile.imwrite(path, planes, description=text, metadata=None, **options)
    return path


def write_behind(path, voxels, text, lost=0):
    """One page, and all planes behind it, as ImageJ writes more than 4 GB."""
    planes = voxels.reshape(-1, *voxels.shape[-2:])
    write(path, planes[0], text, byteorder=">")
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    data = planes.astype(planes.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(path.read_bytes()[:start] + data[: len(data) - lost])
    return path


@pytest.mark.parametrize("style", [write, write_behind])
@pytest.mark.parametrize(
    ("said", "axes", "shape"),
    [
        ({"images": 6, "slices": 6}, "zyx", (6, 32, 40)),
        ({"images": 6, "frames": 6}, "tyx", (6, 32, 40)),
        ({"images": 6, "channels": 2, "slices": 3, "hyperstack": "true"}, "czyx", (2, 3, 32, 40)),
        ({"images": 6, "frames": 3, "channels": 2}, "tcyx", (3, 2, 32, 40)),
        ({"slices": 6}, "zyx", (6, 32, 40)),
        ({"images": 6}, "zyx", (6, 32, 40)),
        ({"images": 6, "slices": "", "frames": ""}, "zyx", (6, 32, 40)),
    ],
)
def test_planes_are_what_the_description_says(tmp_path, style, said, axes, shape):
    header, data = read(style(tmp_path / "a.tif", STACK, lines(**said)))
    assert (header.axes, header.shape) == (axes, shape)
    # channels come fastest in the file
    expected = STACK.reshape(3, 2, 32, 40).swapaxes(0, 1) if axes == "czyx" else STACK
    np.testing.assert_array_equal(data, expected.reshape(shape))
    assert any("were taken to be z" in n for n in header.notes) == (("slices" not in said and
        "frames" not in said) or "" in said.values())  # fmt: skip


@pytest.mark.parametrize("lost", [1, 2560, 2561, 4000, 6 * 2560 - 1])
@pytest.mark.parametrize("said", [{"images": 6, "slices": 6}, {"slices": 6}, {"images": 6}])
def test_a_stack_behind_its_first_page_that_is_cut_off_is_refused(tmp_path, lost, said):
    path = write_behind(tmp_path / "a.tif", STACK, lines(**said), lost)
    with pytest.raises(ValueError, match="cut off"):
        open_image(path)


def test_a_compressed_page_has_no_planes_behind_it(tmp_path):
    path = write(tmp_path / "a.tif", STACK[0], lines(slices=6), compression="zlib")
    with pytest.raises(ValueError, match="lists 6 planes, but one is there"):
        open_image(path)
    np.testing.assert_array_equal(read(path, axes="yx")[1], STACK[0])


@pytest.mark.parametrize(
    "said",
    [
        {"images": 7, "slices": 7},
        {"images": 5, "slices": 5},
        {"images": 6, "slices": 5},
        {"images": 5},
        {"images": 6, "channels": 2, "slices": 6},
        {"images": 6, "slices": "six"},
        {"images": 6, "slices": -6},
        {"images": 0, "slices": 0},
        {"images": 10**30},
    ],
)
def test_a_description_that_contradicts_the_pages_is_refused_unless_axes_are_given(tmp_path, said):
    path = write(tmp_path / "a.tif", STACK, lines(**said))
    with pytest.raises(ValueError, match="ImageJ description") as caught:
        open_image(path)
    assert "--axes" in str(caught.value)
    assert len(images_in(path)) == 1
    np.testing.assert_array_equal(read(path, axes="tyx")[1], STACK)


def test_pages_without_a_number_of_planes_are_taken_for_z(tmp_path):
    header, data = read(write(tmp_path / "a.tif", STACK, lines(unit="micron")))
    assert header.axes == "zyx"
    assert "does not say what its 6 planes are: they were taken to be z" in header.notes[0]
    np.testing.assert_array_equal(data, STACK)


def test_values_of_signed_16_bits_are_signed(tmp_path):
    array = np.array([[-32768, -1, 0], [1, 32767, 7]], "int16")
    stored = (array.astype("int32") + 32768).astype("uint16")
    for n, coefficients in enumerate([("-32768", "1"), ("-32768.0", "1.0"), ("-32768,0", "1,0")]):
        text = lines(cf=0, c0=coefficients[0], c1=coefficients[1], vunit="gray value")
        for byteorder in "<>":
            path = write(tmp_path / f"{n}.tif", stored, text, byteorder=byteorder)
            header, data = read(path)
            assert (header.dtype, data.dtype) == (np.int16, np.int16)
            np.testing.assert_array_equal(data, array)
            assert header.notes == ()
    for dtype in ("uint8", "int16", "float32"):  # of which it cannot be true
        header, data = read(write(tmp_path / "b.tif", array.astype(dtype), text))
        np.testing.assert_array_equal(data, array.astype(dtype))


@pytest.mark.parametrize(
    ("said", "noted"),
    [
        ({"cf": 0, "c0": 0, "c1": 1}, False),
        ({"cf": 20}, False),
        ({}, False),
        ({"cf": 0, "c0": 5, "c1": 1, "vunit": "nM"}, True),
        ({"cf": 0, "c0": -32768, "c1": 2}, True),
        ({"cf": 0}, True),
        ({"cf": 3, "c0": 1, "c1": 1, "c2": 2}, True),
        ({"cf": 21}, True),
    ],
)
def test_another_calibration_is_noted_and_grey_levels_are_kept(tmp_path, said, noted):
    header, data = read(write(tmp_path / "a.tif", STACK, lines(images=6, slices=6, **said)))
    assert any("calibrates its grey levels" in note for note in header.notes) == noted
    np.testing.assert_array_equal(data, STACK)


@pytest.mark.parametrize(
    ("said", "size", "unit", "odd"),
    [
        ({"spacing": "0.5", "unit": "micron"}, 0.5, "micrometer", False),
        ({"spacing": "0,5", "unit": "\\u00B5m"}, 0.5, "micrometer", True),
        ({"spacing": "-0.5", "unit": "um"}, 0.5, "micrometer", False),
        ({"spacing": "500", "unit": "micron", "zunit": "nm"}, 500, "nanometer", False),
        ({"spacing": "", "unit": "micron"}, 1, None, False),
        ({"spacing": "nan", "unit": "micron"}, 1, None, True),
        ({"spacing": "0", "unit": "micron"}, 1, None, True),
        ({"spacing": "two", "unit": "micron"}, 1, None, True),
        ({"spacing": "2", "unit": "furlong"}, 1, None, True),
        ({"spacing": "2", "unit": "pixel"}, 2, None, False),
        ({"spacing": "2", "unit": ""}, 2, None, False),
        ({"spacing": "2"}, 2, None, False),
        ({"unit": "micron"}, 1, None, False),
    ],
)
def test_the_size_of_a_slice_is_understood_or_unknown(tmp_path, said, size, unit, odd):
    path = write(tmp_path / "a.tif", STACK, lines(images=6, slices=6, **said))
    header, _ = read(path)
    assert (header.scale[0], header.units[0]) == (size, unit)
    assert any("spacing is" in n or "has the unit" in n for n in header.notes) == odd


@pytest.mark.parametrize("said", ["nan", "", "0", "0.0", "-1", "1,5", "x"])
def test_odd_intervals_are_no_error(tmp_path, said):
    path = write(tmp_path / "a.tif", STACK, lines(images=6, frames=6, finterval=said))
    header, _ = read(path)
    assert header.units[0] == ("second" if said == "1,5" else None)
    assert header.scale[0] == (1.5 if said == "1,5" else 1)


@pytest.mark.parametrize("resolution", [(0, 1), (1, 0), (0, 0), (4, 1)])
def test_odd_resolutions_are_no_error(tmp_path, resolution):
    path = write(tmp_path / "a.tif", STACK, lines(images=6, slices=6, unit="um", spacing=1))
    with tifffile.TiffFile(path, mode="r+b") as tif:
        for name in ("XResolution", "YResolution"):
            tif.pages[0].tags[name].overwrite(resolution)
    header, _ = read(path)
    assert header.spacing == ((1, 0.25, 0.25) if resolution == (4, 1) else None)


def test_the_origin_is_counted_in_voxels(tmp_path):
    said = {"unit": "um", "spacing": 2, "xorigin": 10, "yorigin": -4, "zorigin": "3,5"}
    text = lines(images=6, slices=6, **said)
    path = write(tmp_path / "a.tif", STACK, text, resolution=(2, 4))
    assert read(path)[0].origin == (-7, 1, -5)
    path = write(tmp_path / "b.tif", STACK, text + "inverty=true\n", resolution=(2, 4))
    assert read(path)[0].origin == (-7, 0, -5)
    path = write(tmp_path / "c.tif", STACK, text.replace("unit=um", "unit="), resolution=(2, 4))
    assert read(path)[0].origin == (0, 0, 0)


def test_pages_that_are_not_alike_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for n, plane in enumerate((STACK[0], STACK[1, ::2, ::2])):
            text = None if n else lines(images=2, slices=2)
            tif.write(plane, photometric="minisblack", metadata=None, description=text)
    with pytest.raises(ValueError, match="not alike"):
        open_image(tmp_path / "a.tif")


def test_samples_listed_as_channels_are_no_planes(tmp_path):
    array = pattern((3, 20, 24, 2))
    tifffile.imwrite(
        tmp_path / "a.tif",
        array,
        photometric="minisblack",
        planarconfig="contig",
        description=lines(images=3, channels=2, slices=3),
        metadata=None,
    )
    with pytest.raises(ValueError, match="2 samples per pixel"):
        open_image(tmp_path / "a.tif")
    _, data = read(tmp_path / "a.tif", axes="zyxc")
    np.testing.assert_array_equal(data, np.moveaxis(array, -1, 0))

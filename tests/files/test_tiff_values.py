"""What values of a TIFF stand for, and axes that only its user knows."""

import numpy as np
import pytest
import tifffile
from tiff_makers import image, ome, pattern, write

from napari_diversify.files import open_image

CHANNELS = pattern((3, 32, 40))


def read(path, **options):
    with open_image(path, **options) as opened:
        return opened.header, opened.data[...]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("axes", ["zyx", "cyx", "tyx"])
@pytest.mark.parametrize("planar", ["separate", "contig"])
@pytest.mark.parametrize("style", ["shaped", "plain", "ome", "imagej"])
def test_three_slices_that_were_saved_as_colours_are_slices_if_told_so(
    tmp_path, dtype, axes, planar, style
):
    array = CHANNELS.astype("uint8" if style == "imagej" else dtype)
    stored = array if planar == "separate" else np.moveaxis(array, 0, -1)
    if style == "imagej" and planar == "separate":
        stored = np.moveaxis(array, 0, -1)  # ImageJ has no planes of colours
        planar = "contig"
    options = {style: True} if style in ("ome", "imagej") else {}
    if style == "plain":
        options["metadata"] = None
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="rgb",
        planarconfig=None if style == "imagej" else planar,
        **options,
    )
    with pytest.raises(ValueError, match=r"a\.tif: this is a colour image.*RGB.*--axes"):
        open_image(tmp_path / "a.tif")
    said = axes if planar == "separate" else axes[1:] + axes[0]
    header, data = read(tmp_path / "a.tif", axes=said)
    assert header.axes == axes
    np.testing.assert_array_equal(data, array)


def test_several_colour_pictures_are_slices_of_channels_if_told_so(tmp_path):
    array = pattern((4, 20, 24, 3), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    _, data = read(tmp_path / "a.tif", axes="zyxc")
    np.testing.assert_array_equal(data, array.transpose(3, 0, 1, 2))


def test_two_samples_per_pixel_are_what_the_user_says(tmp_path):
    array = pattern((20, 24, 2))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", planarconfig="contig")
    with pytest.raises(ValueError, match=r"2 samples per pixel.*axes='yxc'"):
        open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif", axes="yxc")[1], np.moveaxis(array, 2, 0))
    np.testing.assert_array_equal(read(tmp_path / "a.tif", axes="yxz")[1], np.moveaxis(array, 2, 0))
    # without a word tifffile writes 20 planes
    tifffile.imwrite(tmp_path / "b.tif", array, photometric="minisblack")
    header, data = read(tmp_path / "b.tif", axes="yxc")
    assert (header.axes, header.shape) == ("cyx", (2, 20, 24))
    np.testing.assert_array_equal(data, np.moveaxis(array, 2, 0))
    assert "taken to be z" in read(tmp_path / "b.tif")[0].notes[0]


def test_samples_that_ome_xml_counts_as_channels_are_channels(tmp_path):
    array = pattern((20, 24, 2))
    channel = '<Channel ID="Channel:0:0" SamplesPerPixel="2"/>'
    text = ome(image((2, 20, 24), axes="cyx", channels=channel, data='<TiffData IFD="0"/>'))
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        array,
        photometric="minisblack",
        planarconfig="contig",
        description=text.encode(),
        metadata=None,
    )
    header, data = read(tmp_path / "a.ome.tif")
    assert (header.axes, header.shape) == ("cyx", (2, 20, 24))
    np.testing.assert_array_equal(data, np.moveaxis(array, 2, 0))


@pytest.mark.parametrize(
    ("photometric", "said"),
    [("miniswhite", "0 is white"), ("palette", "numbers of colours"), ("minisblack", "")],
)
@pytest.mark.parametrize("style", ["ome", "imagej", "shaped", "plain"])
def test_what_grey_levels_stand_for_is_noted(tmp_path, photometric, said, style):
    array = CHANNELS.astype("uint8")
    options = {style: True} if style in ("ome", "imagej") else {}
    if photometric == "palette":
        options["colormap"] = np.zeros((3, 256), "uint16")
    if style == "plain":
        options["metadata"] = None
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, **options)
    header, data = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(data, array)
    assert any(said and said in note for note in header.notes) == bool(said)


def test_an_image_to_be_turned_is_noted(tmp_path):
    for orientation in (1, 3, 4):
        tags = [(274, 3, 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", CHANNELS[0], photometric="minisblack", extratags=tags)
        notes = read(tmp_path / "a.tif")[0].notes
        assert any("turned or mirrored" in note for note in notes) == (orientation > 1)


def test_an_axis_without_a_meaning_is_taken_for_z_and_said(tmp_path):
    for metadata in (None, {"axes": "QYX"}, {}):
        path = tmp_path / "a.tif"
        tifffile.imwrite(path, CHANNELS, photometric="minisblack", metadata=metadata)
        header, data = read(path)
        assert header.axes == "zyx"
        assert header.notes == (
            "the file does not say what its 3 planes are: they were taken to be z. If they are "
            "not, say so with axes= (--axes)",
        )
        np.testing.assert_array_equal(data, CHANNELS)
        assert read(path, axes="tyx")[0].notes == ()


def test_voxels_of_a_kind_that_cannot_be_read_are_refused(tmp_path):
    for n, (dtype, said) in enumerate(
        [("bool", r"0\.tif: an image must hold integers"), ("complex64", r"1\.tif: an image must")]
    ):
        path = tmp_path / f"{n}.tif"
        tifffile.imwrite(path, np.ones((20, 24), dtype), photometric="minisblack", metadata=None)
        with pytest.raises(ValueError, match=said):
            open_image(path)
    tifffile.imwrite(tmp_path / "a.tif", CHANNELS, photometric="minisblack", metadata=None)
    for bits, said in ((12, "12 bits"), (40, "40 bits|cannot be read")):
        with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tif:
            for page in tif.pages:
                page.tags["BitsPerSample"].overwrite(bits)
        with pytest.raises(ValueError, match=said):
            open_image(tmp_path / "a.tif")


def test_a_volume_in_one_page_is_read(tmp_path):
    array = pattern((16, 32, 48))
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="minisblack", tile=(16, 16, 16),
        volumetric=True, metadata=None,
    )  # fmt: skip
    header, data = read(tmp_path / "a.tif")
    assert header.axes == "zyx"
    np.testing.assert_array_equal(data, array)


def test_tiles_that_are_not_there_are_noted(tmp_path):
    path = tmp_path / "a.tif"
    array = pattern((32, 48)) + 1
    tifffile.imwrite(path, array, photometric="minisblack", tile=(16, 16), metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        page = tif.pages[0]
        for name, values in (
            ("TileOffsets", page.dataoffsets),
            ("TileByteCounts", page.databytecounts),
        ):
            page.tags[name].overwrite((0, 0, *values[2:]))
    header, data = read(path)
    assert "2 tiles or strips are not in the file, and their voxels count as 0" in header.notes
    assert (data[:16, :32] == 0).all()
    np.testing.assert_array_equal(data[16:], array[16:])
    with tifffile.TiffFile(path, mode="r+b") as tif:
        for name in ("TileOffsets", "TileByteCounts"):
            tif.pages[0].tags[name].overwrite((0,) * 6)
    with pytest.raises(ValueError, match="is stored in 0 bytes"):
        open_image(path)


def test_what_is_damaged_inside_is_a_sentence_when_it_is_read(tmp_path, caplog):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, CHANNELS, photometric="minisblack", compression="zlib", metadata=None)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[1].dataoffsets[0]
    data[start + 4 : start + 40] = b"x" * 36
    path.write_bytes(bytes(data))
    with open_image(path) as opened:
        np.testing.assert_array_equal(opened.data[0], CHANNELS[0])
        with pytest.raises(ValueError, match="a plane of this TIFF is damaged"):
            opened.data[1]
        np.testing.assert_array_equal(opened.data[2], CHANNELS[2])
    assert not caplog.records


def test_a_description_of_ours_with_strange_values_is_no_error(tmp_path):
    for note in ("[]", "{", '{"scale": {"c": "x"}, "origin": 3, "provenance": 4, "axes": 5}'):
        annotation = (
            '<StructuredAnnotations><MapAnnotation ID="Annotation:0" '
            'Namespace="napari-diversify"><Value><M K="header">'
            f"{note}</M></Value></MapAnnotation></StructuredAnnotations>"
        )
        path = write(tmp_path / "a.tif", CHANNELS, ome(image(CHANNELS.shape), more=annotation))
        header, data = read(path)
        assert (header.scale, header.origin, header.provenance) == ((1,) * 3, (0,) * 3, None)
        np.testing.assert_array_equal(data, CHANNELS)

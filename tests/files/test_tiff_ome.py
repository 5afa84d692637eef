"""OME-TIFF: which voxels, sizes and names belong to which element Image."""

import time

import numpy as np
import pytest
import tifffile
from tiff_makers import image, ome, pattern, tiff_data, uuid, write

from napari_diversify.files import images_in, open_image

SIZE = 'PhysicalSizeX="0.1" PhysicalSizeY="0.2" PhysicalSizeZ="0.5"'
OTHER = 'PhysicalSizeX="100" PhysicalSizeY="100" PhysicalSizeZ="7"'
A, B = pattern((5, 32, 40), seed=1), pattern((5, 32, 40), seed=2)


def read(path, **options):
    with open_image(path, **options) as opened:
        return opened.header, opened.data[...]


def notes_of(path, **options):
    return "; ".join(read(path, **options)[0].notes)


# ---- which Image is which ----

NOT_THERE = {
    "metadata only": image(A.shape, "<MetadataOnly/>", number=5, attributes=OTHER),
    "no Pixels": '<Image ID="Image:9" Name="thumb"/>',
    "nothing in Pixels": image(A.shape, "", number=5, attributes=OTHER),
    "binary data in the text": image(A.shape, "<BinData/>", number=5, attributes=OTHER),
    "other file": image(
        A.shape, tiff_data(0, 5, "gone.ome.tif", uuid("b")), number=5, attributes=OTHER
    ),
}


@pytest.mark.parametrize("before", [*NOT_THERE, "all"])
def test_an_image_without_planes_in_the_file_gives_nothing_to_another(tmp_path, before):
    others = list(NOT_THERE.values()) if before == "all" else [NOT_THERE[before]]
    real = image(A.shape, name="real", attributes=SIZE)
    for n, images in enumerate([[*others, real], [real, *others]]):
        path = write(tmp_path / f"{n}.ome.tif", A, ome(*images))
        header, data = read(path)
        assert (header.spacing, header.name) == ((0.5, 0.2, 0.1), "real")
        np.testing.assert_array_equal(data, A)
        assert [(e.series, e.title) for e in images_in(path)] == [(0, "real")]


def test_images_are_told_apart_by_their_pages_not_by_their_order(tmp_path):
    first = image(A.shape, tiff_data(5, 5), number=7, name="second", attributes=OTHER)
    second = image(B.shape, tiff_data(0, 5), number=3, name="first", attributes=SIZE)
    path = write(tmp_path / "a.ome.tif", np.stack([A, B]), ome(first, second))
    assert [e.title for e in images_in(path)] == ["second", "first"]
    for series, name, size, voxels in [
        (0, "second", (7, 100, 100), B),
        (1, "first", (0.5, 0.2, 0.1), A),
    ]:
        header, data = read(path, series=series)
        assert (header.name, header.spacing, header.notes) == (name, size, ())
        np.testing.assert_array_equal(data, voxels)
    with pytest.raises(ValueError, match="no series 2; its 2 series count from 0"):
        open_image(path, series=2)


def test_planes_are_where_the_description_says(tmp_path):
    array = pattern((2, 3, 32, 40))  # channels and slices
    order = np.random.default_rng(3).permutation(6)
    data = "".join(
        tiff_data(int(np.flatnonzero(order == n)[0]), z=n % 3, c=n // 3) for n in range(6)
    )
    planes = array.reshape(6, 32, 40)[order]
    path = write(tmp_path / "a.ome.tif", planes, ome(image(array.shape, data, axes="czyx")))
    np.testing.assert_array_equal(read(path)[1], array)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (tiff_data(0, 4), "lists 5 planes, but 4 are there"),
        (tiff_data(1, 5), "lists 5 planes, but 4 are there"),
        (tiff_data(0, 5) + tiff_data(2), "lists a plane or a page twice"),
        ("".join(tiff_data(n) for n in range(5)), "lists a plane or a page twice"),
        ("".join(tiff_data(0, z=n) for n in range(5)), "lists a plane or a page twice"),
        (tiff_data("one"), "where the number IFD should be"),
        (tiff_data(0, -5), "where the number PlaneCount should be"),
    ],
)
def test_planes_that_are_nowhere_or_twice_are_refused(tmp_path, data, said):
    path = write(tmp_path / "a.ome.tif", A, ome(image(A.shape, data, attributes=SIZE)))
    with pytest.raises(ValueError, match=said) as caught:
        open_image(path)
    assert "--axes" in str(caught.value)
    assert len(images_in(path)) == 1
    header, voxels = read(path, axes="zyx")
    np.testing.assert_array_equal(voxels, A)
    assert header.spacing is None
    assert "the description of its planes was not used" in header.notes[0]


def test_two_images_that_claim_the_same_pages_are_refused(tmp_path):
    images = [image(A.shape, tiff_data(0, 5), number=n, name=f"{n}") for n in range(2)]
    path = write(tmp_path / "a.ome.tif", np.stack([A, B]), ome(*images))
    for series in (None, 0, 1):
        with pytest.raises(ValueError, match="of its OME-XML claim the same pages"):
            open_image(path, series=series)


def test_an_image_of_which_no_pages_are_listed_has_them_all(tmp_path):
    path = write(tmp_path / "a.ome.tif", A, ome(image(A.shape, "")))
    np.testing.assert_array_equal(read(path)[1], A)
    assert "does not say where its planes are" in notes_of(path)
    path = write(tmp_path / "b.ome.tif", A[:4], ome(image(A.shape, "")))
    with pytest.raises(ValueError, match="lists 5 planes, but 4 are there"):
        open_image(path)


def test_pages_that_the_description_leaves_out_are_noted(tmp_path):
    path = write(tmp_path / "a.ome.tif", A, ome(image((3, 32, 40), name="three")))
    np.testing.assert_array_equal(read(path)[1], A[:3])
    assert "does not list 2 of its 5 pages" in notes_of(path)


@pytest.mark.parametrize("shape", [(5, 40, 32), (5, 16, 40), (5, 32, 80)])
def test_a_description_of_another_image_is_refused(tmp_path, shape):
    path = write(tmp_path / "a.ome.tif", A, ome(image(shape)))
    with pytest.raises(ValueError, match="may be that of another image"):
        open_image(path)


def test_pages_that_are_not_alike_are_no_image(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path) as tif:
        for n, plane in enumerate([A[0], A[1], A[2].astype("uint8"), A[3], A[4]]):
            text = ome(image(A.shape)).encode() if n == 0 else None
            tif.write(plane, photometric="minisblack", metadata=None, description=text)
    with pytest.raises(ValueError, match="are not alike"):
        open_image(path)


def test_pages_that_are_stored_in_different_ways_are_one_image(tmp_path):
    path = tmp_path / "a.ome.tif"
    ways = [{}, {"compression": "zlib"}, {"rowsperstrip": 5}, {"tile": (16, 16)}, {}]
    with tifffile.TiffWriter(path) as tif:
        for n, (plane, way) in enumerate(zip(A, ways, strict=True)):
            text = ome(image(A.shape)).encode() if n == 0 else None
            tif.write(plane, photometric="minisblack", metadata=None, description=text, **way)
    np.testing.assert_array_equal(read(path)[1], A)
    assert len(images_in(path)) == 1


def test_a_type_that_is_not_that_of_the_pages_is_noted(tmp_path):
    path = write(tmp_path / "a.ome.tif", A, ome(image(A.shape, dtype="int16")))
    assert "announces int16 values, but its pages hold uint16" in notes_of(path)
    assert notes_of(write(tmp_path / "b.ome.tif", A, ome(image(A.shape)))) == ""


# ---- texts that cannot be read ----

SOUND = ome(image((2, 3, 32, 40), axes="czyx", name="DAPI", attributes=SIZE))


@pytest.mark.parametrize(
    "text",
    {
        "an unescaped &": SOUND.replace("DAPI", "DAPI & GFP"),
        "an unescaped <": SOUND.replace("DAPI", "<5 um"),
        "cut short": SOUND[: len(SOUND) // 2],
        "cut short before its end": SOUND[:-6],
        "an element that is not closed": SOUND.replace("</Pixels>", ""),
        "no quotes": SOUND.replace('SizeZ="3"', "SizeZ=3"),
        "an attribute twice": SOUND.replace('SizeZ="3"', 'SizeZ="3" SizeZ="3"'),
        "a control character": SOUND.replace("DAPI", "\x02"),
        "another declaration inside": SOUND.replace("<Image", '<?xml version="1.0"?><Image', 1),
        "two texts": SOUND + SOUND,
        "an unknown prefix": SOUND.replace("<Pixels", "<p:Pixels").replace(
            "</Pixels", "</p:Pixels"
        ),
        "a document type": SOUND.replace("<OME", "<!DOCTYPE OME><OME", 1),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_text_that_is_not_well_formed_is_refused_unless_axes_are_given(tmp_path, text, caplog):
    array = pattern((2, 3, 32, 40))
    path = write(tmp_path / "a.ome.tif", array, text[1])
    with pytest.raises(ValueError, match="OME-XML") as caught:
        open_image(path)
    assert len(str(caught.value)) < 600
    assert [e.aside for e in images_in(path)] == [""]
    header, data = read(path, axes="zyx")
    assert (header.axes, header.shape, header.spacing) == ("zyx", (6, 32, 40), None)
    np.testing.assert_array_equal(data, array.reshape(6, 32, 40))
    assert "the size of a voxel is unknown" in header.notes[0]
    assert not caplog.records


def test_a_text_in_another_type_of_tag_or_encoding_is_read(tmp_path):
    text = ome(image(A.shape, attributes=SIZE + ' PhysicalSizeXUnit="µm"'))
    for n, description in enumerate(
        [
            text.encode(),
            text.encode("cp1252"),
            b"\xef\xbb\xbf" + text.encode(),
            b"\n" + text.encode(),
        ]
    ):
        path = write(tmp_path / f"{n}.ome.tif", A, description)
        assert read(path)[0].spacing == (0.5, 0.2, 0.1)
    for n, kind in enumerate((1, 7)):  # bytes, undefined
        path = tmp_path / f"{n}.tif"
        data = text.encode()
        tags = [(270, kind, len(data), data, True)]
        with tifffile.TiffWriter(path) as tif:
            for plane in A:
                tif.write(plane, photometric="minisblack", metadata=None, extratags=tags)
                tags = []
        assert read(path)[0].spacing == (0.5, 0.2, 0.1)


def test_a_file_that_is_named_like_an_ome_tiff_and_is_none_says_so(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", A, photometric="minisblack", metadata=None)
    (tmp_path / "a.tif").rename(tmp_path / "a.ome.tif")
    assert "holds no OME-XML" in notes_of(tmp_path / "a.ome.tif")


@pytest.mark.parametrize(
    "kind", ["entities", "external", "deep", "flood", "sizes", "counts", "digits"]
)
def test_a_hostile_text_is_answered_in_bounded_time(tmp_path, kind):
    laugh = "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 50}">' if n else '<!ENTITY a0 "ha">' for n in range(12)
    )
    text = {
        "entities": f"<!DOCTYPE OME [{laugh}]>" + ome(image(A.shape, name="&amp;a11;")),
        "external": '<!DOCTYPE OME SYSTEM "file:///etc/hosts">' + ome(image(A.shape)),
        "deep": "<OME>" + "<Image>" * 100_000 + "</Image>" * 100_000 + "</OME>",
        "flood": ome(image(A.shape), more="<Instrument/>" * 200_000),
        "sizes": ome(image((10**9, 10**9, 10**9))),
        "counts": ome(image((10**15, 32, 40), tiff_data(0, 10**15))),
        "digits": ome(image(A.shape, tiff_data("9" * 5000))),
    }[kind].replace("&amp;a11;", "&a11;")
    path = write(tmp_path / "a.ome.tif", A, text)
    start = time.process_time()
    assert len(images_in(path)) == 1
    if kind == "flood":
        np.testing.assert_array_equal(read(path)[1], A)
    else:
        with pytest.raises(ValueError, match="OME-XML"):
            open_image(path)
    assert time.process_time() - start < 30  # not hours


# ---- a companion ----


def binary_only(name, own="a"):
    elsewhere = f'<BinaryOnly MetadataFile="{name}" UUID="{uuid("c")}"/>'
    return ome(elsewhere, root=f' UUID="{uuid(own)}"')


@pytest.mark.parametrize("master", ["set.companion.ome", "master.ome.tif"])
def test_the_description_in_a_companion_is_read(tmp_path, master):
    images = [
        image(x.shape, tiff_data(0, 5, f"{n}.ome.tif", uuid(n)), number=i, name=n, attributes=size)
        for i, (n, x, size) in enumerate([("a", A, SIZE), ("b", B, OTHER)])
    ]
    text = ome(*images, root=f' UUID="{uuid("c")}"')
    if master.endswith("tif"):
        write(tmp_path / master, A[:1], text)
    else:
        (tmp_path / master).write_text(text)
    for name, x, size in [("a", A, (0.5, 0.2, 0.1)), ("b", B, (7, 100, 100))]:
        path = write(tmp_path / f"{name}.ome.tif", x, binary_only(master, name))
        header, data = read(path)
        assert (header.name, header.spacing) == (name, size)
        np.testing.assert_array_equal(data, x)
        assert [e.title for e in images_in(path)] == [name]


def test_a_companion_that_is_missing_or_another_is_named(tmp_path):
    path = write(tmp_path / "a.ome.tif", A, binary_only("set.companion.ome"))
    with pytest.raises(ValueError, match=r"another file, set\.companion\.ome, and that is not"):
        open_image(path)
    np.testing.assert_array_equal(read(path, axes="tyx")[1], A)
    text = ome(image(A.shape, tiff_data(0, 5, "a.ome.tif", uuid("a"))), root=f' UUID="{uuid("c")}"')
    (tmp_path / "set.companion.ome").write_text(text.replace("cccccccc", "dddddddd"))
    with pytest.raises(ValueError, match="is not that one: its UUID is another"):
        open_image(path)
    (tmp_path / "renamed.companion.ome").write_text(text)
    (tmp_path / "set.companion.ome").unlink()
    np.testing.assert_array_equal(read(path)[1], A)


# ---- metadata that nothing depends on ----

UNDERSTOOD = {
    'PhysicalSizeX="0.1"': 0.1,
    'PhysicalSizeX="0,1"': 0.1,
    'PhysicalSizeX=" 1e-1 "': 0.1,
    'PhysicalSizeX="100" PhysicalSizeXUnit="nm"': 0.1,
    'PhysicalSizeX="0.1" PhysicalSizeXUnit="micron"': 0.1,
    'PhysicalSizeX="0.1" PhysicalSizeXUnit="Âµm"': 0.1,
    'PhysicalSizeX="0.1" PhysicalSizeXUnit="&amp;#181;m"': 0.1,
    'PhysicalSizeX="0.1" PhysicalSizeXUnit="\\u00B5m"': 0.1,
}
UNKNOWN = [
    'PhysicalSizeX=""', 'PhysicalSizeX="nan"', 'PhysicalSizeX="inf"', 'PhysicalSizeX="-0.1"',
    'PhysicalSizeX="0"', 'PhysicalSizeX="0.0"', 'PhysicalSizeX="1,234"', 'PhysicalSizeX="1_0"',
    'PhysicalSizeX="0.1 µm"', 'PhysicalSizeX="None"', 'PhysicalSizeX="1e999"',
    'PhysicalSizeX="1e-999"', 'PhysicalSizeX="0.1" PhysicalSizeXUnit="furlong"',
    'PhysicalSizeX="0.1" PhysicalSizeXUnit=""', 'PhysicalSizeX="0.1" PhysicalSizeXUnit="?m"',
    'PhysicalSizeX="0.1" PhysicalSizeXUnit="s"',
]  # fmt: skip


@pytest.mark.parametrize("said", UNDERSTOOD)
def test_sizes_that_are_certain_are_understood(tmp_path, said):
    text = ome(image(A.shape, attributes=f'{said} PhysicalSizeY="0.2" PhysicalSizeZ="0.5"'))
    path = write(tmp_path / "a.ome.tif", A, text)
    assert read(path)[0].spacing == pytest.approx((0.5, 0.2, UNDERSTOOD[said]))
    assert bool(notes_of(path)) == ("0,1" in said)


@pytest.mark.parametrize("said", UNKNOWN)
def test_sizes_that_are_not_count_as_unknown(tmp_path, said):
    text = ome(image(A.shape, attributes=f'{said} PhysicalSizeY="0.2" PhysicalSizeZ="0.5"'))
    path = write(tmp_path / "a.ome.tif", A, text)
    header, data = read(path)
    assert (header.scale, header.units[-1], header.spacing) == ((0.5, 0.2, 1.0), None, None)
    assert "the size of a voxel along x is unknown: PhysicalSizeX" in header.notes[0]
    assert "known along z and y, but not along x" in header.notes[1]
    np.testing.assert_array_equal(data, A)


@pytest.mark.parametrize("said", ['TimeIncrement=""', 'TimeIncrement="0"', 'TimeIncrement="-1"'])
def test_a_time_that_is_none_is_unknown(tmp_path, said):
    path = write(tmp_path / "a.ome.tif", A, ome(image(A.shape, axes="tyx", attributes=said)))
    header, _ = read(path)
    assert (header.scale[0], header.units[0]) == (1.0, None)
    assert "time between two frames" in header.notes[0]


def test_names_that_do_not_fit_the_channels_are_left_out(tmp_path):
    array = pattern((3, 32, 40))
    for names, expected in [
        (("a", "b", "c"), ("a", "b", "c")),
        (("a", "b"), ()),
        (("a", "b", "c", "d"), ()),
        ((), ()),
        (("a", "", "c"), ()),
    ]:
        channels = "".join(f'<Channel ID="Channel:{n}" Name="{c}"/>' for n, c in enumerate(names))
        text = ome(image(array.shape, axes="cyx", channels=channels))
        path = write(tmp_path / "a.ome.tif", array, text)
        header, data = read(path)
        assert (header.axes, header.channels) == ("cyx", expected)
        assert ("channels of 3" in "; ".join(header.notes)) == (len(names) in (2, 4))
        np.testing.assert_array_equal(data, array)


def test_old_and_strange_spellings_are_read(tmp_path):
    text = ome(image(A.shape, attributes=SIZE))
    for n, odd in enumerate(
        [
            text.replace(" Type=", " PixelType=").replace("PlaneCount", "NumPlanes"),
            text.replace("<", "<OME:").replace("<OME:/", "</OME:").replace("<OME:?", "<?")
            .replace("xmlns=", "xmlns:OME="),
            text.replace(f' xmlns="{text.split(chr(34))[5]}"', ""),
            text.replace(' IFD="0"', ' IFD=""').replace(' PlaneCount="5"', ' PlaneCount=""'),
            text.replace("<Image", "<!-- <Image> --><Image", 1),
        ]
    ):  # fmt: skip
        path = write(tmp_path / f"{n}.ome.tif", A, odd)
        header, data = read(path)
        assert header.spacing == (0.5, 0.2, 0.1)
        np.testing.assert_array_equal(data, A)

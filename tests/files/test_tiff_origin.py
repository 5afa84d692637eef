"""Where an image lies, in OME-TIFF: written for ourselves and for others, and read from both."""

import itertools
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from file_strategies import headers, planes, voxels
from hypothesis import given, settings
from hypothesis import strategies as st
from tiff_makers import image, ome, pattern, write

from napari_diversify.files import Header, open_image, write_tiff

STACK = pattern((5, 32, 40))
SIZE = 'PhysicalSizeX="0.1" PhysicalSizeY="0.2" PhysicalSizeZ="500" PhysicalSizeZUnit="nm"'


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder, numbers = tmp_path_factory.mktemp("places"), itertools.count()
    return lambda: folder / f"{next(numbers)}.ome.tif"


@settings(deadline=None, max_examples=60)
@given(header=headers(largest=9), data=st.data())
def test_the_origin_is_kept(places, header, data):
    place = st.just(0.0) | st.floats(-1e6, 1e6)
    origin = tuple(data.draw(place) for _ in header.axes)
    header, path = replace(header, origin=origin), places()
    write_tiff(path, header, planes(voxels(header)))
    with open_image(path) as opened:
        assert opened.header == header
        assert not any("lies" in note or "Position" in note for note in opened.header.notes)


def test_others_find_the_origin_as_the_position_of_planes(tmp_path):
    header = Header(
        (2, 3, 4, 5), "uint8", "czyx", (1, 0.5, 100, 0.25), (None, "um", "nm", "um"),
        origin=(0, 10, 0, -2.5),
    )  # fmt: skip
    write_tiff(tmp_path / "a.ome.tif", header, planes(voxels(header)))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        root = ElementTree.fromstring(tif.ome_metadata)
    said = [
        {k: e.get(k) for k in ("TheC", "TheZ", "PositionZ", "PositionX", "PositionXUnit")}
        for e in root.iter()
        if e.tag.endswith("Plane")
    ]
    assert len(said) == 6
    for plane in said:
        assert float(plane["PositionZ"]) == 10 + 0.5 * int(plane["TheZ"])
        assert (plane["PositionX"], plane["PositionXUnit"]) == ("-2.5", "µm")
    assert "PositionY" not in ElementTree.tostring(root, "unicode")


def test_an_image_without_an_origin_has_no_planes_in_its_text(tmp_path):
    header = Header((3, 4, 5), "uint8", "zyx", (1, 1, 1), ("um",) * 3)
    write_tiff(tmp_path / "a.ome.tif", header, planes(voxels(header)))
    assert b"<Plane " not in (tmp_path / "a.ome.tif").read_bytes()


def origin_and_notes(path, *planes, size=SIZE):
    text = ome(image(STACK.shape, attributes=size, more="".join(planes)))
    with open_image(write(path, STACK, text)) as opened:
        return opened.header.origin, opened.header.notes


def plane(z=0, **said):
    shown = "".join(f' Position{k.replace("_", "")}="{v}"' for k, v in said.items())
    return f'<Plane TheC="0" TheT="0" TheZ="{z}"{shown}/>'


def test_the_position_of_the_first_plane_is_the_origin(tmp_path):
    path = tmp_path / "a.ome.tif"
    units = {"XUnit": "µm", "YUnit": "mm", "ZUnit": "µm"}
    first = plane(X="-3.5", Y="0.25", Z="7", **units)
    others = [plane(z, X="9", Y="9", Z="9", **units) for z in range(1, 5)]
    for order in ([first, *others], [*others, first]):
        assert origin_and_notes(path, *order) == ((7000, 250, -3.5), ())
    assert origin_and_notes(path, *others) == ((0, 0, 0), ())


@pytest.mark.parametrize(
    ("said", "noted"),
    [
        ({"X": "5"}, True),
        ({"X": "5", "XUnit": "reference frame"}, True),
        ({"X": "5", "XUnit": "pixel"}, True),
        ({"X": "5", "XUnit": "furlong"}, True),
        ({"X": "nan", "XUnit": "µm"}, True),
        ({"X": "", "XUnit": "µm"}, True),
        ({"X": "0"}, False),
        ({"X": "0", "XUnit": "reference frame"}, False),
    ],
)
def test_a_position_that_is_not_certain_is_noted_and_not_used(tmp_path, said, noted):
    origin, notes = origin_and_notes(tmp_path / "a.ome.tif", plane(**said))
    assert origin == (0, 0, 0)
    assert any("where the image lies along x is unknown" in note for note in notes) == noted


def test_a_position_needs_the_size_of_a_voxel(tmp_path):
    origin, notes = origin_and_notes(tmp_path / "a.ome.tif", plane(X="5", XUnit="µm"), size="")
    assert origin == (0, 0, 0)
    assert "PositionX is not used, as the size of a voxel along x is unknown" in notes


def test_the_origin_is_that_of_the_image_that_was_asked_for(tmp_path):
    images = [
        image(
            STACK.shape, f'<TiffData IFD="{5 * n}" PlaneCount="5"/>', number=n, attributes=SIZE,
            more=plane(X=f"{n + 1}", XUnit="µm"),
        )
        for n in range(2)
    ]  # fmt: skip
    path = write(tmp_path / "a.ome.tif", np.stack([STACK, STACK + 1]), ome(*images))
    for series in range(2):
        with open_image(path, series=series) as opened:
            assert opened.header.origin == (0, 0, series + 1)

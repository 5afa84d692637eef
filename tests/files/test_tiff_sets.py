"""Sets of OME-TIFF files: each file gives its own image, or its share of one."""

import numpy as np
import pytest
from tiff_makers import image, ome, pattern, tiff_data, uuid, write

from napari_diversify.files import images_in, open_image

POSITIONS = [pattern((5, 32, 40), seed=n) for n in range(3)]
LETTERS = "abc"


def read(path, **options):
    with open_image(path, **options) as opened:
        return opened.header, opened.data[...]


def write_positions(folder, *, names=None, uuids=True, roots=LETTERS, file_names=None, only=None):
    """Three files of one position each; all hold the same text but for the UUID of its root."""
    names = names or [f"pos{n}.ome.tif" for n in range(3)]
    file_names = names if file_names is None else file_names
    images = [
        image(
            x.shape,
            tiff_data(0, 5, file, uuid(letter) if uuids else None),
            number=n,
            name=f"position {n}",
            attributes=f'PhysicalSizeX="{n + 1}" PhysicalSizeY="{n + 1}" PhysicalSizeZ="1"',
        )
        for n, (x, file, letter) in enumerate(zip(POSITIONS, file_names, LETTERS, strict=True))
    ]
    paths = []
    for n, root in enumerate(roots or (None,) * 3):
        text = ome(*images, root=f' UUID="{uuid(root)}"' if root else "")
        if only is None or n in only:
            paths.append(write(folder / names[n], POSITIONS[n], text))
    return paths


WAYS = {
    "UUID and name": {},
    "names only": {"uuids": False, "roots": None},
    "names, and UUIDs of roots": {"uuids": False},
    "UUIDs without roots": {"roots": None},
    "UUIDs only": {"file_names": [None] * 3},
    "one text copied to all files": {"roots": "aaa"},
    "names in capitals": {"file_names": [f"POS{n}.OME.TIF" for n in range(3)]},
    "names with folders": {"file_names": [f"C:\\data\\pos{n}.ome.tif" for n in range(3)]},
    "renamed": {"file_names": [f"old{n}.ome.tif" for n in range(3)]},
    "swapped": {"file_names": [f"pos{n}.ome.tif" for n in (1, 2, 0)]},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_file_gives_its_own_position(tmp_path, way):
    for n, path in enumerate(write_positions(tmp_path, **WAYS[way])):
        header, data = read(path)
        np.testing.assert_array_equal(data, POSITIONS[n])
        assert (header.name, header.spacing[1:]) == (f"position {n}", (n + 1, n + 1))
        (entry,) = images_in(path)
        assert (entry.title, entry.aside, entry.home) == (f"position {n}", "", None)
        assert (entry.name, entry.series) == (f"pos{n}", 0)
        if way not in ("UUIDs only", "names in capitals", "renamed"):
            assert header.notes == ()


def test_a_position_whose_set_is_not_there_says_so(tmp_path):
    (path,) = write_positions(tmp_path, only=[1])
    header, data = read(path)
    np.testing.assert_array_equal(data, POSITIONS[1])
    (note,) = header.notes
    assert "this is 1 of 3 files of a set, and pos0.ome.tif, pos2.ome.tif are not beside" in note


def test_a_file_that_is_none_of_its_set_is_refused(tmp_path):
    paths = write_positions(tmp_path, uuids=False, roots=None)
    paths[0].rename(tmp_path / "renamed.ome.tif")
    with pytest.raises(ValueError, match=r"names pos0.*this file is none of them"):
        open_image(tmp_path / "renamed.ome.tif")
    assert len(images_in(tmp_path / "renamed.ome.tif")) == 1
    _, data = read(tmp_path / "renamed.ome.tif", axes="zyx")
    np.testing.assert_array_equal(data, POSITIONS[0])


def test_a_lone_file_that_was_renamed_is_read(tmp_path):
    x = POSITIONS[0]
    for n, (data, root) in enumerate(
        [
            (tiff_data(0, 5, "old.ome.tif"), ""),
            (tiff_data(0, 5, "old.ome.tif", uuid("a")), f' UUID="{uuid("a")}"'),
            (tiff_data(0, 5, "old.ome.tif", uuid("a")), ""),
            (tiff_data(0, 5, None, uuid("a")), ""),
        ]
    ):
        path = write(tmp_path / f"{n}.ome.tif", x, ome(image(x.shape, data), root=root))
        header, voxels = read(path)
        np.testing.assert_array_equal(voxels, x)
        assert ("calls this file old.ome.tif" in "".join(header.notes)) == (n in (0, 2))


# ---- one image in several files ----

WHOLE = pattern((2, 3, 4, 32, 40))  # t, c, z


def write_spread(folder, axis, *, data=WHOLE, only=None, swap=False, letters="abcd"):
    """One file per channel, slice or time."""
    where = "tcz".index(axis)
    n_files = data.shape[where]
    names = [f"{axis}{n}.ome.tif" for n in range(n_files)]
    elements = ""
    for n in range(n_files):
        part = data.take([n], where)
        order = part.shape[:3]
        for page, (t, c, z) in enumerate(np.ndindex(order)):
            first = {"t": t, "c": c, "z": z, axis: n}
            elements += tiff_data(page, 1, names[n], uuid(letters[n]), **first)
    text = image(
        data.shape,
        elements,
        axes="tczyx",
        channels="".join(f'<Channel ID="Channel:0:{c}" Name="channel {c}"/>' for c in range(3)),
        attributes='PhysicalSizeX="1" PhysicalSizeY="1" PhysicalSizeZ="2"',
    )
    paths = []
    for n in range(n_files):
        if only is None or n in only:
            root = f' UUID="{uuid(letters[n])}"'
            paths.append(write(folder / names[n], data.take(n, where), ome(text, root=root)))
    return paths


@pytest.mark.parametrize("axis", "tcz")
def test_an_image_in_several_files_is_read_whole_and_taken_once(tmp_path, axis):
    paths = write_spread(tmp_path, axis)
    for n, path in enumerate(paths):
        with open_image(path) as opened:
            np.testing.assert_array_equal(opened.data[...], WHOLE)
            np.testing.assert_array_equal(opened.data[1, 2, ::-1, 3:9], WHOLE[1, 2, ::-1, 3:9])
            (note,) = opened.header.notes
            assert opened.header.channels == ("channel 0", "channel 1", "channel 2")
        assert f"it consists of {len(paths)} files: {axis}0.ome.tif, " in note
        (entry,) = images_in(path)
        if n:
            assert f"spread over {len(paths)} files, and is opened with {axis}0.ome" in entry.aside
            assert entry.home == paths[0]
        else:
            assert (entry.aside, entry.home) == ("", None)


def test_reading_a_set_leaves_no_file_open(tmp_path):
    paths = write_spread(tmp_path, "z")
    opened = open_image(paths[1])
    opened.data[...]
    opened.close()  # an open file would be a ResourceWarning, and so an error
    for path in paths:
        path.unlink()


@pytest.mark.parametrize(("axis", "n"), [("t", 1), ("c", 0), ("c", 1), ("z", 0), ("z", 3)])
def test_a_file_without_its_set_gives_what_it_holds(tmp_path, axis, n):
    (path,) = write_spread(tmp_path, axis, only=[n])
    header, data = read(path)
    np.testing.assert_array_equal(data, WHOLE.take(n, "tcz".index(axis)))
    assert header.axes == "tczyx".replace(axis, "")
    assert f"of the image only {axis}={n} is there" in header.notes[0]
    assert [e.aside for e in images_in(path)] == [""]


def test_what_is_there_of_a_set_is_not_made_from_every_file(tmp_path):
    for n, path in enumerate(write_spread(tmp_path, "c", only=[0, 2])):
        np.testing.assert_array_equal(read(path)[1], WHOLE[:, 2 * n])
        assert [e.aside for e in images_in(path)] == [""]


def test_names_and_position_are_those_of_the_part_that_is_there(tmp_path):
    (path,) = write_spread(tmp_path, "c", only=[2])
    assert read(path)[0].channels == ("channel 2",)
    (tmp_path / "z").mkdir()
    (path,) = write_spread(tmp_path / "z", "z", only=[3])
    assert "of the image only z=3 is there" in read(path)[0].notes[0]


def test_a_file_of_another_set_is_not_mixed_in(tmp_path):
    write_spread(tmp_path, "c")
    (tmp_path / "other").mkdir()
    other = write_spread(tmp_path / "other", "c", letters="efgh")
    (tmp_path / "c1.ome.tif").write_bytes(other[1].read_bytes())
    with pytest.raises(ValueError, match=r"c1\.ome\.tif is not the file that belongs to it"):
        open_image(tmp_path / "c0.ome.tif")


@pytest.mark.parametrize("damage", ["cut", "text", "fewer pages"])
def test_a_damaged_file_of_a_set_is_named(tmp_path, damage):
    paths = write_spread(tmp_path, "c")
    if damage == "cut":
        paths[1].write_bytes(paths[1].read_bytes()[:-3000])
    elif damage == "text":
        paths[1].write_text("no TIFF")
    else:
        write(paths[1], WHOLE[0, 0], None)
    with pytest.raises(ValueError, match=r"c1\.ome\.tif|cut off"):
        open_image(paths[0])


def test_a_master_file_lists_what_lies_in_others(tmp_path):
    x = POSITIONS[0]
    data = tiff_data(0, 5, "data.ome.tif", uuid("a"))
    text = ome(image(x.shape, data), root=f' UUID="{uuid("b")}"')
    master = write(tmp_path / "master.ome.tif", x[:1], text)
    write(tmp_path / "data.ome.tif", x, text.replace("bbbbbbbb", "aaaaaaaa"))
    (entry,) = images_in(master)
    assert entry.aside == "it is in another file, and is opened with data.ome.tif"
    assert entry.home == tmp_path / "data.ome.tif"
    np.testing.assert_array_equal(read(master)[1], x)
    np.testing.assert_array_equal(read(tmp_path / "data.ome.tif")[1], x)


def test_a_file_of_a_set_stays_in_its_folder(tmp_path):
    (tmp_path / "set").mkdir()
    paths = write_spread(tmp_path / "set", "c")
    text = paths[0].read_bytes().replace(b"c1.ome.tif", b"../c1.ome.")  # as long
    paths[0].write_bytes(text)
    (tmp_path / "c1.ome.").write_bytes(paths[1].read_bytes())
    header, data = read(paths[0])
    assert data.shape == (2, 4, 32, 40)
    assert "not beside it" in header.notes[0]


def test_many_files_are_a_set_too(tmp_path):
    data = pattern((1, 1, 60, 32, 40))
    paths = write_spread(tmp_path, "z", data=data, letters=[f"{n:02}" for n in range(60)])
    np.testing.assert_array_equal(read(paths[7])[1], data[0, 0])
    assert [bool(images_in(p)[0].aside) for p in (paths[0], paths[59])] == [False, True]

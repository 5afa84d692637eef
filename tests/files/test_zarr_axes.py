"""Axes that a Zarr folder names are obeyed; what is not understood is refused, or said."""

import itertools
import random

import numpy as np
import pytest
from zarr_writers import (
    IN_FORMAT_3,
    SIZES,
    SPELLED,
    STYLES,
    edit,
    in_our_order,
    multiscales,
    numbers,
    ome_axes,
    scale,
    write_array,
    write_group,
    write_image,
    write_styled,
)

from napari_diversify.files import open_image


def opened(path, **options):
    with open_image(path, **options) as image:
        return image.header, image.data[...]


def orders():
    """All orders of two and three axes, and some of four and five."""
    some = random.Random(0)
    for inner in ("", "z", "t", "c", "tz", "cz", "tc", "tcz"):
        every = ["".join(p) for p in itertools.permutations(inner + "yx")]
        yield from every if len(inner) < 2 else some.sample(every, 4)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("spelling", [0, 1])
def test_axes_in_any_order_and_spelling_are_obeyed(tmp_path, style, spelling):
    draw = random.Random(spelling)
    for n, axes in enumerate(orders()):
        names = [SPELLED[a][0] if not spelling else draw.choice(SPELLED[a]) for a in axes]
        array = numbers(axes)
        path = tmp_path / f"{n}.zarr"
        more = {"separator": "./"[n % 2], "chunks": array.shape}
        write_styled(path, array, axes, style, names, **more)
        header, data = opened(path)
        assert header.axes == "".join(a for a in "tczyx" if a in axes), axes
        assert header.notes == (), axes
        np.testing.assert_array_equal(data, in_our_order(array, axes))


@pytest.mark.parametrize("separator", [".", "/", None])
@pytest.mark.parametrize(
    ("style", "shards"),
    [(style, False) for style in STYLES] + [(style, True) for style in IN_FORMAT_3],
)
def test_neither_separators_nor_shards_nor_formats_matter(tmp_path, style, separator, shards):
    array = numbers("xzcy")
    write_styled(tmp_path / "a.zarr", array, "xzcy", style, separator=separator, shards=shards)
    header, data = opened(tmp_path / "a.zarr")
    assert (header.axes, header.shape) == ("czyx", (3, 4, 5, 6))
    np.testing.assert_array_equal(data, in_our_order(array, "xzcy"))


@pytest.mark.parametrize("style", ["0.1", "0.2"])
def test_versions_before_axes_had_names_have_five(tmp_path, style):
    write_image(tmp_path / "a.zarr", numbers("tczyx"), "tczyx", style)
    header, data = opened(tmp_path / "a.zarr")
    assert (header.axes, header.notes) == ("tczyx", ())
    np.testing.assert_array_equal(data, numbers("tczyx"))
    write_image(tmp_path / "b.zarr", numbers("zyx"), "zyx", style)
    header, _ = opened(tmp_path / "b.zarr")
    assert header.axes == "zyx"
    assert "--axes" in header.notes[0]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("ndim", [2, 3, 4, 5])
def test_axes_without_a_name_are_taken_for_the_last_and_that_is_said(tmp_path, version, ndim):
    axes = "tczyx"[-ndim:]
    write_array(tmp_path / "a.zarr", numbers(axes), version=version)
    header, _ = opened(tmp_path / "a.zarr")
    assert header.axes == axes
    assert len(header.notes) == (ndim > 2)
    assert all("--axes" in note and repr(axes) in note for note in header.notes)
    assert opened(tmp_path / "a.zarr", axes=axes[::-1])[0].notes == ()


@pytest.mark.parametrize(
    "names", [["", None, ""], ["dim_0", "dim_1", "dim_2"], ["phony_dim_0", "dim_1", "dim2"], None]
)
@pytest.mark.parametrize("where", ["dimension_names", "_ARRAY_DIMENSIONS"])
def test_names_that_say_nothing_are_none(tmp_path, names, where):
    more = (
        {"dimension_names": names} if where == "dimension_names" else {"attributes": {where: names}}
    )
    write_array(tmp_path / "a.zarr", numbers("zyx"), **more)
    header, _ = opened(tmp_path / "a.zarr")
    assert header.axes == "zyx"
    assert "--axes" in header.notes[0]


ODD = [
    ["row", "column", "z"],
    ["lat", "lon", "time"],
    ["phase", "y", "x"],
    [None, "y", "x"],
    ["z", None, None],
    ["z", "y", "y"],
    ["t", "c", "y"],
    ["c", "z", "x"],
    ["y", "x"],
    ["t", "z", "y", "x"],
]


def write_named(path, names, style):
    """An array (z, y, x) whose file calls its axes by any names, as many as there are."""
    array = numbers("zyx")
    if style in ("0.3", "0.4", "0.5"):
        listed = [n if style == "0.3" else {"name": n, "type": "space"} for n in names]
        write_image(path, array, "zyx", style, entry=multiscales(listed, style))
    elif style == "dimension_names":
        write_array(path, array)
        edit(path / "zarr.json", lambda document: document.update(dimension_names=names))
    else:
        version = 2 if style == "xarray v2" else 3
        write_array(path, array, version=version, attributes={"_ARRAY_DIMENSIONS": names})


@pytest.mark.parametrize("names", ODD, ids=str)
@pytest.mark.parametrize("style", [style for style in STYLES if style != "axes"])
def test_names_that_are_not_understood_ask_for_axes(tmp_path, names, style):
    write_named(tmp_path / "a.zarr", names, style)
    with pytest.raises(ValueError, match=r"axes='zyx'.*--axes"):
        open_image(tmp_path / "a.zarr")
    header, data = opened(tmp_path / "a.zarr", axes="txy")
    assert header.axes == "tyx"
    np.testing.assert_array_equal(data, numbers("zyx").swapaxes(1, 2))


@pytest.mark.parametrize("axes", ["linear", [1, 2, 3], {"z": 0}, ["y", "x"], 3])
def test_an_attribute_called_axes_may_be_about_something_else(tmp_path, axes):
    write_array(tmp_path / "a.zarr", numbers("zyx"), attributes={"axes": axes})
    assert "--axes" in opened(tmp_path / "a.zarr")[0].notes[0]


def test_an_axis_of_length_one_may_be_called_anything(tmp_path):
    array = numbers("zyx")[None]
    for n, name in enumerate(["phase", None, "", "z", "position"]):
        listed = [{"name": name, "type": "other"}, *ome_axes("zyx")]
        path = tmp_path / f"{n}.zarr"
        write_image(path, array, "pzyx", entry=multiscales(listed))
        header, data = opened(path)
        assert (header.axes, header.notes) == ("zyx", ())
        np.testing.assert_array_equal(data, array[0])


@pytest.mark.parametrize(
    ("name", "kind", "letter"),
    [
        ("wavelength", "channel", "c"),
        ("lapse", "time", "t"),
        ("Z", "SPACE", "z"),
        ("z", None, "z"),
        ("ch", "", "c"),
        ("time", "anything", "t"),
        ("z", "channel", None),
        ("c", "time", None),
        ("t", "space", None),
        ("depth", "space", None),
    ],
)
def test_types_say_what_an_axis_is_and_contradictions_are_refused(tmp_path, name, kind, letter):
    listed = [{"name": name, "type": kind}, *ome_axes("yx")]
    write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", entry=multiscales(listed))
    if letter is None:
        with pytest.raises(ValueError, match="--axes"):
            open_image(tmp_path / "a.zarr")
    else:
        assert opened(tmp_path / "a.zarr")[0].axes == letter + "yx"


def test_what_ome_says_wins_over_the_array_and_that_is_said(tmp_path):
    def image(name, dimension_names, entry=None):
        write_group(tmp_path / name, {"ome": {"version": "0.5", "multiscales": [entry]}}, 3)
        write_array(tmp_path / name / "0", numbers("zyx"), dimension_names=dimension_names)
        return opened(tmp_path / name)[0]

    entry = multiscales("zyx", "0.5")
    header = image("other.zarr", ["x", "y", "z"], entry)
    assert (header.axes, header.shape) == ("zyx", (4, 5, 6))
    assert "'zyx'" in header.notes[0]
    assert "'xyz'" in header.notes[0]
    for n, names in enumerate(
        [["z", "y", "x"], ["Z", "Y", "X"], ["a", "b", "c"], [None, "y", "x"]]
    ):
        assert image(f"{n}.zarr", names, entry).notes == ()
    del entry["axes"]  # then the array is the only one to say it
    header = image("own.zarr", ["x", "y", "t"], entry)
    assert (header.axes, header.shape, header.notes) == ("tyx", (6, 5, 4), ())


def test_an_array_that_names_its_axes_twice_must_agree_with_itself(tmp_path):
    for n, (names, fine) in enumerate([(["z", "y", "x"], True), (["x", "y", "z"], False)]):
        path = tmp_path / f"{n}.zarr"
        more = {"dimension_names": ["z", "y", "x"], "attributes": {"_ARRAY_DIMENSIONS": names}}
        write_array(path, numbers("zyx"), **more)
        if fine:
            assert opened(path)[0].axes == "zyx"
        else:
            with pytest.raises(ValueError, match=r"twice.*--axes"):
                open_image(path)


def test_axes_that_a_user_gives_win_and_keep_the_sizes(tmp_path):
    metadata = {
        "transformations": [[scale([2, 0.5, 0.25])]],
        "units": dict.fromkeys("zyx", "micrometer"),
    }
    write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", metadata=metadata)
    header, data = opened(tmp_path / "a.zarr", axes="yxz")
    assert (header.axes, header.shape, header.spacing) == ("zyx", (6, 4, 5), (0.25, 2, 0.5))
    np.testing.assert_array_equal(data, numbers("zyx").transpose(2, 0, 1))
    # a length is no time
    assert opened(tmp_path / "a.zarr", axes="tyx")[0].units == (None, "micrometer", "micrometer")
    with pytest.raises(ValueError, match="names 2 axes, but the image has 3"):
        open_image(tmp_path / "a.zarr", axes="yx")


def test_a_user_may_leave_out_axes_of_length_one(tmp_path):
    write_array(tmp_path / "a.zarr", numbers("zyx")[None, :, None])
    header, data = opened(tmp_path / "a.zarr", axes="xyz")
    assert (header.axes, header.shape) == ("zyx", (6, 5, 4))
    np.testing.assert_array_equal(data, numbers("zyx").transpose(2, 1, 0))


@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_a_level_that_is_given_itself_is_described_by_its_image(tmp_path, style):
    array = numbers("xyt", {"x": 8, "y": 6, "t": 2})
    metadata = {
        "transformations": [[scale([0.1, 0.2, 5])], [scale([0.2, 0.4, 5])]],
        "units": {"x": "micrometer", "y": "micrometer", "t": "second"},
        "name": "embryo",
    }
    write_image(tmp_path / "a.zarr", array, "xyt", style, levels=2, metadata=metadata)
    header, data = opened(tmp_path / "a.zarr" / "1")
    assert (header.axes, header.scale, header.name) == ("tyx", (5, 0.4, 0.2), "embryo")
    np.testing.assert_array_equal(data, array[::2, ::2].transpose(2, 1, 0))


def test_all_sizes_differ():
    assert len(set(SIZES.values())) == len(SIZES)  # or an order could be right by chance

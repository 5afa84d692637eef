"""Voxel sizes, position and channel names of Zarr images: certain, or unknown and said."""

import itertools
import json

import numpy as np
import pytest
import zarr
from zarr_writers import (
    edit,
    multiscales,
    numbers,
    scale,
    translation,
    write_array,
    write_image,
)

from napari_diversify.files import Header, create, create_labels, images_in, open_image, write_all

UM = dict.fromkeys("zyx", "micrometer")


def header_of(path, own=(), shared=(), units=UM, **more):
    """Of an image (z, y, x) with these transformations of its level, and of all levels."""
    metadata = {"transformations": [own], "units": units}
    if shared:
        metadata["coordinateTransformations"] = list(shared)
    write_image(path, numbers("zyx"), "zyx", metadata=metadata, **more)
    with open_image(path) as image:
        return image.header


# ---- scale and position ----


def test_scales_multiply_and_the_outer_one_moves_the_inner_position(tmp_path):
    header = header_of(
        tmp_path / "a.zarr",
        [scale([2, 1, 0.5]), translation([10, 20, 30])],
        [scale([0.5, 2, 4]), translation([1, 2, -3])],
    )
    assert header.scale == (1, 2, 2)
    assert header.origin == (6, 42, 117)
    assert header.spacing == (1, 2, 2)
    assert header.notes == ()


def test_transformations_are_applied_in_the_order_in_which_they_are_listed(tmp_path):
    header = header_of(tmp_path / "a.zarr", [translation([1, 1, 1]), scale([2, 3, 4])])
    assert (header.scale, header.origin) == ((2, 3, 4), (2, 3, 4))


@pytest.mark.parametrize("axes", ["xzy", "yxt", "cxyz"])
def test_position_and_sizes_go_with_their_axes(tmp_path, axes):
    values = [2.0 + i for i in range(len(axes))]
    metadata = {
        "transformations": [[scale(values), translation([10 * v for v in values])]],
        "units": UM,
    }
    write_image(tmp_path / "a.zarr", numbers(axes), axes, metadata=metadata)
    with open_image(tmp_path / "a.zarr") as image:
        header = image.header
    for axis, value in zip(axes, values, strict=True):
        assert header.scale_of(axis) == value
        assert header.origin[header.axes.index(axis)] == 10 * value


def test_a_position_in_unknown_units_stays_as_it_is(tmp_path):
    header = header_of(
        tmp_path / "a.zarr", [scale([1, 1, 1]), translation([10, 20, 30])], units=None
    )
    assert (header.origin, header.units, header.spacing) == ((10, 20, 30), (None,) * 3, None)
    with open_image(tmp_path / "a.zarr", voxel_size={"z": 2, "y": 1, "x": 1}) as image:
        assert image.header.origin == (10, 20, 30)


ODD_SCALES = [
    [],
    [{"type": "scale", "path": "scale"}],
    [{"type": "scale", "scale": [0, 1, 1]}],
    [{"type": "scale", "scale": [-2, 1, 1]}],
    [{"type": "scale", "scale": [float("nan"), 1, 1]}],
    [{"type": "scale", "scale": [float("inf"), 1, 1]}],
    [{"type": "scale", "scale": [None, 1, 1]}],
    [{"type": "scale", "scale": ["wide", 1, 1]}],
    [{"type": "scale", "scale": [True, 1, 1]}],
    [{"type": "scale", "scale": [10**400, 1, 1]}],
    [{"type": "scale", "scale": [1, 1]}],
    [{"type": "scale", "scale": 1.0}],
    [{"type": "affine", "affine": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}],
    [{"scale": [1, 1, 1]}],
    ["scale"],
    [None],
    {"type": "scale"},
    "scale",
    7,
]


@pytest.mark.parametrize("odd", ODD_SCALES, ids=str)
@pytest.mark.parametrize("where", ["level", "all levels"])
def test_a_size_that_cannot_be_used_is_unknown_and_said(tmp_path, odd, where):
    path = write_image(
        tmp_path / "a.zarr",
        numbers("zyx"),
        "zyx",
        metadata={"transformations": [[scale([1, 1, 1])]], "units": UM},
    )

    def change(document):
        (entry,) = document["multiscales"]
        owner = entry["datasets"][0] if where == "level" else entry
        owner["coordinateTransformations"] = odd

    edit(path / ".zattrs", change)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.data[...], numbers("zyx"))
        header = image.header
    if where == "all levels" and odd in ([], [None]):
        assert header.spacing == (1, 1, 1)  # nothing to say is no error
        return
    assert header.spacing is None
    assert (header.scale[0], header.units[0]) == (1, None)
    assert any("unknown" in note and "z" in note for note in header.notes)


@pytest.mark.parametrize("odd", [[1, 2], [float("nan"), 0, 0], "far", None, [None, 1, 1]])
def test_a_position_that_cannot_be_used_is_no_position_and_said(tmp_path, odd):
    path = tmp_path / "a.zarr"
    write_image(path, numbers("zyx"), "zyx", metadata={"transformations": [[scale([1, 1, 1])]]})
    edit(
        path / ".zattrs",
        lambda document: document["multiscales"][0]["datasets"][0][
            "coordinateTransformations"
        ].append({"type": "translation", "translation": odd}),
    )
    with open_image(path) as image:
        assert image.header.origin[0] == 0
        assert any("where it lies" in note for note in image.header.notes)


@pytest.mark.parametrize("unit", ["pixel", "", 3, ["micrometer"], "furlong"])
def test_a_unit_that_is_none_makes_the_size_unknown(tmp_path, unit):
    header = header_of(tmp_path / "a.zarr", [scale([2, 1, 1])], units={**UM, "z": unit})
    assert header.units == (None, "micrometer", "micrometer")
    assert header.spacing is None
    assert bool(header.notes) == bool(unit)


# ---- levels ----


def pyramid(path, order, *, scales=None, shapes=None, dtypes=("uint16",) * 3, style="0.4"):
    """Three levels, listed in an order; level n has every 2**n-th voxel of y and x."""
    array = numbers("zyx", {"z": 2, "y": 16, "x": 24})
    sizes = scales or [(1, 0.1 * 2**n, 0.1 * 2**n) for n in range(3)]
    entry = multiscales(
        "zyx",
        style,
        [[scale(sizes[n])] for n in order],
        [f"level {n}" for n in order],
        UM,
    )
    write_image(path, array, "zyx", style, levels=0, entry=entry)
    version = 3 if style == "0.5" else 2
    for n in range(3):
        part = array[:, :: 2**n, :: 2**n] if shapes is None else np.ones(shapes[n])
        write_array(path / f"level {n}", part.astype(dtypes[n]), version=version)
    return path


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_the_finest_level_is_the_image_wherever_it_is_listed(tmp_path, order, style):
    with open_image(pyramid(tmp_path / "a.zarr", order, style=style)) as image:
        assert [level.shape for level in image.levels] == [(2, 16, 24), (2, 8, 12), (2, 4, 6)]
        assert image.header.spacing == pytest.approx((1, 0.1, 0.1))
        assert bool(image.header.notes) == (order != (0, 1, 2))
        assert all("level" in note for note in image.header.notes)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_sizes_that_contradict_the_shapes_are_unknown(tmp_path, order):
    scales = [(1, 0.4, 0.4), (1, 0.2, 0.2), (1, 0.1, 0.1)]  # the finest has the largest voxels
    with open_image(pyramid(tmp_path / "a.zarr", order, scales=scales)) as image:
        assert image.header.shape == (2, 16, 24)
        assert image.header.spacing is None
        assert any("contradict" in note for note in image.header.notes)


def test_sizes_of_coarse_levels_that_do_not_fit_are_told(tmp_path):
    scales = [(1, 0.1, 0.1)] * 3
    with open_image(pyramid(tmp_path / "a.zarr", (0, 1, 2), scales=scales)) as image:
        assert image.header.spacing == pytest.approx((1, 0.1, 0.1))
        assert any("do not go with their shapes" in note for note in image.header.notes)


@pytest.mark.parametrize("shape", [(2, 17, 25), (3, 101, 7), (2, 16, 24)])
@pytest.mark.parametrize("rounded", [np.ceil, np.floor])
def test_levels_that_were_rounded_up_or_down_fit(tmp_path, shape, rounded):
    shapes = [shape]
    while len(shapes) < 3:
        z, y, x = shapes[-1]
        shapes.append((z, int(rounded(y / 2)), int(rounded(x / 2))))
    with open_image(pyramid(tmp_path / "a.zarr", (0, 1, 2), shapes=shapes)) as image:
        assert image.header.notes == ()


def test_levels_of_another_kind_are_left_out(tmp_path):
    path = pyramid(tmp_path / "a.zarr", (2, 0, 1), dtypes=["uint16", "float32", "uint16"])
    with open_image(path) as image:
        assert [level.shape for level in image.levels] == [(2, 16, 24), (2, 4, 6)]
        assert any("left out" in note for note in image.header.notes)
    path = pyramid(tmp_path / "b.zarr", (0, 1, 2), shapes=[(2, 16, 24), (8, 12), (4, 6)])
    with open_image(path) as image:
        assert [level.shape for level in image.levels] == [(2, 16, 24)]


def test_levels_that_are_no_pyramid_are_refused(tmp_path):
    path = pyramid(tmp_path / "a.zarr", (0, 1, 2), shapes=[(2, 16, 24), (4, 8, 12), (2, 4, 6)])
    with pytest.raises(ValueError, match=r"not coarse copies.*\(4, 8, 12\)"):
        open_image(path)


def test_an_image_without_its_finest_level_is_refused(tmp_path):
    for lost in range(3):
        path = pyramid(tmp_path / f"{lost}.zarr", (2, 0, 1))
        (path / f"level {lost}" / ".zarray").unlink()
        if lost == 0:
            with pytest.raises(ValueError, match="'level 0' is not there"):
                open_image(path)
        else:
            with open_image(path) as image:
                assert image.data.shape == (2, 16, 24)
                assert any(f"level {lost}" in note for note in image.header.notes)


# ---- versions ----


@pytest.mark.parametrize("version", ["0.6", "0.6.dev1", 7, "1.0", "latest", 0.6, ["0.4"], True])
@pytest.mark.parametrize("where", ["image", "group"])
def test_versions_that_are_not_known_are_refused_unless_axes_are_given(tmp_path, version, where):
    path = tmp_path / "a.zarr"
    metadata = {"transformations": [[scale([2, 1, 1])]], "units": UM}
    write_image(path, numbers("zyx"), "zyx", "0.5", metadata=metadata)

    def change(document):
        ome = document["attributes"]["ome"]
        owner = ome["multiscales"][0] if where == "image" else ome
        owner["version"] = version

    edit(path / "zarr.json", change)
    assert len(images_in(path)) == 1
    with pytest.raises(ValueError, match=r"OME-Zarr .*0\.1 to 0\.5.*--axes") as caught:
        open_image(path)
    assert str(version) in str(caught.value)
    with open_image(path, axes="xyz") as image:
        assert image.header.shape == (6, 5, 4)
        assert image.header.spacing is None
        assert "unknown" in image.header.notes[0]


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.5.1", 0.4, None, ""])
def test_versions_that_are_known_are_read_however_they_are_written(tmp_path, version):
    path = write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", "0.4")
    edit(path / ".zattrs", lambda document: document["multiscales"][0].update(version=version))
    edit(path / ".zattrs", lambda document: document.update(version="7 of my own"))
    with open_image(path) as image:
        assert image.header.axes == "zyx"


def test_coordinate_systems_are_of_a_later_version(tmp_path):
    path = write_image(tmp_path / "a.zarr", numbers("cyx"), "cyx", "0.5")

    def change(document):
        (entry,) = document["attributes"]["ome"]["multiscales"]
        entry["coordinateSystems"] = [{"name": "physical", "axes": entry.pop("axes")}]

    edit(path / "zarr.json", change)
    with pytest.raises(ValueError, match=r"0\.6 or later.*--axes"):
        open_image(path)


# ---- what need not be there ----


def odd_values():
    return [None, [], {}, "", "text", 3, -1.5, True, [None], [3], [{}], {"a": {"b": [1]}}]


@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_metadata_that_need_not_be_there_may_be_odd(tmp_path, style):
    array = numbers("cyx")
    path = write_image(tmp_path / "a.zarr", array, "cyx", style)
    file = path / ("zarr.json" if style == "0.5" else ".zattrs")
    whole = file.read_text()
    for odd in odd_values():
        for key in ("omero", "channels", "label", "name", "type", "metadata", "creator", "labels"):
            file.write_text(whole)

            def change(document, odd=odd, key=key):
                ome = document["attributes"]["ome"] if style == "0.5" else document
                if key in ("channels", "label"):
                    ome["omero"] = {"channels": [{"label": odd}] * 3 if key == "label" else odd}
                else:
                    (ome["multiscales"][0] if key in ("name", "type", "metadata") else ome)[key] = (
                        odd
                    )

            edit(file, change)
            with open_image(path) as image:
                np.testing.assert_array_equal(image.data[...], array)
                assert image.header.axes == "cyx"
            assert len(images_in(path)) == 1


@pytest.mark.parametrize("labels", [["a"], ["a", "b"], ["a", "b", "c", "d"], ["a", "b", 3]])
def test_channel_names_that_do_not_fit_are_left_out_and_that_is_said(tmp_path, labels):
    omero = {"channels": [{"label": label} for label in labels]}
    path = write_image(tmp_path / "a.zarr", numbers("cyx"), "cyx", ome={"omero": omero})
    with open_image(path) as image:
        assert image.header.channels == ()
        assert "of 3 channels" in image.header.notes[0]


@pytest.mark.parametrize("consolidated", [None, 3, {}, {"metadata": {}}, {"zarr_consolidated": 9}])
@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_consolidated_metadata_are_not_asked(tmp_path, style, consolidated):
    path = write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", style)
    if style == "0.4":
        (path / ".zmetadata").write_text(json.dumps(consolidated))
    else:
        change = lambda document: document.update(consolidated_metadata=consolidated)  # noqa: E731
        edit(path / "zarr.json", change)
        edit(path / "0" / "zarr.json", change)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.data[...], numbers("zyx"))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("style", ["0.4", "0.5"])
def test_the_metadata_of_an_array_win_over_an_old_copy_of_them(tmp_path, style):
    path = write_image(tmp_path / "a.zarr", numbers("zyx"), "zyx", style)
    zarr.consolidate_metadata(str(path), zarr_format=2 if style == "0.4" else 3)
    array = numbers("zyx", {"z": 3, "y": 5, "x": 9}, "float32")
    write_array(path / "0", array, version=2 if style == "0.4" else 3, overwrite=True)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.data[...], array)


# ---- our own files ----


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("origin", [(10, 20, 30), (0, -1.5, 0), (0, 0, 0)])
def test_a_position_is_written_and_read_again(tmp_path, labels, origin):
    header = Header((3, 20, 600), "uint16", "zyx", (2, 0.5, 0.5), ("um",) * 3, origin=origin)
    create(tmp_path / "a.ome.zarr", header)
    path = tmp_path / "a.ome.zarr"
    if labels:
        path = create_labels(path, "nuclei", header)
    write_all(path, numbers("zyx", dict(zip("zyx", header.shape, strict=True))), None)
    with open_image(path) as image:
        assert image.header.origin == origin
        assert image.header.notes == ()
    ome = json.loads((path / "zarr.json").read_text())["attributes"]["ome"]
    places = [
        [t["translation"] for t in d["coordinateTransformations"] if t["type"] == "translation"]
        for d in ome["multiscales"][0]["datasets"]
    ]
    # a mean of voxels lies amidst them, a label that is kept where it was
    shifts = [[0, 0.25 * (2**n - 1), 0.25 * (2**n - 1)] for n in range(len(places))]
    for n, (place, shift) in enumerate(zip(places, shifts, strict=True)):
        moved = [0, 0, 0] if labels else shift
        expected = [[o + m for o, m in zip(origin, moved, strict=True)]]
        assert place == (expected if any(origin) or (n and not labels) else [])

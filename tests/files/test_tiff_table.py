"""Every order of axes, as every kind of metadata says it, in every type of voxel."""

import itertools

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.files import AXES, images_in, open_image

ORDERS = ["".join(o) for n in range(4) for o in itertools.permutations("tzc", n)]
SIZES = {"t": 2, "z": 4, "c": 3, "y": 20, "x": 28}
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
STYLES = ("ome", "imagej", "shaped", "plain")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder, numbers = tmp_path_factory.mktemp("places"), itertools.count()
    return lambda: folder / f"{next(numbers)}.tif"


def axes_that_can_be_said(style, order):
    if style == "imagej":  # always t, z, c
        return "".join(a for a in "tzc" if a in order)
    return order[:1] if style == "plain" else order


@settings(deadline=None, max_examples=150)
@given(
    style=st.sampled_from(STYLES),
    order=st.sampled_from(ORDERS),
    dtype=st.sampled_from(DTYPES),
    byteorder=st.sampled_from("<>"),
    photometric=st.sampled_from(["minisblack", "miniswhite"]),
    stored=st.sampled_from([{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 7}]),
)
def test_axes_and_voxels_are_read_as_written(
    places, style, order, dtype, byteorder, photometric, stored
):
    if style == "imagej" and dtype not in ("uint8", "uint16", "float32"):
        dtype = "uint16"
    order = axes_that_can_be_said(style, order)
    axes = order + "yx"
    shape = [SIZES[a] for a in axes]
    array = np.random.default_rng(1).integers(0, 100, shape).astype(dtype)
    path = places()
    options = {"metadata": {"axes": axes.upper()}, "photometric": photometric, **stored}
    if style == "plain":
        options["metadata"] = None
    elif style != "shaped":
        options[style] = True
    tifffile.imwrite(path, array, byteorder=byteorder, **options)
    expected = axes if style != "plain" else ("zyx" if order else "yx")
    with open_image(path) as image:
        header, data = image.header, image.data[...]
    assert header.axes == "".join(a for a in AXES if a in expected)
    assert header.dtype == dtype
    np.testing.assert_array_equal(data, array.transpose([expected.index(a) for a in header.axes]))
    assert [e.aside for e in images_in(path)] == [""]
    assert any("0 is white" in note for note in header.notes) == (photometric == "miniswhite")
    assert any("taken to be z" in note for note in header.notes) == (
        style == "plain" and bool(order)
    )


@settings(deadline=None, max_examples=60)
@given(
    style=st.sampled_from(STYLES),
    order=st.sampled_from(ORDERS),
    said=st.sampled_from(ORDERS),
)
def test_axes_of_the_user_win_over_those_of_the_file(places, style, order, said):
    order = axes_that_can_be_said(style, order)
    said = "".join(itertools.islice(dict.fromkeys(said + "tzc"), len(order)))
    array = np.random.default_rng(2).integers(0, 100, [SIZES[a] for a in order + "yx"]).astype("u1")
    path = places()
    options = {"metadata": None if style == "plain" else {"axes": (order + "yx").upper()}}
    if style in ("ome", "imagej"):
        options[style] = True
    tifffile.imwrite(path, array, photometric="minisblack", **options)
    with open_image(path, axes=said + "yx") as image:
        header, data = image.header, image.data[...]
    assert header.axes == "".join(a for a in AXES if a in said + "yx")
    # what the file holds, in its own order: OME and ImageJ keep theirs
    np.testing.assert_array_equal(
        data, array.transpose([(said + "yx").index(a) for a in header.axes])
    )

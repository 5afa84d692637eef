"""Labels are written as what they are, or refused; nothing else is taken for an object."""

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_diversify.files import (
    LAYOUTS,
    check_labels,
    header_of,
    open_image,
    planes_of,
    write_tiff,
)
from napari_diversify.files.formats import FORMATS

PLAIN, STARDIST, NNUNET = (LAYOUTS[name] for name in ("plain", "stardist", "nnunet"))
TIFFS = [(STARDIST, "tiff"), (PLAIN, "ome-tiff"), (NNUNET, "tiff"), (LAYOUTS["cellpose"], "tiff")]
INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


def plan(labels, layout=STARDIST, file_format="tiff"):
    return check_labels(header_of(labels.shape, labels.dtype), labels, layout, file_format)


def objects(dtype="uint16", shape=(4, 40, 48), highest=3):
    """A few boxes, numbered."""
    labels = np.zeros(shape, dtype)
    for n, label in enumerate((1, 2, highest)):
        labels[..., 1:-1, 4 + 12 * n : 12 + 12 * n] = label
    return labels


# ---- the dtype in the file ----


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_whatever_is_planned_holds_every_label(data):
    dtype = np.dtype(data.draw(st.sampled_from(INTEGERS)))
    limits = np.iinfo(dtype)
    low = data.draw(st.sampled_from([0, 1]))
    high = data.draw(st.integers(low + 1, limits.max))
    values = st.integers(low, high)
    labels = data.draw(arrays(dtype, (2, 5, 6), elements=values))
    layout, file_format = data.draw(st.sampled_from([(PLAIN, "ome-zarr"), *TIFFS]))
    if file_format != "ome-zarr" and labels.max() > 2**32 - 1 and not layout.semantic:
        with pytest.raises(ValueError, match="Renumber them"):
            plan(labels, layout, file_format)
        return
    planned = plan(labels, layout, file_format).dtype
    assert planned.name in FORMATS[file_format].dtypes
    if layout.semantic:
        assert planned == np.uint8
    else:
        np.testing.assert_array_equal(labels.astype(planned), labels)
        if dtype.name in FORMATS[file_format].dtypes:
            assert planned == dtype


@pytest.mark.parametrize(
    ("highest", "dtype"),
    [(255, "uint8"), (256, "uint16"), (65535, "uint16"), (65536, "uint32"), (2**32 - 1, "uint32")],
)
@pytest.mark.parametrize("given_as", ["int64", "uint64"])
def test_labels_of_numpy_and_scipy_get_the_smallest_dtype_that_holds_them(
    highest, dtype, given_as, tmp_path
):
    labels = objects(given_as, highest=highest)
    planned = plan(labels)
    assert planned.dtype == dtype
    assert planned.notes[0] == f"they are written as {dtype}: TIFF cannot hold {given_as}"
    header = header_of(labels.shape, planned.dtype)
    planes = (p.astype(planned.dtype) for p in planes_of(labels, header))
    write_tiff(tmp_path / "a.tif", header, planes, labels=True)
    with open_image(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(np.asarray(image.data), labels)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ome_zarr_keeps_the_dtype_of_labels(dtype):
    assert plan(objects(dtype), PLAIN, "ome-zarr").dtype == dtype
    assert plan(objects(dtype), PLAIN, "ome-zarr").notes == ()


def test_labels_beyond_32_bits_are_refused_for_tiff_with_what_to_do():
    with pytest.raises(ValueError, match=r"go up to 4294967296, .*relabel_sequential, or .*Zarr"):
        plan(objects("int64", highest=2**32))


# ---- what is no object ----


@pytest.mark.parametrize(
    ("dtype", "layout", "file_format"),
    [
        (dtype, layout, file_format)
        for dtype in ("int8", "int16", "int32", "int64")
        for layout, file_format in TIFFS
        if layout is not PLAIN or dtype == "int64"  # of which the file keeps the others
    ],
)
def test_labels_below_0_are_refused_and_counted(dtype, layout, file_format):
    labels = objects(dtype)
    labels[:, :, 44:] = -1
    labels[2, :3, 0] = -7
    said = "640 voxels have the label -1, 3 voxels have the label -7: these stand neither for"
    with pytest.raises(ValueError, match=f"{said}.*Set them to 0 first"):
        plan(labels, layout, file_format)


@pytest.mark.parametrize(("dtype", "file_format"), [("int64", "ome-zarr"), ("int16", "ome-tiff")])
def test_a_plain_folder_keeps_labels_below_0_and_notes_them(dtype, file_format):
    labels = objects(dtype)
    labels[:, :, 44:] = -1
    planned = plan(labels, PLAIN, file_format)
    assert planned.dtype == dtype
    assert planned.notes == ("640 voxels have the label -1, and are written as they are",)


def test_many_labels_below_0_are_counted_together():
    labels = objects("int32")
    labels[0] = -np.arange(1, 40 * 48 + 1).reshape(40, 48)
    with pytest.raises(ValueError, match="1 voxel has the label -3, 1,917 have others below 0"):
        plan(labels)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_whole_numbers_as_floats_are_refused_with_how_to_convert_them(dtype):
    with pytest.raises(ValueError, match=rf"these are {dtype}, though .*astype\('uint16'\)"):
        plan(objects(dtype, highest=700))


@pytest.mark.parametrize("value", [0.25, np.nan, np.inf, -0.5])
def test_other_floats_are_refused_as_no_labels(value):
    labels = objects("float32")
    labels[3, 7, 7] = value
    with pytest.raises(ValueError, match=f"these are float32 and hold {value:g}, for example"):
        plan(labels)


# ---- what cannot be told for certain ----


@pytest.mark.parametrize(("layout", "file_format"), [(PLAIN, "ome-zarr"), *TIFFS])
def test_labels_without_an_object_or_without_background_are_noted(layout, file_format):
    empty, full = np.zeros((3, 8, 9), np.uint8), np.full((3, 8, 9), 7, np.uint8)
    assert plan(empty, layout, file_format).notes == ("they hold no object: no label is above 0",)
    said = "every voxel has the label 7: there is no background"
    assert plan(full, layout, file_format).notes == (said,)


@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_is_noted(value):
    mask = np.where(objects("uint8") > 0, value, 0).astype("uint8")
    (note,) = plan(mask).notes
    assert note.startswith(f"they hold one object, {value}. If they are a mask of several")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32"])
def test_the_highest_number_of_a_dtype_far_above_all_labels_is_noted(dtype):
    top = np.iinfo(dtype).max
    labels = objects(dtype)
    labels[:, :, 44:] = top
    (note,) = plan(labels).notes
    assert note.startswith(f"640 voxels have the label {top}, the highest that there is")
    assert "others are at most 3" in note
    labels[0, 0, 0] = top - 1
    assert plan(labels).notes == ()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_an_image_in_place_of_labels_is_noted(dtype):
    image = np.random.default_rng(0).integers(1, 250, (4, 40, 48)).astype(dtype)
    (note,) = plan(image).notes
    assert note == "they look like an image: neighbouring voxels hardly ever have the same label"


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 400), st.integers(2, 9), st.integers(0, 2**16))
def test_labels_of_any_size_and_density_are_not_taken_for_an_image(count, side, seed):
    rng = np.random.default_rng(seed)
    labels = np.zeros((3, 64, 64), np.uint16)
    for n in range(count):
        y, x = rng.integers(0, 64, 2)
        labels[:, y : y + side, x : x + side] = n + 1
    assert not any("like an image" in note for note in plan(labels).notes)


def test_labels_are_read_once_and_in_parts():
    sizes = []

    class Spy:
        def __getitem__(self, key):
            sizes.append(len(range(300)[key[0]]))
            return np.zeros((sizes[-1], 512, 512), np.uint16)

    check_labels(header_of((300, 512, 512), "uint16"), Spy(), STARDIST, "tiff")
    assert sum(sizes) == 300
    assert max(sizes) < 100


def test_labels_in_a_zarr_array_in_the_other_byte_order_are_read_as_well():
    labels = objects(">i4")
    stored = zarr.create_array(zarr.storage.MemoryStore(), data=labels, chunks=(2, 16, 16))
    assert plan(stored).dtype == np.int32

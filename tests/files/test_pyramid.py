import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.files import Header
from napari_diversify.files.ome_zarr.pyramid import plan_levels, reduced_block


def shapes(shape, spacing, axes="zyx", units="um"):
    header = Header(shape, "uint8", axes, spacing, (units,) * len(axes))
    return [level.shape for level in plan_levels(header)]


def test_z_is_halved_only_once_voxels_are_as_wide_as_deep():
    assert shapes((40, 1200, 900), (4, 1, 1)) == [
        (40, 1200, 900),
        (40, 600, 450),
        (40, 300, 225),
        (20, 150, 113),
    ]
    assert shapes((41, 512, 300), (1, 1, 1)) == [(41, 512, 300), (21, 256, 150)]


def test_units_count_when_depth_and_width_are_compared():
    # 0.25 µm wide and 1 µm deep: by their numbers alone they would be wider than deep
    header = Header((8, 600, 600), "uint8", "zyx", (1, 250, 250), ("um", "nm", "nm"))
    assert [level.shape[0] for level in plan_levels(header)] == [8, 8, 8]


def test_small_images_have_one_level_and_planes_are_never_halved_in_time():
    assert shapes((9, 256, 256), (1, 1, 1)) == [(9, 256, 256)]
    header = Header((9, 3, 300, 1), "uint8", "tcyx")
    assert [level.shape for level in plan_levels(header)] == [(9, 3, 300, 1), (9, 3, 150, 1)]


def slow_mean(block, steps):
    """The rule word by word: the mean of the voxels that are there."""
    out = np.empty([-(-n // s) for n, s in zip(block.shape, steps, strict=True)])
    for index in np.ndindex(*out.shape):
        cut = tuple(slice(i * s, i * s + s) for i, s in zip(index, steps, strict=True))
        out[index] = block[cut].astype(float).mean()
    return out


@given(
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    steps=st.tuples(*[st.sampled_from([1, 2])] * 3),
    dtype=st.sampled_from(["uint8", "uint16", "uint32", "int16", "float32", "float64"]),
    seed=st.integers(0, 99),
)
def test_a_coarse_voxel_is_the_mean_of_those_that_are_there(shape, steps, dtype, seed):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        block = rng.normal(size=shape).astype(dtype)
        expected = slow_mean(block, steps)
        got = reduced_block(block, steps, labels=False)
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)
    else:
        limits = np.iinfo(dtype)
        block = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        got = reduced_block(block, steps, labels=False)
        np.testing.assert_array_equal(got, np.rint(slow_mean(block, steps)))
    assert got.dtype == dtype


def test_halves_are_rounded_to_even():
    block = np.array([[0, 1, 1, 2]], "uint8")  # 0.5 -> 0, 1.5 -> 2
    assert reduced_block(block, (1, 2), labels=False).tolist() == [[0, 2]]


@pytest.mark.parametrize("dtype", ["uint64", "int64", "uint32"])
def test_the_mean_of_the_largest_integers_does_not_overflow(dtype):
    top = np.iinfo(dtype).max
    out = reduced_block(np.full((2, 2, 2), top, dtype), (2, 2, 2), labels=False)
    assert 0 <= int(top) - int(out[0, 0, 0]) <= (2048 if dtype != "uint32" else 0)


def test_not_a_number_stays_in_its_voxel_without_a_warning():
    block = np.zeros((1, 2, 4), "float32")
    block[0, 0, 0], block[0, 0, 2], block[0, 1, 2] = np.nan, np.inf, -np.inf
    assert np.isnan(reduced_block(block, (1, 2, 2), labels=False)).all()
    block[...] = 1
    block[0, 0, 0] = np.nan
    assert np.isnan(reduced_block(block, (1, 2, 2), labels=False)).tolist() == [[[True, False]]]


@given(st.integers(0, 99), st.tuples(*[st.sampled_from([1, 2])] * 3))
def test_labels_get_no_new_ids(seed, steps):
    block = np.random.default_rng(seed).choice([0, 7, 2**31 + 1], (5, 6, 7)).astype("uint32")
    out = reduced_block(block, steps, labels=True)
    np.testing.assert_array_equal(out, block[:: steps[0], :: steps[1], :: steps[2]])

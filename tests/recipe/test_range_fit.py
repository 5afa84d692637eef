"""A range that leaves nothing of an image is told; one that suits it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.analysis.range_fit import misfit
from napari_diversify.core.measures.pair_sums import PairSums


def told(image, low=None, high=None):
    """What is told of an image, by default with its own range, as a batch has measured it."""
    low = float(image.min()) if low is None else low
    high = float(image.max()) if high is None else high
    sums = PairSums(low, high)
    for plane in image:  # in parts, as batches do
        sums.add(plane, plane)
    return misfit(sums.reference, low, high, image.dtype)


def cells(dtype="u2", low=100, high=4000, shape=(4, 60, 70)):
    return np.random.default_rng(0).integers(low, high, shape).astype(dtype)


far = st.sampled_from(
    [("f4", -3.4e38), ("f4", 1e9), ("f8", -1e30), ("u4", 4_000_000_000), ("i4", -(2**31))]
)


@settings(deadline=None, max_examples=60)
@given(far, st.integers(1, 2000), st.integers(0, 2**16))
def test_far_values_however_many_are_told_for_an_automatic_range(far, count, seed):
    dtype, value = far
    image = cells(dtype)
    places = np.random.default_rng(seed).choice(image.size, count, replace=False)
    image.flat[places] = value
    said = told(image)
    assert "a few far values stretch it" in said
    assert f"range {image.min():g} to {image.max():g} from" in said
    assert "Give the recipe a range" in said


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["u1", "u2", "i2", "u4", "f4", "f8"]),
    st.floats(0.001, 1),
    st.floats(0, 1),
    st.integers(0, 2**16),
)
def test_images_that_fill_a_thousandth_of_their_range_are_not_told(dtype, share, bright, seed):
    rng = np.random.default_rng(seed)
    unit = share * rng.random((3, 40, 50))
    unit.flat[rng.choice(unit.size, 1 + int(0.01 * bright * unit.size), replace=False)] = 1.0
    unit.flat[0] = 0.0
    assert told((200 * unit).astype(dtype)) is None


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_images_of_few_grey_levels_are_not_told_of_far_values(dtype):
    mask = np.zeros((3, 40, 50), dtype)
    mask[1, 5:9, 5:9] = 255
    assert told(mask) is None


@pytest.mark.parametrize(
    ("low", "high", "end"), [(5000, 6000, "5000"), (-9, 50, "50"), (4000.0, 4000.5, "4000")]
)
def test_a_range_that_the_image_does_not_reach_is_told(low, high, end):
    said = told(cells(), low, high)
    assert "does not reach the grey levels of the image, 100 to 3999" in said
    assert f"turns all of them into {end}" in said


def test_a_range_far_wider_than_the_image_is_told():
    said = told(cells(), 0, 2**30)
    assert "100 to 3999, take up less than a ten-thousandth of the intensity range 0 to" in said
    assert told(cells(), 0, 65535) is None


@pytest.mark.parametrize("bounds", [(0, 4095), (100, 3999), (500, 2000), (-1e4, 1e4), (0, 100.5)])
def test_ranges_that_images_are_given_are_not_told(bounds):
    assert told(cells(), *bounds) is None
    assert told(cells("f4"), *bounds) is None

"""The σ map computed where it is looked at is the σ map of the whole."""

import copy

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from napari_diversify.core import local_std
from napari_diversify.recipe import LazyLocalStd


@st.composite
def parts(draw, shape):
    """An index that mixes numbers, whole axes and slices from anywhere to anywhere."""
    key = []
    for n in shape:
        start, stop = draw(st.integers(0, n - 1)), draw(st.integers(0, n))
        step = draw(st.sampled_from([1, 1, 2, -1, -3]))
        key.append(draw(st.sampled_from([start, slice(None), slice(start, stop, step)])))
        if isinstance(key[-1], slice) and key[-1] != slice(None) and (stop < start) != (step < 0):
            key[-1] = slice(start, None, step)
    return tuple(key)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_part_equals_the_same_part_of_the_whole(data):
    ndim = data.draw(st.integers(2, 5))
    sides = st.sampled_from(range(1, {2: 30, 3: 14, 4: 9, 5: 6}[ndim]))
    shape = data.draw(st.tuples(*[sides] * ndim))
    spatial = data.draw(st.sampled_from([2, 3] if len(shape) > 2 else [2]))
    dtype = data.draw(st.sampled_from(["u1", "u2", "i4", "f4", "f8", ">u2"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = (rng.integers(0, 3, shape) * 100 + 1e4 * rng.random(shape)).astype(dtype)
    if np.dtype(dtype).itemsize > 2:  # where sums have to be taken again around a shift
        image = (image + 10**8 * (rng.random(shape) < 0.5)).astype(dtype)
    order = data.draw(st.permutations(range(image.ndim)))
    image = np.transpose(image, order)
    window = tuple(data.draw(st.sampled_from([1, 3, 5, 7])) for _ in range(spatial))
    stride = tuple(data.draw(st.integers(1, 4)) for _ in range(spatial))
    whole = local_std(image, window, stride=stride)
    lazy = LazyLocalStd(image, window, stride, spatial_ndim=spatial)
    assert (lazy.shape, lazy.dtype) == (whole.shape, whole.dtype)
    for _ in range(4):
        key = data.draw(
            st.one_of(parts(image.shape), basic_indices(image.shape, allow_ellipsis=True))
        )
        assert lazy[key].tobytes() == whole[key].tobytes()
        assert lazy[key].shape == whole[key].shape
    assert np.asarray(lazy).tobytes() == whole.tobytes()


@pytest.mark.parametrize("shape", [(40, 70, 90), (3, 300, 200)])
def test_planes_of_a_big_image_equal_those_of_the_whole(shape):
    # big enough for the whole, but not for a plane, to be spread over threads
    image = np.random.default_rng(1).integers(0, 2**16, shape).astype(np.uint16)
    whole, lazy = local_std(image, 5), LazyLocalStd(image)
    for key in ((1,), (slice(None), 17), (..., 30), (slice(None, None, 2), 0, slice(5, 50, -1))):
        np.testing.assert_array_equal(lazy[key], whole[key])


def test_by_default_the_last_three_axes_are_space():
    image = np.random.default_rng(2).random((2, 6, 7, 8))
    np.testing.assert_array_equal(np.asarray(LazyLocalStd(image)), local_std(image, 5))
    np.testing.assert_array_equal(np.asarray(LazyLocalStd(image[0, 0])), local_std(image[0, 0], 5))


def test_of_a_window_the_last_numbers_count():
    image = np.random.default_rng(3).random((9, 10))
    np.testing.assert_array_equal(
        np.asarray(LazyLocalStd(image, (3, 5, 7), (1, 2, 3))),
        local_std(image, (5, 7), stride=(2, 3)),
    )


def test_a_copy_shares_the_source():
    lazy = LazyLocalStd(np.random.default_rng(4).random((6, 7, 8)), 3, 2)
    other = copy.deepcopy(lazy)
    assert other.source is lazy.source
    np.testing.assert_array_equal(np.asarray(other), np.asarray(lazy))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"window": 4}, "window must be.*odd.*got 4"),
        ({"window": (5, 5)}, "window has 2 numbers, but 3"),
        ({"stride": 0}, "stride must be.*got 0"),
        ({"spatial_ndim": 4}, "3 axes.*last 4"),
    ],
)
def test_bad_parameters_are_answered_with_a_sentence(parameters, said):
    with pytest.raises(ValueError, match=said):
        LazyLocalStd(np.zeros((4, 5, 6)), **parameters)


@pytest.mark.parametrize("spatial_ndim", [1, 4])
def test_space_has_two_or_three_axes(spatial_ndim):
    with pytest.raises(ValueError, match="2 or 3"):
        LazyLocalStd(np.zeros((2, 3, 4, 5, 6)), spatial_ndim=spatial_ndim)

"""I~ = w_i * I + w_v * σ * n, as NumPy would write it, in single precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core import blocks, diversify


def formula(image, sigma, noise, w_i, w_v, clip):
    image, sigma, noise, w_i, w_v = (np.float32(a) for a in (image, sigma, noise, w_i, w_v))
    result = w_i * image + (w_v * sigma) * noise
    return result if clip is None else np.clip(result, *np.float32(clip))


def field(shape, seed, low=0.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


weights = st.floats(0, 16)
clips = st.one_of(
    st.none(),
    st.tuples(st.floats(-2, 0.25, width=32), st.floats(0.5, 3, width=32)),
)


@settings(deadline=None, max_examples=150)
@given(
    shape=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from([np.float32, np.float64, ">f4"]),
    w_i=weights,
    w_v=weights,
    clip=clips,
)
def test_every_voxel_follows_the_formula_bit_for_bit(shape, seed, dtype, w_i, w_v, clip):
    image = field(shape, seed, -0.5, 1.5).astype(dtype)
    sigma = field(shape, seed + 1, 0, 0.5).astype(dtype)
    noise = field(shape, seed + 2, -6, 6).astype(dtype)
    result = diversify(image, sigma, noise, w_i, w_v, clip=clip)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, formula(image, sigma, noise, w_i, w_v, clip))


def test_results_are_clipped_to_the_unit_interval_by_default():
    image, sigma, noise = np.full(5, 0.5), np.full(5, 0.25), np.array([-9.0, -1.0, 0.0, 1.0, 9.0])
    assert diversify(image, sigma, noise).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_without_a_clip_values_go_as_far_as_the_formula_takes_them():
    image, sigma, noise = np.zeros(2), np.ones(2), np.array([-9.0, 9.0])
    assert diversify(image, sigma, noise, w_v=2.0, clip=None).tolist() == [-18.0, 18.0]


def test_the_neutral_weights_leave_the_image_as_it_is():
    image = field((7, 8, 9), 1).astype(np.float32)
    same = diversify(image, field(image.shape, 2), field(image.shape, 3, -6, 6), w_i=1, w_v=0)
    np.testing.assert_array_equal(same, image)


def test_parts_of_arrays_and_turned_arrays_are_taken_as_they_are():
    image, sigma, noise = (field((12, 14, 10), seed).astype(np.float32) for seed in (1, 2, 3))
    image, sigma, noise = image[::2, ::-1], sigma[6:, :, :], noise.transpose(2, 1, 0)[:6, :, :10]
    np.testing.assert_array_equal(
        diversify(image, sigma, noise, 0.7, 3.0), formula(image, sigma, noise, 0.7, 3.0, (0, 1))
    )


def test_the_result_does_not_depend_on_the_number_of_threads(monkeypatch):
    arrays = [field((50, 60, 70), seed).astype(np.float32) for seed in (1, 2, 3)]
    expected = formula(*arrays, 0.8, 4.0, (0, 1))
    for n in (1, 3, 7):
        monkeypatch.setattr(blocks, "workers", lambda n=n: n)
        np.testing.assert_array_equal(diversify(*arrays, 0.8, 4.0), expected)


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_arrays_of_different_shapes_are_refused(wrong):
    arrays = [np.zeros((3, 4))] * 3
    arrays[wrong] = np.zeros((4, 3))
    with pytest.raises(ValueError, match=r"the same shape.*\(4, 3\)"):
        diversify(*arrays)


def test_arrays_are_not_broadcast():
    with pytest.raises(ValueError, match=r"the same shape; got \(3, 4\), \(4,\) and \(3, 4\)"):
        diversify(np.zeros((3, 4)), np.zeros(4), np.zeros((3, 4)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["w_i", "w_v"])
def test_weights_must_be_finite(name, bad):
    with pytest.raises(ValueError, match=f"finite.*{name}={bad!r}"):
        diversify([0.5], [0.1], [1.0], **{name: bad})


@pytest.mark.parametrize("clip", [(1, 0), (0.5, 0.5), (np.nan, 1), (0, np.nan)])
def test_a_clip_must_ascend(clip):
    with pytest.raises(ValueError, match="low < high") as error:
        diversify([0.5], [0.1], [1.0], clip=clip)
    assert repr(clip) in str(error.value)

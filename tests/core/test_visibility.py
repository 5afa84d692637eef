"""Contrasts are those of their definitions, above the offset and where the data define them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from napari_diversify.core import fit_contrast_decay
from napari_diversify.core.measures.visibility import (
    contrast_by_depth,
    michelson_contrast,
    object_contrast,
    rms_contrast,
    signal_to_background,
    weber_contrast,
)


def isnan(value):
    return isinstance(value, float) and value != value


# --- RMS ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
def test_rms_contrast_is_std_over_mean(dtype):
    image = np.random.default_rng(0).integers(1, 100, (3, 2, 5, 6)).astype(dtype)
    expected = image.astype(float).std() / image.astype(float).mean()
    assert rms_contrast(image) == pytest.approx(expected, rel=1e-13)


def test_rms_contrast_survives_a_large_offset():
    assert rms_contrast(np.array([60000, 60002], np.float32), offset=60000) == 1.0
    assert rms_contrast(np.array([65535, 65533], np.uint16), offset=65533) == 1.0


@given(gain=st.floats(1e-6, 1e6))
def test_rms_contrast_is_blind_to_gain(gain):
    image = np.array([1.0, 4.0, 2.0])
    assert rms_contrast(gain * image) == pytest.approx(rms_contrast(image), rel=1e-12)


@pytest.mark.parametrize("image", [[0, 0], [-3, 1], [5.0, 5.0]])
def test_rms_contrast_without_light_is_nan(image):
    assert isnan(rms_contrast(image, offset=5.0))
    assert rms_contrast([5.0, 5.0]) == 0.0


# --- Michelson ---------------------------------------------------------------


def test_michelson_contrast_is_taken_between_percentiles():
    image = np.arange(101)  # whose percentiles are their numbers
    assert michelson_contrast(image) == pytest.approx(98 / 100)
    assert michelson_contrast(image + 50, offset=50) == pytest.approx(98 / 100)
    assert michelson_contrast(image + 50) == pytest.approx(98 / 200)


def test_one_hot_pixel_leaves_michelson_contrast_alone():
    image = np.full(1000, 20.0)
    image[:500] = 10
    expected = michelson_contrast(image)
    image[0], image[-1] = -1e6, 1e6
    assert michelson_contrast(image) == expected == pytest.approx(1 / 3)


def test_michelson_contrast_of_no_light_is_nan():
    assert isnan(michelson_contrast([0, 0, 0]))
    assert isnan(michelson_contrast([7.0, 7.0], offset=7))
    assert michelson_contrast([7.0, 7.0]) == 0.0


# --- Weber -------------------------------------------------------------------


def scene():
    """An object of 40 in a ring of 10, two wide, in a field of 1000."""
    image = np.full((20, 20), 1000.0)
    image[4:13, 4:13] = 10
    image[6:11, 6:11] = 40
    labels = np.zeros((20, 20), np.uint8)
    labels[6:11, 6:11] = 1
    return image, labels


def test_weber_contrast_compares_objects_with_the_ring_around_them():
    image, labels = scene()
    assert weber_contrast(image, labels, width=1) == weber_contrast(image, labels, width=2) == 3.0
    assert weber_contrast(image, labels, width=3) < 0  # the bright field is reached
    assert weber_contrast(image, labels > 0, width=2, offset=5) == 30 / 5
    assert weber_contrast(image.astype(np.uint16), labels, width=2) == 3.0


def test_other_objects_are_no_background():
    image, labels = scene()
    labels[6:11, 11:13] = 2
    image[6:11, 11:13] = 40
    image[5:12, 13:14] = 10
    assert weber_contrast(image, labels, width=1) == 3.0


def test_the_ring_lies_in_the_plane():
    image, labels = scene()
    bright = np.full_like(image, 9999)
    volume = np.stack([bright, image, bright])
    assert weber_contrast(volume, np.stack([0 * labels, labels, 0 * labels]), width=2) == 3.0


def test_weber_contrast_without_object_ring_or_light_is_nan():
    image, labels = scene()
    assert isnan(weber_contrast(image, 0 * labels))
    assert isnan(weber_contrast(image, 0 * labels + 1))
    assert isnan(weber_contrast(image, labels, width=2, offset=10))


# --- signal to background ----------------------------------------------------


def test_signal_to_background_is_p95_over_the_median():
    image = np.concatenate([np.arange(101.0) + 100, [4, 5, 6, 50]])
    labels = np.arange(105) < 101
    assert signal_to_background(image, labels) == pytest.approx(195 / 5.5)
    assert signal_to_background(image, labels, offset=5) == pytest.approx(190 / 0.5)
    assert signal_to_background(image, labels * np.int32(7)) == pytest.approx(195 / 5.5)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
def test_without_labels_the_threshold_is_that_of_otsu(dtype):
    rng = np.random.default_rng(0)
    parts = rng.normal(20, 3, 700), rng.normal(90, 8, 300)
    image = np.concatenate(parts).round().astype(dtype).reshape(20, 50)
    above = image > threshold_otsu(image.astype(np.float64))
    assert signal_to_background(image) == signal_to_background(image, above)
    assert 4 < signal_to_background(image) < 6


def test_integers_far_apart_do_not_fill_the_memory():
    image = np.array([1, 2, 2, 3, 2**31 - 1], np.int32)
    assert signal_to_background(image) == (2**31 - 1) / 2


def test_signal_to_background_without_one_of_both_is_nan():
    image = np.array([1.0, 2.0])
    assert isnan(signal_to_background(np.full((4, 4), 3, np.uint16)))
    assert isnan(signal_to_background(np.full((4, 4), 3.0)))
    assert isnan(signal_to_background(image, [0, 0]))
    assert isnan(signal_to_background(image, [1, 1]))
    assert isnan(signal_to_background(image, [0, 1], offset=1))


# --- by depth ----------------------------------------------------------------


def test_contrast_by_depth_is_that_of_each_plane():
    stack = np.random.default_rng(0).integers(0, 500, (4, 6, 7)).astype(np.uint16)
    stack[2] = 100
    found = contrast_by_depth(stack, offset=100)
    assert found.dtype == np.float64
    assert np.isnan(found[2])
    for z in (0, 1, 3):
        assert found[z] == rms_contrast(stack[z], offset=100)
    assert contrast_by_depth(stack[0], offset=100).tolist() == [found[0]]


def test_contrast_by_depth_is_what_the_decay_is_fitted_to():
    rng = np.random.default_rng(0)
    fall = np.exp(-np.arange(8) / 6)[:, None, None]
    stack = 100 + 10 * fall * rng.standard_normal((8, 40, 40))  # tissue everywhere
    decay = fit_contrast_decay(stack, offset=3.0)
    assert contrast_by_depth(stack, offset=3.0) == pytest.approx(decay.contrast, rel=1e-12)


# --- objects -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
def test_object_contrast_is_webers_of_the_two_means(dtype):
    rng = np.random.default_rng(0)
    image = rng.integers(10, 100, (3, 5, 6)).astype(dtype)
    objects = rng.random(image.shape) > 0.7
    f, b = (image[at].astype(float).mean() - 5 for at in (objects, ~objects))
    expected = pytest.approx((f - b) / b, rel=1e-13)
    assert object_contrast(image, objects, offset=5) == expected
    assert object_contrast(image, objects * 7, offset=5) == expected  # labels


def test_noise_leaves_object_contrast_where_it_is_and_clipping_lowers_it():
    rng = np.random.default_rng(0)
    objects = np.arange(200_000) % 3 == 0
    image = np.where(objects, 0.6, 0.2)
    noisy = image + rng.standard_normal(image.shape)
    clean = object_contrast(image, objects)
    assert object_contrast(noisy, objects) == pytest.approx(clean, rel=0.05)
    assert object_contrast(np.clip(noisy, 0, 1), objects) < 0.5 * clean
    assert rms_contrast(noisy) > 3 * rms_contrast(image)  # why it is there


def test_object_contrast_is_signed():
    assert object_contrast([3, 3, 9], [0, 0, 1]) == 2.0
    assert object_contrast([9, 9, 0], [0, 0, 1]) == -1.0


def test_without_objects_rest_or_light_there_is_no_object_contrast():
    assert isnan(object_contrast([1, 2], [0, 0]))
    assert isnan(object_contrast([1, 2], [1, 1]))
    assert isnan(object_contrast([0, 9], [0, 1]))
    assert isnan(object_contrast([1, 2], [0, 1], offset=1))


# --- wrong arguments ---------------------------------------------------------

MEASURES = [
    rms_contrast,
    michelson_contrast,
    signal_to_background,
    contrast_by_depth,
    lambda image, **more: weber_contrast(image, np.ones(np.shape(image), int), **more),
    lambda image, **more: object_contrast(image, np.ones(np.shape(image), int), **more),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_wrong_images_and_offsets_are_refused(measure):
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="offset must be a finite number") as error:
            measure(np.ones((4, 4)), offset=bad)
        assert repr(bad) in str(error.value)
    with pytest.raises(ValueError, match="empty"):
        measure(np.ones((0, 4)))
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure(np.full((4, 4), np.nan))
    with pytest.raises(TypeError, match="integers or floating-point"):
        measure(np.ones((4, 4), complex))


@pytest.mark.parametrize("measure", [weber_contrast, signal_to_background, object_contrast])
def test_labels_must_fit_the_image(measure):
    with pytest.raises(ValueError, match="the same shape") as error:
        measure(np.ones((4, 4)), np.ones((4, 5), int))
    assert "(4, 5)" in str(error.value)
    with pytest.raises(TypeError, match="whole numbers or a mask"):
        measure(np.ones((4, 4)), np.ones((4, 4)))


@pytest.mark.parametrize("bad", [0, -1, True])
def test_the_ring_must_have_a_width(bad):
    with pytest.raises(ValueError, match="1 or more") as error:
        weber_contrast(np.ones((4, 4)), np.ones((4, 4), int), width=bad)
    assert repr(bad) in str(error.value)


def test_the_number_of_axes_must_be_right():
    with pytest.raises(ValueError, match="two axes or more"):
        weber_contrast([1, 2], [0, 1])
    for shape in [(4,), (2, 2, 4, 4)]:
        with pytest.raises(ValueError, match="two or three axes") as error:
            contrast_by_depth(np.ones(shape))
        assert str(shape) in str(error.value)

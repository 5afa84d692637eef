"""σ is the population standard deviation of a reflected window, for any image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import generic_filter

from napari_diversify.core import blocks, local_std

DTYPES = ("u1", "i2", "u2", "i4", "f4", "f8", ">i2", ">u2", ">i4", ">f4", ">f8")


def std_of_padded(image, window):
    """The definition, spelt out: pad by reflection, take np.std of each window."""
    padded = np.pad(image.astype(np.float64), [(w // 2, w // 2) for w in window], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    return windows.std(axis=tuple(range(-image.ndim, 0)))


def std_of_scipy(image, window):
    return generic_filter(image.astype(np.float64), np.std, size=window, mode="reflect")


def data_range(image):
    return float(image.max()) - float(image.min())


def assert_sigma(sigma, expected, image):
    assert sigma.dtype == np.float32
    assert sigma.shape == expected.shape
    # the reference rounds too: np.std of equal numbers may miss 0 by their last bit
    rounding = 1e-15 * float(np.abs(image.astype(np.float64)).max())
    assert np.abs(sigma - expected).max() <= 1e-6 * data_range(image) + rounding


@st.composite
def images(draw, longest=7):
    """2D and 3D images of every accepted kind: noise, two levels, a ramp, a patchwork."""
    shape = draw(st.lists(st.integers(1, longest), min_size=2, max_size=3))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "levels", "ramp", "patches"]))
    if kind == "noise":
        unit = rng.random(shape)
    elif kind == "levels":
        unit = (rng.random(shape) < 0.3).astype(float)
    elif kind == "ramp":
        unit = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    else:
        unit = np.where(rng.random(shape) < 0.5, 0.25, rng.random(shape))
    if dtype.kind == "f":
        offset = draw(st.sampled_from([0.0, 1.0, -1e6, 1e6, 1e9]))
        return (offset + draw(st.sampled_from([1e-3, 1.0, 5.0, 1e3])) * unit).astype(dtype)
    limits = np.iinfo(dtype)
    low, high = draw(st.sampled_from([(limits.min, limits.max), (0, limits.max), (100, 110)]))
    return np.rint(low + unit * (high - low)).clip(limits.min, limits.max).astype(dtype)


def windows_for(shape, largest=9):
    odd = st.integers(0, largest // 2).map(lambda k: 2 * k + 1)
    # SciPy itself reads past its own table once a radius reaches four times the axis
    return st.tuples(*(odd.filter(lambda w, n=n: w // 2 < 4 * n) for n in shape))


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_sigma_is_the_standard_deviation_that_scipy_finds(data):
    image = data.draw(images())
    window = data.draw(windows_for(image.shape))
    assert_sigma(local_std(image, window), std_of_scipy(image, window), image)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_window_may_be_larger_than_the_image(data):
    image = data.draw(images(longest=4))
    window = data.draw(st.tuples(*[st.sampled_from([5, 9, 17, 33])] * image.ndim))
    assert_sigma(local_std(image, window), std_of_padded(image, window), image)


def test_the_default_window_is_five_voxels_along_every_spatial_axis():
    rng = np.random.default_rng(1)
    for shape in ((20, 17), (9, 12, 11)):
        image = rng.random(shape)
        np.testing.assert_array_equal(local_std(image), local_std(image, (5,) * len(shape)))
        assert_sigma(local_std(image), std_of_scipy(image, 5), image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 1)])
@pytest.mark.parametrize("window", [1, 3, 5, 99])
def test_one_voxel_has_no_deviation(shape, window):
    assert local_std(np.full(shape, 7.3), window).tolist() == np.zeros(shape).tolist()


@pytest.mark.parametrize("window", [3, 5, (3, 5, 7)])
def test_small_steps_on_a_high_offset_are_measured_in_uint16(window):
    rng = np.random.default_rng(2)
    image = (30000 + rng.integers(-5, 6, (11, 14, 13))).astype(np.uint16)
    assert_sigma(local_std(image, window), std_of_scipy(image, window), image)


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", ">f8", "i4"])
@pytest.mark.parametrize("offset", [1e6, -1e6, 1e8])
@pytest.mark.parametrize("spread", [1e-7, 1e-6, 1e-5, 1.1e-5, 1e-4, 1e-2])
def test_small_steps_on_a_big_offset_are_measured_in_wider_types(dtype, offset, spread):
    rng = np.random.default_rng(3)
    image = (offset * (1 + spread * rng.standard_normal((7, 9, 8)))).astype(dtype)
    assert_sigma(local_std(image, 5), std_of_scipy(image, 5), image)


@pytest.mark.parametrize("window", [(1, 1, 99), (5, 9, 31), (31, 31, 31)])
def test_long_windows_are_as_exact_as_short_ones(window):
    # this spread lies just above the ratio at which sums are taken again around a shift
    rng = np.random.default_rng(4)
    image = 12345.678 * (1 + 1.1e-5 * rng.standard_normal((4, 5, 60)))
    assert_sigma(local_std(image, window), std_of_padded(image, window), image)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_constant_images_have_exactly_no_deviation(data):
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    if dtype.kind == "f":
        value = data.draw(st.floats(-(2.0**100), 2.0**100, width=32))
    else:
        value = data.draw(st.integers(np.iinfo(dtype).min, np.iinfo(dtype).max))
    shape = data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=4))
    window = data.draw(st.sampled_from([1, 3, 5, 11]))
    assert not local_std(np.full(shape, value, dtype), window).any()


def test_a_flat_part_of_an_image_has_exactly_no_deviation():
    image = np.full((9, 30, 30), 0.1)
    image[:, :, 20:] = np.random.default_rng(5).random((9, 30, 10)) * 1e5
    assert not local_std(image, 5)[:, :, :18].any()
    assert local_std(image, 5)[:, :, 18:].all()


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_stride_follows_the_reference_recipe(data):
    image = data.draw(images(longest=11))
    stride = data.draw(st.tuples(*[st.integers(1, 5)] * image.ndim))
    grid = image[tuple(slice(None, None, s) for s in stride)]
    window = data.draw(windows_for(grid.shape, largest=5))
    expected = std_of_scipy(grid, window)
    for axis, s in enumerate(stride):
        expected = np.repeat(expected, s, axis=axis)
    expected = expected[tuple(slice(n) for n in image.shape)]
    assert_sigma(local_std(image, window, stride=stride), expected, image)


def test_one_stride_stands_for_every_axis():
    image = np.random.default_rng(6).random((9, 10, 11))
    np.testing.assert_array_equal(local_std(image, stride=4), local_std(image, stride=(4, 4, 4)))


@pytest.mark.parametrize("shape", [(3, 6, 7, 8), (2, 3, 5, 6, 7)])
def test_leading_axes_are_independent_images(shape):
    image = np.random.default_rng(7).random(shape)
    sigma = local_std(image, 3, stride=2)
    for lead in np.ndindex(shape[:-3]):
        np.testing.assert_array_equal(sigma[lead], local_std(image[lead], 3, stride=2))


def test_two_numbers_in_a_window_make_planes_independent_images():
    image = np.random.default_rng(8).random((4, 9, 10))
    sigma = local_std(image, (3, 5))
    for z in range(4):
        np.testing.assert_array_equal(sigma[z], local_std(image[z], (3, 5)))
        assert_sigma(sigma[z], std_of_scipy(image[z], (3, 5)), image)


@pytest.mark.parametrize("shape", [(3, 300, 200), (40, 64, 50), (400, 300)])
def test_sigma_does_not_depend_on_the_number_of_threads(shape, monkeypatch):
    image = np.random.default_rng(9).integers(0, 2**16, shape).astype(np.uint16)
    maps = []
    for n in (1, 2, 5):
        monkeypatch.setattr(blocks, "workers", lambda n=n: n)
        maps.append(local_std(image, 5).tobytes())
    assert maps[0] == maps[1] == maps[2]


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_sigma_does_not_depend_on_memory_layout(data):
    image = data.draw(images())
    order = data.draw(st.permutations(range(image.ndim)))
    turned = np.ascontiguousarray(image.transpose(order)).transpose(np.argsort(order))
    np.testing.assert_array_equal(local_std(turned, 3), local_std(image, 3))


def test_the_image_handed_in_is_left_as_it_is():
    image = np.random.default_rng(10).random((6, 7, 8)).astype(np.float32)
    before = image.copy()
    image.flags.writeable = False
    local_std(image, 3, stride=2)
    np.testing.assert_array_equal(image, before)


GOOD = np.arange(60.0).reshape(3, 4, 5)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (GOOD > 3, "bool"),
        (GOOD + 1j, "complex128"),
        (GOOD.astype(object), "object"),
        (np.array([["a", "b"]]), "<U1"),
    ],
)
def test_images_that_are_not_numbers_are_refused_by_their_dtype(image, said):
    with pytest.raises(TypeError, match=f"integers or floating-point.*{said}"):
        local_std(image)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((0, 4)), r"empty.*\(0, 4\)"),
        (np.zeros((3, 0, 4)), r"empty.*\(3, 0, 4\)"),
        (np.arange(5.0), r"two axes or more.*\(5,\)"),
        (np.float64(3.0), r"two axes or more.*\(\)"),
        (np.where(GOOD == 7, np.nan, GOOD), "1 values that are NaN or infinite.*finite"),
        (np.where(GOOD < 2, np.inf, GOOD), "2 values that are NaN or infinite.*finite"),
        (np.where(GOOD < 3, -np.inf, GOOD), "3 values that are NaN or infinite.*finite"),
    ],
)
def test_images_without_a_deviation_are_refused_with_what_was_given(image, said):
    with pytest.raises(ValueError, match=said):
        local_std(image)


@pytest.mark.parametrize(
    "window", [4, 0, -3, 2.5, 5.0, np.nan, True, None, (3, 4, 5), (3, 5.0, 5), (3, -1, 3)]
)
def test_a_window_that_has_no_middle_voxel_is_refused(window):
    with pytest.raises(ValueError, match=r"window must be an? odd whole number") as error:
        local_std(GOOD, window)
    assert repr(window) in str(error.value)


@pytest.mark.parametrize("window", [(), (5,), "5", (3, 3, 3, 3), [3, 3, 3, 3, 3]])
def test_a_window_must_fit_two_or_three_axes(window):
    with pytest.raises(ValueError, match="two or three") as error:
        local_std(GOOD, window)
    assert repr(window) in str(error.value)


def test_a_window_of_three_numbers_needs_three_axes():
    with pytest.raises(ValueError, match=r"two or three of the 2 axes.*\(3, 3, 3\)"):
        local_std(GOOD[0], (3, 3, 3))


@pytest.mark.parametrize("stride", [0, -1, 1.5, True, "2", None, (1, 0, 1), (1, 2, 2.0)])
def test_a_stride_must_be_whole_and_positive(stride):
    with pytest.raises(ValueError, match="stride must be a whole number from 1") as error:
        local_std(GOOD, 3, stride=stride)
    assert repr(stride) in str(error.value)


@pytest.mark.parametrize("stride", [(1, 1), (1, 1, 1, 1), ()])
def test_a_stride_must_fit_the_axes_of_the_window(stride):
    with pytest.raises(ValueError, match=f"stride has {len(stride)} numbers, but 3") as error:
        local_std(GOOD, 3, stride=stride)
    assert repr(stride) in str(error.value)

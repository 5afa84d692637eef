"""A low-pass keeps the DCT coefficients below its cutoff and nothing else, in 2D and 3D."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft
from scipy.ndimage import gaussian_filter

from napari_diversify.core import blocks, hidden_signal, lowpass
from napari_diversify.core.spectral import dct as spectral
from napari_diversify.core.spectral import kernels
from napari_diversify.core.spectral.cutoff import gain_of
from napari_diversify.core.spectral.lowpass import filtered

SHAPES = ("radial", "square", "triangular")
NO_LOSS = {"square": lambda d: 1.0, "triangular": float, "radial": np.sqrt}  # from here on


def kept(size, cutoff, shape):
    """The definition, spelt out: which coefficients of an array of this size stay."""
    f = np.meshgrid(*(np.arange(n) / n for n in size), indexing="ij")
    if shape == "square":
        return np.all([a < cutoff for a in f], axis=0)
    if shape == "triangular":
        return sum(f) < cutoff
    return sum(a * a for a in f) < cutoff * cutoff


def transfer(size, cutoff, shape, taper=0.0):
    """Gain of the low-pass at each coefficient, one by one."""
    f = [np.arange(n) / n for n in (1,) * (3 - len(size)) + tuple(size)]
    gain = np.empty([a.size for a in f], np.float32)
    kernels.lowpass_gain(*f, float(cutoff), SHAPES.index(shape), float(taper), gain)
    return gain.reshape(size)


def oracle(image, cutoff, shape, axes):
    """SciPy's transform of the whole in float64, a mask, and back."""
    coefficients = fft.dctn(image.astype(np.float64), axes=axes, norm="ortho")
    mask = kept([image.shape[a] for a in axes], cutoff, shape)
    return fft.idctn(coefficients * mask, axes=axes, norm="ortho")


def energy(image):
    return float(np.square(image, dtype=np.float64).sum())


def largest(image):
    return float(np.abs(image.astype(np.float64)).max())


def wave(size, frequency):
    """The DCT-II cosine of these coefficient numbers, one per axis."""
    factors = [
        np.cos(np.pi * u * (np.arange(n) + 0.5) / n) for u, n in zip(frequency, size, strict=True)
    ]
    out = factors[0]
    for factor in factors[1:]:
        out = np.multiply.outer(out, factor)
    return out


@st.composite
def filters(draw, axes=None):
    """An image, the axes to filter, a cutoff and a shape."""
    d = draw(st.sampled_from([2, 3])) if axes is None else axes
    size = draw(st.lists(st.integers(1, 40 if d == 2 else 13), min_size=d, max_size=d))
    lead = draw(st.lists(st.integers(1, 3), max_size=1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unit = rng.random((*lead, *size))
    image = draw(
        st.sampled_from(
            [
                unit,
                (unit * 255).astype(np.uint8),
                (unit * 65535).astype(np.uint16),
                ((unit - 0.5) * 1000).astype(np.int16),
                unit.astype(np.float32),
            ]
        )
    )
    cutoff = draw(st.one_of(st.floats(0.01, 3.5), st.sampled_from([0.2, 0.5, 1.0])))
    return image, tuple(range(-d, 0)), cutoff, draw(st.sampled_from(SHAPES))


# ---- what is kept ----


@settings(deadline=None, max_examples=150)
@given(filters())
def test_exactly_the_coefficients_below_the_cutoff_are_kept(case):
    image, axes, cutoff, shape = case
    out = lowpass(image, cutoff, shape=shape, axes=axes)
    assert (out.dtype, out.shape) == (np.float32, image.shape)
    error = np.abs(out - oracle(image, cutoff, shape, axes)).max()
    assert error <= 2e-6 * largest(image)


@settings(deadline=None, max_examples=100)
@given(filters())
def test_the_gain_is_the_definition(case):
    image, axes, cutoff, shape = case
    size = tuple(image.shape[a] for a in axes)
    np.testing.assert_array_equal(transfer(size, cutoff, shape), kept(size, cutoff, shape))


@settings(deadline=None, max_examples=60)
@given(filters(), st.sampled_from([1.0, 1.0001, 1.7]))
def test_from_the_corner_of_the_spectrum_on_nothing_is_taken_away(case, beyond):
    image, axes, _, shape = case
    cutoff = float(NO_LOSS[shape](len(axes))) * beyond
    out = lowpass(image, cutoff, shape=shape, axes=axes)
    assert np.abs(out - image).max() <= 2e-6 * largest(image)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axes", [(-2, -1), (-3, -2, -1)])
def test_below_the_corner_of_the_spectrum_something_is_taken_away(shape, axes):
    image = np.random.default_rng(1).random((40, 50, 60))
    out = lowpass(image, 0.9 * float(NO_LOSS[shape](len(axes))), shape=shape, axes=axes)
    assert np.abs(out - image).max() > 0.01


@settings(deadline=None, max_examples=60)
@given(filters())
def test_a_second_pass_changes_nothing(case):
    image, axes, cutoff, shape = case
    once = lowpass(image, cutoff, shape=shape, axes=axes)
    twice = lowpass(once, cutoff, shape=shape, axes=axes)
    assert np.abs(twice - once).max() <= 2e-6 * largest(image)


@settings(deadline=None, max_examples=60)
@given(filters())
def test_what_is_kept_and_what_is_removed_share_the_energy(case):
    image, axes, cutoff, shape = case
    low = lowpass(image, cutoff, shape=shape, axes=axes)
    removed = image.astype(np.float64) - low
    assert energy(low) + energy(removed) == pytest.approx(energy(image), rel=1e-5, abs=1e-30)


@pytest.mark.parametrize(
    ("shape", "frequency", "below", "above"),
    [  # of a plane of 40 x 50
        ("square", (12, 5), 0.31, 0.30),
        ("square", (3, 20), 0.41, 0.40),
        ("triangular", (12, 5), 0.41, 0.39),
        ("triangular", (0, 20), 0.41, 0.40),
        ("radial", (12, 20), 0.501, 0.499),
        ("radial", (0, 49), 0.99, 0.98),
    ],
)
def test_a_cosine_passes_below_the_cutoff_and_vanishes_from_it_on(shape, frequency, below, above):
    image = wave((40, 50), frequency)
    assert np.abs(lowpass(image, below, shape=shape) - image).max() <= 1e-5
    assert np.abs(lowpass(image, above, shape=shape)).max() <= 1e-5


@pytest.mark.parametrize(
    ("shape", "at"), [("square", 0.4), ("triangular", 0.9), ("radial", np.sqrt(0.29))]
)
def test_in_a_volume_all_three_frequencies_count(shape, at):
    image = wave((10, 20, 30), (2, 6, 12))  # 0.2, 0.3, 0.4
    volume = (-3, -2, -1)
    passed = lowpass(image, at * 1.01, shape=shape, axes=volume)
    assert np.abs(passed - image).max() <= 1e-5
    assert np.abs(lowpass(image, at * 0.99, shape=shape, axes=volume)).max() <= 1e-5


def test_the_mean_always_stays():
    image = np.random.default_rng(2).random((33, 47))
    for shape in SHAPES:
        np.testing.assert_allclose(lowpass(image, 1e-9, shape=shape), image.mean(), rtol=1e-5)


# ---- the taper ----


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=3),
    st.floats(0.05, 2),
    st.sampled_from(SHAPES),
    st.floats(0.01, 1),
)
def test_a_tapered_gain_falls_from_one_to_zero(size, cutoff, shape, taper):
    gain = transfer(size, cutoff, shape, taper)
    assert gain.min() >= 0
    assert gain.max() == 1
    for axis in range(len(size)):
        assert (np.diff(gain, axis=axis) <= 0).all()
    assert (gain[kept(size, cutoff * (1 - taper) * (1 - 1e-12), shape)] == 1).all()
    assert (gain[~kept(size, cutoff * (1 + 1e-12), shape)] == 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_half_way_through_the_taper_half_is_left(shape):
    gain = transfer((1, 100), 0.8, shape, 0.5)[0]  # falls from 0.4 to 0.8
    assert gain[60] == pytest.approx(0.5, abs=1e-6)
    assert gain[50] == pytest.approx(0.5 + 0.5 * np.cos(np.pi / 4), abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_taper_rings_less_beside_an_edge(shape):
    edge = np.zeros((20, 200))
    edge[:, 100:] = 1
    sharp, soft = (lowpass(edge, 0.3, shape=shape, taper=t).max() - 1 for t in (0.0, 1.0))
    assert sharp > 0.05
    assert soft < 0.3 * sharp


def test_the_tapered_filter_multiplies_with_its_gain():
    image = np.random.default_rng(3).random((23, 34))
    for shape in SHAPES:
        gain = transfer(image.shape, 0.7, shape, 0.6)
        expected = fft.idctn(fft.dctn(image, norm="ortho") * gain, norm="ortho")
        np.testing.assert_allclose(lowpass(image, 0.7, shape=shape, taper=0.6), expected, atol=2e-6)


# ---- axes ----


@pytest.mark.parametrize(("shape", "d"), [((3, 2, 21, 34), 2), ((3, 7, 12, 11), 3)])
def test_leading_axes_are_independent_images(shape, d):
    image = np.random.default_rng(4).random(shape)
    axes = tuple(range(-d, 0))
    out = lowpass(image, 0.4, axes=axes)
    for lead in np.ndindex(shape[:-d]):
        np.testing.assert_array_equal(out[lead], lowpass(image[lead], 0.4, axes=axes))


@pytest.mark.parametrize("axes", [(1, 2, 3), (-1, -3, -2), [3, -2, 1]])
def test_axes_may_be_counted_from_either_end_and_in_any_order(axes):
    image = np.random.default_rng(5).random((2, 7, 12, 11))
    np.testing.assert_array_equal(
        lowpass(image, 0.4, axes=axes), lowpass(image, 0.4, axes=(-3, -2, -1))
    )


def test_the_image_handed_in_is_left_as_it_is():
    image = np.random.default_rng(6).random((30, 31)).astype(np.float32)
    before = image.copy()
    image.flags.writeable = False
    lowpass(image, 0.4)
    hidden_signal(image, 0.4)
    np.testing.assert_array_equal(image, before)


# ---- what cannot be done ----

GOOD = np.random.default_rng(7).random((3, 8, 9))


@pytest.mark.parametrize("function", [lowpass, hidden_signal])
@pytest.mark.parametrize("cutoff", [0, -0.5, np.nan, np.inf])
def test_a_cutoff_must_be_positive(function, cutoff):
    with pytest.raises(ValueError, match=r"cutoff must be greater than 0.*Nyquist") as error:
        function(GOOD, cutoff)
    assert repr(cutoff) in str(error.value)


@pytest.mark.parametrize("function", [lowpass, hidden_signal])
@pytest.mark.parametrize("taper", [-0.1, 1.1, np.nan, np.inf])
def test_a_taper_must_be_a_share(function, taper):
    with pytest.raises(ValueError, match="taper must be from 0 to 1") as error:
        function(GOOD, 0.5, taper=taper)
    assert repr(taper) in str(error.value)


@pytest.mark.parametrize("function", [lowpass, hidden_signal])
@pytest.mark.parametrize("shape", ["round", "", None, "Square"])
def test_a_shape_must_be_a_known_one(function, shape):
    with pytest.raises(ValueError, match="one of radial, square, triangular") as error:
        function(GOOD, 0.5, shape=shape)
    assert repr(shape) in str(error.value)


@pytest.mark.parametrize(
    "axes", [(-1,), (), (-1, -1), (0, 1), (0, 2), (-3, -2), (-4, -3, -2, -1), (0, 0, 0)]
)
def test_axes_must_be_the_last_two_or_three(axes):
    with pytest.raises(ValueError, match="last two or three of the image's 3") as error:
        lowpass(GOOD, 0.5, axes=axes)
    assert repr(axes) in str(error.value)


def test_images_that_cannot_be_filtered_are_refused():
    with pytest.raises(TypeError, match="bool"):
        lowpass(GOOD > 0.5, 0.5)
    with pytest.raises(ValueError, match="NaN or infinite"):
        lowpass(np.where(GOOD > 0.9, np.nan, GOOD), 0.5)
    with pytest.raises(ValueError, match="empty"):
        lowpass(GOOD[:0], 0.5)
    with pytest.raises(ValueError, match="last two or three of the image's 1"):
        lowpass(GOOD[0, 0], 0.5)


# ---- a picture hidden in high frequencies ----


def blobs(size, seed):
    field = gaussian_filter(np.random.default_rng(seed).standard_normal(size), 12)
    return 0.2 + 0.6 * (field - field.min()) / np.ptp(field)


def steganogram(size=(200, 240), seed=8):
    """Smooth blobs, in which a binary mask hides on a checkerboard of 2/255."""
    scene = blobs(size, seed)
    mask = (blobs(size, seed + 1) > 0.5).astype(float)
    board = np.where(np.indices(size).sum(axis=0) % 2, 1.0, -1.0)
    return scene + 2 / 255 * mask * board, scene, mask, board


def correlation(a, b):
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("taper", [0.0, 0.5])
def test_a_hidden_picture_is_found_in_what_is_removed_and_gone_from_the_rest(shape, taper):
    image, _, mask, board = steganogram()
    cutoff = 0.5 if shape != "triangular" else 0.8
    hidden = hidden_signal(image, cutoff, shape=shape, taper=taper)
    # with no knowledge of the carrier: where is anything at all?
    assert correlation(gaussian_filter(np.abs(hidden.removed), 2), mask) > 0.9
    left = lowpass(image, cutoff, shape=shape, taper=taper)
    details = left - gaussian_filter(left, 2)
    assert abs(correlation(gaussian_filter(np.abs(details), 2), mask)) < 0.05
    # with the carrier known: all that could ever be read
    assert correlation(hidden.removed * board, mask) > 0.99
    assert correlation(gaussian_filter(image * board, 2), mask) > 0.9
    assert abs(correlation(gaussian_filter(left * board, 2), mask)) < 0.05
    assert np.abs(hidden_signal(left, cutoff, shape=shape).removed).max() < 0.001 * 2 / 255


def test_the_energy_share_is_that_of_the_hidden_picture():
    image, scene, mask, board = steganogram()
    expected = energy(2 / 255 * mask * board) / energy(image - image.mean())
    assert expected < 0.01
    # a mask has an outline, so a little of it lies on either side of the cutoff
    assert hidden_signal(image, 0.5).energy_share == pytest.approx(expected, rel=0.05)
    assert hidden_signal(scene, 0.5).energy_share < 0.02 * expected


def test_the_energy_share_of_a_single_cosine_is_all_or_nothing():
    image = 100 + 5 * wave((40, 50), (12, 20))
    assert hidden_signal(image, 0.49).energy_share == pytest.approx(1.0, abs=1e-4)
    assert hidden_signal(image, 0.51).energy_share == pytest.approx(0.0, abs=1e-6)
    two = image + 10 * wave((40, 50), (2, 3))  # four times its energy
    assert hidden_signal(two, 0.49).energy_share == pytest.approx(0.2, abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(filters(), st.sampled_from([0.0, 0.4]))
def test_what_is_removed_is_the_image_without_its_low_pass(case, taper):
    image, axes, cutoff, shape = case
    options = {"shape": shape, "taper": taper, "axes": axes}
    hidden = hidden_signal(image, cutoff, **options)
    expected = image.astype(np.float32) - lowpass(image, cutoff, **options)
    np.testing.assert_allclose(hidden.removed, expected, atol=2e-7 * largest(image))
    assert 0 <= hidden.energy_share <= 1
    for shown in (hidden.removed, hidden.scaled, hidden.equalised):
        assert (shown.dtype, shown.shape) == (np.float32, image.shape)
    for shown in (hidden.scaled, hidden.equalised):
        assert shown.min() >= 0
        assert shown.max() <= 1


def test_scaled_shows_three_standard_deviations_on_either_side_of_nothing():
    image, *_ = steganogram()
    hidden = hidden_signal(image, 0.5)
    expected = np.clip(0.5 + hidden.removed / (6 * hidden.removed.std()), 0, 1)
    np.testing.assert_allclose(hidden.scaled, expected, atol=1e-5)
    assert hidden.equalised.std() > hidden.scaled.std()


@pytest.mark.parametrize("shape", [(16, 17), (3, 16, 17), (1, 1), (2, 1, 5)])
@pytest.mark.parametrize("value", [0.0, 0.1, 1234.5])
def test_a_constant_image_hides_nothing(shape, value):
    image = np.full(shape, value)
    hidden = hidden_signal(image, 0.5)
    assert np.abs(hidden.removed).max() <= 1e-6 * value
    assert hidden.energy_share == 0.0
    np.testing.assert_allclose(lowpass(image, 0.5), value, rtol=1e-6)
    assert np.isfinite(hidden.scaled).all()
    assert np.isfinite(hidden.equalised).all()


# ---- the transform itself ----


def assert_same_bits(got, expected):
    """Also of zeros, which have a sign."""
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("shape", "axes"), [((300, 217), (-2, -1)), ((5, 190, 65), (-2, -1)), ((33, 50, 65), (0, 1, 2))]
)
def test_a_low_pass_does_not_depend_on_the_number_of_threads(shape, axes, monkeypatch):
    image = np.random.default_rng(9).random(shape).astype(np.float32)
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(blocks, "workers", lambda n=n: n)
        results.append(lowpass(image, 0.6, taper=0.3, axes=axes))
    assert_same_bits(results[1], results[0])
    assert_same_bits(results[2], results[0])


@pytest.mark.parametrize("transform", [fft.dct, fft.idct])
@pytest.mark.parametrize("n", [*range(1, 41), 64, 77, 101, 128, 130, 211, 256, 509, 512, 625, 1021])
def test_scipy_transforms_blocks_of_lines_as_it_transforms_all_of_them(transform, n):
    """Planes are cut into blocks of 64 lines or a multiple, and transformed where they stand."""
    lines = np.random.default_rng(n).standard_normal((150, n)).astype(np.float32)
    expected = transform(lines, norm="ortho", axis=1)
    for together in (64, 128):
        for cut in (slice(k, k + together) for k in range(0, 150, together)):
            rows, columns = lines[cut].copy(), lines[cut].T.copy()
            rows = transform(rows, norm="ortho", axis=1, overwrite_x=True)
            columns = transform(columns, norm="ortho", axis=0, overwrite_x=True)
            assert_same_bits(rows, expected[cut])
            assert_same_bits(columns.T, expected[cut])


@st.composite
def planes(draw):
    """Planes of any size; many are symmetrical or almost empty, where sums cancel to zeros."""
    size = draw(st.tuples(st.integers(1, 150), st.integers(1, 150)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    plane = rng.standard_normal(size).astype(np.float32)
    plane *= draw(st.sampled_from([1.0, 1e-42, 1e30, 0.0, -0.0]))
    if draw(st.booleans()):
        plane -= plane[::-1]
    if draw(st.booleans()):
        plane[:, :] = plane[:1]
    plane[rng.random(size) < draw(st.sampled_from([0.0, 0.5, 0.99]))] = 0
    return plane


@settings(deadline=None, max_examples=100)
@given(planes())
def test_the_transform_is_that_of_scipy_bit_for_bit(plane):
    columns = fft.dct(plane, norm="ortho", axis=0)
    assert_same_bits(spectral.forward(plane), fft.dct(columns, norm="ortho", axis=1))
    rows = fft.idct(plane, norm="ortho", axis=1)
    assert_same_bits(spectral.inverse(plane), fft.idct(rows, norm="ortho", axis=0))


@settings(deadline=None, max_examples=150)
@given(
    planes(), st.floats(0.01, 2), st.sampled_from(SHAPES), st.sampled_from([0.0, 0.01, 0.5, 1.0])
)
def test_work_that_a_low_pass_saves_does_not_change_a_bit(coefficients, cutoff, shape, taper):
    gain = transfer(coefficients.shape, cutoff, shape, taper)
    product = coefficients * gain
    blocks_kept = -(-np.count_nonzero(gain[:, 0]) // spectral.LINES)
    kept_rows = slice(0, blocks_kept * spectral.LINES)
    product[kept_rows] = fft.idct(product[kept_rows], norm="ortho", axis=1)
    expected = fft.idct(product, norm="ortho", axis=0)
    assert_same_bits(
        filtered(coefficients, gain_of(coefficients.shape, cutoff, shape, taper)), expected
    )


@settings(deadline=None, max_examples=40)
@given(filters(axes=2))
def test_the_transform_is_that_of_the_definition_and_its_inverse_goes_back(case):
    image = case[0].reshape(-1, case[0].shape[-1])
    coefficients = spectral.forward(image)
    expected = fft.dctn(image.astype(np.float64), norm="ortho")
    assert np.abs(coefficients - expected).max() <= 1e-6 * max(largest(expected), 1e-9)
    assert np.abs(spectral.inverse(coefficients) - image).max() <= 2e-6 * largest(image)


@pytest.mark.parametrize("sigma", [(2, 2), (2.5, 7), (40, 3), (200, 100), (0.0, 5)])
@pytest.mark.parametrize("shape", [(64, 101), (33, 48), (7, 90)])
def test_a_blur_is_the_gaussian_with_reflecting_borders(sigma, shape):
    image = np.random.default_rng(10).random(shape)
    ours = spectral.blurred(spectral.forward(image), sigma)
    expected = gaussian_filter(image, sigma, mode="reflect", truncate=6)
    assert np.abs(ours - expected).max() <= 1e-5 * np.ptp(image)


def test_frequencies_are_told_in_cycles_per_unit():
    y, x = spectral.frequencies((10, 8), (0.5, 2.0))
    np.testing.assert_allclose(y.ravel(), np.arange(10) / 10 * 1.0)
    np.testing.assert_allclose(x.ravel(), np.arange(8) / 8 * 0.25)

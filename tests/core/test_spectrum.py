"""Power goes to the right frequency and none is lost; noise is found at its intensity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core.contrast.detector_noise import noise_curve
from napari_diversify.core.measures.spectrum import noise_by_intensity, radial_power_spectrum


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def wave(fy, fx, shape=(128, 128)):
    """Standing wave of fy and fx cycles per pixel, whole in the plane."""
    y, x = (np.arange(n) + 0.5 for n in shape)
    return np.outer(np.cos(2 * np.pi * fy * y), np.cos(2 * np.pi * fx * x))


# --- power -------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(2, 20)),
    offset=st.sampled_from([0, 5]),
    dtype=st.sampled_from(["u1", "i2", "f4", "f8"]),
)
def test_all_power_about_the_mean_is_kept(shape, offset, dtype):
    image = (offset + 10 * abs(noise(shape))).astype(dtype)
    _, (power,) = radial_power_spectrum(image, bins=1)
    energy = np.square(image - image.mean(dtype="f8")).sum()
    assert power * (image.size - 1) == pytest.approx(energy, rel=1e-5)


@settings(deadline=None, max_examples=100)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(2, 40)),
    spacing=st.tuples(st.floats(0.05, 5), st.floats(0.05, 5)),
)
def test_no_bin_is_empty_and_the_last_is_the_corner(shape, spacing):
    frequency, power = radial_power_spectrum(noise(shape), spacing)
    assert np.isfinite(power).all()
    corner = np.hypot(*((n - 1) / (2 * n * s) for n, s in zip(shape, spacing, strict=True)))
    step = max(0.5 / (n * s) for n, s in zip(shape, spacing, strict=True) if n > 1)
    assert abs(frequency[-1] - corner) <= step
    assert np.diff(frequency) == pytest.approx(np.full(len(frequency) - 1, step))


def test_power_is_gathered_by_physical_frequency():
    shape, spacing, bins = (12, 17), (0.4, 0.3), 6
    image = noise(shape)
    frequency, power = radial_power_spectrum(image, spacing, bins)
    # the DCT-II as the sum that defines it
    y, x = (
        np.sqrt((2 - (np.arange(n) == 0)) / n)[:, None]
        * np.cos(np.pi * np.outer(np.arange(n), np.arange(n) + 0.5) / n)
        for n in shape
    )
    square = (y @ image @ x.T) ** 2
    fy, fx = (np.arange(n) / (2 * n * s) for n, s in zip(shape, spacing, strict=True))
    radius = np.hypot(fy[:, None], fx)
    half = (frequency[1] - frequency[0]) / 2
    radius[0, 0] = np.nan  # the mean
    for k in range(bins):
        low = 0 if k == 0 else frequency[k] - half
        inside = (radius > low) & (radius <= frequency[k] + half)
        assert power[k] == pytest.approx(square[inside].mean(), rel=1e-4)


@pytest.mark.parametrize("spacing", [None, (1, 1), (7, 1, 1)])
@pytest.mark.parametrize(("fy", "fx"), [(0, 1 / 8), (1 / 4, 0), (3 / 32, 1 / 8)])
def test_a_wave_is_found_at_its_frequency(fy, fx, spacing):
    image = np.stack([wave(fy, fx)] * 2)
    frequency, power = radial_power_spectrum(image, spacing)
    assert abs(frequency[power.argmax()] - np.hypot(fy, fx)) <= 1 / 256
    assert np.sort(power)[-2] < 1e-4 * power.max()  # and nowhere else


def test_pixels_that_are_no_squares_share_one_axis_of_frequency():
    # 2 cycles/um in either direction, in pixels of 0.1 um by 0.05 um
    along_y, along_x = wave(0.2, 0, (120, 160)), wave(0, 0.1, (120, 160))
    peaks = []
    for image in (along_y, along_x):
        frequency, power = radial_power_spectrum(image, (0.1, 0.05))
        peaks.append(frequency[power.argmax()])
    assert peaks == pytest.approx([2, 2], abs=0.07)


def test_white_noise_is_flat_at_its_variance_whatever_the_offset():
    image = 3 * noise((20, 64, 64))
    _, power = radial_power_spectrum(image)
    assert power[2:60] == pytest.approx(np.full(58, 9.0), rel=0.25)
    assert power[2:60].mean() == pytest.approx(9.0, rel=0.02)
    _, shifted = radial_power_spectrum(1e-4 * image + 60000)
    assert shifted == pytest.approx(1e-8 * power, rel=1e-3)


def test_a_ramp_makes_no_false_high_frequencies():
    ramp = np.tile(np.arange(64.0), (64, 1))  # its opposite borders differ most
    frequency, power = radial_power_spectrum(ramp)
    high = frequency > 0.25
    assert power[high].max() < 1e-6 * power[0]


def test_the_spectrum_of_a_volume_is_the_mean_over_its_planes():
    volume = noise((3, 16, 24)) * np.array([1, 2, 30])[:, None, None]
    frequency, power = radial_power_spectrum(volume)
    planes = [radial_power_spectrum(plane) for plane in volume]
    assert frequency.tolist() == planes[0][0].tolist()
    assert power == pytest.approx(np.mean([p for _, p in planes], axis=0), rel=1e-6)


def test_a_constant_image_has_no_power_and_an_empty_bin_no_mean():
    _, power = radial_power_spectrum(np.full((8, 8), 60001.3))
    assert (power == 0).all()
    frequency, power = radial_power_spectrum(noise((4, 4)), bins=200)
    assert len(frequency) == len(power) == 200
    assert 0 < np.isfinite(power).sum() < 16
    assert np.isfinite(power[-1])


# --- noise -------------------------------------------------------------------


def test_photon_noise_rises_with_intensity_by_the_gain():
    photons = np.random.default_rng(0).poisson(np.linspace(100, 1000, 512), (200, 512))
    intensity, variance = noise_by_intensity(4 * photons + 300)
    gain, at_zero = np.polyfit(intensity, variance, 1)
    assert gain == pytest.approx(4, rel=0.1)
    assert -at_zero / gain == pytest.approx(300, abs=150)  # no noise at the offset
    assert (np.diff(intensity) > 0).all()


def test_noise_of_one_strength_is_flat():
    image = np.linspace(0, 500, 256) + 5 * noise((256, 256))
    intensity, variance = noise_by_intensity(image)
    assert variance == pytest.approx(np.full(len(intensity), 25), rel=0.15)


def test_noise_by_intensity_is_the_square_of_the_noise_curve():
    image = np.linspace(0, 500, 64) + 5 * noise((40, 64))
    intensity, variance = noise_by_intensity(image)
    expected = noise_curve(image)
    assert intensity.tolist() == expected[0].tolist()
    assert variance == pytest.approx(expected[1] ** 2, rel=1e-14)


def test_rows_from_all_over_a_volume_are_looked_at():
    # taken in whole steps, rows would be the first of each plane, which is clean
    volume = 5 * noise((16, 16, 4096))
    volume[:, 0] = 0
    _, variance = noise_by_intensity(volume)
    assert np.median(variance) == pytest.approx(25, rel=0.2)


def test_a_constant_image_is_free_of_noise():
    _, variance = noise_by_intensity(np.full((8, 8), 7, np.uint8))
    assert (variance == 0).all()


# --- wrong arguments ---------------------------------------------------------


@pytest.mark.parametrize("shape", [(8,), (1, 1), (5, 1, 1)])
def test_a_spectrum_needs_planes(shape):
    with pytest.raises(ValueError, match="two pixels or more") as error:
        radial_power_spectrum(np.ones(shape))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("bad", [(1,), (1, 0), (1, -1), (np.nan, 1), (1, 1, 1, 1)])
def test_spacing_must_be_a_positive_number_per_axis(bad):
    with pytest.raises(ValueError, match="positive numbers") as error:
        radial_power_spectrum(np.ones((3, 8, 8)), bad)
    assert repr(bad) in str(error.value)


@pytest.mark.parametrize("bad", [0, -1, True])
def test_there_must_be_a_bin(bad):
    with pytest.raises(ValueError, match="1 or more") as error:
        radial_power_spectrum(np.ones((8, 8)), bins=bad)
    assert repr(bad) in str(error.value)


@pytest.mark.parametrize("shape", [(8,), (8, 2), (3, 8, 1)])
def test_noise_needs_three_columns(shape):
    with pytest.raises(ValueError, match="three columns or more") as error:
        noise_by_intensity(np.ones(shape))
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("measure", [radial_power_spectrum, noise_by_intensity])
def test_images_must_hold_finite_numbers(measure):
    with pytest.raises(ValueError, match="NaN or infinite"):
        measure(np.full((4, 4), np.inf))
    with pytest.raises(TypeError, match="integers or floating-point"):
        measure(np.ones((4, 4), complex))

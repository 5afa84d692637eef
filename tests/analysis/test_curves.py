"""The curves are the core's numbers, of the plane and the volume in view; or a sentence."""

import subprocess
import sys
from math import inf

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_diversify.analysis import by_depth as depth
from napari_diversify.analysis import plane as plane_module
from napari_diversify.analysis.by_depth import by_depth
from napari_diversify.analysis.by_noise import by_noise, said_half
from napari_diversify.analysis.plane import cutoffs, of_plane, plane_in_view
from napari_diversify.core import PsnrModel, local_std, object_contrast, radial_power_spectrum
from napari_diversify.core.blocks import exhaust
from napari_diversify.core.contrast.calibration import fit_decay
from napari_diversify.core.measures.visibility import otsu_threshold
from napari_diversify.recipe import DegradeContrast, Diversify, LazyVolume, LowPass, Recipe

ALL = slice(None)


@pytest.fixture
def blobs():
    """Bright blobs in a dark volume."""
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.random((8, 40, 48)), (0, 3, 3))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return (200 + 3000 * (smooth > 0.6) + 300 * rng.random(smooth.shape)).astype(np.uint16)


def volume(image, *steps, spacing=(2.0, 0.5, 0.25), limits=None, **keywords):
    limits = limits or (float(image.min()), float(image.max()))
    steps = steps or (Diversify(w_v=2.0),)
    return LazyVolume(image, Recipe(steps=steps, intensity_range=limits, **keywords), spacing)


def found(generator):
    return exhaust(generator)


def test_curves_need_no_qt():
    code = (
        "import sys, napari_diversify.analysis.by_depth as c; "
        "sys.exit(bool({'qtpy', 'pyqtgraph', 'napari'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- the plane ---------------------------------------------------------------


def test_the_plane_in_view_is_that_of_the_index(blobs):
    plane = plane_in_view(volume(blobs), (slice(3, 4), ALL, ALL))
    assert (plane.axes, plane.shape, plane.whole_view) == ((1, 2), (40, 48), True)
    assert plane_in_view(volume(blobs), (3, ALL, ALL)).where == plane.where
    across = plane_in_view(volume(blobs), (ALL, slice(7, 8), ALL))
    assert (across.axes, across.shape) == ((0, 2), (8, 48))


def test_of_a_volume_in_view_the_plane_in_its_middle_is_taken(blobs):
    plane = plane_in_view(volume(blobs), (ALL, ALL, ALL))
    assert plane.where[0] == slice(4, 5, 1)
    assert not plane.whole_view


@pytest.mark.parametrize("index", [(slice(3, 4), ALL, ALL), (ALL, ALL, slice(9, 10))])
def test_histogram_and_spectrum_are_those_of_the_plane_and_its_source(blobs, index):
    array = volume(blobs)
    seen = found(of_plane(array, index))
    source, result = blobs[index].squeeze(), array[index].squeeze()
    for name, values in (("source", source), ("result", result)):
        counts = getattr(seen.histogram, name)
        assert counts.sum() == values.size
        assert (counts == np.histogram(values, seen.histogram.edges)[0]).all()
        size = {1: (0.5, 0.25), 0: (2.0, 0.5)}[seen.plane.axes[0]]
        frequency, power = radial_power_spectrum(values, size)
        np.testing.assert_array_equal(seen.spectrum.frequency, frequency)
        np.testing.assert_array_equal(getattr(seen.spectrum, name), power)


def test_bins_hold_as_many_grey_levels_each_and_reach_as_far_as_pixels_do():
    source = np.arange(0, 1000, dtype=np.uint16).reshape(20, 50)
    result = source + 500
    counted = plane_module.histogram(source, result, 100.0, 900.0)
    assert set(np.diff(counted.edges)) == {12.0}
    assert counted.edges[0] == -0.5
    assert counted.edges[-1] >= 1499
    assert counted.source.sum() == counted.result.sum() == 1000
    assert set(counted.source[:83]) == {12}  # no comb


def test_a_big_plane_gives_the_spectrum_of_its_middle(monkeypatch, blobs):
    monkeypatch.setattr(plane_module, "SIDE", 16)
    array = volume(blobs, spacing=None)
    seen = found(of_plane(array, (3, ALL, ALL)))
    expected = radial_power_spectrum(blobs[3, 12:28, 16:32])[1]
    np.testing.assert_array_equal(seen.spectrum.source, expected)
    assert seen.histogram.source.sum() == 40 * 48


def test_the_source_is_read_once_for_any_number_of_looks_at_a_plane(blobs, spy):
    source = spy(blobs)
    array = volume(source, limits=(0.0, 4000.0))
    first = found(of_plane(array, (3, ALL, ALL)))
    array.recipe = array.recipe.replace(steps=(LowPass(cutoff=0.3),))
    before = source.reads
    array[3]
    for_the_result = source.reads - before
    array.recipe = array.recipe.replace(steps=(LowPass(cutoff=0.4),))
    before = source.reads
    again = found(of_plane(array, (3, ALL, ALL), before=first))
    assert source.reads - before <= for_the_result
    assert again.spectrum.source is first.spectrum.source
    other = found(of_plane(array, (4, ALL, ALL), before=again))
    assert (other.histogram.source != again.histogram.source).any()


def test_an_edited_source_is_read_again(blobs):
    array = volume(blobs)
    first = found(of_plane(array, (3, ALL, ALL)))
    blobs[3] = blobs[3][::-1] // 2
    array.source_edited()
    again = found(of_plane(array, (3, ALL, ALL), before=first))
    assert (again.histogram.source == np.histogram(blobs[3], again.histogram.edges)[0]).all()


def test_what_is_not_wanted_is_not_computed(blobs):
    array = volume(blobs)
    assert found(of_plane(array, (3, ALL, ALL), want_spectrum=False)).spectrum is None
    assert found(of_plane(array, (3, ALL, ALL), want_histogram=False)).histogram is None


def test_a_constant_plane_has_a_sentence_for_a_spectrum(blobs):
    blobs[3] = 700
    seen = found(of_plane(volume(blobs, Diversify(w_v=0.0)), (3, ALL, ALL)))
    assert "same intensity everywhere" in seen.spectrum
    assert seen.histogram.source.max() == 40 * 48
    line = volume(np.arange(12.0).reshape(1, 12), spacing=None)
    assert "line of pixels" in found(of_plane(line, (ALL, ALL))).spectrum


@pytest.mark.parametrize(
    ("step", "index", "spacing", "expected"),
    [
        (LowPass(cutoff=0.5), (3, ALL, ALL), (2.0, 0.5, 0.25), (0.5, 1.0)),
        (LowPass(cutoff=0.5), (3, ALL, ALL), (2.0, 0.25, 0.25), (1.0,)),
        (LowPass(cutoff=0.5), (3, ALL, ALL), None, (0.25,)),
        (LowPass(cutoff=0.5), (ALL, 3, ALL), (2.0, 0.5, 0.25), (1.0,)),  # z is not filtered
        (LowPass(cutoff=0.5, volume=True), (ALL, 3, ALL), (2.0, 0.5, 0.25), (0.125, 1.0)),
        (Diversify(), (3, ALL, ALL), None, ()),
    ],
)
def test_the_cutoff_lies_where_the_low_pass_cuts(blobs, step, index, spacing, expected):
    array = volume(blobs, step, spacing=spacing)
    assert cutoffs(array, plane_in_view(array, index)) == pytest.approx(expected)


def test_power_falls_at_the_cutoff(blobs):
    array = volume(blobs.astype(np.float32), LowPass(cutoff=0.5), spacing=None)
    seen = found(of_plane(array, (3, ALL, ALL))).spectrum
    (cut,) = cutoffs(array, plane_in_view(array, (3, ALL, ALL)))
    step = seen.frequency[1] - seen.frequency[0]
    beyond, before = seen.frequency > cut + step, seen.frequency < cut - step
    assert (seen.result[beyond] < 1e-6 * seen.source[beyond]).all()
    assert seen.result[before] == pytest.approx(seen.source[before], rel=1e-3)


# --- depth -------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_contrast_by_depth_is_the_object_contrast_of_each_plane(monkeypatch, blobs, piece):
    monkeypatch.setattr(depth, "_PIECE", piece)
    array = volume(blobs, Diversify(w_v=6.0))
    seen = found(by_depth(array, (3, ALL, ALL)))
    low, result = array.intensity_range[0], np.asarray(array)
    objects = blobs > otsu_threshold(blobs)
    for image, name in ((blobs, "source"), (result, "result")):
        planes = [object_contrast(p, o, low) for p, o in zip(image, objects, strict=True)]
        assert getattr(seen, name).tolist() == pytest.approx(planes, rel=1e-12)
        whole = object_contrast(image, objects, low)
        assert getattr(seen, f"{name}_whole") == pytest.approx(whole, rel=1e-12)
    assert seen.depth.tolist() == [2.0 * z for z in range(8)]
    assert (seen.planes, seen.of, seen.unit) == (8, 8, "µm")


def test_depth_counts_from_where_light_comes_from(blobs):
    array = volume(blobs, DegradeContrast(upwards=True), spacing=None)
    seen = found(by_depth(array, (3, ALL, ALL)))
    assert seen.depth.tolist() == list(range(7, -1, -1))
    assert seen.unit == "planes"


def test_a_deep_volume_is_looked_at_in_evenly_spread_planes(monkeypatch, blobs):
    monkeypatch.setattr(depth, "_PLANES", 3)
    array = volume(blobs)
    seen = found(by_depth(array, (3, ALL, ALL)))
    assert (seen.planes, seen.of) == (3, 8)
    full = np.asarray(array)
    monkeypatch.setattr(depth, "_PLANES", 64)
    every = found(by_depth(array, (3, ALL, ALL)))
    assert seen.depth.tolist() == [0.0, 8.0, 14.0]
    assert full.shape == (8, 40, 48)
    assert seen.result == pytest.approx(every.result[[0, 4, 7]], rel=0.02)


def test_of_a_time_series_it_is_the_volume_in_view(blobs):
    series = np.stack([blobs, blobs[::-1], 5000 - blobs])
    array = volume(series, spatial_ndim=3)
    seen = found(by_depth(array, (1, 3, ALL, ALL)))
    alone = found(by_depth(volume(blobs[::-1], limits=array.intensity_range), (3, ALL, ALL)))
    assert seen.source.tolist() == alone.source.tolist()


def test_the_fit_is_that_of_the_points(blobs):
    contrast = 0.8 * np.exp(-np.arange(8) / 20)[:, None, None]
    fading = np.where(blobs > 2000, 100 * (1 + contrast), 100.0)
    array = volume(fading, Diversify(w_i=0.5, w_v=0.0), limits=(0.0, 1000.0))
    seen = found(by_depth(array, (3, ALL, ALL)))
    assert seen.source_fit == pytest.approx((0.8, 40.0))
    assert seen.result_fit == pytest.approx((0.8, 40.0), rel=1e-4)
    assert seen.result_fit == fit_decay(seen.depth, seen.result)


@pytest.mark.parametrize(
    ("image", "ndim", "words"),
    [
        (np.arange(12.0).reshape(3, 4), 2, "this image is 2D"),
        (np.arange(24.0).reshape(2, 3, 4), 2, "this image is 2D"),
        (np.arange(12.0).reshape(1, 3, 4), 3, "this volume has one"),
        (np.full((3, 4, 4), 7.0), 3, "same intensity everywhere"),
    ],
)
def test_where_there_is_no_depth_or_contrast_a_sentence_says_so(image, ndim, words):
    array = volume(image, spacing=None, limits=(0.0, 30.0), spatial_ndim=ndim)
    assert words in found(by_depth(array, (0,) * (image.ndim - 2) + (ALL, ALL)))


def test_without_objects_in_any_plane_a_sentence_says_so():
    image = np.zeros((3, 40, 40))
    image[1, 0, 0] = 9.0
    assert "No plane" in found(by_depth(volume(image, spacing=None), (0, ALL, ALL)))


def test_a_decay_is_fitted_only_where_there_is_one():
    depth = np.arange(20.0)
    fit = fit_decay(depth, 0.8 * np.exp(-depth / 12))
    assert (fit.c0, fit.length) == pytest.approx((0.8, 12.0))
    rng = np.random.default_rng(0)
    for none in (
        0.8 * np.exp(depth / 12),
        0.5 + 0.2 * rng.standard_normal(20),
        np.full(20, np.nan),
        -np.exp(-depth),
    ):
        assert fit_decay(depth, none) is None
    assert fit_decay(depth[:4], 0.8 * np.exp(-depth[:4])) is None
    with pytest.raises(ValueError, match="the same length"):
        fit_decay(depth, depth[:4])


# --- noise -------------------------------------------------------------------


def model_of(image, stride=1):
    unit = (image - float(image.min())) / np.ptp(image)
    return PsnrModel.from_volume(unit, local_std(unit.astype(np.float32), 5, stride=stride))


@pytest.mark.parametrize("w_i", [0.5, 1.0])
def test_curves_against_noise_are_those_of_the_model(blobs, w_i):
    model = model_of(blobs)
    seen = found(by_noise(model, w_i))
    for w_v, psnr, kept in zip(seen.w_v, seen.psnr, seen.kept, strict=True):
        assert psnr == model.expected(w_i, w_v)
        assert kept == 100 * model.contrast(w_i, w_v) / model.contrast(1.0, 0.0)
    assert (seen.w_v[0], seen.w_v[-1], seen.w_v.size) == (0.0, 32.0, 64)


def test_the_strongest_noise_that_leaves_half_of_the_contrast_is_found(blobs):
    model = model_of(blobs, stride=4)
    seen = found(by_noise(model, 1.0))
    clean = model.contrast(1.0, 0.0)
    assert 0 < seen.half < 32
    assert model.contrast(1.0, seen.half - 0.01) > clean / 2 > model.contrast(1.0, seen.half + 0.01)
    assert f"w_v {seen.half:.2f}" in said_half(seen)


def test_where_half_is_never_reached_or_never_there_the_words_say_so():
    weak = PsnrModel.from_volume(np.array([0.4, 0.6]), np.full(2, 1e-4))
    seen = found(by_noise(weak, 1.0))
    assert seen.half == inf
    assert "up to w_v 32" in said_half(seen)
    assert "Less than half" in said_half(found(by_noise(weak, 0.0)))
    grey = PsnrModel.from_volume(np.full((4, 4), 0.5), np.full((4, 4), 0.1))
    assert "no contrast" in said_half(found(by_noise(grey, 1.0)))


def test_an_image_without_noise_to_scale_has_a_sentence():
    flat = PsnrModel.from_volume(np.full((4, 4), 0.5), np.zeros((4, 4)))
    assert "no weight changes this image" in found(by_noise(flat, 1.0))

"""The probe finds what an image hides, and nothing where nothing is hidden."""

import numpy as np
import pytest

from napari_diversify.core.contrast.detector_noise import NoiseLaw, noise_law
from napari_diversify.core.measures.hidden import probe_hidden
from napari_diversify.core.spectral.lowpass import lowpass

NOISE = 8.0
REAL = NoiseLaw(NOISE**2, 0, 0)


def scene(seed=0, shown=0.5):
    """An image that shows only the first of its objects, and the labels of all."""
    y, x = np.indices((128, 128))
    disc = np.hypot(y % 21 - 10, x % 21 - 10) < 6
    labels = disc * (1 + y // 21 * 7 + x // 21)
    random = np.random.default_rng(seed)
    present = random.permutation(np.unique(labels)[1:])
    seen = present[: round(shown * present.size)]
    noise = random.normal(0, NOISE, labels.shape)
    return 100 + 60.0 * np.isin(labels, seen) + noise, labels, seen


@pytest.mark.parametrize("seed", range(3))
def test_exactly_the_objects_that_the_image_does_not_show_are_unseen(seed):
    image, labels, seen = scene(seed)
    probe = probe_hidden(image, labels)
    assert probe.noise.least == pytest.approx(NOISE**2, rel=0.4)  # measured in the image itself
    assert sorted(probe.numbers[~probe.unseen]) == sorted(seen)
    assert np.isnan(probe.recovered_share)
    assert np.isnan(probe.hidden_share)


def test_a_back_translation_that_has_the_unseen_objects_is_what_tells_of_a_hidden_signal():
    image, labels, seen = scene()
    honest = probe_hidden(image, labels, found=np.isin(labels, seen))
    telling = probe_hidden(image, labels, found=labels)
    assert honest.recovered_share == 0
    assert honest.hidden_share == 0
    assert telling.recovered_share == 1
    assert telling.hidden_share == telling.unseen_share > 0.3
    assert telling.dice == 1 > honest.dice


def test_a_code_in_high_frequencies_leaves_a_trace_where_no_model_is_at_hand():
    image, labels, seen = scene()
    code = np.indices(image.shape).sum(0) % 2 * 2 - 1  # a checkerboard, far above any cutoff
    told = image + 6 * code * ((labels > 0) & ~np.isin(labels, seen))
    assert probe_hidden(image, labels).unseen_trace == pytest.approx(1, abs=0.1)
    assert probe_hidden(told, labels).unseen_trace > 1.15


def test_the_noise_of_real_images_is_the_measure_of_those_that_have_none():
    _image, labels, seen = scene()
    faint = 100 + np.where(np.isin(labels, seen), 60.0, np.where(labels > 0, 3.0, 0.0))
    assert not probe_hidden(faint, labels).unseen.any()  # without any noise all can be seen
    assert sorted(labels_seen(probe_hidden(faint, labels, noise=REAL))) == sorted(seen)


def labels_seen(probe):
    return probe.numbers[~probe.unseen]


def test_dark_objects_are_seen_as_dark_ones():
    image, labels, seen = scene()
    assert probe_hidden(200 - image, labels).unseen.all()
    assert sorted(labels_seen(probe_hidden(200 - image, labels, dark=True))) == sorted(seen)


def test_volumes_are_probed_object_by_object():
    image, labels, _seen = scene()
    probe = probe_hidden(np.stack([image] * 3), np.stack([labels] * 3), noise=REAL)
    flat = probe_hidden(image, labels, noise=REAL)
    assert np.allclose(probe.contrast, flat.contrast)
    assert np.array_equal(probe.unseen, flat.unseen)


def test_energy_is_that_above_the_cutoff():
    image, labels, _ = scene()
    assert probe_hidden(lowpass(image, 0.3), labels, cutoff=0.35).energy < 1e-6
    assert probe_hidden(image, labels, cutoff=0.35).energy > 0.05


def test_what_cannot_be_probed_is_refused_or_undefined():
    image, labels, _ = scene()
    with pytest.raises(ValueError, match="same shape"):
        probe_hidden(image, labels[:-1])
    with pytest.raises(TypeError, match="whole numbers"):
        probe_hidden(image, labels / 2)
    with pytest.raises(ValueError, match="width"):
        probe_hidden(image, labels, width=0)
    empty = probe_hidden(image, np.zeros_like(labels))
    assert empty.numbers.size == 0
    assert np.isnan(empty.unseen_share)
    assert np.isnan(empty.percentile(5))
    full = probe_hidden(image, np.ones_like(labels))  # nothing to compare with
    assert full.unseen.all()
    assert np.isnan(full.trace).all()


def test_texture_in_bright_objects_does_not_take_the_noise_of_the_dark():
    random = np.random.default_rng(0)
    light = np.where(np.indices((128, 128))[1] % 32 < 8, 1000.0, 100.0)
    textured = (
        light + random.normal(0, 8, light.shape) + (light > 500) * random.normal(0, 90, light.shape)
    )
    assert noise_law(textured).deviation(90) == pytest.approx(8, rel=0.2)

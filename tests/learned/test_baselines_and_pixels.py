"""What a model is compared with, and what its card says of the pixels of its training."""

import numpy as np
import pytest

from napari_diversify.learned.training.images import Image
from napari_diversify.learned.training.noise_models import GaussianNoise
from napari_diversify.learned.training.patches import Patches
from napari_diversify.learned.training.plain_denoising import METHODS, left_out


def test_wavelets_come_with_what_learns():
    assert left_out() == []
    assert "wavelet" in METHODS


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_baseline_brings_a_noisy_plane_nearer_to_the_truth(method):
    y, x = np.mgrid[:64, :64]
    truth = (1000 + 400 * np.sin(x / 9) * np.cos(y / 11)).astype(np.float32)
    noisy = truth + np.random.default_rng(0).normal(0, 80, truth.shape).astype(np.float32)
    errors = [
        float(np.square(denoise(noisy, GaussianNoise(sigma=80.0), 1.0) - truth).mean())
        for denoise in METHODS[method]
    ]
    assert min(errors) < 0.2 * np.square(noisy - truth).mean()


@pytest.mark.parametrize(
    ("sizes", "known"),
    [
        ([(0.2, 0.2), (0.2, 0.203)], (0.2, 0.2)),
        ([(0.2, 0.2), (0.2, 0.5)], None),
        ([(0.2, 0.2), None], None),
        ([None, (0.2, 0.2)], None),
    ],
)
def test_a_card_knows_the_pixels_only_if_all_images_have_the_same(sizes, known):
    array = np.random.default_rng(0).random((8, 48, 48)).astype(np.float32)
    images = [Image(f"image {n}", array, 8, size) for n, size in enumerate(sizes)]
    assert Patches(images, 32, 1, 0).pixel == known

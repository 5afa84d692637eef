"""What iterations do: contrast rises, detail falls, and the curve is that of the plane in view."""

import numpy as np
import pytest

from napari_diversify.analysis.by_iteration import by_iteration, iterations_in, of_view
from napari_diversify.core import detail_retention, synthetic_nuclei
from napari_diversify.core.blocks import exhaust
from napari_diversify.core.measures.visibility import rms_contrast
from napari_diversify.learned import RestoreLearned
from napari_diversify.recipe import DegradeContrast, LazyVolume, LowPass, Recipe, Restore
from tiny_models import model

ALL = slice(None)


def test_detail_is_kept_by_scaling_and_lost_by_blur_and_noise():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 64, 64))
    assert detail_retention(image, 5 - 2 * image) == pytest.approx(-1)
    other = image + rng.normal(size=image.shape)  # as much that was not there
    assert detail_retention(image, other) == pytest.approx(0.5**0.5, abs=0.05)
    assert np.isnan(detail_retention(image, np.full(image.shape, 0.1)))


def test_curves_of_richardson_lucy_are_those_of_its_results():
    phantom = synthetic_nuclei((4, 64, 64), seed=2)
    tissue = DegradeContrast(extra_depth=60)
    restore = Restore(method="richardson-lucy", iterations=7, depth=60)
    image = phantom.image.astype(np.float32)
    recipe = Recipe(steps=(tissue, restore), intensity_range=(0, float(image.max())))
    array = LazyVolume(image, recipe, phantom.spacing)
    found = exhaust(of_view(array, (slice(2, 3), ALL, ALL)))
    assert iterations_in(recipe) == 7
    assert found.iterations.tolist() == [0, 1, 2, 5, 10, 20, 50]
    assert (np.diff(found.contrast) > 0).all()
    assert found.retention[0] == pytest.approx(1)
    assert found.retention[-1] < found.retention[1]
    ten = LazyVolume(image, recipe.with_step(1, restore.replace(iterations=10)), phantom.spacing)
    degraded = LazyVolume(image, recipe.replace(steps=(tissue,)), phantom.spacing)
    assert found.contrast[4] == rms_contrast(ten[2])
    assert found.at(10) == (found.contrast[4], detail_retention(degraded[2], ten[2]))


def test_curves_of_a_model_are_those_of_its_iterations_and_do_not_depend_on_what_is_set():
    image = np.random.default_rng(0).integers(0, 60_000, (3, 40, 48)).astype(np.uint16)
    found = []
    for k in (0, 3):
        steps = (RestoreLearned(model=model("unet"), iterations=k), LowPass())
        array = LazyVolume(image, Recipe(steps=steps, intensity_range=(0, 60_000)))
        found.append(exhaust(of_view(array, (slice(1, 2), ALL, ALL))))
    assert found[0].iterations.tolist() == [0, 1, 2, 3, 4, 5]
    assert found[0].contrast.tolist() == found[1].contrast.tolist()
    assert found[0].retention[0] == pytest.approx(1)
    twice = Recipe(steps=(steps[0].replace(iterations=2),), intensity_range=(0, 60_000))
    assert found[0].contrast[2] == rms_contrast(twice.apply(image)[1])


def test_without_iterations_there_is_a_sentence():
    recipe = Recipe(steps=(Restore(),), intensity_range=(0, 1))
    said = exhaust(of_view(LazyVolume(np.eye(8), recipe), (ALL, ALL)))
    assert said.startswith("No step here restores by iterations")


def test_planes_are_put_in_order():
    before = np.random.default_rng(1).random((16, 16))
    found = by_iteration(before, {2: before * 3, 0: before}, offset=-1.0)
    assert found.iterations.tolist() == [0, 2]
    assert found.retention == pytest.approx([1, 1])

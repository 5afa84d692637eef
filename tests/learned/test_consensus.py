"""Consensus: each sample is segmented by itself, and the majority of them decides."""

import numpy as np
import pytest

from napari_diversify import Recipe
from napari_diversify.core.blocks import exhaust
from napari_diversify.learned import Denoise
from napari_diversify.learned.consensus import consensus, consensus_of, otsu
from tiny_models import model


def test_two_of_three_make_a_majority_and_two_of_four_do_not():
    seen = np.zeros((4, 1, 6), bool)
    seen[:2, 0, 1] = seen[:3, 0, 4] = True

    for n, objects in ((3, 2), (4, 1)):
        found = consensus(seen[:n], segment=lambda sample: 7 * sample)
        assert found.objects == objects
        assert found.votes[0, 1] == np.float32(2 / n)
        assert found.labels[0, 4] > 0
    assert found.divided == pytest.approx(2 / 6)


def test_samples_that_do_not_fit_together_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"there is none"):
        consensus([])
    with pytest.raises(ValueError, match=r"one shape; got \(4, 4\), \(4, 5\)"):
        consensus([np.eye(4), np.zeros((4, 5))])
    assert not otsu(np.ones((3, 3))).any()


def test_the_samples_are_those_of_the_recipe_whatever_sample_it_names():
    image = np.random.default_rng(0).integers(0, 60_000, (2, 40, 48)).astype(np.uint16)
    recipe = Recipe(steps=(Denoise(model=model("vae"), show="sample"),), seed=3, sample=9)
    pieces = consensus_of(image, recipe, 3)
    assert next(pieces) == (0, 6)
    found = exhaust(pieces)
    expected = consensus(recipe.apply(image, sample=n) for n in range(3))
    np.testing.assert_array_equal(found.votes, expected.votes)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert 0 < found.votes.mean() < 1
    assert set(np.unique(np.rint(3 * found.votes))) == {0, 1, 2, 3}

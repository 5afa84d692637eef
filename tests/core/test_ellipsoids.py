"""Populations of ellipsoids: sizes and shapes as asked, and none meets another."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.optimize import minimize_scalar

from napari_diversify.core.blocks import whole
from napari_diversify.core.specimens import kernels as specimen_kernels
from napari_diversify.core.specimens.ellipsoids import Ellipsoids, contact
from napari_diversify.core.specimens.morphometry import measure, neighbour_ratio
from napari_diversify.core.specimens.nuclei import Nuclei
from napari_diversify.core.specimens.population import (
    Population,
    draw_axis_ratios,
    draw_diameters,
    draw_directions,
    semi_axes_of,
)

SPACING = {2: (0.3, 0.3), 3: (0.6, 0.4, 0.4)}
FIELD = {2: (700, 700), 3: (80, 160, 160)}
#: As many objects as fit without crowding, of a size that the voxels resolve.
CALM = {
    2: Population(diameter=5.0, density=8.0),
    3: Population(diameter=5.0, density=1.5),
}


def drawn_labels(population, ndim, seed=0, shape=None):
    shape, spacing = shape or FIELD[ndim], SPACING[ndim]
    nuclei = Nuclei(population.draw(shape, spacing, seed), shape, spacing, seed)
    return nuclei.labels(whole(shape))


def neighbours_of_another_label(labels):
    """Voxels that have a voxel of another object beside them, across corners too."""
    size = (3,) * labels.ndim
    high = ndimage.maximum_filter(labels, size, mode="nearest")
    least = np.where(labels == 0, labels.max() + 1, labels)
    low = ndimage.minimum_filter(least, size, mode="nearest")
    return (labels > 0) & ((high > labels) | (low < labels))


# ---- sizes and shapes ----


@pytest.mark.parametrize(("mean", "variation"), [(8.0, 0.0), (8.0, 0.15), (3.0, 0.4), (20.0, 0.6)])
def test_diameters_have_the_mean_and_variation_asked_for(mean, variation):
    found = draw_diameters(40_000, mean, variation, np.random.default_rng(1))
    assert found.mean() == pytest.approx(mean, rel=0.01)
    # sizes cut off at three standard deviations vary a little less
    assert found.std() / found.mean() == pytest.approx(variation, rel=0.06, abs=1e-12)


@pytest.mark.parametrize(("mean", "spread"), [(1.0, 0.3), (1.3, 0.1), (1.8, 0.25), (3.0, 1.0)])
def test_axis_ratios_have_the_mean_and_spread_asked_for(mean, spread):
    found = draw_axis_ratios(40_000, mean, spread, np.random.default_rng(1))
    assert found.min() >= 1
    assert found.mean() == pytest.approx(mean, rel=0.01)
    assert found.std() == pytest.approx(spread if mean > 1 else 0, rel=0.05, abs=1e-12)


@given(st.sampled_from([2, 3]), st.floats(0.5, 50), st.floats(1, 8), st.integers(0, 2**32 - 1))
def test_semi_axes_have_the_volume_and_the_ratio(ndim, diameter, ratio, seed):
    axes = semi_axes_of(np.array([diameter]), np.array([ratio]), ndim, np.random.default_rng(seed))[
        0, :ndim
    ]
    assert (np.diff(axes) <= 1e-9 * axes[0]).all()
    assert axes[0] / axes[-1] == pytest.approx(ratio)
    assert np.prod(axes) == pytest.approx((diameter / 2) ** ndim)


@pytest.mark.parametrize("ndim", [2, 3])
def test_directions_are_at_right_angles(ndim):
    directions = draw_directions(500, ndim, 0.3, np.random.default_rng(0))
    products = directions @ directions.transpose(0, 2, 1)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(3), (500, 3, 3)), atol=1e-12)


def test_directions_point_everywhere_unless_flat():
    any_way = draw_directions(20_000, 3, 0.0, np.random.default_rng(0))
    # the second moments of directions that are spread evenly over the sphere
    for axis in range(3):
        second = np.einsum("ni,nj->ij", any_way[:, axis], any_way[:, axis]) / 20_000
        np.testing.assert_allclose(second, np.eye(3) / 3, atol=0.01)
    flat = draw_directions(100, 3, 1.0, np.random.default_rng(0))
    np.testing.assert_allclose(flat[:, 2], [[1, 0, 0]] * 100, atol=1e-12)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("seed", [1, 2])
def test_labels_have_the_size_shape_and_density_asked_for(ndim, seed):
    asked = replace(CALM[ndim], diameter_variation=0.2, axis_ratio=1.6, axis_ratio_spread=0.25)
    found = measure(drawn_labels(asked, ndim, seed), SPACING[ndim])
    assert found.whole > 200  # so that the tolerances mean something
    assert found.density == pytest.approx(asked.density, rel=0.05)
    assert found.diameter == pytest.approx(asked.diameter, rel=0.04)
    assert found.diameter_variation == pytest.approx(0.2, abs=0.025)
    assert found.axis_ratio == pytest.approx(1.6, rel=0.04)
    assert found.axis_ratio_spread == pytest.approx(0.25, abs=0.05)


# ---- places ----


@st.composite
def two_ellipsoids(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    axes = rng.uniform(0.5, 3.0, (2, 3))
    centres = np.array([np.zeros(3), rng.normal(0, 2, 3)])
    return Ellipsoids(centres, axes, draw_directions(2, 3, 0.0, rng), np.ones(2), 2, 2)


@given(two_ellipsoids())
@settings(max_examples=60, deadline=None)
def test_the_contact_function_is_that_of_perram_and_wertheim(pair):
    full = [
        turn.T @ np.diag(axes**2) @ turn
        for turn, axes in zip(pair.directions, pair.semi_axes, strict=True)
    ]
    apart = pair.centres[1] - pair.centres[0]
    value = minimize_scalar(
        lambda t: -t * (1 - t) * apart @ np.linalg.solve((1 - t) * full[0] + t * full[1], apart),
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-9},
    )
    found = contact(pair.matrices(), pair.centres, np.array([[0, 1]]))[0]
    assert found == pytest.approx(-value.fun, rel=1e-6)


@given(two_ellipsoids())
@settings(max_examples=60, deadline=None)
def test_ellipsoids_of_contact_below_one_share_points_and_others_do_not(pair):
    value = contact(pair.matrices(), pair.centres, np.array([[0, 1]]))[0]
    inverse = pair.matrices(-2)[:, [[0, 3, 4], [3, 1, 5], [4, 5, 2]]]
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(4000, 3))
    ball *= rng.random((4000, 1)) ** (1 / 3) / np.linalg.norm(ball, axis=1, keepdims=True)
    points = pair.centres[0] + (ball * pair.semi_axes[0]) @ pair.directions[0]
    from_other = points - pair.centres[1]
    shared = (np.einsum("ni,ij,nj->n", from_other, inverse[1], from_other) <= 1).any()
    if value > 1:
        assert not shared
    if value < 0.6:  # a narrow overlap may lie between the points
        assert shared


@given(
    st.sampled_from([(0.3, 0.3), (1.0, 0.3), (0.4, 0.4, 0.4), (1.5, 0.4, 0.4), (0.4, 0.4, 1.0)]),
    st.floats(1, 4),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=20, deadline=None)
def test_no_label_touches_another_unless_asked(spacing, axis_ratio, seed):
    ndim = len(spacing)
    crowd = Population(diameter=4.0, axis_ratio=axis_ratio, density={2: 40.0, 3: 8.0}[ndim])
    shape = tuple(round(24 / s) for s in spacing)
    objects = crowd.draw(shape, spacing, seed, tries=60)
    assert len(objects) > 3
    labels = Nuclei(objects, shape, spacing).labels(whole(shape))
    assert not neighbours_of_another_label(labels).any()


@pytest.mark.parametrize("ndim", [2, 3])
def test_overlap_lets_labels_touch_the_more_the_more(ndim):
    crowded = replace(CALM[ndim], density=2.0 * CALM[ndim].density)
    touching = [
        measure(drawn_labels(replace(crowded, overlap=o), ndim), SPACING[ndim]).touching
        for o in (0.0, 0.1, 0.4)
    ]
    assert touching[0] == 0
    assert touching[0] + 0.05 < touching[1] < touching[2] - 0.05


@given(st.floats(0.0, 0.5), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_objects_shrunk_by_the_overlap_never_meet(overlap, seed):
    population = Population(diameter=4.0, axis_ratio=1.8, density=5.0, overlap=overlap)
    objects = population.draw((40, 60, 60), (0.5, 0.5, 0.5), seed, tries=60)
    pairs = np.argwhere(np.triu(np.ones((len(objects),) * 2), 1))
    values = contact(objects.matrices(), objects.centres, pairs)
    assert values.min() >= (1.0 - overlap) ** 2 * (1 - 1e-9)


@pytest.mark.parametrize("ndim", [2, 3])
def test_clustering_brings_neighbours_nearer(ndim):
    field = np.multiply(FIELD[ndim], SPACING[ndim])
    ratios = []
    for share in (0.0, 0.5, 1.0):
        population = replace(CALM[ndim], clustering=share, density=0.5 * CALM[ndim].density)
        found = []
        for seed in range(5):
            centres = population.draw(FIELD[ndim], SPACING[ndim], seed).centres[:, -ndim:]
            found.append(neighbour_ratio(centres, field, population.density / 1000))
        ratios.append(np.mean(found))
    assert ratios[0] > ratios[1] + 0.03
    assert ratios[1] > ratios[2] + 0.03


def test_the_density_is_the_same_at_the_border_as_in_the_middle():
    population = Population(diameter=5.0, density=2.0)
    size = 60.0
    near = far = 0
    for seed in range(10):
        x = population.draw((40, 120, 120), (0.5, 0.5, 0.5), seed).centres[:, 2]
        near += np.count_nonzero(((x >= 0) & (x < 5)) | ((x >= size - 5) & (x < size)))
        far += np.count_nonzero((x >= 25) & (x < 35))
    assert near == pytest.approx(far, rel=0.12)


def test_objects_beyond_the_border_reach_in():
    centres = CALM[3].draw(FIELD[3], SPACING[3], 0).centres
    outside = (centres < 0) | (centres > np.multiply(FIELD[3], SPACING[3]))
    assert outside.any(axis=0).all()


def test_a_layer_holds_all_centres_in_the_middle_of_the_depth():
    population = Population(diameter=5.0, density=1.0, layer=2.0)
    centres = population.draw((80, 200, 200), (0.5, 0.4, 0.4), 1).centres
    assert len(centres) > 30
    assert np.abs(centres[:, 0] - 20.0).max() <= 1.0


def test_where_there_is_no_room_fewer_are_placed_and_it_is_said():
    crowd = Population(diameter=6.0, density=9.0).draw((30, 60, 60), (0.5, 0.5, 0.5), 0, tries=30)
    assert 0 < crowd.placed < crowd.asked
    calm = CALM[3].draw((30, 60, 60), (0.5, 0.5, 0.5), 0)
    assert calm.placed == calm.asked


def test_the_seed_decides_the_population():
    first, again, other = (CALM[3].draw((40, 80, 80), (0.5, 0.4, 0.4), s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.centres, again.centres)
    np.testing.assert_array_equal(first.semi_axes, again.semi_axes)
    assert first.centres.shape != other.centres.shape or (first.centres != other.centres).any()


def test_eight_times_the_objects_take_about_eight_times_as_long():
    population = Population(diameter=6.0, diameter_variation=0.2, density=1.2, axis_ratio=1.5)
    population.draw((8, 16, 16), (0.5, 0.5, 0.5), 0)  # compiled

    def drawn(side):
        start = time.perf_counter()
        objects = population.draw((side,) * 3, (0.5, 0.5, 0.5), 0)
        assert objects.placed == objects.asked
        return len(objects), time.perf_counter() - start

    (few, short), (many, long) = min(drawn(256), drawn(256)), drawn(512)
    assert many > 19_000
    # each compared with all others would take the square
    assert long / short < (many / few) ** 1.6


@pytest.mark.parametrize(
    ("shape", "spacing", "said"),
    [
        ((64,), (0.5,), "shape must be two or three"),
        ((4, 4, 8, 8), (1, 1, 1, 1), "shape must be two or three"),
        ((0, 8), (1, 1), "shape must be two or three"),
        ((8, 8.5), (1, 1), "shape must be two or three"),
        ((8, 8), (1, 1, 1), "spacing must be 2"),
        ((8, 8), (1, -1), "spacing must be 2"),
        ((8, 8), (1, np.nan), "spacing must be 2"),
    ],
)
def test_fields_that_cannot_be_are_refused(shape, spacing, said):
    with pytest.raises(ValueError, match=said):
        Population().draw(shape, spacing, 0)


def test_millions_of_objects_are_refused_before_they_are_drawn():
    with pytest.raises(ValueError, match=r"Lower the density.*smaller"):
        Population(density=5000).draw((1000, 1000, 1000), (1, 1, 1), 0)


def test_drawing_tells_how_far_it_is_and_can_be_left_at_any_piece(monkeypatch):
    population, field = Population(diameter=3, density=30), ((20, 80, 80), (0.5, 0.5, 0.5))
    told = list(population.drawing(*field, 1))
    done, of = (np.array(numbers) for numbers in zip(*told, strict=True))
    assert len(told) > 5
    assert (np.diff(done) > 0).all()
    assert set(of) == {population.draw(*field, 1).asked}
    assert done[-1] <= of[0]
    calls, original = [], specimen_kernels.place
    monkeypatch.setattr(
        specimen_kernels, "place", lambda *given: calls.append(given) or original(*given)
    )
    work = population.drawing(*field, 1)
    next(work)
    work.close()
    assert len(calls) == 1

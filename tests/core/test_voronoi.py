"""Membrane-like cells: they fill space, their walls are bright and as thick as asked."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_diversify.core.blocks import slices, whole
from napari_diversify.core.specimens.membranes import Cells, draw_seeds
from napari_diversify.core.specimens.microscope import Microscope, Texture

SHAPE, SPACING = (20, 60, 70), (0.6, 0.4, 0.4)
SHARP = Microscope(blur=0, axial_blur=0, shading=0, background=0, read_noise=0, gain=1000)


@pytest.fixture(scope="module")
def cells():
    return Cells(draw_seeds(SHAPE, SPACING, diameter=7.0, seed=2), SHAPE, SPACING, seed=2)


@pytest.fixture(scope="module")
def everything(cells):
    field = whole(SHAPE)
    return cells.labels(field), cells.image(field)


def middles(shape, spacing):
    """Places of the voxels in micrometres, shape (..., 3)."""
    lead = 3 - len(shape)
    axes = [(np.arange(n) + 0.5) * s for n, s in zip(shape, spacing, strict=True)]
    grid = np.stack(np.meshgrid(*[np.array([0.5])] * lead, *axes, indexing="ij"), axis=-1)
    return grid.reshape(*shape, 3)


@pytest.mark.parametrize("regularity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [SHAPE, (80, 90)])
def test_a_voxel_belongs_to_the_nearest_seed(shape, regularity):
    spacing = SPACING[-len(shape) :]
    seeds = draw_seeds(shape, spacing, diameter=5.0, regularity=regularity, seed=1)
    labels = Cells(seeds, shape, spacing).labels(whole(shape))
    nearest = cKDTree(seeds).query(middles(shape, spacing))[1]
    np.testing.assert_array_equal(labels, nearest + 1)


def test_walls_lie_halfway_between_seeds(cells):
    far = 0.6
    _, walls = cells.walls(whole(SHAPE), far)
    points, seeds = middles(SHAPE, SPACING).reshape(-1, 3), cells.seeds
    distance, near = cKDTree(seeds).query(points, k=16)
    own = seeds[near[:, 0]]
    # of the planes halfway to each of the next seeds, the nearest
    planes = [
        (distance[:, k] ** 2 - distance[:, 0] ** 2)
        / (2 * np.linalg.norm(seeds[near[:, k]] - own, axis=1))
        for k in range(1, 16)
    ]
    expected = np.minimum(np.min(planes, axis=0), far)
    np.testing.assert_allclose(walls.ravel(), expected, atol=1e-5)
    assert (expected < far).mean() > 0.1


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_region_is_the_same_part_of_the_whole(cells, everything, data):
    region = []
    for n in SHAPE:
        start = data.draw(st.integers(0, n - 1))
        region.append(range(start, data.draw(st.integers(start + 1, n))))
    labels, image = everything
    there = slices(tuple(region))
    assert cells.labels(tuple(region)).tobytes() == labels[there].tobytes()
    assert cells.image(tuple(region)).tobytes() == image[there].tobytes()


def test_cells_have_the_mean_size_asked_for():
    shape, spacing = (600, 600), (0.25, 0.25)
    sizes = []
    for seed in range(3):
        seeds = draw_seeds(shape, spacing, diameter=6.0, seed=seed)
        inside = ((seeds[:, 1:] >= 0) & (seeds[:, 1:] < 150)).all(axis=1).sum()
        sizes.append(2 * math.sqrt(150 * 150 / inside / math.pi))
    assert np.mean(sizes) == pytest.approx(6.0, rel=0.04)


def test_regular_cells_vary_less_in_size():
    shape, spacing = (500, 500), (0.3, 0.3)
    spread = []
    for regularity in (0.0, 0.5, 1.0):
        seeds = draw_seeds(shape, spacing, diameter=6.0, regularity=regularity, seed=3)
        labels = Cells(seeds, shape, spacing).labels(whole(shape))
        cut = np.unique(np.r_[labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        sizes = np.delete(np.bincount(labels.ravel()), cut)
        sizes = sizes[sizes > 0]
        spread.append(sizes.std() / sizes.mean())
    assert spread[0] > spread[1] + 0.05 > spread[2] + 0.1


def test_membranes_are_brighter_than_the_inside(cells, everything):
    _, walls = cells.walls(whole(SHAPE), 2.0)
    image = everything[1].astype(float)
    on, inside = image[walls < 0.2], image[walls > 1.2]
    assert min(on.size, inside.size) > 1000
    assert np.percentile(on, 5) > np.percentile(inside, 95)


@pytest.mark.parametrize("thickness", [0.5, 1.0, 2.0])
def test_membranes_are_as_thick_as_asked(thickness):
    # one flat wall between two seeds, far from any other
    shape, spacing = (5, 400), (0.05, 0.05)
    seeds = np.array([[0.5, 0.1, 4.0], [0.5, 0.1, 16.0]])
    cells = Cells(seeds, shape, spacing, thickness=thickness, texture=Texture(0.0, 1.0), inside=0.0)
    profile = replace(cells, microscope=SHARP).image(whole(shape))[2].astype(float) - 100
    assert np.count_nonzero(profile > profile.max() / 2) * 0.05 == pytest.approx(
        thickness, abs=0.11
    )
    assert abs(profile.argmax() * 0.05 - 10) < 0.2


@given(st.sampled_from([(0.4, 0.4), (0.6, 0.4, 0.4), (1.5, 0.4, 0.4)]), st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_cells_that_are_kept_apart_do_not_touch(spacing, seed):
    shape = tuple(round(20 / s) for s in spacing)
    seeds = draw_seeds(shape, spacing, diameter=6.0, seed=seed)
    labels = Cells(seeds, shape, spacing, thickness=0.1, apart=True).labels(whole(shape))
    assert (labels > 0).any()
    size = (3,) * labels.ndim
    high = ndimage.maximum_filter(labels, size, mode="nearest")
    low = ndimage.minimum_filter(np.where(labels == 0, 2**15, labels), size, mode="nearest")
    assert not ((labels > 0) & ((high > labels) | (low < labels))).any()


def test_a_thicker_membrane_takes_more_of_the_cells():
    seeds = draw_seeds(SHAPE, SPACING, diameter=7.0, seed=0)
    share = [
        (Cells(seeds, SHAPE, SPACING, thickness=t, apart=True).labels(whole(SHAPE)) == 0).mean()
        for t in (0.1, 1.0, 2.0)
    ]
    assert 0 < share[0] < share[1] < share[2] < 1


def test_the_seed_decides_the_cells():
    first, again, other = (draw_seeds(SHAPE, SPACING, diameter=7.0, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_one_cell_may_fill_the_field():
    cells = Cells(np.array([[0.5, 3.0, 3.0]]), (20, 20), (0.3, 0.3), apart=True)
    assert (cells.labels(whole((20, 20))) == 1).all()
    with pytest.raises(ValueError, match="no seeds"):
        Cells(np.empty((0, 3)), (20, 20), (0.3, 0.3))

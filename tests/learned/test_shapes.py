"""Shapes in 3D from pictures in 2D: objects, training, samples, frequency maps, tables."""

from pathlib import Path

import numpy as np
import pytest

from napari_diversify.learned.shapes.cells import CLASSES, synthetic_cells
from napari_diversify.learned.shapes.objects import found_in, in_cubes
from napari_diversify.learned.shapes.simple import cylinder, ellipsoid, iou, tuned
from napari_diversify.learned.training.job import Job, Source, pairs
from napari_diversify.learned.training.settings import ShapesTraining
from napari_diversify.learned.training.shape_objects import divided, objects_of

SMALL = ShapesTraining(width=8, patch=16, batch=2, steps=6, cells=16, precision="float32")


def balls(shape, spacing, places, radius=3.0):
    """Labels of balls, places and radius in micrometres."""
    z, y, x = (np.arange(n) * s + s / 2 for n, s in zip(shape, spacing, strict=True))
    labels = np.zeros(shape, np.uint16)
    for number, (a, b, c) in enumerate(places, start=1):
        inside = (z - a)[:, None, None] ** 2 + (y - b)[:, None] ** 2 + (x - c) ** 2 < radius**2
        labels[inside] = number
    return labels


def task_of(settings=SMALL, seed=0):
    from napari_diversify.learned.training.shapes import Shapes

    objects = objects_of(Job(settings=settings, seed=seed), Path())
    return Shapes(settings, objects, *divided(len(objects), seed), seed)


# ---- objects ----


def test_an_object_is_scaled_by_its_size_in_micrometres_and_not_in_voxels():
    cubes = []
    for spacing in ((0.25, 0.25, 0.25), (0.5, 0.25, 0.2), (0.3, 0.15, 0.15)):
        labels = balls([round(10 / s) for s in spacing], spacing, [(5, 5, 5)])
        found, _ = found_in(labels, None, spacing, "ball")
        cubes.append(in_cubes(found, 32, voxel=0.25).cubes[0])
    assert iou(cubes[0], cubes[1]) > 0.9
    assert iou(cubes[0], cubes[2]) > 0.93
    np.testing.assert_allclose(cubes[2].sum() * 0.25**3, 4 / 3 * np.pi * 27, rtol=0.03)


def test_objects_that_a_border_cuts_are_left_out_and_said():
    labels = balls((20, 20, 40), (1, 1, 1), [(10, 10, 10), (10, 10, 37.5), (1.5, 10, 25)])
    found, why = found_in(labels, None, (1, 1, 1), "stack")
    assert [one.name for one in found] == ["stack 1"]
    assert why == ("stack: 2 objects (2, 3) left out, as the border of the volume cuts them",)


def test_one_huge_object_does_not_shrink_all_others():
    found = []
    for radius in (3, 3, 3, 15):
        labels = balls((34, 34, 34), (1, 1, 1), [(17, 17, 17)], radius)
        found += found_in(labels, None, (1, 1, 1), "a")[0]
    objects = in_cubes(found, 32)
    assert len(objects) == 3
    assert "1 object left out: larger than a cube" in objects.left_out[0]


def test_a_picture_is_the_section_in_focus_or_the_projection():
    # a cone: wide at z = 2, narrow at the top
    labels = np.zeros((12, 24, 24), np.uint8)
    for z in range(2, 10):
        labels[z, z : 24 - z, z : 24 - z] = 1
    image = np.random.default_rng(0).normal(100, 10, labels.shape) + np.arange(12)[:, None, None]
    (section,), _ = found_in(labels, image, (1, 1, 1), "cone")
    (projection,), _ = found_in(labels, image, (1, 1, 1), "cone", "projection")
    assert section.centre[0] == 0.5
    assert projection.centre[0] == 4.0
    assert np.array_equal(section.picture, image[2, 2:22, 2:22])
    assert np.allclose(projection.picture, image[2:10, 2:22, 2:22].mean(0))
    bright = in_cubes(found_in(labels, 7 * image - 50, (1, 1, 1), "cone")[0], 32)
    assert np.allclose(bright.seen, in_cubes([section], 32).seen, atol=1e-4)


def test_synthetic_cells_fill_their_cubes_and_agree_with_their_pictures():
    cells, kinds = synthetic_cells(12, seed=3)
    volumes = [cells.cubes[kinds == k].sum() for k in range(len(CLASSES))]
    assert max(volumes) / min(volumes) > 1.5
    for cube, (mask, picture) in zip(cells.cubes, cells.seen, strict=True):
        assert cube[1:-1, 1:-1, 1:-1].sum() > 0.99 * cube.sum() > 300
        assert iou(cube[15:17].any(0), mask > 0) > 0.85
        assert not picture[mask == 0].any()
    again, _ = synthetic_cells(3, seed=3)
    assert np.array_equal(again.cubes, cells.cubes[:3])


def test_a_tuned_ellipsoid_finds_the_height_of_ellipsoids():
    size = np.array([6, 10, 10])  # semi-axes, in voxels of the cube
    offsets = np.arange(32) - 15.5
    grid = np.stack(np.meshgrid(offsets, offsets, offsets, indexing="ij"), -1)
    cube = np.square(grid / size).sum(-1) <= 1
    mask = cube[15].astype(np.float32)
    assert iou(tuned(ellipsoid, mask[None], [cube])(mask), cube) > 0.9
    assert iou(tuned(cylinder, mask[None], [cube])(mask), cube) < 0.8


# ---- training ----


def test_pictures_and_shapes_are_turned_together():
    task = task_of(SMALL.replace(batch=64))
    agree = [iou(cube[7:9].max(0) > 0, seen[0] > 0) for seen, cube, _ in task._batch_of(0)]
    assert np.mean(agree) > 0.8


def test_a_training_of_shapes_that_was_interrupted_is_the_same():
    import torch

    from napari_diversify.learned.training.loop import Loop

    whole = Loop(task_of(), SMALL, 0)
    list(whole.run())
    first = Loop(task_of(), SMALL, 0)
    for _ in range(3):
        first.take()
    second = Loop(task_of(), SMALL, 0, first.state())
    list(second.run())
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name])


@pytest.mark.parametrize(
    ("labels", "spacing", "words"),
    [
        (balls((10, 10, 10), (1, 1, 1), [(5, 5, 5)], 2.5), (1, 1, 1), "only 1 whole object to"),
        (np.ones((9, 9), np.uint8), (1, 1), "learned from 3D labels"),
        (np.zeros((9, 9, 9), np.uint8), (1, 1, 1), "holds no object"),
        (np.ones((9, 9, 9), np.uint8), (1, 1, 1), "border of the volume cuts"),
        (balls((10, 10, 10), (1, 1, 1), [(5, 5, 5)], 2.5), None, "--voxel-size"),
        (np.ones((9, 9, 9), np.float32), (1, 1, 1), "whole numbers"),
    ],
)
def test_labels_that_nothing_can_be_learned_from_are_answered(tmp_path, labels, spacing, words):
    np.save(tmp_path / "labels.npy", labels)
    source = Source(path=str(tmp_path / "labels.npy"), spacing=spacing)
    with pytest.raises((ValueError, TypeError), match=words):
        divided(
            len(objects_of(Job(labels=(source,), settings=SMALL.replace(cells=0)), tmp_path)), 0
        )


def test_what_a_training_of_shapes_would_see_can_be_looked_at():
    (_, seen, side), *others = pairs(Job(settings=SMALL), 3)
    assert len(others) == 2
    assert seen.shape == side.shape == (16, 16)
    assert set(np.unique(side)) <= {0, 1}
    assert side.any(axis=0).sum() > 3  # along x, where the picture is not empty either
    assert iou(side.any(axis=0), (seen != 0).any(axis=0)) > 0.5


def test_a_job_says_what_is_missing():
    with pytest.raises(ValueError, match=r"give them \(--labels\), or a number of synthetic"):
        Job(settings=SMALL.replace(cells=0))
    with pytest.raises(ValueError, match="2 images and 1 labels"):
        Job(images=(Source(path="a"),) * 2, labels=(Source(path="b"),), settings=SMALL)


def test_a_short_training_draws_better_shapes_than_guesses_with_the_right_height(tmp_path):
    """200 steps, half a minute: far from what it can do, out of reach if anything is wrong."""
    from napari_diversify.learned import read_card
    from napari_diversify.learned.shapes.prediction import Prediction
    from napari_diversify.learned.training.job import prepare
    from napari_diversify.learned.training.running import train

    prepare(tmp_path / "cells", Job(settings=ShapesTraining(steps=200, cells=72)))
    train(tmp_path / "cells")
    card = read_card(tmp_path / "cells")
    rows = {row.method: row.values for row in card.figures}
    ours, guess = rows["majority of 5"], rows["cylinder, its height tuned"]
    assert ours["IoU"] > guess["IoU"] + 0.04
    assert ours["volume error (%)"] < guess["volume error (%)"]
    shares = card.calibration
    assert shares[0] < 0.05 < 0.1 < shares[1] < shares[3] < shares[5]
    assert len(card.trained.objects) == 63
    # and the model predicts for what it has not seen
    cells, _ = synthetic_cells(3, seed=99)
    plane = np.zeros((40, 120))
    plane[4:36, 4:100] = np.hstack([cell[1] + 1 for cell in cells.seen])
    labels = np.zeros(plane.shape, np.uint8)
    labels[4:36, 4:100] = np.hstack([n * cell[0] for n, cell in enumerate(cells.seen, start=1)])
    size = card.shape.voxel
    drawn = Prediction(
        tmp_path / "cells", labels, plane, spacing=(size, size), samples=2, levels=(0, 1)
    )
    volumes = drawn.features()["volume (µm³)"]
    truth = cells.cubes.sum(axis=(1, 2, 3)) * size**3
    np.testing.assert_allclose(volumes, truth, rtol=0.5)

"""Shapes predicted for 2D labels: samples, frequency maps, features, files, and what is refused."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from napari_diversify.files import open_image
from napari_diversify.learned import save
from napari_diversify.learned.card import DiffusionShape, Normalisation, Trained
from napari_diversify.learned.needs import torch
from napari_diversify.learned.shapes.features import NAMES, features
from napari_diversify.learned.shapes.prediction import Prediction

LABELS = np.zeros((40, 44), np.uint16)
LABELS[4:16, 5:15], LABELS[10:24, 15:27], LABELS[26:36, 20:40], LABELS[0:5, 30:40] = 3, 5, 300, 7
IMAGE = np.random.default_rng(0).normal(100, 20, LABELS.shape) + 80 * (LABELS > 0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return made(tmp_path_factory.mktemp("models") / "cells")


def made(folder, **values):
    torch().manual_seed(0)
    from napari_diversify.learned.networks import network

    shape = DiffusionShape(width=8, side=16, voxel=0.5, draws=3, **values)
    net = network(shape)
    assert shape.parameters == sum(p.numel() for p in net.parameters())
    torch().nn.init.normal_(net.last.weight, std=0.3)
    trained = Trained(images=("a",), levels=(-1, 1), settings={}, steps=1, seed=0, versions={})
    save(
        folder,
        net,
        task="shapes",
        shape=shape,
        normalisation=Normalisation(mean=0, std=1),
        trained=trained,
        calibration=(0.0, 0.1, 0.5, 0.7),
    )
    return folder


def drawn(model, **values):
    usual = {"spacing": (0.25, 0.25), "samples": 3, "seed": 7}
    return Prediction(model, LABELS, IMAGE, **{**usual, **values})


def test_the_same_seed_draws_the_same_samples_in_any_order(model):
    first, second = drawn(model), drawn(model)
    backwards = [np.asarray(second.samples[n]) for n in (2, 1, 0)][::-1]
    assert np.array_equal(np.asarray(first.samples), np.stack(backwards))
    assert not np.array_equal(backwards[0], backwards[1])
    assert not np.array_equal(drawn(model, seed=8).samples[0], backwards[0])


def test_an_object_is_drawn_whatever_else_is_in_the_image(model):
    alone = Prediction(
        model,
        np.where(LABELS == 300, 300, 0),
        IMAGE,
        spacing=(0.25, 0.25),
        samples=1,
        seed=7,
        levels=drawn(model).levels,
    )
    assert np.array_equal(alone.cube(0, 0), drawn(model).cube(2, 0))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_region_is_that_part_of_the_whole(model, data):
    shapes = drawn(model)
    for name in ("samples", "frequency", "probability", "majority"):
        array = getattr(shapes, name)
        index = []
        for n in array.shape:
            a, b = sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2)))
            step = data.draw(st.sampled_from([1, 2, -1]))
            index.append(data.draw(st.sampled_from([slice(a, b), slice(None, None, step), a % n])))
        whole = np.asarray(array)
        assert np.array_equal(array[tuple(index)], whole[tuple(index)])
        assert array[tuple(index)].dtype == array.dtype


def test_the_frequency_map_counts_samples_and_the_majority_has_more_than_half(model):
    shapes = Prediction(
        model, np.where(LABELS == 5, 5, 0), IMAGE, spacing=(0.25, 0.25), samples=3, seed=7
    )
    share = (np.asarray(shapes.samples) > 0).mean(axis=0)
    np.testing.assert_allclose(shapes.frequency, share, atol=1e-6)
    assert np.array_equal(np.asarray(shapes.majority) > 0, share > 0.5)
    expected = np.array([0, 0.1, 0.5, 0.7])[(3 * share).round().astype(int)]
    np.testing.assert_allclose(shapes.probability, expected, atol=1e-6)
    assert shapes.size[0] % 2 == 1


def test_features_come_with_their_spread(model):
    shapes = drawn(model)
    table = shapes.features()
    assert list(table["label"]) == [3, 5, 300]
    volumes = [(shapes.cube(1, n) > 0).sum() * 0.125 for n in range(3)]
    np.testing.assert_allclose(table["volume (µm³)"][1], np.mean(volumes))
    np.testing.assert_allclose(table["sd of volume (µm³)"][1], np.std(volumes, ddof=1))


@pytest.mark.parametrize("kind", ["ball", "disc"])
def test_features_are_those_of_the_body(kind):
    z, y, x = np.indices((32, 32, 32)) - 15.5
    semi = (10, 10, 10) if kind == "ball" else (4, 12, 12)
    body = (z / semi[0]) ** 2 + (y / semi[1]) ** 2 + (x / semi[2]) ** 2 <= 1
    found = dict(zip(NAMES, features(body, 0.5), strict=True))
    np.testing.assert_allclose(found["longest axis (µm)"], semi[2], rtol=0.03)
    np.testing.assert_allclose(found["shortest axis (µm)"], semi[0], rtol=0.05)
    np.testing.assert_allclose(found["mean thickness (µm)"], 2 * semi[0] / 3, rtol=0.07)
    assert 0.92 < found["convexity"] <= 1
    assert found["asymmetry along z"] < 1e-9
    if kind == "disc":
        assert found["tilt (degrees)"] < 1
        assert found["sphericity"] < 0.85


def test_a_shape_without_voxels_has_a_volume_and_nothing_else():
    found = features(np.zeros((16, 16, 16), bool), 1.0)
    assert found[0] == 0
    assert np.isnan(found[1:]).all()
    single = np.zeros((16, 16, 16), bool)
    single[8, 8, 8] = True
    assert np.isfinite(features(single, 1.0)).all()


def test_the_command_writes_samples_maps_and_tables(model, tmp_path):
    from napari_diversify.cli.main import main

    np.save(tmp_path / "image.npy", IMAGE)
    np.save(tmp_path / "labels.npy", LABELS)
    words = ["shapes", tmp_path / "image.npy", "--labels", tmp_path / "labels.npy", "-n", "2"]
    words += ["--model", model, "-o", tmp_path / "out", "--voxel-size", "y=0.25,x=0.25"]
    result = CliRunner().invoke(main, [str(word) for word in [*words, "--seed", "7"]])
    assert result.exit_code == 0, result.output
    expected = drawn(model, samples=2)
    for name, array in (("sample_001", expected.samples[1]), ("frequency", expected.frequency)):
        with open_image(tmp_path / "out" / f"{name}.ome.tif") as written:
            assert np.array_equal(np.asarray(written.data[...]), np.asarray(array))
            assert written.header.spacing == (0.25, 0.25, 0.25)
    with open(tmp_path / "out" / "samples.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["sample"]) for row in rows[:3]] == [
        ("3", "0"),
        ("3", "1"),
        ("5", "0"),
    ]
    assert "object 7 left out, as the border" in result.output
    again = CliRunner().invoke(main, [str(word) for word in words])
    assert again.exit_code == 1
    assert "exists and is left as it is" in again.output


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"image": None}, "give the image"),
        ({"labels": np.stack([LABELS] * 3)}, "2D labels"),
        ({"labels": LABELS * 0}, "no object"),
        ({"labels": LABELS.astype(float)}, "whole numbers"),
        ({"image": IMAGE[1:]}, "must have the same"),
        ({"spacing": (2.0, 2.0)}, "larger than the 8 µm"),
        ({"spacing": (0.001, 0.001)}, "smaller than the 0.5 µm of a voxel"),
        ({"samples": 0}, "at least 1 sample"),
    ],
)
def test_what_cannot_be_predicted_for_is_answered(model, values, words):
    usual = {"labels": LABELS, "image": IMAGE, "spacing": (0.25, 0.25)}
    with pytest.raises((ValueError, TypeError), match=words):
        Prediction(model, **{**usual, **values})


def test_the_brightness_of_the_image_does_not_matter(model):
    shapes = drawn(model)
    other = Prediction(model, LABELS, 300 - 2 * IMAGE, spacing=(0.25, 0.25), samples=1, seed=7)
    np.testing.assert_allclose(other._objects[0].seen, shapes._objects[0].seen, atol=1e-4)


def test_another_pixel_size_than_that_of_training_is_said(model):
    notes = drawn(model, spacing=(0.08, 0.08)).notes
    assert any("is the pixel size of 0.08 µm right?" in note for note in notes)


def test_a_model_of_shapes_is_no_step_and_steps_are_no_shapes(model):
    from napari_diversify import Recipe
    from napari_diversify.learned import Denoise
    from tiny_models import model as other

    with pytest.raises(ValueError, match="was trained to shapes"):
        Recipe(steps=(Denoise(model=model),)).apply(IMAGE)
    with pytest.raises(ValueError, match="was trained to denoise"):
        Prediction(other("vae"), LABELS, IMAGE, spacing=(1, 1))

"""The menu command for σ, and the sample data."""

import json

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_diversify.core import local_std
from napari_diversify.recipe import LazyLocalStd, Recipe
from napari_diversify.widgets.commands import (
    degrade_contrast,
    local_std_map,
    lowpass,
    restore_contrast,
    sample_nuclei,
)


@pytest.fixture
def warned(monkeypatch):
    said = []
    monkeypatch.setattr("napari_diversify.widgets.commands.show_warning", said.append)
    return said


def test_the_command_makes_a_sigma_map_of_the_active_layer(make_image, same_bits):
    image = make_image()
    (layer,) = [Layer.create(*one) for one in local_std_map(Image(image, name="cells"))]
    assert layer.name == "cells (σ)"
    assert isinstance(layer.data, LazyLocalStd)
    same_bits(np.asarray(layer.data), local_std(image, 5))


def test_the_sigma_map_of_the_command_lies_where_the_image_lies(make_image):
    source = Image(
        make_image(),
        scale=(2, 0.5, 0.5),
        translate=(1, 2, 3),
        units=("micrometer",) * 3,
        axis_labels=("z", "y", "x"),
    )
    (layer,) = [Layer.create(*one) for one in local_std_map(source)]
    assert layer.scale.tolist() == [2, 0.5, 0.5]
    assert layer.translate.tolist() == [1, 2, 3]
    assert layer.units == source.units
    assert layer.axis_labels == ("z", "y", "x")


def test_the_command_measures_planes_along_time_by_themselves(make_image, same_bits):
    image = make_image()
    ((data, _, _),) = local_std_map(Image(image, axis_labels=("t", "y", "x")))
    same_bits(np.asarray(data), np.stack([local_std(plane, 5) for plane in image]))


def test_the_command_measures_lazily(make_image):
    image = make_image()
    ((data, _, _),) = local_std_map(Image(da.from_array(image, chunks=(2, 11, 32))))
    assert isinstance(data.source, da.Array)
    assert (data[3] == local_std(image, 5)[3]).all()


def test_the_command_measures_every_level_of_a_pyramid(make_image, same_bits):
    levels = [make_image((64, 80)), make_image((32, 40))]
    ((data, keywords, _),) = local_std_map(Image(levels, multiscale=True))
    assert keywords["multiscale"]
    for shown, level in zip(data, levels, strict=True):
        same_bits(np.asarray(shown), local_std(level, 5))


@pytest.mark.parametrize(
    ("image", "word"),
    [(np.zeros((8, 9, 3), "u1"), "RGB"), (np.eye(9, dtype=bool), "bool")],
    ids=["RGB", "bool"],
)
def test_the_command_refuses_in_a_sentence_and_adds_nothing(warned, image, word):
    assert local_std_map(Image(image, name="odd", rgb=image.ndim == 3)) == []
    assert len(warned) == 1
    assert "“odd”" in warned[0]
    assert word in warned[0]


def test_the_sample_is_an_image_with_labels_in_micrometres():
    image, labels = [Layer.create(*one) for one in sample_nuclei()]
    assert isinstance(image, Image)
    assert isinstance(labels, Labels)
    assert (image.name, labels.name) == ("nuclei", "nuclei labels")
    assert image.data.shape == labels.data.shape == (64, 256, 256)
    for layer in (image, labels):
        assert [str(u) for u in layer.units] == ["micrometer"] * 3
        assert layer.axis_labels == ("z", "y", "x")
        assert (layer.scale > 0).all()
        assert len(set(layer.scale)) > 1  # deeper than wide, as microscopes see
    assert (image.scale == labels.scale).all()
    assert len(np.unique(labels.data)) > 10


@pytest.mark.parametrize("command", [degrade_contrast, restore_contrast, lowpass])
def test_a_step_from_the_menu_carries_the_recipe_that_rebuilds_it(command, make_image, same_bits):
    image = make_image()
    source = Image(image, name="cells", scale=(2, 0.5, 0.5), units=("micrometer",) * 3)
    (layer,) = [Layer.create(*one) for one in command(source)]
    recipe = Recipe.from_json(json.dumps(layer.metadata["napari-diversify"]["recipe"]))
    same_bits(np.asarray(layer.data), recipe.apply(image, (2, 0.5, 0.5)))
    assert (np.asarray(layer.data) != image).any()
    assert layer.scale.tolist() == [2, 0.5, 0.5]
    assert layer.contrast_limits == source.contrast_limits


@pytest.mark.parametrize("command", [degrade_contrast, restore_contrast, lowpass])
def test_a_step_from_the_menu_refuses_an_rgb_image(command, warned):
    assert command(Image(np.zeros((40, 40, 3), "uint8"), rgb=True, name="colour")) == []
    assert len(warned) == 1
    assert "RGB" in warned[0]

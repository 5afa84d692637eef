"""A step is a frozen set of parameters that answers bad values with sentences."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.core.diversification.psnr_model import W_V_MAX
from napari_diversify.recipe import Diversify, Recipe


def test_the_neutral_step_of_the_paper_is_the_default():
    step = Diversify()
    assert (step.w_i, step.w_v, step.window, step.stride) == (1, 1, (5, 5, 5), (1, 1, 1))


@given(st.integers(0, 49).map(lambda k: 2 * k + 1), st.integers(1, 16))
def test_one_number_stands_for_all_three_axes(window, stride):
    step = Diversify(window=window, stride=stride)
    assert step.window == (window,) * 3
    assert step.stride == (stride,) * 3
    assert step == Diversify(window=[window] * 3, stride=[stride] * 3)


@pytest.mark.parametrize("value", [0, 4])
def test_the_bounds_of_the_signal_belong_to_it(value):
    assert Diversify(w_i=value).w_i == value


@pytest.mark.parametrize("value", [0, W_V_MAX])
def test_the_bounds_of_the_noise_belong_to_it(value):
    assert Diversify(w_v=value).w_v == value


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"w_i": -0.1}, "w_i must be 0.* or more; got -0.1"),
        ({"w_i": 4.1}, "w_i must be at most 4.*; got 4.1"),
        ({"w_v": -1}, "w_v must be 0.* or more; got -1"),
        ({"w_v": 1e3}, f"w_v must be at most {W_V_MAX}.*; got 1000"),
        ({"w_i": float("nan")}, "w_i must be a finite number; got nan"),
        ({"w_v": float("inf")}, "w_v must be a finite number; got inf"),
        ({"w_i": "much"}, "w_i must be a number; got 'much'"),
        ({"w_i": None}, "w_i must be a number; got None"),
        ({"window": 4}, r"window must be odd.*got \[4, 4, 4\]"),
        ({"window": (5, 6, 5)}, r"window must be odd.*got \[5, 6, 5\]"),
        ({"window": 0}, "window.0 must be 1 or more; got 0"),
        ({"window": (5, 5, -3)}, "window.2 must be 1 or more; got -3"),
        ({"window": 101}, "window.0 must be at most 99; got 101"),
        ({"window": (5, 5.5, 5)}, "window.1 must be a whole number; got 5.5"),
        ({"window": True}, "window must be a list of 3 numbers; got True"),
        ({"stride": 0}, "stride.0 must be 1 or more; got 0"),
        ({"stride": (1, 1, 17)}, "stride.2 must be at most 16; got 17"),
        ({"stride": "x"}, "stride must be a list of 3 numbers; got 'x'"),
        ({"weight": 1}, "Diversify has no parameter 'weight'; it has .*w_i, w_v, window, stride"),
        ({"kind": "blur"}, "kind must be 'diversify'; got 'blur'"),
    ],
)
def test_a_bad_value_is_answered_with_what_is_accepted(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        Diversify(**parameters)


@pytest.mark.parametrize("name", ["window", "stride"])
@pytest.mark.parametrize("value", [(5, 5), (5, 5, 5, 5), ()])
def test_a_tuple_must_have_one_number_per_axis(name, value):
    with pytest.raises(ValueError, match=name) as error:
        Diversify(**{name: value})
    assert "validation error" not in str(error.value)


def test_every_bad_value_gets_a_sentence_of_its_own():
    with pytest.raises(ValueError, match=r"w_i must be .*; w_v must be .*; stride"):
        Diversify(w_i=-1, w_v=-1, stride=0)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"seed": -1}, "seed must be 0 or more; got -1"),
        ({"seed": 2**53}, f"seed must be at most {2**53 - 1}; got {2**53}"),
        ({"seed": 0.5}, "seed must be a whole number; got 0.5"),
        ({"seed": "one"}, "seed must be a whole number; got 'one'"),
        ({"intensity_range": (5, 5)}, r"low < high; got \(5, 5\)"),
        ({"intensity_range": (6, 5)}, r"low < high; got \(6, 5\)"),
        ({"intensity_range": (0, float("inf"))}, "intensity_range.1 must be a finite number"),
        ({"spatial_ndim": 4}, "spatial_ndim must be 2 or 3; got 4"),
        ({"spatial_ndim": 1}, "spatial_ndim must be 2 or 3; got 1"),
        ({"generator": "pcg64"}, "generator must be 'philox4x32-10/1'; got 'pcg64'"),
        ({"colour": "red"}, "Recipe has no parameter 'colour'; it has .*seed"),
        ({"steps": [{"kind": "diversify", "w_i": -1}]}, "w_i must be 0.* or more; got -1"),
        ({"steps": [{"kind": "diversify", "w_x": 1}]}, "Diversify has no parameter 'w_x'"),
    ],
)
def test_a_bad_recipe_is_answered_with_what_is_accepted(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        Recipe(**parameters)


def test_steps_that_are_no_list_are_not_called_numbers():
    with pytest.raises(ValueError, match="steps must be") as error:
        Recipe(steps=5)
    assert not re.search("list of numbers", str(error.value))


@pytest.mark.parametrize("model", [Diversify(), Recipe(steps=(Diversify(),))])
def test_models_cannot_be_changed(model):
    name = next(iter(type(model).model_fields))
    with pytest.raises(ValueError, match="frozen"):
        setattr(model, name, getattr(model, name))


def test_models_are_compared_and_hashed_by_value():
    one, same, other = (Recipe(steps=(Diversify(w_i=w),), seed=3) for w in (0.5, 0.5, 0.6))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert len({one, same, other}) == 2


def test_replace_changes_what_is_named_and_nothing_else():
    step = Diversify(w_i=0.5, window=7)
    assert step.replace(w_v=2.0) == Diversify(w_i=0.5, w_v=2.0, window=7)
    assert step == Diversify(w_i=0.5, window=7)
    with pytest.raises(ValueError, match="w_v must be"):
        step.replace(w_v=-2.0)
    recipe = Recipe(steps=(step,), seed=1)
    assert recipe.replace(seed=2) == Recipe(steps=(step,), seed=2)

"""One recipe turns into many: what is drawn, what it depends on, and what is refused."""

import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from napari_diversify import Recipe
from napari_diversify.core import draw_weights
from napari_diversify.core.diversification.psnr_model import PsnrModel
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Sampling

RECIPE = Recipe(steps=(Diversify(),), seed=5)
CHAIN = Recipe(steps=(DegradeContrast(), Diversify(), LowPass(), LowPass(cutoff=0.9)), seed=5)
WEIGHTS = {"w_i": (0.2, 1.8), "w_v": (0.0, 8.0)}


def sampling(recipe=RECIPE, **settings):
    return Sampling(recipe=recipe, **settings)


def table(made, *names):
    """What is drawn for every sample, a column per name."""
    return np.array([[made.drawn(n)[name] for name in names] for n in range(len(made))])


def model_of(image):
    unit = (image - image.min()) / np.ptp(image)
    return PsnrModel.from_volume(unit, np.full(unit.shape, unit.std()))


# ---- what a strategy draws ----


def test_random_fills_each_range_evenly_and_independently():
    drawn = table(sampling(samples=2000, ranges=WEIGHTS), "diversify.w_i", "diversify.w_v")
    unit = (drawn - [0.2, 0.0]) / [1.6, 8.0]
    for column in unit.T:
        assert stats.kstest(column, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(unit.T)[0, 1]) < 0.06
    lagged = np.corrcoef(unit[:-1, 0], unit[1:, 0])[0, 1]
    assert abs(lagged) < 0.06


@given(
    st.sampled_from(["random", "single_aug"]),
    st.integers(0, 2**32 - 1),
    st.integers(1, 50),
    st.integers(50, 10_000),
)
def test_what_a_sample_draws_does_not_depend_on_how_many_there_are(strategy, seed, few, many):
    recipe = RECIPE.replace(seed=seed)
    a, b = (
        Sampling(recipe=recipe, samples=n, strategy=strategy, ranges=WEIGHTS) for n in (few, many)
    )
    last = few - 1
    assert a.recipe_of(last) == b.recipe_of(last)
    # nor on where counting began
    onwards = Sampling(
        recipe=recipe.replace(sample=last), samples=2, strategy=strategy, ranges=WEIGHTS
    )
    assert onwards.recipe_of(0) == b.recipe_of(last)


def test_other_seeds_draw_other_values():
    first = [
        tuple(sampling(RECIPE.replace(seed=seed), ranges=WEIGHTS).drawn(0).values())
        for seed in range(50)
    ]
    assert len(set(first)) == 50


@pytest.mark.parametrize("strategy", ["random", "structured", "single_aug"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_weights_of_the_core_are_those_of_a_sampling(strategy, n):
    recipe = Recipe(steps=(Diversify(),), seed=1)
    made = Sampling(recipe=recipe, samples=n, strategy=strategy, ranges=WEIGHTS)
    ours = [tuple(made.drawn(k).values()) for k in range(n)]
    assert draw_weights(n, strategy, seed=1).tolist() == [list(pair) for pair in ours]


@given(
    st.sampled_from(["random", "structured", "single_aug"]),
    st.floats(0, 4),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_nothing_is_drawn_outside_its_range(strategy, own, below, above, seed):
    low, high = own * below, own + (4 - own) * above
    recipe = Recipe(steps=(Diversify(w_i=own),), seed=seed)
    made = Sampling(recipe=recipe, samples=5, strategy=strategy, ranges={"w_i": (low, high)})
    for n in range(5):
        value = made.drawn(n)["diversify.w_i"]
        assert low <= value <= high
        assert made.recipe_of(n).steps[0].w_i == value


def test_single_aug_stays_around_the_value_of_the_recipe():
    recipe = Recipe(steps=(Diversify(w_v=6.0),))
    made = Sampling(recipe=recipe, samples=1500, strategy="single_aug", ranges={"w_v": (4, 7)})
    drawn = table(made, "diversify.w_v")[:, 0]
    scale = 2 / 3  # a third of the longer side
    truncated = stats.truncnorm((4 - 6) / scale, (7 - 6) / scale, loc=6, scale=scale)
    assert stats.kstest(drawn, truncated.cdf).pvalue > 0.01


def test_structured_goes_from_end_to_end_the_signal_falling_while_all_else_rises():
    ranges = {"w_i": (0.2, 1.8), "w_v": (0, 8), "contrast.halo": (0.1, 0.5), "3.cutoff": (0.2, 1)}
    made = sampling(CHAIN, samples=5, strategy="structured", ranges=ranges)
    names = ("diversify.w_i", "diversify.w_v", "contrast.halo", "3.cutoff")
    drawn = table(made, *names)
    expected = [
        np.linspace(1.8, 0.2, 5), np.linspace(0, 8, 5), np.linspace(0.1, 0.5, 5),
        np.linspace(0.2, 1, 5),
    ]  # fmt: skip
    np.testing.assert_allclose(drawn, np.transpose(expected))
    assert drawn[0].tolist() == [1.8, 0, 0.1, 0.2]
    assert drawn[-1].tolist() == [0.2, 8, 0.5, 1]


def test_one_structured_sample_is_the_recipe_itself():
    recipe = Recipe(steps=(Diversify(w_i=0.7, w_v=3.0),))
    made = Sampling(recipe=recipe, strategy="structured", ranges=WEIGHTS)
    assert made.recipe_of(0) == recipe


def test_a_grid_holds_every_combination_and_as_many_samples_of_each():
    ranges = {"w_v": (0, 8), "w_i": (0.5, 1.5, 2), "contrast.halo": (0.25, 0.5, 1)}
    made = sampling(CHAIN, samples=2, strategy="grid", ranges=ranges)
    assert len(made) == 2 * 3 * 2 * 1
    drawn = table(made, "contrast.halo", "diversify.w_i", "diversify.w_v")
    combinations = list(itertools.product([0.375], [0.5, 1.5], [0, 4, 8]))
    np.testing.assert_array_equal(drawn, np.repeat(combinations, 2, axis=0))


def test_a_value_of_a_big_grid_is_found_without_building_the_grid():
    made = sampling(strategy="grid", ranges={"w_i": (0.2, 1.8, 300), "w_v": (0, 8, 300)})
    tracemalloc.start()
    try:
        values = made.drawn(len(made) - 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert values["diversify.w_i"] == 1.8
    assert values["diversify.w_v"] == pytest.approx(8 - 8 / 299)
    assert peak < 90_000 * 16  # 90,000 pairs of pointers alone take more


# ---- whole numbers, names ----


def test_whole_numbers_are_drawn_whole_and_each_as_often():
    made = sampling(CHAIN, samples=1200, ranges={"surface": (0, 3)})
    drawn = [made.drawn(n)["contrast.surface"] for n in range(1200)]
    assert {type(value) for value in drawn} == {int}
    assert stats.chisquare(np.bincount(drawn, minlength=4)).pvalue > 0.01
    assert {type(made.recipe_of(n).steps[0].surface) for n in range(9)} == {int}


@pytest.mark.parametrize("strategy", ["random", "structured", "single_aug", "grid"])
def test_whole_numbers_stay_within_a_range_that_ends_between_them(strategy):
    recipe = Recipe(steps=(DegradeContrast(surface=3),))
    made = Sampling(recipe=recipe, samples=9, strategy=strategy, ranges={"surface": (1.5, 4.5)})
    drawn = {made.recipe_of(n).steps[0].surface for n in range(len(made))}
    assert drawn <= {2, 3, 4}
    assert len(drawn) > 1


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("w_v", "diversify.w_v"),
        ("diversify.w_v", "diversify.w_v"),
        ("1.w_v", "diversify.w_v"),
        ("halo", "contrast.halo"),
        ("2.cutoff", "2.cutoff"),
        ("3.taper", "3.taper"),
    ],
)
def test_a_parameter_goes_by_short_and_by_long_names(name, full):
    made = sampling(CHAIN, samples=3, ranges={name: (0.25, 0.75)})
    assert list(made.drawn(2)) == [full]
    changed = made.recipe_of(2)
    for before, after in zip(CHAIN.steps, changed.steps, strict=True):
        fields = type(before).model_fields
        different = {f for f in fields if getattr(before, f) != getattr(after, f)}
        assert different <= {full.split(".")[1]}
    assert changed.replace(steps=CHAIN.steps, sample=CHAIN.sample) == CHAIN


def test_the_order_in_which_ranges_are_given_does_not_matter():
    a = sampling(samples=4, ranges=WEIGHTS)
    b = sampling(samples=4, ranges=dict(reversed(WEIGHTS.items())))
    assert [a.drawn(n) for n in range(4)] == [b.drawn(n) for n in range(4)]


# ---- what is refused ----

REFUSED = {
    "0 samples": ({"samples": 0}, "samples must be 1 or more"),
    "half a sample": ({"samples": 1.5}, "samples must be a whole number"),
    "too many": ({"samples": 10_000_001}, "samples must be at most"),
    "strategy": ({"strategy": "wild"}, "strategy must be 'random', 'structured'"),
    "no such name": ({"ranges": {"w_x": (0, 1)}}, "no number of the recipe goes by the name 'w_x'"),
    "no number": ({"ranges": {"window": (1, 5)}}, "no number of the recipe goes.*'window'"),
    "wrong step": ({"ranges": {"lowpass.w_v": (0, 1)}}, "there are diversify.w_i, diversify.w_v"),
    "step number": ({"ranges": {"1.w_v": (0, 1)}}, "no number of the recipe goes by"),
    "descending": ({"ranges": {"w_v": (3, 1)}}, "goes from low to high; got 3 to 1"),
    "below": (
        {"ranges": {"w_i": (-1, 1)}},
        "the range of w_i goes beyond its bounds: w_i must be 0.0 or more; got -1",
    ),
    "above": ({"ranges": {"w_i": (1, 4.5)}}, "w_i must be at most 4.0; got 4.5"),
    "nan": ({"ranges": {"w_v": (0, float("nan"))}}, "a finite number"),
    "inf": ({"ranges": {"w_v": (0, float("inf"))}}, "a finite number"),
    "one number": ({"ranges": {"w_v": (3,)}}, r"the range of w_v must be \(low, high\)"),
    "a number": ({"ranges": {"w_v": 3}}, r"the range of w_v must be \(low, high\)"),
    "text": ({"ranges": {"w_v": ("a", "b")}}, "must be a number"),
    "count": ({"ranges": {"w_v": (0, 1, 3)}}, "belongs to strategy 'grid'; it is 'random'"),
    "count of 0": (
        {"strategy": "grid", "ranges": {"w_v": (0, 1, 0)}},
        "count must be 1 or more",
    ),
    "twice": ({"ranges": {"w_v": (0, 1), "diversify.w_v": (0, 2)}}, "name a parameter twice"),
    "far from its own": (
        {"strategy": "single_aug", "ranges": {"w_v": (2, 3)}},
        "single_aug draws around the recipe's w_v = 1, which its range 2 to 3 leaves out",
    ),
    "psnr and w_v": ({"psnr": (20,), "ranges": {"w_v": (0, 1)}}, "w_v cannot have a range and be"),
    "psnr and grid": (
        {"psnr": (20,), "strategy": "grid", "ranges": {"w_i": (0, 1)}},
        "either a grid of ranges or target PSNRs",
    ),
    "psnr nan": ({"psnr": (float("nan"),)}, "a finite number"),
    "no steps": ({"recipe": Recipe()}, "the recipe has no steps"),
    "psnr without noise": ({"recipe": Recipe(steps=(LowPass(),)), "psnr": (20,)}, "this has 0"),
    "psnr of two": ({"recipe": Recipe(steps=(Diversify(),) * 2), "psnr": (20,)}, "this has 2"),
    "past the last number": (
        {"recipe": RECIPE.replace(sample=2**32 - 2), "samples": 3},
        r"sample numbers end at 2\*\*32 - 1",
    ),
    "which of two": (
        {"recipe": CHAIN, "ranges": {"cutoff": (0.1, 1)}},
        "several parameters go by the name 'cutoff'.*2.cutoff.*3.cutoff",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(kind):
    settings, said = REFUSED[kind]
    with pytest.raises(ValueError, match=said):
        Sampling(**{"recipe": RECIPE, **settings})


def test_the_last_sample_number_can_be_used():
    made = sampling(RECIPE.replace(sample=2**32 - 2), samples=2, ranges=WEIGHTS)
    assert made.recipe_of(1).sample == 2**32 - 1


@pytest.mark.parametrize("number", [-1, 3, 100])
def test_a_sample_that_there_is_not_is_refused(number):
    made = sampling(samples=3, ranges=WEIGHTS)
    for ask in (made.drawn, made.recipe_of):
        with pytest.raises(ValueError, match="number must be from 0 to 2"):
            ask(number)


def test_a_range_may_reach_whatever_the_recipe_itself_accepts():
    recipe = Recipe(steps=(DegradeContrast(scattering_length=0.005),))
    made = Sampling(
        recipe=recipe, strategy="single_aug", ranges={"scattering_length": (0.001, 1.0)}
    )
    assert 0.001 <= made.drawn(0)["contrast.scattering_length"] <= 1


# ---- target PSNRs ----


def test_each_target_has_as_many_samples_and_w_v_is_solved_for_it():
    image = np.random.default_rng(0).random((8, 32, 32))
    model = model_of(image)
    made = sampling(samples=2, psnr=(25, 15), ranges={"w_i": (0.9, 1.1)})
    assert len(made) == 4
    assert [made.target(n) for n in range(4)] == [25, 25, 15, 15]
    for n in range(4):
        step = made.recipe_of(n, model).steps[0]
        assert step.w_i == made.drawn(n)["diversify.w_i"]
        reached = model.expected(step.w_i, step.w_v)
        assert reached == pytest.approx(made.target(n), abs=0.05)
    with pytest.raises(ValueError, match="its PsnrModel is missing"):
        made.recipe_of(0)
    assert sampling(samples=2).target(1) is None


def test_a_target_out_of_reach_is_told_with_what_can_be_reached():
    model = model_of(np.random.default_rng(0).random((8, 32, 32)))
    with pytest.raises(ValueError, match=r"a PSNR of 1 dB is out of reach.*between .* and .* dB"):
        sampling(psnr=(1,)).recipe_of(0, model)


# ---- noise, and as data ----


def test_samples_differ_in_noise_and_number_and_in_nothing_else(make_image):
    image = make_image((3, 12, 14))
    made = sampling(samples=3)
    recipes = [made.recipe_of(n) for n in range(3)]
    assert [recipe.sample for recipe in recipes] == [0, 1, 2]
    assert {recipe.replace(sample=0) for recipe in recipes} == {RECIPE}
    results = [recipe.apply(image).tobytes() for recipe in recipes]
    assert len(set(results)) == 3
    assert results[2] == RECIPE.apply(image, sample=2).tobytes()


SAMPLINGS = [
    sampling(samples=4),
    sampling(samples=4, ranges=WEIGHTS, strategy="single_aug"),
    sampling(CHAIN, samples=4, ranges={"w_i": (0.1, 2, 3), "2.cutoff": (0.1, 1)}, strategy="grid"),
    sampling(psnr=(30, 12.5), ranges={"w_i": (0.5, 1)}),
]


@pytest.mark.parametrize("made", SAMPLINGS)
def test_a_sampling_survives_json_and_pickle(made):
    again = [
        Sampling.model_validate_json(made.model_dump_json()),
        Sampling(**made.model_dump(mode="json")),
        pickle.loads(pickle.dumps(made)),
    ]
    for other in again:
        assert other == made
        assert [other.drawn(n) for n in range(len(made))] == [
            made.drawn(n) for n in range(len(made))
        ]

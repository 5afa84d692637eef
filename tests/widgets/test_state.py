"""All that is set in the dock is one frozen object, and what is shown a function of it: no Qt."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given as _given
from hypothesis import settings
from hypothesis import strategies as st

from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Recipe, Restore
from napari_diversify.widgets.diversify.resolve import (
    COMPARISONS,
    OF_THE_LAST,
    Facts,
    ViewKey,
    noisy_card,
    recipe_of,
    recipe_shown,
    resolve,
    settled,
)
from napari_diversify.widgets.diversify.state import Card, Key, State


def given(*strategies):
    """Fewer examples than usual: each is a whole history of wishes."""
    return lambda test: settings(max_examples=40)(_given(*strategies)(test))


KINDS = {
    "contrast": DegradeContrast,
    "diversify": Diversify,
    "restore": Restore,
    "lowpass": LowPass,
}

steps = st.one_of(
    st.builds(Diversify, w_i=st.floats(0, 4), w_v=st.floats(0, 8)),
    st.builds(LowPass, cutoff=st.floats(0.01, 2), taper=st.floats(0, 1)),
    st.builds(DegradeContrast, extra_depth=st.floats(0, 200), noise=st.booleans()),
    st.builds(Restore, depth=st.floats(0, 200), iterations=st.integers(0, 9)),
)
ranges = st.one_of(st.none(), st.tuples(st.floats(-1e6, 0), st.floats(1e-3, 1e6)))
recipes = st.builds(
    Recipe,
    steps=st.lists(steps, max_size=8).map(tuple),
    seed=st.integers(0, 2**53 - 1),
    sample=st.integers(0, 2**32 - 1),
    intensity_range=ranges,
    spatial_ndim=st.sampled_from((None, 2, 3)),
)
facts = st.builds(
    Facts,
    ndim=st.integers(0, 5),
    suggested_ndim=st.sampled_from((2, 3)),
    intensity_range=st.one_of(st.none(), st.tuples(st.floats(-10, 10), st.floats(-10, 10))),
)


@st.composite
def states(draw):
    """Any state that wishes can lead to."""
    state = State.first().with_recipe(draw(recipes)) if draw(st.booleans()) else State.first()
    for _ in range(draw(st.integers(0, 8))):
        keys = [card.key for card in state.cards]
        wish = draw(st.sampled_from(("add", "remove", "move", "edit", "compare", "auto", "setup")))
        if wish == "add":
            state, _ = state.add(draw(st.sampled_from(sorted(KINDS))))
        elif wish == "compare":
            state = state.with_compared(draw(st.sets(st.sampled_from(COMPARISONS))))
        elif wish == "auto":
            state = state.with_automatic(draw(st.booleans()), settled(state, draw(facts)))
        elif wish == "setup":
            state = state.with_setup(seed=draw(st.integers(0, 99)))
        elif not keys:
            continue
        elif wish == "remove":
            state = state.remove(draw(st.sampled_from(keys)))
        elif wish == "move":
            state = state.move(draw(st.sampled_from(keys)), draw(st.integers(-2, 12)))
        else:
            card = state.card(draw(st.sampled_from(keys)))
            names = sorted(view.name for view in card.step.views)
            views = draw(st.sets(st.sampled_from(names))) if names else set()
            state = state.edit(
                card.key,
                live=draw(st.booleans()),
                reads_image=draw(st.booleans()),
                views=frozenset(views),
            )
    return state


def test_neither_state_nor_resolve_loads_qt():
    program = (
        "import sys, napari_diversify.widgets.diversify.resolve as _;"
        "print([m for m in ('qtpy', 'napari', 'PyQt6', 'PySide6', 'superqt') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr


def test_a_state_is_frozen():
    with pytest.raises(FrozenInstanceError):
        State.first().automatic = False


def test_a_new_dock_has_three_steps_of_which_one_is_open_and_live():
    cards = State.first().cards
    assert [card.step.kind for card in cards] == ["contrast", "diversify", "lowpass"]
    assert [card.live for card in cards] == [card.open for card in cards] == [False, True, False]


@given(states())
def test_cards_have_keys_of_their_own(state):
    keys = [card.key for card in state.cards]
    assert len(set(keys)) == len(keys)
    layers = [card.layer_of(view) for card in state.cards for view in names_of(card)]
    assert len(set(layers)) == len(layers)


def names_of(card):
    return ["", *(view.name for view in card.step.views)]


@given(states(), recipes)
def test_any_recipe_can_be_shown(state, recipe):
    shown = state.with_recipe(recipe)
    assert recipe_shown(shown, Facts()) == recipe
    assert recipe_shown(shown.with_recipe(recipe), Facts()) == recipe
    # what belongs to the recipe is live and chained; of other kinds one card stays, not live
    others = [card for card in shown.cards if not card.live]
    used = {step.kind for step in recipe.steps}
    assert used.isdisjoint(card.step.kind for card in others)
    assert len({card.step.kind for card in others}) == len(others)
    if recipe.steps:
        assert {card.step.kind for card in state.cards} <= used | {c.step.kind for c in others}
    else:
        assert not shown.cards


@given(states(), facts)
def test_what_is_shown_follows_from_what_is_live(state, known):
    shown = resolve(state, known)
    for card in state.cards:
        key = ViewKey(card.key)
        assert (key in shown) == card.live
        for view in card.step.views:
            assert (ViewKey(card.key, view.name) in shown) == (view.name in card.views)
        recipe = recipe_of(state, known, card.key)
        assert recipe.steps[-1] == card.step
        if key in shown:
            assert shown[key].recipe == recipe
    for name in COMPARISONS:
        there = ViewKey(OF_THE_LAST, name) in shown
        assert there == (name in state.compared and bool(state.live()))
    assert {recipe.recipe.replace(steps=()) for recipe in shown.values()} <= {settled(state, known)}


@given(states(), facts)
def test_a_step_works_on_the_live_one_above_unless_it_reads_the_image(state, known):
    for n, card in enumerate(state.cards):
        steps = recipe_of(state, known, card.key).steps
        above = [c for c in state.cards[:n] if c.live]
        if card.reads_image or not above:
            assert steps == (card.step,)
        else:
            assert steps == (*recipe_of(state, known, above[-1].key).steps, card.step)


@given(states(), facts)
def test_a_card_that_is_not_live_changes_nothing_that_is_shown(state, known):
    idle = [card for card in state.cards if not card.live and not card.views]
    for card in idle:
        assert resolve(state.remove(card.key), known) == resolve(state, known)


@given(states(), st.integers(-3, 12))
def test_moving_a_card_there_and_back_changes_nothing(state, place):
    for n, card in enumerate(state.cards):
        moved = state.move(card.key, place)
        assert sorted(c.key for c in moved.cards) == sorted(c.key for c in state.cards)
        assert moved.move(card.key, n) == state


@given(states(), st.sampled_from(sorted(KINDS)))
def test_a_step_that_is_added_is_open_and_live_and_can_be_removed_again(state, kind):
    more, key = state.add(kind)
    assert more.card(key).live
    assert more.card(key).open
    assert more.remove(key) == state
    ranks = [card.step.rank for card in State.first().add(kind)[0].cards]
    assert ranks == sorted(ranks)


@given(states(), facts)
def test_the_range_is_the_images_own_where_it_is_automatic(state, known):
    limits = settled(state, known).intensity_range
    if not state.automatic:
        assert limits == state.setup.intensity_range
    elif known.intensity_range and known.intensity_range[0] < known.intensity_range[1]:
        assert limits == known.intensity_range
    else:
        assert limits is None


@given(states(), facts)
def test_a_range_is_kept_when_it_is_no_more_automatic(state, known):
    fixed = state.with_automatic(False, settled(state, known))
    assert settled(fixed, known).intensity_range == settled(state, known).intensity_range


@pytest.mark.parametrize("ndim", [2, 3, 4])
def test_axes_are_those_that_the_image_suggests_unless_chosen_for_it(ndim):
    known = Facts(ndim, 2, (0.0, 1.0))
    state = State.first().for_image("one", ndim)
    assert settled(state, known).spatial_ndim == 2
    chosen = state.with_setup(spatial_ndim=3).with_axes_of("one")
    assert settled(chosen, known).spatial_ndim == (2 if ndim == 2 else 3)
    assert settled(chosen.for_image("one", ndim), known).spatial_ndim == (2 if ndim == 2 else 3)
    assert settled(chosen.for_image("other", ndim), known).spatial_ndim == 2


def test_axes_of_a_recipe_count_for_the_first_image_to_come():
    state = State.first().with_recipe(Recipe(steps=(LowPass(),), spatial_ndim=2))
    state = state.for_image("one", 3)
    assert settled(state, Facts(3, 3, (0.0, 1.0))).spatial_ndim == 2
    assert settled(state.for_image("next", 3), Facts(3, 3, (0.0, 1.0))).spatial_ndim == 3


@given(states())
def test_the_noise_that_is_explored_is_the_last_in_what_is_shown(state):
    card = noisy_card(state)
    noisy = [c for c in state.cards if c.step.noise_weight]
    assert (card is None) == (not noisy)
    live = state.live()
    chain = [c for c in state.chain(live[-1]) if c.step.noise_weight] if live else []
    if chain:
        assert card == chain[-1]


def test_what_is_switched_off_is_named_by_card_and_view():
    state = State(cards=(Card(LowPass(), live=True, views=frozenset({"removed", "hidden"})),))
    state = replace(state, compared=frozenset({"split"}))
    key = Key("lowpass")
    assert state.without(key, "removed").card(key).views == {"hidden"}
    assert not state.without(key, "").card(key).live
    assert not state.without(OF_THE_LAST, "split").compared

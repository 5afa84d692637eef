"""What a dock goes on with: the state that live layers tell, where no dock has left one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...recipe import Recipe
from ...recipe.provenance import Provenance
from ...recipe.steps.registry import kinds
from ..live.layers import entry_of, waits
from ..live.ours import role_of
from ..live.views import KINDS
from ..qt.preferences import preference
from .resolve import COMPARISONS, OF_THE_LAST, ViewKey
from .state import Key, State


def all_views(state: State) -> dict[ViewKey, str]:
    """The name of the layer of everything that could be shown."""
    views = {ViewKey(OF_THE_LAST, name): name for name in COMPARISONS}
    for card in state.cards:
        for name in ("", *(extra.name for extra in card.step.views)):
            views[ViewKey(card.key, name)] = card.layer_of(name)
    return views


def carried_on(state: State, there: Mapping[ViewKey, Any], *, spared: bool, first: bool) -> State:
    """The state in which what is switched on is what its layers tell.

    Parameters
    ----------
    state : State
    there : mapping of ViewKey to napari layer
        Layers that were left behind.
    spared : bool
        Whether views without a layer stay switched on: it went for another reason than the user
        deleting it.
    first : bool
        Whether another dock left the layers: then those that are visible are live.
    """
    for key in all_views(state):
        on = _is_on(state, key)
        layer = there.get(key)
        if layer is None:
            if on and not (spared and KINDS[key.name].stays):
                state = state.without(key.card, key.name)
        elif first and not on and key.name != "split" and (layer.visible or waits(layer)):
            state = _switched_on(state, key)
    return state


def _is_on(state: State, key: ViewKey) -> bool:
    if not key.card.kind:
        return key.name in state.compared
    card = state.card(key.card)
    return card.live if not key.name else key.name in card.views


def _switched_on(state: State, key: ViewKey) -> State:
    if not key.card.kind:
        return state.with_compared(state.compared | {key.name})
    if not key.name:
        return state.edit(key.card, live=True)
    return state.edit(key.card, views=state.card(key.card).views | {key.name})


def told_by(layers: Iterable[Any]) -> tuple[State, str]:
    """The state of a new dock in a viewer with live layers that no dock has left a state for.

    With it a sentence on the layer whose settings could not be read; empty if there is none.
    """
    state = State.first()
    usual = ", ".join(card.step.kind for card in state.cards if card.open)
    opened = {kind.strip() for kind in preference("dock", "open_sections", usual).split(",")}
    for card in state.cards:
        state = state.edit(card.key, open=card.step.kind in opened)
    told, problem = {}, ""
    for layer in layers:
        key = _card_of(role_of(layer))
        if key is None:
            continue
        try:
            told[key] = _recipe_in(layer)
        except ValueError as error:
            problem = f"The settings of “{layer.name}” could not be read: {error}."
    if not told:
        return state, problem
    longest = max(told.values(), key=lambda recipe: len(recipe.steps))
    state = state.with_recipe(longest)
    chained = {card.key for card in state.cards if card.live}
    for key, recipe in told.items():
        if key in {card.key for card in state.cards} - chained:
            state = state.edit(key, step=recipe.steps[-1], live=True, reads_image=True)
    return state, problem


def _card_of(role: str | None) -> Key | None:
    """The card whose result a layer of this role shows."""
    for kind, step in kinds().items():
        name, _, number = (role or "").rpartition(" ")
        if role == step.layer:
            return Key(kind)
        if name == step.layer and number.isdigit():
            return Key(kind, int(number))
    return None


def _recipe_in(layer: Any) -> Recipe:
    entry = entry_of(layer)
    recipe = Recipe.of_values(entry.get("recipe"))  # says best what is wrong with it
    if not recipe.steps:
        raise ValueError("its recipe has no steps")
    shown: Recipe = recipe.replace(sample=Provenance.read(entry).number)
    return shown

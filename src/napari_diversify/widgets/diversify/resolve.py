"""What there is to be shown of a state: a pure function of it and of what is known of the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...analysis.measure import Windows
from ...recipe import Recipe
from .state import Card, Key, State


class ViewKey(NamedTuple):
    """What a view is known by: the card it belongs to, and its name; "" is the card's result."""

    card: Key
    name: str = ""


#: The card of comparisons, which belong to whichever is the last that is live.
OF_THE_LAST = Key("", 0)
COMPARISONS = ("difference", "split")


@dataclass(frozen=True)
class Facts:
    """What is known of the image that is worked on.

    Attributes
    ----------
    ndim : int
        How many axes it has; 0 where there is no image, or none that can be used.
    suggested_ndim : 2 or 3
        How many of its last axes are space, by its labels and units.
    intensity_range : (float, float) or None
        Its lowest and highest grey level; None as long as they are not known.
    """

    ndim: int = 0
    suggested_ndim: int = 3
    intensity_range: tuple[float, float] | None = None

    @property
    def known(self) -> bool:
        """Whether there is an image, and its range is known."""
        return self.ndim > 0 and self.intensity_range is not None


@dataclass(frozen=True)
class Shown:
    """What a view has to show: under which name, and of which recipe."""

    layer: str
    recipe: Recipe


def settled(state: State, facts: Facts) -> Recipe:
    """The recipe without steps, with the range and the axes that count for the image."""
    setup = state.setup
    changes: dict[str, object] = {}
    if state.automatic:  # of an image of one value there is none
        low, high = facts.intensity_range or (0.0, 0.0)
        changes["intensity_range"] = (low, high) if low < high else None
    if facts.ndim == 2 or (facts.ndim and setup.spatial_ndim is None):
        changes["spatial_ndim"] = facts.suggested_ndim
    recipe: Recipe = setup.replace(**changes) if changes else setup
    return recipe


def recipe_of(state: State, facts: Facts, key: Key) -> Recipe:
    """What the layer of a card shows, or would show."""
    steps = tuple(card.step for card in state.chain(key))
    recipe: Recipe = settled(state, facts).replace(steps=steps)
    return recipe


def recipe_shown(state: State, facts: Facts) -> Recipe:
    """What the last live card shows; if none is live, what the last open one would."""
    key = state.current()
    return settled(state, facts) if key is None else recipe_of(state, facts, key)


@dataclass(frozen=True)
class Wish:
    """What has to be measured of the image.

    Attributes
    ----------
    windows : tuple of (window, stride)
        Of each σ that noise is in proportion to.
    spatial_ndim : 2 or 3
    intensity_range : (float, float) or None
        A given range; None: the image's own.
    """

    windows: tuple[Windows, ...]
    spatial_ndim: int
    intensity_range: tuple[float, float] | None


def wish_of(state: State, facts: Facts) -> Wish:
    """What has to be measured of the image, for what is set."""
    windows = {c.step.windows: None for c in state.cards if c.step.noise_weight is not None}
    given = None if state.automatic else state.setup.intensity_range
    return Wish(tuple(windows), settled(state, facts).spatial_ndim or 2, given)


def noisy_card(state: State) -> Card | None:
    """The card whose noise is explored: the last in what is shown, or else the last there is."""
    live = state.live()
    chain = state.chain(live[-1]) if live else ()
    others = [card for card in state.cards if card.live]
    for card in (*chain[::-1], *others[::-1], *state.cards[::-1]):
        if card.step.noise_weight is not None:
            return card
    return None


def resolve(state: State, facts: Facts) -> Mapping[ViewKey, Shown]:
    """What has to be shown, by view, as soon as the range of the image is known."""
    setup = settled(state, facts)
    shown: dict[ViewKey, Shown] = {}
    for card in state.cards:
        names = [extra.name for extra in card.step.views if extra.name in card.views]
        if not card.live and not names:
            continue
        steps = tuple(above.step for above in state.chain(card.key))
        recipe = setup.replace(steps=steps)
        for name in (*([""] if card.live else []), *names):
            shown[ViewKey(card.key, name)] = Shown(card.layer_of(name), recipe)
    if state.compared and (live := state.live()):
        last = shown[ViewKey(live[-1])].recipe
        for name in COMPARISONS:
            if name in state.compared:
                shown[ViewKey(OF_THE_LAST, name)] = Shown(name, last)
    return shown

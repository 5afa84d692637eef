"""Everything that the user has set in a dock, as one frozen object, and how it may change.

Nothing here knows of Qt or napari. Widgets wish for changes; the dock swaps one state for the
next; :mod:`.resolve` says what there is to be shown of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ...recipe import Recipe
from ...recipe.steps.registry import AnyStep, find, kinds


class Key(NamedTuple):
    """What a card is known by for as long as it exists: two cards may be of one kind."""

    kind: str
    number: int = 1


@dataclass(frozen=True)
class Card:
    """A step of the chain as the dock shows it.

    Attributes
    ----------
    step : Step
    number : int
        1 or more; different for cards of one kind.
    live : bool
        Whether its result is shown, and cards below work on it.
    reads_image : bool
        Whether it works on the image itself, and not on the result of the live card above.
    open : bool
        Whether its parameters are in sight.
    views : frozenset of str
        Names of the :class:`.ExtraView` that are shown.
    """

    step: AnyStep
    number: int = 1
    live: bool = False
    reads_image: bool = False
    open: bool = False
    views: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """Kind and number."""
        return Key(self.step.kind, self.number)

    @property
    def title(self) -> str:
        """What the card is called."""
        return self._numbered(self.step.title)

    def layer_of(self, view: str = "") -> str:
        """What the layer of its result, or of an extra view, is called."""
        names = {extra.name: extra.layer for extra in self.step.views}
        return self._numbered(names[view] if view else self.step.layer)

    def _numbered(self, text: str) -> str:
        return text if self.number == 1 else f"{text} {self.number}"


@dataclass(frozen=True)
class State:
    """All that the user has set.

    Attributes
    ----------
    setup : Recipe
        Seed, sample, range and axes; no steps. Axes that are None are those that the image
        suggests; the range counts if it is not ``automatic``.
    cards : tuple of Card
        Top to bottom.
    automatic : bool
        Whether the range is that of the image, whichever it is.
    compared : frozenset of str
        Which comparisons are shown in layers of their own: "split", "difference".
    axes_of : hashable
        The image that the axes were chosen for; "next" for the first to come.
    """

    setup: Recipe = field(default_factory=Recipe)
    cards: tuple[Card, ...] = ()
    automatic: bool = True
    compared: frozenset[str] = frozenset()
    axes_of: Any = None

    @classmethod
    def first(cls) -> State:
        """What a new dock begins with."""
        offered = [kind for kind in kinds().values() if kind.at_first]
        return cls(
            cards=tuple(
                Card(new_step(kind.model_fields["kind"].default), live=live, open=live)
                for kind in offered
                for live in (kind.at_first == "live",)
            )
        )

    # ---- what it says ----

    def card(self, key: Key) -> Card:
        """The card of this key; KeyError if there is none."""
        return self.cards[self.index(key)]

    def index(self, key: Key) -> int:
        """Where a card stands, from the top; KeyError if there is none."""
        for n, card in enumerate(self.cards):
            if card.key == key:
                return n
        raise KeyError(key)

    def live(self) -> tuple[Key, ...]:
        """Keys of the cards that are live, top to bottom."""
        return tuple(card.key for card in self.cards if card.live)

    def current(self) -> Key | None:
        """The card whose result is the recipe: the last that is live, else open, else there."""
        for chosen in ("live", "open", "step"):
            keys = [card.key for card in self.cards if getattr(card, chosen)]
            if keys:
                return keys[-1]
        return None

    def chain(self, key: Key) -> tuple[Card, ...]:
        """The cards whose steps make the result of a card: itself last, live or not."""
        n = self.index(key)
        chain = [self.cards[n]]
        for above in reversed(self.cards[:n]):
            if chain[0].reads_image:
                break
            if above.live:
                chain.insert(0, above)
        return tuple(chain)

    # ---- what may change ----

    def edit(self, key: Key, **changes: Any) -> State:
        """The state with other attributes of a card."""
        n = self.index(key)
        return self._with_cards(
            [*self.cards[:n], replace(self.cards[n], **changes), *self.cards[n + 1 :]]
        )

    def with_measured(self, values: Mapping[str, Any]) -> State:
        """The state in which every step that has these parameters takes these values."""
        return self._with_cards(
            replace(card, step=card.step.replace(**values))
            if values.keys() <= type(card.step).model_fields.keys()
            else card
            for card in self.cards
        )

    def add(self, kind: str) -> tuple[State, Key]:
        """The state with one more card, open and live, where its kind usually stands; its key."""
        card = Card(new_step(kind), self._free_number(kind), live=True, open=True)
        return self._with_cards(_inserted(self.cards, card)), card.key

    def without(self, key: Key, view: str) -> State:
        """The state with a view switched off: "" is the result of the card."""
        if not key.kind:
            return self.with_compared(self.compared - {view})
        card = self.card(key)
        return self.edit(key, live=False) if not view else self.edit(key, views=card.views - {view})

    def with_compared(self, compared: Iterable[str]) -> State:
        """The state with these comparisons shown."""
        return replace(self, compared=frozenset(compared))

    def with_setup(self, **values: Any) -> State:
        """The state with other values for the image as a whole; a range is then a given one."""
        automatic = self.automatic and "intensity_range" not in values
        return replace(self, setup=self.setup.replace(**values), automatic=automatic)

    def with_automatic(self, automatic: bool, shown: Recipe) -> State:
        """The state with the image's own range, or with the one that is shown as a given one.

        As long as none is shown the range stays automatic.
        """
        limits = (self.setup if automatic else shown).intensity_range
        if limits is None:
            return replace(self, automatic=True)
        return replace(self, setup=self.setup.replace(intensity_range=limits), automatic=automatic)

    def with_axes_of(self, image: Any) -> State:
        """The state whose axes were chosen for this image."""
        return replace(self, axes_of=image)

    def remove(self, key: Key) -> State:
        """The state without a card."""
        return self._with_cards(card for card in self.cards if card.key != key)

    def move(self, key: Key, to: int) -> State:
        """The state with a card in another place, counted from the top."""
        others = [card for card in self.cards if card.key != key]
        to = min(max(to, 0), len(others))
        return self._with_cards([*others[:to], self.card(key), *others[to:]])

    def with_recipe(self, recipe: Recipe) -> State:
        """The state that shows a recipe: its steps are live, each on the result of the one before.

        Cards of kinds that the recipe does not have stay, one of each, and are not live; a recipe
        without steps leaves none.
        """
        spare = list(self.cards)
        cards: list[Card] = []
        for step in recipe.steps:
            card = next((c for c in spare if c.step.kind == step.kind), None)
            if card is None:
                number = sum(c.step.kind == step.kind for c in cards) + 1
                cards.append(Card(step, number, live=True, open=not self.cards))
            else:
                spare.remove(card)
                cards.append(replace(card, step=step, live=True, reads_image=False))
        cards = _with_spare(_numbered(cards), spare, self.cards) if cards else []
        return replace(
            self,
            setup=recipe.replace(steps=()),
            cards=tuple(cards),
            automatic=recipe.intensity_range is None,
            axes_of="next" if recipe.spatial_ndim is not None else None,
        )

    def for_image(self, image: Any, ndim: int) -> State:
        """The state when another image is chosen: axes that were chosen for one are its own."""
        if self.axes_of == "next" and ndim > 2:
            return replace(self, axes_of=image)
        if self.axes_of not in (None, image) or (ndim == 2 and self.axes_of != "next"):
            return replace(self, setup=self.setup.replace(spatial_ndim=None), axes_of=None)
        return self

    # ---- private ----

    def _with_cards(self, cards: Iterable[Card]) -> State:
        new = tuple(cards)
        return self if new == self.cards else replace(self, cards=new)

    def _free_number(self, kind: str) -> int:
        taken = {card.number for card in self.cards if card.step.kind == kind}
        return next(n for n in range(1, len(taken) + 2) if n not in taken)


def new_step(kind: str) -> AnyStep:
    """A step as a new card has it."""
    step = find(kind)
    if step is None:
        raise KeyError(kind)
    return step(**step.begins_with)


def _inserted(cards: Sequence[Card], card: Card) -> list[Card]:
    """Cards with another one before the first that usually comes later."""
    at = next((n for n, c in enumerate(cards) if c.step.rank > card.step.rank), len(cards))
    return [*cards[:at], card, *cards[at:]]


def _with_spare(cards: list[Card], spare: Sequence[Card], before: Sequence[Card]) -> list[Card]:
    """Cards and those that are not used, one of each further kind, each where it was before."""
    kinds_there = {card.step.kind for card in cards}
    for card in spare:
        if card.step.kind in kinds_there:
            continue
        kinds_there.add(card.step.kind)
        keys = [c.key for c in cards]
        followed_by = [c.key for c in before[before.index(card) + 1 :] if c.key in keys]
        at = keys.index(followed_by[0]) if followed_by else len(cards)
        cards = [*cards[:at], replace(card, live=False), *cards[at:]]
    return cards


def _numbered(cards: Sequence[Card]) -> list[Card]:
    """Cards with different numbers: those whose number is taken get the next that is free."""
    taken: set[Key] = set()
    numbered = []
    for card in cards:
        number = card.number
        while Key(card.step.kind, number) in taken:
            number += 1
        taken.add(Key(card.step.kind, number))
        numbered.append(replace(card, number=number))
    return numbered

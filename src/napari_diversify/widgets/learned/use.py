"""Bring a model into the chain of the dock Diversify."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from napari.components import ViewerModel

from ...learned import Denoise, RestoreLearned
from ...learned.step import LearnedStep
from ..diversify.dock import Explorer
from ..diversify.state import State
from ..qt.dock import find_dock

#: The steps that use models, by what these were trained for.
USABLE: dict[str, type[LearnedStep]] = {"restore": RestoreLearned, "denoise": Denoise}


def use(viewer: ViewerModel, task: str, model: str) -> bool:
    """Have a step of the chain use a model, live; whether there is a dock to show it in."""
    explorer = find_dock(viewer, Explorer)
    state = None if explorer is None else explorer.state()
    if explorer is None:
        explorer = _opened(viewer)
        if explorer is None:
            return False
        state = explorer.state()
        for card in state.cards:  # what a new dock begins with is not what the model is for
            state = state.edit(card.key, live=False, open=False)
    assert state is not None
    explorer.raise_dock()
    state, key = with_model(state, USABLE[task], model)
    explorer.session.change(state)
    explorer.cards.showCard(key)
    return True


def with_model(state: State, kind: type[LearnedStep], model: str) -> tuple[State, Any]:
    """The state whose last card of this kind, or else a new one, uses a model; its key."""
    name = kind.model_fields["kind"].default
    there = [card.key for card in state.cards if card.step.kind == name]
    key = there[-1] if there else None
    if key is None:
        state, key = state.add(name)
    step = state.card(key).step.replace(model=model)
    return state.edit(key, step=step, live=True, open=True), key


@contextmanager
def undisturbed(viewer: ViewerModel) -> Iterator[None]:
    """Add layers without having the dock Diversify turn to them."""
    explorer, active = find_dock(viewer, Explorer), viewer.layers.selection.active
    with nullcontext() if explorer is None else explorer.source_panel.picker.undisturbed():
        yield
        viewer.layers.selection.active = active


def _opened(viewer: ViewerModel) -> Explorer | None:
    """The dock, opened in the window of the viewer, if it has one."""
    window = getattr(viewer, "window", None)
    if window is None:
        return None
    with suppress(KeyError, ValueError):  # the plugin is switched off
        window.add_plugin_dock_widget("napari-diversify", "Diversify")
    return find_dock(viewer, Explorer)

"""Bring a model to where it is used: the dock Diversify, or Synthetic nuclei."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar

from napari.components import ViewerModel

from ...learned import Denoise, RestoreLearned
from ...learned.card import Card
from ...learned.step import LearnedStep
from ...synthetic.plan import USUAL, Plan
from ...synthetic.renderers import Renderer
from ..diversify.dock import Explorer
from ..diversify.state import State
from ..qt.dock import Dock, find_dock
from ..synthetic.dock import SyntheticDock

D = TypeVar("D", bound=Dock)

#: The steps that use models, by what these were trained for.
USABLE: dict[str, type[LearnedStep]] = {"restore": RestoreLearned, "denoise": Denoise}


def use(viewer: ViewerModel, task: str, model: str) -> bool:
    """Have a step of the chain use a model, live; whether there is a dock to show it in."""
    explorer = find_dock(viewer, Explorer)
    state = None if explorer is None else explorer.state()
    if explorer is None:
        explorer = _opened(viewer, Explorer, "Diversify")
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


def use_dressing(viewer: ViewerModel, card: Card, model: str) -> bool:
    """Have a model make the images of the dock Synthetic nuclei; whether there is one."""
    dock = find_dock(viewer, SyntheticDock) or _opened(viewer, SyntheticDock, "Synthetic nuclei")
    if dock is None:
        return False
    dock.raise_dock()
    dock.setValue(as_trained(dock.value(), card, model))
    return True


def as_trained(plan: Plan, card: Card, model: str) -> Plan:
    """Nuclei and pixels as a dressing was trained with, in a field as large as that of a plan."""
    trained = card.trained
    like = plan if trained.specimen is None else Plan.from_record(trained.specimen)
    shape = plan.shape if plan.ndim == like.ndim else USUAL[like.ndim][0]
    spacing = (*like.spacing[:-2], *(trained.spacing or like.spacing[-2:]))
    nuclei = like.model.replace(seed=plan.model.seed)
    return Plan(nuclei, shape, spacing, Renderer(model=model))


def _opened(viewer: ViewerModel, kind: type[D], name: str) -> D | None:
    """A dock, opened in the window of the viewer, if it has one."""
    window = getattr(viewer, "window", None)
    if window is None:
        return None
    with suppress(KeyError, ValueError):  # the plugin is switched off
        window.add_plugin_dock_widget("napari-diversify", name)
    return find_dock(viewer, kind)

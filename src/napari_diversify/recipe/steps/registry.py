"""Which steps there are: ours, and those of other packages.

Another package adds a step by an entry point of the group ``napari_diversify.steps``, whose
name is the kind of the step and whose value is its class. A step is loaded when it is first
needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny

from ...model import Located
from .step import EXTRA_VIEWS, ExtraView, Step

GROUP = "napari_diversify.steps"
_OURS = {
    "contrast": "contrast:DegradeContrast",
    "diversify": "diversify:Diversify",
    "restore": "restore:Restore",
    "lowpass": "lowpass:LowPass",
}
#: What every step has to define, and what one with a noise weight has to define as well.
_METHODS = ("draws_noise", "source_region", "compute")
_OF_NOISE = ("windows", "with_psnr")
_LOADED: dict[str, type[Step]] = {}
#: Why a step of another package cannot be used.
_FAULTS: dict[str, str] = {}


def kinds() -> Mapping[str, type[Step]]:
    """Every kind of step that a recipe may hold, by its word in JSON, in the usual order.

    A step of another package that cannot be loaded is left out: :func:`faults` says why.
    """
    for kind in (*_OURS, *_offered()):
        _load(kind)
    return MappingProxyType(dict(sorted(_LOADED.items(), key=lambda item: item[1].rank)))


def faults() -> Mapping[str, str]:
    """Steps of other packages that cannot be used, and why."""
    kinds()
    return MappingProxyType(_FAULTS)


def find(kind: str) -> type[Step] | None:
    """The step of this kind, or None; no other step is loaded."""
    return _load(kind)


def register(step: type[Step]) -> type[Step]:
    """Make a step known in this process, as an entry point does in all of them.

    Can be used as a decorator.

    Parameters
    ----------
    step : subclass of Step

    Returns
    -------
    subclass of Step
        The same step.

    Raises
    ------
    ValueError
        If it lacks something that every step must say, or if its kind or its stream of noise
        is taken.
    """
    kind = step.model_fields["kind"].default
    if not isinstance(kind, str) or not kind:
        raise ValueError(f"{step.__name__} needs a default for its field 'kind': its word in JSON")
    missing = [name for name in ("title", "layer", "stream") if not hasattr(step, name)]
    if missing:
        raise ValueError(f"{step.__name__} does not say its {' and its '.join(missing)}")
    _check_class_data(step)
    missing = [name for name in _METHODS if getattr(step, name) is getattr(Step, name)]
    if step.noise_weight is not None:
        missing += [name for name in _OF_NOISE if getattr(step, name) is getattr(Step, name)]
    if missing:
        raise ValueError(f"{step.__name__} does not define {' and '.join(missing)}")
    unknown = [view.name for view in step.views if view.name not in EXTRA_VIEWS]
    if unknown:
        raise ValueError(
            f"{step.__name__} offers the view {unknown[0]!r}; there are {', '.join(EXTRA_VIEWS)}"
        )
    if not 0 <= step.stream < 128:
        raise ValueError(f"stream must be 0 to 127; {step.__name__} has {step.stream}")
    for other in _LOADED.values():
        if _name(other) == _name(step):
            continue  # defined again, as in a notebook
        shared = set(_layers(other)) & set(_layers(step))
        if shared:
            raise ValueError(
                f"{_name(step)} and {_name(other)} would both call a layer {shared.pop()!r}"
            )
        if other.model_fields["kind"].default == kind:
            raise ValueError(f"there is a step of kind {kind!r} already: {_name(other)}")
        if other.stream == step.stream:
            raise ValueError(
                f"{_name(step)} and {_name(other)} would share their noise: both have stream "
                f"{step.stream}"
            )
    _LOADED[kind] = step
    return step


def _check_class_data(step: type[Step]) -> None:
    """Say what of a step is not what it has to be."""
    for name, kind in (("title", str), ("layer", str), ("rank", int), ("stream", int)):
        if not isinstance(getattr(step, name), kind):
            raise ValueError(
                f"{name} of {step.__name__} must be {kind.__name__}; got {getattr(step, name)!r}"
            )
    if not all(isinstance(view, ExtraView) for view in step.views):
        raise ValueError(f"views of {step.__name__} must be a tuple of ExtraView")
    weights = {weight for weight in (step.noise_weight, step.signal_weight) if weight is not None}
    for where, named in (
        ("its weights", weights),
        ("falling", step.falling),
        ("of_volumes", step.of_volumes),
        ("counts_with", {*step.counts_with, *(other for other, _ in step.counts_with.values())}),
    ):
        if unknown := sorted(set(named) - set(step.model_fields)):
            raise ValueError(f"{step.__name__} names {unknown[0]!r} in {where}: no such parameter")
    step(**step.begins_with)


def _layers(step: type[Step]) -> tuple[str, ...]:
    """What its layers are called."""
    return (step.layer, *(view.layer for view in step.views))


def as_step(value: Any) -> Any:
    """A step from its values, as they stand in JSON; a step as it is."""
    if isinstance(value, Step):
        registered = find(value.kind)
        if registered is None or not isinstance(value, registered):
            raise ValueError(
                f"{type(value).__name__} is not registered as a step: a recipe with it could not "
                "be read again. See napari_diversify.recipe.steps.registry.register"
            )
        return value
    if not isinstance(value, Mapping):
        raise Located(f" must be an object with a 'kind'; got {value!r}")
    if "kind" not in value:
        raise Located(f" needs a 'kind' that says which step it is; got {dict(value)!r}")
    kind = value["kind"]
    step = find(kind) if isinstance(kind, str) else None
    if step is None:
        fault = f". {_FAULTS[kind]}" if isinstance(kind, str) and kind in _FAULTS else ""
        names = ", ".join(map(repr, kinds()))
        raise Located(f".kind must be one of {names}; got {kind!r}{fault}")
    return step(**value)


AnyStep: TypeAlias = Annotated[SerializeAsAny[Step], BeforeValidator(as_step)]


def _load(kind: str) -> type[Step] | None:
    if kind in _LOADED or kind in _FAULTS:
        return _LOADED.get(kind)
    if kind in _OURS:
        module, _, name = _OURS[kind].partition(":")
        package = __name__.rpartition(".")[0]
        return register(getattr(importlib.import_module(f"{package}.{module}"), name))
    entry = _offered().get(kind)
    if entry is None:
        return None
    for ours in _OURS:  # so that no other package can take their streams
        _load(ours)
    try:
        step = entry.load()
        if not (isinstance(step, type) and issubclass(step, Step)):
            raise TypeError(f"{entry.value} is not a step")
        if step.model_fields["kind"].default != kind:
            raise ValueError(f"its kind is {step.model_fields['kind'].default!r}")
        return register(step)
    except Exception as error:  # noqa: BLE001  whatever another package does
        _FAULTS[kind] = f"The step {kind!r} of {entry.value} cannot be used: {error}"
        return None


def _offered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _name(step: type[Step]) -> str:
    return f"{step.__module__}.{step.__qualname__}"

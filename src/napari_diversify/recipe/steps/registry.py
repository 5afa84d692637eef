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
from .step import Step

GROUP = "napari_diversify.steps"
_OURS = {
    "contrast": "contrast:DegradeContrast",
    "diversify": "diversify:Diversify",
    "lowpass": "lowpass:LowPass",
}
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
    if not isinstance(kind, str):
        raise ValueError(f"{step.__name__} needs a default for its field 'kind': its word in JSON")
    missing = [name for name in ("title", "layer", "stream") if not hasattr(step, name)]
    if missing:
        raise ValueError(f"{step.__name__} does not say its {' and its '.join(missing)}")
    if not 0 <= step.stream < 128:
        raise ValueError(f"stream must be 0 to 127; {step.__name__} has {step.stream}")
    for other in _LOADED.values():
        if _name(other) == _name(step):
            continue  # defined again, as in a notebook
        if other.model_fields["kind"].default == kind:
            raise ValueError(f"there is a step of kind {kind!r} already: {_name(other)}")
        if other.stream == step.stream:
            raise ValueError(
                f"{_name(step)} and {_name(other)} would share their noise: both have stream "
                f"{step.stream}"
            )
    _LOADED[kind] = step
    return step


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
        fault = f". {_FAULTS[kind]}" if kind in _FAULTS else ""
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

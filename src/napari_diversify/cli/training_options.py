"""Options of the command train that the settings of a training declare."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from ..model import extra_of


def options(kind: str) -> list[inspect.Parameter]:
    """An option for each field of the settings of a training, described by the field."""
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                _plain(field.annotation) | None,
                typer.Option(help=_help(field), rich_help_panel="Settings", show_default=False),
            ],
        )
        for name, field in settings_of(kind).model_fields.items()
        if name != "kind"
    ]


def settings_of(kind: str) -> Any:
    """The model of the settings of a training."""
    from ..learned.training.settings import (
        DenoiseTraining,
        DressTraining,
        RestoreTraining,
        ShapesTraining,
    )

    models = (RestoreTraining, DenoiseTraining, DressTraining, ShapesTraining)
    return {model.model_fields["kind"].default: model for model in models}[kind]


def _help(field: Any) -> str:
    unit, choices = extra_of(field).get("unit"), _choices(field.annotation)
    notes = (f"in {unit}" if unit else "", ", ".join(map(str, choices)), f"default {field.default}")
    return f"{str(field.description).rstrip('.,')} ({'; '.join(n for n in notes if n)})."


def _choices(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _plain(annotation: Any) -> Any:
    return type(choices[0]) if (choices := _choices(annotation)) else annotation

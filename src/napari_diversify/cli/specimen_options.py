"""Options of the command phantom that the models of specimens declare."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from ..model import extra_of
from ..synthetic.registry import KINDS

_APART = ("kind", "seed")  # fields that are options of their own


def options() -> list[inspect.Parameter]:
    """An option for each field of the models, described by the field."""
    made: dict[str, inspect.Parameter] = {}
    for kind, model in KINDS.items():
        for name, field in model.model_fields.items():
            if name in _APART:
                continue
            others = [k for k, m in KINDS.items() if name not in m.model_fields]
            unit = extra_of(field).get("unit")
            more = [
                unit if not unit or unit.startswith("per ") else f"in {unit}",
                f"{kind} only" if others else "",
            ]
            default = {str(m.model_fields[name].default): k for k, m in KINDS.items() if not others}
            shown = " / ".join(default) if default else str(field.default)
            notes = "; ".join(m for m in (*more, f"default {shown}") if m)
            option = typer.Option(
                help=f"{str(field.description).rstrip('.')} ({notes}).",
                rich_help_panel="Parameters",
                show_default=False,
            )
            made.setdefault(
                name,
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=None,
                    annotation=Annotated[_plain(field.annotation) | None, option],
                ),
            )
    return list(made.values())


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Literal else annotation

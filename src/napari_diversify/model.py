"""Frozen pydantic models whose errors are sentences.

Type, default, bounds, unit and description of a parameter are declared once, in
its field. Forms, tooltips, messages and the JSON schema are derived from it.
"""

from __future__ import annotations

import json
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

_SAID = {
    "greater_than": "greater than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "a finite number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "literal_error": "{expected}",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "made of letters that are whole",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object with a 'kind'",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of at most {max_length}",
}


class Model(BaseModel):
    """A frozen set of parameters: compared and hashed by value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ValueError(explain(error, type(self))) from None

    def __str__(self) -> str:
        return repr(self)

    def replace(self, **changes: Any) -> Any:
        """A copy with other values, checked like a new one."""
        return type(self)(**{**{n: getattr(self, n) for n in type(self).model_fields}, **changes})

    def to_ascii(self, indent: int | None = None) -> str:
        """JSON in ASCII, which holds any name of a file, undecodable bytes too."""
        return json.dumps(self.model_dump(), indent=indent)


class Located(ValueError):
    """A sentence that goes on from the path to the value, such as ".kind must be ..."."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say in a sentence per field what was given and what is accepted."""
    sentences = []
    for item in error.errors():
        path = ".".join(str(part) for part in item["loc"])
        given, context = item["input"], item.get("ctx", {})
        if item["type"] == "value_error" and isinstance(context["error"], Located):
            sentences.append(f"{path}{context['error']}")
        elif item["type"] == "value_error":  # raised by us: already a sentence
            sentences.append(str(context["error"]))
        elif item["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            sentences.append(f"{model.__name__} has no parameter {path!r}; it has {known}")
        elif item["type"] == "missing":
            sentences.append(f"{model.__name__} needs {path!r}")
        elif item["type"] in _SAID:
            accepted = _SAID[item["type"]].format(**context)
            if item["type"] == "tuple_type":
                accepted += _length_of(model.model_fields.get(path))
            sentences.append(f"{path} must be {accepted}; got {given!r}")
        else:
            sentences.append(f"{path}: {item['msg']}; got {given!r}")
    return "; ".join(sentences)


def _length_of(field: FieldInfo | None) -> str:
    """Say how many numbers belong in a list, where their number is fixed."""
    annotation = None if field is None else field.annotation
    choices = (annotation, *get_args(annotation))  # a list may be one of several choices
    numbers = next((get_args(choice) for choice in choices if get_origin(choice) is tuple), ())
    return f" of {len(numbers)} numbers" if numbers and Ellipsis not in numbers else ""


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """What a field declares beyond type and bounds.

    ``unit``: its unit. ``slider``: (low, high) that a slider shows at first,
    where the bounds reach too far to be handy. ``usual``: (low, high) that samples are
    usually drawn from, where it is not that of the slider. ``axes``: names of the
    numbers in a tuple. ``step``: step of a spin box.
    """
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def bounds_of(field: FieldInfo, step: float = 0.0) -> tuple[float, float]:
    """Lowest and highest value that a number (or each of a tuple of them) may have.

    A bound that must not be reached itself is moved inwards by ``step``.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Blur(Model):
    ...     width: float = Field(1.0, gt=0.0, le=5.0)
    >>> bounds_of(Blur.model_fields["width"]), bounds_of(Blur.model_fields["width"], 0.01)
    ((0.0, 5.0), (0.01, 5.0))
    """
    metadata = list(field.metadata)
    for part in get_args(field.annotation):  # the numbers of a tuple carry their own
        for inner in get_args(part)[1:]:
            metadata += inner.metadata if isinstance(inner, FieldInfo) else [inner]
    low, high = float("-inf"), float("inf")
    for item in metadata:
        low = max(low, getattr(item, "ge", low), getattr(item, "gt", low - step) + step)
        high = min(high, getattr(item, "le", high), getattr(item, "lt", high + step) - step)
    return low, high

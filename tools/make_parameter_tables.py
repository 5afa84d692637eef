"""Write the tables of parameters in ``docs/`` from the models that declare them.

A table stands between two comments, ``<!-- parameters: NAME -->`` and ``<!-- end -->``; NAME is
the kind of a step, "recipe", "sampling", a kind of specimen, or "microscope", which the kinds of
specimens share. What stands between the comments is replaced; ``--check`` only compares it.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from napari_diversify.model import extra_of
from napari_diversify.recipe import Recipe, Sampling
from napari_diversify.recipe.steps.registry import kinds
from napari_diversify.synthetic.registry import KINDS
from napari_diversify.synthetic.specimen_model import SpecimenModel

DOCS = Path(__file__).parents[1] / "docs"
#: What to do about tables that are not up to date.
REMEDY = "Run: python tools/make_parameter_tables.py"

_TABLE = re.compile(r"(<!-- parameters: (?P<name>[\w ]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def tables() -> dict[str, str]:
    """Every table, by its name."""
    ours = {k: s for k, s in kinds().items() if s.__module__.startswith("napari_diversify.")}
    models: dict[str, type[BaseModel]] = {**ours, "recipe": Recipe, "sampling": Sampling}
    fields: dict[str, Mapping[str, FieldInfo]] = {n: m.model_fields for n, m in models.items()}
    shared = SpecimenModel.model_fields
    for kind, model in KINDS.items():
        fields[kind] = {n: f for n, f in model.model_fields.items() if n not in shared}
    return {name: _table(some) for name, some in (fields | {"microscope": shared}).items()}


def updated(text: str, page: str) -> tuple[str, list[str]]:
    """A page with all its tables made anew, and the names of these."""
    known, names = tables(), []

    def replaced(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in known:
            raise ValueError(f"{page}: there is no model {name!r}; there is {', '.join(known)}")
        names.append(name)
        return f"{match[1]}{known[name]}{match[3]}"

    return _TABLE.sub(replaced, text), names


def outdated(docs: Path = DOCS, *, write: bool = False) -> Iterator[str]:
    """Yield a sentence for each page or table that is not up to date; ``write`` mends pages."""
    missing = dict.fromkeys(tables())
    for page in sorted(docs.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        new, names = updated(text, page.name)
        for name in names:
            missing.pop(name, None)
        if new == text:
            continue
        if write:
            page.write_text(new, encoding="utf-8", newline="\n")
        yield f"docs/{page.name} does not show the parameters as the models declare them. {REMEDY}"
    for name in missing:
        yield (
            f"no page in docs/ has a table of {name!r}: add the lines <!-- parameters: {name} --> "
            f"and <!-- end --> to docs/parameters.md. {REMEDY}"
        )


def _table(fields: Mapping[str, FieldInfo]) -> str:
    """The fields that have a description: others, such as ``kind``, are not for users to set."""
    lines = ["| parameter | unit | range | default | meaning |", "|---|---|---|---|---|"]
    for name, field in fields.items():
        if field.description is not None:
            unit = extra_of(field).get("unit", "")
            cells = [f"`{name}`", unit, _range(field), _default(field), field.description]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _range(field: FieldInfo) -> str:
    annotation = field.annotation
    options = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) is not tuple and len(options) == 1:
        annotation = options[0]  # or None
    if annotation is bool:
        return "true, false"
    if annotation is str:
        return "text"
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    limits: dict[str, Any] = {}
    parts = get_args(annotation) if get_origin(annotation) is tuple else ()
    inner = [m for part in parts for info in get_args(part)[1:] for m in info.metadata]
    for item in (*field.metadata, *inner):
        limits |= {k: getattr(item, k) for k in ("ge", "gt", "le", "lt") if hasattr(item, k)}
    if "ge" in limits and "le" in limits:
        words = f"{_number(limits['ge'])} to {_number(limits['le'])}"
    elif "gt" in limits and "le" in limits:
        words = f"above {_number(limits['gt'])}, up to {_number(limits['le'])}"
    elif "ge" in limits:
        words = f"{_number(limits['ge'])} or more"
    else:
        words = "numbers" if Ellipsis in parts else f"{len(parts)} numbers"
    return f"{words}, one per axis" if inner else words


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value in (None, ()):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(_number, value))
    return value if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """A number as one writes it: 10,000; 0.08; 2⁵³ - 1."""
    power = int(value + 1).bit_length() - 1
    if power > 20 and value == 2**power - 1:
        return f"2{str(power).translate(_SUPERSCRIPTS)} - 1"
    return f"{value:,}".removesuffix(".0")


def main() -> int:
    """Write the tables, or with ``--check`` say which are not up to date."""
    check = "--check" in sys.argv[1:]
    sentences = list(outdated(write=not check))
    print("\n".join(sentences) if check else f"{len(sentences)} pages were changed or lack a table")
    return 1 if check and sentences else 0


if __name__ == "__main__":
    sys.exit(main())

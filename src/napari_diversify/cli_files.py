"""The commands on generated files: replay, info.

Exit status: 0 all is well; 1 nothing could be done, with the reason; 2 an option
that is not known; 3 a file could not be made again, or differs; 130 stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli_answers import answered, sentence
from .cli_progress import told

if TYPE_CHECKING:  # imported where they are used: --help shall not wait for them
    from .batch import Replay

_AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def replay(
    paths: Annotated[list[Path], typer.Argument(help="Generated files.")],
    source: Annotated[
        Path | None, typer.Option(help="The image they were made from, if it was moved.")
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Make generated files again from their own recipe, and compare voxel by voxel.

    Nothing is written. A file that cannot be made again does not stop the
    others. Exit status 3 if a file differs or failed, 1 if all failed.

    Try:

      napari-diversify replay train/nuclei_0003.ome.zarr
    """
    from . import batch

    rows: list[dict[str, Any]] = []
    failed = different = 0
    for path in paths:
        try:
            r = told(batch.replay(path, source), f"replay {path.name}", "Stopped.")
        except typer.Exit:  # stopped
            raise
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others go on
            failed += 1
            why = sentence(error)
            rows.append({"path": str(path), "why": why})
            # most sentences name the file themselves
            typer.echo(why if str(path) in why else f"{path}: {why}", err=True)
            continue
        different += bool(r.different)
        rows.append({**vars(r), "path": str(r.path), "source": str(r.source)})
        if not as_json:
            typer.echo(_compared(r))
    if failed == len(paths) == 1:
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    if failed:
        typer.echo(f"{failed} of {len(paths)} files could not be made again.", err=True)
    if failed or different:
        raise typer.Exit(1 if failed == len(paths) else 3)


def _compared(r: Replay) -> str:
    same = (
        f"equal in all {r.voxels:,} voxels"
        if r.different == 0
        else f"DIFFERENT in {r.different:,} of {r.voxels:,} voxels, by up to {r.largest:g}"
    )
    return f"{r.path}: {same}, made from {r.source}"


def info(
    paths: Annotated[list[Path], typer.Argument(help="Image files.")],
    as_json: _AsJson = False,
) -> None:
    """Say what is in an image file: shape, axes, voxel size, and the recipe it was made with.

    All digits of the parameters are in the output of --json.

    Try:

      napari-diversify info train/nuclei_0003.ome.zarr
    """
    from .files import open_image

    found = []
    for path in paths:
        with answered(), open_image(path) as image:
            h = image.header
            found.append(
                {
                    "path": str(path),
                    "name": h.name,
                    "shape": list(h.shape),
                    "dtype": h.dtype.name,
                    "axes": h.axes,
                    "voxel_size": list(h.scale),
                    "units": list(h.units),
                    "channels": list(h.channels),
                    "levels": [list(level.shape) for level in image.levels],
                    "provenance": h.provenance,
                }
            )
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found:
        typer.echo(_described(row))


def _described(row: dict[str, Any]) -> str:
    sizes = [
        f"{axis} {size:g} {unit or ''}".rstrip()
        for axis, size, unit in zip(row["axes"], row["voxel_size"], row["units"], strict=True)
        if unit is not None or size != 1.0
    ]
    made = row["provenance"]
    lines = [
        f"{row['path']}",
        f"  shape       {' x '.join(map(str, row['shape']))} ({', '.join(row['axes'])}), "
        f"{row['dtype']}",
        f"  voxel size  {', '.join(sizes) or 'unknown'}",
        f"  levels      {len(row['levels'])}",
    ]
    if row["channels"]:
        lines.append(f"  channels    {', '.join(row['channels'])}")
    if isinstance(made, dict) and "recipe" in made:
        try:
            lines += _made_in_words(made)
        except (KeyError, TypeError, AttributeError):
            lines.append("  made by     a recipe that cannot be read; --json shows it")
    return "\n".join(lines)


def _made_in_words(made: dict[str, Any]) -> list[str]:
    recipe = made["recipe"]
    kinds = " > ".join(step["kind"] for step in recipe["steps"])
    source = made.get("source")
    return [
        f"  made by     {made.get('program', 'napari-diversify')} {made.get('version', '')}: "
        f"{kinds}, seed {recipe['seed']}, sample {recipe['sample']}",
        *(f"    {_step_in_words(step)}" for step in recipe["steps"]),
        *([] if source is None else [f"  made from   {source['name']}"]),
    ]


def _step_in_words(step: dict[str, Any]) -> str:
    """A step with all its values, and their units if this version knows the step."""
    from .recipe.model import extra_of
    from .recipe.steps import KINDS

    fields = KINDS[step["kind"]].model_fields if step["kind"] in KINDS else {}
    said = []
    for name, value in step.items():
        if name == "kind":
            continue
        unit = extra_of(fields[name]).get("unit", "") if name in fields else ""
        said.append(f"{name} {_value_in_words(value)} {unit}".rstrip())
    return f"{step['kind']}: {', '.join(said)}"


def _value_in_words(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(_value_in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)

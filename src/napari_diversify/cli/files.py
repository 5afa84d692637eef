"""The commands on files: replay, info.

Exit status: 0 all is well; 1 nothing could be done, with the reason; 2 an option that is
unknown or not a number; 3 a file could not be read or made again, or differs; 130 stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from ..sentences import on_one_line, reason

# what takes long to import is imported where it is used: --help does not wait for it
from .answers import say, sentence, show
from .progress import tracked

_Row: TypeAlias = dict[str, Any]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

_LISTED = 20  # images of a file that are named one by one
_DEEPEST = 40  # lists in lists that are printed
_UNLISTED = "the images in it could not be listed: {}"


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
    from .. import batch

    def compared(path: Path) -> _Row:
        r = tracked(batch.replay(path, source), f"replay {path.name}", "Stopped.")
        return {**vars(r), "path": str(r.path), "source": str(r.source)}

    rows = _each(paths, compared, None if as_json else _compared)
    failed = _end(rows, as_json, "could not be made again")
    if failed or any(row.get("different") for row in rows):
        raise typer.Exit(1 if failed == len(paths) else 3)


def _compared(row: _Row) -> str:
    same = (
        f"equal in all {row['voxels']:,} voxels"
        if row["different"] == 0
        else f"DIFFERENT in {row['different']:,} of {row['voxels']:,} voxels, "
        f"by up to {row['largest']:g}"
    )
    return on_one_line(f"{row['path']}: {same}, made from {row['source']}")


def info(
    paths: Annotated[list[Path], typer.Argument(help="Image files.")],
    series: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Which image of a file that holds several, counted from 0 as info lists them.",
        ),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help='Axes of the images if they do not say so, e.g. "tyx".')
    ] = None,
    contrast: Annotated[
        bool,
        typer.Option("--contrast", help="Read the voxels, and measure how structures stand out."),
    ] = False,
    labels: Annotated[
        Path | None, typer.Option(help="Labels of the images, for --contrast: what stands out.")
    ] = None,
    offset: Annotated[float, typer.Option(help="Grey level of no light, for --contrast.")] = 0.0,
    as_json: _AsJson = False,
) -> None:
    """Say what is in an image file: shape, axes, voxel size, and the recipe it was made with.

    With --contrast also contrasts of its voxels: of the first time and the
    first channel, where there are several.

    All digits of the parameters are in the output of --json. A file that cannot
    be read does not stop the others. Exit status 3 if one failed, 1 if all did.

    Try:

      napari-diversify info train/nuclei_0003.ome.zarr
    """
    if not contrast and (labels is not None or offset):
        raise ValueError("--labels and --offset belong to --contrast: give it too")

    def described(path: Path) -> _Row:
        row = _row_of(path, series, axes)
        if contrast:
            row["contrast"] = _contrast_of(path, series, axes, labels, offset)
        return row

    rows = _each(paths, described, None if as_json else _described)
    if failed := _end(rows, as_json, "could not be read"):
        raise typer.Exit(1 if failed == len(paths) else 3)


# ---- one file after the other ----


def _each(
    paths: Sequence[Path], look: Callable[[Path], _Row], words: Callable[[_Row], str] | None
) -> list[_Row]:
    """A row per file; for one that fails, its path and why. Each is printed as soon as known."""
    rows: list[_Row] = []
    for path in paths:
        try:
            row = look(path)
            text = "" if words is None else words(row)
        except typer.Exit:  # stopped
            raise
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others go on
            show(error)
            why = sentence(error)
            rows.append({"path": str(path), "why": why})
            # most sentences name the file themselves
            say(why if on_one_line(str(path)) in why else f"{path}: {why}")
            continue
        rows.append(row)
        if text:
            typer.echo(text)
    return rows


def _end(rows: Sequence[_Row], as_json: bool, failing: str) -> int:
    """Print what concerns all files together; return how many failed."""
    failed = sum("why" in row for row in rows)
    if as_json:
        typer.echo(json.dumps(_plain(rows), indent=2, allow_nan=False))
    if failed and len(rows) > 1:
        say(f"{failed} of {len(rows)} files {failing}.")
    return failed


def _plain(value: Any, depth: int = 0) -> Any:
    """What every reader of JSON accepts: no NaN, and no nesting far deeper than a recipe's."""
    if isinstance(value, dict) and depth < _DEEPEST:
        return {str(key): _plain(v, depth + 1) for key, v in value.items()}
    if isinstance(value, list | tuple) and depth < _DEEPEST:
        return [_plain(v, depth + 1) for v in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)[:200]


# ---- what is in a file ----


def _row_of(path: Path, series: int | None, axes: str | None) -> _Row:
    from ..files import images_in, open_image

    with open_image(path, axes=axes, series=series) as image:
        h = image.header
        row = {
            "path": str(path),
            "name": h.name,
            "shape": list(h.shape),
            "dtype": h.dtype.name,
            "axes": h.axes,
            "voxel_size": list(h.scale),
            "units": list(h.units),
            "origin": list(h.origin),
            "channels": list(h.channels),
            "levels": [list(level.shape) for level in image.levels],
            "notes": list(h.notes),
            "provenance": _plain(h.provenance),
        }
    try:
        entries = images_in(path)
    except Exception as error:  # noqa: BLE001  the image that was opened is known all the same
        show(error)
        return {**row, "images": [], "notes": [*row["notes"], _UNLISTED.format(reason(error))]}
    paths = ("path", "home")  # JSON has none
    images = [
        vars(entry) | {name: str(vars(entry)[name]) for name in paths if vars(entry)[name]}
        for entry in entries
    ]
    return {**row, "images": images}


def _contrast_of(
    path: Path, series: int | None, axes: str | None, labels: Path | None, offset: float
) -> _Row:
    """How structures stand out, by the names of the contrasts."""
    from ..analysis.visibility import visibility
    from ..files import open_image

    def voxels(of: Path, number: int | None) -> Any:
        with open_image(of, axes=axes, series=number) as image:
            return image.data[(0,) * (image.header.ndim - image.header.spatial_ndim)]

    objects = None if labels is None else voxels(labels, None)
    return asdict(visibility(voxels(path, series), objects, offset))


def _contrast_in_words(contrast: _Row) -> list[str]:
    names = {"rms": "RMS", "michelson": "Michelson", "weber": "Weber"}
    names["signal_to_background"] = "signal to background"
    of_all = [f"{names[n]} {contrast[n]:.3g}" for n in names if contrast[n] is not None]
    planes = contrast["rms_by_plane"]
    lines = [f"  contrast    {', '.join(of_all)}"]
    if len(planes) > 1:
        lines.append(
            f"  by depth    RMS {planes[0]:.3g} in the first plane, "
            f"{planes[len(planes) // 2]:.3g} in the middle, {planes[-1]:.3g} in the last"
        )
    return lines


def _described(row: _Row) -> str:
    sizes = [
        f"{axis} {size:g} {unit or ''}".rstrip()
        for axis, size, unit in zip(row["axes"], row["voxel_size"], row["units"], strict=True)
        if unit is not None or size != 1.0
    ]
    starts = [
        f"{axis} {start:g} {unit or ''}".rstrip()
        for axis, start, unit in zip(row["axes"], row["origin"], row["units"], strict=True)
        if start
    ]
    made = row["provenance"]
    lines = [
        f"{row['path']}",
        f"  shape       {' x '.join(map(str, row['shape']))} ({', '.join(row['axes'])}), "
        f"{row['dtype']}",
        f"  voxel size  {', '.join(sizes) or 'unknown'}",
        f"  levels      {len(row['levels'])}",
    ]
    if starts:
        lines.append(f"  origin      {', '.join(starts)}")
    if row["channels"]:
        lines.append(f"  channels    {', '.join(row['channels'])}")
    if len(row["images"]) > 1:
        lines.append(f"  images      {_images_in_words(row['images'], row['path'])}")
    if isinstance(made, dict) and "recipe" in made:
        lines += _made_in_words(made)
    if "contrast" in row:
        lines += _contrast_in_words(row["contrast"])
    lines += [f"  note        {note}." for note in row["notes"]]
    return "\n".join(map(on_one_line, lines))


def _images_in_words(images: Sequence[_Row], path: str) -> str:
    """The names of images, each with its number if that selects it."""
    words = []
    for image in images[:_LISTED]:
        number = f"{image['series']} " if image["path"] == path else ""
        title = f' "{image["title"]}"' if image["title"] else ""
        aside = f" ({image['aside']})" if image["aside"] else ""
        aside += f" (opened with {image['home']})" if image["home"] else ""
        words.append(f"{number}{image['name']}{title}{aside}")
    more = len(images) - _LISTED
    return f"{len(images)}: {', '.join(words)}" + (f", and {more} more" if more > 0 else "")


def _made_in_words(entry: _Row) -> list[str]:
    from ..recipe.provenance import Provenance

    unread = ["  made by     a recipe that cannot be read; --json shows it"]
    try:
        made = Provenance.read(entry)
    except ValueError:
        return unread
    recipe = made.recipe
    if recipe is None:
        return unread
    return [
        f"  made by     {made.program or 'napari-diversify'} {made.version or ''}: "
        f"{' > '.join(recipe.kinds)}, seed {recipe.seed}, sample {made.number}",
        *(f"    {_step_in_words(step)}" for step in recipe.steps),
        *([] if made.shows is None else [f"  shows       {made.shows}, not the result"]),
        *([] if made.source is None else [f"  made from   {made.source.name}"]),
    ]


def _step_in_words(step: dict[str, Any]) -> str:
    """A step with all its values, and their units if this version knows the step."""
    from ..model import extra_of
    from ..recipe.steps.registry import find

    kind = find(step["kind"])
    fields = {} if kind is None else kind.model_fields
    words = []
    for name, value in step.items():
        if name == "kind":
            continue
        unit = extra_of(fields[name]).get("unit", "") if name in fields else ""
        words.append(f"{name} {_value_in_words(value)} {unit}".rstrip())
    return f"{step['kind']}: {', '.join(words)}"


def _value_in_words(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(_value_in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)

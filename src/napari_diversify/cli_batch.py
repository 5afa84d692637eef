"""The commands that make, repeat and describe files: apply, series, replay, info.

Exit status: 0 all done; 1 it could not be begun, with the reason; 2 an option
that is not known or no number; 3 samples or replays failed, or a replay differs;
130 stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .cli_progress import told

if TYPE_CHECKING:  # imported where they are used: --help shall not wait for them
    from .batch import Job, Replay, Report, Unit
    from .recipe import Recipe, Sampling

_STOPPED = "Stopped. Finished samples stay; --resume goes on from here."

_Inputs = Annotated[
    list[Path], typer.Argument(help="Images: OME-Zarr, OME-TIFF, TIFF, NumPy; or folders of them.")
]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the training set.")]
_Samples = Annotated[
    int, typer.Option("--samples", "-n", help="Samples of each image (of each setting).")
]
_Labels = Annotated[
    list[Path] | None,
    typer.Option(
        help="Labels, copied beside every sample: a file per image, in order (repeat the option), "
        "or one folder with the same names."
    ),
]
_LayoutName = Annotated[
    str, typer.Option(help="plain, stardist, cellpose, nnunet, careamics or csbdeep.")
]
_Format = Annotated[
    str | None, typer.Option("--format", help="ome-zarr or ome-tiff; other layouts take tiff.")
]
_Chunk = Annotated[int | None, typer.Option(help="OME-Zarr: voxels per chunk along an axis.")]
_Shard = Annotated[int | None, typer.Option(help="OME-Zarr: voxels per shard (file).")]
_Axes = Annotated[
    str | None, typer.Option(help='Axes of the images if they do not say so, e.g. "zyx", "tyx".')
]
_Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes on this machine; threads if not given.")
]
_Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a running dask.distributed scheduler: tcp://HOST:PORT."),
]
_Resume = Annotated[bool, typer.Option("--resume", help="Keep what is finished and go on.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Make existing samples again.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be made, make nothing.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def apply(
    recipe: Annotated[
        str, typer.Argument(help="Recipe file (JSON) as the widget saves it, or JSON text itself.")
    ],
    inputs: _Inputs,
    output: _Output,
    samples: _Samples = 1,
    strategy: Annotated[
        str, typer.Option(help="random, structured, single_aug or grid: how ranges are used.")
    ] = "random",
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range", help="NAME=LOW:HIGH, e.g. w_v=0:8 or contrast.halo=0:1; grid also :COUNT."
        ),
    ] = None,
    psnr: Annotated[str | None, typer.Option(help="Target PSNRs in dB, e.g. 30,20,12.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Make only these of the samples, from 0 on, e.g. 0-2,5.")
    ] = None,
    labels: _Labels = None,
    layout: _LayoutName = "plain",
    file_format: _Format = None,
    chunk: _Chunk = None,
    shard: _Shard = None,
    axes: _Axes = None,
    workers: _Workers = None,
    scheduler: _Scheduler = None,
    resume: _Resume = False,
    overwrite: _Overwrite = False,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Make samples of images with a recipe.

    Every sample has noise of its own and, with --range, values of its own.
    manifest.csv in the output folder tells what was made of what, and how.

    Try:

      napari-diversify apply recipe.json nuclei.tif -o train -n 8 --range w_v=0:8

      napari-diversify apply recipe.json images/ --labels masks/ -o train --layout stardist

      napari-diversify apply recipe.json big.ome.zarr -o train --workers 8 --resume
    """
    from .batch.script import numbers_in
    from .recipe import Sampling

    with _Answered():
        sampling = Sampling(
            recipe=_recipe(recipe),
            samples=samples,
            strategy=strategy,
            ranges=_ranges(ranges or ()),
            psnr=() if psnr is None else _levels(psnr),
        )
        job = _job(sampling, inputs, labels, output, layout, file_format, chunk, shard, axes)
        if only is not None:
            job = replace(job, only=numbers_in(only))
    _do(job, workers, scheduler, resume, overwrite, dry_run, as_json)


def series(
    inputs: _Inputs,
    output: _Output,
    psnr: Annotated[str, typer.Option(help="Target PSNRs in dB.")] = "30,25,20,15,12",
    recipe: Annotated[
        str | None, typer.Option(help="Recipe with one diversify step; w_i = 1 by default.")
    ] = None,
    samples: _Samples = 1,
    labels: _Labels = None,
    layout: _LayoutName = "plain",
    file_format: _Format = None,
    chunk: _Chunk = None,
    shard: _Shard = None,
    axes: _Axes = None,
    workers: _Workers = None,
    scheduler: _Scheduler = None,
    resume: _Resume = False,
    overwrite: _Overwrite = False,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Make a benchmark series: the same images at falling PSNR.

    w_v is solved for each image and level on the clipped, rounded result;
    manifest.csv holds target and achieved values.

    Try:

      napari-diversify series nuclei.tif -o benchmark --psnr 30,25,20,15,12
    """
    from .recipe import Diversify, Recipe, Sampling

    with _Answered():
        base = _recipe(recipe) if recipe else Recipe(steps=(Diversify(),))
        sampling = Sampling(recipe=base, samples=samples, psnr=_levels(psnr))
        job = _job(sampling, inputs, labels, output, layout, file_format, chunk, shard, axes)
    _do(job, workers, scheduler, resume, overwrite, dry_run, as_json)


def replay(
    paths: Annotated[list[Path], typer.Argument(help="Generated files.")],
    source: Annotated[
        Path | None, typer.Option(help="The image they were made from, if it was moved.")
    ] = None,
    as_json: _Json = False,
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
            why = _sentence(error)
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
    as_json: _Json = False,
) -> None:
    """Say what is in an image file: shape, axes, voxel size, and the recipe it was made with.

    All digits of the parameters are in the output of --json.

    Try:

      napari-diversify info train/nuclei_0003.ome.zarr
    """
    from .files import open_image

    found = []
    for path in paths:
        with _Answered(), open_image(path) as image:
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
        kinds = " > ".join(step["kind"] for step in made["recipe"]["steps"])
        lines.append(
            f"  made by     {made.get('program', 'napari-diversify')} {made.get('version', '')}: "
            f"{kinds}, seed {made['recipe']['seed']}, sample {made['recipe']['sample']}"
        )
        lines += [f"    {_step_in_words(step)}" for step in made["recipe"]["steps"]]
        lines.append(f"  made from   {made['source']['name']}")
    return "\n".join(lines)


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


# ---- from words to values ----


class _Answered:
    """Turns what goes wrong inside into a sentence and exit status 1."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, (OSError, ValueError, TypeError, ImportError, MemoryError)):
            _fail(_sentence(error))


def _sentence(error: BaseException) -> str:
    return f"{str(error).rstrip('.') or type(error).__name__}."


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _recipe(text: str) -> Recipe:
    from .recipe import Recipe

    if text.lstrip().startswith("{"):
        return Recipe.from_json(text)
    if not Path(text).exists():
        raise FileNotFoundError(f"{text}: there is no such recipe file")
    return Recipe.load(text)


def _ranges(texts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, _, numbers = text.partition("=")
        low, _, rest = numbers.partition(":")
        high, _, count = rest.partition(":")
        try:
            values = (float(low), float(high), *([int(count)] if count else []))
            if not name:
                raise ValueError
        except ValueError:
            raise ValueError(
                "a range is NAME=LOW:HIGH, e.g. w_v=0:8, for a grid NAME=LOW:HIGH:COUNT with a "
                f"whole number of values; got {text!r}"
            ) from None
        if name in found:
            raise ValueError(f"{name} has two ranges; give one")
        found[name] = values
    return found


def _levels(text: str) -> tuple[float, ...]:
    try:
        levels = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
        if not levels:
            raise ValueError
    except ValueError:
        raise ValueError(f"PSNR levels are numbers with commas between; got {text!r}") from None
    return levels


def _job(
    sampling: Sampling,
    inputs: Sequence[Path],
    labels: Sequence[Path] | None,
    output: Path,
    layout: str,
    file_format: str | None,
    chunk: int | None,
    shard: int | None,
    axes: str | None,
) -> Job:
    from .batch import Job, sources_of

    sources = sources_of(inputs, labels or (), axes=axes)
    return Job(sources, sampling, output, layout, file_format, chunk, shard)


# ---- doing it ----


def _do(
    job: Job,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from . import batch

    if dry_run:
        with _Answered():
            report = batch.preview(job, resume=resume, overwrite=overwrite)
            _say_plan(job, report, as_json)
    else:
        with _Answered(), batch.engine(workers, scheduler) as executor:
            report = told(
                batch.run(job, executor=executor, resume=resume, overwrite=overwrite),
                f"{len(job)} samples",
                _STOPPED,
            )
        _say_report(job, report, as_json)
    if not as_json:
        for name, why in report.failed:
            typer.echo(f"{name} failed: {why}.", err=True)
    if report.failed:
        raise typer.Exit(3)


def _say_plan(job: Job, report: Report, as_json: bool) -> None:
    from .batch import size_of

    wanted = set(report.made)
    units = [unit for unit in job.units() if unit.name in wanted]
    size = sum(
        size_of(replace(job, sources=(source,), only=tuple(unit.number for unit in some)))
        for source, some in groupby(units, lambda unit: unit.source)
    )
    rows = [_planned(job.sampling, unit) for unit in units]
    if as_json:
        told = {"samples": rows, "bytes": size, "output": str(job.output)} | _untouched(report)
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(
        f"{len(units)} samples of {len({unit.source for unit in units})} image(s) would be made in "
        f"{job.output}{_kept(report)}, {size / 1e9:,.2f} GB before compression."
    )
    for row in rows[:20]:
        name, *drawn = (
            f"{key} {value:.4g}" + (" dB" if key == "target_psnr" else "")
            if key != "sample"
            else value
            for key, value in row.items()
        )
        typer.echo(f"  {name}{': ' if drawn else ''}{', '.join(drawn)}")
    if len(rows) > 20:
        typer.echo(f"  and {len(rows) - 20} more")


def _planned(sampling: Sampling, unit: Unit) -> dict[str, Any]:
    """A line of the plan: what was drawn for a sample, and its target."""
    target = sampling.target(unit.number)
    return {
        "sample": unit.name,
        **({} if target is None else {"target_psnr": target}),
        **sampling.drawn(unit.number),
    }


def _say_report(job: Job, report: Report, as_json: bool) -> None:
    if as_json:
        told = {
            "made": list(report.made),
            **_untouched(report),
            "removed": list(report.removed),
            "manifest": None if report.manifest is None else str(report.manifest),
        }
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(f"{len(report.made)} samples made in {job.output}{_kept(report)}.")
    if report.removed:
        typer.echo(
            f"{len(report.removed)} older files of these samples were removed, the first was "
            f"{report.removed[0]}."
        )


def _kept(report: Report) -> str:
    return f", {len(report.kept)} kept from before" if report.kept else ""


def _untouched(report: Report) -> dict[str, Any]:
    failed = [{"sample": name, "why": why} for name, why in report.failed]
    return {"kept": list(report.kept), "failed": failed}

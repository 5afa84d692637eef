"""The commands that make training sets: apply, series.

Exit status: 0 all done; 1 it could not be begun, with the reason; 2 an option
that is not known or no number; 3 samples failed; 130 stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli_answers import answered
from .cli_progress import told

if TYPE_CHECKING:  # imported where they are used: --help shall not wait for them
    from .batch import Job, Report, Unit
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

    with answered():
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

    with answered():
        base = _recipe(recipe) if recipe else Recipe(steps=(Diversify(),))
        sampling = Sampling(recipe=base, samples=samples, psnr=_levels(psnr))
        job = _job(sampling, inputs, labels, output, layout, file_format, chunk, shard, axes)
    _do(job, workers, scheduler, resume, overwrite, dry_run, as_json)


# ---- from words to values ----


def _recipe(text: str) -> Recipe:
    from .recipe import Recipe

    if text.lstrip("\ufeff \t\r\n").startswith("{"):
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

    for folder in inputs:
        if folder.is_dir() and folder.resolve() == output.resolve():
            raise ValueError(
                f"{folder} is read, and would be written to as well: samples would be made of "
                "samples. Give another output folder"
            )
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
        with answered():
            report = batch.preview(job, resume=resume, overwrite=overwrite)
            size = _size_of(job, report)
        _say_plan(job, report, size, as_json)
    else:
        with answered(), batch.engine(workers, scheduler) as executor:
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


def _size_of(job: Job, report: Report) -> int:
    """Bytes of what would be made."""
    from .batch import size_of

    return sum(
        size_of(replace(job, sources=(source,), only=tuple(unit.number for unit in some)))
        for source, some in groupby(_units(job, report), lambda unit: unit.source)
    )


def _units(job: Job, report: Report) -> list[Unit]:
    wanted = set(report.made)
    return [unit for unit in job.units() if unit.name in wanted]


def _say_plan(job: Job, report: Report, size: int, as_json: bool) -> None:
    units = _units(job, report)
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

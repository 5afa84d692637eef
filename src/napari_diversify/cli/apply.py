"""The commands that make training sets: apply, series.

Exit status: 0 all done; 1 the command could not start, with the reason; 2 an option
that is unknown or not a number; 3 samples failed; 130 stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as options
from .answers import answered, say
from .progress import tracked

if TYPE_CHECKING:  # imported where they are used: --help should not wait for them
    from ..batch import Inputs, Job, Reading, Report, Unit

_MOST_NOTES = 20
_STOPPED = "Stopped. Finished samples stay; --resume continues from here."


def apply(
    recipe: Annotated[
        str, typer.Argument(help="Recipe file (JSON) as the widget saves it, or JSON text itself.")
    ],
    inputs: options.Inputs,
    output: options.Output,
    samples: options.Samples = 1,
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
    labels: options.Labels = None,
    no_labels: options.NoLabels = False,
    layout: options.LayoutName = "plain",
    file_format: options.Format = None,
    chunk: options.Chunk = None,
    shard: options.Shard = None,
    axes: options.Axes = None,
    series: options.Series = None,
    voxel_size: options.VoxelSize = None,
    same_noise: options.SameNoise = False,
    own_noise: options.OwnNoise = False,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Make samples of images with a recipe.

    Every sample has its own noise and, with --range, its own values. So has every image from a
    folder or a list, according to its name: other files around it change nothing. One image named
    by itself has the noise that napari shows. --same-noise gives all images the same.
    manifest.csv in the output folder says what was made from what, and how.

    Try:

      napari-diversify apply recipe.json nuclei.tif -o train -n 8 --range w_v=0:8

      napari-diversify apply recipe.json images/ --labels masks/ -o train --layout stardist

      napari-diversify apply recipe.json big.ome.zarr -o train --workers 8 --resume
    """
    from ..batch import Job
    from ..batch.script import numbers_in
    from ..recipe import Sampling

    with answered():
        sampling = Sampling(
            recipe=options.recipe_in(recipe),
            samples=samples,
            strategy=strategy,
            ranges=options.ranges_in(ranges or ()),
            psnr=() if psnr is None else options.levels_in(psnr),
        )
        reading = options.reading_of(axes, series, voxel_size)
        images = _images(
            inputs, labels, no_labels, (same_noise, own_noise), reading, output, layout
        )
        job = Job(images.sources, sampling, output, layout, file_format, chunk, shard)
        if only is not None:
            job = replace(job, only=numbers_in(only))
    _do(job, images.notes, workers, scheduler, resume, overwrite, dry_run, as_json)


def series(
    inputs: options.Inputs,
    output: options.Output,
    psnr: Annotated[str, typer.Option(help="Target PSNRs in dB.")] = "30,25,20,15,12",
    recipe: Annotated[
        str | None, typer.Option(help="Recipe with one diversify step; w_i = 1 by default.")
    ] = None,
    samples: options.Samples = 1,
    labels: options.Labels = None,
    no_labels: options.NoLabels = False,
    layout: options.LayoutName = "plain",
    file_format: options.Format = None,
    chunk: options.Chunk = None,
    shard: options.Shard = None,
    axes: options.Axes = None,
    series: options.Series = None,
    voxel_size: options.VoxelSize = None,
    same_noise: options.SameNoise = False,
    own_noise: options.OwnNoise = False,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Make a benchmark series: the same images at falling PSNR.

    w_v is solved for each image and level on the clipped, rounded result;
    manifest.csv holds target and achieved values.

    Try:

      napari-diversify series nuclei.tif -o benchmark --psnr 30,25,20,15,12
    """
    from ..batch import Job
    from ..recipe import Diversify, Recipe, Sampling

    with answered():
        base = options.recipe_in(recipe) if recipe else Recipe(steps=(Diversify(),))
        sampling = Sampling(recipe=base, samples=samples, psnr=options.levels_in(psnr))
        reading = options.reading_of(axes, series, voxel_size)
        images = _images(
            inputs, labels, no_labels, (same_noise, own_noise), reading, output, layout
        )
        job = Job(images.sources, sampling, output, layout, file_format, chunk, shard)
    _do(job, images.notes, workers, scheduler, resume, overwrite, dry_run, as_json)


# ---- what is asked for ----


def _images(
    inputs: Sequence[Path],
    labels: Sequence[Path] | None,
    no_labels: bool,
    noise: tuple[bool, bool],
    reading: Reading,
    output: Path,
    layout: str,
) -> Inputs:
    from ..batch import look_at
    from ..files import LAYOUTS

    for folder in inputs:
        if folder.is_dir() and folder.resolve() == output.resolve():
            raise ValueError(
                f"{folder} is read, and would be written to as well: samples would be made of "
                "samples. Give another output folder"
            )
    if labels and no_labels:
        raise ValueError("--labels and --no-labels contradict each other: give one of them")
    takes_labels = layout not in LAYOUTS or LAYOUTS[layout].labels is not None
    return look_at(
        inputs,
        labels or (),
        reading,
        find_labels=takes_labels and not no_labels,
        same_noise=noise[0],
        own_noise=noise[1],
        output=output,
    )


# ---- doing it ----


def _do(
    job: Job,
    notes: Sequence[str],
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    from .. import batch
    from ..recipe.equal_samples import equality_note

    equal = equality_note(job.sampling, job.numbers)
    notes = [*notes, *([] if equal is None else [equal])]
    if not as_json:
        _say_notes(notes)
    if dry_run:
        with answered():
            report = batch.preview(job, resume=resume, overwrite=overwrite)
            size = _size_of(job, report)
        _say_plan(job, report, size, notes, as_json)
    else:
        with answered(), batch.engine(workers, scheduler) as executor:
            report = tracked(
                batch.run(job, executor=executor, resume=resume, overwrite=overwrite),
                f"{len(job)} samples",
                _STOPPED,
            )
        _say_report(job, report, notes, as_json)
    if not as_json:
        _say_notes(report.notes)
        for name, why in report.failed:
            say(f"{name} failed: {why}.")
    if report.failed:
        raise typer.Exit(3)


def _size_of(job: Job, report: Report) -> int:
    """Bytes of the samples that would be made."""
    from ..batch import size_of

    return sum(
        size_of(replace(job, sources=(source,), only=tuple(unit.number for unit in units)))
        for source, units in groupby(_units(job, report), lambda unit: unit.source)
    )


def _units(job: Job, report: Report) -> list[Unit]:
    wanted = set(report.made)
    return [unit for unit in job.units() if unit.name in wanted]


def _say_plan(job: Job, report: Report, size: int, notes: Sequence[str], as_json: bool) -> None:
    units = _units(job, report)
    rows = [_planned(job, unit) for unit in units]
    if as_json:
        plan = {"samples": rows, "bytes": size, "output": str(job.output)} | _untouched(
            report, notes
        )
        typer.echo(json.dumps(plan, indent=2))
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


def _planned(job: Job, unit: Unit) -> dict[str, Any]:
    """A line of the plan: the values drawn for a sample, and its target."""
    sampling = job.sampling_of(unit.source)
    target = sampling.target(unit.number)
    return {
        "sample": unit.name,
        **({} if target is None else {"target_psnr": target}),
        **sampling.drawn(unit.number),
    }


def _say_report(job: Job, report: Report, notes: Sequence[str], as_json: bool) -> None:
    if as_json:
        result = {
            "made": list(report.made),
            **_untouched(report, notes),
            "removed": list(report.removed),
            "manifest": None if report.manifest is None else str(report.manifest),
        }
        typer.echo(json.dumps(result, indent=2))
        return
    typer.echo(f"{len(report.made)} samples made in {job.output}{_kept(report)}.")
    if report.removed:
        typer.echo(
            f"{len(report.removed)} older files of these samples were removed, the first was "
            f"{report.removed[0]}."
        )


def _kept(report: Report) -> str:
    return f", {len(report.kept)} kept from before" if report.kept else ""


def _untouched(report: Report, notes: Sequence[str]) -> dict[str, Any]:
    failed = [{"sample": name, "why": why} for name, why in report.failed]
    return {"kept": list(report.kept), "failed": failed, "notes": [*notes, *report.notes]}


def _say_notes(notes: Sequence[str]) -> None:
    for note in notes[:_MOST_NOTES]:
        say(f"Note: {note}.")
    if len(notes) > _MOST_NOTES:
        say(f"Note: {len(notes) - _MOST_NOTES} more; --json shows all.")

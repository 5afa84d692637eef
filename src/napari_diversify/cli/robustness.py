"""The command that finds out from where on a segmenter fails.

Exit status: 0 all done; 1 the study could not start, with the reason; 2 an option that is
unknown or not a number; 3 some segmentations or levels failed; 130 stopped.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as options
from .answers import answered, say
from .progress import tracked

if TYPE_CHECKING:  # imported where they are used: --help should not wait for them
    from ..batch import Inputs, Source
    from ..robustness.following import Outcome, Progress
    from ..robustness.study import Study

_STOPPED = "Stopped. Finished rows stay; --resume continues from here."


def robustness(
    recipe: Annotated[
        str, typer.Argument(help="Recipe file (JSON) as the widget saves it, or JSON text itself.")
    ],
    inputs: options.Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the study.")],
    segmenters: Annotated[
        list[str] | None,
        typer.Option(
            "--segmenter",
            help="otsu, log, log:diameter=12, stardist:MODEL, cellpose:MODEL, or a function "
            "(image, spacing) of your own: package.module:function or file.py:function. It runs "
            "in a process of its own. Repeat the option to compare.",
        ),
    ] = None,
    commands: Annotated[
        list[str] | None,
        typer.Option(
            "--command",
            help="A program as segmenter, e.g. 'python seg.py {in} {out}': TIFF images in one "
            "folder, labels of the same names into the other.",
        ),
    ] = None,
    psnr: Annotated[
        str | None, typer.Option(help="The axis: PSNRs in dB, e.g. 30,25,20,16,13,11,9.")
    ] = None,
    vary: Annotated[
        str | None,
        typer.Option(
            help="Or the axis: NAME=FIRST:LAST:COUNT of any parameter of the recipe, from the "
            "mildest on, e.g. extra_depth=0:160:6 or cutoff=1:0.1:7."
        ),
    ] = None,
    draws: Annotated[
        str, typer.Option(help="Samples of each level; auto: until noise adds little error.")
    ] = "auto",
    prefilter: Annotated[
        float | None,
        typer.Option(help="Also with a low-pass before each segmenter: its cutoff, e.g. 0.25."),
    ] = None,
    score: Annotated[
        str,
        typer.Option(
            help="What is judged: ap50 to ap90, ap, pq, f1, precision, recall or seg; scores.csv "
            "holds all."
        ),
    ] = "ap50",
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds that a function or program may take for an image; 600."),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="True objects: a folder or files, paired with the images by name (repeat the "
            "option). By default those beside the images or inside them. Without any, stability "
            "is measured."
        ),
    ] = None,
    no_labels: options.NoLabels = False,
    axes: options.Axes = None,
    series: options.Series = None,
    voxel_size: options.VoxelSize = None,
    workers: options.Workers = None,
    scheduler: options.Scheduler = None,
    resume: options.Resume = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the study in the folder.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Find out from where on a segmenter fails, and which fails first.

    Samples get worse along one axis; every segmenter is scored on each of them against the
    labels. The folder gets scores.csv, curves.csv, objects.csv (which objects are lost first),
    the curves as SVG and PNG, and a page, robustness.html.

    Try:

      napari-diversify robustness recipe.json nuclei.tif --labels masks.tif --segmenter otsu
      --segmenter log --psnr 30,25,20,16,13,11,9 -o study

      napari-diversify robustness recipe.json nuclei.tif --segmenter mine.py:segment
      --vary extra_depth=0:160:6 -o depth
    """
    from ..robustness.segmenters import Command, segmenter_in
    from ..robustness.study import Study

    with answered():
        limit: dict[str, Any] = {} if time_limit is None else {"time_limit": time_limit}
        tried = [segmenter_in(text, time_limit) for text in segmenters or ()]
        tried += [Command(line=line, **limit) for line in commands or ()]
        name, values = options.axis_in(vary) if vary is not None else ("", ())
        study = Study(
            recipe=options.recipe_in(recipe),
            psnr=() if psnr is None else options.levels_in(psnr),
            parameter=name,
            values=values,
            draws=options.draws_in(draws),
            segmenters=tuple(tried or [segmenter_in("otsu")]),
            prefilter=prefilter,
            score=score,
        )
        images = _images(inputs, labels, no_labels, axes, series, voxel_size, output)
    if not as_json:
        for note in images.notes:
            say(f"Note: {note}.")
        if not tried:
            say("Note: no segmenter is given, so otsu is tried.")
    if dry_run:
        _say_plan(study, images.sources, output, as_json)
        return
    _do(study, images, output, (workers, scheduler), resume, overwrite, as_json)


def _images(
    inputs: Sequence[Path],
    labels: Sequence[Path] | None,
    no_labels: bool,
    axes: str | None,
    series: str | None,
    voxel_size: Sequence[str] | None,
    output: Path,
) -> Inputs:
    from ..batch import look_at

    if labels and no_labels:
        raise ValueError("--labels and --no-labels contradict each other: give one of them")
    reading = options.reading_of(axes, series, voxel_size)
    return look_at(inputs, labels or (), reading, find_labels=not no_labels, output=output)


def _do(
    study: Study,
    images: Inputs,
    output: Path,
    engine: tuple[int | None, str | None],
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from .. import batch
    from ..report import write_study
    from ..robustness.curves import results
    from ..robustness.running import run
    from ..robustness.words import STABILITY, said

    with answered(), batch.engine(*engine) as executor:
        work = run(
            study,
            images.sources,
            output,
            executor=executor,
            resume=resume,
            overwrite=overwrite,
        )
        outcome = tracked(_pieces(work), "robustness", _STOPPED)
    with answered():
        written = write_study(output)
    failed = [row for row in outcome.rows if row.failed]
    found = results(study, outcome.rows)
    sentences = {
        one.image: said(study, one, [row for row in outcome.rows if row.image == one.image])
        for one in found
    }
    if as_json:
        told = {
            "rows": len(outcome.rows),
            "failed": len(failed),
            "problems": [{"what": what, "why": why} for what, why in outcome.problems],
            "found": sentences,
            "notes": list(images.notes),
            "page": str(written[0]),
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        for image, lines in sentences.items():
            for line in lines:
                typer.echo(f"{image}: {line}.")
        if any(one.against_itself for one in found):
            typer.echo(STABILITY)
        typer.echo(f"{len(outcome.rows)} scores; the page is {written[0]}.")
        for what, why in outcome.problems:
            say(f"{what} could not be made: {why}.")
    if failed or outcome.problems:
        raise typer.Exit(3)


def _pieces(
    work: Generator[Progress, None, Outcome],
) -> Generator[tuple[int, int], None, Outcome]:
    """The progress as numbers."""
    try:
        while True:
            progress = next(work)
            yield progress.done, progress.total
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    finally:
        work.close()


def _say_plan(study: Study, sources: Sequence[Source], output: Path, as_json: bool) -> None:
    from ..robustness.following import check_images

    with answered():
        samples, problems = check_images(study, sources)
    rows = samples * len(study.curves)
    if as_json:
        plan = {
            "images": [source.name for source in sources],
            "labels": [source.labels is not None for source in sources],
            "levels": study.levels,
            "curves": [curve.name for curve in study.curves],
            "samples": samples,
            "rows": rows,
            "problems": [{"what": what, "why": why} for what, why in problems.items()],
        }
        typer.echo(json.dumps(plan, indent=2))
    else:
        least = "at least " if study.draws == "auto" else ""
        typer.echo(
            f"{least}{samples} samples of {len(sources) - len(problems)} image(s) would be made, "
            f"and {rows} segmentations of {len(study.curves)} curve(s) scored in {output}."
        )
        for what, why in problems.items():
            say(f"{what} cannot be used: {why}.")
    if problems:
        raise typer.Exit(3)

"""The command that tests whether predicted shapes help to tell rare classes.

Exit status: 0 the table was made; 1 it was not, with the reason; 2 the command line itself was
wrong; 130 stopped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# what takes long to import is imported where it is used: --help does not wait for it
from .answers import say, stop
from .progress import bar
from .training_sources import labelled

if TYPE_CHECKING:
    from ..learned.balance.experiment import Result

_STOPPED = "Stopped. No table was made."


def balance(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Images; none to learn from masks alone.")
    ] = None,
    labels: Annotated[
        list[Path] | None, typer.Option(help="3D labels, as those of “train shapes”.")
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(help="CSV file with the columns label and class (and image, of several)."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="A model of shapes to draw with; what it has learned from is left out. By "
            "default, networks are trained within the folds."
        ),
    ] = None,
    rare: Annotated[
        list[str] | None,
        typer.Option(
            help="A class that shapes are added to (repeat the option); by default those with at "
            "most a third as many objects as the largest."
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(min=1, help="Objects of a rare class that are trained on, at most."),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, max=100, help="Shapes drawn of each object.")
    ] = 10,
    folds: Annotated[int, typer.Option(min=3, max=20, help="Folds.")] = 3,
    repeats: Annotated[int, typer.Option(min=1, max=1000, help="How often all is repeated.")] = 8,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of each training of a network of shapes.")
    ] = 300,
    width: Annotated[
        int, typer.Option(min=8, max=256, help="Channels of its first level, a multiple of 8.")
    ] = 48,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes other folds.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file for the table.")
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help='Axes of the files if they do not say so, e.g. "zyx".')
    ] = None,
    channel: Annotated[
        int | None, typer.Option(min=0, help="Which channel, of images with several; from 0.")
    ] = None,
    voxel_size: Annotated[
        list[str] | None,
        typer.Option(help="Voxel size in µm if the files do not say so, e.g. z=0.5,y=0.1,x=0.1."),
    ] = None,
) -> None:
    """Test whether predicted shapes help to tell rare classes (after DISPR).

    Random forests learn to tell the classes from features of true 3D shapes:
    plainly, with class weights, with real rows repeated, with SMOTE (if
    imbalanced-learn is installed), and with features of shapes that networks
    predict for the rare objects. Whatever is tested was seen by no network.

    Try:

      napari-diversify balance cells.tif --labels labels.tif --classes classes.csv
    """
    if not labels or classes is None:
        raise ValueError("balance needs --labels in 3D and --classes, a table of their classes")
    from ..files import check_free
    from ..learned.balance.classes import classes_of
    from ..learned.balance.experiment import experiment, rare_of
    from ..learned.balance.methods import check_installed, has_smote
    from ..learned.balance.own_shapes import features_of, from_model, learner, unseen
    from ..learned.needs import torch

    check_installed()
    torch()
    if output is not None:
        check_free(output)
    import numpy as np

    from ..learned.training.plan import Job
    from ..learned.training.settings import ShapesTraining
    from ..learned.training.shape_objects import objects_of

    sources, own = labelled(images, labels, axes, channel, voxel_size)
    settings = ShapesTraining(steps=steps, width=width)
    voxel = None
    if model is not None:
        from ..learned.folder import find
        from ..learned.shapes.given import shape_of

        shape = shape_of(find(str(model))[1], str(model))
        settings = settings.replace(patch=shape.side, picture=shape.picture)
        voxel = shape.voxel
        if shape.image and not sources:
            raise ValueError("the model looks at pictures of the objects: give their images")
    objects = objects_of(Job(images=sources, labels=own, settings=settings), Path(), voxel)
    kinds, names, notes = classes_of(classes, objects.names)
    kept = np.flatnonzero(kinds >= 0)
    if model is not None:
        known = np.intersect1d(kept, unseen(str(model), objects))
        if len(known) < len(kept):
            notes += (f"{len(kept) - len(known)} left out, as the model has learned from them",)
        kept = known
    for note in (*objects.left_out, *notes):
        say(f"Note: {note}.")
    objects, kinds = objects.take(kept), kinds[kept]
    few = rare_of(kinds, names, tuple(rare or ()))
    if not has_smote():
        say("Note: SMOTE is left out, as imbalanced-learn is not installed.")
    nets = 0 if model is not None else folds * (folds - 1) // 2 * repeats
    with bar("training", max(1, nets * steps)) as tell, _stopping():
        learn = (
            learner(settings, objects, samples, seed, lambda n: tell(advance=n))
            if model is None
            else from_model(str(model), objects, samples, seed)
        )
        work = experiment(
            features_of(objects), kinds, names, learn, rare=few, folds=folds, repeats=repeats,
            most=most, seed=seed,
        )  # fmt: skip
        result: Any = None
        while result is None:
            try:
                next(work)
            except StopIteration as end:
                result = end.value
    if output is not None:
        _write(output, result)
    typer.echo(_in_words(result, [int(np.sum(kinds == k)) for k in range(len(names))]))


@contextmanager
def _stopping() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        stop(_STOPPED)


def _in_words(result: Result, counts: list[int]) -> str:
    width = max(len(name) for name in result.scores)
    many = ", ".join(f"{name} {n}" for name, n in zip(result.classes, counts, strict=True))
    lines = [f"Classes: {many}. Rare: {', '.join(result.rare)}."]
    lines += [
        f"  {name:{width}s}  macro F1 {mean:.3f} ± {spread:.3f}, of rare classes {own:.3f}"
        for name, mean, spread, own in result.rows()
    ]
    return "\n".join([*lines, result.verdict()])


def _write(path: Path, result: Result) -> None:
    from ..files import replace_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "repeat", "macro F1", *(f"F1 of {c}" for c in result.classes)])
    for name, table in result.scores.items():
        for repeat, f1 in enumerate(table):
            writer.writerow([name, repeat, f"{f1.mean():.4f}", *(f"{v:.4f}" for v in f1)])
    replace_text(path, text.getvalue())

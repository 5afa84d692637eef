"""The commands that train: train restore, denoise, dress and shapes.

Exit status: 0 a model was made; 1 none was, with the reason; 2 an option that is unknown or
not a number; 130 stopped, and what was learned is kept.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

# what takes long to import is imported where it is used: --help does not wait for it
from .answers import say, stop
from .progress import bar
from .training_sources import images_in, labelled

if TYPE_CHECKING:
    from ..learned.card import Card
    from ..learned.training.job import Job, Source

_Images = Annotated[
    list[Path] | None,
    typer.Argument(help="Images: OME-Zarr, OME-TIFF, TIFF, NumPy; or folders of them."),
]
_Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the model; it must not exist.")
]
_Seed = Annotated[int, typer.Option(min=0, help="Another seed trains another model.")]
_Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the training in the folder of the model.")
]
_Axes = Annotated[
    str | None, typer.Option(help='Axes of the images if they do not say so, e.g. "tyx".')
]
_Channel = Annotated[
    int | None, typer.Option(min=0, help="Which channel, of images with several; from 0.")
]
_VoxelSize = Annotated[
    list[str] | None,
    typer.Option(
        help="Voxel size in µm if the files do not say so, e.g. z=0.5,y=0.1,x=0.1; or the word "
        '"voxels": depth and widths then count in voxels.'
    ),
]
_Clean = Annotated[
    list[Path] | None,
    typer.Option(
        help="Each image without what is to be removed, if that is known: for the figures at the "
        "end only (repeat the option)."
    ),
]


def restore(
    images: _Images = None,
    *,
    output: _Output,
    seed: _Seed = 0,
    resume: _Resume = False,
    axes: _Axes = None,
    channel: _Channel = None,
    voxel_size: _VoxelSize = None,
    clean: _Clean = None,
    **settings: Any,
) -> None:
    """Train a model that restores contrast lost in deep tissue, on the images themselves.

    Patches are degraded further, as deeper tissue would, and the model learns
    to undo that. Ctrl+C keeps what was learned; --resume goes on.

    Try:

      napari-diversify train restore stack.ome.tif -o models/stack --depth 60
    """
    sources = images_in(images, axes, channel, voxel_size)
    cleaned = images_in(clean, axes, channel, voxel_size)
    _train("restore", output, sources, seed, resume, settings, clean=cleaned)


def denoise(
    images: _Images = None,
    *,
    output: _Output,
    seed: _Seed = 0,
    resume: _Resume = False,
    axes: _Axes = None,
    channel: _Channel = None,
    voxel_size: _VoxelSize = None,
    clean: _Clean = None,
    frames: Annotated[
        Path | None,
        typer.Option(help="Frames (t, y, x) of one static scene, to fit the noise model to."),
    ] = None,
    denoised: Annotated[
        list[Path] | None,
        typer.Option(
            help="A denoised copy of each image, to fit the noise model to (repeat the option)."
        ),
    ] = None,
    **settings: Any,
) -> None:
    """Train a model that draws what noisy images may look like without noise (DivNoising).

    It learns from the noisy images alone, and from how their noise depends on
    the light. Ctrl+C keeps what was learned; --resume goes on.

    Try:

      napari-diversify train denoise stack.ome.tif -o models/stack
    """
    if frames is not None and denoised:
        raise ValueError("the noise model is fitted to --frames or to --denoised: give one of them")
    more: dict[str, Any] = {
        "clean": images_in(clean, axes, channel, voxel_size),
        "denoised": images_in(denoised, axes, channel, voxel_size),
        "frames": next(iter(images_in([frames] if frames else None, "tyx", None, None)), None),
    }
    sources = images_in(images, axes, channel, voxel_size)
    _train("denoise", output, sources, seed, resume, settings, **more)


def dress(
    images: _Images = None,
    *,
    output: _Output,
    seed: _Seed = 0,
    resume: _Resume = False,
    axes: _Axes = None,
    channel: _Channel = None,
    voxel_size: _VoxelSize = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="Labels whose statistics the masks should have: of any image like these."
        ),
    ] = None,
    specimen: Annotated[
        Path | None,
        typer.Option(help="Parameters of the masks, as phantom saves them (NAME.json)."),
    ] = None,
    diameter: Annotated[
        float | None, typer.Option(min=0, help="Mean diameter of the nuclei, in µm.")
    ] = None,
    count: Annotated[
        float | None,
        typer.Option(min=0, help="Nuclei in a plane of the images, counted or guessed: density."),
    ] = None,
    **settings: Any,
) -> None:
    """Train a model that makes pictures for synthetic masks which look like your images.

    The images need no masks, and the masks no images (CycleGAN). Masks are those of synthetic
    nuclei; give labels (--like) or count and diameter, so that they are as dense as
    your nuclei: where they are not, objects are hidden or invented. A low-pass and noise keep the
    cycle from hiding objects in the pictures (--cutoff, --noise). Ctrl+C keeps what was
    learned; --resume goes on.

    Try:

      napari-diversify train dress stack.ome.tif --like labels.tif -o models/nuclei
    """
    sources = images_in(images, axes, channel, voxel_size)
    more: dict[str, Any] = {}
    if not resume and sources:
        from .specimens import record_of

        more["specimen"] = record_of(sources, like, specimen, diameter, count)
    _train("dress", output, sources, seed, resume, settings, **more)


def shapes(
    images: _Images = None,
    *,
    output: _Output,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="3D labels: a folder or files, paired with the images by name; by default those "
            "that lie beside them. Without images, shapes are learned from masks alone."
        ),
    ] = None,
    seed: _Seed = 0,
    resume: _Resume = False,
    axes: _Axes = None,
    channel: _Channel = None,
    voxel_size: _VoxelSize = None,
    **settings: Any,
) -> None:
    """Train a model that draws what 3D shapes a 2D picture may be of (after DISPR).

    It learns from objects that are labelled in 3D, or from synthetic cells
    (--cells); objects that a border cuts are left out. Ctrl+C keeps what was
    learned; --resume goes on.

    Try:

      napari-diversify train shapes stack.tif --labels labels.tif -o models/shapes

      napari-diversify train shapes --cells 300 -o models/cells
    """
    sources, own = labelled(images, labels, axes, channel, voxel_size)
    _train("shapes", output, sources, seed, resume, settings, labels=own)


class Command(TyperCommand):
    """One of the commands; it gets the options of the settings when it is called, not before."""

    @cached_property
    def _whole(self) -> Any:
        from .training_options import options

        function, own = _OWN[str(self.name)]
        _show(function, [*own, *options(str(self.name))])
        app = typer.Typer(add_completion=False)
        app.command(name=self.name)(function)
        return typer.main.get_command(app)

    @property
    def params(self) -> list[Any]:
        """All of its options."""
        options: list[Any] = self._whole.params
        return options

    @params.setter
    def params(self, own: list[Any]) -> None:
        pass  # typer gives it those in its signature, which lacks the settings here

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        return self._whole.invoke(ctx)


def _own(function: Callable[..., None]) -> list[inspect.Parameter]:
    """Parameters of a command, but for those that the settings declare."""
    return [
        p
        for p in inspect.signature(function, eval_str=True).parameters.values()
        if p.kind is not inspect.Parameter.VAR_KEYWORD
    ]


def _show(function: Any, options: Sequence[inspect.Parameter]) -> None:
    """Give a command a signature of these options."""
    function.__signature__ = inspect.Signature(list(options))
    function.__annotations__ = {p.name: p.annotation for p in options} | {"return": None}


_OWN = {
    function.__name__: (function, _own(function)) for function in (restore, denoise, dress, shapes)
}
for _function, _options in _OWN.values():
    _show(_function, _options)


# ---- from words to a job ----


def _train(
    kind: str,
    output: Path,
    images: tuple[Source, ...],
    seed: int,
    resume: bool,
    given: dict[str, Any],
    **more: Any,
) -> None:
    from ..learned.needs import torch
    from ..learned.training.job import Job, check_free, discard, place, prepare
    from .training_options import settings_of

    given = {name: value for name, value in given.items() if value is not None}
    if resume:
        job = Job.load(output)
        _check_same(kind, job, given, images, output)
    elif not images and kind != "shapes":
        raise ValueError("no image is given to train on; give files or folders")
    else:
        check_free(output)
        settings = settings_of(kind)(**given)
        job = Job(images=images, settings=settings, seed=seed, **more)
    torch()
    if not resume:
        prepare(output, job)
    try:
        _run(kind, output, job)
    except (OSError, ValueError, TypeError):
        if not resume and not (place(output) / "state.safetensors").exists():
            discard(output)  # it has not even begun
        raise


def _check_same(
    kind: str, job: Job, given: dict[str, Any], images: tuple[Source, ...], output: Path
) -> None:
    """Raise unless the options of a command that goes on are those it was begun with, or none."""
    if job.settings.kind != kind:
        raise ValueError(f"{output} holds a training of “{job.settings.kind}”, not of “{kind}”")
    other = [name for name, value in given.items() if getattr(job.settings, name) != value]
    if other or (images and images != job.images):
        what = f"another {other[0].replace('_', ' ')}" if other else "other images"
        raise ValueError(
            f"{output} was begun with {what}; leave that out to go on, or choose another name"
        )


def _run(kind: str, output: Path, job: Job) -> None:
    from ..learned.folder import read_card
    from ..learned.training.job import status
    from ..learned.training.progress import Progress
    from ..learned.training.running import train

    at = 0
    if status(output).state == "done":
        say(f"{output} has been trained already.")
    else:
        with bar("training", job.settings.steps) as tell:

            def shown(now: Progress) -> None:
                nonlocal at
                at = now.step
                losses = ", ".join(f"{name} {value:.3g}" for name, value in now.losses.items())
                tell(completed=now.step, description=f"training ({losses})")

            try:
                train(output, shown)
            except KeyboardInterrupt:
                stop(
                    f"Stopped after {at} of {job.settings.steps} steps; nothing is lost. Go on "
                    f"with: napari-diversify train {kind} --output {output} --resume"
                )
    typer.echo(_in_words(output, read_card(output)))


def _in_words(output: Path, card: Card) -> str:
    """The figures of a model as a table, and how to read them."""
    width = max((len(row.method) for row in card.figures), default=0)
    rows = [
        f"  {row.method:{width}s}  {', '.join(f'{name} {v:g}' for name, v in row.values.items())}"
        for row in card.figures
    ]
    made = f"A model was made in {output.resolve()}, after {card.trained.steps} steps."
    return "\n".join([made, *rows, *card.remarks])

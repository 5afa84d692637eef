"""The options of the commands that make training sets, and how their words are understood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # imported where they are used: --help must not wait for them
    from ..batch import Reading
    from ..recipe import Recipe

Inputs = Annotated[
    list[Path],
    typer.Argument(help="Images: OME-Zarr, OME-TIFF, TIFF, NumPy, plates; or folders of them."),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder of the training set.")]
Samples = Annotated[
    int, typer.Option("--samples", "-n", help="Samples of each image (of each setting).")
]
Labels = Annotated[
    list[Path] | None,
    typer.Option(
        help="Labels, copied beside every sample: a folder or files, paired with the images by "
        "name (repeat the option); or the name of the labels inside OME-Zarr images. By default "
        "those that lie beside the images or inside them, by name."
    ),
]
NoLabels = Annotated[
    bool, typer.Option("--no-labels", help="Use no labels, not even those beside the images.")
]
LayoutName = Annotated[
    str, typer.Option(help="plain, stardist, cellpose, nnunet, careamics or csbdeep.")
]
Format = Annotated[
    str | None, typer.Option("--format", help="ome-zarr or ome-tiff; other layouts use tiff.")
]
Chunk = Annotated[int | None, typer.Option(help="OME-Zarr: voxels per chunk along an axis.")]
Shard = Annotated[int | None, typer.Option(help="OME-Zarr: voxels per shard (file).")]
Axes = Annotated[
    str | None,
    typer.Option(
        help='Axes of the images and labels if the files do not say so or are wrong, e.g. "zyx", '
        '"tyx".'
    ),
]
Series = Annotated[
    str | None,
    typer.Option(
        help="Which images of files that hold several, counted from 0, e.g. 0 or 1-3,5; by default "
        "all except thumbnails."
    ),
]
VoxelSize = Annotated[
    list[str] | None,
    typer.Option(
        help="Voxel size in µm if the files do not say so, e.g. z=0.5,y=0.1,x=0.1; or the word "
        '"voxels": lengths of the recipe then count in voxels where the size is not known.'
    ),
]
SameNoise = Annotated[
    bool,
    typer.Option(
        "--same-noise",
        help="Give all images the same noise and the same drawn values. By default each image "
        "from a folder or a list has its own, which depend on its name alone.",
    ),
]
OwnNoise = Annotated[
    bool,
    typer.Option(
        "--own-noise",
        help="Give an image that is named by itself the noise that it has in its folder: for jobs "
        "that process one image of a set each.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes on this machine; threads if not given.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a running dask.distributed scheduler: tcp://HOST:PORT."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Keep what is finished and continue.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Make existing samples again.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def reading_of(axes: str | None, series: str | None, voxel_size: Sequence[str] | None) -> Reading:
    """How files are to be read, from the words of the options."""
    from ..batch import Reading
    from ..batch.script import numbers_in

    sizes, in_voxels = voxel_size_in(voxel_size or ())
    return Reading(axes, None if series is None else numbers_in(series), sizes or None, in_voxels)


def voxel_size_in(texts: Sequence[str]) -> tuple[dict[str, float], bool]:
    """Voxel sizes by axis in micrometres, and whether lengths may count in voxels.

    Raises
    ------
    ValueError
        If a text is neither.

    Examples
    --------
    >>> voxel_size_in(["z=0.5,y=0.1", "x=0.1"]), voxel_size_in(["voxels"])
    (({'z': 0.5, 'y': 0.1, 'x': 0.1}, False), ({}, True))
    """
    sizes: dict[str, float] = {}
    in_voxels = False
    for part in (part.strip() for text in texts for part in text.split(",")):
        axis, _, number = part.lower().partition("=")
        if part.lower() == "voxels":
            in_voxels = True
            continue
        try:
            size = float(number)
            if axis.strip() not in ("z", "y", "x") or not 0 < size < float("inf"):
                raise ValueError
        except ValueError:
            raise ValueError(
                "a voxel size is AXIS=MICROMETRES with the axes z, y and x, e.g. "
                f'z=0.5,y=0.1,x=0.1, or the word "voxels"; got {part!r}'
            ) from None
        if axis.strip() in sizes:
            raise ValueError(f"the voxel size along {axis.strip()} is given twice; give it once")
        sizes[axis.strip()] = size
    return sizes, in_voxels


def recipe_in(text: str) -> Recipe:
    """The recipe in a file, or in the text itself."""
    from ..recipe import Recipe

    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return Recipe.from_json(text)
    if not Path(text).exists():
        raise FileNotFoundError(f"{text}: there is no such recipe file")
    return Recipe.load(text)


def ranges_in(texts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Ranges by the name of their parameter."""
    ranges: dict[str, tuple[float, ...]] = {}
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
        if name in ranges:
            raise ValueError(f"{name} has two ranges; give one")
        ranges[name] = values
    return ranges


def levels_in(text: str) -> tuple[float, ...]:
    """Target PSNRs in decibel."""
    try:
        levels = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
        if not levels:
            raise ValueError
    except ValueError:
        raise ValueError(f"PSNR levels are numbers separated by commas; got {text!r}") from None
    return levels


def axis_in(text: str) -> tuple[str, tuple[float, ...]]:
    """A parameter and its values, evenly spaced from the first to the last.

    Examples
    --------
    >>> axis_in("cutoff=1:0.5:3")
    ('cutoff', (1.0, 0.75, 0.5))
    """
    from ..robustness.study import evenly

    name, _, numbers = text.partition("=")
    try:
        first, last, count = (float(part) for part in numbers.split(":"))
        if not name or not 2 <= count <= 1000 or count != int(count):
            raise ValueError
    except ValueError:
        raise ValueError(
            "an axis is NAME=FIRST:LAST:COUNT with 2 levels or more, from the mildest on, e.g. "
            f"extra_depth=0:160:6; got {text!r}"
        ) from None
    return name, evenly(first, last, int(count))


def draws_in(text: str) -> int | str:
    """A number of draws, or the word auto."""
    if text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"draws are a whole number, or the word auto; got {text!r}") from None

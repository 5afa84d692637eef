"""The command that draws 3D shapes of the objects in a 2D image.

Exit status: 0 all was written; 1 it was not, with the reason; 2 the command line itself was
wrong; 130 stopped, and nothing is left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# what takes long to import is imported where it is used: --help does not wait for it
from .answers import say, stop
from .options import voxel_size_in
from .progress import bar, tracked

if TYPE_CHECKING:
    from ..learned.shapes.prediction import Prediction

_STOPPED = "Stopped. Nothing was written."


def shapes(
    image: Annotated[
        Path | None, typer.Argument(help="The image; none if the model learned from masks alone.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Labels of its objects, in 2D; or 3D, with --plane.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of a model that “train shapes” has made.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to; it must not exist.")
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=1, max=1000, help="Shapes to draw of each object.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other shapes.")] = 0,
    plane: Annotated[
        int | None, typer.Option(min=0, help="Which plane of a volume, counted from 0.")
    ] = None,
    channel: Annotated[
        int | None, typer.Option(min=0, help="Which channel, of an image with several; from 0.")
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help='Axes of the files if they do not say so, e.g. "tyx".')
    ] = None,
    voxel_size: Annotated[
        list[str] | None,
        typer.Option(help="Pixel size in µm if the files do not say so, e.g. y=0.1,x=0.1."),
    ] = None,
    plane_spacing: Annotated[
        float | None,
        typer.Option(help="Distance of the planes of the result in µm; by default a pixel."),
    ] = None,
) -> None:
    """Draw 3D shapes that the objects of a 2D image may have (after DISPR).

    Written are the labels of each sample, a frequency map (how often a voxel is
    part of its object), the same as a probability (corrected by how often that was
    right in training), the majority, and the features of each object with
    their spread. A sample is one of many possibilities, not a measurement.

    Try:

      napari-diversify shapes cells.tif --labels masks.tif --model models/shapes -o shapes
    """
    if labels is None or model is None or output is None:
        raise ValueError("shapes needs --labels, --model and --output")
    from ..learned.needs import torch
    from ..learned.shapes.prediction import Prediction

    _check_free(output)
    given = _Given.of(labels, axes, None, voxel_size, plane)
    picture = None if image is None else _Given.of(image, axes, channel, voxel_size, plane)
    spacing = given.spacing or (picture.spacing if picture else None)
    if spacing is None:
        raise ValueError(
            f"{labels.name} does not say how large its pixels are, and the model learned in "
            "micrometres: give the pixel size (--voxel-size y=...,x=...)"
        )
    torch()
    drawn = Prediction(
        str(model),
        given.values,
        None if picture is None else picture.values,
        spacing=spacing,
        samples=samples,
        seed=seed,
        plane_spacing=plane_spacing,
    )
    if picture is not None and not drawn.shape.image:
        say("The model looks at masks alone; the image was not used.")
    for note in drawn.notes:
        say(f"Note: {note}.")
    tracked(drawn.drawing(), "drawing shapes", _STOPPED)
    record = {
        "model": {"folder": str(model), "hash": drawn.card.hash},
        "image": None if image is None else str(image),
        "labels": str(labels),
        "plane": plane,
        "samples": samples,
        "seed": seed,
        "spacing": list(drawn.spacing),
        "objects": list(drawn.numbers),
        "notes": list(drawn.notes),
        "calibration": list(drawn.card.calibration),
    }
    try:
        _write(drawn, output, record)
    except KeyboardInterrupt:
        stop(_STOPPED)
    typer.echo(
        f"{samples} shape{'s' * (samples > 1)} of {len(drawn.numbers)} objects drawn in "
        f"{output.resolve()}."
    )


@dataclass(frozen=True, eq=False)
class _Given:
    values: Any
    spacing: tuple[float, ...] | None

    @classmethod
    def of(
        cls,
        path: Path,
        axes: str | None,
        channel: int | None,
        voxel_size: Sequence[str] | None,
        plane: int | None,
    ) -> _Given:
        """One plane (y, x) of an image in a file."""
        import numpy as np

        from ..files import open_image

        sizes, in_voxels = voxel_size_in(voxel_size or ())
        with open_image(path, axes=axes) as opened:
            header = opened.header
            chosen = {"c": channel, "z": plane}
            index: list[Any] = []
            for axis, n in zip(header.axes[:-2], header.shape[:-2], strict=True):
                number = chosen.get(axis)
                if n > 1 and number is None:
                    raise ValueError(
                        f"{path.name} has {n} entries along {axis}, and shapes are drawn for one "
                        "plane (y, x): "
                        + {"c": "choose one with --channel", "z": "choose one with --plane"}.get(
                            axis, "split it first"
                        )
                    )
                if n > 1 and number is not None and number >= n:
                    raise ValueError(
                        f"{path.name} has no {number} along {axis}; its {n} entries count from 0"
                    )
                index.append(number if n > 1 else 0)
            values = np.asarray(opened.data[tuple(index)])
            known = header.spacing_along("yx")
        if in_voxels:
            return cls(values, (1.0, 1.0))
        if sizes:
            if not {"y", "x"} <= set(sizes):
                raise ValueError("--voxel-size needs y and x, e.g. y=0.1,x=0.1")
            return cls(values, (sizes["y"], sizes["x"]))
        return cls(values, known)


def _check_free(output: Path) -> None:
    from ..files import check_folder

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise FileExistsError(
            f"{output} exists and is left as it is; choose another name for the folder"
        )
    check_folder(output)


def _write(drawn: Prediction, output: Path, record: dict[str, Any]) -> None:
    """Write all files; the folder gets its name when they are complete."""
    from ..files import FORMATS, header_of, writing
    from ..learned.shapes.tables import write_samples, write_spread

    fmt = FORMATS["ome-tiff"]
    arrays = {f"sample_{n:03}": drawn.samples for n in range(drawn.number)} | {
        name: getattr(drawn, name) for name in ("majority", "frequency", "probability")
    }
    with writing(output, overwrite=True) as partial, bar("writing", len(arrays)) as tell:
        partial.mkdir()
        for n, (name, array) in enumerate(arrays.items()):
            values = array[n] if array is drawn.samples else array[...]
            header = header_of(
                values.shape,
                values.dtype,
                "zyx",
                scale=drawn.spacing,
                units=("micrometer",) * 3,
                name=name,
                provenance={"shapes": record},
            )
            path = partial / f"{name}{fmt.ending}"
            fmt.codec.write(path, header, values, labels=values.dtype.kind == "u")
            tell(advance=1)
        write_spread(partial / "features.csv", drawn)
        write_samples(partial / "samples.csv", drawn)
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        (partial / "shapes.json").write_text(text, encoding="utf-8")

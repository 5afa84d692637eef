"""The command that makes training sets of dressed masks: dress.

Exit status: 0 all made; 1 the command could not start, or was not finished, with the reason;
2 an option that is unknown or not a number; 130 stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from . import options as options
from .answers import say
from .progress import tracked

_STOPPED = "Stopped. Finished pairs stay; there is no manifest.csv of them."


def dress(
    model: Annotated[Path, typer.Argument(help="Folder of a model made by train dress.")],
    output: options.Output,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Pairs to make.")] = 1,
    shape: Annotated[str, typer.Option(help="Pixels y,x of an image.")] = "256,256",
    seed: Annotated[
        int, typer.Option(min=0, help="Of the first sample; the next one has the next.")
    ] = 0,
    density: Annotated[
        float | None,
        typer.Option(min=0, help="Of the nuclei, instead of that of the training (see phantom)."),
    ] = None,
    diameter: Annotated[
        float | None,
        typer.Option(min=0, help="Mean diameter in µm, instead of that of the training."),
    ] = None,
    layout: options.LayoutName = "plain",
    file_format: options.Format = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Make a training set: images that look like yours, with masks that match them.

    Synthetic masks get pictures by the model, and the labels of each are what the model finds in
    its file, so that they match what can be seen; the masks that the pictures were made for are
    in source_masks. manifest.csv says what was made, and what the probe for hidden
    signals says of it.

    Try:

      napari-diversify dress models/nuclei -o train -n 100 --layout stardist
    """
    from ..files import LAYOUTS
    from ..learned.dressing.model import DressingModel
    from ..learned.dressing.sets import Wanted, make_set, plan_like

    if layout not in LAYOUTS:
        raise ValueError(f"--layout must be one of {', '.join(LAYOUTS)}; got {layout!r}")
    given = {"density": density, "diameter": diameter}
    values = {name: value for name, value in given.items() if value is not None}
    dressing = DressingModel(model)
    plan = plan_like(dressing, _pixels(shape), seed, **values)
    wanted = Wanted(dressing, plan, output, samples, layout, file_format, overwrite)
    rows = tracked(make_set(wanted), "dressing", _STOPPED)
    objects, unseen, hidden = (
        sum(row[f"probe.{name}"] for row in rows) for name in ("objects", "unseen", "hidden")
    )
    if as_json:
        typer.echo(json.dumps(_summary(rows, objects, unseen, hidden), indent=2))
    else:
        typer.echo(f"{len(rows)} image(s) with labels made in {output.resolve()}.")
    say(
        f"{unseen:,} of {objects:,} objects of the source masks cannot be seen; the labels have "
        f"{hidden:,} of these all the same."
    )


def _summary(rows: list[dict[str, Any]], objects: int, unseen: int, hidden: int) -> dict[str, Any]:
    return {"made": rows, "objects": objects, "unseen": unseen, "hidden": hidden}


def _pixels(text: str) -> tuple[int, int]:
    try:
        y, x = (int(part) for part in text.split(","))
        if min(y, x) < 16:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"--shape takes two whole numbers of pixels, y,x, 16 or more; got {text!r}"
        ) from None
    return y, x

"""The command that looks for hidden signals in pairs of images and masks: probe.

Exit status: 0 nearly all objects can be seen; 1 nothing could be probed, with the reason; 2 an
option that is unknown or not a number; 3 more objects than --most cannot be seen, or an image
could not be probed; 130 stopped.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as options
from .answers import say, sentence, show, stop
from .progress import bar

if TYPE_CHECKING:  # imported where they are used: --help should not wait for them
    import numpy.typing as npt

    from ..batch import Source
    from ..core.contrast.detector_noise import NoiseLaw
    from ..core.measures.hidden import HiddenProbe

_COLUMNS = (
    "image", "labels", "objects", "unseen", "found", "unseen_share", "hidden_share", "dice",
    "contrast_median", "contrast_p5", "trace", "energy", "noise", "why",
)  # fmt: skip


def probe(
    images: options.Inputs,
    labels: options.Labels = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a model made by train dress: its back-translation is asked for the "
            "objects that cannot be seen, and the noise is that of its real images."
        ),
    ] = None,
    found: Annotated[
        list[Path] | None,
        typer.Option(
            help="Masks that another model made of the images, instead of --model: a folder or "
            "files, paired by name (repeat the option)."
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="A real image, whose noise objects must stand out from; by default the noise of "
            "each image itself, or that of the real images of --model."
        ),
    ] = None,
    cutoff: Annotated[
        float,
        typer.Option(help="Where high frequencies begin, in units of the Nyquist frequency."),
    ] = 0.5,
    width: Annotated[
        int,
        typer.Option(
            min=1, max=1000, help="Width in pixels of the ring that an object is compared to."
        ),
    ] = 3,
    dark: Annotated[
        bool, typer.Option("--dark", help="The objects are darker than the background.")
    ] = False,
    most: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the objects that may be unseen (status 0 or 3)."),
    ] = 0.05,
    pictures: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a picture (PNG) of each image beside what lies above the cutoff, "
            "equalised; objects that cannot be seen are outlined."
        ),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--csv", help="File for the table; it must not exist.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a table and pictures of these names.")
    ] = False,
    axes: options.Axes = None,
    series: options.Series = None,
    as_json: options.Json = False,
) -> None:
    """Look for objects that the masks have and the images do not show.

    A segmenter trained on such pairs learns to see what is not there. Each object's contrast
    (75th percentile inside, minus the median of a ring around it) is compared with the noise:
    below 1 it cannot be seen. Of images with several times or channels the first is probed.

    "trace" is how strong the high frequencies are in the unseen objects, beside the background:
    well above 1, they hold a hidden picture. With --model or --found, "found" counts the unseen
    objects that the model finds all the same: it can only know them from a hidden signal.

    Try:

      napari-diversify probe train/images --labels train/masks --like real.tif

      napari-diversify probe train/images --labels train/masks --model models/dress --json
    """
    from ..batch import sources_of
    from ..batch.script import numbers_in
    from ..files import check_free, replace_text

    if table is not None and not overwrite:
        check_free(table)
    if model is not None and found:
        raise ValueError("--model and --found both give a back-translation: give one of them")
    reading: dict[str, Any] = {
        "axes": axes,
        "series": None if series is None else numbers_in(series),
    }
    sources = sources_of(images, labels or (), **reading)
    theirs = sources_of(images, found, **reading) if found else sources
    noise, translate = _noise_and_model(model, like, axes)
    rows: list[dict[str, Any]] = []
    try:
        with bar("probing", len(sources)) as tell:
            for source, other in zip(sources, theirs, strict=True):
                row = _row(source, other if found else None, noise, translate, pictures,
                           overwrite, cutoff=cutoff, width=width, dark=dark)  # fmt: skip
                rows.append(row)
                tell(advance=1)
    except KeyboardInterrupt:
        stop("Stopped.")
    if table is not None:
        replace_text(table, _csv(rows))
    typer.echo(json.dumps(_plain(rows), indent=2) if as_json else _listed(rows), nl=as_json)
    _end(rows, most, as_json)


def _end(rows: Sequence[dict[str, Any]], most: float, as_json: bool) -> None:
    """Say what it comes to, and end with the status of it."""
    failed = sum(bool(row["why"]) for row in rows)
    objects, unseen = (sum(row[name] for row in rows) for name in ("objects", "unseen"))
    if failed == len(rows):
        raise typer.Exit(1)
    if not objects:
        raise ValueError("the masks hold no objects; are they the right ones?")
    summary = f"{unseen:,} of {objects:,} objects ({unseen / objects:.1%}) cannot be seen."
    if failed or unseen / objects > most:
        say(summary)
        raise typer.Exit(3)
    if not as_json:
        typer.echo(summary)


def _noise_and_model(
    model: Path | None, like: Path | None, axes: str | None
) -> tuple[NoiseLaw | None, Callable[[npt.NDArray[Any]], npt.NDArray[Any]] | None]:
    """The noise to measure by, if not that of each image, and the back-translation."""
    from ..core.contrast.detector_noise import noise_law

    noise: NoiseLaw | None = None
    translate = None
    if model is not None:
        from ..learned.dressing.model import DressingModel

        dressing = DressingModel(model)
        noise, translate = dressing.noise, dressing.masks
    if like is not None:
        from ..files import open_image

        with open_image(like, axes=axes) as image:
            middle = tuple(n // 2 for n in image.header.shape[:-2])
            noise = noise_law(image.data[middle])
    return noise, translate


def _row(
    source: Source,
    other: Source | None,
    noise: NoiseLaw | None,
    translate: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] | None,
    pictures: Path | None,
    overwrite: bool,
    **settings: Any,
) -> dict[str, Any]:
    """A line of the table; whatever is wrong with an image, the others go on."""
    from ..core.measures.hidden import probe_hidden

    row: dict[str, Any] = dict.fromkeys(_COLUMNS, math.nan) | {"image": source.name, "why": ""}
    row |= {"labels": "", "objects": 0, "unseen": 0, "found": None}
    try:
        if source.labels is None:
            raise ValueError(f"{source.name} has no labels; name them (--labels)")
        with source.open() as (header, data):
            values = _volume(data, header.spatial_ndim)
        mask = _mask(source)
        back = None if other is None else _mask(other)
        if translate is not None:
            back = translate(values)
        made = probe_hidden(values, mask, found=back, noise=noise, **settings)
        row |= {"labels": source.labels.name, **_figures(made)}
        if pictures is not None:
            _draw(pictures / f"{source.name}_hidden.png", values, mask, made, overwrite)
    except Exception as error:  # noqa: BLE001  files fail in all kinds of ways
        show(error)
        row["why"] = sentence(error)
        say(row["why"] if source.name in row["why"] else f"{source.name}: {row['why']}")
    return row


def _figures(made: HiddenProbe) -> dict[str, Any]:
    return {
        "objects": int(made.numbers.size),
        "unseen": int(made.unseen.sum()),
        "found": None if made.found is None else int((made.unseen & made.found).sum()),
        "unseen_share": made.unseen_share,
        "hidden_share": made.hidden_share,
        "dice": made.dice,
        "contrast_median": made.percentile(50),
        "contrast_p5": made.percentile(5),
        "trace": made.unseen_trace,
        "energy": made.energy,
        "noise": math.sqrt(made.noise.least),
    }


def _mask(source: Source) -> npt.NDArray[Any]:
    from ..batch.labels import fitted

    with source.open() as (header, _), source.open_labels() as (theirs, data):
        laid, array = fitted(theirs, data, header)
        return _volume(array, laid.spatial_ndim)


def _volume(data: Any, spatial_ndim: int) -> npt.NDArray[Any]:
    """The first image of an array that may hold several times and channels."""
    import numpy as np

    return np.asarray(data[(0,) * (len(data.shape) - spatial_ndim)])


def _draw(
    path: Path,
    image: npt.NDArray[Any],
    mask: npt.NDArray[Any],
    made: HiddenProbe,
    overwrite: bool,
) -> None:
    """A plane beside its equalised high frequencies, unseen objects outlined in both."""
    import numpy as np
    from PIL import Image
    from skimage.segmentation import find_boundaries

    from ..core.spectral.lowpass import hidden_signal
    from ..files import make_folder, writing

    plane, labels = (a if a.ndim == 2 else a[len(a) // 2] for a in (image, mask))
    low, high = np.percentile(plane, [0.1, 99.9])
    grey = np.clip((plane - low) / max(high - low, 1e-12), 0, 1)
    hidden = hidden_signal(plane, made.cutoff).equalised
    edges = find_boundaries(np.where(np.isin(labels, made.numbers[made.unseen]), labels, 0))
    both = np.stack([np.hstack([grey, hidden])] * 3, axis=-1)
    both[np.hstack([edges, edges])] = (1.0, 0.6, 0.0)
    content = io.BytesIO()
    Image.fromarray(np.rint(both * 255).astype(np.uint8)).save(content, "PNG")
    make_folder(path.parent)
    with writing(path, overwrite) as partial:
        partial.write_bytes(content.getvalue())


# ---- words ----


def _plain(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What every reader of JSON accepts: no NaN."""
    return [
        {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
        for row in rows
    ]


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(_plain(rows))
    return text.getvalue()


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    """The table for people."""
    width = max(len("image"), *(len(row["image"]) for row in rows))
    titles = ("objects", "unseen", "found", "trace", "energy", "contrast", "5th perc.")
    lines = [f"{'image':{width}s} " + " ".join(f"{title:>9s}" for title in titles)]
    for row in rows:
        if row["why"]:
            continue
        found = "-" if row["found"] is None else str(row["found"])
        trace = "-" if math.isnan(row["trace"]) else f"{row['trace']:.2f}"
        cells = (
            str(row["objects"]), str(row["unseen"]), found, trace, f"{row['energy']:.2%}",
            f"{row['contrast_median']:.2f}", f"{row['contrast_p5']:.2f}",
        )  # fmt: skip
        lines.append(f"{row['image']:{width}s} " + " ".join(f"{cell:>9s}" for cell in cells))
    return "".join(f"{line}\n" for line in lines) if len(lines) > 1 else ""

"""The command ``napari-diversify``."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from typer.core import TyperGroup

from . import __version__, cli_batch, cli_files, cli_phantom, cli_report
from .cli_answers import fail, sentence, stop


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command; those that leave something behind when stopped say so themselves."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stop("Stopped.")


main = typer.Typer(
    name="napari-diversify",
    cls=_Commands,
    help="Make many realistic microscopy volumes from one, and see each before you use it.",
    no_args_is_help=True,
    add_completion=False,
)

for _command in (
    cli_batch.apply,
    cli_batch.series,
    cli_files.replay,
    cli_files.info,
    cli_phantom.phantom,
    cli_report.report,
):
    main.command()(_command)

_SHEET = "napari-diversify-demo.png"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"napari-diversify {__version__}")
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@main.command()
def demo(
    file: Annotated[
        Path | None, typer.Argument(help="Image to open; synthetic nuclei if none is given.")
    ] = None,
) -> None:
    """Open napari on an image with the Diversify widget live.

    Without a display, write a contact sheet (PNG) to the current folder instead.
    """
    if file is not None and not file.exists():
        fail(f"{file} does not exist. Give the path of an image file, or none for the sample.")
    if _has_display():
        _open_viewer(file)
        return
    from .sheet import write_contact_sheet

    try:
        image = _read(file)
    except Exception as error:  # noqa: BLE001  readers fail in all kinds of ways
        fail(f"{file} could not be read as an image: {sentence(error)}")
    try:
        path = write_contact_sheet(image, _SHEET)
    except (OSError, TypeError, ValueError) as error:
        fail(f"{file or 'the sample'}: {sentence(error)}")
    typer.echo(
        "There is no display, so napari cannot open a window. "
        f"A contact sheet (raw, σ map, five settings) was written to {path} instead."
    )


def _has_display() -> bool:
    """Whether a window can be opened: always on macOS and Windows, else by its variables."""
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_viewer(file: Path | None) -> None:
    import napari

    viewer = napari.Viewer(title="napari-diversify demo")
    if file is None:
        viewer.open_sample("napari-diversify", "synthetic_nuclei")
        viewer.layers.selection.active = viewer.layers["nuclei"]
        viewer.dims.set_current_step(0, viewer.layers["nuclei"].data.shape[0] // 2)
    else:
        viewer.open(file, plugin=_reader_of(file) or "napari")
    viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    napari.run()


def _reader_of(file: Path) -> str | None:
    """Our own plugin for what it reads, as it keeps the voxel size; None for other files."""
    from .readers import get_reader

    return None if get_reader(str(file)) is None else "napari-diversify"


def _read(file: Path | None) -> Any:
    """The first image in a file, read by whatever reader napari would use; or the sample."""
    if file is None:
        from .core import synthetic_nuclei

        return synthetic_nuclei().image
    import npe2

    npe2.PluginManager.instance().discover()
    with warnings.catch_warnings(record=True) as caught:
        layers = npe2.read([str(file)], stack=False, plugin_name=_reader_of(file))
    for one in caught:
        typer.echo(one.message, err=True)
    for data, *rest in layers:
        kind = rest[1] if len(rest) > 1 else "image"
        if kind == "image":
            image = data[0] if isinstance(data, list) else np.asarray(data)
            # as napari guesses: a last axis of 3 or 4 behind two that are no thinner than 30
            looks_rgb = (
                image.ndim > 2 and image.shape[-1] in (3, 4) and min(image.shape[-3:-1]) >= 30
            )
            if (rest[0] if rest else {}).get("rgb", looks_rgb):
                raise ValueError("it is an RGB image; one channel is needed. Split it first")
            return image
    raise ValueError(f"no image was found in it, only {len(layers)} other layers")

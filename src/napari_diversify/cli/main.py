"""The command ``napari-diversify``."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from . import apply as cli_batch
from . import balance as cli_balance
from . import dress as cli_dress
from . import export_model as cli_export_model
from . import files as cli_files
from . import phantom as cli_phantom
from . import probe as cli_probe
from . import report as cli_report
from . import robustness as cli_robustness
from . import shapes as cli_shapes
from . import train as cli_train
from .answers import (
    DEBUG,
    answered,
    fail,
    is_of_usage,
    line,
    say,
    sentence,
    show,
    usage,
    wants_debug,
    without_debug,
)
from .quiet import heard

#: What each command works with, which takes longer to load than its help; all load the model.
_NEEDS = {
    "apply": "batch",
    "series": "batch",
    "replay": "batch",
    "info": "files",
    "phantom": "synthetic.plan",
    "dress": "learned",
    "probe": "batch",
    "report": "report",
    "robustness": "report",
    "train": "learned",
    "shapes": "learned",
    "balance": "learned",
    "export-model": "learned.model_zoo",
    "demo": "files",
}
#: Exit status if the command line itself is wrong.
_USAGE = 2
_EMPTY = "An argument is empty. Was it a variable of the shell that has no value?"


class _Commands(TyperGroup):
    """All commands, and the handling of their errors."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run a command line, and end with its exit status."""
        given = args[0] if args else settings.get("args")
        words = sys.argv[1:] if given is None else list(given)
        with line(words), heard() if wants_debug(words) else nullcontext():
            try:
                with answered():
                    if "" in words:
                        say(_EMPTY)
                        raise typer.Exit(_USAGE)
                    status = super().main(*args, **{**settings, "standalone_mode": False})
            except typer.Exit as end:
                status = end.exit_code
            except Exception as error:
                if not is_of_usage(error):
                    raise
                say(usage(error))
                status = _USAGE
        sys.exit(status or 0)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Accept ``--debug`` wherever it stands."""
        return super().parse_args(ctx, without_debug(args))

    def invoke(self, ctx: Any) -> Any:
        """Run a command; those that leave something behind when stopped report it themselves."""
        with answered():
            return super().invoke(ctx)


def load(words: Sequence[str]) -> None:
    """Load what the command in a command line works with, unless only its help is asked for."""
    name = next((word for word in words if word in _NEEDS), None)
    if name is not None and "--help" not in words:
        for module in ("model", _NEEDS[name]):
            import_module(f"..{module}", __package__)


main = typer.Typer(
    name="napari-diversify",
    cls=_Commands,
    help="Make many realistic microscopy volumes from one, and see each before you use it.",
    no_args_is_help=True,
    add_completion=False,
)


def _command(
    function: Callable[..., None],
    cls: type[TyperCommand] = TyperCommand,
    group: typer.Typer = main,
) -> Callable[..., None]:
    """Turn a function into a command; the function itself reports a file that cannot be read."""
    kinds = function.__annotations__ = get_type_hints(function, include_extras=True)
    for kind in kinds.values():
        for parameter in getattr(kind, "__metadata__", ()):
            parameter.readable = False  # typer would refuse all files because of one
    return group.command(cls=cls)(function)


for _function in (
    cli_batch.apply,
    cli_batch.series,
    cli_files.replay,
    cli_files.info,
):
    _command(_function)
_command(cli_phantom.phantom, cli_phantom.Command)
_command(cli_dress.dress)
_command(cli_probe.probe)
_command(cli_report.report)
_command(cli_robustness.robustness)
_command(cli_shapes.shapes)
_command(cli_balance.balance)

_training = typer.Typer(
    help="Train models that restore contrast, denoise, dress masks or draw shapes (needs PyTorch).",
    no_args_is_help=True,
)
main.add_typer(_training, name="train")
_command(cli_train.restore, cli_train.Command, _training)
_command(cli_train.denoise, cli_train.Command, _training)
_command(cli_train.dress, cli_train.Command, _training)
_command(cli_train.shapes, cli_train.Command, _training)
_command(cli_export_model.export_model)

_SHEET = "napari-diversify-demo.png"


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"napari-diversify {__version__}")
        raise typer.Exit


@main.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show where an error came from, and what libraries say.")
    ] = False,
) -> None:
    pass


@_command
def demo(
    file: Annotated[
        Path | None,
        typer.Argument(help="Image to open; synthetic nuclei if none is given."),
    ] = None,
) -> None:
    """Open napari on an image with the Diversify widget live.

    Without a display, write a contact sheet (PNG) to the current folder instead.
    """
    if file is not None:
        _check(file)
    if not _has_display():
        _write_sheet(file, "There is no display, so napari cannot open a window. ")
    elif why := _no_window():
        _write_sheet(file, f"napari cannot open a window: {why}. ")
    else:
        _open_viewer(file)


def _check(file: Path) -> None:
    from ..files.present import check_present

    try:
        exists = file.exists()
    except OSError:  # reported below
        exists = True
    if not exists and not file.is_symlink():
        fail(f"{file} does not exist. Give the path of an image file, or none for the sample.")
    check_present(file)


def _write_sheet(file: Path | None, why: str) -> None:
    from .sheet import write_contact_sheet

    with _readable(file):
        image = _read(file)
    try:
        path = write_contact_sheet(image, _SHEET)
    except (TypeError, ValueError) as error:
        show(error)
        fail(f"{file or 'the sample'}: {sentence(error)}")
    typer.echo(f"{why}A contact sheet (raw, σ map, five settings) was written to {path} instead.")


@contextmanager
def _readable(file: Path | None) -> Iterator[None]:
    """Report any error inside as a file that cannot be read: readers raise all kinds of them."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        show(error)
        fail(f"{file} could not be read as an image: {sentence(error)}")


def _has_display() -> bool:
    """Whether there may be a window: always on macOS and Windows, elsewhere by the environment."""
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _no_window() -> str:
    """Why no window can be opened, or "". Tried in another process, as Qt would end this one."""
    program = "from qtpy.QtWidgets import QApplication; QApplication([])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, errors="replace"
    )
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else (lines or ["Qt does not start"])[0].strip(". ")


def _open_viewer(file: Path | None) -> None:
    import napari

    from ..readers import ReaderNote

    warnings.simplefilter("default", ReaderNote)  # napari shows it
    viewer = napari.Viewer(title="napari-diversify demo")
    if file is None:
        viewer.open_sample("napari-diversify", "synthetic_nuclei")
        viewer.layers.selection.active = viewer.layers["nuclei"]
        viewer.dims.set_current_step(0, viewer.layers["nuclei"].data.shape[0] // 2)
    else:
        try:
            with _readable(file):
                viewer.open(file, plugin=_reader_of(file) or "napari")
        except typer.Exit:
            viewer.close()
            raise
    viewer.window.add_plugin_dock_widget("napari-diversify", "Diversify")
    napari.run()


def _reader_of(file: Path) -> str | None:
    """Our own plugin for files that it reads, as it keeps the voxel size; None for others."""
    from ..readers import get_reader

    return None if get_reader(str(file)) is None else "napari-diversify"


def _read(file: Path | None) -> Any:
    """The first image in a file, read by whatever reader napari would use; or the sample."""
    if file is None:
        from ..core import synthetic_nuclei

        return synthetic_nuclei().image
    import npe2
    import numpy as np

    npe2.PluginManager.instance().discover()
    from ..readers import ReaderNote

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ReaderNote)
        layers = npe2.read([str(file)], stack=False, plugin_name=_reader_of(file))
    for one in caught:
        if issubclass(one.category, ReaderNote):
            say(f"Note: {one.message}")
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

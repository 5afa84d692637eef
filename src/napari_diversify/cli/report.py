"""The command that reports on a training set.

Exit status: 0 the page was written; 1 it was not, with the reason; 2 the command line
itself was wrong; 130 stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .answers import answered, fail
from .progress import tracked


def report(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a training set, with manifest.csv in it.")
    ],
    real: Annotated[
        Path | None, typer.Option(help="Folder of real images to compare the generated ones with.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The page, or a folder for it; by default report.html in the folder.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an older page of this name.")
    ] = False,
) -> None:
    """Write one page on a training set, to see whether it is right; or on a study of robustness.

    Samples that stand out come first, each beside its source, with the reason;
    then how parameters and metrics are distributed, how the set compares with
    real images, and a table of all files. A web browser shows the page; it needs
    no network.

    Try:

      napari-diversify report train

      napari-diversify report train --real microscope/ -o check.html
    """
    from ..report import is_study, reporting, write_study

    if is_study(folder) and real is None and output is None:
        with answered():
            page = write_study(folder)[0]
        typer.echo(f"The report is in {page}.")
        return
    with answered():
        try:
            work = reporting(folder, real=real, out=output, overwrite=overwrite)
            page = tracked(work, f"report on {folder.name}", "Stopped. No report was written.")
        except FileExistsError as error:
            older, exists, _ = str(error).partition(" exists and is left as it is")
            if not exists:
                raise
            fail(f"{older}{exists}. Give another name (--output), or --overwrite.")
    typer.echo(f"The report is in {page}.")

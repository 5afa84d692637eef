"""The command that exports a trained model for other programs.

Exit status: 0 the package was written; 1 it was not, with the reason; 2 the command line
itself was wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export_model(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The package, a .zip file; it must not exist."),
    ],
    author: Annotated[
        list[str] | None,
        typer.Option(help="Who made the model (repeat the option); the zoo asks for it."),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(
            help="Licence of the model, an SPDX identifier such as CC-BY-4.0; the zoo asks for it."
        ),
    ] = None,
) -> None:
    """Export a trained model as a package of the BioImage Model Zoo.

    Other programs run it without this one. Nothing is uploaded. A model that
    restores is exported as one iteration; of one that denoises, the mean latents
    are decoded.

    Try:

      napari-diversify export-model models/stack -o stack.zip --license MIT
    """
    from ..learned.model_zoo import export

    package = export(model, output, authors=author or (), license=license)
    typer.echo(f"The package is {package}.")
    missing = [
        what
        for what, given in (("an author (--author)", author), ("a licence (--license)", license))
        if not given
    ]
    if missing:
        typer.echo(f"Before it can go to the zoo, it needs {' and '.join(missing)}.")

"""The command that makes synthetic specimens: phantom.

Exit status: 0 all made; 1 the command could not start, or was not finished, with the
reason; 2 an option that is unknown or not a number; 130 stopped.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

# files and models are imported where they are used: --help should not wait for them
from .answers import say, stop
from .progress import bar, tracked

if TYPE_CHECKING:
    from ..files import Format
    from ..synthetic.plan import Plan
    from ..synthetic.registry import Synthetic
    from ..synthetic.renderers import Renderer
    from ..synthetic.specimen import Specimen
    from ..synthetic.specimen_model import SpecimenModel

_NOT_WRITTEN = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".h5", ".hdf5")
_USUAL_FORMAT = "ome-tiff"
_MOST = 1_000_000  # samples of one run
_STOPPED = "Stopped. Finished specimens stay."


@dataclass(frozen=True)
class _Target:
    """Where one specimen goes, and how it is written."""

    format: Format
    image: Path
    labels: Path
    parameters: Path

    @classmethod
    def of(cls, folder: Path, name: str, ending: str) -> _Target:
        from .. import files

        files.check_name(name)
        fmt = files.format_called(ending)
        assert fmt is not None
        return cls(
            fmt,
            folder / f"{name}{ending}",
            folder / f"{name}_labels{ending}",
            folder / f"{name}.json",
        )


def phantom(
    output: Annotated[
        Path,
        typer.Argument(help="Folder, or the file of one image: .ome.tif, .tif or .ome.zarr."),
    ],
    kind: Annotated[str, typer.Option(help="nuclei or membranes.")] = "nuclei",
    shape: Annotated[
        str | None,
        typer.Option(help="Voxels z,y,x or y,x; by default 64,256,256 or that of --like."),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            help="Voxel size in µm, as many numbers; by default 0.5,0.2,0.2 or that of --like."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first sample; the next one has the next.")] = 0,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Specimens to make.")] = 1,
    like: Annotated[
        Path | None,
        typer.Option(help="Labels whose statistics the specimens should have."),
    ] = None,
    like_image: Annotated[
        Path | None, typer.Option(help="Image of these labels, for brightness and texture.")
    ] = None,
    renderer: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a model made by train dress: the specimens look as the images that "
            "it was trained on, instead of as through our microscope."
        ),
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help="ome-tiff (the default), tiff or ome-zarr.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of these names.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be made.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    **parameters: Any,
) -> None:
    """Make synthetic nuclei or membrane-stained cells, with instance labels.

    Beside each image NAME its labels, NAME_labels, and its parameters,
    NAME.json, are written. Parameters that are not given are those of --like
    or the defaults.

    Try:

      napari-diversify phantom train -n 8 --density 1 --axis-ratio 1.6

      napari-diversify phantom cells.ome.zarr --kind membranes --shape 64,512,512

      napari-diversify phantom train -n 8 --like nuclei_label.tif --spacing 0.29,0.26,0.26
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        if samples > _MOST:
            raise ValueError(f"--samples must be at most {_MOST:,}; got {samples:,}")
        folder, name, ending = _where(output, file_format, samples)
        plan = _plan(kind, given, like, like_image, shape, spacing)
        plan = replace(plan, renderer=_renderer(renderer))
        plan.with_(seed=seed + samples - 1)  # refused before the first, not at the last
        plan = plan.with_(seed=seed)
        targets = _targets(folder, name, ending, samples)
        if not overwrite:
            _check_free(targets)
        made = []
        for number, target in enumerate(targets):
            one = plan.with_(seed=seed + number)
            specimen = tracked(one.drawing(), "placing objects", _STOPPED)
            row = {
                "image": str(target.image),
                "labels": str(target.labels),
                "parameters": str(target.parameters),
                "seed": one.model.seed,
                "objects": specimen.objects,
                "note": specimen.note,
            }
            made.append(row)
            if not dry_run:
                with bar(target.image.name, 2 * specimen.image.size) as tell:
                    _write(one, specimen, target, overwrite, lambda n: tell(advance=n))
            if specimen.note:
                say(f"{target.image.name}: {specimen.note}")
            if dry_run:
                break  # one shows what the others are like
    except KeyboardInterrupt:
        stop(_STOPPED)
    if as_json:
        result = {"made": [] if dry_run else made, "samples": samples, "shape": list(plan.shape)}
        if dry_run:
            result["first"] = made[0]
        result |= {"spacing": list(plan.spacing), "parameters": plan.record()["parameters"]}
        typer.echo(json.dumps(result, indent=2))
        return
    many = "x".join(map(str, plan.shape))
    if dry_run:
        total = samples * sum(a.nbytes for a in (specimen.image, specimen.labels))
        typer.echo(
            f"{samples} specimen(s) of {many} voxels would be made in {folder.resolve()}, "
            f"{total / 1e9:,.2f} GB before compression; the first has {made[0]['objects']} objects."
        )
        typer.echo(_listed(plan.model))
        return
    typer.echo(f"{len(made)} specimen(s) of {many} voxels made in {folder.resolve()}.")


def _show(options: Sequence[inspect.Parameter]) -> None:
    """Give the command a signature of these options."""
    phantom.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    phantom.__annotations__ = {p.name: p.annotation for p in options} | {"return": None}


_OWN = [
    p.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    for p in inspect.signature(phantom, eval_str=True).parameters.values()
    if p.kind is not inspect.Parameter.VAR_KEYWORD
]
_show(_OWN)


class Command(TyperCommand):
    """The command; it gets the options of the models when it is called, not when it is listed."""

    @cached_property
    def _whole(self) -> Any:
        from .specimen_options import options

        _show([*_OWN, *options()])
        app = typer.Typer(add_completion=False)
        app.command()(phantom)
        return typer.main.get_command(app)

    @property
    def params(self) -> list[Any]:
        """All of its options."""
        options: list[Any] = self._whole.params
        return options

    @params.setter
    def params(self, own: list[Any]) -> None:
        pass  # typer gives it those in its signature, which lacks the models' here

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        return self._whole.invoke(ctx)


# ---- from words to values ----


def _plan(
    kind: str,
    given: dict[str, Any],
    like: Path | None,
    like_image: Path | None,
    shape: str | None,
    spacing: str | None,
) -> Plan:
    """What the specimens are to be, but for their seeds."""
    from ..synthetic.plan import USUAL, Plan
    from ..synthetic.registry import KINDS

    if kind not in KINDS:
        raise ValueError(f"--kind must be one of {', '.join(KINDS)}; got {kind!r}")
    voxels = None if shape is None else _numbers("--shape", shape, int)
    size = None if spacing is None else _numbers("--spacing", spacing, float)
    if like is None:
        if like_image is not None:
            raise ValueError("--like-image needs --like, the labels of this image")
        ndim = len(voxels or size or (0, 0, 0))
        if ndim not in USUAL:
            raise ValueError(f"--shape and --spacing take two or three numbers; got {ndim}")
        return Plan(KINDS[kind](**given), voxels or USUAL[ndim][0], size or USUAL[ndim][1])
    labels, recorded = _read(like)
    for option, numbers in (("--shape", voxels), ("--spacing", size)):
        if numbers is not None and len(numbers) != labels.ndim:
            raise ValueError(
                f"{option} has {len(numbers)} numbers, but the labels in {like} have "
                f"{labels.ndim} axes; give as many"
            )
    # the spacing in the file of the labels may be wrong: the option overrides it
    own = recorded if size is None else size
    if own is None:
        raise ValueError(
            f"{like} does not say how large its voxels are. Give --spacing in µm, one number "
            f"for each of its {labels.ndim} axes"
        )
    image = None if like_image is None else _read(like_image)[0]
    like_labels: type[SpecimenModel] = KINDS[kind]
    matched = tracked(like_labels.matching(labels, own, image), "fitting", _STOPPED)
    return Plan(matched.model.replace(**given), voxels or labels.shape, own)


def _renderer(model: Path | None) -> Renderer | None:
    """The renderer that makes specimens look as a model has learned it."""
    if model is None:
        return None
    from ..learned import reference
    from ..synthetic.renderers import Renderer

    return Renderer(model=reference(model))


def _read(path: Path) -> tuple[Any, tuple[float, ...] | None]:
    """All voxels of an image without channels or time, and its voxel size in micrometres."""
    import numpy as np

    from .. import files

    with files.open_image(path) as opened:
        header = opened.header
        lead = header.shape[: -header.spatial_ndim]
        if max(lead, default=1) > 1:
            raise ValueError(
                f"{path} has axes {header.axes!r} of {header.shape}; one image (y, x) or one "
                "volume (z, y, x) is needed. Split it first"
            )
        return np.asarray(opened.data[(0,) * len(lead)]), header.spacing


def _numbers(option: str, text: str, kind: type[Any]) -> tuple[Any, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise ValueError(
            f"{option} takes {what} separated by commas, (z,) y, x; got {text!r}"
        ) from None


def _where(output: Path, file_format: str | None, samples: int) -> tuple[Path, str, str]:
    """Folder, name without ending, and ending."""
    from ..files import FORMATS, format_called, is_image

    if file_format is not None and file_format not in FORMATS:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}; got {file_format!r}")
    fmt = format_called(output.name)
    ending = next((e for e in fmt.endings if output.name.lower().endswith(e)), "") if fmt else ""
    if fmt is not None and fmt.name in FORMATS and ending:
        if samples > 1:
            raise ValueError(
                f"{output} names one file, but {samples} samples were asked for. Give a folder"
            )
        if file_format is not None and FORMATS[file_format].codec is not fmt.codec:
            raise ValueError(
                f"{output} is not a valid name for --format {file_format}. Leave one out"
            )
        return output.parent, output.name[: -len(ending)], output.name[-len(ending) :]
    other = is_image(output) or output.suffix.lower() in _NOT_WRITTEN
    if other and not output.is_dir():
        raise ValueError(
            f"{output} is not the name of an image that can be written: give a folder, or a name "
            "that ends in .ome.tif, .tif or .ome.zarr"
        )
    return output, "", FORMATS[file_format or _USUAL_FORMAT].ending


def _targets(folder: Path, name: str, ending: str, samples: int) -> list[_Target]:
    if name:
        return [_Target.of(folder, name, ending)]
    width = max(4, len(str(samples - 1)))
    return [_Target.of(folder, f"phantom_{n:0{width}}", ending) for n in range(samples)]


def _check_free(targets: Sequence[_Target]) -> None:
    """Refuse before the first voxel is computed, not just before the last sample."""
    for target in targets:
        for path in (target.image, target.labels, target.parameters):
            if path.exists():
                raise FileExistsError(
                    f"{path} exists and is left as it is; choose another name, or --overwrite"
                )


# ---- doing it ----


def _write(
    plan: Plan,
    specimen: Specimen,
    target: _Target,
    overwrite: bool,
    tell: Callable[[int], None],
) -> None:
    """Write image, labels and parameters; ``tell`` is called with the voxels just written.

    They get their names when all three are complete: an image beside the labels
    of another one would be worse than none.
    """
    from ..files import header_of, stem, writing
    from ..recipe.provenance import Provenance

    made_by = Provenance(specimen=plan.record()).entry()
    with (
        writing(target.image, overwrite) as image,  # it gets its name last
        writing(target.labels, overwrite) as labels,
        writing(target.parameters, overwrite) as parameters,
    ):
        parameters.write_text(plan.to_json(), encoding="utf-8")
        for partial, path, array in (
            (labels, target.labels, specimen.labels),
            (image, target.image, specimen.image),
        ):
            header = header_of(
                array.shape,
                array.dtype,
                "zyx"[-array.ndim :],
                scale=plan.spacing,
                units=("micrometer",) * array.ndim,
                name=stem(path),
                provenance=made_by,
            )
            write = target.format.codec.write
            write(partial, header, array, labels=array is specimen.labels, tell=tell)


def _listed(model: Synthetic) -> str:
    from ..model import extra_of

    lines = []
    for name, field in type(model).model_fields.items():
        value, unit = getattr(model, name), extra_of(field).get("unit", "")
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"  {name:22s} {shown} {unit}".rstrip())
    return "\n".join(lines)

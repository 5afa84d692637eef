"""The command that makes synthetic specimens: phantom.

Exit status: 0 all made; 1 the command could not start, or was not finished, with the
reason; 2 an option that is unknown or not a number; 130 stopped.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
import typer

from ..core.blocks import slices
from ..model import extra_of
from ..synthetic.registry import KINDS, Synthetic
from ..synthetic.specimen import Specimen, SpecimenArray

# files are imported where they are used: --help should not wait for them
from .answers import say, stop
from .progress import bar, tracked

_ENDINGS = {"ome-tiff": ".ome.tif", "ome-zarr": ".ome.zarr"}
_DEFAULTS = {2: ((512, 512), (0.2, 0.2)), 3: ((64, 256, 256), (0.5, 0.2, 0.2))}
_NOT_WRITTEN = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".npy", ".npz", ".zarr", ".h5", ".hdf5")
_MOST = 1_000_000  # samples of one run
_STOPPED = "Stopped. Finished specimens stay."
_APART = ("kind", "seed")  # fields that are options of their own


@dataclass(frozen=True)
class _Target:
    """Where one specimen goes."""

    image: Path
    labels: Path
    parameters: Path

    @classmethod
    def of(cls, folder: Path, name: str, ending: str) -> _Target:
        from .. import files

        files.check_name(name)
        return cls(
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
    file_format: Annotated[
        str | None, typer.Option("--format", help="ome-tiff (the default) or ome-zarr.")
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
        model, voxels, size = _model(kind, given, like, like_image, shape, spacing)
        model.replace(seed=seed + samples - 1)  # refused before the first, not at the last
        model = model.replace(seed=seed)
        targets = _targets(folder, name, ending, samples)
        if not overwrite:
            _check_free(targets)
        made = []
        for number, target in enumerate(targets):
            one = model.replace(seed=seed + number)
            specimen = tracked(one.drawing(voxels, size), "placing objects", _STOPPED)
            row = {
                "image": str(target.image),
                "labels": str(target.labels),
                "parameters": str(target.parameters),
                "seed": one.seed,
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
        result = {"made": [] if dry_run else made, "samples": samples, "shape": list(voxels)}
        if dry_run:
            result["first"] = made[0]
        result |= {"spacing": list(size), "parameters": model.model_dump(mode="json")}
        typer.echo(json.dumps(result, indent=2))
        return
    many = "x".join(map(str, voxels))
    if dry_run:
        total = samples * sum(a.nbytes for a in (specimen.image, specimen.labels))
        typer.echo(
            f"{samples} specimen(s) of {many} voxels would be made in {folder.resolve()}, "
            f"{total / 1e9:,.2f} GB before compression; the first has {made[0]['objects']} objects."
        )
        typer.echo(_listed(model))
        return
    typer.echo(f"{len(made)} specimen(s) of {many} voxels made in {folder.resolve()}.")


def _options() -> list[inspect.Parameter]:
    """An option for each field of the models, described by the field."""
    options: dict[str, inspect.Parameter] = {}
    for kind, model in KINDS.items():
        for name, field in model.model_fields.items():
            if name in _APART:
                continue
            others = [k for k, m in KINDS.items() if name not in m.model_fields]
            unit = extra_of(field).get("unit")
            more = [
                unit if not unit or unit.startswith("per ") else f"in {unit}",
                f"{kind} only" if others else "",
            ]
            default = {str(m.model_fields[name].default): k for k, m in KINDS.items() if not others}
            shown = " / ".join(default) if default else str(field.default)
            notes = "; ".join(m for m in (*more, f"default {shown}") if m)
            option = typer.Option(
                help=f"{str(field.description).rstrip('.')} ({notes}).",
                rich_help_panel="Parameters",
                show_default=False,
            )
            options.setdefault(
                name,
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=None,
                    annotation=Annotated[_plain(field.annotation) | None, option],
                ),
            )
    return list(options.values())


def _plain(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Literal else annotation


def _with_options(function: Callable[..., None]) -> None:
    """Give the command a signature that names every parameter of the models."""
    own = inspect.signature(function, eval_str=True)
    named = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    every = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in named] + _options()
    function.__signature__ = own.replace(parameters=every)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in every} | {"return": None}


_with_options(phantom)


# ---- from words to values ----


def _model(
    kind: str,
    given: dict[str, Any],
    like: Path | None,
    like_image: Path | None,
    shape: str | None,
    spacing: str | None,
) -> tuple[Synthetic, tuple[int, ...], tuple[float, ...]]:
    """The model, and shape and spacing of its specimens."""
    if kind not in KINDS:
        raise ValueError(f"--kind must be one of {', '.join(KINDS)}; got {kind!r}")
    voxels = None if shape is None else _numbers("--shape", shape, int)
    size = None if spacing is None else _numbers("--spacing", spacing, float)
    if like is None:
        if like_image is not None:
            raise ValueError("--like-image needs --like, the labels of this image")
        ndim = len(voxels or size or (0, 0, 0))
        if ndim not in _DEFAULTS:
            raise ValueError(f"--shape and --spacing take two or three numbers; got {ndim}")
        voxels, size = voxels or _DEFAULTS[ndim][0], size or _DEFAULTS[ndim][1]
        return KINDS[kind](**given), voxels, size
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
    model = tracked(KINDS[kind].matching(labels, own, image), "fitting", _STOPPED)
    return model.replace(**given), voxels or labels.shape, own


def _read(path: Path) -> tuple[Any, tuple[float, ...] | None]:
    """All voxels of an image without channels or time, and its voxel size in micrometres."""
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
    if file_format is not None and file_format not in _ENDINGS:
        raise ValueError(f"--format must be one of {', '.join(_ENDINGS)}; got {file_format!r}")
    for ending in (".ome.zarr", ".ome.tiff", ".ome.tif", ".tiff", ".tif"):
        if not output.name.lower().endswith(ending):
            continue
        if samples > 1:
            raise ValueError(
                f"{output} names one file, but {samples} samples were asked for. Give a folder"
            )
        if file_format is not None and ("zarr" in ending) != (file_format == "ome-zarr"):
            raise ValueError(
                f"{output} is not a valid name for --format {file_format}. Leave one out"
            )
        return output.parent, output.name[: -len(ending)], output.name[-len(ending) :]
    if output.suffix.lower() in _NOT_WRITTEN and not output.is_dir():
        raise ValueError(
            f"{output} is not the name of an image that can be written: give a folder, or a name "
            "that ends in .ome.tif, .tif or .ome.zarr"
        )
    return output, "", _ENDINGS[file_format or "ome-tiff"]


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
    model: Synthetic,
    specimen: Specimen,
    target: _Target,
    overwrite: bool,
    tell: Callable[[int], None],
) -> None:
    """Write image, labels and parameters; ``tell`` is called with the voxels just written.

    They get their names when all three are complete: an image beside the labels
    of another one would be worse than none.
    """
    from ..files import writing

    record = {"parameters": model.model_dump(mode="json"), "shape": list(specimen.shape)}
    record |= {"spacing": list(specimen.spacing), "unit": "micrometer"}
    with (
        writing(target.image, overwrite) as image,  # it gets its name last
        writing(target.labels, overwrite) as labels,
        writing(target.parameters, overwrite) as parameters,
    ):
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        parameters.write_text(text, encoding="utf-8")
        _write_array(labels, target.labels, specimen.labels, specimen, record, True, tell)
        _write_array(image, target.image, specimen.image, specimen, record, False, tell)


def _write_array(
    partial: Path,
    path: Path,
    array: SpecimenArray,
    specimen: Specimen,
    record: dict[str, Any],
    labels: bool,
    tell: Callable[[int], None],
) -> None:
    from .. import files

    header = files.header_of(
        array.shape,
        array.dtype,
        "zyx"[-array.ndim :],
        scale=specimen.spacing,
        units=("micrometer",) * array.ndim,
        name=files.stem(path),
        provenance={"specimen": record},
    )
    if not path.name.endswith(".zarr"):
        planes = _counted(files.planes_of(array, header), tell)
        files.write_tiff(partial, header, planes, labels=labels)
        return
    files.create(partial, header, labels=labels)
    for region in files.slabs(partial):
        files.write_slab(partial, region, array[slices(region)])
        tell(math.prod(len(r) for r in region))
    for level, region in files.reduced(partial):
        files.write_reduced(partial, level, region)
    files.finish(partial, header.provenance)


def _counted(planes: Iterator[Any], tell: Callable[[int], None]) -> Iterator[Any]:
    for plane in planes:
        yield plane
        tell(plane.size)


def _listed(model: Synthetic) -> str:
    lines = []
    for name, field in type(model).model_fields.items():
        value, unit = getattr(model, name), extra_of(field).get("unit", "")
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"  {name:22s} {shown} {unit}".rstrip())
    return "\n".join(lines)

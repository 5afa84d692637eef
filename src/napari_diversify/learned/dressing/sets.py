"""Training sets of dressed masks: image, cycled mask, source mask, and what the probe says.

The labels of a pair are the mask that the model finds in the image as it is in the file: they
match what is there to be seen. The mask that the picture was made for lies beside it. Sample n is
a function of the model, the specimen and its seed + n alone; each file carries the record that
makes it again.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ... import files
from ...core.measures.hidden import HiddenProbe, probe_hidden
from ...files import LAYOUTS, Item, Layout
from ...recipe.provenance import Provenance
from ...synthetic.plan import Plan
from ...synthetic.renderers import Renderer
from .drawn import section
from .model import DressingModel
from .renderer import as_grey

#: Where the masks are that pictures were made for.
SOURCE_MASKS = "source_masks"
_STEM = "dressed"
_UNDEFINED = ("psnr", "data_range", "data_range_rule", "si_psnr", "ssim", "ssim_planes",
              "contrast_source")  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A training set that is wanted.

    Attributes
    ----------
    model : DressingModel
    plan : Plan
        Specimens of a single plane: shape (y, x), or (1, y, x) for sections of volumes.
    output : Path
    samples : int
        Sample n has the seed of the plan + n.
    layout : str
        Key of :data:`napari_diversify.files.LAYOUTS`.
    file_format : str or None
    overwrite : bool
        Whether files of these names are replaced.
    """

    model: DressingModel
    plan: Plan
    output: Path
    samples: int = 1
    layout: str = "plain"
    file_format: str | None = None
    overwrite: bool = False

    @property
    def how(self) -> Layout:
        """The layout."""
        return LAYOUTS[self.layout]

    def plan_of(self, sample: int) -> Plan:
        """What a sample is."""
        return replace(
            self.plan.with_(seed=self.plan.model.seed + sample),
            renderer=Renderer(model=self.model.name),
        )


@dataclass(frozen=True)
class Dressed:
    """One pair, as it is in its files.

    Attributes
    ----------
    image : ndarray of uint16, shape (Y, X)
    labels : ndarray of uint16
        The cycled mask: what the model finds in ``image``.
    source : ndarray of uint16 or uint32
        The mask that the picture was made for.
    probe : HiddenProbe
        Of ``image`` and ``source``, with the back-translation.
    """

    image: npt.NDArray[np.uint16]
    labels: npt.NDArray[np.uint16]
    source: npt.NDArray[Any]
    probe: HiddenProbe


def plan_like(model: DressingModel, shape: Sequence[int], seed: int = 0, **values: Any) -> Plan:
    """Specimens as dense as those that a model was trained with, of one plane (y, x)."""
    trained = model.card.trained
    plan = Plan() if trained.specimen is None else Plan.from_record(trained.specimen)
    pixels = trained.spacing or plan.spacing[-2:]
    deep = plan.ndim == 3
    nuclei = section(plan.model) if deep else plan.model
    return Plan(
        nuclei.replace(seed=seed, **values),
        (1, *shape) if deep else tuple(shape),
        (plan.spacing[0], *pixels) if deep else pixels,
    )


def dressed(model: DressingModel, plan: Plan) -> Dressed:
    """One pair."""
    specimen = plan.specimen()
    image, source = (np.asarray(a).reshape(plan.shape[-2:]) for a in
                     (specimen.image, specimen.labels))  # fmt: skip
    labels = model.masks(image)
    return Dressed(
        image, labels, source, probe_hidden(image, source, found=labels, noise=model.noise)
    )


def make_set(wanted: Wanted) -> Generator[tuple[int, int], None, list[dict[str, Any]]]:
    """Write a training set; yield (samples made, all samples), and return the manifest's rows.

    Raises
    ------
    OSError, ValueError
        If a file exists already or cannot be written.
    """
    width = max(4, len(str(wanted.samples - 1)))
    names = [f"{_STEM}_{n:0{width}}" for n in range(wanted.samples)]
    places = [_places(wanted, name) for name in names]
    if not wanted.overwrite:
        manifest = wanted.output / "manifest.csv"
        taken = [
            p for p in (manifest, *(p for some in places for p in some.values())) if p.exists()
        ]
        if taken:
            raise FileExistsError(
                f"{taken[0]} exists and is left as it is; choose another folder, or --overwrite"
            )
    rows, items = [], []
    for n, (name, place) in enumerate(zip(names, places, strict=True)):
        yield n, wanted.samples
        plan = wanted.plan_of(n)
        made = dressed(wanted.model, plan)
        items.append(Item(name, _write(wanted, plan, made, place)))
        rows.append(_row(wanted, plan, made, place, name, n))
    files.write_extras(wanted.how, wanted.output, items)
    files.replace_text(wanted.output / "manifest.csv", _table(rows))
    yield wanted.samples, wanted.samples
    return rows


def _check_free(places: Sequence[Path]) -> None:
    taken = next((path for path in places if path.exists()), None)
    if taken is not None:
        raise FileExistsError(
            f"{taken} exists and is left as it is; choose another folder, or --overwrite"
        )


def _places(wanted: Wanted, name: str) -> dict[str, Path]:
    places = files.paths(wanted.how, wanted.output, name, file_format=wanted.file_format)
    return places | {"mask": wanted.output / SOURCE_MASKS / f"{name}.tif"}


def _write(wanted: Wanted, plan: Plan, made: Dressed, place: dict[str, Path]) -> files.Header:
    """Write the files of a pair; each appears under its name when it is complete."""
    file_format = wanted.file_format or wanted.how.formats[0]
    codec = files.FORMATS[file_format].codec
    header = files.header_of(
        made.image.shape,
        made.image.dtype,
        "yx",
        scale=plan.spacing[-2:],
        units=("micrometer",) * 2,
        provenance=Provenance(specimen=plan.record()).entry(),
    )
    mask = replace(header, dtype=made.source.dtype, provenance=None)
    with files.writing(place["mask"], wanted.overwrite) as partial:
        files.FORMATS["tiff"].codec.write(partial, mask, made.source, labels=True)
    if "labels" in place:
        with files.writing(place["labels"], wanted.overwrite) as partial:
            if wanted.how.semantic:
                classes = replace(mask, dtype=np.dtype(np.uint8))
                planes = files.semantic_planes(made.labels, 2)
                codec.write_planes(partial, classes, planes, labels=True)
            else:
                labels = replace(mask, dtype=made.labels.dtype)
                codec.write(partial, labels, made.labels, labels=True)
    if "source" in place:  # pairs for restoration: the picture before it gets its noise
        clean = as_grey(wanted.model.picture(made.source, noise=False))
        with files.writing(place["source"], wanted.overwrite) as partial:
            codec.write(partial, replace(header, provenance=None), clean)
    with files.writing(place["image"], wanted.overwrite) as partial:
        codec.write(partial, header, made.image)
    return header


def _row(
    wanted: Wanted, plan: Plan, made: Dressed, place: dict[str, Path], name: str, sample: int
) -> dict[str, Any]:
    """A line of the manifest, with the columns of other training sets."""
    inside = {role: path.relative_to(wanted.output).as_posix() for role, path in place.items()}
    probe = made.probe
    values = {
        f"{plan.model.kind}.{key}": value
        for key, value in plan.model.model_dump(mode="json").items()
        if key not in ("kind", "seed")
    }
    return {
        "file": inside["image"],
        "labels": inside.get("labels", ""),
        "clean": inside.get("source", ""),
        "source": name,
        "group": name,
        "sample": sample,
        "seed": plan.model.seed,
        **values,
        "dressing.model": wanted.model.card.hash,
        "dressing.source_mask": inside["mask"],
        "probe.objects": probe.numbers.size,
        "probe.unseen": int(probe.unseen.sum()),
        "probe.hidden": int((probe.unseen & _found(probe)).sum()),
        "probe.dice": _digits(probe.dice),
        "probe.contrast_median": _digits(probe.percentile(50)),
        "probe.contrast_p5": _digits(probe.percentile(5)),
        "probe.trace": _digits(probe.unseen_trace),
        "probe.energy": _digits(probe.energy),
        "target_psnr": "",
        **dict.fromkeys(_UNDEFINED, "nan"),
        "contrast": _digits(float(made.image.std() / max(made.image.mean(), 1e-12))),
        "clipped": _digits(float(np.isin(made.image, (0, 65535)).mean())),
    }


def _found(probe: HiddenProbe) -> npt.NDArray[np.bool_]:
    return np.zeros(probe.numbers.size, bool) if probe.found is None else probe.found


def _digits(value: float) -> float | str:
    return float(f"{value:.6g}") if math.isfinite(value) else "nan"


def _table(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()

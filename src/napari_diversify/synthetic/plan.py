"""The plan of a synthetic specimen: parameters, shape and voxel size.

No Qt here: what a dock shows, a file holds and a command line says is one value.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..core.blocks import exhaust
from ..core.specimens.field import check_field
from ..model import bounds_of
from .nuclei import SyntheticNuclei
from .registry import KINDS, Synthetic
from .renderers import Renderer
from .specimen import Specimen
from .specimen_model import Drawing

#: Shape and voxel size by number of axes, at first: those of ``napari-diversify phantom``.
USUAL: dict[int, tuple[tuple[int, ...], tuple[float, ...]]] = {
    2: ((512, 512), (0.2, 0.2)),
    3: ((64, 256, 256), (0.5, 0.2, 0.2)),
}


@dataclass(frozen=True)
class Plan:
    """Everything that determines the voxels of a specimen.

    Parameters
    ----------
    model : SyntheticNuclei or SyntheticMembranes
    shape : tuple of int
        (y, x) or (z, y, x).
    spacing : tuple of float
        Voxel size in micrometres.
    renderer : Renderer or None
        What makes the image of the objects, if not our microscope.
    """

    model: Synthetic = field(default_factory=SyntheticNuclei)
    shape: tuple[int, ...] = USUAL[3][0]
    spacing: tuple[float, ...] = USUAL[3][1]
    renderer: Renderer | None = None

    @property
    def ndim(self) -> int:
        """2 for an image, 3 for a volume."""
        return len(self.shape)

    def with_(self, **values: Any) -> Plan:
        """The same with other parameters of its model."""
        return replace(self, model=self.model.replace(**values))

    def same_field(self, other: Plan) -> bool:
        """Whether both have the same voxels in the same places."""
        return (self.shape, self.spacing) == (other.shape, other.spacing)

    def specimen(self) -> Specimen:
        """Draw it."""
        return exhaust(self.drawing())

    def drawing(self) -> Drawing:
        """Draw it, and yield (objects placed so far, all objects)."""
        specimen = yield from self.model.drawing(self.shape, self.spacing)
        if self.renderer is None:
            return specimen
        return self.renderer.rendered(specimen, self.model.seed)

    def counted(self, specimen: Specimen) -> str:
        """How many objects its specimen has, in words."""
        if self.model.kind == "nuclei":
            return f"{specimen.objects:,} nuclei"
        return f"about {specimen.objects:,} cells"  # a few more reach into the field

    def record(self) -> dict[str, Any]:
        """As JSON; what ``napari-diversify phantom`` writes beside an image."""
        return {
            "parameters": self.model.model_dump(mode="json"),
            "shape": list(self.shape),
            "spacing": list(self.spacing),
            "unit": "micrometer",
            **({} if self.renderer is None else {"renderer": self.renderer.model_dump()}),
        }

    @classmethod
    def from_record(cls, record: Any) -> Plan:
        """The plan of a record.

        Raises
        ------
        ValueError
            If it is not such a record, or describes a specimen that cannot be made.
        """
        if not isinstance(record, dict) or not isinstance(record.get("parameters"), dict):
            raise ValueError(
                "it holds no parameters of a synthetic specimen. Files written by Save parameters "
                "and by napari-diversify phantom do"
            )
        values = dict(record["parameters"])
        kind = values.get("kind", "nuclei")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
        shape, spacing = record.get("shape", USUAL[3][0]), record.get("spacing", USUAL[3][1])
        try:
            shape, spacing = tuple(shape), tuple(float(size) for size in spacing)
        except (TypeError, ValueError):
            raise ValueError(
                f"shape and spacing must be lists of numbers; got {shape!r} and {spacing!r}"
            ) from None
        check_field(shape, spacing)
        renderer = record.get("renderer")
        if not isinstance(renderer, dict | None):
            raise ValueError(f"renderer must be an object; got {renderer!r}")
        by = None if renderer is None else Renderer(**renderer)
        return cls(KINDS[kind](**values), shape, spacing, by)

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(self.record(), indent=2, ensure_ascii=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the record to a file, completely or not at all; an existing file is replaced."""
        from ..files import writing  # which takes long to import

        with writing(path, overwrite=True) as partial:
            partial.write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Plan:
        """Read the record in a file.

        Raises
        ------
        OSError, ValueError
            If the file does not exist, or is not such a record.
        """
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError:
            raise ValueError("it is not a text file, and so not JSON") from None
        except json.JSONDecodeError as error:
            raise ValueError(f"it is not valid JSON: {error}") from None
        except RecursionError:
            raise ValueError("its JSON cannot be read: it is nested too deeply") from None
        return cls.from_record(record)

    def command(self) -> str:
        """The command that writes this specimen, every voxel the same."""
        values = self.model.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "seed"})
        words = ["napari-diversify", "phantom", "synthetic.ome.tif", "--kind", self.model.kind]
        if self.renderer is not None:
            words += ["--renderer", self.renderer.model]
        words += ["--shape", ",".join(map(str, self.shape))]
        words += ["--spacing", ",".join(map(repr, self.spacing)), "--seed", str(self.model.seed)]
        for name, value in values.items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            else:
                words += [f"--{option}", repr(value)]
        return shlex.join(words)


def as_seen_in(model: Synthetic, ndim: int) -> Synthetic:
    """The model with the density of a section through its volume, or of the volume of a section.

    A plane meets as many objects per area as lie in a slab as thick as their
    mean diameter (DeHoff and Rhines, Trans. AIME 221, 975-982 (1961)).
    """
    if not isinstance(model, SyntheticNuclei):
        return model  # membranes fill space: their size is their density
    density = model.density * model.diameter if ndim == 2 else model.density / model.diameter
    most = bounds_of(SyntheticNuclei.model_fields["density"])[1]
    # six digits, so that converting there and back gives the number that was typed
    section: Synthetic = model.replace(density=min(float(f"{density:.6g}"), most))
    return section

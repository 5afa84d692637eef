"""Provenance: how an image was made, as its layer, its file and its record carry it.

In JSON it is an object. A layer holds it in its metadata under :data:`KEY`, a file in its
header, a record of a batch as ``provenance``. All of them are written and read here, those of
older versions too: what one did not write keeps its default, and what another program has
added is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, model_validator

from .. import __version__
from ..model import Model
from .recipe import Recipe
from .sampling import Sampling

#: Key of a layer's metadata under which its provenance lies.
KEY = "napari-diversify"
#: What only says how a live layer is shown, and for which voxels the rest is true.
_OF_THE_MOMENT = {"live", "waits", "shape", "dtype"}

#: An object of JSON.
JsonObject: TypeAlias = dict[str, Any]
_Size: TypeAlias = Annotated[int | float, Field(gt=0)]


class WrittenRecipe(RootModel[dict[str, Any]]):
    """A recipe as it was written: by any version, with steps that this one may not know."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _is_a_recipe(self) -> WrittenRecipe:
        steps, limits = self.root.get("steps"), self.root.get("intensity_range")
        if not isinstance(steps, list) or not all(
            isinstance(step, dict) and isinstance(step.get("kind"), str) for step in steps
        ):
            raise ValueError("its recipe has no list of steps, each with a 'kind'")
        for name in ("seed", "sample"):
            if type(self.root.get(name)) is not int:
                raise ValueError(f"its recipe has no whole number as its {name}")
        if limits is not None and not (
            isinstance(limits, list | tuple)
            and len(limits) == 2
            and all(isinstance(limit, int | float) for limit in limits)
        ):
            raise ValueError(f"the intensity range of its recipe is not two numbers: {limits!r}")
        return self

    @classmethod
    def of(cls, recipe: Recipe) -> WrittenRecipe:
        """A recipe as this version writes it."""
        return cls(recipe.model_dump(mode="json"))

    @property
    def steps(self) -> list[JsonObject]:
        """The steps, each with its ``kind`` and its parameters."""
        steps: list[JsonObject] = self.root["steps"]
        return steps

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the steps, in their order."""
        return tuple(step["kind"] for step in self.steps)

    @property
    def seed(self) -> int:
        """The seed of the noise."""
        return int(self.root["seed"])

    @property
    def sample(self) -> int:
        """The number of the sample."""
        return int(self.root["sample"])

    @property
    def limits(self) -> tuple[float, float] | None:
        """The intensity range, in grey levels; None: that of the image."""
        limits = self.root.get("intensity_range")
        return None if limits is None else (float(limits[0]), float(limits[1]))

    def recipe(self) -> Recipe:
        """The recipe itself.

        Raises
        ------
        ValueError
            If this version cannot run it; the message says why.
        """
        return Recipe.of_values(self.root)


class SourceImage(Model):
    """The image that another was made from, and how it was read.

    Attributes
    ----------
    name : str
        Of the image.
    path : str or None
        Where it lies, seen from the folder of the training set; None for an image in memory.
    axes : str or None
        Axes that were given for it.
    series : int or None
        Which image of its file.
    voxel_size : dict from axis to float, or None
        Micrometres that were given for it.
    """

    model_config = ConfigDict(extra="ignore")

    name: str
    path: str | None = None
    axes: str | None = None
    series: int | None = None
    voxel_size: dict[str, _Size] | None = None

    def entry(self) -> JsonObject:
        """As JSON."""
        return self.model_dump(mode="json", exclude_unset=True)


def _named(source: Any) -> Any:
    """A layer says only how the layer that it was made from was called."""
    return {"name": source} if isinstance(source, str) else source


class Provenance(Model):
    """How an image was made; what does not apply to it is None or empty.

    Attributes
    ----------
    recipe : WrittenRecipe or None
        What was done to its source.
    sample : int or None
        The number of the sample, where it is not that of the recipe.
    window, stride : tuple of int, or None
        Of a σ map.
    spatial_ndim : int or None
        Spatial axes of a σ map.
    specimen : dict or None
        A synthetic specimen, as :meth:`.synthetic.plan.Plan.record` writes it.
    sampling : dict or None
        What was drawn for a sheet of samples, see :class:`.Sampling`.
    rejected : tuple of int
        Samples of a sheet that the user has rejected.
    version : str or None
        Of the program.
    shows : str or None
        What of the recipe the image is, where that is not its result: "removed", say.
    source : SourceImage or None
        What it was made from.
    program : str or None
        Which program made it.
    at : tuple of (str, int)
        Axes of the source that the image does not have, and where on them it lies.
    """

    model_config = ConfigDict(extra="ignore")

    recipe: WrittenRecipe | None = None
    sample: int | None = None
    window: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    spatial_ndim: int | None = None
    specimen: dict[str, Any] | None = None
    sampling: dict[str, Any] | None = None
    rejected: tuple[int, ...] = ()
    version: str | None = None
    shows: str | None = None
    source: Annotated[SourceImage | None, BeforeValidator(_named)] = None
    program: str | None = None
    at: tuple[tuple[str, int], ...] = ()

    @classmethod
    def read(cls, entry: Any) -> Self:
        """Read an entry of JSON.

        Raises
        ------
        ValueError
            If it cannot be read; the message says what of it.
        """
        if not isinstance(entry, Mapping):
            raise ValueError(f"its provenance must be a JSON object; got {entry!r}")
        return cls(**{str(name): value for name, value in entry.items()})

    @classmethod
    def of_recipe(cls, recipe: Recipe, sample: int, shows: str = "") -> Provenance:
        """Of a layer that shows a sample of a recipe, or something else of it."""
        more = {"shows": shows} if shows else {}
        return cls(recipe=WrittenRecipe.of(recipe), sample=sample, version=__version__, **more)

    @classmethod
    def of_local_std(
        cls, window: tuple[int, ...], stride: tuple[int, ...], spatial_ndim: int | None
    ) -> Provenance:
        """Of a layer that shows a σ map."""
        return cls(window=window, stride=stride, spatial_ndim=spatial_ndim, version=__version__)

    @classmethod
    def of_specimen(cls, record: JsonObject) -> Provenance:
        """Of a layer that shows a synthetic specimen, with the record of its plan."""
        return cls(specimen=record, version=__version__)

    @classmethod
    def of_sheet(cls, sampling: Sampling, rejected: set[int]) -> Provenance:
        """Of a sheet of samples."""
        return cls(
            sampling=sampling.model_dump(mode="json"),
            rejected=tuple(sorted(rejected)),
            version=__version__,
        )

    @property
    def number(self) -> int | None:
        """The number of the sample; None where there is no recipe."""
        return self.recipe.sample if self.sample is None and self.recipe else self.sample

    def entry(self) -> JsonObject:
        """As JSON: what was set, in the order in which it has always been written."""
        return self.model_dump(mode="json", exclude_unset=True)


class BatchProvenance(Provenance):
    """How a batch made a file: enough to make it again.

    Attributes
    ----------
    drawn : dict from parameter to number
        What was drawn for this sample.
    target_psnr : float or None
        The PSNR that it was to have, in decibel.
    spacing : tuple of float, or None
        Voxel size along the spatial axes, in micrometres; None where it is not known.
    """

    recipe: WrittenRecipe
    drawn: dict[str, int | float] = Field(default_factory=dict)
    target_psnr: int | float | None = None
    source: SourceImage
    spacing: tuple[Annotated[float, Field(gt=0)], ...] | None = None

    @property
    def knows_spacing(self) -> bool:
        """Whether the voxel size was written: version 0.1.0 did not."""
        return "spacing" in self.model_fields_set

    def part(self, at: tuple[tuple[str, int], ...]) -> BatchProvenance:
        """Of a file that holds a part of the sample."""
        return self.model_copy(update={"at": at})

    def entry(self) -> JsonObject:
        """As JSON."""
        first = ("program", "version", "recipe", "drawn", "target_psnr", "source", "spacing", "at")
        values = super().entry()
        return {name: values[name] for name in first if name in values}


# ---- entries of layers ----


def entry_in(metadata: Mapping[str, Any]) -> JsonObject:
    """The entry that the metadata of a layer hold; empty where somebody has taken it away."""
    entry = metadata.get(KEY)
    return entry if isinstance(entry, dict) else {}


def of_voxels(array: Any) -> JsonObject:
    """What an entry says of the voxels that it is true for: napari copies it to others, too."""
    return {"shape": [int(n) for n in array.shape], "dtype": str(array.dtype)}


def for_file(metadata: Mapping[str, Any], array: Any) -> JsonObject | None:
    """What a file holds of the metadata of a layer with these voxels.

    None where there is nothing, and where the metadata were copied with other voxels: to a
    projection, a slice, other numbers.
    """
    entry = metadata.get(KEY)
    if not isinstance(entry, Mapping):
        entry = {"recipe": metadata["recipe"]} if "recipe" in metadata else {}
    voxels = of_voxels(array)
    if "shape" in entry and (list(entry["shape"]), entry.get("dtype")) != (
        voxels["shape"],
        voxels["dtype"],
    ):
        return None
    lasting = for_layer(entry)
    if not lasting:
        return None
    out: JsonObject = json.loads(json.dumps(lasting, default=str))
    return out


def for_layer(entry: Mapping[str, Any], channel: int | None = None) -> JsonObject:
    """What a layer that shows a file, or one channel of it, holds of the entry of the file."""
    out = {key: value for key, value in entry.items() if key not in _OF_THE_MOMENT}
    if channel is not None and "recipe" in out:
        # it made the whole image; a batch says in this way which part of it a file holds
        out["at"] = [*(out.get("at") or ()), ["c", channel]]
    return out

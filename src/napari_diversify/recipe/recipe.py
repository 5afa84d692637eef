"""A recipe: what to do to an image, as data that can be kept, sent and run again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from ..core.noise import GENERATOR, SAMPLES, sample_after
from ..model import Model
from ..small_files import read_small
from .lazy.volume import LazyVolume
from .steps.registry import AnyStep
from .training import fresh_sample

MOST_STEPS = 64


class Recipe(Model):
    """An ordered tuple of steps, the seed of their noise, and the intensity range.

    Parameters
    ----------
    steps : tuple of steps
        Applied in this order, each to the result of the one before; at most 64.
    seed : int, optional
        0 to 2**53 - 1. With the sample number it decides all noise.
    sample : int, optional
        The sample made where no other one is asked for, 0 to 2**32 - 1.
    intensity_range : (float, float), optional
        Grey levels that are mapped to 0 and 1 for the whole volume. By default
        the volume's exact minimum and maximum.
    spatial_ndim : 2 or 3, optional
        How many of the last axes are space: 3 for volumes, 2 for planes that
        have nothing to do with each other. By default 3, or 2 for a 2D image.
    precision : {"exact", "float32"}, optional
        "exact" restores the digits of grey levels that single precision, in which steps
        work, cannot hold: what a recipe leaves as it is comes back exactly, whatever the
        dtype. "float32" is the way of version 0.1.0, and what a recipe written by it means.
        Integers of 8 and 16 bits are the same either way.
    generator : str
        Name and version of the noise generator; only the one named here can be run.
    schema_version : int
        Version of this file format.

    Raises
    ------
    ValueError
        With a sentence for each parameter that is not valid.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> recipe = Recipe(steps=(Diversify(w_i=0.8, w_v=2.0),), seed=42)
    >>> image = np.arange(60, dtype="uint16").reshape(3, 4, 5)
    >>> result = recipe.apply(image)
    >>> result.shape, str(result.dtype)
    ((3, 4, 5), 'uint16')
    >>> bool((result == Recipe.from_json(recipe.to_json()).apply(image)).all())
    True
    """

    VERSION: ClassVar[int] = 1

    schema_version: Literal[1] = 1
    generator: Literal["philox4x32-10/1"] = GENERATOR
    precision: Literal["exact", "float32"] = Field(
        "exact",
        title="precision",
        description="exact: grey levels of 32 and 64 bits lose no digits on their way through "
        "the steps. float32: the arithmetic of version 0.1.0, for its recipes.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**53 - 1,  # the largest that JSON keeps everywhere
        title="seed",
        description="The same seed gives the same noise, on any machine.",
    )
    sample: int = Field(
        0,
        ge=0,
        le=SAMPLES - 1,
        title="sample",
        description="Each number gives another, independent noise from the same seed.",
    )
    intensity_range: tuple[float, float] | None = Field(
        None,
        title="range",
        description="Grey levels mapped to 0 and 1 for the whole volume. Diversification clips "
        "its result to them, like a detector that saturates; contrast and low-pass do not.",
        json_schema_extra={"unit": "grey levels"},
    )
    spatial_ndim: Literal[2, 3] | None = Field(
        None,
        title="spatial axes",
        description="3: the image consists of volumes (z, y, x). 2: of separate planes (y, x).",
    )
    steps: tuple[AnyStep, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_version(cls, values: Any) -> Any:
        return migrated(values) if isinstance(values, dict) else values

    @field_validator("steps", mode="before")
    @classmethod
    def _not_too_many(cls, steps: Any) -> Any:
        # each is computed within the next
        if isinstance(steps, list | tuple) and len(steps) > MOST_STEPS:
            raise ValueError(f"a recipe has at most {MOST_STEPS} steps; this one has {len(steps)}")
        return steps

    @model_validator(mode="after")
    def _range_ascends(self) -> Recipe:
        if (
            self.intensity_range is not None
            and not self.intensity_range[0] < self.intensity_range[1]
        ):
            low, high = self.intensity_range
            raise ValueError(
                f"intensity_range must be (low, high) with low < high; got ({low:g}, {high:g})"
            )
        return self

    @property
    def in_lengths(self) -> bool:
        """Whether parameters are lengths in micrometres: the voxel size then decides the result."""
        return any(step.in_lengths for step in self.steps)

    @property
    def noisy(self) -> tuple[int, ...]:
        """Numbers of the steps whose noise has a weight, with which a target PSNR is met."""
        return tuple(i for i, step in enumerate(self.steps) if step.noise_weight is not None)

    def doubts(
        self, shape: Sequence[int], spacing: Sequence[float] | None, levels: tuple[float, float]
    ) -> tuple[str, ...]:
        """Why not to believe the result on images of this spatial shape, as the steps say.

        ``levels`` are the grey levels mapped to 0 and 1. Sentences without a full stop.
        """
        return tuple(d for step in self.steps for d in step.doubts(shape, spacing, levels))

    def with_step(self, number: int, step: AnyStep) -> Recipe:
        """The recipe with another step in this place.

        Examples
        --------
        >>> from napari_diversify.recipe import Diversify, LowPass, Recipe
        >>> recipe = Recipe(steps=(Diversify(w_v=1), LowPass()))
        >>> recipe.with_step(0, Diversify(w_v=2)).steps[0].w_v
        2.0
        """
        steps = list(self.steps)
        steps[number] = step
        changed: Recipe = self.replace(steps=tuple(steps))
        return changed

    def apply(
        self, array: Any, spacing: Sequence[float] | None = None, sample: int | None = None
    ) -> npt.NDArray[Any]:
        """Compute the whole result in memory.

        Parameters
        ----------
        array : array-like of int or float, shape (..., [Z,] Y, X)
            NumPy, dask, Zarr or anything with shape, dtype and basic indexing.
        spacing : sequence of float, optional
            Voxel size per spatial axis, in micrometres.
        sample : int, optional
            Number of the sample, by default that of the recipe; each has noise of its own.

        Returns
        -------
        numpy.ndarray, shape and dtype of ``array``
            Equal, bit for bit, to what :class:`LazyVolume` shows of it. Voxels that the steps
            leave as they are keep their grey level exactly, also 64-bit integers beyond 2**53
            (unless :attr:`precision` is "float32"). How much the others change is known in
            single precision: to 24 bits of the intensity range.

        Raises
        ------
        TypeError, ValueError
            If the array cannot be used; the message says why.
        """
        return LazyVolume(array, self, spacing, sample).__array__()

    def __call__(
        self,
        image: Any,
        mask: Any = None,
        *,
        index: int | None = None,
        spacing: Sequence[float] | None = None,
    ) -> Any:
        """Make a sample of an image, for a training loop.

        Parameters
        ----------
        image : array-like of int or float, shape (..., [Z,] Y, X)
            Leading axes are independent images. A recipe for (C, Y, X) needs
            ``spatial_ndim=2``, or C is taken for Z. Give the recipe an
            ``intensity_range``, or each patch is stretched to its own.
        mask : optional
            Labels, which stay as they are.
        index : int, optional
            Number of the sample, 0 or more: the same again for the same
            number, whoever asks. By default a number is drawn by chance, also
            in loader workers another one for each call.
        spacing : sequence of float, optional
            Voxel size per spatial axis, in micrometres.

        Returns
        -------
        numpy.ndarray, or (numpy.ndarray, mask) if a mask was given

        Examples
        --------
        >>> import numpy as np
        >>> from napari_diversify import Recipe
        >>> from napari_diversify.recipe import Diversify
        >>> augment = Recipe(steps=(Diversify(),), intensity_range=(0, 1))
        >>> patch, mask = np.eye(16, dtype="float32"), np.eye(16, dtype=int)
        >>> noisy, same = augment(patch, mask, index=7)
        >>> bool((noisy == augment(patch, index=7)).all()), same is mask
        (True, True)
        """
        return fresh_sample(
            lambda n: self.replace(sample=sample_after(self.sample, n)), image, mask, index, spacing
        )

    def to_json(self) -> str:
        """The recipe as JSON text."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Recipe:
        """Read a recipe from JSON text.

        Raises
        ------
        ValueError
            If the text is not a recipe, or one of a newer version.
        """
        # json.loads removes the mark from bytes itself
        text = text.removeprefix("\ufeff") if isinstance(text, str) else text
        try:
            values = json.loads(text, object_pairs_hook=_once_each)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"this is not a recipe: the text is not JSON ({error})") from None
        return cls.of_values(values)

    @classmethod
    def of_values(cls, values: Any) -> Recipe:
        """A recipe of what JSON text holds.

        Raises
        ------
        ValueError
            If it is not a recipe, or one of a newer version.
        """
        if not isinstance(values, dict) or "schema_version" not in values:
            raise ValueError(
                "this is not a recipe of napari-diversify: a JSON object with 'schema_version' "
                f"is expected; got {type(values).__name__}"
            )
        version = values["schema_version"]
        if isinstance(version, int) and version > cls.VERSION:
            raise ValueError(
                f"this recipe has version {version}, but this program reads versions up to "
                f"{cls.VERSION}. Update napari-diversify to use it"
            )
        generator = values.get("generator", GENERATOR)
        if generator != GENERATOR:
            raise ValueError(
                f"this recipe draws its noise with {generator!r}; this program has {GENERATOR!r} "
                "and could not rebuild the same result"
            )
        return cls(**values)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recipe:
        """Read a recipe file (JSON).

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is not a recipe, or one of a newer version; the message names the file.
        """
        try:
            return cls.from_json(read_small(path))
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the recipe to a file (JSON), completely or not at all.

        Raises
        ------
        FileExistsError
            If the file exists and ``overwrite`` is not set.
        """
        target = Path(path)
        if target.exists() and not overwrite:
            raise FileExistsError(
                f"{target} exists and is left as it is; choose another name or overwrite=True"
            )
        from ..files import writing  # which takes long to import

        with writing(target, overwrite, folders=False) as partial:
            partial.write_text(self.to_json(), encoding="utf-8")


def migrated(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a recipe as this version of the program writes them.

    Version 0.1.0 knew no ``precision`` and always wrote its ``generator``. Values with
    neither were written by hand, and mean what is the default now.

    Examples
    --------
    >>> migrated({"generator": "philox4x32-10/1", "seed": 7})["precision"]
    'float32'
    >>> migrated({"seed": 7})
    {'seed': 7}
    """
    if "generator" in values and "precision" not in values:
        return {**values, "precision": "float32"}
    return values


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; raise if a name occurs twice, as it is not clear which value was meant."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"this is not a recipe: it gives {name!r} twice")
        values[name] = value
    return values

"""What is to be trained on what: the job of a training, as a file in its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from ...model import Model
from ...small_files import read_small
from .settings import Settings


class Source(Model):
    """An image to train on, in a file.

    Attributes
    ----------
    path : str
        Where; relative paths are those of copies, in the folder ``training``.
    name : str
        What the card of the model calls it; by default as the file.
    axes, series
        As :func:`napari_diversify.files.open_image` takes them.
    channel : int or None
        Which of several.
    spacing : tuple of float or None
        Size of its voxels, (z,) y, x in micrometres, if the file does not say so.
    in_voxels : bool
        Whether lengths count in voxels, whatever their size.
    """

    path: str
    name: str = ""
    axes: str | None = None
    series: int | None = Field(None, ge=0)
    channel: int | None = Field(None, ge=0)
    spacing: tuple[float, ...] | None = None
    in_voxels: bool = False


class Job(Model):
    """What is to be trained on what.

    Attributes
    ----------
    images : tuple of Source
        May be missing where shapes are learned.
    settings : RestoreTraining, DenoiseTraining, DressTraining or ShapesTraining
    seed : int
    frames : Source or None
        Frames (t, y, x) of one static scene, which noise models are fitted to.
    denoised : tuple of Source
        A denoised copy of each image, which noise models are fitted to.
    clean : tuple of Source
        Each image without noise, or without tissue: for figures only, never trained on.
    specimen : dict or None
        The synthetic specimen that masks are drawn from, as :meth:`.Plan.record` has it.
    labels : tuple of Source
        3D labels that shapes are learned from, as many as there are images, if any.
    """

    schema_version: Literal[1] = 1
    images: tuple[Source, ...] = ()
    settings: Settings
    seed: int = Field(0, ge=0, lt=2**64)
    frames: Source | None = None
    denoised: tuple[Source, ...] = ()
    clean: tuple[Source, ...] = ()
    specimen: dict[str, Any] | None = None
    labels: tuple[Source, ...] = ()

    @model_validator(mode="after")
    def _has_something_to_learn_from(self) -> Job:
        if self.settings.kind != "shapes":
            if not self.images:
                raise ValueError("images must be a list of 1 or more; got ()")
        elif not self.labels and not self.settings.cells:
            raise ValueError(
                "shapes are learned from 3D labels: give them (--labels), or a number of "
                "synthetic cells (--cells)"
            )
        elif self.images and len(self.images) != len(self.labels):
            raise ValueError(
                f"each image needs labels of its own: there are {len(self.images)} images and "
                f"{len(self.labels)} labels"
            )
        return self

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Job:
        """The job of a training; a ValueError or OSError says why not."""
        where = place(folder) / "job.json"
        if not where.is_file():
            raise FileNotFoundError(f"{folder} holds no training")
        try:
            return cls(**json.loads(read_small(where)))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"{where} is not the job of a training: {error}") from None


def place(folder: str | os.PathLike[str]) -> Path:
    """The folder of the training inside that of the model."""
    return Path(folder) / "training"


def names(sources: Sequence[Source]) -> tuple[str, ...]:
    """What a card calls these images."""
    return tuple(source.name or Path(source.path).name for source in sources)

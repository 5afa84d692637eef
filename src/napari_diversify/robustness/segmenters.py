"""Segmenters as data: which one, with what parameters; how they are run is in :mod:`.segmenting`.

A sample reaches a segmenter as it is, with its dtype and grey levels, and comes back as labels of
its shape: whole numbers, 0 for background.
"""

from __future__ import annotations

import shlex
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ..core.segmentation import log_watershed, otsu_watershed
from ..model import Model

Labels: TypeAlias = npt.NDArray[Any]
Spacing: TypeAlias = tuple[float, ...] | None


class Segmenter(Model):
    """What every segmenter has: the kind, a name for tables, and how it was meant."""

    #: Where its work is done: in this process, in one of its own, or by a program.
    where: ClassVar[Literal["here", "process", "program"]] = "here"

    kind: str

    @property
    def name(self) -> str:
        """What it is called in tables and plots: the kind, and what is not as by default."""
        fields = type(self).model_fields
        told = [
            f"{n}={getattr(self, n):g}"
            for n in fields
            if n != "kind" and getattr(self, n) != fields[n].default
        ]
        return ":".join(filter(None, (self.kind, ",".join(told))))

    def segment(self, image: npt.NDArray[Any], spacing: Spacing) -> Labels:
        """The labels of an image, of those that work in this process."""
        raise AssertionError("only segmenters that work here are asked")


class Otsu(Segmenter):
    """Otsu's threshold of the smoothed image, divided by a distance-transform watershed."""

    kind: Literal["otsu"] = "otsu"
    smoothing: float = Field(
        1.5,
        ge=0,
        le=50,
        title="smoothing",
        description="Standard deviation of the Gaussian before the threshold.",
        json_schema_extra={"unit": "voxels", "slider": [0.0, 5.0]},
    )
    separation: float = Field(
        5.0,
        ge=1,
        le=500,
        title="separation",
        description="Least distance between the middles of two objects.",
        json_schema_extra={"unit": "voxels", "slider": [1.0, 30.0]},
    )

    def segment(self, image: npt.NDArray[Any], spacing: Spacing) -> Labels:
        """Labels by :func:`.otsu_watershed`."""
        return otsu_watershed(image, spacing, smoothing=self.smoothing, separation=self.separation)


class LoG(Segmenter):
    """Maxima of the Laplacian of Gaussian as seeds of a watershed."""

    kind: Literal["log"] = "log"
    diameter: float = Field(
        20.0,
        ge=2,
        le=1000,
        title="diameter",
        description="Usual diameter of the objects.",
        json_schema_extra={"unit": "voxels", "slider": [4.0, 60.0]},
    )

    def segment(self, image: npt.NDArray[Any], spacing: Spacing) -> Labels:
        """Labels by :func:`.log_watershed`."""
        return log_watershed(image, spacing, diameter=self.diameter)


class _Timed(Segmenter):
    """A segmenter that may hang."""

    time_limit: float = Field(
        600.0,
        gt=0,
        le=1e6,
        title="time limit",
        description="An image that takes longer counts as failed.",
        json_schema_extra={"unit": "s"},
    )


class Function(_Timed):
    """A Python function (image, spacing) -> labels of the user, in a process of its own.

    The image is an array of its file's dtype and grey levels; the spacing is a tuple of
    micrometres per axis, or None. The process is started once, so that a model is loaded once.
    """

    where = "process"

    kind: Literal["function"] = "function"
    target: str = Field(
        title="function",
        description="package.module:function, or file.py:function.",
    )

    @field_validator("target")
    @classmethod
    def _names_a_function(cls, target: str) -> str:
        module, _, function = target.rpartition(":")
        if not module or not function.isidentifier():
            raise ValueError(
                "a segmenter of your own is package.module:function or file.py:function, a "
                f"function (image, spacing) that returns labels; got {target!r}"
            )
        return target

    @property
    def name(self) -> str:
        """The function."""
        return self.target


class Command(_Timed):
    """A program that segments all images in a folder into another folder.

    ``{in}`` and ``{out}`` stand for the folders. The images are TIFF files; a file of the same
    name with the labels of each is expected. All samples of a round are handed over together, so
    that a model is loaded once.
    """

    where = "program"

    kind: Literal["command"] = "command"
    line: str = Field(title="command", description="The command, with {in} and {out} in it.")

    @field_validator("line")
    @classmethod
    def _has_both_folders(cls, line: str) -> str:
        if "{in}" not in line or "{out}" not in line:
            raise ValueError(
                "a command names the folder with the images as {in} and the folder for the labels "
                f"as {{out}}, e.g. 'python segment.py {{in}} {{out}}'; got {line!r}"
            )
        try:
            shlex.split(line)
        except ValueError as error:
            raise ValueError(f"the command {line!r} cannot be read: {error}") from None
        return line

    @property
    def name(self) -> str:
        """The command without its folders."""
        return " ".join(w for w in self.line.split() if w not in ("{in}", "{out}"))


class _Pretrained(_Timed):
    """A model of a package that the user has installed."""

    where = "process"
    kind: str
    model: str

    @property
    def target(self) -> str:
        """Where its function is."""
        return f"napari_diversify.robustness.adapters:{self.kind}"

    @property
    def name(self) -> str:
        """Package and model."""
        return f"{self.kind}:{self.model}"


class StarDist(_Pretrained):
    """A pretrained StarDist model, where the user has installed the package stardist."""

    kind: Literal["stardist"] = "stardist"
    model: str = Field("2D_versatile_fluo", title="model", description="Name of the model.")


class Cellpose(_Pretrained):
    """A pretrained Cellpose model, where the user has installed the package cellpose."""

    kind: Literal["cellpose"] = "cellpose"
    model: str = Field("nuclei", title="model", description="Name of the model.")


AnySegmenter: TypeAlias = Annotated[
    Otsu | LoG | Function | Command | StarDist | Cellpose, Field(discriminator="kind")
]
#: Those that are known by a word.
KNOWN: dict[str, type[Otsu | LoG | StarDist | Cellpose]] = {
    "otsu": Otsu,
    "log": LoG,
    "stardist": StarDist,
    "cellpose": Cellpose,
}


def segmenter_in(text: str, time_limit: float | None = None) -> AnySegmenter:
    """A segmenter from its words.

    Parameters
    ----------
    text : str
        ``otsu``, ``log:diameter=12``, ``stardist:2D_versatile_fluo``, ``cellpose``, or a function
        as ``package.module:function`` or ``file.py:function``.
    time_limit : float, optional
        Seconds that an image may take, for those that may hang.

    Raises
    ------
    ValueError
        If the words do not name a segmenter.

    Examples
    --------
    >>> segmenter_in("log:diameter=12").diameter
    12.0
    >>> segmenter_in("mylab.seg:nuclei").name
    'mylab.seg:nuclei'
    """
    word, _, rest = text.partition(":")
    limit: dict[str, Any] = {} if time_limit is None else {"time_limit": time_limit}
    if word not in KNOWN:
        if ":" not in text:
            raise ValueError(
                f"{text!r} is no segmenter: there are {', '.join(KNOWN)}, and functions of your "
                "own as package.module:function or file.py:function"
            )
        return Function(target=text, **limit)
    kind = KNOWN[word]
    if not issubclass(kind, _Timed):
        return kind(**_parameters(text, rest))
    return kind(**({"model": rest} if rest else {}), **limit)


def _parameters(text: str, rest: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for part in filter(None, rest.split(",")):
        name, _, number = part.partition("=")
        try:
            values[name.strip()] = float(number)
        except ValueError:
            raise ValueError(
                f"parameters of a segmenter are NAME=NUMBER, e.g. log:diameter=12; got {text!r}"
            ) from None
    return values


def checked(labels: Any, shape: tuple[int, ...]) -> Labels:
    """Labels as a segmenter returned them, or why they are none.

    Raises
    ------
    TypeError, ValueError
        If they are not whole numbers from 0 on, or have not the shape of the image.
    """
    array = np.asarray(labels)
    if array.shape != shape:
        raise ValueError(f"it returned the shape {array.shape} for an image of {shape}")
    if array.dtype.kind == "b":
        raise TypeError(
            "it returned a mask, not labels: number its objects, e.g. with skimage.measure.label"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"it returned {array.dtype}, but labels are whole numbers: 0 for background and "
            "another for each object"
        )
    if array.dtype.kind == "i" and array.size and array.min() < 0:
        raise ValueError(f"it returned negative labels, down to {array.min()}; background is 0")
    return array

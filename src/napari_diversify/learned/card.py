"""The card of a model: what it is, what it was trained on, and how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from ..model import Model


class UNetShape(Model):
    """A residual U-Net: how wide and deep, and how many planes it looks at."""

    kind: Literal["unet"] = "unet"
    width: int = Field(16, ge=1, le=256)
    levels: int = Field(3, ge=1, le=5)
    context: int = Field(0, ge=0, le=4)  # planes on each side of the one that is predicted

    @property
    def multiple(self) -> int:
        """A number that the sides of what it is given must be multiples of."""
        return 1 << self.levels

    @property
    def halo(self) -> int:
        """How far, in pixels, a result may depend on its surroundings; a multiple of 8."""
        # two convolutions going down, three coming up, and one place more for pooling
        reach = sum((2 + 3 + 1) << level for level in range(self.levels)) + 2 * self.multiple
        return -(-reach // self.multiple) * self.multiple

    @property
    def parameters(self) -> int:
        """How many numbers its weights are."""
        widths = [self.width << level for level in range(self.levels + 1)]
        down = [1 + 2 * self.context, *widths[:-1]]
        number = sum(_pair(before, width) for before, width in zip(down, widths, strict=True))
        number += sum(_convolution(2 * w, w) + _pair(2 * w, w) for w in widths[:-1])
        return number + self.width + 1


class VaeShape(Model):
    """The fully convolutional VAE of DivNoising: how wide, and how many latents per place."""

    kind: Literal["vae"] = "vae"
    width: int = Field(32, ge=1, le=256)
    latents: int = Field(64, ge=1, le=512)
    context: Literal[0] = 0

    @property
    def multiple(self) -> int:
        """A number that the sides of what it is given must be multiples of."""
        return 4

    @property
    def halo(self) -> int:
        """How far, in pixels, a result may depend on its surroundings.

        12 for the encoder, 4 latents of 4 pixels for the decoder, and 12 for the mode of samples.
        """
        return 40

    @property
    def parameters(self) -> int:
        """How many numbers its weights are."""
        w, z = self.width, self.latents
        encoder = _pair(1, w) + _pair(w, 2 * w) + 2 * _convolution(2 * w, z)
        decoder = _pair(z, 2 * w) + _pair(2 * w, w) + _convolution(w, 1)
        return encoder + decoder + _convolution(2 * w, 2 * w, 2) + _convolution(w, w, 2)


class DressingShape(Model):
    """Two generators, of pictures and of masks, with their discriminators, and the guard.

    Attributes
    ----------
    width, blocks : int
        Channels of the first level of a generator, and its residual blocks.
    cutoff, taper : float
        Of the low-pass that pictures pass, as :class:`.LowPass` has them.
    noise : (float, float, float)
        The :class:`.NoiseLaw` of what they get, in the units of the network.
    diameter : float
        Of a usual object, in pixels.
    """

    kind: Literal["dressing"] = "dressing"
    width: int = Field(16, ge=1, le=256)
    blocks: int = Field(3, ge=1, le=12)
    cutoff: float = Field(0.35, gt=0, le=2)
    taper: float = Field(0.5, ge=0, le=1)
    noise: tuple[float, float, float] = (0.0, 0.0, 0.0)
    diameter: float = Field(10.0, gt=0)
    context: Literal[0] = 0

    @property
    def multiple(self) -> int:
        """A number that the sides of what it is given must be multiples of."""
        return 4

    @property
    def halo(self) -> int:
        """How far, in pixels, a result may depend on its surroundings; a multiple of 8."""
        # 7 x 7, two steps down, the blocks at a quarter, two steps up, 7 x 7; places in a repeat
        reach = 3 + 1 + 2 + 8 * self.blocks + 2 + 1 + 3 + self.multiple - 1
        return -(-reach // 8) * 8

    @property
    def parameters(self) -> int:
        """How many numbers its weights are."""
        w = self.width
        ends = _convolution(1, w, 7) + _convolution(w, 1, 7)
        steps = _convolution(w, 2 * w) + _convolution(2 * w, 4 * w)
        steps += _convolution(4 * w, 2 * w) + _convolution(2 * w, w)
        generator = ends + steps + self.blocks * _pair(4 * w, 4 * w)
        discriminator = (
            _convolution(1, 2 * w, 4)
            + _convolution(2 * w, 4 * w, 4)
            + _convolution(4 * w, 8 * w, 4)
            + _convolution(8 * w, 1, 3)
        )
        return 2 * (generator + discriminator)


class DiffusionShape(Model):
    """The network that draws 3D shapes, after DISPR: what it sees, and how it is sampled.

    Attributes
    ----------
    width : int
        Channels of the first level.
    side : int
        Voxels along an edge of the cubes that it fills.
    voxel : float
        Size of such a voxel in micrometres.
    picture : {"section", "projection"}
        What a picture shows of an object.
    image : bool
        Whether it looks at a picture, or at a mask only.
    target : {"mask", "distance"}
        What it predicts: 1 inside and -1 outside, or the distance from the surface.
    draws : int
        Steps of the sampler.
    shift : float
        How much more noise there is on the way than in images of independent pixels.
    """

    kind: Literal["diffusion"] = "diffusion"
    width: int = Field(48, ge=8, le=256, multiple_of=8)
    side: int = Field(32, ge=16, le=64, multiple_of=8)
    voxel: float = Field(gt=0)
    picture: Literal["section", "projection"] = "section"
    image: bool = True
    target: Literal["mask", "distance"] = "mask"
    draws: int = Field(25, ge=1, le=1000)
    shift: float = Field(4.0, gt=0, le=100)
    context: Literal[0] = 0

    @property
    def multiple(self) -> int:
        """A number that the sides of what it is given must be multiples of."""
        return self.side

    @property
    def halo(self) -> int:
        """A cube is seen as a whole, and nothing beyond it."""
        return 0

    @property
    def parameters(self) -> int:
        """How many numbers its weights are."""
        w, t = self.width, 4 * self.width
        blocks = [(w, w), (w, 2 * w), (2 * w, 2 * w), (4 * w, 2 * w), (3 * w, w)]
        number = sum(
            2 * a + _convolution(a, b) + b * (t + 1) + 2 * b + _convolution(b, b)
            + (0 if a == b else _convolution(a, b, 1))
            for a, b in blocks
        )  # fmt: skip
        ends = _convolution(self.side + 2, w) + 2 * w + _convolution(w, self.side)
        return number + ends + t * (w + 1) + t * (t + 1)


def _convolution(before: int, after: int, side: int = 3) -> int:
    return after * (before * side * side + 1)


def _pair(before: int, after: int) -> int:
    return _convolution(before, after) + _convolution(after, after)


Shape: TypeAlias = Annotated[
    UNetShape | VaeShape | DressingShape | DiffusionShape, Field(discriminator="kind")
]


class Normalisation(Model):
    """Grey levels that a network sees as 0, and as how far from it 1 is; never measured anew."""

    mean: float = Field(ge=-1e30, le=1e30)
    std: float = Field(ge=1e-25, le=1e30)


class Figures(Model):
    """How well one method does on held-out patches."""

    method: str
    values: dict[str, float]  # name with unit to value


PixelSize: TypeAlias = Annotated[float, Field(ge=1e-9, le=1e9)]


class Trained(Model):
    """What a model was trained on, and how.

    Attributes
    ----------
    images : tuple of str
        Names of the images.
    spacing : tuple of float or None
        Size of their pixels along y and x, in micrometres.
    levels : (float, float)
        Grey levels between which all but a thousandth of their voxels lie on either side.
    extremes : (float, float) or None
        The least and the greatest grey level that was seen; None in old cards.
    settings : dict
        Those of the training, as :class:`napari_diversify.learned.training` has them.
    steps, seed : int
    versions : dict
        Of the packages, and the device.
    noise : dict
        The noise model, if there is one.
    specimen : dict
        The synthetic specimen whose masks a dressing was trained with, if it is one.
    objects : tuple of str
        A word for each object that shapes were learned from: none of them may be tested with.
    """

    images: tuple[str, ...]
    spacing: tuple[PixelSize, PixelSize] | None = None
    levels: tuple[float, float]
    extremes: tuple[float, float] | None = None
    settings: dict[str, Any]
    steps: int
    seed: int
    versions: dict[str, str]
    noise: dict[str, Any] | None = None
    specimen: dict[str, Any] | None = None
    objects: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _levels_ascend(self) -> Trained:
        for low, high in filter(None, (self.levels, self.extremes)):
            if not low < high:
                raise ValueError(f"grey levels must ascend; got {low:g} to {high:g}")
        return self


#: A range of so small a share of the usual grey levels is in other units than the training's.
_NARROW = 10

Task: TypeAlias = Literal["restore", "denoise", "dress", "shapes"]


class Card(Model):
    """All that is known of a model but its weights.

    Attributes
    ----------
    task : {"restore", "denoise", "dress", "shapes"}
    shape : UNetShape, VaeShape, DressingShape or DiffusionShape
    normalisation : Normalisation
    tile : int
        Side of the tiles that results are computed in, in pixels; part of what a model is, as
        the last bit of a result depends on it.
    hash : str
        SHA-256 of all that decides a result: the weights, and the fields above.
    trained : Trained
    figures : tuple of Figures
        Of the model and of the baselines, on held-out patches.
    remarks : tuple of str
        Sentences on how to read the figures.
    calibration : tuple of float
        Of shapes: which share of the voxels that are set in 0, 1, ... of n samples are truly
        set, in objects that were held out.
    """

    schema_version: Literal[1] = 1
    task: Task
    shape: Shape
    normalisation: Normalisation
    tile: int = Field(256, ge=8, le=1024, multiple_of=32)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    trained: Trained
    figures: tuple[Figures, ...] = ()
    remarks: tuple[str, ...] = ()
    calibration: tuple[float, ...] = ()

    def doubts(
        self, spacing: Sequence[float] | None, levels: tuple[float, float]
    ) -> tuple[str, ...]:
        """Why not to believe the model on an image with these pixels and grey levels.

        Sentences without a full stop.
        """
        doubts = []
        trained = self.trained.spacing
        if trained is not None and spacing is not None:
            off = max(max(a / b, b / a) for a, b in zip(spacing[-2:], trained, strict=True))
            if off > 1.25:
                doubts.append(
                    f"the model was trained on pixels of {trained[1]:.3g} µm; these have "
                    f"{spacing[-1]:.3g} µm"
                )
        low, high = self.trained.extremes or self.trained.levels
        usual = self.trained.levels[1] - self.trained.levels[0]
        beyond = max(low - levels[0], levels[1] - high)
        if beyond > 0.5 * (high - low) or levels[1] - levels[0] < usual / _NARROW:
            doubts.append(
                f"the model was trained on grey levels from {low:.4g} to {high:.4g}; the range "
                f"here is {levels[0]:.4g} to {levels[1]:.4g}"
            )
        return tuple(doubts)

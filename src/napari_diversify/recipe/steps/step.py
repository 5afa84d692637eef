"""What every step of a recipe is given, and what it can do.

A step computes any region of its result from the region of its source that it asks
for. What does not depend on its sliders (σ, noise, DCT coefficients) goes through
:meth:`Place.remember`, so that the next call costs only arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, slices
from ...core.diversification.psnr_model import PsnrModel
from ...core.grey_levels import GreyLevels
from ...core.noise import normal_region
from ...core.spectral.dct import Coefficients, forward
from ...model import Model

T = TypeVar("T")
Unit: TypeAlias = npt.NDArray[np.float32]  # intensities mapped to [0, 1]


@dataclass(frozen=True)
class Place:
    """Where in which image a step is at work.

    Attributes
    ----------
    region : tuple of range
        The gapless spatial region to compute.
    shape : tuple of int
        Spatial shape of one image.
    lead : tuple of int
        Its index along time, channel and other leading axes.
    array_shape : tuple of int
        Shape of the whole array, leading axes included.
    spacing : tuple of float or None
        Voxel size per spatial axis.
    levels : (float, float)
        Grey levels that are mapped to 0 and 1.
    seed, sample, stream : int
        Which noise to draw.
    source : callable
        ``source(region)`` computes the input of the step.
    cached : callable
        ``cached(region, key, function)``; see :meth:`remember`.
    prepared : callable
        ``prepared()`` is what :meth:`Step.prepare` computed from the whole source, now or
        earlier.
    exact : bool
        Whether a step that changes nothing must return its input bit for bit, not only up
        to rounding.
    grey : callable or None
        ``grey(region)`` reads the input of the step in grey levels, if it is the image itself
        and if nothing is to be cached.
    """

    region: Region
    shape: tuple[int, ...]
    lead: tuple[int, ...]
    array_shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    levels: tuple[float, float]
    seed: int
    sample: int
    stream: int
    source: Callable[[Region], Unit]
    cached: Callable[[Region, Hashable, Callable[[], Any]], Any]
    prepared: Callable[[], Any]
    exact: bool
    grey: Callable[[Region], npt.NDArray[Any]] | None

    def remember(self, key: Hashable, function: Callable[[], T], region: Region | None = None) -> T:
        """``function()``, or its value from an earlier call for this key and source.

        Values belong to the region at work, or to ``region``.
        """
        value: T = self.cached(self.region if region is None else region, key, function)
        return value

    def noise(self) -> Unit:
        """The standard-normal noise of the region at work."""
        key = ("noise", self.seed, self.sample, self.stream)
        return self.remember(key, lambda: self.drawn(self.region, self.stream))

    def drawn(self, region: Region, stream: int) -> Unit:
        """Standard-normal noise of a region, drawn now."""
        whole = (*(range(i, i + 1) for i in self.lead), *region)
        field = normal_region(self.array_shape, whole, self.seed, self.sample, stream)
        return field.reshape(field.shape[len(self.lead) :])

    def plane(self, z: int) -> Region:
        """The whole plane z of a volume; of a 2D image, all of it."""
        in_plane = tuple(range(n) for n in self.shape[-2:])
        return in_plane if len(self.shape) == 2 else (range(z, z + 1), *in_plane)

    def coefficients(self, z: int) -> Coefficients:
        """DCT-II of the plane z of the source, computed by itself."""
        region = self.plane(z)

        def transform() -> Coefficients:
            return forward(self.source(region).reshape(self.shape[-2:]))

        return self.remember("dct", transform, region)

    def each_plane(self, compute: Callable[[int], Unit]) -> Unit:
        """Compute the region plane by plane, each whole and then cropped."""
        zs = self.region[0] if len(self.shape) == 3 else range(1)
        y, x = slices(self.region[-2:])
        planes = [compute(z)[y, x] for z in zs]
        whole = len(planes) == 1 and planes[0].shape == self.shape[-2:]
        out = planes[0][np.newaxis] if whole else np.stack(planes)
        return out if len(self.shape) == 3 else out[0]


#: Usual ranks in a chain: what happens to the light, at the detector, and to the image.
OPTICS, DETECTOR, PROCESSING = 10, 20, 30


#: What else can be shown of a step: σ of its noise, what it takes away, and that equalised.
EXTRA_VIEWS = ("sigma", "removed", "hidden")


@dataclass(frozen=True)
class ExtraView:
    """Something else to look at in a step, besides its result.

    Attributes
    ----------
    name : str
        Of what is shown: a key of :data:`napari_diversify.widgets.live.views.KINDS`.
    layer : str
        Name of its layer.
    label, description : str
        Text and tooltip of the switch that shows it.
    """

    name: str
    layer: str
    label: str
    description: str


class Step(Model):
    """What every step of a recipe can do, and all that the rest of the program knows about it.

    A step is one file: a class with its parameters as fields (bounds, unit, description,
    slider), the word for it in JSON as the default of its field ``kind``, and ``compute``.
    The class data say how it is offered.
    """

    #: Title of its card in the dock.
    title: ClassVar[str]
    #: Name of the layer with its result, after the name of the image.
    layer: ClassVar[str]
    #: Its usual rank in a chain; lower ones come first.
    rank: ClassVar[int] = PROCESSING
    #: First word of the noise that it draws, 0 to 127, a different one for each kind of step;
    #: steps of one kind count on from it by 256.
    stream: ClassVar[int]
    #: Whether parameters are lengths in micrometres: the voxel size then decides the result.
    in_lengths: ClassVar[bool] = False
    #: The parameter that scales its noise, and with which a target PSNR is met; None without one.
    noise_weight: ClassVar[str | None] = None
    #: The parameter that scales the image beside that noise.
    signal_weight: ClassVar[str | None] = None
    #: Parameters that fall where samples go from good to bad images; all others rise.
    falling: ClassVar[frozenset[str]] = frozenset()
    #: Parameters that count for volumes only, not for 2D images.
    of_volumes: ClassVar[frozenset[str]] = frozenset()
    #: Parameters that count only where another one has a certain value: {name: (other, value)}.
    counts_with: ClassVar[Mapping[str, tuple[str, Any]]] = MappingProxyType({})
    #: Whether a new dock has a card of it, and shows its result.
    at_first: ClassVar[Literal["", "off", "live"]] = ""
    #: Parameters that a new card begins with, where the defaults would hardly be seen.
    begins_with: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    #: What else there is to look at in it.
    views: ClassVar[tuple[ExtraView, ...]] = ()
    #: Its form, "module:class", if one made from its fields will not do.
    panel: ClassVar[str] = ""
    #: A package that it needs to compute, and that not everybody has.
    extra: ClassVar[str] = ""

    kind: str

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Raise a ValueError if the step cannot work on images of this shape, saying why."""

    def counts(self, name: str) -> bool:
        """Whether a parameter changes anything, the others being as they are."""
        other, value = self.counts_with.get(name, ("", None))
        return not other or getattr(self, other) == value

    def of_what_counts(self) -> Any:
        """The step with parameters that change nothing set back: it computes the same."""
        idle = {
            n: type(self).model_fields[n].default for n in self.counts_with if not self.counts(n)
        }
        return self.replace(**idle) if idle else self

    def doubts(
        self, shape: Sequence[int], spacing: Sequence[float] | None, levels: tuple[float, float]
    ) -> tuple[str, ...]:
        """Why not to believe the result on such images: sentences without a full stop.

        ``levels`` are the grey levels that are mapped to 0 and 1.
        """
        return ()

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Whether another sample number gives another result.

        This may depend on the spatial ``shape``; by default it is long along all three axes.
        """
        raise AssertionError("every step says whether it draws noise")

    @property
    def windows(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Window and stride, along z, y and x, of the σ to which its noise is proportional."""
        raise AssertionError("only a step with a noise weight is asked")

    @property
    def weights(self) -> tuple[float, float]:
        """Weights of the image and of the noise; 1 and 0 where there are none."""
        names = (self.signal_weight, 1.0), (self.noise_weight, 0.0)
        signal, noise = (float(getattr(self, n) if n else usual) for n, usual in names)
        return signal, noise

    def with_weights(self, signal: float | None, noise: float) -> Any:
        """The step with other :attr:`weights`; None leaves that of the image as it is."""
        given = {self.noise_weight: noise, self.signal_weight: signal}
        return self.replace(**{n: w for n, w in given.items() if n is not None and w is not None})

    def with_psnr(self, target: float, model: PsnrModel) -> Any:
        """The step with its noise weighted so that ``model`` expects this PSNR, in decibel.

        Raises
        ------
        ValueError
            If the target cannot be reached; the message says which ones can.
        """
        raise AssertionError("only a step with a noise weight is asked")

    @property
    def iterations_compared(self) -> tuple[int, ...]:
        """Values of its parameter ``iterations`` at which contrast and detail are compared.

        By default none: not every step has such a parameter.
        """
        return ()

    def of_planes(self) -> Any:
        """The step on single planes, where it can work on whole volumes: about as much, sooner."""
        return self

    def band(self, spacing: Sequence[float]) -> tuple[float | None, ...]:
        """Cutoff frequency along each axis, in cycles per unit of length.

        ``spacing`` is the voxel size along the spatial axes. None where no frequencies are
        removed.
        """
        return (None,) * len(spacing)

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """The part of the source that ``region`` of the result is computed from."""
        raise AssertionError("every step says what it needs")

    def computed_region(self, region: Region, shape: Sequence[int]) -> Region:
        """What the step computes to return ``region``: it may work in larger units."""
        return self.source_region(region, shape)

    def preparations(self, shape: Sequence[int]) -> tuple[Hashable, ...]:
        """Keys of preparations that would do, the one to compute first; () if none is needed."""
        return ()

    def prepare(self, place: Place) -> Generator[tuple[int, int], None, Any]:
        """Compute from the whole source what every region needs; yield (pieces done, pieces)."""
        raise AssertionError("only steps that name preparations prepare")

    def compute(self, place: Place) -> Unit:
        """The result at ``place``."""
        raise AssertionError("every step computes")

    def compute_grey(self, place: Place, levels: GreyLevels) -> npt.NDArray[Any] | None:
        """The result at ``place`` in grey levels, if that is quicker than mapping :meth:`compute`.

        Equal to it, bit for bit; None, as by default, where there is no such way.
        """
        return None


def whole_planes(region: Region, shape: Sequence[int]) -> Region:
    """The planes that ``region`` lies in."""
    return (*region[:-2], range(shape[-2]), range(shape[-1]))

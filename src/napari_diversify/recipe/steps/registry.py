"""The steps there are: one frozen model each, with all that is known of its parameters."""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from psutil import virtual_memory
from pydantic import AfterValidator, BeforeValidator, Field

from ...core.blocks import Region, slices, whole, with_context
from ...core.contrast.contrast import HALO_STREAM, Tissue, blurred, degraded_plane, depth_of_planes
from ...core.contrast.detector_noise import noise_spectrum, photon_transfer
from ...core.diversification.diversify import diversify
from ...core.diversification.local_std import local_std_region
from ...core.diversification.local_std import source_region as sigma_source_region
from ...core.diversification.psnr_model import W_V_MAX
from ...core.spectral.cutoff import Shape, cached_transfer, keeps_all
from ...core.spectral.dct import Coefficients
from ...core.spectral.low_frequencies import LowFrequencies, low_frequencies, needed_memory
from ...core.spectral.lowpass import filtered
from .step import Place, Step, Unit, whole_planes


def _broadcast(value: Any) -> Any:
    """A single number stands for all three axes."""
    return (value,) * 3 if isinstance(value, int) and not isinstance(value, bool) else value


def _odd(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if any(n % 2 == 0 for n in numbers):
        raise ValueError(f"window must be odd, so that it has a middle voxel; got {list(numbers)}")
    return numbers


_Window: TypeAlias = Annotated[int, Field(ge=1, le=99)]
_Stride: TypeAlias = Annotated[int, Field(ge=1, le=16)]


class Diversify(Step):
    """Image diversification: clip(w_i * I + w_v * σ * n, 0, 1), after Eschweiler et al. 2022."""

    #: Where its noise comes from: the field that ``normal_field(shape, seed)`` gives.
    stream: ClassVar[int] = 0

    kind: Literal["diversify"] = "diversify"
    w_i: float = Field(
        1.0,
        ge=0,
        le=4,
        title="w_i (signal)",
        description="Weight of the image. 1 keeps its brightness, less dims the specimen. "
        "The paper's demonstration draws it from 0.2 to 1.8.",
        json_schema_extra={"slider": [0.0, 2.0]},
    )
    w_v: float = Field(
        1.0,
        ge=0,
        le=W_V_MAX,
        title="w_v (noise)",
        description="Weight of the noise: its standard deviation at a voxel is w_v times the "
        "local standard deviation σ there. 0 adds none. The paper's demonstration draws it "
        "from 0 to 8.",
        json_schema_extra={"slider": [0.0, 8.0]},
    )
    window: Annotated[
        tuple[_Window, _Window, _Window], BeforeValidator(_broadcast), AfterValidator(_odd)
    ] = Field(
        (5, 5, 5),
        title="window",
        description="Side of the box around each voxel in which σ is measured, along z, y and x; "
        "odd numbers. z counts only for 3D images.",
        json_schema_extra={"unit": "voxels", "axes": ["z", "y", "x"], "step": 2},
    )
    stride: Annotated[tuple[_Stride, _Stride, _Stride], BeforeValidator(_broadcast)] = Field(
        (1, 1, 1),
        title="stride",
        description="Measure σ on every n-th voxel along z, y and x and repeat it in between; "
        "the window then counts voxels of this coarser grid. 4 is the recipe of the reference "
        "implementation, 1 gives the finest map.",
        json_schema_extra={"unit": "voxels", "axes": ["z", "y", "x"]},
    )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Whether noise has a weight, and σ can be other than 0: of a single voxel it cannot."""
        long = (99 * 16,) * 3 if shape is None else shape
        windows = zip(self.window[::-1], self.stride[::-1], long[::-1], strict=False)
        return self.w_v > 0 and any(w > 1 and n > s for w, s, n in windows)

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """The region itself and the context that the windows of σ reach into."""
        n = len(shape)
        return sigma_source_region(region, shape, self.window[-n:], self.stride[-n:])

    def computed_region(self, region: Region, shape: Sequence[int]) -> Region:
        """The region itself: its context is only read."""
        return region

    def compute(self, place: Place) -> Unit:
        """The diversified image at ``place``."""
        n = len(place.shape)
        window, stride = self.window[-n:], self.stride[-n:]

        def measure() -> tuple[Unit, Unit]:
            held = self.source_region(place.region, place.shape)
            block = place.source(held)
            sigma = local_std_region(block, held, place.region, place.shape, window, stride)
            # a copy: a view would keep the context alive with it
            return block[slices(place.region, held)].copy(), sigma

        image, sigma = place.remember(("sigma", window, stride), measure)
        return diversify(image, sigma, place.noise(), self.w_i, self.w_v)


class DegradeContrast(Step):
    """Deep-tissue contrast loss, after DeepContrast (Martins et al. 2023); the model is ours."""

    stream: ClassVar[int] = 1
    in_lengths: ClassVar[bool] = True

    kind: Literal["contrast"] = "contrast"
    extra_depth: float = Field(
        40.0,
        ge=0,
        le=5000,
        title="extra depth",
        description="How much deeper in tissue the image shall look. 0 changes nothing.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 200.0]},
    )
    scattering_length: float = Field(
        Tissue.scattering_length,
        gt=0,
        le=10000,
        title="scattering length",
        description="Depth over which the unscattered light falls to 1/e. Calibrate measures it "
        "in a stack whose contrast falls with depth.",
        json_schema_extra={"unit": "µm", "slider": [10.0, 300.0]},
    )
    blur: float = Field(
        Tissue.blur,
        ge=0,
        le=50,
        title="blur",
        description="Standard deviation of the aberration blur at 100 µm of extra depth; it "
        "grows with the square root of depth.",
        json_schema_extra={"unit": "µm", "slider": [0.0, 5.0]},
    )
    halo: float = Field(
        Tissue.halo,
        ge=0,
        le=10,
        title="halo",
        description="Width of the halo of scattered light, per micrometre of extra depth.",
        json_schema_extra={"unit": "µm/µm", "slider": [0.0, 1.0]},
    )
    collected: float = Field(
        Tissue.collected,
        ge=0,
        le=1,
        title="collected",
        description="Share of the scattered light that still reaches the detector. Less means "
        "less haze.",
    )
    absorption: float = Field(
        Tissue.absorption,
        ge=0,
        le=1000,
        title="absorption",
        description="How fast light is lost with extra depth; 0 keeps the mean intensity.",
        json_schema_extra={"unit": "1/mm", "slider": [0.0, 20.0]},
    )
    pedestal: float = Field(
        Tissue.pedestal,
        ge=0,
        le=1,
        title="pedestal",
        description="Share of the signal that turns into an even background.",
    )
    offset: float = Field(
        Tissue.offset,
        ge=-1,
        le=1,
        title="offset",
        description="Intensity of no light at all, as a share of the range above its low end.",
        json_schema_extra={"unit": "of range", "slider": [0.0, 0.2]},
    )
    axial_ratio: float = Field(
        Tissue.axial_ratio,
        ge=0,
        le=10,
        title="axial ratio",
        description="How much longer than wide blur and halo are along z.",
    )
    context: int = Field(
        Tissue.context,
        ge=0,
        le=16,
        title="context",
        description="Neighbouring planes on each side that are mixed in; each costs time. "
        "0 blurs within planes only.",
        json_schema_extra={"unit": "planes"},
    )
    growing: bool = Field(
        False,
        title="grows with depth",
        description="Add to the extra depth each plane's own depth below the surface plane.",
    )
    surface: int = Field(
        0,
        ge=0,
        title="surface",
        description="Index of the plane where tissue begins; counts only if it grows with depth.",
        json_schema_extra={"unit": "plane"},
    )
    upwards: bool = Field(
        False,
        title="upwards",
        description="Depth grows towards the first plane; counts only if it grows with depth.",
    )
    noise: bool = Field(
        True,
        title="put noise back",
        description="Add the detector noise that blurring takes away, as strong as in the image. "
        "Without it the result is cleaner than any microscope's.",
    )

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Say so if there is no depth to grow with, or the surface lies outside the stack."""
        if not self.growing:
            return
        if len(shape) < 3:
            raise ValueError(
                "contrast that grows with depth needs volumes (z, y, x); these are 2D images. "
                "Switch “grows with depth” off"
            )
        if self.surface >= shape[0]:
            raise ValueError(
                f"surface must be a plane of the image, 0 to {shape[0] - 1}; got {self.surface}"
            )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Whether noise is put back, and there is a depth that takes it away."""
        planes = math.inf if shape is None else shape[0] if len(shape) == 3 else 1
        below = self.surface if self.upwards else planes - 1 - self.surface
        return self.noise and (self.extra_depth > 0 or (self.growing and below > 0))

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """Whole planes, and as many neighbours as are mixed in."""
        if len(shape) == 2:
            return whole_planes(region, shape)
        # near a border, reflection reaches no further than the context does
        return whole_planes((with_context(region[0], self.context, shape[0]), *region[1:]), shape)

    def compute(self, place: Place) -> Unit:
        """The degraded image at ``place``; without a spacing, lengths count in voxels."""
        planes = place.shape[0] if len(place.shape) == 3 else 1
        spacing = place.spacing or (1.0,) * len(place.shape)
        names = Tissue.__dataclass_fields__
        tissue = Tissue(**{name: getattr(self, name) for name in names})
        depths = depth_of_planes(
            planes,
            spacing[0],
            self.extra_depth,
            growing=self.growing,
            surface=self.surface,
            upwards=self.upwards,
        )

        def law(z: int) -> tuple[float, float]:
            found = place.remember(
                "photon transfer", lambda: np.array(photon_transfer(plane(z))), place.plane(z)
            )
            return float(found[0]), float(found[1])

        def plane(z: int) -> Unit:
            return place.source(place.plane(z)).reshape(place.shape[-2:])

        def spectrum(z: int, octave: int | None) -> Coefficients:
            """Of the noise of the light from its place, or from a halo around it."""
            key = ("noise spectrum", place.seed, place.sample, place.stream, octave)

            def draw() -> Coefficients:
                if octave is None:
                    light, stream = plane(z), place.stream
                else:
                    light = blurred(place.coefficients(z), octave, spacing)
                    stream = place.stream + HALO_STREAM
                noise = place.drawn(place.plane(z), stream).reshape(light.shape)
                return noise_spectrum(light, noise, law(z))

            return place.remember(key, draw, place.plane(z))

        def degraded(z: int) -> Unit:
            if place.exact and depths[z] == 0:
                return plane(z)
            return degraded_plane(
                z,
                float(depths[z]),
                planes,
                spacing,
                tissue,
                place.coefficients,
                (lambda z, octave: (spectrum(z, None), spectrum(z, octave)))
                if self.noise
                else None,
            )

        return place.each_plane(degraded)


class LowPass(Step):
    """Take away high frequencies in the DCT domain, after Utz et al. 2023; the shapes are ours."""

    stream: ClassVar[int] = 2

    kind: Literal["lowpass"] = "lowpass"
    cutoff: float = Field(
        0.5,
        gt=0,
        le=2,
        title="cutoff",
        description="Frequencies from here on are taken away, in units of the Nyquist frequency "
        "(half a cycle per voxel) of each axis.",
        json_schema_extra={"unit": "Nyquist", "slider": [0.02, 1.42]},
    )
    shape: Shape = Field(
        "radial",
        title="shape",
        description="Which coefficients (u, v) of an H x W plane are kept: radial, "
        "(u/H)² + (v/W)² below the cutoff squared; square, both u/H and v/W below it; "
        "triangular, their sum.",
    )
    taper: float = Field(
        0.0,
        ge=0,
        le=1,
        title="taper",
        description="Share of the band below the cutoff that falls off smoothly; 0 cuts sharply, "
        "which rings beside edges.",
        json_schema_extra={"unit": "of cutoff"},
    )

    volume: bool = Field(
        False,
        title="whole volume",
        description="Filter along z as well, all three axes together. Off: each plane by itself. "
        "The frequencies below the cutoff are computed once, in the background, and kept.",
    )

    def check(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        """Say so if there is no volume to filter, or no memory to do it in."""
        if not self.volume:
            return
        if len(shape) < 3:
            raise ValueError(
                "low-pass of a whole volume needs volumes (z, y, x); these are 2D images. "
                "Switch “whole volume” off"
            )
        needed, there = needed_memory(shape, self._eighths() / 8), virtual_memory().total / 2
        if needed > there:
            raise ValueError(
                f"low-pass of the whole volume at once takes {needed / 1e9:.0f} GB of memory, more "
                f"than half of this computer's. Choose a lower cutoff, or planes by themselves"
            )

    def draws_noise(self, shape: Sequence[int] | None = None) -> bool:
        """Never."""
        return False

    def _eighths(self) -> int:
        """The cutoff rounded up: what is kept serves the slider for a while."""
        return min(8, math.ceil(8 * self.cutoff))

    def source_region(self, region: Region, shape: Sequence[int]) -> Region:
        """Whole planes, or the whole volume."""
        return whole(shape) if self.volume else whole_planes(region, shape)

    def preparations(self, shape: Sequence[int]) -> tuple[Hashable, ...]:
        """The low frequencies of the volume, as many as needed or more."""
        first = self._eighths()
        return tuple(("low frequencies", n) for n in range(first, 9)) if self.volume else ()

    def prepare(self, place: Place) -> Generator[tuple[int, int], None, LowFrequencies]:
        """Transform the whole volume and keep its low frequencies."""
        return low_frequencies(place.shape, place.coefficients, self._eighths() / 8)

    def compute(self, place: Place) -> Unit:
        """The low-passed image at ``place``."""
        options = (self.cutoff, self.shape, self.taper)
        if place.exact and keeps_all(place.shape if self.volume else place.shape[-2:], *options):
            return place.source(place.region)
        if self.volume:
            low: LowFrequencies = place.prepared()
            return place.each_plane(lambda z: low.plane(z, *options))
        gain = cached_transfer(place.shape[-2:], *options)
        return place.each_plane(lambda z: filtered(place.coefficients(z), gain))


#: Every kind of step a recipe may hold, told apart by ``kind``.
AnyStep: TypeAlias = Annotated[Diversify | DegradeContrast | LowPass, Field(discriminator="kind")]
KINDS = {step.model_fields["kind"].default: step for step in (Diversify, DegradeContrast, LowPass)}

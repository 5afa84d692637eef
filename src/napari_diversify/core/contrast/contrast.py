"""Deep-tissue contrast loss: how the same specimen would look further down.

A forward model after DeepContrast (Martins et al. 2023), whose equations are
not known to us: the model and its numbers are ours. With the extra depth Δ, a
share τ = exp(-Δ / l_s) of the light arrives unscattered, blurred by aberration;
the rest arrives as a wide halo; absorption, a background pedestal and the
detector's noise complete it. Everything but the noise is linear, so it is one
transfer function on the DCT-II of each plane.

    S1 = w G[s_b] S + (1 - w) G[s_h] S        w = τ / (τ + (1 - τ) ρ)
    S2 = exp(-Δ / l_a) ((1 - β) S1 + β <S1>)
    Y  = S2 + N

The filter, whose gain at a frequency is g, takes away the share 1 - g^2 of the
power of the image's own noise. N puts exactly that back: noise as strong as the
image's own, with this spectrum. It follows the light: the share w of it is
strong where the image is bright, the share 1 - w where its halo is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..checks import check_intensities
from ..noise import normal_field
from ..spectral import compiled as kernels
from ..spectral.dct import Coefficients, blurred, forward, inverse, inverse_of
from .depth import planes_and_depths
from .detector_noise import noise_spectrum, photon_transfer

#: Depth in micrometres at which ``blur`` is stated.
REFERENCE_DEPTH = 100.0

#: Offset from a step's noise stream to the stream for the noise of its scattered light.
HALO_STREAM = 128


_ACCEPTED = {
    "scattering_length": (0.0, 1e9),
    "blur": (0.0, 1e6),
    "halo": (0.0, 1e6),
    "collected": (0.0, 1.0),
    "absorption": (0.0, 1e6),
    "pedestal": (0.0, 1.0),
    "offset": (-1e30, 1e30),
    "axial_ratio": (0.0, 1e3),
    "context": (0, 1024),
}


@dataclass(frozen=True)
class Tissue:
    """What the light goes through, and how the microscope responds.

    Attributes
    ----------
    scattering_length : float
        l_s, micrometres: over this depth the unscattered share falls to 1/e.
    blur : float
        s_b at 100 um of depth, micrometres; grows with the square root of depth.
    halo : float
        Width of the halo of scattered light, per micrometre of depth; s_h is
        this width and s_b together, in squares.
    collected : float
        rho, 0 to 1: share of the scattered light that still reaches the detector.
    absorption : float
        1 / l_a, per millimetre; 0 keeps the mean intensity.
    pedestal : float
        beta, 0 to 1: share of the signal that turns into an even background.
    offset : float
        Intensity of no light at all, in the unit of the image.
    axial_ratio : float
        How much longer than wide blur and halo are along z.
    context : int
        Neighbouring planes on each side that are mixed into a plane.
    """

    scattering_length: float = 100.0
    blur: float = 1.0
    halo: float = 0.1
    collected: float = 1.0
    absorption: float = 0.0
    pedestal: float = 0.0
    offset: float = 0.0
    axial_ratio: float = 2.0
    context: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _ACCEPTED.items():
            value = getattr(self, name)
            if not (np.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must be from {low:g} to {high:g}; got {value!r}")
        if not self.scattering_length > 0:
            raise ValueError(
                f"scattering_length must be greater than 0; got {self.scattering_length!r}"
            )
        if isinstance(self.context, bool) or int(self.context) != self.context:
            raise ValueError(f"context must be a whole number of planes; got {self.context!r}")

    def ballistic(self, depth: float) -> float:
        """Share w of the collected light that is unscattered."""
        if self.collected == 0:
            return 1.0
        tau = float(np.exp(-depth / self.scattering_length))
        return tau / (tau + (1 - tau) * self.collected) if tau > 0 else 0.0

    def widths(self, depth: float) -> tuple[float, float]:
        """s_b and s_h in micrometres; scattered light is blurred by aberration as well."""
        blur = self.blur * float(np.sqrt(depth / REFERENCE_DEPTH))
        return blur, float(np.hypot(blur, self.halo * depth))

    def transmission(self, depth: float) -> float:
        """Share of the light that absorption leaves."""
        return float(np.exp(-depth * self.absorption / 1000))


@dataclass(frozen=True, eq=False)
class PlaneFilter:
    """The linear part of the model for one plane, in factors along y and x.

    The coefficient (u, v) of the plane j steps away in z is multiplied with
    ``blur[j] * by[u] * bx[v] + halo[j] * hy[u] * hx[v]``, and the mean of the
    plane with ``mean[j]``.
    """

    by: npt.NDArray[np.float32]
    bx: npt.NDArray[np.float32]
    hy: npt.NDArray[np.float32]
    hx: npt.NDArray[np.float32]
    blur: npt.NDArray[np.float32]
    halo: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]

    def merged(self, which: npt.NDArray[np.intp]) -> PlaneFilter:
        """The filter with planes that occur repeatedly merged; ``which`` numbers them."""
        weights = {
            name: np.bincount(which, getattr(self, name)).astype(np.float32)
            for name in ("blur", "halo", "mean")
        }
        return replace(self, **weights)


def plane_filter(
    shape: Sequence[int], spacing: Sequence[float], tissue: Tissue, depth: float
) -> PlaneFilter:
    """Build the filter of one plane of ``shape`` (Y, X), ``spacing`` (z, y, x) or (y, x)."""
    sizes = tuple(spacing)
    blur, halo = tissue.widths(depth)

    def factor(sigma: float, n: int, size: float) -> npt.NDArray[np.float32]:
        f = np.arange(n) / n / 2  # cycles per voxel
        gain: npt.NDArray[np.float32] = np.exp(-2 * np.pi**2 * (sigma / size * f) ** 2).astype("f4")
        return gain

    def along_z(sigma: float) -> npt.NDArray[np.float64]:
        steps = np.arange(-tissue.context, tissue.context + 1)
        if len(sizes) < 3 or sigma * tissue.axial_ratio == 0:
            alone: npt.NDArray[np.float64] = (steps == 0).astype(np.float64)
            return alone
        place = np.clip(steps * sizes[0] / (sigma * tissue.axial_ratio), -40, 40)
        weights = np.exp(-0.5 * place**2)
        mixed: npt.NDArray[np.float64] = weights / weights.sum()
        return mixed

    w, transmitted = tissue.ballistic(depth), tissue.transmission(depth)
    in_blur, in_halo = w * along_z(blur), (1 - w) * along_z(halo)
    signal = transmitted * (1 - tissue.pedestal)
    return PlaneFilter(
        by=factor(blur, shape[-2], sizes[-2]),
        bx=factor(blur, shape[-1], sizes[-1]),
        hy=factor(halo, shape[-2], sizes[-2]),
        hx=factor(halo, shape[-1], sizes[-1]),
        blur=(signal * in_blur).astype(np.float32),
        halo=(signal * in_halo).astype(np.float32),
        mean=(transmitted * (in_blur + in_halo)).astype(np.float32),
    )


def filtered_plane(
    planes: Sequence[Coefficients],
    filt: PlaneFilter,
    offset: float,
    noise: Sequence[tuple[float, Coefficients]] = (),
) -> npt.NDArray[np.float32]:
    """The plane in the middle of ``planes`` (DCT-II, z ascending), seen through a filter.

    ``noise``: amounts of noise and their spectra, two or none; of each, the part that the
    filter would take away is added.
    """
    shape = planes[0].shape
    mean = sum(float(share) * float(c[0, 0]) for c, share in zip(planes, filt.mean, strict=True))
    # the mean of the dark offset is not light: it stays as it is
    dark = offset * np.sqrt(planes[0].size) * (1 - float(filt.mean.sum()))
    squares = [np.float32(a @ b) for a, b in ((filt.blur, filt.blur),
               (filt.blur, filt.halo), (filt.halo, filt.halo))]  # fmt: skip

    def rows(part: slice, out: npt.NDArray[np.float32]) -> None:
        here = (filt.by[part], filt.bx, filt.hy[part], filt.hx)
        out[...] = 0
        for c, blur, halo in zip(planes, filt.blur, filt.halo, strict=True):
            if blur != 0 or halo != 0:
                kernels.add_two_products(c[part], *here, blur, halo, out)
        if noise:
            amounts, spectra = zip(*noise, strict=True)
            kernels.add_lost_power(
                *(c[part] for c in spectra), *here, *squares, *map(np.float32, amounts), out
            )
        if part.start == 0:
            out[0, 0] = np.float32(mean + dark)

    return inverse_of(shape, rows)


def halo_octave(width: float, spacing: Sequence[float]) -> int:
    """A halo's width in voxels as the nearest power of two: where its noise lies changes slowly."""
    voxels = width / float(np.sqrt(spacing[-2] * spacing[-1]))
    return int(np.clip(np.rint(np.log2(max(voxels, 1e-9))), -2, 20))


def halo_of(
    coefficients: Coefficients, octave: int, spacing: Sequence[float]
) -> npt.NDArray[np.float32]:
    """The plane as a halo of that width shows it."""
    width = 2.0**octave * float(np.sqrt(spacing[-2] * spacing[-1]))
    return blurred(coefficients, [width / size for size in spacing[-2:]])


def degrade_contrast(
    image: npt.ArrayLike,
    *,
    spacing: Sequence[float] | None = None,
    extra_depth: float,
    tissue: Tissue | None = None,
    growing: bool = False,
    surface: int = 0,
    upwards: bool = False,
    noise: bool = True,
    seed: int = 0,
    sample: int = 0,
) -> npt.NDArray[np.float32]:
    """Degrade an image as further tissue above it would.

    Parameters
    ----------
    image : array_like of int or float, shape ([Z,] Y, X)
    spacing : sequence of float, optional
        Voxel size per axis in micrometres; by default 1 each, so that all
        lengths are in voxels.
    extra_depth : float
        Simulated extra depth of every plane, micrometres, 0 or more.
    tissue : Tissue, optional
        The tissue; by default ``Tissue()``.
    growing : bool, optional
        Add to ``extra_depth`` each plane's own depth below the plane ``surface``
        (its index, 0 to Z - 1), downwards in z or ``upwards``.
    noise : bool, optional
        Put back the detector noise that the blur has taken away: without it the
        image is cleaner than any microscope's. At every frequency, as much is
        put back as was lost, provided that the image's own noise is white.
    seed, sample : int, optional
        Which noise; see :func:`normal_field` (its streams 1 and 129 are used).

    Returns
    -------
    numpy.ndarray of float32, shape of ``image``
        In the unit of the image; not clipped.

    Raises
    ------
    TypeError, ValueError
        If the image cannot be used or a parameter is out of range.

    References
    ----------
    .. [1] N. P. Martins et al., "DeepContrast: deep tissue contrast enhancement
       using synthetic data degradations and OOD model predictions" (2023),
       arXiv:2308.08365. The forward model here is ours.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import degrade_contrast
    >>> stripes = np.tile([[0.0] * 4 + [1.0] * 4], (8, 4))
    >>> deep = degrade_contrast(stripes, extra_depth=50, noise=False)
    >>> bool(deep.std() < stripes.std()), round(float(deep.mean()), 4)
    (True, 0.5)
    """
    array = check_intensities(image)
    if array.ndim not in (2, 3):
        raise ValueError(f"image must have two or three axes; its shape is {array.shape}")
    tissue = tissue or Tissue()
    sizes, depths = planes_and_depths(
        array.shape,
        spacing,
        "extra_depth",
        extra_depth,
        growing=growing,
        surface=surface,
        upwards=upwards,
    )
    volume = array if array.ndim == 3 else array[None]
    coefficients = [forward(plane) for plane in volume]
    fields = [
        normal_field(array.shape, seed, sample=sample, stream=1 + more).reshape(volume.shape)
        for more in (0, HALO_STREAM)
    ]

    def spectra(z: int, octave: int) -> tuple[Coefficients, Coefficients]:
        plane = volume[z].astype(np.float32)
        law = photon_transfer(plane)
        around = halo_of(coefficients[z], octave, sizes)
        return (
            noise_spectrum(plane, fields[0][z], law),
            noise_spectrum(around, fields[1][z], law),
        )

    out = np.empty(volume.shape, np.float32)
    for z in range(len(volume)):
        out[z] = degraded_plane(
            z,
            float(depths[z]),
            len(volume),
            sizes,
            tissue,
            coefficients.__getitem__,
            spectra if noise else None,
        )
    return out.reshape(array.shape)


def degraded_plane(
    z: int,
    depth: float,
    planes: int,
    spacing: Sequence[float],
    tissue: Tissue,
    coefficients: Callable[[int], Coefficients],
    noise: Callable[[int, int], tuple[Coefficients, Coefficients]] | None,
) -> npt.NDArray[np.float32]:
    """One plane of :func:`degrade_contrast`, from functions that give what it needs.

    ``coefficients(z)`` is the DCT-II of plane z; ``noise(z, octave)`` the
    spectra of the noise where the image is bright and of that around it, as
    wide as a halo of this :func:`halo_octave` (None for no noise). Planes
    beyond the stack are reflected.
    """
    if depth == 0:
        return inverse(coefficients(z))
    around = np.arange(z - tissue.context, z + tissue.context + 1) % (2 * planes)
    around = np.minimum(around, 2 * planes - 1 - around)
    # a plane that occurs twice, by reflection at the border, counts once with both weights
    at, which = np.unique(around, return_inverse=True)
    stack = [coefficients(int(k)) for k in at]
    filt = plane_filter(stack[0].shape, spacing, tissue, depth).merged(which)
    if noise is None:
        return filtered_plane(stack, filt, tissue.offset)
    w = tissue.ballistic(depth)
    here, wide = noise(z, halo_octave(tissue.widths(depth)[1], spacing))
    amounts = [(float(np.sqrt(w)), here), (float(np.sqrt(1 - w)), wide)]
    return filtered_plane(stack, filt, tissue.offset, amounts)

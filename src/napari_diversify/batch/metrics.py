"""The numbers of a sample, taken while it is written, whatever pieces it is written in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.blocks import Region, region_shape, slices
from ..core.measures.pair_sums import PairSums
from ..core.measures.quality import SSIM_WINDOW, ssim
from ..files import Header
from ..recipe import LazyVolume

#: Planes of a file whose SSIM is measured, evenly spread, and the side of their middle part
#: that is looked at: a voxel of it costs more time, and far more memory, than all the rest.
_PLANES, _SIDE = 4, 512


@dataclass(frozen=True)
class Found:
    """The measurements of some planes: sums over all voxels, SSIM of the watched planes."""

    sums: PairSums
    ssim: tuple[float, ...] = ()

    def __add__(self, other: Found) -> Found:
        """The measurements of both, in this order."""
        return Found(self.sums + other.sums, self.ssim + other.ssim)

    def table(self) -> dict[str, float | str | int]:
        """By their names in the manifest; the peak of PSNR is the intensity range."""
        s, n = self.sums, len(self.ssim)
        assert s.low is not None
        assert s.high is not None
        return {
            "psnr": _number(s.psnr(s.high - s.low)),
            "data_range": _number(s.high - s.low),
            "si_psnr": _number(s.si_psnr()),
            "ssim": _number(math.fsum(self.ssim) / n if n else math.nan),
            "ssim_planes": n,
            "contrast_source": _number(s.reference.rms_contrast(s.low)),
            "contrast": _number(s.image.rms_contrast(s.low)),
            "clipped": _number(s.clipped_fraction),
        }


def _number(value: float) -> float | str:
    """A metric as JSON and tables hold it: six digits after the point; inf and nan as words."""
    return round(value, 6) if math.isfinite(value) else str(value)


def watched_planes(header: Header) -> frozenset[int]:
    """Numbers of the planes of a file whose SSIM is measured."""
    n = math.prod(header.shape[:-2])
    if min(header.shape[-2:]) < SSIM_WINDOW:
        return frozenset()
    return frozenset(int(k) for k in np.linspace(0, n - 1, min(n, _PLANES)).round())


def found_in(
    volume: LazyVolume,
    region: Region,
    block: npt.NDArray[np.generic],
    watched: frozenset[int],
    first: int,
) -> Found:
    """Compare a block of whole planes with its source; ``first`` is the number of its first."""
    low, high = volume.intensity_range
    clean = np.asarray(volume.source[slices(region)]).reshape(region_shape(region))
    sums = PairSums(low, high)
    sums.add(clean, block)
    shape = (-1, *block.shape[-2:])
    planes = enumerate(zip(clean.reshape(shape), block.reshape(shape), strict=True), first)
    middle = tuple(
        slice((n - _SIDE) // 2, (n + _SIDE) // 2) if n > _SIDE else slice(None)
        for n in block.shape[-2:]
    )
    return Found(
        sums, tuple(ssim(a[middle], b[middle], high - low) for k, (a, b) in planes if k in watched)
    )

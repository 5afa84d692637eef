"""Whether an intensity range suits an image: far values, and ranges that lie elsewhere.

Steps work on intensities mapped to [0, 1]. One voxel of missing data (-3.4e38) or a hot
pixel stretches an automatic range so far that all others are mapped to one value, and a
range outside the grey levels of the image clips them. Both show in numbers that a batch
measures anyway.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..core.measures.pair_sums import Summary

#: An image should take up at least this part of its range: a ten-thousandth.
_LEAST = 1e-4


def misfit(source: Summary, low: float, high: float, dtype: npt.DTypeLike) -> str | None:
    """A sentence, without a full stop, on why a range does not suit an image; None if it does.

    Parameters
    ----------
    source : Summary
        Minimum, maximum, mean and standard deviation of the image.
    low, high : float
        Ends of the range, given in a recipe or measured.
    dtype : data-type
        Of the image.

    Examples
    --------
    >>> from napari_diversify.core.measures.pair_sums import PairSums
    >>> image = np.full((50, 60), 100.0)
    >>> image[:, ::2], image[20, 30] = 180.0, -3.4e38
    >>> sums = PairSums()
    >>> sums.add(image, image)
    >>> "a few far values stretch it" in misfit(sums.reference, -3.4e38, 180.0, image.dtype)
    True
    >>> misfit(sums.reference, 0.0, 200.0, image.dtype) is None
    True
    """
    width = high - low
    given, levels = f"{low:g} to {high:g}", f"{source.minimum:g} to {source.maximum:g}"
    if source.maximum <= low or source.minimum >= high:
        end = low if source.maximum <= low else high
        return (
            f"the intensity range {given} does not reach the grey levels of the image, {levels}: "
            f"diversification turns all of them into {end:g}. Give the recipe another range"
        )
    if source.maximum - source.minimum < _LEAST * width:
        return (
            f"the grey levels of the image, {levels}, take up less than a ten-thousandth of the "
            f"intensity range {given}: hardly anything is left of them. Give the recipe a range "
            "that the image fills"
        )
    coarse = np.dtype(dtype).kind in "iu" and width <= 1 / _LEAST  # neighbouring grey levels
    within = low <= source.minimum and source.maximum <= high
    if within and not coarse and _between(source, low, high) < _LEAST:
        return (
            "nearly all grey levels lie less than a ten-thousandth of the intensity range "
            f"{given} from one of its ends: a few far values stretch it, such as missing data or "
            "a hot pixel, and hardly anything is left of the others. Give the recipe a range "
            "without them"
        )
    return None


def _between(source: Summary, low: float, high: float) -> float:
    """The mean of u (1 - u), u the grey levels mapped to [0, 1]: 0 if all lie at the ends.

    It is E[u] - E[u]^2 - var(u), and so follows from mean and standard deviation.
    """
    width = high - low
    mean, std = (source.mean - low) / width, source.std / width
    return mean * (1 - mean) - std**2

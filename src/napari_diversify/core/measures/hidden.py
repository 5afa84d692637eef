"""Objects that a mask has and its image does not show: the probe for hidden signals.

Generators trained with a cycle need not show what they hide: an image in which half of the
objects are too faint to be seen can still be turned back into all of them. A segmenter that is
trained on such pairs learns to see what is not there. The probe asks each object of a mask
whether it can be seen, and those that cannot whether a back-translation finds them all the same.
It is ours; that generators hide their input in high frequencies is shown by Utz et al. (2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import index as as_integer

import numpy as np
import numpy.typing as npt
import scipy

from ..checks import check_intensities
from ..contrast.detector_noise import NoiseLaw, noise_law
from ..spectral.lowpass import energy_share, lowpass

#: Contrast, in standard deviations of the noise, below which an object cannot be seen.
VISIBLE = 1.0
_ROUNDING = 1 / 12  # variance of whole numbers that stand for fractions
_FOUND = 0.5  # share of an object that a back-translation must cover


@dataclass(frozen=True)
class HiddenProbe:
    """What the objects of a mask look like in its image.

    Attributes
    ----------
    numbers : numpy.ndarray of int
        The labels, ascending.
    contrast : numpy.ndarray of float64
        Of each object, in standard deviations of the noise; see :func:`probe_hidden`.
    trace : numpy.ndarray of float64
        Of each object, what the high frequencies have there: their root mean square in the
        object and on its border, as a multiple of that in the background. About 1 where nothing
        is hidden. NaN without background, or where it has no high frequencies.
    found : numpy.ndarray of bool, or None
        Whether the back-translation has each object; None without one.
    dice : float
        Overlap of mask and back-translation, 0 to 1; NaN without one.
    noise : NoiseLaw
        Of the image, or that was given.
    cutoff : float
        Where the high frequencies begin, in units of the Nyquist frequency.
    energy : float
        Their share of the energy of the image about its mean, 0 to 1.
    """

    numbers: npt.NDArray[np.int64]
    contrast: npt.NDArray[np.float64]
    trace: npt.NDArray[np.float64]
    found: npt.NDArray[np.bool_] | None
    dice: float
    noise: NoiseLaw
    cutoff: float
    energy: float

    @property
    def unseen(self) -> npt.NDArray[np.bool_]:
        """Which objects cannot be seen."""
        return ~(self.contrast >= VISIBLE)

    @property
    def unseen_share(self) -> float:
        """Share of the objects that cannot be seen; NaN without objects."""
        return float(self.unseen.mean()) if self.numbers.size else math.nan

    @property
    def hidden_share(self) -> float:
        """Share of the objects that cannot be seen, and that the back-translation has.

        NaN without objects or without a back-translation.
        """
        if self.found is None or not self.numbers.size:
            return math.nan
        return float((self.unseen & self.found).mean())

    @property
    def recovered_share(self) -> float:
        """Share of the unseen objects that the back-translation has; NaN if there is none."""
        if self.found is None or not self.unseen.any():
            return math.nan
        return float(self.found[self.unseen].mean())

    @property
    def unseen_trace(self) -> float:
        """Median of the traces of the objects that cannot be seen; NaN if there is none."""
        traces = self.trace[self.unseen & np.isfinite(self.trace)]
        return float(np.median(traces)) if traces.size else math.nan

    def percentile(self, of: float) -> float:
        """A percentile of the contrasts; NaN without objects."""
        return float(np.percentile(self.contrast, of)) if self.numbers.size else math.nan


def probe_hidden(
    image: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    found: npt.ArrayLike | None = None,
    noise: NoiseLaw | None = None,
    cutoff: float = 0.5,
    width: int = 3,
    dark: bool = False,
) -> HiddenProbe:
    """Ask each object of a mask whether its image shows it.

    The contrast of an object is the 75th percentile inside it minus the median of a ring of
    background around it, in standard deviations of the noise at that median. An object of
    nothing but noise has 0.67; below 1 it cannot be seen.

    Parameters
    ----------
    image : array_like of int or float, shape ([Z,] Y, X)
        In grey levels.
    labels : array_like of int, shape of ``image``
        Numbered objects; 0 is background.
    found : array_like of int or bool, shape of ``image``, optional
        The back-translation: a mask that a model made of the image. Objects are above 0.
    noise : NoiseLaw, optional
        As :func:`.noise_law` measures it. By default that of the image itself; for generated
        images give that of the real ones, as noise that a generator leaves out makes faint
        objects look visible.
    cutoff : float, optional
        Where the high frequencies begin, in units of the Nyquist frequency.
    width : int, optional
        Width of the ring in pixels; it stays in the plane.
    dark : bool, optional
        Whether the objects are darker than the background.

    Raises
    ------
    TypeError, ValueError
        If an array cannot be used, the shapes differ, or a number is out of range.

    References
    ----------
    .. [1] J. Utz et al., "Focus on content not noise: improving image generation for nuclei
       segmentation by suppressing steganography in CycleGAN", ICCV workshops (2023).

    Examples
    --------
    One object is shown, and another is only in the mask:

    >>> import numpy as np
    >>> labels = np.zeros((32, 64), int)
    >>> labels[8:16, 8:16], labels[8:16, 40:48] = 1, 2
    >>> image, noise = np.where(labels == 1, 50, 10), NoiseLaw(4, 0, 0)
    >>> probe = probe_hidden(image, labels, noise=noise, found=labels)
    >>> probe.contrast.tolist(), probe.unseen.tolist(), probe.recovered_share
    ([20.0, 0.0], [False, True], 1.0)
    """
    array = check_intensities(image)
    mask = _checked("labels", labels, array.shape)
    if array.ndim not in (2, 3):
        raise ValueError(f"image must have two or three axes; its shape is {array.shape}")
    ring = as_integer(width)
    if isinstance(width, bool) or ring < 1:
        raise ValueError(f"width must be a whole number of pixels, 1 or more; got {width!r}")
    law = noise or noise_law(array if array.ndim == 2 else array[len(array) // 2])
    least = math.sqrt(_ROUNDING) if array.dtype.kind in "iu" else 0.0
    residual = array.astype(np.float32)
    residual -= lowpass(array, cutoff)
    energy = energy_share(array, residual)
    cross = scipy.ndimage.generate_binary_structure(2, 1).reshape((1,) * (array.ndim - 2) + (3, 3))
    beyond = ~scipy.ndimage.binary_dilation(mask > 0, cross, iterations=ring)
    beyond = beyond if beyond.any() else mask == 0
    calm = float(np.sqrt(np.square(residual[beyond]).mean())) if beyond.any() else math.nan
    everywhere = float(np.median(array[beyond])) if beyond.any() else math.nan
    back = None if found is None else _checked("found", found, array.shape) > 0
    rows = []
    for number, box in enumerate(scipy.ndimage.find_objects(mask), 1):
        if box is None:
            continue
        around = tuple(slice(max(0, s.start - ring), s.stop + ring) for s in box[-2:])
        place = (*box[:-2], *around)
        inside = mask[place] == number
        grown = scipy.ndimage.binary_dilation(inside, cross, iterations=ring)
        values = array[place][grown & (mask[place] == 0)]
        beside = float(np.median(values)) if values.size else everywhere
        bright = float(np.percentile(array[place][inside], 25 if dark else 75))
        rim = scipy.ndimage.binary_dilation(inside, cross)
        high = float(np.sqrt(np.square(residual[place][rim]).mean()))
        covered = back is not None and float(back[place][inside].mean()) >= _FOUND
        difference = beside - bright if dark else bright - beside
        rows.append((number, _over(difference, max(least, law.deviation(beside))), high, covered))
    numbers, contrast, high_rms, covered_all = (
        np.array(column, kind)
        for column, kind in zip(
            zip(*rows, strict=True) if rows else ((),) * 4, ("i8", "f8", "f8", "?"), strict=True
        )
    )
    return HiddenProbe(
        numbers,
        contrast,
        high_rms / calm if calm > 0 else np.full(numbers.size, math.nan),
        None if back is None else covered_all,
        math.nan if back is None else dice(mask, back),
        law,
        float(cutoff),
        energy,
    )


def dice(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Overlap of what is above 0 in two masks: 2 |A ∩ B| / (|A| + |B|); NaN if both are empty.

    Examples
    --------
    >>> dice([1, 2, 0, 0], [1, 0, 0, 3])
    0.5
    """
    first, second = (np.asarray(mask) > 0 for mask in (a, b))
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else math.nan


def _over(difference: float, deviation: float) -> float:
    """A contrast in standard deviations; without any noise, what differs at all is seen."""
    if deviation > 0 or math.isnan(difference):
        return difference / (deviation or 1.0)
    return math.copysign(math.inf, difference) if difference else 0.0


def _checked(name: str, array: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    mask = np.asarray(array)
    if mask.dtype.kind not in "iub":
        raise TypeError(f"{name} must be whole numbers; got dtype {mask.dtype}")
    if mask.shape != shape:
        raise ValueError(f"{name} and image must have the same shape; got {mask.shape} and {shape}")
    return mask.astype(np.int64, copy=False)

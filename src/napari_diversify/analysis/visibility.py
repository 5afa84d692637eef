"""How well the structures of an image stand out, in every contrast that the core measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from ..core.measures.visibility import (
    contrast_by_depth,
    michelson_contrast,
    rms_contrast,
    signal_to_background,
    weber_contrast,
)


@dataclass(frozen=True)
class Visibility:
    """Contrasts of an image; NaN where it does not define one.

    Attributes
    ----------
    rms, michelson : float
        Of all voxels.
    signal_to_background : float
        With the labels, or else with what is bright, as the foreground.
    weber : float or None
        Of the labelled objects against their surroundings; None without labels.
    rms_by_plane : tuple of float
        From the first plane to the last.
    """

    rms: float
    michelson: float
    signal_to_background: float
    weber: float | None
    rms_by_plane: tuple[float, ...]


def visibility(
    image: npt.ArrayLike, labels: npt.ArrayLike | None = None, offset: float = 0.0
) -> Visibility:
    """Measure how well structures stand out.

    Parameters
    ----------
    image : array_like of int or float, shape ([Z,] Y, X)
    labels : array_like of int or bool, shape of ``image``, optional
        0 is background.
    offset : float, optional
        Grey level of no light: left in, it alone lowers every contrast.

    Raises
    ------
    TypeError, ValueError
        If an array cannot be used, or the shapes differ.

    Examples
    --------
    >>> from napari_diversify.core import synthetic_nuclei
    >>> nuclei = synthetic_nuclei((16, 64, 64), count=6)
    >>> seen = visibility(nuclei.image, nuclei.labels, offset=100)
    >>> seen.weber > 1, len(seen.rms_by_plane)
    (True, 16)
    """
    return Visibility(
        rms_contrast(image, offset),
        michelson_contrast(image, offset),
        signal_to_background(image, labels, offset=offset),
        None if labels is None else weber_contrast(image, labels, offset=offset),
        tuple(contrast_by_depth(image, offset).tolist()),
    )

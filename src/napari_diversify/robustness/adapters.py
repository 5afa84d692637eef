"""Pretrained models of other packages as functions (image, spacing) -> labels.

They are imported in the process of the segmenter, and only there. Each model gets what its own
package recommends; it is loaded once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt


def stardist(
    image: npt.NDArray[Any], spacing: tuple[float, ...] | None, model: str
) -> npt.NDArray[Any]:
    """Labels by a pretrained StarDist model; percentiles 1 and 99.8 become 0 and 1."""
    network = _stardist(model, image.ndim)
    low, high = np.percentile(image, (1, 99.8))
    unit = (image.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1e-20))
    return np.asarray(network.predict_instances(unit)[0])


def cellpose(
    image: npt.NDArray[Any], spacing: tuple[float, ...] | None, model: str
) -> npt.NDArray[Any]:
    """Labels by a pretrained Cellpose model, of volumes in 3D."""
    network = _cellpose(model)
    if image.ndim == 2:
        return np.asarray(network.eval(image)[0])
    ratio = None if spacing is None else spacing[0] / spacing[-1]
    return np.asarray(network.eval(image, do_3D=True, z_axis=0, anisotropy=ratio)[0])


@lru_cache(maxsize=1)
def _stardist(model: str, ndim: int) -> Any:
    try:
        from stardist import models  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ImportError("StarDist needs its package: pip install stardist tensorflow") from None
    kind = models.StarDist3D if ndim == 3 else models.StarDist2D
    network = kind.from_pretrained(model)
    if network is None:
        raise ValueError(f"StarDist has no pretrained model {model!r} for {ndim}D images")
    return network


@lru_cache(maxsize=1)
def _cellpose(model: str) -> Any:
    try:
        from cellpose import models  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ImportError("Cellpose needs its package: pip install cellpose") from None
    return models.CellposeModel(gpu=False, model_type=model)

"""Making the file of a synthetic specimen again from its parameters, and comparing the two."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..synthetic.plan import Plan

#: Voxels that differ, and the largest difference.
Compared = tuple[int, float]


def compared(path: Path, stored: Any, record: Any) -> Generator[tuple[int, int], None, Compared]:
    """Compare what a file holds with the specimen of a record; yield (planes done, planes).

    Raises
    ------
    ValueError, OSError, ImportError
        If the specimen cannot be made, or has another shape than the file.
    """
    plan = Plan.from_record(record)
    specimen = plan.specimen()
    made = specimen.labels if files.looks_of(path).labels else specimen.image
    # a file may hold the only plane of a volume
    if stored.shape not in (plan.shape, plan.shape[1:] if plan.shape[0] == 1 else plan.shape):
        raise ValueError(
            f"{path} has the shape {stored.shape}, and its parameters {plan.shape}: it has been cut"
        )
    different, largest = 0, 0.0
    planes = plan.shape[0] if plan.ndim == 3 else 1
    for z in range(planes):
        yield z, planes
        one = np.asarray(made[z] if plan.ndim == 3 else made[:])
        other = np.asarray(stored[z] if stored.ndim == 3 else stored[:])
        unequal = one != other
        different += int(np.count_nonzero(unequal))
        if unequal.any():
            gap = np.abs(one[unequal].astype(float) - other[unequal].astype(float))
            largest = max(largest, float(gap.max()))
    return different, largest

"""PyTorch, loaded when something is to be computed, and not before."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any

#: The packages that the extra "learn" brings.
PACKAGES = ("torch", "safetensors")


def check_installed() -> None:
    """Raise an ImportError that says how to install what learns, if it is not."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"what learns needs the package {missing[0]!r}, which is not installed: "
            'pip install "napari-diversify[learn]"'
        )


def torch() -> Any:
    """The package torch, limited to one thread of its own in this process.

    Results are computed tile by tile, each in a thread of ours: torch's own threads change
    the last bit of a result, and wait for each other by spinning. To be called in every thread
    that computes: a new one begins with as many as there are cores, and torch limits it only after
    its first convolution.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.
    """
    package = unlimited_torch()
    package.set_num_threads(1)
    return package


@cache
def unlimited_torch() -> Any:
    """The package torch with as many threads as it has: for trainings, which say how many."""
    check_installed()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when OpenMP is loaded
    import torch as package

    return package

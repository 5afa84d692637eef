"""The base class of our arrays that are computed, or read, only where they are indexed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt


class Computed(ABC):
    """Something with a shape and a dtype that takes every basic index.

    Viewers, writers and NumPy ask for no more. Subclasses set :attr:`shape` and
    :attr:`dtype`, and implement indexing.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the whole array would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.shape} {self.dtype}>"

    @abstractmethod
    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        """Values at a basic index, in an array of their own."""

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError(
                f"{type(self).__name__} is computed: it cannot be converted without a copy"
            )
        whole = self._whole()
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def astype(self, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """All values as another dtype; napari's *Convert to Labels* asks for it."""
        return np.asarray(self).astype(dtype)

    def _whole(self) -> npt.NDArray[Any]:
        return self[...]

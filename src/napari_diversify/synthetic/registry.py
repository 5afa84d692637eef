"""The kinds of synthetic specimens."""

from __future__ import annotations

from typing import TypeAlias

from .membranes import SyntheticMembranes
from .nuclei import SyntheticNuclei

#: A synthetic specimen of either kind.
Synthetic: TypeAlias = SyntheticNuclei | SyntheticMembranes


#: The models by their ``kind``.
KINDS: dict[str, type[SyntheticNuclei] | type[SyntheticMembranes]] = {
    "nuclei": SyntheticNuclei,
    "membranes": SyntheticMembranes,
}

"""The numerical core: arrays in, arrays out; no Qt, no napari, no files."""

from .diversify import diversify
from .local_std import local_std
from .noise import normal_field
from .phantom import synthetic_nuclei
from .psnr import PsnrModel, psnr
from .weights import draw_weights

__all__ = [
    "PsnrModel",
    "diversify",
    "draw_weights",
    "local_std",
    "normal_field",
    "psnr",
    "synthetic_nuclei",
]

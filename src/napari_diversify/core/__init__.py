"""The numerical core: arrays in, arrays out; no Qt, no napari, no files."""

from .diversify import diversify
from .local_std import local_std
from .lowpass import HiddenSignal, hidden_signal, lowpass
from .noise import normal_field
from .phantom import synthetic_nuclei
from .psnr import PsnrModel, psnr
from .weights import draw_weights

__all__ = [
    "HiddenSignal",
    "PsnrModel",
    "diversify",
    "draw_weights",
    "hidden_signal",
    "local_std",
    "lowpass",
    "normal_field",
    "psnr",
    "synthetic_nuclei",
]

"""The numerical core: arrays in, arrays out; no Qt, no napari, no files."""

from .calibration import ContrastDecay, fit_contrast_decay
from .contrast import Tissue, degrade_contrast
from .diversify import diversify
from .local_std import local_std
from .lowpass import HiddenSignal, hidden_signal, lowpass
from .noise import normal_field
from .phantom import synthetic_nuclei
from .psnr import PsnrModel, psnr
from .weights import draw_weights

__all__ = [
    "ContrastDecay",
    "HiddenSignal",
    "PsnrModel",
    "Tissue",
    "degrade_contrast",
    "diversify",
    "draw_weights",
    "fit_contrast_decay",
    "hidden_signal",
    "local_std",
    "lowpass",
    "normal_field",
    "psnr",
    "synthetic_nuclei",
]

"""The numerical core: arrays in, arrays out; no Qt, no napari, no files."""

from .calibration import ContrastDecay, fit_contrast_decay
from .contrast import Tissue, degrade_contrast
from .diversify import diversify
from .local_std import local_std
from .lowpass import HiddenSignal, hidden_signal, lowpass
from .noise import normal_field
from .pair_sums import PairSums
from .phantom import synthetic_nuclei
from .psnr import PsnrModel, psnr
from .quality import clipped_fraction, histogram_distance, si_psnr, ssim
from .spectrum import noise_by_intensity, radial_power_spectrum
from .visibility import (
    contrast_by_depth,
    michelson_contrast,
    object_contrast,
    rms_contrast,
    signal_to_background,
    weber_contrast,
)
from .weights import draw_weights

__all__ = [
    "ContrastDecay",
    "HiddenSignal",
    "PairSums",
    "PsnrModel",
    "Tissue",
    "clipped_fraction",
    "contrast_by_depth",
    "degrade_contrast",
    "diversify",
    "draw_weights",
    "fit_contrast_decay",
    "hidden_signal",
    "histogram_distance",
    "local_std",
    "lowpass",
    "michelson_contrast",
    "noise_by_intensity",
    "normal_field",
    "object_contrast",
    "psnr",
    "radial_power_spectrum",
    "rms_contrast",
    "si_psnr",
    "signal_to_background",
    "ssim",
    "synthetic_nuclei",
    "weber_contrast",
]

"""The numerical core: arrays in, arrays out; no Qt, no napari, no files."""

from .contrast.calibration import ContrastDecay, fit_contrast_decay
from .contrast.contrast import Tissue, degrade_contrast
from .contrast.restoration import restore_contrast
from .diversification.diversify import diversify
from .diversification.local_std import local_std
from .diversification.psnr_model import PsnrModel
from .diversification.weights import draw_weights
from .measures.pair_sums import PairSums
from .measures.psnr import psnr
from .measures.quality import clipped_fraction, histogram_distance, si_psnr, ssim
from .measures.retention import detail_retention
from .measures.spectrum import noise_by_intensity, radial_power_spectrum
from .measures.visibility import (
    contrast_by_depth,
    michelson_contrast,
    object_contrast,
    rms_contrast,
    signal_to_background,
    weber_contrast,
)
from .noise import normal_field
from .specimens.nuclei import synthetic_nuclei
from .spectral.lowpass import HiddenSignal, hidden_signal, lowpass

__all__ = [
    "ContrastDecay",
    "HiddenSignal",
    "PairSums",
    "PsnrModel",
    "Tissue",
    "clipped_fraction",
    "contrast_by_depth",
    "degrade_contrast",
    "detail_retention",
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
    "restore_contrast",
    "rms_contrast",
    "si_psnr",
    "signal_to_background",
    "ssim",
    "synthetic_nuclei",
    "weber_contrast",
]

"""What is learned from images: contrast restoration and denoising, as steps of a recipe.

Needs the extra "learn" (PyTorch), which is loaded when something is computed, and not before.
"""

from .card import Card
from .denoise import Denoise
from .folder import load, models_folder, read_card, reference, save
from .restore_learned import RestoreLearned

__all__ = [
    "Card",
    "Denoise",
    "RestoreLearned",
    "load",
    "models_folder",
    "read_card",
    "reference",
    "save",
]

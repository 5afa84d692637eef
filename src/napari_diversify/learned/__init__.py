"""What is learned from images: contrast restoration and denoising, as steps of a recipe.

Needs the extra "learn" (PyTorch), which is loaded when something is computed, and not before.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .card import Card
    from .denoise import Denoise
    from .folder import load, models_folder, read_card, reference, save
    from .restore_learned import RestoreLearned

#: Where each public name is: it is loaded when it is asked for, as the help of commands must not be
#: made to wait for steps and files.
_HOMES = {
    "Card": "card",
    "Denoise": "denoise",
    "RestoreLearned": "restore_learned",
    "load": "folder",
    "models_folder": "folder",
    "read_card": "folder",
    "reference": "folder",
    "save": "folder",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


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

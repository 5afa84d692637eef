"""A model on disk: a folder with its weights and its card, and what a recipe calls it by.

    nuclei/
      card.json              see :mod:`.card`
      weights.safetensors    numbers only: nothing in it can be run

A recipe names a model by its folder and the beginning of its hash, "nuclei@3fa9c2d1e0b4a7c6".
The hash is what counts: a model that has been moved to the folder of models is found there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files.safe import writing
from ..small_files import read_small
from .card import Card
from .needs import check_installed, torch

if TYPE_CHECKING:
    from torch import nn

CARD, WEIGHTS = "card.json", "weights.safetensors"
#: Where else models are looked for.
FOLDER_OF_MODELS = "NAPARI_DIVERSIFY_MODELS"
_REFERENCE = re.compile(r"(?P<folder>.+)@(?P<hash>[0-9a-f]{16})", re.DOTALL)
_HEADER = 1 << 20  # bytes that names and shapes may take in a file of weights
_OF_RESULTS = ("task", "shape", "normalisation", "tile")  # what decides them, beside the weights


def models_folder() -> Path:
    """Where models are kept that have no other place: a folder of the user's."""
    given = os.environ.get(FOLDER_OF_MODELS)
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("napari-diversify", appauthor=False) / "models"


def save(folder: str | os.PathLike[str], network: nn.Module, **values: Any) -> Card:
    """Write a model: its weights and its card, each completely or not at all.

    Parameters
    ----------
    folder : path-like
        Is made; a model in it is replaced.
    network : torch.nn.Module
        As :func:`napari_diversify.learned.networks.network` makes it, in single precision.
    **values
        Fields of :class:`.Card`, but for its hash.

    Returns
    -------
    Card
    """
    import safetensors.torch

    tensors = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    weights = safetensors.torch.save(tensors)
    card = Card(hash="0" * 64, **values)
    card = Card(**{**values, "hash": _hash(weights, card)})
    where = Path(folder)
    with writing(where / WEIGHTS, overwrite=True) as partial:
        partial.write_bytes(weights)
    with writing(where / CARD, overwrite=True) as partial:
        partial.write_text(card.to_ascii(indent=2) + "\n", encoding="utf-8")
    return card


def _hash(weights: bytes, card: Card) -> str:
    decisive = card.model_dump(mode="json", include=set(_OF_RESULTS))
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(weights + text.encode()).hexdigest()


def read_card(folder: str | os.PathLike[str]) -> Card:
    """The card of the model in a folder.

    Raises
    ------
    OSError, ValueError
        If there is none, or it cannot be used; the message names the folder.
    """
    where = Path(folder)
    if not (where / CARD).is_file():
        raise FileNotFoundError(
            f"{where} is not a folder of a trained model: there is no {CARD} in it. Choose the "
            "folder that a training has written"
        )
    try:
        values = json.loads(read_small(where / CARD, most=1 << 20))
        version = values.get("schema_version", 1) if isinstance(values, dict) else 1
        if isinstance(version, int) and version > 1:
            raise ValueError(
                f"it has version {version}, but this program reads version 1. Update "
                "napari-diversify to use it"
            )
        if not isinstance(values, dict):
            raise ValueError("a JSON object is expected")
        return Card(**values)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the card of the model {where} cannot be used: {error}") from None


def reference(folder: str | os.PathLike[str]) -> str:
    """What a recipe calls the model in a folder by.

    Raises
    ------
    OSError, ValueError
        If there is no model that can be used.
    """
    return f"{Path(folder).absolute()}@{read_card(folder).hash[:16]}"


def split(model: str) -> tuple[Path, str]:
    """Folder and hash of a reference; no hash if it is the path of a folder alone."""
    match = _REFERENCE.fullmatch(model)
    return (Path(match["folder"]), match["hash"]) if match else (Path(model), "")


def models_in(folder: str | os.PathLike[str]) -> Iterator[tuple[Path, Card]]:
    """The models in a folder of models, by name; those that cannot be used are left out."""
    where = Path(folder)
    names = sorted(where.iterdir()) if where.is_dir() else []
    for inside in names:
        try:
            yield inside, read_card(inside)
        except (OSError, ValueError):
            continue


@lru_cache(maxsize=64)
def find(model: str) -> tuple[Path, Card]:
    """The folder of a model that a recipe names, and its card; PyTorch is not needed.

    Raises
    ------
    OSError, ValueError
        If it is missing, cut, or has been changed; the message says what to do.
    """
    folder, wanted = split(model)
    try:
        card = read_card(folder)
        fault: Exception = ValueError(
            f"the model {folder} is another one now: it was trained or written again since it was "
            f"chosen (its hash was {wanted} and is {card.hash[:16]}). Choose it again"
        )
    except FileNotFoundError as error:
        fault = error
        if wanted:
            fault = FileNotFoundError(
                f"the model {folder.name} ({wanted}) is missing: it is neither in {folder} nor in "
                f"{models_folder()}. Put its folder there, or choose another model"
            )
    else:
        if card.hash.startswith(wanted):
            _check_weights(folder, card)
            return folder, card
    if wanted:
        for other, card in models_in(models_folder()):
            if card.hash.startswith(wanted):
                _check_weights(other, card)
                return other, card
    raise fault


def _check_weights(folder: Path, card: Card) -> bytes:
    """The file of weights, if it is what the card was written for."""
    where = folder / WEIGHTS
    most = 4 * card.shape.parameters + _HEADER
    try:
        size = where.stat().st_size
    except FileNotFoundError:
        raise FileNotFoundError(f"the model {folder} has lost its weights: {where}") from None
    if size > most:
        raise ValueError(
            f"{where} has {size} bytes, more than the network on its card takes; it is not used"
        )
    content = read_small(where, most)
    if _hash(content, card) != card.hash:
        raise ValueError(
            f"the model {folder} is damaged: its weights are not those that its card was written "
            "for. Train it again, or copy its folder anew"
        )
    return content


def load(model: str) -> nn.Module:
    """The network of a model that a recipe names, ready to predict.

    Raises
    ------
    ImportError
        If the packages that it needs are not installed.
    OSError, ValueError
        If the model is missing, cut, changed, or not what its card says.
    """
    check_installed()
    return _loaded(model)


@lru_cache(maxsize=4)
def _loaded(model: str) -> nn.Module:
    package = torch()
    import safetensors
    import safetensors.torch

    from .networks import network

    folder, card = find(model)
    where = folder / WEIGHTS
    content = _check_weights(folder, card)
    try:
        tensors = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"{where} is not a file of weights ({error})") from None
    with package.device("meta"):  # shapes only
        expected = {name: t.shape for name, t in network(card.shape).state_dict().items()}
    usable = {name: t.shape for name, t in tensors.items()} == expected and all(
        t.dtype == package.float32 and bool(package.isfinite(t).all()) for t in tensors.values()
    )
    if not usable:
        raise ValueError(
            f"the weights in {where} are not those of the network on its card, or not finite "
            "numbers in single precision; the model is not used"
        )
    made = network(card.shape)
    made.load_state_dict(tensors)
    return made.eval().requires_grad_(False)

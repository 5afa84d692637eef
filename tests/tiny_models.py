"""Models with weights drawn by chance: small, untrained, and as dependent on every pixel as any."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from napari_diversify.learned import save
from napari_diversify.learned.card import (
    DiffusionShape,
    DressingShape,
    Normalisation,
    Trained,
    UNetShape,
    VaeShape,
)
from napari_diversify.learned.needs import torch

SHAPES = {
    "unet": UNetShape(width=4, levels=1),
    "deep": UNetShape(width=3, levels=3),
    "planes": UNetShape(width=4, levels=2, context=1),
    "vae": VaeShape(width=4, latents=4),
    "dressing": DressingShape(width=4, blocks=1, noise=(0.01, 0.0, 0.01)),
    "diffusion": DiffusionShape(width=8, side=16, voxel=0.5, draws=3),
}
TASKS = {"vae": "denoise", "dressing": "dress", "diffusion": "shapes"}
LEVELS = (0.0, 60_000.0)


@cache
def folder():
    where = tempfile.mkdtemp(prefix="napari-diversify-models-")
    atexit.register(shutil.rmtree, where, ignore_errors=True)
    return Path(where)


@cache
def model(name):
    """The folder of a model; each name is made once."""
    write(folder() / name, name)
    return folder() / name


def write(where, name, seed=0, tile=32, **values):
    """Write a model of one of the shapes, and return its card."""
    torch().manual_seed(seed)
    from napari_diversify.learned.networks import network

    made = network(SHAPES[name])
    for parameter in made.parameters():
        if parameter.dim() == 4:
            torch().nn.init.kaiming_normal_(parameter)
    usual = {
        "task": TASKS.get(name, "restore"),
        "normalisation": Normalisation(mean=30_000, std=15_000),
        "trained": Trained(
            images=("a",), levels=LEVELS, settings={}, steps=1, seed=seed, versions={}
        ),
    }
    return save(where, made, **{"shape": SHAPES[name], "tile": tile, **usual, **values})

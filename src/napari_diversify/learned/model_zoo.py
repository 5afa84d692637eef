"""A trained model as a package of the BioImage Model Zoo, for programs that know nothing of ours.

The package holds weights (tensors only), the network as one file of Python that needs PyTorch
alone, a plane to test it with, and the description that :mod:`bioimageio.spec` checks and writes.
Nothing here uses the network.
"""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .card import Card, UNetShape
from .folder import load, read_card, reference
from .needs import check_installed, torch

if TYPE_CHECKING:
    from torch import nn

ENDING = ".zip"
#: Version of the format that is written; later versions of the library read it, and go on from it.
_FORMAT = "0.5.4"
#: Side of the test images, in pixels, if the halo leaves enough of that.
_SIDE = 256

_WHAT = {
    "restore": "Restores contrast that deep tissue takes, after DeepContrast (Martins et al. "
    "2023): a residual U-Net that was trained to undo further degradation of the images "
    "themselves, applied once. ",
    "denoise": "Denoises, after DivNoising (Prakash et al. 2021): the mean latents of a "
    "variational autoencoder, decoded. That is one image, close to the mean of many samples; the "
    "samples themselves and their spread are not in this package. ",
}
_CITED = {
    "restore": (
        "Martins et al., DeepContrast, 2023 (the idea; network and training are others)",
        "10.48550/arXiv.2308.08365",
    ),
    "denoise": (
        "Prakash, Krull, Jug, Fully Unsupervised Diversity Denoising with Convolutional "
        "Variational Autoencoders, ICLR 2021",
        "10.48550/arXiv.2006.06072",
    ),
}
_TAGS = {"restore": ["image-restoration", "unet"], "denoise": ["denoising", "vae"]}


def export(
    model_folder: str | os.PathLike[str],
    target_zip: str | os.PathLike[str],
    *,
    authors: Sequence[str] = (),
    license: str | None = None,
) -> Path:
    """Write a trained model as a package of the BioImage Model Zoo.

    A U-Net is exported as it is, so that it restores once; of a VAE, the mean latents are decoded.
    The package takes and gives grey levels: the normalisation of the model's card is in it.

    Parameters
    ----------
    model_folder : path-like
        Folder of the model.
    target_zip : path-like
        The package; its name ends in ".zip", and nothing of this name may exist.
    authors : sequence of str, optional
        Names of those who made the model. Without them, or without a licence, the package is
        valid, but the zoo does not take it.
    license : str, optional
        Identifier of a licence in the list of SPDX, such as "CC-BY-4.0".

    Returns
    -------
    Path
        The package.

    Raises
    ------
    ImportError
        If a package that this needs is not installed; the message says how to install it.
    OSError, ValueError
        If there is no model that can be used, the name has another ending or is taken, or the
        format of the zoo cannot describe the model.
    """
    from ..files.safe import writing

    target = Path(target_zip)
    if target.suffix.lower() != ENDING:
        raise ValueError(
            f"the name of a package ends in {ENDING}; got {target.name!r}. Give one like "
            f"{target.stem or 'model'}{ENDING}"
        )
    if os.path.lexists(target):
        raise FileExistsError(f"{target} exists and is left as it is. Choose another name")
    card = read_card(model_folder)
    spec = _spec()
    check_installed()
    network = load(reference(model_folder))
    given = _test_image(card)
    with tempfile.TemporaryDirectory(prefix="napari-diversify-") as made:
        folder = Path(made)
        _write_files(folder, card, network, given)
        what = _description(card, Path(model_folder).absolute().name, authors, license)
        try:
            context = spec.ValidationContext(root=folder, file_name="rdf.yaml")
            described = spec.build_description(what, context=context)
            package = folder / f"package{ENDING}"
            with context:
                spec.save_bioimageio_package(described, output_path=package)
        except ValueError as error:
            raise ValueError(
                f"the format of the BioImage Model Zoo cannot describe this model: {error}"
            ) from None
        with writing(target) as partial:
            shutil.copyfile(package, partial)
    return target


def _spec() -> Any:
    """The library that knows the format."""
    try:
        import bioimageio.spec as package
    except ModuleNotFoundError as error:
        raise ImportError(
            f"exporting to the BioImage Model Zoo needs the package {error.name!r}, which is not "
            'installed: pip install "napari-diversify[bioimageio]"'
        ) from None
    return package


def architecture(card: Card) -> str:
    """The network of a model as a file of Python that needs nothing but PyTorch.

    Its function ``network`` makes the network from the fields of the card's shape.
    """
    from . import networks

    unet = isinstance(card.shape, UNetShape)
    parts = [networks.UNet if unet else networks.Vae, networks._pair]
    code = "\n\n".join(inspect.getsource(part) for part in parts)
    return _FILE.format(code=code, end=_UNET if unet else _VAE)


_FILE = '''"""A network trained by napari-diversify (BSD-3-Clause); needs PyTorch alone."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor, nn


{code}

{end}'''
_UNET = '''def network(**shape: int) -> nn.Module:
    """The network; it restores once."""
    return UNet(SimpleNamespace(**shape))
'''
_VAE = '''class MeanOfLatents(Vae):
    """The image that the mean latents stand for."""

    def forward(self, image: Tensor) -> Tensor:
        return self.decode(self.encode(image)[0])


def network(**shape: int) -> nn.Module:
    """The network; it decodes the mean latents, and draws no samples."""
    return MeanOfLatents(SimpleNamespace(**shape))
'''


# ---- files of a package ----


def _side(card: Card) -> tuple[int, int]:
    """Smallest side of an image, of which the halo leaves something; and that of the test image."""
    step = card.shape.multiple
    smallest = 2 * card.shape.halo + step
    return smallest, smallest + -(-max(_SIDE - smallest, 0) // step) * step


def _test_image(card: Card) -> npt.NDArray[np.float32]:
    """Synthetic nuclei in the grey levels of the training: (1, planes, side, side)."""
    from ..core import synthetic_nuclei

    planes, side = 1 + 2 * card.shape.context, _side(card)[1]
    image = synthetic_nuclei((16, side, side), count=side * side // 1500).image
    first = (len(image) - planes) // 2
    image = image[first : first + planes].astype(np.float64)
    low, high = card.trained.levels
    image = low + (image - image.min()) / np.ptp(image) * (high - low)
    return image[None].astype(np.float32)


def _write_files(
    folder: Path, card: Card, network: nn.Module, given: npt.NDArray[np.float32]
) -> None:
    package, (mean, std) = torch(), (card.normalisation.mean, card.normalisation.std)
    with package.inference_mode():
        values = package.from_numpy(((given - mean) / std).astype(np.float32))
        if isinstance(card.shape, UNetShape):
            result = network(values)
        else:
            result = network.decode(network.encode(values)[0])
    weights = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    package.save(weights, folder / "weights.pt")
    (folder / "network.py").write_text(architecture(card), encoding="utf-8")
    np.save(folder / "test_input.npy", given)
    np.save(folder / "test_output.npy", (result.numpy() * std + mean).astype(np.float32))
    (folder / "README.md").write_text(_readme(card), encoding="utf-8")


def _readme(card: Card) -> str:
    """What the card says of the model, as Markdown."""
    rows = [
        f"- {row.method}: {', '.join(f'{name} {value:g}' for name, value in row.values.items())}"
        for row in card.figures
    ]
    planes = card.shape.context
    pixels = card.trained.spacing
    trained = [
        f"{len(card.trained.images)} image(s), {card.trained.steps} steps",
        f"grey levels from {card.trained.levels[0]:g} to {card.trained.levels[1]:g}",
    ]
    if pixels:
        trained.append(f"pixels of {pixels[0]:g} µm (y) by {pixels[1]:g} µm (x)")
    shown = "each image" if not planes else f"each plane, with {planes} on each side as channels,"
    parts = [
        f"# {card.task.capitalize()}",
        _WHAT[card.task],
        f"It takes {shown} in the grey levels of the images that it was trained on; the package "
        "normalises by fixed numbers and maps back. Other grey levels or another pixel size are "
        "unlike its training, and results on them should not be believed.",
        "## Training",
        "\n".join(f"- {line}" for line in trained),
        "## Validation",
        "Measured on parts of the images that were not trained on, beside methods that learn "
        "nothing:"
        if rows
        else "No figures were measured.",
        "\n".join(rows),
        *card.remarks,
        "To validate the model on images of your own, compare its result with an image of the "
        "same place that has more contrast or less noise. The test image of the package is "
        "synthetic: it shows that the package works, not how well.",
        f"Made by napari-diversify; hash of the model: {card.hash}",
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


# ---- the description ----


def _description(
    card: Card, name: str, authors: Sequence[str], license: str | None
) -> dict[str, Any]:
    """The description of a package, as in its YAML file."""
    from .. import __version__

    shape, normal = card.shape, card.normalisation
    back = {"id": "scale_linear", "kwargs": {"gain": normal.std, "offset": normal.mean}}
    changed = normal != type(normal)(mean=0, std=1)  # the format refuses what changes nothing
    named = "".join(c if c.isascii() and (c.isalnum() or c in "_+-") else " " for c in name)
    text, doi = _CITED[card.task]
    return {
        "type": "model",
        "format_version": _FORMAT,
        "name": f"{card.task} {' '.join(named.split())}".strip()[:64],
        "description": _WHAT[card.task].strip(),
        "authors": [{"name": author} for author in authors],
        "license": license,
        "documentation": "README.md",
        "cite": [{"text": text, "doi": doi}],
        "tags": [*_TAGS[card.task], "pytorch", "fluorescence-light-microscopy", "2d"],
        "inputs": [
            {
                "id": "raw",
                "axes": _axes(card, output=False),
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_input.npy"},
                "preprocessing": [
                    {
                        "id": "fixed_zero_mean_unit_variance",
                        "kwargs": {"mean": normal.mean, "std": normal.std},
                    }
                ],
            }
        ],
        "outputs": [
            {
                "id": "result",
                "axes": _axes(card, output=True),
                "data": {"type": "float32"},
                "test_tensor": {"source": "test_output.npy"},
                "postprocessing": [back] if changed else [],
            }
        ],
        "weights": {
            "pytorch_state_dict": {
                "source": "weights.pt",
                "pytorch_version": torch().__version__.partition("+")[0],
                "architecture": {
                    "source": "network.py",
                    "callable": "network",
                    "kwargs": shape.model_dump(exclude={"kind"}),
                },
            }
        },
        "config": {"napari_diversify": {"version": __version__, "hash": card.hash}},
    }


def _axes(card: Card, output: bool) -> list[dict[str, Any]]:
    """Axes of the image that is taken, or of the one that is given."""
    context, spacing = card.shape.context, card.trained.spacing
    planes = ["image"] if output or not context else [f"plane{n:+d}" for n in _around(context)]
    in_plane: list[dict[str, Any]] = []
    for n, axis in enumerate("yx"):
        size: dict[str, Any] = {"min": _side(card)[0], "step": card.shape.multiple}
        if output:
            size = {"tensor_id": "raw", "axis_id": axis}
        in_plane.append({"type": "space", "id": axis, "size": size})
        if output:
            in_plane[-1]["halo"] = card.shape.halo
        if spacing:
            in_plane[-1] |= {"unit": "micrometer", "scale": spacing[n]}
    return [{"type": "batch"}, {"type": "channel", "channel_names": planes}, *in_plane]


def _around(context: int) -> range:
    return range(-context, context + 1)

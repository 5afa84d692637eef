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
from .zoo_description import FILES, description, readme, test_side

if TYPE_CHECKING:
    from torch import nn

ENDING = ".zip"


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
    if card.task == "dress":
        raise ValueError(
            f"{model_folder} makes pictures for masks, and packages are of models that take an "
            "image. Use it with napari-diversify dress"
        )
    if card.task == "shapes":
        raise ValueError(
            f"{model_folder} draws 3D shapes, and packages are of models that make an image of an "
            "image. Use it with napari-diversify shapes"
        )
    spec = _spec()
    check_installed()
    network = load(reference(model_folder))
    given = _test_image(card)
    with tempfile.TemporaryDirectory(
        prefix="napari-diversify-",
        ignore_cleanup_errors=True,  # the library leaves files open, which Windows does not delete
    ) as made:
        folder = Path(made)
        brightest = _write_files(folder, card, network, given)
        content = description(
            card,
            Path(model_folder).absolute().name,
            authors=authors,
            license=license,
            pytorch=torch().__version__,
            brightest=brightest,
        )
        context = spec.ValidationContext(root=folder, file_name="rdf.yaml")
        described = spec.build_description(content, context=context)
        if isinstance(described, spec.InvalidDescr):
            raise ValueError(_why_not(described))
        with context:
            package = spec.save_bioimageio_package(described, output_path=folder / "package.zip")
        with writing(target) as partial:
            shutil.copyfile(package, partial)
    return target


def _why_not(described: Any) -> str:
    """A sentence on what the format does not allow in a description."""
    fault = described.validation_summary.errors[0]
    where = ".".join(map(str, fault.loc))
    if where.startswith("license"):
        return (
            "the licence is not in the list of SPDX. Give an identifier such as CC-BY-4.0, CC0-1.0 "
            "or MIT, or none"
        )
    why = f"{where}: {fault.msg}" if where else fault.msg
    return f"the format of the BioImage Model Zoo cannot describe this model: {why[:300]}"


def _spec() -> Any:
    """The library that knows the format."""
    try:
        import bioimageio.spec as package
    except ModuleNotFoundError:
        raise ImportError(
            "exporting to the BioImage Model Zoo needs the package 'bioimageio.spec', which is not "
            'installed: pip install "napari-diversify[bioimageio]"'
        ) from None
    return package


def architecture(card: Card) -> str:
    """The network of a model as a file of Python that needs nothing but PyTorch.

    Its function ``network`` makes the network from the fields of the card's shape.
    """
    from . import networks

    unet = isinstance(card.shape, UNetShape)
    wanted = ("class UNet(" if unet else "class Vae(", "def _pair(")
    blocks = inspect.getsource(networks).split("\n\n\n")
    code = "\n\n\n".join(block.strip() for block in blocks if block.startswith(wanted))
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


def _test_image(card: Card) -> npt.NDArray[np.float32]:
    """Synthetic nuclei in the grey levels of the training: (1, planes, side, side)."""
    from ..core import synthetic_nuclei

    planes, side = 1 + 2 * card.shape.context, test_side(card)
    volume = synthetic_nuclei((16, side, side), count=side * side // 1500).image
    first = (len(volume) - planes) // 2
    image = volume[None, first : first + planes].astype(np.float64)
    low, high = card.trained.levels
    result: npt.NDArray[np.float32] = np.interp(
        image, (image.min(), image.max()), (low, high)
    ).astype(np.float32)
    return result


def _write_files(
    folder: Path, card: Card, network: nn.Module, given: npt.NDArray[np.float32]
) -> float:
    """All files that the description names; returns the highest grey level of the result."""
    package, (mean, std) = torch(), (card.normalisation.mean, card.normalisation.std)
    with package.inference_mode():
        values = package.from_numpy(((given - mean) / std).astype(np.float32))
        if isinstance(card.shape, UNetShape):
            result = network(values)
        else:
            result = network.decode(network.encode(values)[0])
    weights = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    package.save(weights, folder / FILES["weights"])
    (folder / FILES["network"]).write_text(architecture(card), encoding="utf-8")
    np.save(folder / FILES["input"], given)
    output = (result.numpy() * std + mean).astype(np.float32)
    np.save(folder / FILES["output"], output)
    _draw(folder / FILES["cover"], given[0, card.shape.context], output[0, 0])
    (folder / FILES["readme"]).write_text(readme(card), encoding="utf-8")
    return float(output.max())


def _draw(path: Path, *images: npt.NDArray[np.float32]) -> None:
    """Draw images side by side, in the grey levels of the first."""
    from PIL import Image

    shades = np.interp(np.hstack(images), (images[0].min(), images[0].max()), (0, 255))
    Image.fromarray(shades.astype(np.uint8)).save(path)

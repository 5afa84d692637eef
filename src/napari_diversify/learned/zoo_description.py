"""What the package of a model says: its description and README, from the model's card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .card import Card

#: The files that a description names.
FILES = {
    "weights": "weights.pt",
    "network": "network.py",
    "input": "test_input.npy",
    "output": "test_output.npy",
    "readme": "README.md",
    "cover": "cover.png",
}
#: Version of the format that is written; later versions of the library read it, and go on from it.
_FORMAT = "0.5.4"
#: Side of the test images, in pixels, if the halo leaves something of that.
_SIDE = 256

_WHAT = {
    "restore": "Restores contrast that deep tissue takes, after DeepContrast (Martins et al. "
    "2023): a residual U-Net that was trained to undo further degradation of the images "
    "themselves, applied once.",
    "denoise": "Denoises, after DivNoising (Prakash et al. 2021): the mean latents of a "
    "variational autoencoder, decoded. That is one image, and not the mean of samples; samples and "
    "their spread are not in this package.",
}
_CITED = {
    "restore": (
        "Pimpão Martins, Kalaidzidis, Zerial, Jug, DeepContrast, 2023 (the idea; this network and "
        "its training are others)",
        "10.48550/arXiv.2308.08365",
    ),
    "denoise": (
        "Prakash, Krull, Jug, Fully Unsupervised Diversity Denoising with Convolutional "
        "Variational Autoencoders, ICLR 2021",
        "10.48550/arXiv.2006.06072",
    ),
}
_FIGURES = {
    "restore": "This package is the model with 1 iteration.",
    "denoise": "This package decodes the mean latents, for which no figures were measured: the "
    "figures above are of the mean of samples.",
}
_TAGS = {"restore": ["image-restoration", "unet"], "denoise": ["denoising", "vae"]}


def description(
    card: Card,
    name: str,
    *,
    authors: Sequence[str],
    license: str | None,
    pytorch: str,
    brightest: float,
) -> dict[str, Any]:
    """The description of a package, as in its YAML file.

    Parameters
    ----------
    card : Card
    name : str
        Of the model; what the format does not allow in it becomes a space.
    authors : sequence of str
    license : str or None
    pytorch : str
        Version of PyTorch.
    brightest : float
        Highest grey level of the test output.
    """
    from .. import __version__

    shape, normal = card.shape, card.normalisation
    back = {"id": "scale_linear", "kwargs": {"gain": normal.std, "offset": normal.mean}}
    changed = normal != type(normal)(mean=0, std=1)  # the format refuses what changes nothing
    tolerance = {  # the usual absolute one, 0.001, is meant for outputs about 1
        "relative_tolerance": 1e-3,
        "absolute_tolerance": max(0.0, min(1e-3 * normal.std, 0.009 * brightest)),
        "mismatched_elements_per_million": 100,
    }
    named = "".join(c if c.isascii() and (c.isalnum() or c in "_+-") else " " for c in name)
    text, doi = _CITED[card.task]
    return {
        "type": "model",
        "format_version": _FORMAT,
        "name": f"{card.task} {' '.join(named.split())}".strip()[:64],
        "description": _WHAT[card.task],
        "authors": [{"name": author} for author in authors],
        "license": license,
        "documentation": FILES["readme"],
        "covers": [FILES["cover"]],
        "cite": [{"text": text, "doi": doi}],
        "tags": [*_TAGS[card.task], "pytorch", "2d"],
        "inputs": [
            {
                "id": "raw",
                "axes": _axes(card, output=False),
                "data": {"type": "float32"},
                "test_tensor": {"source": FILES["input"]},
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
                "test_tensor": {"source": FILES["output"]},
                "postprocessing": [back] if changed else [],
            }
        ],
        "weights": {
            "pytorch_state_dict": {
                "source": FILES["weights"],
                "pytorch_version": pytorch.partition("+")[0],
                "architecture": {
                    "source": FILES["network"],
                    "callable": "network",
                    "kwargs": shape.model_dump(exclude={"kind"}),
                },
            }
        },
        "config": {
            "bioimageio": {"reproducibility_tolerance": [tolerance]},
            "napari_diversify": {"version": __version__, "hash": card.hash},
        },
    }


def _axes(card: Card, output: bool) -> list[dict[str, Any]]:
    """Axes of the image that is taken, or of the one that is given."""
    context, spacing = card.shape.context, card.trained.spacing
    planes = (
        ["image"]
        if output or not context
        else [f"plane{n:+d}" for n in range(-context, context + 1)]
    )
    in_plane: list[dict[str, Any]] = []
    for n, axis in enumerate("yx"):
        size: dict[str, Any] = {"min": _sides(card)[0], "step": card.shape.multiple}
        if output:
            size = {"tensor_id": "raw", "axis_id": axis}
        in_plane.append({"type": "space", "id": axis, "size": size})
        if output:
            in_plane[-1]["halo"] = card.shape.halo
        if spacing:
            in_plane[-1] |= {"unit": "micrometer", "scale": spacing[n]}
    return [{"type": "batch"}, {"type": "channel", "channel_names": planes}, *in_plane]


def _sides(card: Card) -> tuple[int, int]:
    """Smallest side of an image, of which the halo leaves something; and that of the test image."""
    step = card.shape.multiple
    smallest = 2 * card.shape.halo + step
    return smallest, smallest + -(-max(_SIDE - smallest, 0) // step) * step


def test_side(card: Card) -> int:
    """Side of the test image, in pixels."""
    return _sides(card)[1]


def readme(card: Card) -> str:
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
        _FIGURES[card.task] if rows else "",
        *card.remarks,
        "To validate the model on images of your own, compare its result with an image of the "
        "same place that has more contrast or less noise. The test image of the package is "
        "synthetic: it shows that the package works, not how well.",
        f"Made by napari-diversify; hash of the model: {card.hash}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"

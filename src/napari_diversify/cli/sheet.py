"""A contact sheet: one plane of an image, its σ map and several settings, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..files import free_name
from ..recipe import Diversify, LazyLocalStd, LazyVolume, Recipe

#: (w_i, w_v) of the tiles after the raw image and its σ map.
SETTINGS = ((1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (0.5, 2.0), (1.0, 4.0))
_CAPTION = 22
_LEAST_WIDTH = 130


def contact_sheet(image: Any, settings: Sequence[tuple[float, float]] = SETTINGS) -> Image.Image:
    """Draw the middle plane of an image: raw, σ map, and diversified in several ways.

    Parameters
    ----------
    image : array-like of int or float, shape (..., [Z,] Y, X)
    settings : sequence of (float, float), optional
        Pairs (w_i, w_v), one tile each.

    Returns
    -------
    PIL.Image.Image
        Eight-bit grey tiles side by side, each with its caption. All but the
        σ map share one grey scale, the image's own range.

    Raises
    ------
    TypeError, ValueError
        If the image cannot be diversified; the message says why.
    """
    volume = LazyVolume(image, Recipe(steps=(Diversify(w_v=0.0),)))
    middle = tuple(n // 2 for n in volume.shape[:-2])
    low, high = volume.intensity_range
    raw = np.asarray(volume.source[middle])
    sigma = LazyLocalStd(volume.source)[middle]
    tiles = [("raw", _grey(raw, low, high)), ("sigma map", _grey(sigma, 0, sigma.max()))]
    for w_i, w_v in settings:
        volume.recipe = Recipe(steps=(Diversify(w_i=w_i, w_v=w_v),))
        tiles.append((f"w_i {w_i:g}  w_v {w_v:g}", _grey(volume[middle], low, high)))
    return _montage(tiles)


def write_contact_sheet(image: Any, path: str | Path) -> Path:
    """Write :func:`contact_sheet` as PNG, under another name if the file exists."""
    sheet = contact_sheet(image)
    target = free_name(path)
    sheet.save(target)
    return target


def _grey(plane: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    scaled = (plane.astype(np.float64) - low) / max(high - low, 1e-30)
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def _montage(tiles: Sequence[tuple[str, npt.NDArray[np.uint8]]], gap: int = 4) -> Image.Image:
    factor = max(1, -(-_LEAST_WIDTH // tiles[0][1].shape[1]))  # room for the caption
    tiles = [
        (caption, np.kron(tile, np.ones((factor, factor), np.uint8))) for caption, tile in tiles
    ]
    height, width = tiles[0][1].shape
    sheet = Image.new("L", (len(tiles) * (width + gap) - gap, height + _CAPTION))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=14)
    for n, (caption, tile) in enumerate(tiles):
        x = n * (width + gap)
        sheet.paste(Image.fromarray(tile), (x, _CAPTION))
        draw.text((x + 4, 2), caption, fill=255, font=font)
    return sheet

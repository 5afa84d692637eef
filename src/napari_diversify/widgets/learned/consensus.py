"""A segmentation by vote of the samples of a denoising model, as layers."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSpinBox

from ...learned import Denoise
from ...learned.consensus import Consensus, consensus_of
from ...learned.folder import reference
from ...recipe import Recipe
from ...recipe.provenance import KEY, Provenance, of_voxels
from ..live.layer_work import LayerWork, layer_box, rows_of
from ..live.layers import (
    displayed_index,
    guess_spatial_ndim,
    levels_of,
    no_room,
    spacing_in_micrometres,
    spatial_state,
    why_unusable,
)
from ..live.ours import can_be_source
from ..qt.forms import leave_wheel, narrow
from ..qt.numbers import whole_numbers_only
from ..qt.parts import button, row, sentence, tip
from ..qt.proxy import behind
from .use import undisturbed
from .watch import Model

_BYTES = 4 + 4 + 4 + 8  # a voxel: votes, labels, share, and a sample at work


@dataclass(frozen=True, eq=False)
class Found:
    """A consensus, and the layer that it is of."""

    consensus: Consensus
    recipe: Recipe
    layer: Any
    at: tuple[slice, ...]  # which image of a series


class ConsensusRow(LayerWork):
    """Which image, and how many samples vote on its segmentation.

    Parameters
    ----------
    viewer : ViewerModel
    """

    # consensus of [10] samples of [cells v] [Segment]
    done = Signal(str)

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__(viewer)
        self._model: Model | None = None
        self.image = layer_box("image", "The image layer to denoise and segment.")
        self.samples = QSpinBox()
        self.samples.setRange(2, 1000)
        self.samples.setValue(10)
        self.samples.setToolTip(
            tip("samples", "How many samples of the denoised image vote. 10 are a good beginning.")
        )
        whole_numbers_only(self.samples)
        narrow(self.samples, 58)
        leave_wheel(self.samples)
        self.button = button(
            "Segment",
            "Draw samples of the denoised image, segment each by Otsu’s threshold, and add two "
            "layers: labels where more than half of the samples see an object, and the share of "
            "the samples that see one, which tells where they are divided: dim objects, and "
            "objects that touch. Of objects that stand well apart the result is no better than "
            "segmenting the mean.",
        )
        layout = rows_of(self)
        layout.addRow("consensus of", self.image)
        layout.addRow("samples", row(self.samples, self.button))
        self.button.clicked.connect(self.segment)
        self.hide()

    def setModel(self, model: Model | None) -> None:
        """Offer to segment with this model, if it denoises."""
        self._model = model
        self.setVisible(model is not None and model.card.task == "denoise")

    def segment(self) -> None:
        """Draw the samples, and have them vote, in a thread."""
        layer, model = self._layer(self.image), self._model
        if layer is None or model is None:
            self.refused.emit("There is no image to segment: open one first.")
            return
        ndim = guess_spatial_ndim(layer)
        array = levels_of(layer)[0]
        lead = displayed_index(layer, self._viewer, array.shape)[: layer.ndim - ndim]
        at = tuple(slice(0, 1) if s == slice(None) else s for s in lead)
        size = _BYTES * int(np.prod(array.shape[-ndim:], dtype=np.int64))
        if problem := no_room(size, "Crop the image first"):
            self.refused.emit(f"“{layer.name}” cannot be segmented: {problem}.")
            return
        spacing, count = spacing_in_micrometres(layer, ndim), self.samples.value()
        of = behind(layer)
        self._background.start(lambda: _found(array, at, ndim, spacing, model.folder, count, of))

    # ---- what comes back ----

    def _on_found(self, found: Found) -> None:
        layer, consensus = found.layer, found.consensus
        state = spatial_state(layer)
        state["translate"] = np.array(state["translate"], float)
        for axis, part in enumerate(found.at):  # which of a series it is of
            state["translate"][axis] += part.start * state["scale"][axis]
        entry = Provenance.of_recipe(
            found.recipe, 0, f"consensus of {consensus.samples} samples"
        ).entry()

        def shaped(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return values.reshape((1,) * len(found.at) + values.shape)

        votes, labels = shaped(consensus.votes), shaped(consensus.labels)
        with undisturbed(self._viewer):
            self._viewer.add_image(
                votes,
                name=f"{layer.name} votes",
                contrast_limits=(0, 1),
                colormap="magma",
                visible=False,
                metadata={KEY: {**entry, **of_voxels(votes)}},
                **state,
            )
            self._viewer.add_labels(
                labels,
                name=f"{layer.name} consensus",
                metadata={KEY: {**entry, **of_voxels(labels)}},
                **state,
            )
        self.done.emit(
            f"{consensus.objects:,} objects in “{layer.name}”, by {consensus.samples} samples. "
            f"A tenth of them or more disagree about {100 * consensus.divided:.1f} % of the "
            f"voxels; the hidden layer “{layer.name} votes” shows where."
        )

    def _on_failed(self, error: Exception) -> None:
        self.refused.emit(f"Not segmented: {sentence(error)}")

    # ---- the list ----

    def _list(self) -> None:
        names = self._names(lambda layer: can_be_source(layer) and why_unusable(layer) is None)
        self._offer(self.image, names, "no image layer")
        self.button.setEnabled(bool(names))


def _found(
    array: Any,
    at: tuple[slice, ...],
    ndim: int,
    spacing: tuple[float, ...] | None,
    model: Path,
    samples: int,
    layer: Any,
) -> Generator[tuple[int, int], None, Found]:
    """Work: read one image, and have samples of it vote."""
    yield 0, 0
    recipe = Recipe(steps=(Denoise(model=reference(model), show="sample"),), spatial_ndim=ndim)
    image = np.asarray(array[at]) if at else array
    image = image.reshape(image.shape[len(at) :]) if at else image
    found = yield from consensus_of(image, recipe, samples, spacing=spacing)
    return Found(found, recipe, layer, at)

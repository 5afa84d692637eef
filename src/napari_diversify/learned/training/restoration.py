"""Training of the network that restores contrast, after DeepContrast. Importing loads PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..card import Normalisation, UNetShape
from .images import Plane
from .loop import Task
from .pairs import Degraded
from .settings import RestoreTraining


class Restoration(Task):
    """Learns to turn a degraded patch into the patch as it was imaged."""

    def __init__(
        self, settings: RestoreTraining, degraded: Degraded, normalisation: Normalisation
    ) -> None:
        self.shape: UNetShape = UNetShape(width=settings.width, context=settings.context)
        self._settings, self.degraded, self.normal = settings, degraded, normalisation

    def losses(self, net: Any, step: int, device: torch.device, cast: Any) -> dict[str, Tensor]:
        """The error that is kept small, in units of the image's standard deviation."""
        pairs = [self.degraded.pair(step, n) for n in range(self._settings.batch)]
        given, target = (_tensor(np.stack(parts), self.normal) for parts in zip(*pairs))  # noqa: B905
        given = given.to(device, memory_format=torch.channels_last)
        with cast:
            predicted = net(given)[:, 0].float()
        error = nn.functional.mse_loss if self._settings.loss == "mse" else nn.functional.l1_loss
        return {"error": error(predicted, target.to(device))}

    def preview(self, net: Any) -> dict[str, npt.NDArray[np.float32]]:
        """A held-out part, degraded, and restored."""
        given, target = self.degraded.held_out(*self.degraded.patches.held_out(1)[0])
        size = 256
        given, target = given[:, :size, :size], target[:size, :size]
        restored = applied(net, given, self.shape, self.normal)
        return {"input": given[len(given) // 2], "prediction": restored, "target": target}


def applied(
    net: Any, planes: npt.NDArray[np.float32], shape: UNetShape, normal: Normalisation
) -> Plane:
    """A network applied to planes (1 + 2 context, Y, X) in grey levels, reflected at borders."""
    height, width = planes.shape[-2:]
    pads = []
    for n in (height, width):
        halo = min(shape.halo, n - 1)
        whole = -(-(n + 2 * halo) // shape.multiple) * shape.multiple
        pads.append((halo, whole - n - halo))
    around = np.pad(planes, ((0, 0), *pads), mode="symmetric")
    device = next(net.parameters()).device
    with torch.inference_mode():
        given = _tensor(around[None], normal).to(device, memory_format=torch.channels_last)
        result = net(given)[0, 0].cpu().numpy()
    top, left = pads[0][0], pads[1][0]
    inside = result[top : top + height, left : left + width]
    restored: Plane = (inside * np.float32(normal.std) + np.float32(normal.mean)).astype(np.float32)
    return restored


def _tensor(values: npt.NDArray[np.float32], normal: Normalisation) -> Tensor:
    return torch.from_numpy((values - np.float32(normal.mean)) / np.float32(normal.std))

"""Training of the network that draws 3D shapes, after DISPR. Importing this loads PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...core.noise import seed_for, uniform_numbers
from ..card import DiffusionShape
from ..shapes.objects import Objects
from ..shapes.sampling import amounts, draw, noise_of, target
from .loop import Task
from .patches import turned
from .settings import ShapesTraining

_MASK = np.array([1, 0], np.float32)[:, None, None]


class Shapes(Task):
    """Learns what fills the cube of an object.

    Parameters
    ----------
    settings : ShapesTraining
    objects : Objects
        All of them.
    trained, held : array of int
        Numbers of those to learn from, and of those held out.
    seed : int
    noisy : bool, optional
        Whether there is noise: without it, the network learns to regress a mean shape, as a
        baseline to compare with.
    """

    shape: DiffusionShape

    def __init__(
        self,
        settings: ShapesTraining,
        objects: Objects,
        trained: npt.NDArray[np.intp],
        held: npt.NDArray[np.intp],
        seed: int,
        noisy: bool = True,
    ) -> None:
        self.shape = DiffusionShape(
            width=settings.width,
            side=objects.side,
            voxel=objects.voxel,
            picture=settings.picture,
            image=objects.with_pictures,
            target=settings.target,
        )
        self.objects, self.trained, self.held = objects, trained, held
        self.seed, self._batch, self._noisy = seed, settings.batch, noisy
        self._targets = {int(i): target(objects.cubes[i], settings.target) for i in trained}

    def losses(self, net: Any, step: int, device: torch.device, cast: Any) -> dict[str, Tensor]:
        """The squared error of the shape that is predicted."""
        seen, cubes, u = (np.stack(p) for p in zip(*self._batch_of(step), strict=True))
        x = clean = torch.from_numpy(cubes).to(device)
        share = torch.from_numpy(u)
        if self._noisy:
            generator = torch.Generator().manual_seed(seed_for(self.seed, f"noise {step}"))
            noise = torch.randn(clean.shape, generator=generator).to(device)
            of_shape, of_noise = (
                torch.from_numpy(part.astype(np.float32))[:, None, None, None].to(device)
                for part in amounts(u, self.shape.shift)
            )
            x = of_shape * clean + of_noise * noise
        else:
            x, share = torch.zeros_like(clean), torch.ones_like(share)
        with cast:
            predicted = net(x, share.to(device), torch.from_numpy(seen).to(device))
        return {"error": torch.nn.functional.mse_loss(predicted.float(), clean)}

    def _batch_of(self, step: int) -> list[tuple[Any, Any, np.float32]]:
        parts = []
        for n in range(self._batch):
            number = (step * self._batch + n) % 2**32
            draws = uniform_numbers(4, seed_for(self.seed, "objects"), number)
            i = int(self.trained[int(draws[0] * len(self.trained))])
            turn, upside_down = int(draws[1] * 8), draws[2] < 0.5
            seen = self.objects.seen[i] if self.shape.image else self.objects.seen[i] * _MASK
            cube = self._targets[i][::-1] if upside_down else self._targets[i]
            parts.append((turned(seen, turn), turned(cube, turn), np.float32(draws[3])))
        return parts

    def predicted(self, net: Any, i: int, number: int = 0) -> npt.NDArray[np.float32]:
        """A sample of an object; without noise, what is regressed."""
        seen, name = self.objects.seen[i], self.objects.names[i]
        if self._noisy:
            return draw(net, self.shape, seen, noise_of(self.shape, self.seed, name, number))
        given = torch.from_numpy(seen if self.shape.image else seen * _MASK)[None]
        with torch.inference_mode():
            cube: npt.NDArray[np.float32] = net(
                torch.zeros(1, *self.objects.cubes.shape[1:]), torch.ones(1), given
            )[0].numpy()
        return cube

    def preview(self, net: Any) -> dict[str, npt.NDArray[np.float32]]:
        """A held-out object seen from the side, through its middle, as it is and as it is drawn."""
        i, middle = int(self.held[0]), self.objects.side // 2
        cube = self.predicted(net, i)
        return {
            "input": 2 * self.objects.seen[i].sum(axis=0) - 1,
            "prediction": cube[:, middle],
            "target": self.objects.cubes[i][:, middle].astype(np.float32) * 2 - 1,
        }

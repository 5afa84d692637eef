"""Training of a CycleGAN that dresses masks (after Utz et al. 2023). Importing loads PyTorch.

For masks m and real planes i, with the guard P (see :mod:`..dressing.guard`):

    i^ = P(G(m)),  m' = F(i^)        m^ = F(i),  i' = G(m^)
    L  = (D_I(i^) - 1)^2 + (D_M(m^) - 1)^2 + cycle (H(m', m) + |i' - i|)

with the cross entropy H, and both discriminators learn at the same time, by least squares. The
first steps learn from pictures of our own renderer instead, which have masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...core.contrast.detector_noise import NoiseLaw, noise_law
from ...core.noise import seed_for
from ..card import DressingShape, Normalisation
from ..dressing.drawn import Drawn
from ..dressing.guard import guarded, low_passed
from .images import Plane
from .loop import Task
from .patches import Patches
from .settings import DressTraining

_PREVIEW = 256


class Dressing(Task):
    """Learns to make pictures for masks, and masks of pictures."""

    betas = (0.5, 0.999)

    def __init__(
        self,
        settings: DressTraining,
        patches: Patches,
        normalisation: Normalisation,
        drawn: Drawn,
        seed: int,
    ) -> None:
        self.settings, self.patches, self.drawn = settings, patches, drawn
        self.normal, self._seed = normalisation, seed
        self.law = _law(patches)
        unit = self.law.in_units(normalisation.mean, normalisation.std)
        self.shape: DressingShape = DressingShape(
            width=settings.width,
            blocks=settings.blocks,
            cutoff=settings.cutoff,
            taper=settings.taper,
            noise=tuple(settings.noise**2 * part for part in unit),
            diameter=drawn.diameter,
        )

    def losses(self, net: Any, step: int, device: torch.device, cast: Any) -> dict[str, Tensor]:
        """What generators and discriminators keep small, as one sum, and its parts."""
        numbers = range(step * self.settings.batch, (step + 1) * self.settings.batch)
        noise = self._noise(step).to(device)
        if step < self.settings.warm_start:
            return self._paired(net, numbers, noise, device, cast)
        m = _batch([self.drawn.mask(n) for n in numbers], device)
        i = _batch([self._real(step, n) for n in range(len(numbers))], device)
        with cast:
            picture = net.pictures(m).float()
        shown = guarded(picture, self.shape, noise)
        with cast:
            back = net.odds(shown).float()
            found = net.masks(i).float()
            again = net.pictures(found).float()
            looks = _like_true(_frozen(net.of_pictures)(shown))
            shapes = _like_true(_frozen(net.of_masks)(found))
            told = _told(net.of_pictures, i, shown) + _told(net.of_masks, m, found)
        again = low_passed(again, self.shape.cutoff, self.shape.taper)
        cycle = _wrong(back, m) + nn.functional.l1_loss(again, i)
        generators = looks + shapes + self.settings.cycle * cycle
        return {
            "loss": generators + told,
            "cycle": cycle,
            "looks": looks,
            "shapes": shapes,
            "critics": told,
        }

    def preview(self, net: Any) -> dict[str, npt.NDArray[np.float32]]:
        """A mask, its picture, and a real part to compare it with."""
        side = _PREVIEW // 4 * 4
        specimen = self.drawn.specimen(0, side)
        from ..dressing.masks import seen_by_network

        mask = seen_by_network(np.asarray(specimen.labels).reshape(side, side))
        parts = [self.patches.held_part(*at) for at in self.patches.held_out(8)]
        real = max(parts, key=np.std)[:side, :side]  # of a stack, not its empty planes
        with torch.inference_mode():
            picture = net.pictures(_batch([mask], next(net.parameters()).device))
            noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))
            shown = guarded(picture, self.shape, noise)[0, 0].numpy()
        scale, shift = np.float32(self.normal.std), np.float32(self.normal.mean)
        return {"input": mask * scale + shift, "prediction": shown * scale + shift, "real": real}

    def _paired(
        self, net: Any, numbers: range, noise: Tensor, device: torch.device, cast: Any
    ) -> dict[str, Tensor]:
        pairs = [self.drawn.rendered(n) for n in numbers]
        m, r = (_batch(list(part), device) for part in zip(*pairs, strict=True))
        with cast:
            picture = net.pictures(m).float()
            back = net.odds(r).float()
        shown = low_passed(picture, self.shape.cutoff, self.shape.taper)
        with cast:
            cycled = net.odds(guarded(picture, self.shape, noise)).float()
        looks = nn.functional.l1_loss(shown, r)
        shapes = _wrong(back, m) + _wrong(cycled, m)
        return {"loss": looks + shapes, "looks": looks, "shapes": shapes}

    def _real(self, step: int, n: int) -> npt.NDArray[np.float32]:
        patch = self.patches.cut(self.patches.cutout(step, n))[0]
        unit: Plane = (patch - np.float32(self.normal.mean)) / np.float32(self.normal.std)
        return unit

    def _noise(self, step: int) -> Tensor:
        side = self.settings.patch
        generator = torch.Generator().manual_seed(seed_for(self._seed, f"detector {step}"))
        return torch.randn((self.settings.batch, 1, side, side), generator=generator)


def normalisation_of(levels: tuple[float, float]) -> Normalisation:
    """Usual grey levels from -1 to 1."""
    low, high = levels
    return Normalisation(mean=(low + high) / 2, std=(high - low) / 2)


def _law(patches: Patches) -> NoiseLaw:
    """The noise of the real planes, all together."""
    planes = patches.some()
    width = min(plane.shape[1] for plane in planes)
    return noise_law(np.concatenate([plane[:, :width] for plane in planes]))


def _batch(planes: list[npt.NDArray[np.float32]], device: torch.device) -> Tensor:
    given = torch.from_numpy(np.stack(planes)[:, None]).to(device)
    return given.to(memory_format=torch.channels_last)


def _wrong(odds: Tensor, masks: Tensor) -> Tensor:
    """Cross entropy with masks; means of absolute errors end in masks without any object."""
    return nn.functional.binary_cross_entropy_with_logits(odds, (masks + 1) / 2)


def _frozen(critic: nn.Module) -> Callable[[Tensor], Tensor]:
    """A discriminator that only tells: what is learned of it are the generators."""
    still = {name: p.detach() for name, p in critic.named_parameters()}
    return lambda x: functional_call(critic, still, (x,))


def _like_true(scores: Tensor) -> Tensor:
    return (scores.float() - 1).square().mean()


def _told(critic: nn.Module, true: Tensor, made: Tensor) -> Tensor:
    wrong = critic(made.detach()).float().square().mean()
    return 0.5 * (_like_true(critic(true)) + wrong)

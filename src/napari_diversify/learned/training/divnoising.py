"""Training of the VAE of DivNoising (Prakash et al. 2021). Importing this loads PyTorch.

Per pixel, the loss is the negative evidence lower bound, with its two parts in balance:

    L = -mean log p(x | s) + KL / pixels,    s = decoder(z),    z = mu + eps exp(logvar / 2)

in grey levels, so that the noise model is the detector's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...core.noise import seed_for
from ..card import Normalisation, VaeShape
from .images import Plane
from .loop import Task
from .noise_models import NoiseModel
from .patches import Patches
from .settings import DenoiseTraining

_COLLAPSED = 1e-4  # nats a pixel
_AFTER = 100  # steps
_RAMP = 100  # steps, until the latents cost what they should: at full cost they may never begin
_MOST_LOG_VARIANCE = 20.0  # beyond that the exponential is not finite
_PREVIEW = 256


class DivNoising(Task):
    """Learns the images that noisy ones stand for, from these alone."""

    def __init__(
        self,
        settings: DenoiseTraining,
        patches: Patches,
        normalisation: Normalisation,
        noise: NoiseModel,
        seed: int,
    ) -> None:
        self.shape = VaeShape(width=settings.width, latents=settings.latents)
        self.noise, self._settings, self._patches = noise, settings, patches
        self.normal, self._seed = normalisation, seed

    def losses(self, net: Any, step: int, device: torch.device, cast: Any) -> dict[str, Tensor]:
        """The loss, and its parts: how well noisy images are explained, and what that takes."""
        patches, mean, std = self._patches, self.normal.mean, self.normal.std
        seen = [patches.cut(patches.cutout(step, n)) for n in range(self._settings.batch)]
        x = torch.from_numpy(np.stack(seen)).to(device)
        given = ((x - mean) / std).to(memory_format=torch.channels_last)
        with cast:
            mu, log_variance = net.encode(given)
        mu, log_variance = mu.float(), log_variance.float().clamp(max=_MOST_LOG_VARIANCE)
        generator = torch.Generator().manual_seed(seed_for(self._seed, f"latents {step}"))
        eps = torch.randn(mu.shape, generator=generator).to(device)
        z = mu + eps * torch.exp(log_variance / 2)
        with cast:
            decoded = net.decode(z)
        s = decoded.float() * std + mean
        # in units of the image, so that it does not depend on its grey levels
        reconstruction = -self.noise.log_density(x, s).mean() - float(np.log(std))
        latents = -0.5 * (1 + log_variance - mu**2 - log_variance.exp()).sum() / x.numel()
        weight = min(1.0, (step + 1) / _RAMP)
        return {
            "loss": reconstruction + weight * latents,
            "reconstruction": reconstruction,
            "KL": latents,
        }

    def fault(self, step: int, losses: Mapping[str, float]) -> str:
        """Whether the latents say nothing any more of the image (posterior collapse)."""
        if step >= _AFTER and losses["KL"] < _COLLAPSED:
            return (
                "it ended with a network that shows the same whatever it sees (posterior "
                "collapse). Is there structure beyond the noise in these images?"
            )
        return ""

    def preview(self, net: Any) -> dict[str, npt.NDArray[np.float32]]:
        """A held-out part, and what its mean latents stand for."""
        plane = self._patches.held_part(*self._patches.held_out(1)[0])[:_PREVIEW, :_PREVIEW]
        return {"input": plane, "prediction": sampled(net, plane, self.normal, 0)[0]}


def sampled(
    net: Any, plane: Plane, normal: Normalisation, draws: int, seed: int = 0
) -> npt.NDArray[np.float32]:
    """Samples (draws, Y, X) of a noisy plane, in grey levels; of no draws, that of mean latents."""
    height, width = plane.shape
    pads = [(12, 12 + -n % 4) for n in plane.shape]
    around = np.pad(plane, pads, mode="symmetric")
    device = next(net.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    images = []
    with torch.inference_mode():
        given = torch.from_numpy((around - np.float32(normal.mean)) / np.float32(normal.std))
        given = given[None, None].to(device, memory_format=torch.channels_last)
        mu, log_variance = net.encode(given)
        deviation = torch.exp(log_variance.clamp(max=_MOST_LOG_VARIANCE) / 2)
        for _ in range(max(1, draws)):
            eps = torch.randn(mu.shape, generator=generator).to(device) if draws else 0.0
            image = net.decode(mu + eps * deviation)[0, 0].cpu().numpy()
            images.append(image[12 : 12 + height, 12 : 12 + width])
    samples: npt.NDArray[np.float32] = np.stack(images) * np.float32(normal.std)
    return samples + np.float32(normal.mean)

"""The networks: a residual U-Net, the VAE of DivNoising, a CycleGAN. Importing loads PyTorch.

That of shapes is in :mod:`.diffusion_network`.

No layer looks at more than its surroundings (no normalisation by instance or batch, no global
attention): only then is a tile of a result equal to that part of the whole.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .card import DiffusionShape, DressingShape, Shape, UNetShape, VaeShape
from .diffusion_network import DiffusionNet


class UNet(nn.Module):
    """A residual U-Net: adds what it predicts to the plane in the middle.

    Shapes: (N, 1 + 2 context, Y, X) to (N, 1, Y, X), sides multiples of 2**levels. Upsampling
    repeats pixels and then convolves: transposed convolutions leave a checkerboard, which
    iterations amplify.
    """

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.context = shape.context
        widths = [shape.width * 2**level for level in range(shape.levels + 1)]
        planes = 1 + 2 * shape.context
        self.down = nn.ModuleList(
            _pair(before, width)
            for before, width in zip([planes, *widths[:-1]], widths, strict=True)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(2 * width, width, 3, padding=1) for width in widths[:-1]
        )
        self.up = nn.ModuleList(_pair(2 * width, width) for width in widths[:-1])
        self.out = nn.Conv2d(widths[0], 1, 1)
        nn.init.zeros_(self.out.weight)  # an untrained network changes nothing
        nn.init.zeros_(self.out.bias)

    def forward(self, planes: Tensor) -> Tensor:
        """Predict the plane in the middle."""
        x, kept = planes, []
        for level, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        kept.pop()
        for level in reversed(range(len(kept))):
            x = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = torch.relu(self.narrow[level](x))
            x = self.up[level](torch.cat([x, kept[level]], 1))
        return planes[:, self.context, None] + self.out(x)


class Vae(nn.Module):
    """The VAE of DivNoising (Prakash et al. 2021): no skip connections, latents at a quarter.

    With the usual width (32) and latents (64) it has 261,281 parameters.
    """

    def __init__(self, shape: VaeShape) -> None:
        super().__init__()
        w, z = shape.width, shape.latents
        self.encoder = nn.Sequential(_pair(1, w), nn.MaxPool2d(2), _pair(w, 2 * w), nn.MaxPool2d(2))
        self.mean = nn.Conv2d(2 * w, z, 3, padding=1)
        self.log_variance = nn.Conv2d(2 * w, z, 3, padding=1)
        self.decoder = nn.Sequential(
            _pair(z, 2 * w),
            nn.ConvTranspose2d(2 * w, 2 * w, 2, stride=2),
            nn.ReLU(),
            _pair(2 * w, w),
            nn.ConvTranspose2d(w, w, 2, stride=2),
            nn.ReLU(),
            nn.Conv2d(w, 1, 3, padding=1),
        )

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latents: (N, latents, Y / 4, X / 4)."""
        x = self.encoder(image)
        return self.mean(x), self.log_variance(x)

    def decode(self, latents: Tensor) -> Tensor:
        """The image, (N, 1, Y, X), that latents stand for."""
        image: Tensor = self.decoder(latents)
        return image


class Dressing(nn.Module):
    """The four networks of a CycleGAN: mask to picture, picture to mask, and their critics."""

    def __init__(self, shape: DressingShape) -> None:
        super().__init__()
        self.picture = _generator(shape.width, shape.blocks)
        self.mask = _generator(shape.width, shape.blocks)
        self.of_pictures = _discriminator(shape.width)
        self.of_masks = _discriminator(shape.width)

    def pictures(self, masks: Tensor) -> Tensor:
        """Pictures, (N, 1, Y, X), for masks of -1 and 1; sides are multiples of 4."""
        pictures: Tensor = self.picture(masks)
        return pictures

    def odds(self, pictures: Tensor) -> Tensor:
        """Logarithm of the odds that pixels of pictures lie inside objects, (N, 1, Y, X)."""
        odds: Tensor = self.mask(pictures)
        return odds

    def masks(self, pictures: Tensor) -> Tensor:
        """The same as masks between -1 and 1."""
        return torch.tanh(self.odds(pictures) / 2)


class _Block(nn.Module):
    """A residual block; at first it changes nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Add to what is given."""
        return x + self.second(torch.relu(self.first(torch.relu(x))))


def _generator(w: int, blocks: int) -> nn.Sequential:
    def step(before: int, after: int, **how: int) -> nn.Conv2d:
        made = nn.Conv2d(before, after, 3, padding=1, **how)
        nn.init.kaiming_normal_(made.weight)
        return made

    return nn.Sequential(
        nn.Conv2d(1, w, 7, padding=3),
        nn.ReLU(),
        step(w, 2 * w, stride=2),
        nn.ReLU(),
        step(2 * w, 4 * w, stride=2),
        nn.ReLU(),
        *(_Block(4 * w) for _ in range(blocks)),
        nn.Upsample(scale_factor=2),
        step(4 * w, 2 * w),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        step(2 * w, w),
        nn.ReLU(),
        nn.Conv2d(w, 1, 7, padding=3),
    )


def _discriminator(w: int) -> nn.Sequential:
    """Scores of overlapping patches."""
    return nn.Sequential(
        nn.Conv2d(1, 2 * w, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * w, 4 * w, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4 * w, 8 * w, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8 * w, 1, 3, padding=1),
    )


def network(shape: Shape) -> nn.Module:
    """A network of this shape with fresh weights, from torch's generator."""
    made: nn.Module
    if isinstance(shape, DiffusionShape):
        made = DiffusionNet(shape)
    elif isinstance(shape, DressingShape):
        made = Dressing(shape)
    else:
        made = UNet(shape) if isinstance(shape, UNetShape) else Vae(shape)
    return made.to(memory_format=torch.channels_last)


def _pair(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1),
        nn.ReLU(),
    )

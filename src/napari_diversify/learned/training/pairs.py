"""What a network gets to see, and what it should make of it; in grey levels, without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from ...core import degrade_contrast
from ...core.contrast.contrast import Tissue
from ...core.contrast.detector_noise import photon_transfer
from ...core.noise import normal_field, seed_for
from ...synthetic.plan import Plan
from ..dressing.drawn import Drawn
from ..shapes.objects import Objects
from .images import Image, Plane, opened
from .patches import Patches, patches_of, turned
from .plan import Job
from .settings import DressTraining, RestoreTraining, ShapesTraining
from .shape_objects import objects_of

#: Number of a step and of a patch in it, to an image and what it should become.
Look: TypeAlias = Callable[[int, int], tuple[Plane, Plane]]

_REACH = 3.0  # standard deviations of the halo that a patch's surroundings are cut out with


def examples(job: Job, n: int, folder: Path) -> list[tuple[Plane, ...]]:
    """As :func:`.job.pairs`."""
    if isinstance(job.settings, ShapesTraining):
        objects = objects_of(job, folder)
        spread = np.linspace(0, len(objects) - 1, min(n, len(objects))).astype(int)
        return [_views(objects, k) for k in spread]
    with opened(job.images, folder) as images:
        patches = patches_of(job, images)
        if isinstance(job.settings, DressTraining):
            return _unpaired(job, images, patches, n)
        look = pairs_of(job, patches)
        size = job.settings.batch
        return [look(k // size, k % size) for k in range(n)]


def _views(objects: Objects, k: int) -> tuple[Plane, ...]:
    """Mask and picture of an object, and its cube seen from the side, through the middle."""
    mask, picture = objects.seen[k]
    side = objects.cubes[k][::-1, objects.side // 2].astype(np.float32)
    light = (1 + picture) * mask
    light /= max(float(light.max()), 1e-6)
    return (mask, light, side) if objects.with_pictures else (mask, side)


def _unpaired(
    job: Job, images: Sequence[Image], patches: Patches, n: int
) -> list[tuple[Plane, ...]]:
    """A synthetic mask, its picture by our own renderer, and a real patch, from -1 to 1."""
    drawn, (low, high) = drawn_for(job, images), patches.normalisation()[1]
    found: list[tuple[Plane, ...]] = []
    for k in range(n):
        patch = patches.cut(patches.cutout(k // patches.batch, k % patches.batch))[0]
        found.append((*drawn.rendered(k), (2 * patch - np.float32(low + high)) / (high - low)))
    return found


def pairs_of(job: Job, patches: Patches) -> Look:
    """The pairs of a training, for those who look at them."""
    if isinstance(job.settings, RestoreTraining):
        degraded = Degraded(job.settings, patches, job.seed)

        def restored(step: int, n: int) -> tuple[Plane, Plane]:
            given, target = degraded.pair(step, n)
            return given[len(given) // 2], target

        return restored

    def noisy(step: int, n: int) -> tuple[Plane, Plane]:
        patch = patches.cut(patches.cutout(step, n))[0]
        a, b = photon_transfer(patch)
        calm = scipy.ndimage.gaussian_filter(patch, 2)
        noise = normal_field(patch.shape, job.seed, sample=step * patches.batch + n)
        return patch, calm + noise * np.sqrt(np.maximum(a + b * calm, 0)).astype(np.float32)

    return noisy


def drawn_for(job: Job, images: Sequence[Image]) -> Drawn:
    """The masks of a dressing, with the pixels of the real planes."""
    sizes = {image.name: image.spacing for image in images}
    for name, spacing in sizes.items():
        if spacing is None:
            raise ValueError(
                f"{name} does not say how large its pixels are, which nuclei in micrometres need. "
                "Give the voxel size (--voxel-size)"
            )
    first = next(iter(sizes.values()))
    assert first is not None
    for name, spacing in sizes.items():
        assert spacing is not None
        if any(abs(a / b - 1) > 0.05 for a, b in zip(first[-2:], spacing[-2:], strict=True)):
            raise ValueError(
                f"the pixels of {name} have {spacing[-1]:.3g} µm, those of {images[0].name} "
                f"{first[-1]:.3g} µm: a dressing has one pixel size. Resample them, or train two"
            )
    plan = Plan() if job.specimen is None else Plan.from_record(job.specimen)
    drawn, patch = Drawn(plan, first, job.settings.patch, job.seed), job.settings.patch
    if not 4 <= drawn.diameter <= patch / 2:
        raise ValueError(
            f"nuclei of {plan.model.diameter:.3g} µm have a diameter of {drawn.diameter:.3g} "
            f"pixels in {images[0].name}; a dressing can learn those of 4 to {patch // 2} in "
            f"patches of {patch}. Check the diameter and the voxel size, give larger patches "
            "(--patch), or resample the images"
        )
    if not drawn.covered:
        raise ValueError(
            "the masks hold no nuclei: their density is too low. Give labels of an image like "
            "these (--like), or a count of its nuclei (--count)"
        )
    return drawn


class Degraded:
    """Pairs to learn restoration from: a patch as tissue would show it, and as it is.

    Each gets a depth, a tissue and noise of its own.
    """

    def __init__(self, settings: RestoreTraining, patches: Patches, seed: int) -> None:
        self.settings, self.patches = settings, patches
        self._noise = seed_for(seed, "noise")
        for image in patches.images:
            if image.spacing is None:
                raise ValueError(
                    f"{image.name} does not say how large its pixels are, which a depth in "
                    "micrometres needs. Give the voxel size (--voxel-size)"
                )

    def tissue(self, u: npt.ArrayLike = (0.5, 0.5, 0.5)) -> Tissue:
        """Tissue that differs by three uniform numbers from the one that is set."""
        s = self.settings
        factors = (1 + s.variation) ** (2 * np.asarray(u) - 1)
        return Tissue(
            scattering_length=s.scattering_length * float(factors[0]),
            blur=s.blur * float(factors[1]),
            halo=s.halo * float(factors[2]),
            collected=s.collected,
            absorption=s.absorption,
            pedestal=s.pedestal,
            offset=s.offset,
        )

    def pair(self, step: int, n: int) -> tuple[npt.NDArray[np.float32], Plane]:
        """Pair n of a step: (1 + 2 context, patch, patch) and (patch, patch)."""
        s, patches = self.settings, self.patches
        at = patches.cutout(step, n)
        image, rows = patches.images[at.image], patches.held[at.image].rows
        depth = s.depth * (s.shallowest + at.draws[0] * (s.deepest - s.shallowest))
        tissue = self.tissue(at.draws[1:4])
        sizes = self._sizes(at.image)
        reach = _REACH * tissue.widths(depth)[1]
        margin = [min(math.ceil(reach / size), s.patch) for size in sizes[-2:]]
        top, left = max(at.y - margin[0], rows.start), max(at.x - margin[1], 0)
        bottom = min(at.y + s.patch + margin[0], rows.stop)
        right = min(at.x + s.patch + margin[1], image.side[1])
        around = np.stack(
            [
                patches.plane(at.image, k)[top:bottom, left:right]
                for k in image.beside(at.plane, s.context)
            ]
        )
        number = (step * patches.batch + n) % 2**32
        seen = degrade_contrast(
            around,
            spacing=sizes,
            extra_depth=depth,
            tissue=tissue,
            seed=self._noise,
            sample=number,
        )
        y, x = at.y - top, at.x - left
        inside = (slice(None), slice(y, y + s.patch), slice(x, x + s.patch))
        return turned(seen[inside], at.turn), turned(around[s.context][inside[1:]], at.turn)

    def held_out(self, image: int, plane: int) -> tuple[npt.NDArray[np.float32], Plane]:
        """A held-out part degraded by the depth and the tissue that are set, and as it is."""
        patches, context = self.patches, self.settings.context
        around = np.stack(
            [patches.held_part(image, k) for k in patches.images[image].beside(plane, context)]
        )
        seen = degrade_contrast(
            around,
            spacing=self._sizes(image),
            extra_depth=self.settings.depth,
            tissue=self.tissue(),
            seed=seed_for(self._noise, "held out"),
            sample=plane % 2**32,
        )
        return seen, around[context]

    def _sizes(self, image: int) -> tuple[float, ...]:
        """Voxel size of a few planes; none of them is mixed into another."""
        sizes = self.patches.images[image].spacing
        assert sizes is not None
        return (1.0, *sizes)

"""What a network gets to see, and what it should make of it; in grey levels, without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from ...core import degrade_contrast
from ...core.contrast.contrast import Tissue
from ...core.contrast.detector_noise import photon_transfer
from ...core.noise import normal_field, seed_for
from .images import Plane, opened
from .patches import Patches, patches_of, turned
from .plan import Job
from .settings import RestoreTraining, ShapesTraining
from .shape_objects import objects_of

#: Number of a step and of a patch in it, to an image and what it should become.
Look: TypeAlias = Callable[[int, int], tuple[Plane, Plane]]

_REACH = 3.0  # standard deviations of the halo that a patch's surroundings are cut out with


def examples(job: Job, n: int, folder: Path) -> list[tuple[Plane, Plane]]:
    """As :func:`.job.pairs`."""
    if isinstance(job.settings, ShapesTraining):
        objects = objects_of(job, folder)
        middle = objects.side // 2
        return [
            (seen.sum(axis=0), cube[:, middle].astype(np.float32))
            for seen, cube in zip(objects.seen[:n], objects.cubes, strict=False)
        ]
    with opened(job.images, folder) as images:
        look = pairs_of(job, patches_of(job, images))
        size = job.settings.batch
        return [look(k // size, k % size) for k in range(n)]


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

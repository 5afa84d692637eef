"""From a job to all that its training needs. Importing this loads PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...synthetic.plan import Plan
from ..card import Normalisation
from ..dressing.drawn import Drawn
from . import noise_fits
from .divnoising import DivNoising
from .dressing import Dressing, normalisation_of
from .images import Image, opened
from .noise_models import NoiseModel
from .pairs import Degraded
from .patches import Patches, patches_of
from .plan import Job
from .restoration import Restoration
from .settings import DressTraining, RestoreTraining


@dataclass(frozen=True, eq=False)
class SetUp:
    """A training, ready to begin.

    Attributes
    ----------
    job : Job
    patches : Patches
    normalisation : Normalisation
    levels : (float, float)
        The usual grey levels of what is trained on.
    task : Restoration, DivNoising or Dressing
    """

    job: Job
    patches: Patches
    normalisation: Normalisation
    levels: tuple[float, float]
    task: Restoration | DivNoising | Dressing


def set_up(job: Job, images: Sequence[Image], folder: Path) -> SetUp:
    """All that a training needs, read from the images.

    Raises
    ------
    OSError, ValueError
        If something in it cannot be used; the message says why, and what to do.
    """
    patches = patches_of(job, images)
    if job.clean:
        with opened(job.clean, folder) as clean:
            noise_fits.check_like(images, clean, "clean image")
    normalisation, levels = patches.normalisation()
    settings = job.settings
    task: Restoration | DivNoising | Dressing
    if isinstance(settings, RestoreTraining):
        degraded = Degraded(settings, patches, job.seed)
        task = Restoration(settings, degraded, normalisation)
    elif isinstance(settings, DressTraining):
        normalisation = normalisation_of(levels)
        task = Dressing(settings, patches, normalisation, drawn_for(job, images), job.seed)
    else:
        noise = _noise_model(job, patches, folder)
        task = DivNoising(settings, patches, normalisation, noise, job.seed)
    return SetUp(job, patches, normalisation, levels, task)


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


def _noise_model(job: Job, patches: Patches, folder: Path) -> NoiseModel:
    assert job.settings.kind == "denoise"
    kind = job.settings.noise
    if job.frames is not None:
        with opened([job.frames], folder) as (frames,):
            pairs = noise_fits.from_frames(frames)
            return noise_fits.fitted(pairs, kind, job.seed % 2**32, frames=frames.planes)
    if job.denoised:
        with opened(job.denoised, folder) as copies:
            pairs = noise_fits.from_copies(patches.images, copies)
            return noise_fits.fitted(pairs, kind, job.seed % 2**32)
    return noise_fits.from_image(patches.some(), kind)

"""From a job to all that its training needs. Importing this loads PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..card import Normalisation
from . import noise_fits
from .divnoising import DivNoising
from .dressing import Dressing, normalisation_of
from .images import Image, opened
from .noise_models import NoiseModel
from .pairs import Degraded, drawn_for
from .patches import Patches, patches_of
from .plan import Job
from .restoration import Restoration
from .settings import DressTraining, RestoreTraining, ShapesTraining
from .shape_objects import divided, objects_of
from .shapes import Shapes


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


@dataclass(frozen=True, eq=False)
class ShapesSetUp:
    """A training of shapes, ready to begin.

    Attributes
    ----------
    job : Job
    task : Shapes
    """

    job: Job
    task: Shapes

    #: Pictures have been mapped by the grey levels of their own image.
    normalisation = Normalisation(mean=0.0, std=1.0)
    levels = (-1.0, 1.0)


@contextmanager
def ready(job: Job, folder: Path) -> Iterator[SetUp | ShapesSetUp]:
    """All that a training needs; files are open while the block lasts.

    Raises
    ------
    OSError, TypeError, ValueError
        If something in it cannot be used; the message says why, and what to do.
    """
    if isinstance(job.settings, ShapesTraining):
        objects = objects_of(job, folder)
        yield ShapesSetUp(
            job, Shapes(job.settings, objects, *divided(len(objects), job.seed), job.seed)
        )
        return
    with opened(job.images, folder) as images:
        yield set_up(job, images, folder)


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
    assert not isinstance(settings, ShapesTraining)
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

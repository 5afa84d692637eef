"""What a training writes on the card of its model. Importing this loads PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ... import __version__
from ..card import Trained
from .divnoising import DivNoising
from .dressing import Dressing
from .loop import Loop
from .plan import names
from .setting_up import SetUp, ShapesSetUp
from .shapes import Shapes


def card_values(ready: SetUp | ShapesSetUp, loop: Loop) -> dict[str, Any]:
    """All of a card but its figures and its hash."""
    job, task = ready.job, ready.task
    spacing = None if isinstance(ready, ShapesSetUp) else ready.patches.pixel
    noise: dict[str, Any] | None = None
    if isinstance(task, DivNoising):
        noise = task.noise.model_dump(mode="json")
    if isinstance(task, Dressing):
        noise = task.law._asdict()
    objects: tuple[str, ...] = ()
    if isinstance(task, Shapes):
        objects = task.objects.take(task.trained).digests()
    return {
        "task": job.settings.kind,
        "shape": task.shape,
        "normalisation": ready.normalisation,
        "trained": Trained(
            images=names(job.images or job.labels),
            spacing=None if job.images and job.images[0].in_voxels else spacing,
            levels=ready.levels,
            extremes=None if isinstance(ready, ShapesSetUp) else ready.patches.extremes(),
            settings=job.settings.model_dump(mode="json"),
            steps=loop.step,
            seed=job.seed,
            versions={
                "napari-diversify": __version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "device": _device(loop.device),
                "precision": loop.precision,
                "threads": str(job.settings.threads),
            },
            noise=noise,
            specimen=task.drawn.plan.record() if isinstance(task, Dressing) else None,
            objects=objects,
        ),
    }


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.backends.cpu.get_cpu_capability()})"
    return str(device.type)

"""What can be learned: names, settings, and what is to be said of each task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...learned.training.settings import (
    DenoiseTraining,
    DressTraining,
    RestoreTraining,
    ShapesTraining,
)


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes
    ----------
    name : str
        In lists.
    settings : type
        Of its training.
    captions : tuple of str
        What is seen before a training is begun.
    made : str
        What a model is called by, after the name of its image.
    about : str
    needs_lengths : str
        Why pixels must have a size; empty if they need none.
    """

    name: str
    settings: type[Any]
    captions: tuple[str, ...]
    made: str
    about: str
    needs_lengths: str = ""


TASKS: dict[str, Task] = {
    "restore": Task(
        "restore contrast",
        RestoreTraining,
        ("degraded further", "the image"),
        "restored",
        "Learns to undo what tissue does to contrast, from the image itself: patches are degraded "
        "once more, and the network learns to turn them back (after DeepContrast). The tissue "
        "should be that of the image: Calibrate in the dock Diversify measures it.",
        "depth is in micrometres",
    ),
    "denoise": Task(
        "denoise",
        DenoiseTraining,
        ("patch", "noise as measured"),
        "denoised",
        "Learns from noisy images alone what may lie behind the noise (after DivNoising). It needs "
        "to know the noise: on the right, a blurred patch with noise as it was measured should "
        "look as noisy as the patch itself.",
    ),
    "dress": Task(
        "dress masks",
        DressTraining,
        ("mask", "start", "the image"),
        "dressed",
        "Learns to make pictures for synthetic masks that look like your images; no image needs a "
        "mask (CycleGAN, after Utz et al. 2023). Masks should be as dense, and nuclei as large, "
        "as those of the images, or some will be hidden or invented: compare them before you "
        "train.",
        "nuclei are in micrometres",
    ),
    "shapes": Task(
        "draw 3D shapes",
        ShapesTraining,
        ("mask", "picture", "from the side"),
        "shapes",
        "Learns from objects that are labelled in 3D which shapes a 2D picture may be of (after "
        "DISPR). Objects that the border cuts are left out.",
        "shapes are learned in micrometres",
    ),
}

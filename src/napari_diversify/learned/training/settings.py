"""What can be set of a training: forms and the options of the command are derived from it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ...core.contrast.contrast import Tissue
from ...model import Model
from ...recipe.steps.tissue import Absorption, Blur, Collected, Halo, Pedestal, ScatteringLength

Steps: TypeAlias = Annotated[
    int,
    Field(
        ge=1,
        le=1_000_000,
        title="steps",
        description="How often the network is improved, each time by one batch of patches.",
        json_schema_extra={"slider": [100, 10000]},
    ),
]
Batch: TypeAlias = Annotated[
    int, Field(ge=1, le=256, title="batch", description="Patches that a step looks at.")
]
Patch: TypeAlias = Annotated[
    int,
    Field(
        ge=32,
        le=512,
        multiple_of=8,
        title="patch",
        description="Side of a patch.",
        json_schema_extra={"unit": "px", "step": 8},
    ),
]
LearningRate: TypeAlias = Annotated[
    float,
    Field(
        gt=0,
        le=0.1,
        title="learning rate",
        description="How far a step of Adam goes. It is held for 60 % of the steps, and falls to "
        "0 by their end.",
        json_schema_extra={"slider": [0.0001, 0.01]},
    ),
]
Width: TypeAlias = Annotated[
    int,
    Field(
        ge=1,
        le=256,
        title="width",
        description="Channels of the network's first level. Twice as many take three to four "
        "times as long.",
    ),
]
Device: TypeAlias = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Field(
        title="device",
        description="What computes: “auto” takes a graphics card if PyTorch finds one.",
    ),
]
Precision: TypeAlias = Annotated[
    Literal["auto", "float32", "bfloat16"],
    Field(
        title="precision",
        description="Of the sums while training: “auto” takes bfloat16 where the processor "
        "computes with it, which is about twice as fast. Results are always computed in float32.",
    ),
]
Threads: TypeAlias = Annotated[
    int, Field(ge=1, le=64, title="threads", description="Processor cores that may be used.")
]


class Training(Model):
    """What all trainings have in common."""

    steps: Steps = 1000
    batch: Batch = 8
    patch: Patch = 96
    learning_rate: LearningRate = 1e-3
    width: Width = 16
    threads: Threads = 1
    precision: Precision = "auto"
    device: Device = "auto"


class RestoreTraining(Training):
    """Training of a network that undoes what tissue does to an image, after DeepContrast.

    Patches of the image are degraded further, by the model of
    :func:`~napari_diversify.core.degrade_contrast` with noise as strong as the image's own; the
    network learns to turn these into the image as it is.
    """

    kind: Literal["restore"] = "restore"
    steps: Steps = 500
    depth: float = Field(
        40.0,
        gt=0,
        le=5000,
        title="depth",
        description="Depth of tissue that one iteration of the model is to undo.",
        json_schema_extra={"unit": "µm", "slider": [1.0, 200.0]},
    )
    shallowest: float = Field(
        0.6,
        gt=0,
        le=1,
        title="shallowest",
        description="Each patch gets a depth of its own: from this share of the depth,",
    )
    deepest: float = Field(
        1.2, ge=1, le=4, title="deepest", description="to this share of the depth."
    )
    scattering_length: ScatteringLength = Tissue.scattering_length
    blur: Blur = Tissue.blur
    halo: Halo = Tissue.halo
    collected: Collected = Tissue.collected
    absorption: Absorption = Tissue.absorption
    pedestal: Pedestal = Tissue.pedestal
    offset: float = Field(
        0.0,
        ge=-1e9,
        le=1e9,
        title="offset",
        description="Grey level of no light at all.",
        json_schema_extra={"unit": "grey levels", "slider": [0.0, 1000.0]},
    )
    variation: float = Field(
        0.1,
        ge=0,
        le=1,
        title="variation",
        description="By how much scattering length, blur and halo differ from patch to patch, as "
        "tissue is never known exactly. 0 keeps them.",
    )
    context: Literal[0, 1] = Field(
        0,
        title="context",
        description="Neighbouring planes on each side that the network sees as well: 0 for 2D, "
        "1 for 2.5D.",
        json_schema_extra={"unit": "planes"},
    )
    loss: Literal["mse", "l1"] = Field(
        "mse",
        title="loss",
        description="What the network keeps small: squared errors (mse), or their sizes (l1).",
    )


class DenoiseTraining(Training):
    """Training of DivNoising's network, which learns images from noisy ones alone."""

    kind: Literal["denoise"] = "denoise"
    steps: Steps = 3000
    learning_rate: LearningRate = 2e-3
    width: Width = 32
    latents: int = Field(
        64, ge=1, le=512, title="latents", description="Numbers that stand for 4 x 4 pixels."
    )
    noise: Literal["photon transfer", "gaussian", "mixture", "histogram"] = Field(
        "photon transfer",
        title="noise model",
        description="How noise depends on the light. “photon transfer” measures a + b I in the "
        "image itself, “gaussian” one standard deviation; “mixture” and “histogram” are fitted to "
        "calibration frames or to a denoised copy.",
    )


class DressTraining(Training):
    """Training of a CycleGAN that makes pictures for synthetic masks, after Utz et al. 2023.

    It starts with pictures of our own renderer, and goes on with real planes that belong to no
    mask. The guard (low-pass and noise) is ours.
    """

    kind: Literal["dress"] = "dress"
    steps: Steps = 1500
    batch: Batch = 4
    patch: Patch = 64
    learning_rate: LearningRate = 5e-4
    blocks: int = Field(
        3, ge=1, le=12, title="blocks", description="Residual blocks of each generator."
    )
    warm_start: int = Field(
        100,
        ge=0,
        le=100_000,
        title="warm start",
        description="Steps at first in which pictures of our own renderer are learned, with their "
        "masks. Without them bright and dark may be swapped.",
        json_schema_extra={"unit": "steps", "slider": [0, 500]},
    )
    cycle: float = Field(
        10.0,
        ge=0,
        le=1000,
        title="cycle",
        description="Weight of the cycle (a mask must come back from its picture) beside that of "
        "the looks.",
    )
    cutoff: float = Field(
        0.35,
        gt=0,
        le=2,
        title="cutoff",
        description="Pictures have no frequencies from here on, in units of the Nyquist "
        "frequency; 2 keeps all.",
        json_schema_extra={"unit": "Nyquist", "slider": [0.1, 1.42]},
    )
    taper: float = Field(
        0.5,
        ge=0,
        le=1,
        title="taper",
        description="Share of the band below the cutoff that falls off smoothly; 0 rings beside "
        "edges.",
        json_schema_extra={"unit": "of cutoff"},
    )
    noise: float = Field(
        1.0,
        ge=0,
        le=10,
        title="noise",
        description="Noise that pictures get after that, beside the noise of the real images. "
        "Below 1 a hidden signal may pass; 0 adds none.",
        json_schema_extra={"unit": "of the images’", "slider": [0.0, 2.0]},
    )


class ShapesTraining(Training):
    """Training of a network that draws 3D shapes from 2D pictures, after DISPR.

    It learns from objects in 3D labels, each with its picture and its mask, or from synthetic
    cells; objects are turned and flipped.
    """

    kind: Literal["shapes"] = "shapes"
    width: int = Field(
        48,
        ge=8,
        le=256,
        multiple_of=8,
        title="width",
        description="Channels of the network's first level.",
    )
    patch: int = Field(
        32,
        ge=16,
        le=64,
        multiple_of=8,
        title="cube",
        description="Voxels along an edge of the cubes that objects are scaled to. Twice as many "
        "take four times as long.",
        json_schema_extra={"unit": "voxels", "step": 8},
    )
    picture: Literal["section", "projection"] = Field(
        "section",
        title="picture",
        description="What the 2D picture of an object is: its largest section, as a confocal "
        "microscope shows it in focus, or its projection along z, as a widefield one does.",
    )
    target: Literal["mask", "distance"] = Field(
        "mask",
        title="target",
        description="What is predicted: which voxels belong to the object, or their distance "
        "from its surface. Distances give samples that differ more.",
    )
    cells: int = Field(
        0,
        ge=0,
        le=100_000,
        title="synthetic cells",
        description="How many synthetic cells of six classes to learn from, beside labels or "
        "instead of them.",
    )
    cell_diameter: float = Field(
        8.0,
        gt=0,
        le=1000,
        title="cell diameter",
        description="Diameter of the largest synthetic cells, where there are no labels.",
        json_schema_extra={"unit": "µm", "slider": [2.0, 50.0]},
    )


#: What can be trained.
Settings: TypeAlias = Annotated[
    RestoreTraining | DenoiseTraining | DressTraining | ShapesTraining, Field(discriminator="kind")
]

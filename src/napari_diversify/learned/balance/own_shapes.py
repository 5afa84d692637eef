"""Shapes for the experiment: of networks trained within it, or of a model from before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.noise import seed_for
from ..folder import find, load
from ..shapes.features import features
from ..shapes.given import shape_of
from ..shapes.objects import Objects
from ..shapes.sampling import draw, noise_of
from ..training.settings import ShapesTraining
from .experiment import Learn
from .methods import Table


def features_of(objects: Objects) -> Table:
    """The features of the true shapes, (objects, features)."""
    return np.stack([features(cube, objects.voxel) for cube in objects.cubes])


def learner(
    settings: ShapesTraining,
    objects: Objects,
    samples: int,
    seed: int,
    tell: Callable[[int], object] = lambda steps: None,
) -> Learn:
    """What trains a network on some of the objects, and draws samples of another with it.

    ``tell`` is called with 1 after each step of a training.
    """

    def learn(chosen: npt.NDArray[np.intp]) -> Callable[[int], Table]:
        from ..training.loop import Loop
        from ..training.shapes import Shapes

        own = seed_for(seed, f"network {' '.join(map(str, chosen))}")
        task = Shapes(settings, objects, chosen, chosen[:1], own)
        loop = Loop(task, settings, own)
        for _ in loop.run():
            tell(1)
        return _drawing(loop.trained(), task.shape, objects, samples, own)

    return learn


def from_model(model: str, objects: Objects, samples: int, seed: int) -> Learn:
    """What draws samples with a model that has seen none of the objects."""
    card = find(model)[1]
    shape = shape_of(card, model)
    seen = set(card.trained.objects) & set(objects.digests())
    if seen:
        raise ValueError(
            f"the model {model} has learned from {len(seen)} of these objects: they must be left "
            "out, or what it draws for them says nothing"
        )
    drawn = _drawing(load(model), shape, objects, samples, seed)
    return lambda chosen: drawn


def unseen(model: str, objects: Objects) -> npt.NDArray[np.intp]:
    """Numbers of the objects that a model has not learned from."""
    seen = set(find(model)[1].trained.objects)
    return np.flatnonzero([digest not in seen for digest in objects.digests()])


def _drawing(
    net: Any, shape: Any, objects: Objects, samples: int, seed: int
) -> Callable[[int], Table]:
    def drawn(i: int) -> Table:
        noises = (noise_of(shape, seed, objects.names[i], n) for n in range(samples))
        cubes = (draw(net, shape, objects.seen[i], noise) > 0 for noise in noises)
        return np.stack([features(cube, objects.voxel) for cube in cubes])

    return drawn

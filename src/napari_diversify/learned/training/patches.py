"""What a training sees: patches of images, each a function of the seed and of its number.

Patch n of step s is cut from a plane and a place that follow from (seed, s, n) alone: no
generator has a state, so a training that was interrupted goes on with the very patches that it
would have seen. Some planes, or the last rows where there are few planes, are held out: they are
never trained on, and the figures of a model are measured on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...core.noise import seed_for, uniform_numbers
from ..card import Normalisation
from .images import Image, Plane, check_usable
from .plan import Job

#: Bytes of planes that are kept in memory; of larger images, a few planes are in use at a time.
KEPT = 1 << 29
#: Steps after which one of these planes gives way to another.
_EXCHANGE = 20
_EVERY = 8  # one of so many planes is held out
_FEW = 8  # of fewer planes, rows are held out instead
_SHARE = 5  # one of so many rows
_LOOKED_AT = 32  # planes that grey levels are measured in
_MIDDLE = 1024  # and how many rows and columns of them
_PIXELS = 1 << 22
_ALIKE = 0.05  # by how much sizes of pixels may differ that count as equal
_DRAWS = 16  # numbers that a patch is drawn by; more may be taken, never fewer


@dataclass(frozen=True)
class Held:
    """What of an image is held out, and what is trained on.

    Attributes
    ----------
    trained, held : tuple of int
        Numbers of planes.
    rows, held_rows : range
        Of each of them.
    """

    trained: tuple[int, ...]
    rows: range
    held: tuple[int, ...]
    held_rows: range


def held_of(image: Image, patch: int, context: int) -> Held:
    """Divide an image.

    Raises
    ------
    ValueError
        If it is too small for patches of this size.
    """
    height, width = image.side
    if image.planes >= _FEW:
        held = tuple(range(_EVERY // 2, image.planes, _EVERY))
        seen = {near for n in held for near in image.beside(n, context)}
        # a plane whose neighbours are looked at must not have one of those held out either
        trained = tuple(n for n in range(image.planes) if n not in seen)
        rows = held_rows = range(height)
    else:
        trained = held = tuple(range(image.planes))
        least = max(32, height // _SHARE)
        rows, held_rows = range(height - least), range(height - least, height)
    if min(len(rows), width) < patch:
        most = (min(len(rows), width) // 8) * 8
        what = f"give patches of at most {most}" if most >= 32 else "larger images are needed"
        raise ValueError(
            f"{image.name} has planes of {width} x {height} pixels, too small for patches of "
            f"{patch} (a part is held out for figures): {what}"
        )
    return Held(trained, rows, held, held_rows)


@dataclass(frozen=True, eq=False)
class Cutout:
    """Where a patch lies: the top left corner in a plane of an image, and how it is turned."""

    image: int
    plane: int
    y: int
    x: int
    turn: int
    draws: npt.NDArray[np.float64]  # uniform numbers that are left for whoever needs some


class Patches:
    """The patches of some images."""

    def __init__(
        self, images: Sequence[Image], patch: int, batch: int, seed: int, context: int = 0
    ) -> None:
        self.images, self.patch, self.batch, self.context = images, patch, batch, context
        self.held = [held_of(image, patch, context) for image in images]
        self._seed, self._planes_seed = seed_for(seed, "patches"), seed_for(seed, "planes")
        # pixels that are not square stay as they lie
        self._turns = [7 if len({*(image.spacing or (1.0,))}) == 1 else 3 for image in images]
        self._all = [(i, n) for i, held in enumerate(self.held) for n in held.trained]
        largest = max(4 * image.side[0] * image.side[1] for image in images)
        room = max(2 * (1 + 2 * context), KEPT // largest)
        everything = sum(image.planes for image in images)
        self._in_use = None if everything <= room else max(1, room // (1 + 2 * context) - 1)
        self._read = lru_cache(maxsize=room)(lambda i, n: images[i].plane(n))

    def plane(self, image: int, number: int) -> Plane:
        """A plane in grey levels, kept if it is asked for again soon."""
        return self._read(image, number)

    def cutout(self, step: int, n: int) -> Cutout:
        """Where patch n of a step lies."""
        number = (step * self.batch + n) % 2**32
        u = uniform_numbers(_DRAWS, self._seed, number)
        image, plane = self._all[self._chosen(step, float(u[0]))]
        rows, width = self.held[image].rows, self.images[image].side[1]
        y = rows.start + int(u[1] * (len(rows) - self.patch + 1))
        x = int(u[2] * (width - self.patch + 1))
        return Cutout(image, plane, y, x, int(u[3] * 8) & self._turns[image], u[4:])

    def _chosen(self, step: int, u: float) -> int:
        """A plane of all, or of those that are in use at this step."""
        if self._in_use is None:
            return int(u * len(self._all))
        # in use are the last few of a list without end; it grows by one every few steps
        number = step // _EXCHANGE + int(u * self._in_use)
        return int(uniform_numbers(1, self._planes_seed, number)[0] * len(self._all))

    def cut(self, at: Cutout) -> npt.NDArray[np.float32]:
        """The patch there, (1 + 2 context, patch, patch), in grey levels, turned and flipped."""
        y, x, size = at.y, at.x, self.patch
        around = self.images[at.image].beside(at.plane, self.context)
        patch = np.stack([self.plane(at.image, n)[y : y + size, x : x + size] for n in around])
        return turned(patch, at.turn)

    def held_out(self, most: int) -> list[tuple[int, int]]:
        """Image and plane of up to so many held-out planes, spread over all."""
        every = [(i, n) for i, held in enumerate(self.held) for n in held.held]
        picked = np.unique(np.linspace(0, len(every) - 1, min(most, len(every))).round())
        return [every[int(k)] for k in picked]

    def held_part(self, image: int, plane: int) -> Plane:
        """What is held out of a plane."""
        return self.held_rows(image, self.plane(image, plane))

    def held_rows(self, image: int, values: Plane) -> Plane:
        """What is held out of a plane of an image that is like this one."""
        rows = self.held[image].held_rows
        return values[rows.start : rows.stop]

    def some(self) -> list[Plane]:
        """The middle of some planes of every image that are trained on, spread over all of them."""
        planes = []
        for i, held in enumerate(self.held):
            picked = np.linspace(0, len(held.trained) - 1, -(-_LOOKED_AT // len(self.held)))
            rows, width = held.rows, self.images[i].side[1]
            inside = np.s_[_middle(rows.start, rows.stop), _middle(0, width)]
            for k in np.unique(picked.round()).astype(int):
                planes.append(self.plane(i, held.trained[k])[inside].copy())
                check_usable(self.images[i], planes[-1])
        return planes

    def normalisation(self) -> tuple[Normalisation, tuple[float, float]]:
        """Mean and standard deviation of what is trained on, and its usual grey levels.

        Raises
        ------
        ValueError
            If an image cannot be learned from.
        """
        planes = self.some()
        every = -(-sum(plane.size for plane in planes) // _PIXELS)
        values = np.concatenate([plane.ravel()[::every] for plane in planes]).astype(np.float64)
        if np.ptp(values) == 0:
            raise ValueError(
                f"{self.images[0].name} has the grey level {values[0]:g} everywhere: there is "
                "nothing to learn from it"
            )
        low, high = (float(v) for v in np.percentile(values, [0.1, 99.9]))
        return Normalisation(mean=float(values.mean()), std=float(values.std())), (low, high)

    @property
    def pixel(self) -> tuple[float, float] | None:
        """Size of the pixels of all images along y and x; None if it is not known, or differs."""
        first = self.images[0].spacing
        alike = first is not None and all(
            image.spacing is not None
            and all(abs(a / b - 1) < _ALIKE for a, b in zip(image.spacing, first, strict=True))
            for image in self.images
        )
        return first if alike else None

    def extremes(self) -> tuple[float, float]:
        """The least and the greatest grey level of what :meth:`normalisation` looks at."""
        planes = self.some()
        return float(min(p.min() for p in planes)), float(max(p.max() for p in planes))


def _middle(start: int, stop: int) -> slice:
    spare = max(0, stop - start - _MIDDLE) // 2
    return slice(start + spare, stop - spare)


def turned(patch: npt.NDArray[np.float32], turn: int) -> npt.NDArray[np.float32]:
    """One of the eight ways to turn and flip a patch in its last two axes."""
    if turn & 4:
        patch = patch.swapaxes(-1, -2)
    flipped = patch[..., :: -1 if turn & 2 else 1, :: -1 if turn & 1 else 1]
    return np.ascontiguousarray(flipped)


def patches_of(job: Job, images: Sequence[Image]) -> Patches:
    """The patches of a training."""
    context = job.settings.context if job.settings.kind == "restore" else 0
    return Patches(images, job.settings.patch, job.settings.batch, job.seed, context)

"""The experiment: objects divided into folds, again and again, and a table of what that gives.

An object is told by forests that have seen neither it nor a shape that was learned from it: a
network that draws shapes for a training object has seen neither the fold that is tested nor the
fold of that object itself.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.noise import seed_for
from .methods import (
    CORRECTED,
    METHODS,
    PLAIN,
    SAMPLES,
    SIMPLE,
    Classes,
    Table,
    class_f1,
    predictions,
)

#: Numbers of objects that shapes may be learned from, to what draws: object to (m, features).
Learn: TypeAlias = Callable[[npt.NDArray[np.intp]], Callable[[int], Table]]

_RARE = 3  # times fewer than the largest class


@dataclass(frozen=True, eq=False)
class Result:
    """What the experiment gave.

    Attributes
    ----------
    classes : tuple of str
    rare : tuple of str
        Those that rows were added to.
    scores : dict from str to array, shape (repeats, classes)
        F1 of each class, by each method.
    """

    classes: tuple[str, ...]
    rare: tuple[str, ...]
    scores: dict[str, Table]

    def rows(self) -> list[tuple[str, float, float, float]]:
        """Method, macro F1, its standard deviation over the repeats, and F1 of rare classes."""
        own = [self.classes.index(name) for name in self.rare]
        return [
            (name, float(f1.mean()), _spread(f1.mean(axis=1)), float(f1[:, own].mean()))
            for name, f1 in self.scores.items()
        ]

    def verdict(self) -> str:
        """Whether predicted shapes help, in a sentence."""
        macro = {name: f1.mean(axis=1) for name, f1 in self.scores.items()}
        ours = max((n for n in macro if n in (SAMPLES, CORRECTED)), key=lambda n: macro[n].mean())
        other = max((n for n in macro if n in SIMPLE), key=lambda n: macro[n].mean())
        gain = macro[ours] - macro[other]
        mean, spread = float(gain.mean()), _spread(gain)
        beside = f"“{ours}” beside “{other}”: {mean:+.3f} ± {spread:.3f}"
        over = float((macro[other] - macro[PLAIN]).mean())
        if mean > spread:
            return f"Predicted shapes help here ({beside} macro F1)."
        worse = "make it worse" if mean < -spread else "do not help"
        return (
            f"Predicted shapes {worse} here ({beside} macro F1). “{other}”, which needs no shapes, "
            f"gives {over:+.3f} over “{PLAIN}”."
        )


def _spread(values: Table) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def rare_of(classes: Classes, names: Sequence[str], given: Sequence[str] = ()) -> tuple[str, ...]:
    """The rare classes: those that are given, or those far smaller than the largest.

    Raises
    ------
    ValueError
        If there is none, or one that is not known.
    """
    counts = np.bincount(classes, minlength=len(names))
    if len(names) < 2:
        raise ValueError(
            f"all objects are of one class ({names[0] if names else 'none'}): there is nothing to "
            "tell apart. Give two classes or more"
        )
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"there is no class {unknown[0]!r}; there are {', '.join(names)}")
    rare = given or [n for n, c in zip(names, counts, strict=True) if _RARE * c <= counts.max()]
    if not rare:
        many = ", ".join(f"{n} {c}" for n, c in zip(names, counts, strict=True))
        raise ValueError(f"no class is rare ({many}): name those to add shapes to (--rare)")
    return tuple(rare)


def folds_of(classes: Classes, folds: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """A fold for each object, each class spread evenly over them.

    Examples
    --------
    >>> import numpy as np
    >>> fold = folds_of(np.array([0, 0, 0, 1, 1, 1]), 3, np.random.default_rng(0))
    >>> sorted(fold[:3]) == sorted(fold[3:]) == [0, 1, 2]
    True
    """
    fold = np.empty(len(classes), np.intp)
    for c in np.unique(classes):
        own = rng.permutation(np.flatnonzero(classes == c))
        fold[own] = (np.arange(len(own)) + rng.integers(folds)) % folds
    return fold


def experiment(
    features: Table,
    classes: Classes,
    names: Sequence[str],
    learn: Learn,
    *,
    rare: Sequence[str],
    folds: int = 3,
    repeats: int = 8,
    most: int | None = None,
    seed: int = 0,
) -> Generator[tuple[int, int], None, Result]:
    """Compare all methods; yield (folds done, all folds).

    Parameters
    ----------
    features : array, shape (n, features)
        Of the true shapes of all objects.
    classes : array of int, shape (n,)
        Numbers into ``names``.
    names : sequence of str
    learn : callable
        Called with the numbers of the objects that shapes may be learned from; returns what
        draws shapes for an object that is not among them.
    rare : sequence of str
        Classes that rows are added to.
    folds : int
        3 or more.
    repeats : int
    most : int, optional
        How many objects of each rare class a forest is given, at most.
    seed : int

    Raises
    ------
    ValueError
        If a class is too small.
    """
    counts = np.bincount(classes, minlength=len(names))
    few = [f"{n} ({c})" for n, c in zip(names, counts, strict=True) if c < folds]
    if few or folds < 3:
        raise ValueError(
            f"each class needs at least as many objects as there are folds ({folds}, and 3 at "
            f"least); too few are of {', '.join(few) or 'each'}. Label more, or leave the class out"
        )
    scores: dict[str, list[Table]] = {}
    for repeat in range(repeats):
        rng = np.random.default_rng(seed_for(seed, f"repeat {repeat}"))
        fold = folds_of(classes, folds, rng)
        networks: dict[frozenset[int], Callable[[int], Table]] = {}
        told: dict[str, Classes] = {}
        for tested in range(folds):
            training = _limited(np.flatnonzero(fold != tested), classes, names, rare, most, rng)
            samples: dict[int, Table] = {}
            for row, i in enumerate(training):
                if names[classes[i]] not in rare:
                    continue
                apart = frozenset((tested, int(fold[i])))
                if apart not in networks:
                    networks[apart] = learn(np.flatnonzero(~np.isin(fold, list(apart))))
                samples[row] = networks[apart](int(i))
            own = fold == tested
            found = predictions(
                features[training], classes[training], samples, features[own],
                seed_for(seed, f"forest {repeat} {tested}") % 2**32,
            )  # fmt: skip
            for name, values in found.items():
                told.setdefault(name, np.full(len(classes), -1, np.intp))[own] = values
            yield repeat * folds + tested + 1, repeats * folds
        for name in METHODS:
            if name in told:
                scores.setdefault(name, []).append(class_f1(classes, told[name], len(names)))
    return Result(tuple(names), tuple(rare), {name: np.stack(f1) for name, f1 in scores.items()})


def _limited(
    training: npt.NDArray[np.intp],
    classes: Classes,
    names: Sequence[str],
    rare: Sequence[str],
    most: int | None,
    rng: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """The objects that a forest is given."""
    kept = []
    for c in np.unique(classes[training]):
        own = training[classes[training] == c]
        if most is not None and names[c] in rare:
            own = rng.permutation(own)[:most]
        kept.append(own)
    return np.sort(np.concatenate(kept))

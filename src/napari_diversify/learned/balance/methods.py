"""Ways to train a classifier where some classes are rare. Needs scikit-learn when it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Table: TypeAlias = npt.NDArray[np.float64]
Classes: TypeAlias = npt.NDArray[np.intp]

PLAIN, WEIGHTS, REPEATED, SMOTE = "plain", "class weights", "real rows repeated", "SMOTE"
SAMPLES, CORRECTED = "samples", "samples, corrected by their mean error"
METHODS = (PLAIN, WEIGHTS, REPEATED, SMOTE, SAMPLES, CORRECTED)
#: What balances without any shape.
SIMPLE = (WEIGHTS, REPEATED, SMOTE)

_TREES = 200


def check_installed() -> None:
    """Raise an ImportError that says how to install scikit-learn, if it is not."""
    if find_spec("sklearn") is None:
        raise ImportError(
            "classes are compared with the package 'scikit-learn', which is not installed: "
            'pip install "napari-diversify[learn]"'
        )


def has_smote() -> bool:
    """Whether imbalanced-learn is installed; nothing else needs it."""
    return find_spec("imblearn") is not None


def predictions(
    rows: Table,
    classes: Classes,
    samples: Mapping[int, Table],
    tested: Table,
    seed: int,
) -> dict[str, Classes]:
    """Train a random forest in each way, and let it tell the classes of objects.

    Parameters
    ----------
    rows : array, shape (n, features)
        Features of the objects to train on.
    classes : array of int, shape (n,)
    samples : mapping from int to array, shape (m, features)
        For each row of a rare class, features of shapes that were predicted for it by a network
        that has seen neither it nor the objects that are tested.
    tested : array, shape (t, features)
    seed : int
        0 to 2**32 - 1.

    Returns
    -------
    dict from str to array of int, shape (t,)
        The classes, by each of :data:`METHODS` that can be used. As many rows are added by
        repeating, by SMOTE and by samples. With a single row of a class, SMOTE cannot be used.
    """
    rows, tested = np.nan_to_num(rows), np.nan_to_num(tested)
    largest = int(np.bincount(classes).max())
    added: list[int] = []  # for each added row, the one that it stands for
    for c in sorted({int(classes[i]) for i in samples}):
        own = [i for i in samples if classes[i] == c]
        # a rare class does not become the largest one
        each = min(len(samples[own[0]]), max(1, largest // len(own) - 1))
        added += [i for i in own for _ in range(each)]
    which = np.array(added, np.intp)
    drawn = np.array(
        [np.nan_to_num(samples[i][_nth(added, k)]) for k, i in enumerate(added)]
    ).reshape(len(added), rows.shape[1])
    error = np.zeros(rows.shape[1])
    if samples:
        error = np.mean([rows[i] - np.nan_to_num(s).mean(axis=0) for i, s in samples.items()], 0)
    ways: dict[str, tuple[Table, Classes]] = {
        PLAIN: (rows, classes),
        WEIGHTS: (rows, classes),
        REPEATED: (np.concatenate([rows, rows[which]]), np.append(classes, classes[which])),
        SAMPLES: (np.concatenate([rows, drawn]), np.append(classes, classes[which])),
        CORRECTED: (np.concatenate([rows, drawn + error]), np.append(classes, classes[which])),
    }
    smote = _smote(rows, classes, classes[which], seed)
    if smote is not None:
        ways[SMOTE] = smote
    return {
        name: _told(*ways[name], tested, seed, name == WEIGHTS) for name in METHODS if name in ways
    }


def macro_f1(truth: Classes, told: Classes, number: int) -> float:
    """Mean over all classes of F1 = 2 TP / (2 TP + FP + FN).

    Examples
    --------
    >>> import numpy as np
    >>> float(round(macro_f1(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), 2), 3))
    0.429
    """
    return float(np.mean(class_f1(truth, told, number)))


def class_f1(truth: Classes, told: Classes, number: int) -> Table:
    """F1 of each class; 0 of one that is neither there nor told."""
    scores = []
    for c in range(number):
        right = int(np.count_nonzero((truth == c) & (told == c)))
        wrong = int(np.count_nonzero((truth == c) != (told == c)))
        scores.append(2 * right / max(1, 2 * right + wrong))
    return np.array(scores)


def _nth(values: Sequence[int], k: int) -> int:
    """How many of the values before the k-th are equal to it."""
    return values[:k].count(values[k])


def _told(rows: Table, classes: Classes, tested: Table, seed: int, weights: bool) -> Classes:
    from sklearn.ensemble import RandomForestClassifier

    forest: Any = RandomForestClassifier(
        _TREES, random_state=seed, class_weight="balanced" if weights else None
    )
    told: Classes = forest.fit(rows, classes).predict(tested)
    return told


def _smote(
    rows: Table, classes: Classes, added: Classes, seed: int
) -> tuple[Table, Classes] | None:
    """Rows between neighbours of a class (Chawla et al. 2002), as many as were added."""
    wanted = {int(c): int(np.sum(classes == c) + np.sum(added == c)) for c in np.unique(added)}
    fewest = min((int(np.sum(classes == c)) for c in wanted), default=0)
    if not has_smote() or fewest < 2:
        return None
    from imblearn.over_sampling import SMOTE as Smote

    made = Smote(sampling_strategy=wanted, k_neighbors=min(5, fewest - 1), random_state=seed)
    new, own = made.fit_resample(rows, classes)
    return np.asarray(new), np.asarray(own)

"""How a segmentation compares with the labels of an image: objects found, missed and invented.

True and predicted objects are matched once, one to one: as many pairs as possible with an IoU
of 1/2 or more, and among these the greatest sum of IoUs. From 1/2 on an object can have one
partner only, but for ties at exactly 1/2, so that this one matching serves all thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

_Floats: TypeAlias = npt.NDArray[np.float64]
_Ints: TypeAlias = npt.NDArray[np.int64]

#: Thresholds of IoU that the mean of AP is taken over.
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)

#: What each score means. TP: true objects whose partner has an IoU of at least the threshold
#: (1/2 unless it says another); FN: the other true objects; FP: the other predicted ones.
DEFINITIONS = MappingProxyType(
    {
        "ap50": "average precision at IoU 0.5: TP / (TP + FP + FN)",
        "ap60": "average precision at IoU 0.6",
        "ap70": "average precision at IoU 0.7",
        "ap80": "average precision at IoU 0.8",
        "ap90": "average precision at IoU 0.9",
        "ap": "mean of the average precisions at IoU 0.5, 0.6, 0.7, 0.8 and 0.9",
        "sorted_ap": "area under the average precision from IoU 0 to 1 (sortedAP)",
        "pq": "panoptic quality: SQ x RQ",
        "sq": "segmentation quality: mean IoU of the TP",
        "rq": "recognition quality: TP / (TP + FP/2 + FN/2)",
        "f1": "2 TP / (2 TP + FP + FN), the same as RQ",
        "precision": "share of the predicted objects that are right: TP / (TP + FP)",
        "recall": "share of the true objects that are found: TP / (TP + FN)",
        "seg": "mean over true objects of their IoU with the predicted object that covers more "
        "than half of them, else 0 (Cell Tracking Challenge); blind to invented objects",
        "count_error": "(predicted - true) / true number of objects",
        "dice": "2 |A and B| / (|A| + |B|) of the foregrounds; blind to merged and split objects",
    }
)

#: What became of an object, true or predicted.
RIGHT, MISSED, FALSE, MERGED, SPLIT = "right", "missed", "false", "merged", "split"


@dataclass(frozen=True, eq=False)
class Matching:
    """True and predicted objects, matched one to one.

    Attributes
    ----------
    true_ids, pred_ids : ndarray of int, shape (n,), (m,)
        Labels of the objects, ascending.
    true_sizes, pred_sizes : ndarray of int64
        Their voxels.
    rows, columns, overlaps : ndarray of int64, shape (k,)
        Which true and which predicted objects overlap (numbers into the ids), in how many voxels.
    partners : ndarray of int64, shape (n,)
        Number of the predicted object that a true one is matched with; -1 without one.
    ious : ndarray of float64, shape (n,)
        IoU with the partner, 0 without one.
    """

    true_ids: npt.NDArray[Any]
    pred_ids: npt.NDArray[Any]
    true_sizes: _Ints
    pred_sizes: _Ints
    rows: _Ints
    columns: _Ints
    overlaps: _Ints
    partners: _Ints
    ious: _Floats

    def counts(self, threshold: float = 0.5) -> tuple[int, int, int]:
        """TP, FP and FN at a threshold of IoU from 0.5 on."""
        tp = int(np.count_nonzero((self.ious >= threshold) & (self.partners >= 0)))
        return tp, len(self.pred_ids) - tp, len(self.true_ids) - tp

    def ap(self, threshold: float = 0.5) -> float:
        """Average precision at a threshold of IoU from 0.5 on; 0 where there is nothing."""
        tp, fp, fn = self.counts(threshold)
        return _share(tp, tp + fp + fn)

    @property
    def sorted_ap(self) -> float:
        """Area under the average precision over the threshold from 0 to 1."""
        matched = np.sort(self.ious[self.partners >= 0])
        tp = np.arange(len(matched), 0, -1)  # above the k-th smallest IoU
        total = len(self.true_ids) + len(self.pred_ids)
        return float(np.sum(np.diff(matched, prepend=0.0) * tp / np.maximum(total - tp, 1)))

    @cached_property
    def seg(self) -> _Floats:
        """SEG of each true object."""
        most = 2 * self.overlaps > self.true_sizes[self.rows]
        found = np.zeros(len(self.true_ids))
        found[self.rows[most]] = self._all_ious[most]
        return found

    def scores(self) -> dict[str, float]:
        """All figures of :data:`DEFINITIONS`; 0 where nothing is matched, as in stardist.

        The count error is NaN without true objects.
        """
        tp, fp, fn = self.counts()
        sq = _share(float(self.ious[self.ious >= 0.5].sum()), tp)
        rq = _share(2 * tp, 2 * tp + fp + fn)
        aps = {f"ap{round(100 * t)}": self.ap(t) for t in THRESHOLDS}
        n = len(self.true_ids)
        foreground = int(self.true_sizes.sum() + self.pred_sizes.sum())
        return {
            **aps,
            "ap": sum(aps.values()) / len(aps),
            "sorted_ap": self.sorted_ap,
            "pq": sq * rq,
            "sq": sq,
            "rq": rq,
            "f1": rq,
            "precision": _share(tp, tp + fp),
            "recall": _share(tp, tp + fn),
            "seg": float(self.seg.mean()) if n else 0.0,
            "count_error": (len(self.pred_ids) - n) / n if n else float("nan"),
            "dice": _share(2 * int(self.overlaps.sum()), foreground),
        }

    def fates(self) -> tuple[list[str], list[str]]:
        """What became of each true and each predicted object, at IoU 0.5.

        Returns
        -------
        true : list of str
            ``right``; ``merged``: most of it lies in a predicted object that also holds most
            of another; ``split``: two or more predicted objects lie mostly in it; else ``missed``.
        predicted : list of str
            ``right``; ``merged`` and ``split``: what such true objects were taken for; else
            ``false``.
        """
        covering = 2 * self.overlaps > self.true_sizes[self.rows]
        inside = 2 * self.overlaps > self.pred_sizes[self.columns]
        covered = np.bincount(self.columns[covering], minlength=len(self.pred_ids))
        parts = np.bincount(self.rows[inside], minlength=len(self.true_ids))
        into = np.full(len(self.true_ids), -1)
        into[self.rows[covering]] = self.columns[covering]
        of = np.full(len(self.pred_ids), -1)
        of[self.columns[inside]] = self.rows[inside]
        hit = self.ious >= 0.5
        right = set(self.partners[hit].tolist())
        merging, splitting = covered >= 2, parts >= 2
        true = [
            RIGHT if hit[i]
            else MERGED if into[i] >= 0 and merging[into[i]]
            else SPLIT if splitting[i]
            else MISSED
            for i in range(len(self.true_ids))
        ]  # fmt: skip
        predicted = [
            RIGHT if j in right
            else MERGED if merging[j]
            else SPLIT if of[j] >= 0 and splitting[of[j]] and not hit[of[j]]
            else FALSE
            for j in range(len(self.pred_ids))
        ]  # fmt: skip
        return true, predicted

    @property
    def _all_ious(self) -> _Floats:
        return _ious(self.overlaps, self.true_sizes[self.rows], self.pred_sizes[self.columns])


def match(true: npt.ArrayLike, predicted: npt.ArrayLike) -> Matching:
    """Match the objects of a segmentation with the labelled ones.

    Parameters
    ----------
    true, predicted : array_like of int, of the same shape
        0 is background, every other number an object. Any integers from 0 on, consecutive or
        not, in 2D or 3D.

    Returns
    -------
    Matching

    Raises
    ------
    TypeError
        If an array does not hold integers.
    ValueError
        If the shapes differ, or a number is negative.

    References
    ----------
    .. [1] M. Weigert et al., "Star-convex polyhedra for 3D object detection and segmentation
       in microscopy", WACV (2020): the matching, as ``stardist.matching``.
    .. [2] A. Kirillov et al., "Panoptic segmentation", CVPR (2019): PQ, SQ and RQ.
    .. [3] L. Chen, Y. Wu, J. Stegmaier, D. Merhof, "SortedAP: rethinking evaluation metrics for
       instance segmentation", ICCV workshops (2023).
    .. [4] M. Maška et al., "A benchmark for comparison of cell tracking algorithms",
       Bioinformatics 30 (2014): SEG.
    .. [5] D. Hirling et al., "Segmentation metric misinterpretations in bioimage analysis",
       Nature Methods 21 (2024): why each name here has its definition beside it.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core.measures.matching import match
    >>> true = np.zeros((8, 8), int)
    >>> true[:4, :4], true[:4, 4:] = 1, 7
    >>> found = match(true, np.where(true == 7, 3, 0))
    >>> found.counts(), found.scores()["ap50"], found.scores()["precision"]
    ((1, 0, 1), 0.5, 1.0)
    """
    t, p = check_labels(true, "the true labels"), check_labels(predicted, "the segmentation")
    if t.shape != p.shape:
        raise ValueError(
            f"labels and segmentation must have the same shape; got {t.shape} and {p.shape}"
        )
    starts, lengths = _runs(t.reshape(-1), p.reshape(-1))
    true_ids, i = np.unique(t.reshape(-1)[starts], return_inverse=True)
    pred_ids, j = np.unique(p.reshape(-1)[starts], return_inverse=True)
    m = len(pred_ids)
    pairs, k = np.unique(i.astype(np.int64) * m + j, return_inverse=True)
    overlaps = _sums(k, lengths, len(pairs))
    rows, columns = np.divmod(pairs, max(m, 1))
    true_sizes = _sums(rows, overlaps, len(true_ids))
    pred_sizes = _sums(columns, overlaps, m)
    # 0 is the first of the ids, if it is there
    a, b = int(true_ids[:1].tolist() == [0]), int(pred_ids[:1].tolist() == [0])
    both = (rows >= a) & (columns >= b)
    rows, columns, overlaps = rows[both] - a, columns[both] - b, overlaps[both]
    true_sizes, pred_sizes = true_sizes[a:], pred_sizes[b:]
    ious = _ious(overlaps, true_sizes[rows], pred_sizes[columns])
    partners = _matched(rows, columns, ious, len(true_sizes), len(pred_sizes))
    best = np.zeros(len(true_sizes))
    chosen = partners[rows] == columns
    best[rows[chosen]] = ious[chosen]
    return Matching(
        true_ids[a:], pred_ids[b:], true_sizes, pred_sizes, rows, columns, overlaps, partners, best
    )


def check_labels(labels: npt.ArrayLike, name: str = "the labels") -> npt.NDArray[Any]:
    """Return labels as an array, or say why they are none.

    Raises
    ------
    TypeError, ValueError
        If they are not integers from 0 on.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must hold whole numbers, 0 for background and another for each object; got "
            f"dtype {array.dtype}"
        )
    if array.dtype.kind == "i" and array.size and array.min() < 0:
        raise ValueError(f"{name} must not be negative; the lowest is {array.min()}")
    return array


def _runs(t: npt.NDArray[Any], p: npt.NDArray[Any]) -> tuple[_Ints, _Ints]:
    """Where both arrays begin to hold another pair of values, and for how long they keep it.

    Objects are many voxels long: there is far less to sort than voxels, whatever the dtype.
    """
    if t.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    changes = np.flatnonzero((t[1:] != t[:-1]) | (p[1:] != p[:-1])) + 1
    starts = np.concatenate([[0], changes])
    return starts, np.diff(starts, append=t.size)


def _sums(at: npt.NDArray[Any], of: _Ints, n: int) -> _Ints:
    """Exact sums of whole numbers by their place."""
    return np.rint(np.bincount(at, weights=of, minlength=n)).astype(np.int64)


def _ious(overlaps: _Ints, true_sizes: _Ints, pred_sizes: _Ints) -> _Floats:
    ious: _Floats = overlaps / (true_sizes + pred_sizes - overlaps)
    return ious


def _matched(rows: _Ints, columns: _Ints, ious: _Floats, n: int, m: int) -> _Ints:
    """The partner of each of n true objects among m predicted ones, -1 without one."""
    partners = np.full(n, -1, np.int64)
    sure = ious > 0.5  # such a pair has no rivals
    partners[rows[sure]] = columns[sure]
    taken = np.zeros(m, bool)
    taken[columns[sure]] = True
    free = (partners[rows] < 0) & ~taken[columns]
    rows, columns, ious = rows[free], columns[free], ious[free]
    if not len(rows):
        return partners
    graph = scipy.sparse.coo_array((ious, (rows, n + columns)), shape=(n + m, n + m))
    _, group = scipy.sparse.csgraph.connected_components(graph, directed=False)
    order = np.argsort(group[rows], kind="stable")
    for edges in np.split(order, np.flatnonzero(np.diff(group[rows][order])) + 1):
        trues, r = np.unique(rows[edges], return_inverse=True)
        preds, c = np.unique(columns[edges], return_inverse=True)
        gain = np.zeros((len(trues), len(preds)))
        gain[r, c] = (ious[edges] >= 0.5) + ious[edges] / (2 * min(gain.shape))
        for x, y in zip(*scipy.optimize.linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[x, y] > 0:
                partners[trues[x]] = preds[y]
    return partners


def _share(part: float, whole: float) -> float:
    return part / whole if part > 0 else 0.0

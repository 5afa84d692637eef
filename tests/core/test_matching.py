"""Scores of a segmentation: as stardist defines them, and as can be counted by hand."""

import math

import numpy as np
import pytest

from napari_diversify.core.measures.matching import DEFINITIONS, THRESHOLDS, match

BIG = np.uint64(2**63 + 5)


def balls(shape, dtype=int):
    """Touching and lone objects in rows, numbered 1, 4, 7, ..."""
    places = np.indices(shape)
    cells = [p // n for p, n in zip(places, (7, 9, 11)[-len(shape) :], strict=True)]
    numbers = 1 + 3 * (cells[-1] + 5 * cells[-2] + (25 * cells[0] if len(shape) == 3 else 0))
    return np.where((places.sum(0) % 23 < 17) & (numbers % 4 != 0), numbers, 0).astype(dtype)


def pairs():
    flat, deep = balls((36, 55)), balls((14, 27, 44))
    nothing = np.zeros_like(flat)
    return {
        "nothing in either": (nothing, nothing),
        "nothing found": (flat, nothing),
        "only inventions": (nothing, flat),
        "the same": (flat, flat),
        "moved": (flat, np.roll(flat, 2, axis=1)),
        "split": (flat, np.where(flat > 0, flat * 2 + np.arange(55) % 11 // 4, 0)),
        "merged": (flat, np.where(flat > 0, flat // 7 + 1, 0)),
        "touching and eroded": (flat, flat * (np.roll(flat, 1, 0) == flat)),
        "volume, moved": (deep, np.roll(deep, (1, 1), axis=(1, 2))),
        "volume, large numbers": (
            deep.astype("uint64") * 1000,
            np.roll(deep, 3, axis=2).astype("int32"),
        ),
    }


#: AP at the five thresholds, precision, recall, F1, PQ and SQ by stardist.matching 0.9.2.
STARDIST = """
nothing in either: 0 0 0 0 0 0 0 0 0 0
nothing found: 0 0 0 0 0 0 0 0 0 0
only inventions: 0 0 0 0 0 0 0 0 0 0
the same: 1 1 1 1 1 1 1 1 1 1
moved: 0.6666667 0.4285714 0 0 0 0.8 0.8 0.8 0.5048077 0.6310096
split: 0.0344828 0 0 0 0 0.0444444 0.1333333 0.0666667 0.0358586 0.5378788
merged: 0.5 0.2631579 0.2 0.2 0.2 0.8888889 0.5333333 0.6666667 0.5184887 0.7777331
touching and eroded: 1 1 1 0.6666667 0 1 1 1 0.840001 0.840001
volume, moved: 0.5652174 0.3846154 0 0 0 0.7222222 0.7222222 0.7222222 0.4483075 0.6207334
volume, large numbers: 0.2857143 0 0 0 0 0.4444444 0.4444444 0.4444444 0.2402963 0.5406667
"""
NAMES = ("ap50", "ap60", "ap70", "ap80", "ap90", "precision", "recall", "f1", "pq", "sq")


@pytest.mark.parametrize("line", STARDIST.strip().splitlines())
def test_scores_are_those_of_stardist(line):
    name, _, figures = line.partition(":")
    scores = match(*pairs()[name]).scores()
    expected = [float(figure) for figure in figures.split()]
    assert [scores[n] for n in NAMES] == pytest.approx(expected, abs=1e-6)


def test_a_case_that_is_counted_by_hand():
    true, found = np.zeros((2, 10, 40), "uint64"), np.zeros((2, 10, 40), "int16")
    true[:, :, 0:10], true[:, :, 10:20], true[:, :, 20:30] = 7, BIG, BIG - 1
    found[:, :, 0:8] = 3  # IoU 0.8
    found[:, :, 10:30] = 2  # merges two: IoU 1/2 with either, and can be the partner of one only
    found[:, :5, 32:36] = 1  # invented
    result = match(true, found)
    scores = result.scores()
    assert set(scores) == set(DEFINITIONS)
    assert [result.counts(t) for t in THRESHOLDS] == [(2, 1, 1), *3 * [(1, 2, 2)], (0, 3, 3)]
    assert (scores["ap50"], scores["ap60"], scores["ap90"]) == (1 / 2, 1 / 5, 0)
    assert scores["ap"] == pytest.approx((1 / 2 + 3 / 5) / 5)
    # AP is 2/4 up to IoU 1/2, 1/5 up to 0.8, and 0 from there
    assert scores["sorted_ap"] == pytest.approx(0.5 * 2 / 4 + 0.3 / 5)
    assert (scores["sq"], scores["rq"]) == (pytest.approx((0.8 + 0.5) / 2), pytest.approx(4 / 6))
    assert scores["pq"] == pytest.approx(1.3 / 3)
    assert scores["seg"] == pytest.approx((0.8 + 0.5 + 0.5) / 3)
    assert scores["count_error"] == 0
    assert scores["dice"] == pytest.approx(2 * 560 / (600 + 600))
    assert result.true_ids.tolist() == [7, int(BIG) - 1, int(BIG)]
    fates, invented = result.fates()
    assert fates[0] == "right"
    assert sorted(fates[1:]) == ["merged", "right"]
    assert sorted(invented) == ["false", "right", "right"]


def test_the_fate_of_a_split_object_and_of_its_parts():
    true, found = np.zeros((10, 30), int), np.zeros((10, 30), int)
    true[:, :9], true[:, 20:] = 1, 2
    found[:, :3], found[:, 3:6], found[:, 6:9] = 1, 2, 3
    assert match(true, found).fates() == (["split", "missed"], ["split"] * 3)


def test_objects_are_compared_whatever_their_numbers_and_axes():
    true, found = pairs()["moved"]
    renumbered = np.where(found > 0, found.astype("uint64") + BIG, 0).T
    assert match(true.T, renumbered).scores() == match(true, found).scores()


def test_one_matching_gives_what_a_matching_at_every_threshold_would():
    true = np.zeros((1, 100), int)
    found = np.zeros((1, 100), int)
    true[0, :40], true[0, 40:80] = 1, 2
    found[0, :29], found[0, 29:69] = 1, 2  # greedy by IoU and by sum agree here: 29/40, 29/51
    assert [match(true, found).counts(t)[0] for t in THRESHOLDS] == [2, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("true", "found", "kind", "words"),
    [
        (np.zeros((3, 3), int), np.zeros((3, 4), int), ValueError, "same shape"),
        (np.zeros((3, 3)), np.zeros((3, 3), int), TypeError, "true labels must hold whole numbers"),
        (np.zeros((3, 3), int), np.full((3, 3), -2), ValueError, "lowest is -2"),
        (np.zeros((3, 3), int), np.zeros((3, 3), bool), TypeError, "dtype bool"),
    ],
)
def test_what_are_no_labels_is_refused_in_a_sentence(true, found, kind, words):
    with pytest.raises(kind, match=words):
        match(true, found)


def test_the_count_error_is_unknown_where_there_is_nothing_to_count():
    assert math.isnan(match(*pairs()["only inventions"]).scores()["count_error"])


def test_no_table_of_all_true_by_all_predicted_objects_is_made():
    specks = np.zeros((16, 256, 256), int)  # such a table would take 34 GB
    specks[::2, ::4, ::2] = np.arange(1, 8 * 64 * 128 + 1).reshape(8, 64, 128)
    assert match(specks, specks).counts() == (8 * 64 * 128, 0, 0)
    assert match(specks, np.roll(specks, 1, 2)).counts() == (0, 8 * 64 * 128, 8 * 64 * 128)

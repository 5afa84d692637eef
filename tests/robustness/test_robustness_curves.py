"""What is concluded from rows: means, intervals, where it fails, which is better, which objects."""

import math

import numpy as np
import pytest
from robustness_studies import source_of, squares, study_of

from napari_diversify.core.blocks import exhaust
from napari_diversify.core.measures.matching import match
from napari_diversify.recipe import SyntheticNuclei
from napari_diversify.robustness.curves import result
from napari_diversify.robustness.following import follow
from napari_diversify.robustness.fragile import coloured, fragile, held
from napari_diversify.robustness.looking import FATES, behind
from napari_diversify.robustness.resampling import score_of
from napari_diversify.robustness.rows import Dot, Row
from napari_diversify.robustness.segmenters import LoG, Otsu
from napari_diversify.robustness.words import said

LEVELS = (30, 20, 10)


def rows_of(curve, *found, n=200, false=0, draws=4):
    """Rows in which so many of n objects are found, at each level; the image as it is first."""
    rows = []
    for level, k in enumerate(found):
        for draw in range(draws if level else 1):
            ious = tuple(float(i < k) for i in range(n))
            scores = {
                "ap50": k / (n + false),
                "recall": k / n,
                "precision": k / max(k + false, 1),
                "pq": k / (n / 2 + (k + false) / 2),
            }
            rows.append(
                Row(
                    image="cells",
                    dot=Dot(curve, level, draw),
                    level=None if level == 0 else LEVELS[level - 1],
                    sample=draw,
                    recipe="",
                    weight=float(level),
                    psnr=None,
                    against_itself=False,
                    failed="",
                    scores=scores,
                    true=n,
                    found=k + false,
                    ious=ious,
                    segs=ious,
                )
            )
    return rows


def study(*segmenters, **more):
    return study_of(*(segmenters or (Otsu(), LoG())), psnr=LEVELS, **more)


def test_curves_tell_which_segmenter_fails_first_on_synthetic_nuclei():
    specimen = SyntheticNuclei(seed=4).specimen((24, 128, 128), (1, 0.3, 0.3))
    image, labels = np.asarray(specimen.image[...]), np.asarray(specimen.labels[...])
    source = source_of(image, labels, axes="zyx", scale=(1, 0.3, 0.3), units=("micrometer",) * 3)
    tried = study_of(Otsu(), LoG(), psnr=(20, 16, 13, 9), draws=4)
    rows = exhaust(follow(tried, [source])).rows
    found = result(tried, rows)
    otsu = {point.level: point.mean for point in found.curves[0].points}
    assert otsu[0] >= 0.65
    assert 0.40 <= otsu[2] <= 0.64
    assert otsu[4] <= 0.2
    (crossing,) = found.versus[0].crossings
    assert 13.5 <= crossing.at <= 19.5
    assert crossing.low > crossing.at > crossing.high  # from the milder to the worse end
    # a clicked row is the sample that everybody can make again
    row = next(row for row in rows if row.dot == Dot(0, 3, 2))
    assert row.made_by.apply(image, sample=row.sample).shape == image.shape
    assert row.psnr == pytest.approx(13, abs=0.1)


def test_weighing_every_object_once_gives_the_score_itself():
    _, labels = squares()
    moved = np.roll(labels, 1, axis=1)
    matching = match(labels, np.where(moved == labels.max(), 0, moved))
    false = len(matching.pred_ids) - matching.counts()[0]
    once = np.ones((1, len(matching.true_ids)))
    expected = matching.scores()
    for score in ("ap50", "ap60", "ap90", "ap", "pq", "f1", "precision", "recall", "seg"):
        given = score_of(score, matching.ious, matching.seg, false, once)
        assert given == pytest.approx(expected[score]), score


def test_a_segmenter_holds_to_where_a_tenth_of_its_score_is_lost():
    found = result(study(Otsu()), rows_of(0, 200, 200, 160, 40)).curves[0]
    # 180 lies halfway between 200 at 30 dB and 160 at 20 dB
    assert found.holds_to.at == pytest.approx(25)
    assert found.holds_to.low >= 25 >= found.holds_to.high
    lasting = result(study(Otsu()), rows_of(0, 200, 200, 200, 200)).curves[0]
    assert lasting.holds_to.at == math.inf
    frail = result(study(Otsu()), rows_of(0, 200, 20, 20, 20)).curves[0]
    assert frail.holds_to.at == -math.inf
    poor = result(study(Otsu()), rows_of(0, 30, 20, 20, 20)).curves[0]
    assert math.isnan(poor.holds_to.at)


def test_curves_that_cross_and_curves_that_are_not_told_apart():
    crossing = result(study(), rows_of(0, 200, 190, 150, 20) + rows_of(1, 150, 150, 150, 120))
    assert crossing.versus[0].better == (1, 1, 0, -1)
    assert crossing.versus[0].crossings[0].at == pytest.approx(20)
    same = result(study(), rows_of(0, 20, 19, 15, 2, n=20) + rows_of(1, 20, 18, 14, 3, n=20))
    assert set(same.versus[0].better) == {0}
    assert said(study(), same, [])[-1] == "otsu and log are not told apart at any level"


def test_noise_that_helps_is_told_and_no_curve_is_made_to_fall():
    found = result(study(Otsu()), rows_of(0, 100, 150, 160, 20)).curves[0]
    assert found.helped == (1, 2)
    assert [point.mean for point in found.points] == [0.5, 0.75, 0.8, 0.1]


def test_labels_that_seem_to_be_incomplete_are_told():
    rows = rows_of(0, 18, 18, 18, 18, n=20, false=12)
    assert "the labels are incomplete" in result(study(Otsu()), rows).incomplete
    assert result(study(Otsu()), rows_of(0, 18, 18, 18, 18, n=20, false=1)).incomplete == ""


def test_objects_are_lost_at_the_level_after_the_last_that_finds_them():
    _, labels = squares(4)
    image = labels * 10
    rows = rows_of(0, 4, 3, 1, 2, n=4)
    assert held(study(Otsu()), rows, 0).tolist() == [3, 3, 1, 0]
    objects = fragile(study(Otsu()), rows, 0, image, labels)
    ids = np.unique(labels)[1:].tolist()
    assert [(o.label, o.size, o.brightness) for o in objects] == [
        (i, np.count_nonzero(labels == i), 10 * i) for i in ids
    ]
    shown = coloured(labels, objects)
    assert [int(shown[labels == i].max()) for i in ids] == [5, 5, 3, 2]
    assert not shown[labels == 0].any()


def test_what_is_behind_a_row_is_its_sample_and_what_is_wrong_with_it():
    image, labels = squares()
    source, tried = source_of(image, labels), study_of(Otsu(separation=2), psnr=(20, 9), draws=1)
    rows = exhaust(follow(tried, [source])).rows
    row = max(rows, key=lambda row: row.dot.level)
    looked = behind(tried, source, row)
    assert np.array_equal(looked.sample, row.made_by.apply(image, sample=row.sample))
    assert match(labels, looked.labels).scores()["ap50"] == row.scores["ap50"]
    right = match(labels, looked.labels).ious >= 0.5
    ids = np.unique(labels)[1:]
    assert [bool((looked.errors[labels == i] == FATES["right"]).all()) for i in ids] == list(right)
    assert {0, FATES["right"], FATES["false"]} <= set(np.unique(looked.errors).tolist())

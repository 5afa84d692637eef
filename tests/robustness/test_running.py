"""A study lasts: killed and resumed, by whomever, it has the same bytes."""

import json
import tracemalloc

import numpy as np
import pytest
from robustness_studies import followed, source_of, squares, study_of

from napari_diversify.batch import engine
from napari_diversify.core.blocks import exhaust
from napari_diversify.robustness.following import follow
from napari_diversify.robustness.running import load, run
from napari_diversify.robustness.segmenters import Function, LoG, Otsu

TABLES = ("scores.csv", "curves.csv", "objects.csv", "study.json")


def contents(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


def test_killed_and_resumed_by_other_workers_it_has_the_same_bytes(tmp_path):
    study = study_of(Otsu(separation=3), LoG(diameter=7), draws="auto")
    sources = [source_of(*squares(), name="a"), source_of(*squares(4), name="b")]
    exhaust(run(study, sources, tmp_path / "whole"))

    work = run(study, sources, tmp_path / "killed")
    for progress in work:
        if progress.done > 7:
            break
    work.close()
    partly = len(load(tmp_path / "killed")[1])
    assert 7 < partly < len(load(tmp_path / "whole")[1])
    rows = sorted((tmp_path / "killed" / ".rows").iterdir())
    rows[0].write_text(rows[0].read_text()[:50])  # torn by whatever happened to the disk
    with engine(workers=1) as processes:
        outcome = exhaust(run(study, sources, tmp_path / "killed", executor=processes, resume=True))
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert len(outcome.rows) == len(load(tmp_path / "whole")[1])


def test_a_folder_with_another_study_is_neither_resumed_nor_replaced(tmp_path):
    source = source_of(*squares())
    exhaust(run(study_of(Otsu(), draws=1), [source], tmp_path))
    with pytest.raises(FileExistsError, match="holds a study already"):
        exhaust(run(study_of(Otsu(), draws=1), [source], tmp_path))
    with pytest.raises(FileExistsError, match="another study: psnr differ"):
        exhaust(run(study_of(Otsu(), draws=1, psnr=(20, 9)), [source], tmp_path, resume=True))
    exhaust(run(study_of(Otsu(), draws=1, psnr=(20, 9)), [source], tmp_path, overwrite=True))
    assert len(load(tmp_path)[1]) == 3


def test_ends_and_middle_come_first_then_the_gaps_then_more_draws():
    study = study_of(Otsu(), psnr=(30, 25, 20, 15, 10))
    with engine(workers=None) as executor:
        rows = [
            r for p in follow(study, [source_of(*squares())], executor=executor) for r in p.rows
        ]
    order = [(row.dot.level, row.dot.draw) for row in rows]
    assert set(order[:4]) == {(0, 0), (1, 0), (3, 0), (5, 0)}
    assert set(order[4:6]) == {(2, 0), (4, 0)}
    assert set(order[6:]) == {(level, 1) for level in range(1, 6)}


def test_a_level_that_cannot_be_made_is_told_and_the_others_go_on():
    outcome = followed(study_of(Otsu(), psnr=(200, 20, 10)), source_of(*squares()))
    (problem,) = outcome.problems
    assert problem[0] == "squares at PSNR 200 dB"
    assert {row.dot.level for row in outcome.rows} == {0, 2, 3}


@pytest.mark.parametrize(
    ("axes", "shape", "words"),
    [("tyx", (3, 20, 20), "holds several images"), ("yx", (20, 20), "hold no object")],
)
def test_an_image_that_cannot_be_scored_is_told(axes, shape, words):
    image = np.arange(np.prod(shape), dtype="uint16").reshape(shape)
    source = source_of(image, np.zeros(shape, int), axes=axes)
    assert words in dict(followed(study_of(Otsu()), source).problems)["squares"]


def test_memory_is_flat_over_200_samples():
    image, labels = (np.tile(a, (4, 4)) for a in squares())  # 83 kB, 17 MB in all
    study = study_of(Otsu(), psnr=(20, 10), draws=100)
    work, seen = follow(study, [source_of(image, labels)]), {}
    tracemalloc.start()
    try:
        for progress in work:
            seen.setdefault(progress.done, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(seen) == 201
    late = [size for done, size in seen.items() if done > 150]
    assert max(late) - seen[min(n for n in seen if n >= 40)] < 4 << 20


def test_without_labels_it_is_stability_and_an_empty_result_is_unstable(
    on_path, monkeypatch, tmp_path
):
    monkeypatch.setenv("RECORDED", str(tmp_path))
    study = study_of(Otsu(), Function(target="badly_behaved:recorded"), draws=1)
    rows = followed(study, source_of(squares()[0])).rows
    assert all(row.against_itself for row in rows)
    stable = {row.dot.level: row.scores["pq"] for row in rows if row.dot.curve == 0}
    assert stable[0] == 1
    assert stable[1] > stable[3]
    assert {row.scores["pq"] for row in rows if row.dot.curve == 1} == {0}  # finds nothing, always


def test_a_row_is_json_without_numbers_that_json_has_not(tmp_path):
    exhaust(run(study_of(Otsu(), draws=1), [source_of(squares()[0])], tmp_path))
    for path in (tmp_path / ".rows").iterdir():
        json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))

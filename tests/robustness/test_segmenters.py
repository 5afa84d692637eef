"""A segmenter of the user gets the sample as it is, and cannot take the study down with it."""

import re
import sys
import time

import numpy as np
import pytest
from robustness_studies import followed, source_of, squares, study_of

from napari_diversify.robustness.following import follow
from napari_diversify.robustness.segmenters import Command, Function, Otsu, segmenter_in
from napari_diversify.robustness.segmenting import segmented
from napari_diversify.robustness.study import Study


def test_the_sample_behind_a_row_is_what_the_segmenter_was_given(on_path, monkeypatch, tmp_path):
    monkeypatch.setenv("RECORDED", str(tmp_path))
    image, labels = squares()
    source = source_of(image, labels)
    study = study_of(Function(target="badly_behaved:recorded"), prefilter=0.4)
    rows = followed(study, source).rows
    given = [np.load(path) for path in sorted(tmp_path.iterdir())]
    assert {str(array.dtype) for array in given} == {"uint16"}
    made = [row.made_by.apply(image, sample=row.sample) for row in rows]
    assert len(given) == len(made) == 2 * (1 + 3 * 2)
    assert sorted(a.tobytes() for a in given) == sorted(a.tobytes() for a in made)
    assert any(np.array_equal(image, array) for array in given)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dies", "its process ended"),
        ("hangs", "took longer than 2 s"),
        ("raises", "raised RuntimeError: no weights"),
        ("float", "it returned float64, but labels are whole numbers"),
        ("mask", "it returned a mask, not labels"),
        ("negative", "negative labels, down to -1"),
        ("cropped", r"the shape \(3,\) for an image of \(36, 72\)"),
        ("list of texts", r"the shape \(2,\)"),
        ("nothing", "it returned nothing, not an array"),
    ],
)
def test_a_failure_is_a_sentence_and_the_next_image_is_segmented(on_path, monkeypatch, kind, words):
    monkeypatch.setenv("BADLY", kind)
    image, _ = squares()
    bad = Function(target="badly_behaved:turns_bad", time_limit=2)
    first, second = segmented(bad, [image, image], None)
    assert re.search(words, first)
    if kind in ("dies", "hangs"):
        assert second == first  # in a new process, which fails alike
    else:
        assert second.dtype == "uint64"
        assert second.max() > 0


def test_a_study_that_waits_for_a_hanging_segmenter_can_be_stopped(on_path, monkeypatch):
    monkeypatch.setenv("BADLY", "hangs")
    study = study_of(Function(target="badly_behaved:turns_bad", time_limit=1000))
    work = follow(study, [source_of(*squares())])
    next(work)
    started = time.monotonic()
    work.close()
    assert time.monotonic() - started < 500  # not until the time limit


def test_a_failed_segmentation_is_a_row_with_score_0_and_never_dropped(on_path, monkeypatch):
    monkeypatch.setenv("BADLY", "dies")
    study = study_of(Function(target="badly_behaved:turns_bad"), Otsu(), draws=1)
    outcome = followed(study, source_of(*squares()))
    assert outcome.problems == ()
    failed = [row for row in outcome.rows if row.failed]
    assert len(failed) == 4
    assert {row.scores["ap50"] for row in failed} == {0}
    assert {row.scores["count_error"] for row in failed} == {-1}
    assert {row.dot.curve for row in failed} == {0}


def test_a_program_segments_all_samples_of_a_round_at_once(tmp_path):
    (tmp_path / "seg.py").write_text(
        "import sys, pathlib, tifffile\n"
        "given, out = map(pathlib.Path, sys.argv[1:])\n"
        "files = sorted(given.iterdir())\n"
        f"log = pathlib.Path({str(tmp_path / 'log')!r})\n"
        "log.open('a').write(f'{len(files)}\\n')\n"
        "for n, file in enumerate(files):\n"
        "    image = tifffile.imread(file)\n"
        "    if n != 1: tifffile.imwrite(out / file.name, (image > 500).astype('uint8'))\n"
    )
    line = f'"{sys.executable}" "{tmp_path / "seg.py"}" {{in}} {{out}}'
    rows = followed(study_of(Command(line=line)), source_of(*squares())).rows
    # the image as it is, both ends and the middle; nothing in between; one more draw of each
    assert (tmp_path / "log").read_text().split() == ["4", "3"]
    assert len(rows) == 7
    assert [row.failed for row in rows if row.failed] == 2 * [
        "it wrote no file sample_0001.tif to {out}"
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [("python -c 'import sys; sys.exit(\"no GPU\")' {in} {out}", "status 1: no GPU"),
     ("no-such-program {in} {out}", "cannot be started")],
)  # fmt: skip
def test_a_program_that_fails_says_why(line, words):
    found = list(
        segmented(Command(line=line.replace("python", sys.executable)), [squares()[0]], None)
    )
    assert words in found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("otzu", "'otzu' is no segmenter: there are otsu, log"),
        ("log:diameter=big", "parameters of a segmenter are NAME=NUMBER"),
        ("log:width=3", "LoG has no parameter 'width'"),
        ("mine.py:not a name", "a function (image, spacing) that returns labels"),
    ],
)
def test_words_that_name_no_segmenter_are_refused_in_a_sentence(text, words):
    with pytest.raises(ValueError) as refusal:
        segmenter_in(text)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"psnr": ()}, "a study has one axis"),
        ({"psnr": (10, 20)}, "must fall"),
        ({"psnr": (20,)}, "two levels"),
        ({"psnr": (), "parameter": "cutoff", "values": (1, 0.5)}, "by the name 'cutoff'"),
        ({"psnr": (), "parameter": "w_v", "values": (1, 99)}, "w_v can be from 0 to 32; got 99"),
        ({"psnr": (), "parameter": "w_v", "values": (1, 3, 2)}, "rise or fall all the way"),
        ({"segmenters": (Otsu(), Otsu())}, "given twice"),
        ({"draws": 0}, "draws must be from 1"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused_in_a_sentence(changes, words):
    with pytest.raises(ValueError) as refusal:
        study_of(Otsu()).replace(**changes)
    assert words in str(refusal.value)


def test_a_study_is_json_and_comes_back_equal():
    study = study_of(Otsu(smoothing=2), segmenter_in("a.b:c"), prefilter=0.3, draws="auto")
    assert Study.from_json(study.to_json()) == study

"""The command that finds out from where on a segmenter fails, as its user sees it."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_diversify import Recipe
from napari_diversify.cli.main import main
from napari_diversify.recipe import Diversify

MINE = """
def halves(image, spacing):
    import numpy as np
    if image.std() > 230: raise ValueError("too noisy for me")
    return (image > 400) * (1 + np.arange(image.shape[1]) // 20)
"""


def table(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Folder of a finished study, and what the command said."""
    here = tmp_path_factory.mktemp("robustness")
    labels = np.kron(np.arange(1, 13, dtype="uint8").reshape(3, 4), np.ones((20, 20), "uint8"))
    labels[np.add.outer(np.arange(60) % 20 < 4, np.arange(80) % 20 < 6)] = 0
    ground = np.add.outer(np.arange(60), np.arange(80)) % 17
    tifffile.imwrite(here / "cells.tif", (100 + ground + 600 * (labels > 0)).astype("uint16"))
    tifffile.imwrite(here / "cells_labels.tif", labels)
    Recipe(steps=(Diversify(),), seed=2).save(here / "recipe.json")
    (here / "mine.py").write_text(MINE)
    words = [
        str(here / "recipe.json"), str(here / "cells.tif"), "-o", str(here / "study"),
        "--segmenter", "otsu", "--segmenter", f"{here / 'mine.py'}:halves",
        "--labels", str(here / "cells_labels.tif"), "--psnr", "30,20,8",
        "--draws", "2", "--prefilter", "0.5",
    ]  # fmt: skip
    done = CliRunner().invoke(main, ["robustness", *words])
    return here, words, done


def test_it_writes_scores_curves_objects_and_a_page_and_says_what_failed(study):
    here, _, done = study
    assert done.exit_code == 3, done.output  # some segmentations failed
    assert "otsu: AP at IoU 0.5 is 1.00 in the image as it is, and holds to" in done.output
    assert "failed and count as 0; the first: it raised ValueError: too noisy for me" in done.output
    lines = table(here / "study" / "scores.csv")
    assert len(lines) == 4 * (1 + 3 * 2)
    assert {line["ap50"] for line in lines if line["failed"]} == {"0"}
    objects = table(here / "study" / "objects.csv")
    assert {line["label"] for line in objects} == {str(n) for n in range(1, 13)}


def test_the_page_says_the_same_and_needs_nothing_else(study):
    here, _, _ = study
    page = (here / "study" / "robustness.html").read_text(encoding="utf-8")
    assert "too noisy for me" in page
    assert "TP / (TP + FP + FN)" in page
    assert "Two images at one PSNR are not equally noisy" in page
    assert "<script" not in page
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert {link[0] for link in links} == {"#"}
    assert "default-src 'none'" in page
    again = CliRunner().invoke(main, ["report", str(here / "study")])
    assert again.exit_code == 0
    assert (here / "study" / "robustness.html").read_text(encoding="utf-8") == page


def test_the_curves_are_the_same_picture_as_svg_and_as_png(study):
    here, _, _ = study
    drawing = ElementTree.parse(here / "study" / "curves.svg").getroot()
    shapes = [element.tag.rpartition("}")[2] for element in drawing]
    assert shapes.count("circle") == 4 * 3
    width, height = (float(n) for n in drawing.attrib["viewBox"].split()[2:])
    picture = Image.open(here / "study" / "curves.png")
    assert picture.size == (3 * width, 3 * height)
    colours = {colour for _, colour in picture.getcolors(1 << 20)}
    assert {(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)} <= colours


def test_it_resumes_only_when_asked_and_its_plan_makes_nothing(study):
    here, words, _ = study
    again = CliRunner().invoke(main, ["robustness", *words])
    assert again.exit_code == 1
    assert "holds a study already" in again.output
    kept = CliRunner().invoke(main, ["robustness", *words, "--resume", "--json"])
    told = json.loads(kept.stdout)
    assert (kept.exit_code, told["rows"]) == (3, 28)
    words = [word if word != str(here / "study") else str(here / "plan") for word in words]
    plan = CliRunner().invoke(main, ["robustness", *words, "--dry-run"])
    assert plan.exit_code == 0
    assert "7 samples of 1 image(s) would be made, and 28 segmentations" in plan.output
    assert not (here / "plan").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--vary", "w_v=0:8"], "NAME=FIRST:LAST:COUNT"),
        (["--psnr", "30,20", "--vary", "w_v=0:8:3"], "study has one axis"),
        (["--psnr", "30,20", "--draws", "many"], "a whole number, or the word auto"),
        (["--psnr", "30,20", "--score", "iou"], "must be 'ap50'"),
        (["--psnr", "30,20", "--segmenter", "no_such:thing"], "no_such:thing cannot be loaded"),
        (["--psnr", "30,20", "--command", "seg.py"], "names the folder with the images as {in}"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(study, words, says):
    here, _, _ = study
    given = [str(here / "recipe.json"), str(here / "cells.tif"), "-o", str(here / "other")]
    done = CliRunner().invoke(main, ["robustness", *given, *words])
    assert done.exit_code == 1
    assert says in done.output

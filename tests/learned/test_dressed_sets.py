"""Dressed training sets: labels match their files, and every file can be made again."""

import csv
import json

import numpy as np
import pytest
from test_dressing import PIXEL, tiny
from typer.testing import CliRunner

from napari_diversify import files
from napari_diversify.cli.main import main
from napari_diversify.recipe.provenance import Provenance
from napari_diversify.report import write_report
from napari_diversify.synthetic import renderers
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.plan import Plan
from napari_diversify.synthetic.renderers import Renderer


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("models") / "m")


@pytest.fixture
def folder(model):
    """Where the model is."""
    from napari_diversify.learned.folder import split

    return split(model.name)[0]


def run(*words):
    done = CliRunner().invoke(main, [*map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def read(path):
    with files.open_image(path) as image:
        return np.asarray(image.data), image.header


@pytest.mark.parametrize("layout", sorted(files.LAYOUTS))
def test_labels_are_what_the_model_finds_in_the_file_and_the_file_can_be_made_again(
    model, folder, tmp_path, layout
):
    out = tmp_path / "set"
    done = run("dress", folder, "-o", out, "-n", 2, "--shape", "72,80", "--layout", layout,
               "--seed", 5)  # fmt: skip
    assert done.exit_code == 0, done.output
    with open(out / "manifest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["5", "6"]
    assert {row["dressing.model"] for row in rows} == {model.card.hash}
    for row in rows:
        image, header = read(out / row["file"])
        image = image.reshape(72, 80)
        plan = Plan.from_record(Provenance.read(header.provenance).specimen)
        assert np.array_equal(np.asarray(plan.specimen().image), image)
        source, _ = read(out / row["dressing.source_mask"])
        assert np.array_equal(np.asarray(plan.specimen().labels), source)
        assert header.spacing == PIXEL
        if row["labels"]:
            labels, _ = read(out / row["labels"])
            found = model.masks(image)
            if files.LAYOUTS[layout].semantic:
                found = next(files.semantic_planes(found, 2))
            assert np.array_equal(labels.reshape(72, 80), found)
        if row["clean"]:
            calm = model.picture(source, noise=False)
            clean, _ = read(out / row["clean"])
            assert np.abs(clean - np.clip(calm, 0, None)).max() <= 0.5
    assert run("replay", *(out / row["file"] for row in rows)).exit_code == 0
    again = run("dress", folder, "-o", out, "--layout", layout, "--shape", "72,80")
    assert again.exit_code == 1
    assert "exists and is left as it is" in again.stderr


def test_the_report_reads_the_manifest_of_a_dressed_set(folder, tmp_path):
    run("dress", folder, "-o", tmp_path / "set", "-n", 3, "--shape", "64,64")
    page = write_report(tmp_path / "set").read_text(encoding="utf-8")
    assert "probe.unseen" in page


def test_specimens_look_as_the_model_has_learned_in_any_part_of_them(model):
    plan = Plan(SyntheticNuclei(seed=2), (3, 60, 72), (0.5, *PIXEL), Renderer(model=model.name))
    again = Plan.from_record(json.loads(plan.to_json()))
    assert again == plan
    assert "--renderer" in plan.command()
    image, plain = plan.specimen().image, Plan(plan.model, plan.shape, plan.spacing).specimen()
    whole = np.asarray(image)
    assert whole.dtype == np.uint16
    assert not np.array_equal(whole, plain.image)
    assert np.array_equal(plan.specimen().labels, plain.labels)
    assert np.array_equal(again.specimen().image[1, 7:31:3, ::-2], whole[1, 7:31:3, ::-2])
    assert not np.array_equal(whole[0] - whole[0].mean(), whole[2] - whole[2].mean())


def test_pixels_unlike_those_of_the_training_are_noted(model):
    plan = Plan(SyntheticNuclei(), (64, 64), (0.1, 0.1), Renderer(model=model.name))
    assert "was trained on pixels of 0.5 µm; these have 0.1 µm." in plan.specimen().note


def test_phantom_offers_the_renderer(model, folder, tmp_path):
    out = tmp_path / "a.tif"
    done = run("phantom", out, "--renderer", folder, "--shape", "60,72", "--spacing", "0.5,0.5",
               "--seed", 4)  # fmt: skip
    assert done.exit_code == 0, done.output
    plan = Plan(SyntheticNuclei(seed=4), (60, 72), PIXEL, Renderer(model=model.name))
    assert np.array_equal(read(out)[0], np.asarray(plan.specimen().image))
    assert Plan.load(tmp_path / "a.json") == plan
    told = run("replay", out, tmp_path / "a_labels.tif")
    assert told.exit_code == 0, told.output
    assert told.stdout.count("equal in all 4,320 voxels, made from a synthetic specimen") == 2


def test_a_renderer_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(renderers, "entry_points", lambda group: [])
    plan = Plan(SyntheticNuclei(), (32, 32), PIXEL, Renderer(model="nothing"))
    with pytest.raises(ImportError, match="there is no renderer 'dressing'"):
        plan.specimen()
    assert run("phantom", tmp_path, "--renderer", tmp_path / "no").exit_code == 1


def test_a_record_without_a_renderer_is_as_it_was():
    assert "renderer" not in Plan().record()

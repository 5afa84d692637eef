"""A step of another package: one file and an entry point, as docs/adding-a-step.md says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_diversify
from napari_diversify.recipe.steps.registry import kinds

PAGE = Path(__file__).parents[2] / "docs/adding-a-step.md"
SOURCE = Path(napari_diversify.__file__).parents[1]
RECIPE = {"schema_version": 1, "seed": 3, "steps": [{"kind": "shot", "photons": 30}]}


def block(name):
    return re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE.read_text("utf-8"), re.S).group(1)


@pytest.fixture
def run(tmp_path):
    """Run Python, or our command, where the package of the page is installed."""
    site = tmp_path / "site"
    information = site / "shot_noise-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "shot_noise.py").write_text(block("step"), "utf-8")
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: shot-noise\nVersion: 1.0\n")
    group, line = block("entry").strip().splitlines()
    group = group.removeprefix("[project.entry-points.").removesuffix("]").strip('"')
    (information / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n")
    path = os.pathsep.join([str(site), str(SOURCE), os.environ.get("PYTHONPATH", "")])

    def run_(*arguments, code=None, check=True):
        command = ["-c", code] if code else ["-m", "napari_diversify", *map(str, arguments)]
        done = subprocess.run(
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run_


@pytest.fixture
def image(tmp_path):
    """A file with an image, and the recipe beside it."""
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    values = np.random.default_rng(0).integers(0, 1000, (5, 24, 32)).astype("uint16")
    tifffile.imwrite(tmp_path / "a.ome.tif", values, metadata={"axes": "ZYX"})
    return values


def test_it_can_be_read_written_looked_at_and_varied(run):
    answer = run(
        code="""
import numpy as np
from napari_diversify import LazyVolume, Recipe
from napari_diversify.recipe import Diversify, Sampling
from shot_noise import ShotNoise
recipe = Recipe(steps=(ShotNoise(photons=30), Diversify(), ShotNoise(photons=50)), seed=3)
assert Recipe.from_json(recipe.to_json()) == recipe
image = np.random.default_rng(0).random((4, 9, 11), dtype="float32")
whole = recipe.apply(image)
assert (LazyVolume(image, recipe)[2, 3:7] == whole[2, 3:7]).all()
assert (recipe.apply(image, sample=1) != whole).any()
sampling = Sampling(recipe=recipe, samples=2, ranges={"0.photons": (10, 100)})
assert 10 <= sampling.drawn(1)["0.photons"] <= 100
try:
    Recipe.from_json(recipe.to_json().replace("30.0", "-1"))
except ValueError as error:
    print(error)
"""
    )
    assert answer == "photons must be greater than 0.0; got -1\n"


def test_the_command_line_makes_samples_with_it_and_knows_their_files(run, image, tmp_path):
    run(
        *("apply", "recipe.json", "a.ome.tif", "-o", "out", "--samples", 2),
        *("--range", "photons=10:100", "--format", "ome-tiff"),
    )
    table = (tmp_path / "out/manifest.csv").read_text().splitlines()
    assert "shot.photons" in table[0]
    assert len(table) == 3
    (first, second) = sorted(tmp_path.glob("out/**/*.tif"))
    assert (tifffile.imread(first) != tifffile.imread(second)).any()
    assert re.search(r"shot: photons [\d.]+ photons", run("info", first))
    assert "equal in all 3,840 voxels" in run("replay", first)
    run("report", "out")
    assert "shot.photons" in (tmp_path / "out/report.html").read_text()


def test_without_its_package_files_are_still_told_and_recipes_name_what_is_missing(
    run, image, tmp_path
):
    run("apply", "recipe.json", "a.ome.tif", "-o", "out", "--format", "ome-tiff")
    (made,) = tmp_path.glob("out/**/*.tif")
    (tmp_path / "site/shot_noise.py").write_text("raise ImportError('torch is missing')")
    assert "shot: photons 30" in run("info", made)
    answer = run("apply", "recipe.json", "a.ome.tif", "-o", "more", check=False)
    assert f"steps.0.kind must be one of {', '.join(map(repr, kinds()))}; got 'shot'" in answer
    assert "The step 'shot' of shot_noise:ShotNoise cannot be used: torch is missing" in answer


def test_the_dock_offers_it_shows_it_and_saves_it(run, image, tmp_path):
    """Its card, its form, its layer, its place in the menu, a recipe that holds it."""
    answer = run(
        code="""
import json, sys, time
import numpy as np, tifffile
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_diversify import Recipe
from napari_diversify.widgets.diversify.dock import Explorer
viewer = ViewerModel()
image = tifffile.imread("a.ome.tif")
viewer.add_image(image, name="a")
dock = Explorer(viewer)
dock.show()
def wait(condition):
    deadline = time.monotonic() + 60
    while not condition():
        app.processEvents()
        assert time.monotonic() < deadline
dock.load("recipe.json")
wait(lambda: dock.view("shot") is not None and dock.view("shot").live.layer is not None)
wait(lambda: not any(task.running for task in dock._tasks()))
layer = dock.view("shot").live.layer
print(layer.name, dock.card("shot").title.text(), sorted(dock.card("shot").panel.form.controls))
assert (np.asarray(layer.data) == dock.value().apply(image)).all()
dock.card("shot").panel.form.controls["photons"].valueChanged.emit(55.0)
wait(lambda: layer.metadata["napari-diversify"]["recipe"]["steps"][0]["photons"] == 55)
wait(lambda: not any(task.running for task in dock._tasks()))
assert (np.asarray(layer.data) == dock.value().apply(image)).all()
dock.cards._fill_menu()
print([action.text() for action in dock.cards.menu.actions()])
dock.cards.added.emit("shot")
wait(lambda: dock.view("shot", number=2) is not None)
dock.save("saved.json")
print([step.photons for step in Recipe.load("saved.json").steps])
dock.close()
"""
    )
    said = [line for line in answer.splitlines() if not line.startswith("WARNING")]
    assert said == [
        "a (shot noise) Shot noise ['photons']",
        "['Contrast (deep tissue)', 'Diversify', 'Shot noise', 'Denoise (learned)', "
        "'Restore contrast', 'Restore contrast (learned)', 'Low-pass (DCT)']",
        "[55.0, 100.0]",
    ]


def test_a_step_that_lacks_something_is_refused_with_a_sentence(run):
    answer = run(
        code="""
from napari_diversify.recipe.steps.registry import register
from napari_diversify.recipe.steps.step import ExtraView
from shot_noise import ShotNoise
class NoCompute(ShotNoise):
    noise_weight = "photons"
class Odd(ShotNoise):
    views = (ExtraView("mine", "mine", "show mine", "Mine."),)
for step in (NoCompute, Odd):
    try:
        register(step)
    except ValueError as error:
        print(error)
"""
    )
    assert answer.splitlines() == [
        "NoCompute does not define windows and with_psnr",
        "Odd offers the view 'mine'; there are sigma, removed, hidden",
    ]

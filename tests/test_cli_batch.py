"""apply, series, replay and info: what they print, what they write, how they end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_diversify import Recipe, files
from napari_diversify.cli import files as cli_files
from napari_diversify.cli import main as cli
from napari_diversify.core import contrast_by_depth, michelson_contrast
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass
from napari_diversify.recipe.provenance import KEY, Provenance, of_voxels
from napari_diversify.writers import write_ome_tiff

RECIPE = Recipe(steps=(Diversify(w_i=0.9, w_v=2.0),), seed=7)


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(cli.main, [str(a) for a in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        return result

    return call


@pytest.fixture
def image(make_image):
    return make_image((4, 30, 36))


@pytest.fixture
def here(tmp_path, image):
    """A recipe, an image and its labels in the folder in which the command runs."""
    RECIPE.save(tmp_path / "recipe.json")
    header = files.Header(
        image.shape, image.dtype, "zyx", (2.0, 0.5, 0.5), ("micrometer",) * 3, name="cells"
    )
    files.write_tiff(tmp_path / "cells.tif", header, files.planes_of(image, header))
    labels = (image > image.mean()).astype("uint8")
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks" / "cells.tif", labels, photometric="minisblack")
    return tmp_path


def names(folder):
    return sorted(p.name for p in Path(folder).iterdir())


def tree(folder):
    """Every file under a folder with its bytes."""
    return {p: p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def voxels(path):
    with files.open_image(path) as image:
        return image.data[...]


# ---- apply ----


def test_apply_makes_what_the_recipe_makes(invoke, here, image):
    result = invoke("apply", "recipe.json", "cells.tif", "-o", "train", "-n", 2)
    assert result.exit_code == 0
    assert result.stdout == "2 samples made in train.\n"
    assert result.stderr == ""
    assert names("train") == [
        ".diversify", "cells_0000.ome.zarr", "cells_0001.ome.zarr", "manifest.csv"
    ]  # fmt: skip
    for n in range(2):
        wanted = RECIPE.apply(image, spacing=(2.0, 0.5, 0.5), sample=n)
        assert voxels(f"train/cells_000{n}.ome.zarr").tobytes() == wanted.tobytes()


def test_a_recipe_may_be_written_on_the_command_line(invoke, here):
    text = RECIPE.to_json()
    assert invoke("apply", text, "cells.tif", "-o", "a").exit_code == 0
    assert invoke("apply", "recipe.json", "cells.tif", "-o", "b").exit_code == 0
    a, b = (voxels(f"{folder}/cells_0000.ome.zarr") for folder in "ab")
    assert a.tobytes() == b.tobytes()


def test_every_option_of_apply_arrives(invoke, here):
    result = invoke(
        "apply", "recipe.json", "cells.tif", "--output", "train", "--samples", 2,
        "--strategy", "grid", "--range", "w_v=0:4:2", "--range", "w_i=1:1.5:1",
        "--labels", "masks", "--layout", "stardist", "--format", "tiff", "--axes", "tyx",
        "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["made"] == [f"cells_000{n}" for n in range(4)]
    assert (told["kept"], told["failed"]) == ([], [])
    lines = Path(told["manifest"]).read_text().splitlines()
    assert len(lines) == 1 + 4 * 4  # of each plane by itself
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert [float(r["diversify.w_v"]) for r in rows[::4]] == [0, 0, 4, 4]
    assert {float(r["diversify.w_i"]) for r in rows} == {1.25}
    assert names("train/images") == names("train/masks")


def test_chunks_and_shards_arrive(invoke, here):
    import zarr

    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "--chunk", 8, "--shard", 16)
    assert invoke(*arguments).exit_code == 0
    array = zarr.open_array("train/cells_0000.ome.zarr/0", mode="r")
    assert (array.chunks[-1], array.shards[-1]) == (8, 16)


def test_a_dry_run_says_what_would_be_made_and_writes_nothing(invoke, here):
    before = names(".")
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "-n", 30, "--dry-run",
                 "--range", "w_v=1:3")  # fmt: skip
    result = invoke(*arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith("30 samples of 1 image(s) would be made in train, 0.00 GB")
    assert "cells_0019: diversify.w_v" in result.stdout
    assert result.stdout.endswith("and 10 more\n")
    told = json.loads(invoke(*arguments, "--json").stdout)
    assert told["bytes"] == 30 * 2 * 4 * 30 * 36
    assert len(told["samples"]) == 30
    assert names(".") == before
    invoke(*arguments[:-3], "--range", "w_v=1:3")
    manifest = Path("train/manifest.csv").read_text().splitlines()
    column = manifest[0].split(",").index("diversify.w_v")
    drawn = [float(line.split(",")[column]) for line in manifest[1:]]
    assert drawn == [row["diversify.w_v"] for row in told["samples"]]


def test_existing_samples_are_kept_resumed_or_overwritten(invoke, here):
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "--format", "ome-tiff")
    assert invoke(*arguments).exit_code == 0
    made = os.stat("train/cells_0000.ome.tif")
    again = invoke(*arguments)
    assert again.exit_code == 1
    assert again.stdout == ""
    assert "1 of 1 samples exist in train already" in again.stderr
    resumed = invoke(*arguments, "-n", 2, "--resume")
    assert resumed.exit_code == 0
    assert resumed.stdout == "1 samples made in train, 1 kept from before.\n"
    assert os.stat("train/cells_0000.ome.tif").st_mtime_ns == made.st_mtime_ns
    fewer = invoke(*arguments, "--overwrite")
    assert fewer.exit_code == 1
    assert "1 older files of 1 samples that would not be made again would stay" in fewer.stderr
    assert os.stat("train/cells_0000.ome.tif").st_mtime_ns == made.st_mtime_ns
    assert invoke(*arguments, "-n", 2, "--overwrite").exit_code == 0
    assert os.stat("train/cells_0000.ome.tif").st_mtime_ns != made.st_mtime_ns
    both = invoke(*arguments, "--overwrite", "--resume")
    assert both.exit_code == 1
    assert "choose one" in both.stderr


def test_files_of_another_layout_are_removed_by_overwriting_and_told(invoke, here):
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "-n", 2, "--overwrite")
    invoke(*arguments)
    result = invoke(*arguments, "--layout", "stardist")
    assert result.exit_code == 0
    assert result.stdout == (
        "2 samples made in train.\n"
        "2 older files of these samples were removed, the first was cells_0000.ome.zarr.\n"
    )
    assert names("train") == [".diversify", "images", "manifest.csv"]
    told = json.loads(invoke(*arguments, "--json").stdout)
    assert told["removed"] == ["images/cells_0000.tif", "images/cells_0001.tif"]
    assert json.loads(invoke(*arguments, "--json").stdout)["removed"] == []


IN_THE_WAY = {
    "samples": (("-n", 3), (), 1),
    "samples of another layout": (("-n", 3), ("--layout", "stardist"), 1),
    "older samples": (("-n", 3), ("-n", 2, "--overwrite"), 1),
    "other settings": (("-n", 2), ("-n", 3, "--resume", "--range", "w_v=0:1"), 3),
    "both": (("-n", 1), ("--resume", "--overwrite"), 1),
}


@pytest.mark.parametrize("kind", IN_THE_WAY)
def test_a_dry_run_is_answered_as_the_run_itself(invoke, here, kind):
    first, second, status = IN_THE_WAY[kind]
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train")
    assert invoke(*arguments, *first).exit_code == 0
    before = tree("train")
    dry = invoke(*arguments, *second, "--dry-run")
    assert tree("train") == before
    real = invoke(*arguments, *second)
    assert dry.exit_code == real.exit_code == status
    assert dry.stderr == real.stderr != ""


def test_a_dry_run_tells_of_labels_drawn_by_hand_and_of_images_that_cannot_be_read(invoke, here):
    (here / "raw").mkdir()
    shutil.copy("cells.tif", "raw/cells.tif")
    (here / "raw" / "broken.tif").write_bytes(b"nothing of the kind")
    shutil.copy("masks/cells.tif", "masks/broken.tif")
    (here / "train" / "masks").mkdir(parents=True)
    (here / "train" / "masks" / "cells_0001.tif").write_text("drawn by hand")
    arguments = ("apply", "recipe.json", "raw", "-o", "train", "--labels", "masks", "-n", 2,
                 "--layout", "stardist")  # fmt: skip
    dry = invoke(*arguments, "--dry-run")
    assert dry.exit_code == 3
    assert dry.stdout.startswith("1 samples of 1 image(s) would be made in train, ")
    told = json.loads(invoke(*arguments, "--dry-run", "--json").stdout)
    assert [row["sample"] for row in told["samples"]] == ["cells_0000"]
    assert told["bytes"] == (2 + 1) * 4 * 30 * 36
    real = invoke(*arguments)
    assert real.exit_code == 3
    assert dry.stderr == real.stderr
    assert dry.stderr.startswith("Note: labels: ")
    lines = [line for line in dry.stderr.splitlines() if not line.startswith("Note: ")]
    assert len(lines) == 3
    assert all(" failed: " in line for line in lines)


def test_a_dry_run_says_what_is_kept_and_what_is_still_to_be_made(invoke, here):
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "-n")
    invoke(*arguments, 1)
    result = invoke(*arguments, 3, "--resume", "--dry-run")
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.startswith("2 samples of 1 image(s) would be made in train, 1 kept from before, ")
    assert rows == ["  cells_0001", "  cells_0002"]
    told = json.loads(invoke(*arguments, 3, "--resume", "--dry-run", "--json").stdout)
    assert told["kept"] == ["cells_0000"]
    assert told["bytes"] == 2 * 2 * 4 * 30 * 36


def test_a_dry_run_tells_the_target_of_each_sample(invoke, here):
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "--psnr", "20,12.5",
                 "--range", "w_i=0.5:1", "--dry-run")  # fmt: skip
    rows = invoke(*arguments).stdout.splitlines()[1:]
    assert rows[0].startswith("  cells_0000: target_psnr 20 dB, diversify.w_i 0.")
    assert rows[1].startswith("  cells_0001: target_psnr 12.5 dB, diversify.w_i 0.")
    told = json.loads(invoke(*arguments, "--json").stdout)
    assert [row["target_psnr"] for row in told["samples"]] == [20, 12.5]
    assert "target_psnr" not in invoke("apply", "recipe.json", "cells.tif", "-o", "train",
                                       "--dry-run").stdout  # fmt: skip


def test_a_folder_with_one_bad_image_gives_the_others_and_status_3(invoke, here, image):
    (here / "raw").mkdir()
    for name in "ac":
        tifffile.imwrite(here / "raw" / f"{name}.tif", image, photometric="minisblack")
    (here / "raw" / "b.tif").write_bytes(b"nothing of the kind")
    result = invoke("apply", "recipe.json", "raw", "-o", "train")
    assert result.exit_code == 3
    assert result.stdout == "2 samples made in train.\n"
    note, failed = result.stderr.splitlines()
    assert note.startswith("Note: a, c: the file does not say what its 4 planes are")
    assert failed.startswith("b_0000 failed: ")
    assert "b.tif" in failed
    told = invoke("apply", "recipe.json", "raw", "-o", "train", "--resume", "--json")
    assert told.exit_code == 3
    values = json.loads(told.stdout)
    assert values["kept"] == ["a_0000", "c_0000"]
    assert [row["sample"] for row in values["failed"]] == ["b_0000"]


# ---- mistakes ----

A = ("apply", "recipe.json", "cells.tif", "-o", "train")
MISTAKES = {
    "no recipe": (("apply", "missing.json", "cells.tif", "-o", "t"), "missing.json"),
    "no JSON": (("apply", "{not json", "cells.tif", "-o", "t"), "not a recipe"),
    "an image as recipe": (("apply", "cells.tif", "cells.tif", "-o", "t"), "cells.tif"),
    "no steps": (("apply", Recipe().to_json(), "cells.tif", "-o", "t"), "no steps"),
    "newer": (
        ("apply", RECIPE.to_json().replace('version": 1', 'version": 99'), "cells.tif", "-o", "t"),
        "version 99.*Update napari-diversify",
    ),
    "no image": (("apply", "recipe.json", "nothing.tif", "-o", "t"), "nothing.tif"),
    "empty folder": (("apply", "recipe.json", "empty", "-o", "t"), "no image in this folder"),
    "0 samples": ((*A, "-n", 0), "Samples must be 1 or more; got 0"),
    "strategy": ((*A, "--strategy", "wild"), "Strategy must be"),
    "layout": ((*A, "--layout", "imaginary"), "Layout must be one of plain"),
    "format": ((*A, "--format", "png"), "ome-zarr or ome-tiff"),
    "layout and format": ((*A, "--layout", "nnunet", "--format", "ome-zarr"), "takes tiff"),
    "chunks of TIFF": ((*A, "--format", "ome-tiff", "--chunk", 9), "ome-zarr files only"),
    "range": ((*A, "--range", "w_v"), "A range is NAME=LOW:HIGH"),
    "range of one": ((*A, "--range", "w_v=3"), "A range is NAME=LOW:HIGH.*got 'w_v=3'"),
    "range of four": ((*A, "--range", "w_v=1:2:3:4"), "A range is NAME=LOW:HIGH"),
    "range without name": ((*A, "--range", "=1:2"), "A range is NAME=LOW:HIGH"),
    "range of words": ((*A, "--range", "w_v=low:high"), "A range is NAME=LOW:HIGH"),
    "range beyond": ((*A, "--range", "w_i=0:40"), "w_i must be at most 4.0; got 40"),
    "range unknown": ((*A, "--range", "w_x=0:1"), "No number of the recipe.*diversify.w_v"),
    "half a count": ((*A, "--strategy", "grid", "--range", "w_v=0:1:2.5"), "range|whole"),
    "endless count": ((*A, "--strategy", "grid", "--range", "w_v=0:1:inf"), "range|whole|finite"),
    "range given twice": ((*A, "--range", "w_v=0:1", "--range", "w_v=2:3"), "two ranges"),
    "psnr words": ((*A, "--psnr", "high"), "PSNR levels are numbers separated by commas"),
    "psnr and w_v": ((*A, "--psnr", "20", "--range", "w_v=0:1"), "w_v cannot have a range"),
    "labels": ((*A, "--labels", "nothing"), "nothing"),
    "labels of pairs": ((*A, "--labels", "masks", "--layout", "careamics"), "not labels"),
    "two engines": ((*A, "--workers", 2, "--scheduler", "tcp://127.0.0.1:1"), "not both"),
    "series of nothing": (("series", "cells.tif", "-o", "t", "--psnr", ","), "PSNR"),
    "replay of nothing": (("replay", "nothing.tif"), "nothing.tif"),
    "replay of a source": (("replay", "cells.tif"), "carries no recipe"),
    "info of nothing": (("info", "nothing.tif"), "nothing.tif"),
    "info of text": (("info", "recipe.json"), "an image must be one of"),
}


@pytest.mark.parametrize("kind", MISTAKES)
@pytest.mark.parametrize("as_json", [False, True], ids=["", "json"])
def test_a_mistake_is_answered_in_one_sentence_and_nothing_is_written(invoke, here, kind, as_json):
    arguments, said = MISTAKES[kind]
    (here / "empty").mkdir()
    before = names(here)
    result = invoke(*arguments, *(["--json"] if as_json else []))
    assert result.exit_code == 1, result.output
    rows = result.stdout and json.loads(result.stdout)  # info and replay: a row per file
    assert bool(rows) == (as_json and arguments[0] in ("info", "replay"))
    assert all(row.keys() == {"path", "why"} for row in rows)
    assert result.stderr.endswith(".\n")
    assert result.stderr.count("\n") == 1
    assert re.search(said, result.stderr)
    assert names(here) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply",),
        ("apply", "recipe.json"),
        ("apply", "recipe.json", "cells.tif"),
        (*A, "-n", "many"),
        (*A, "--workers", 0),
        (*A, "--no-such-option"),
        ("series", "cells.tif"),
        ("replay",),
        ("aply", "recipe.json"),
    ],
    ids=lambda a: " ".join(map(str, a)),
)
def test_a_wrong_command_ends_with_status_2(invoke, here, arguments):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage" in result.stderr


@pytest.mark.parametrize("command", ["apply", "series", "replay", "info", "demo"])
def test_help_says_what_a_command_does(invoke, command):
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"napari-diversify {command}" in result.output or command == "demo"
    assert "Usage" in result.output


@pytest.mark.parametrize("command", ["apply", "series", "replay", "info"])
def test_an_example_in_the_help_stands_on_lines_of_its_own(invoke, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = invoke(command, "--help").output
    examples = [line for line in text.splitlines() if f"napari-diversify {command} " in line]
    shown = [line for line in examples if "[OPTIONS]" not in line]
    assert shown
    for line in shown:
        assert line.strip(" │").startswith("napari-diversify")
        assert line.count("napari-diversify") == 1


# ---- series, replay, info ----


def test_series_reaches_its_levels(invoke, here, image):
    result = invoke("series", "cells.tif", "-o", "bench", "--psnr", "20, 15;12")
    assert result.exit_code == 0, result.stderr
    lines = Path("bench/manifest.csv").read_text().splitlines()
    head = lines[0].split(",")
    at = head.index("target_psnr"), head.index("psnr"), head.index("file")
    peak = float(image.max()) - float(image.min())
    for line, target in zip(lines[1:], (20, 15, 12), strict=True):
        values = [line.split(",")[k] for k in at]
        got = voxels(Path("bench") / values[2]).astype(float)
        reached = 10 * np.log10(peak**2 / np.mean((got - image) ** 2))
        assert float(values[0]) == target
        assert abs(reached - target) < 0.05
        assert float(values[1]) == pytest.approx(reached, abs=1e-5)


def test_series_takes_a_recipe_and_several_samples(invoke, here):
    chain = Recipe(steps=(Diversify(), LowPass(cutoff=1.3)), seed=3)
    chain.save("chain.json")
    result = invoke(
        "series", "cells.tif", "-o", "bench", "--psnr", "15,12", "--recipe", "chain.json",
        "-n", 2, "--layout", "stardist", "--labels", "masks", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert len(json.loads(result.stdout)["made"]) == 4
    unreachable = invoke("series", "cells.tif", "-o", "more", "--psnr", "12,0.5")
    assert unreachable.exit_code == 3
    assert "0.5 dB is out of reach" in unreachable.stderr
    assert names("more") == [".diversify", "cells_0000.ome.zarr", "manifest.csv"]


def test_replay_says_whether_a_file_is_what_its_recipe_makes(invoke, here, image):
    assert invoke(*A, "-n", 2, "--format", "ome-tiff").exit_code == 0
    paths = ["train/cells_0000.ome.tif", "train/cells_0001.ome.tif"]
    same = invoke("replay", *paths)
    assert same.exit_code == 0
    assert same.stdout.count(f"equal in all {image.size:,} voxels") == 2
    # one grey level in one voxel of the source
    image[2, 3, 4] += 1 if image[2, 3, 4] < image.max() - 1 else -1
    tifffile.imwrite("edited.tif", image, photometric="minisblack")
    other = invoke("replay", *paths, "--source", "edited.tif")
    assert other.exit_code == 3
    assert "DIFFERENT in" in other.stdout
    rows = json.loads(invoke("replay", *paths, "--source", "edited.tif", "--json").stdout)
    assert [row["voxels"] for row in rows] == [image.size] * 2
    assert all(0 < row["different"] < 1000 for row in rows)
    assert all(row["source"] == "edited.tif" for row in rows)
    before = names(".")
    invoke("replay", *paths)
    assert names(".") == before


def test_a_file_that_cannot_be_replayed_does_not_stop_the_others(invoke, here, image):
    assert invoke(*A, "-n", 3, "--format", "ome-tiff").exit_code == 0
    paths = [f"train/cells_000{n}.ome.tif" for n in range(3)]
    Path(paths[1]).write_bytes(Path(paths[1]).read_bytes()[:-500])
    result = invoke("replay", paths[0], "nothing.tif", paths[1], "cells.tif", paths[2])
    assert result.exit_code == 3
    assert result.stdout.count(f"equal in all {image.size:,} voxels") == 2
    missing, cut, plain, count = result.stderr.splitlines()
    assert missing.startswith("nothing.tif: ")
    assert paths[1] in cut
    assert plain.startswith("cells.tif carries no recipe")
    assert all(line.endswith(".") for line in (missing, cut, plain))
    assert count == "3 of 5 files could not be made again."
    rows = json.loads(invoke("replay", paths[0], "nothing.tif", "--json").stdout)
    assert rows[0]["different"] == 0
    assert rows[1] == {"path": "nothing.tif", "why": missing}
    none = invoke("replay", "nothing.tif", "cells.tif")
    assert none.exit_code == 1
    assert none.stdout == ""
    assert none.stderr.splitlines()[-1] == "2 of 2 files could not be made again."


def test_replay_can_be_stopped_amid_files_that_fail(invoke, here, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("napari_diversify.batch.replay", stopped)
    result = invoke("replay", "cells.tif", "cells.tif")
    assert result.exit_code == 130
    assert result.stderr == "Stopped.\n"


def test_info_tells_all_parameters_with_their_units(invoke, here):
    steps = (Diversify(w_i=0.9, w_v=2.0, window=7), DegradeContrast(extra_depth=12.5, noise=False))
    recipe = Recipe(steps=(*steps, LowPass(taper=0.25)), seed=7)
    assert invoke("apply", recipe.to_json(), "cells.tif", "-o", "train").exit_code == 0
    lines = invoke("info", "train/cells_0000.ome.zarr").stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  made by"))
    assert lines[at + 1] == (
        "    diversify: w_i 0.9, w_v 2, window 7 x 7 x 7 voxels, stride 1 x 1 x 1 voxels"
    )
    assert lines[at + 2].startswith("    contrast: extra_depth 12.5 µm, scattering_length ")
    assert ", absorption 0 1/mm, " in lines[at + 2]
    assert lines[at + 2].endswith(", upwards no, noise no")
    assert lines[at + 3].startswith("    lowpass: cutoff 0.5 Nyquist, shape radial, taper 0.25 ")


def test_info_tells_steps_of_a_newer_version_as_they_are():
    step = {"kind": "motion", "length": 2.5, "axes": [1, 2]}
    assert cli_files._step_in_words(step) == "motion: length 2.5, axes 1 x 2"


@pytest.mark.parametrize(
    "edit",
    [
        lambda made: made.pop("source"),
        lambda made: made.update(source="cells.tif"),
        lambda made: made["recipe"].pop("steps"),
        lambda made: made["recipe"].pop("seed"),
        lambda made: made["recipe"]["steps"][0].pop("kind"),
        lambda made: made["recipe"]["steps"][0].update(kind=[1]),
        lambda made: made.update(recipe="none"),
    ],
)
def test_info_on_a_recipe_that_is_not_whole_says_what_there_is(invoke, here, edit):
    assert invoke(*A, "-n", 1).exit_code == 0
    place = here / "train" / "cells_0000.ome.zarr" / "zarr.json"
    told = json.loads(place.read_text())
    edit(told["attributes"]["diversify"])
    place.write_text(json.dumps(told))
    result = invoke("info", "train/cells_0000.ome.zarr")
    assert result.exit_code == 0
    assert "4 x 30 x 36 (z, y, x), uint16" in result.stdout
    assert "made by" in result.stdout


@pytest.mark.parametrize("wrong", ["shape", "dtype", "damaged"])
def test_a_dry_run_sees_labels_that_do_not_fit(invoke, here, wrong):
    path = here / "masks" / "cells.tif"
    if wrong == "damaged":
        path.write_bytes(path.read_bytes()[:60])
    else:
        shape, dtype = ((3, 5, 6), "uint8") if wrong == "shape" else ((4, 30, 36), "float32")
        tifffile.imwrite(path, np.ones(shape, dtype), photometric="minisblack")
    arguments = (*A, "-n", 2, "--labels", "masks")
    dry, real = invoke(*arguments, "--dry-run"), invoke(*arguments)
    assert dry.exit_code == real.exit_code == 3
    assert dry.stderr == real.stderr
    assert dry.stdout.startswith("0 samples of 0 image(s) would be made")


def test_a_folder_that_is_read_is_not_written_to(invoke, here):
    (here / "in").mkdir()
    shutil.copy(here / "cells.tif", here / "in")
    result = invoke("apply", "recipe.json", "in", "-o", "in/../in")
    assert result.exit_code == 1
    assert "samples would be made of samples" in result.stderr
    assert names("in") == ["cells.tif"]


def test_info_tells_shape_voxel_size_and_recipe(invoke, here):
    assert invoke(*A, "-n", 2).exit_code == 0
    text = invoke("info", "cells.tif", "train/cells_0001.ome.zarr").stdout
    assert text.count("4 x 30 x 36 (z, y, x), uint16") == 2
    assert text.count("z 2 micrometer, y 0.5 micrometer, x 0.5 micrometer") == 2
    assert "diversify, seed 7, sample 1" in text
    assert "made from   cells" in text
    told = invoke("info", "cells.tif", "train/cells_0001.ome.zarr", "--json").stdout
    raw, made = json.loads(told)
    assert raw["provenance"] is None
    assert made["shape"] == raw["shape"] == [4, 30, 36]
    assert made["units"] == ["micrometer"] * 3
    recipe = Recipe.from_json(json.dumps(made["provenance"]["recipe"]))
    assert recipe.steps == RECIPE.steps
    np.save("bare.npy", np.zeros((3, 4, 5), "uint8"))
    assert "voxel size  unknown" in invoke("info", "bare.npy").stdout


def test_info_tells_the_sample_and_the_source_of_a_saved_snapshot(invoke, here):
    image = np.zeros((4, 30, 36), "uint16")
    entry = {**Provenance.of_recipe(RECIPE, 5).entry(), "source": "nuclei", **of_voxels(image)}
    write_ome_tiff("snapshot.ome.tif", image, {"name": "s", "metadata": {KEY: entry}})
    text = invoke("info", "snapshot.ome.tif").stdout
    assert "seed 7, sample 5" in text
    assert "made from   nuclei" in text


def test_info_measures_how_structures_stand_out(invoke, here):
    image, labels = np.full((3, 16, 16), 120, "uint16"), np.zeros((3, 16, 16), "uint8")
    labels[:, 5:9, 5:9] = 1
    image[labels > 0] = 200
    np.save("bright.npy", image)
    np.save("masks.npy", labels)
    text = invoke(
        "info", "bright.npy", "--contrast", "--labels", "masks.npy", "--offset", 100
    ).stdout
    assert "  contrast    RMS " in text
    assert "Weber 4, signal to background 5" in text
    assert "in the last" in text
    (row,) = json.loads(invoke("info", "bright.npy", "--contrast", "--json").stdout)
    assert row["contrast"]["weber"] is None
    assert row["contrast"]["rms_by_plane"] == contrast_by_depth(image).tolist()
    assert row["contrast"]["michelson"] == michelson_contrast(image)
    assert "contrast" not in invoke("info", "bright.npy").stdout


def test_info_measures_one_image_of_one_shape_with_its_labels(invoke, here):
    np.save("many.npy", np.random.default_rng(0).poisson(9, (2, 3, 8, 8)).astype("uint16"))
    np.save("flat.npy", np.zeros((8, 8), "uint8"))
    assert "contrast    RMS" in invoke("info", "many.npy", "--contrast").stdout
    wrong = invoke("info", "many.npy", "--contrast", "--labels", "flat.npy")
    assert wrong.exit_code == 1
    assert "must have the same shape" in wrong.stderr
    assert "belong to --contrast" in invoke("info", "many.npy", "--offset", 3).stderr


# ---- as a program ----


def start(*arguments, folder, **options):
    script = Path(sys.executable).with_name("napari-diversify")
    return subprocess.Popen(
        [str(script), *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TERM": "dumb", "NO_COLOR": "1"},
        **options,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
@pytest.mark.parametrize("workers", [(), ("--workers", 2)], ids=["threads", "processes"])
def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(here, workers):
    arguments = ("apply", "recipe.json", "cells.tif", "-o", "train", "-n", 2000,
                 "--format", "ome-tiff", *workers)  # fmt: skip
    # in a group of its own, as a shell starts it: Ctrl+C reaches the workers too
    # and does not ignore it, as what a script starts in the background does
    program = start(
        *arguments,
        folder=here,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    records = here / "train" / ".diversify"
    while program.poll() is None and (not records.exists() or len(names(records)) < 10):
        time.sleep(0.02)
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=300)
    assert program.returncode == 130, err
    assert out == ""
    assert err == "Stopped. Finished samples stay; --resume continues from here.\n"
    finished = [n for n in names(here / "train") if n.endswith(".tif")]
    assert 5 < len(finished) < 2000
    left = [p for p in (here / "train").rglob("*") if p.name.endswith((".partial", ".old"))]
    assert left == []
    lines = (here / "train" / "manifest.csv").read_text().splitlines()[1:]
    assert sorted(line.split(",")[0] for line in lines) == finished
    assert len(names(records)) == len(finished)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
@pytest.mark.parametrize("workers", [(), ("--workers", 2)], ids=["threads", "processes"])
def test_ctrl_c_pressed_again_and_again_loses_no_finished_sample(here, workers):
    program = start(
        "apply", "recipe.json", "cells.tif", "-o", "train", "-n", 2000, "--format", "ome-tiff",
        *workers,
        folder=here,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    records = here / "train" / ".diversify"
    while program.poll() is None and (not records.exists() or len(names(records)) < 10):
        time.sleep(0.02)
    for _ in range(5):
        os.killpg(program.pid, signal.SIGINT)
        time.sleep(0.02)
    program.communicate(timeout=300)
    assert program.returncode in (130, -signal.SIGINT)
    finished = [n for n in names(here / "train") if n.endswith(".tif")]
    lines = (here / "train" / "manifest.csv").read_text().splitlines()[1:]
    assert sorted(line.split(",")[0] for line in lines) == finished


def test_output_for_programs_is_json_alone(here):
    shutil.rmtree(here / "masks")
    program = start("apply", "recipe.json", "cells.tif", "-o", "train", "--json", folder=here)
    out, err = program.communicate(timeout=300)
    assert program.returncode == 0
    assert json.loads(out)["made"] == ["cells_0000"]
    assert err == ""

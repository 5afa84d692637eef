"""Some of the samples of a sampling: the same files as among all of them."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from napari_diversify import Recipe
from napari_diversify.batch import Job, export, size_of, sources_of
from napari_diversify.batch.script import as_command, as_python, numbers_in, written
from napari_diversify.cli import main as cli
from napari_diversify.recipe import Diversify, Sampling


@pytest.fixture
def job(source, tmp_path):
    recipe = Recipe(steps=(Diversify(),), seed=5)
    sampling = Sampling(recipe=recipe, samples=5, ranges={"w_v": (0, 8)})
    return Job(sources_of([source]), sampling, tmp_path / "all", file_format="ome-tiff")


def files(folder):
    return {p.name: p.read_bytes() for p in folder.glob("*.ome.tif")}


def test_the_chosen_samples_are_those_of_the_whole_set(job, tmp_path):
    export(job)
    some = replace(job, output=tmp_path / "some", only=(1, 4))
    report = export(some)
    assert list(report.made) == ["nuclei_0001", "nuclei_0004"]
    everything = files(tmp_path / "all")
    assert files(tmp_path / "some") == {n: everything[n] for n in files(tmp_path / "some")}
    assert len(some) == 2
    assert size_of(some) * 5 == size_of(job) * 2


def test_the_rest_is_made_later(job):
    export(replace(job, only=(1, 4)))
    report = export(job, resume=True)
    assert list(report.kept) == ["nuclei_0001", "nuclei_0004"]
    assert len(report.made) == 3
    assert len(files(job.output)) == 5


@pytest.mark.parametrize(
    ("only", "said"),
    [((), "no sample is chosen"), ((2, 1), "ascend within 0 to 4"), ((1, 5), "within 0 to 4")],
)
def test_a_choice_that_cannot_be_made_is_said(job, only, said):
    with pytest.raises(ValueError, match=said):
        replace(job, only=only)


def test_the_command_and_the_program_choose_the_same(job, tmp_path):
    some = replace(job, output=tmp_path / "some", only=(0, 1, 2, 4))
    assert "--only 0-2,4" in as_command(some)
    export(some)
    made = files(some.output)
    some.output.rename(tmp_path / "before")
    exec(compile(as_python(some), "copied", "exec"), {"__name__": "__main__"})
    assert files(some.output) == made


def test_the_cli_says_what_it_would_make_and_what_is_wrong(source, tmp_path):
    recipe = Recipe(steps=(Diversify(),)).to_json()
    words = ["apply", recipe, str(source), "-o", str(tmp_path / "x"), "-n", "5", "--dry-run"]
    result = CliRunner().invoke(cli.main, [*words, "--json", "--only", "1,3-4"])
    names = [row["sample"] for row in json.loads(result.output)["samples"]]
    assert names == ["nuclei_0001", "nuclei_0003", "nuclei_0004"]
    for text in ("", "x", "3-1", "-1", "1;2"):
        result = CliRunner().invoke(cli.main, [*words, f"--only={text}"])
        assert result.exit_code == 1
        assert "e.g. 0-2,5" in result.output


@pytest.mark.parametrize("numbers", [(0,), (0, 1), (3, 5, 6, 7, 100)])
def test_numbers_are_read_as_they_are_written(numbers):
    assert numbers_in(written(numbers)) == numbers

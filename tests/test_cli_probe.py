"""The command probe: a table of what can be seen, and an exit status that tells."""

import csv
import json

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_diversify.cli.main import main


def run(*words):
    return CliRunner().invoke(main, ["probe", *map(str, words)])


@pytest.fixture
def pairs(tmp_path):
    """Two images with sixteen objects each: one shows them all, the other only three quarters."""
    y, x = np.indices((80, 80))
    labels = ((np.hypot(y % 20 - 10, x % 20 - 10) < 6) * (1 + y // 20 * 4 + x // 20)).astype("u2")
    noise = np.random.default_rng(0).normal(0, 8, labels.shape)
    for name, shown in (("honest", 16), ("telling", 12)):
        image = 200 + 90 * ((labels > 0) & (labels <= shown)) + noise
        for folder, array in (("images", image.round().astype("u2")), ("masks", labels)):
            (tmp_path / folder).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / folder / f"{name}.tif", array)
    return tmp_path


def test_the_table_and_the_status_tell_which_objects_cannot_be_seen(pairs):
    given = (pairs / "images", "--labels", pairs / "masks")
    told = run(*given, "--found", pairs / "masks", "--csv", pairs / "t.csv", "--json")
    rows = {row["image"]: row for row in json.loads(told.stdout)}
    assert told.exit_code == 3
    assert "4 of 32 objects (12.5%) cannot be seen" in told.stderr
    assert [rows["honest"][k] for k in ("objects", "unseen", "found")] == [16, 0, 0]
    assert [rows["telling"][k] for k in ("objects", "unseen", "found")] == [16, 4, 4]
    assert rows["telling"]["hidden_share"] == 0.25
    assert rows["honest"]["trace"] is None
    with open(pairs / "t.csv", newline="") as file:
        assert [row["unseen"] for row in csv.DictReader(file)] == ["0", "4"]
    again = run(*given, "--csv", pairs / "t.csv")
    assert (again.exit_code, "exists and is left as it is" in again.stderr) == (1, True)
    assert run(*given, "--csv", pairs / "t.csv", "--overwrite").exit_code == 3
    assert run(*given, "--most", 0.2).exit_code == 0
    assert "telling" in run(*given).stdout


def test_the_noise_may_be_that_of_a_real_image(pairs):
    noisy = np.random.default_rng(1).normal(1000, 200, (64, 64)).round().astype("u2")
    tifffile.imwrite(pairs / "real.tif", noisy)
    given = (pairs / "images", "--labels", pairs / "masks", "--like", pairs / "real.tif", "--json")
    assert [row["unseen"] for row in json.loads(run(*given).stdout)] == [16, 16]


def test_a_picture_shows_the_image_and_its_high_frequencies(pairs):
    run(pairs / "images", "--labels", pairs / "masks", "--pictures", pairs / "seen")
    from PIL import Image

    picture = np.asarray(Image.open(pairs / "seen" / "telling_hidden.png"))
    assert picture.shape == (80, 160, 3)
    outlined = (picture == (255, 153, 0)).all(-1)
    assert outlined[60:].any()
    assert not outlined[:58].any()


def test_what_cannot_be_probed_gets_a_sentence(pairs):
    tifffile.imwrite(pairs / "masks" / "telling.tif", np.ones((8, 8), "u2"))
    part = run(pairs / "images", "--labels", pairs / "masks")
    assert part.exit_code == 3
    assert "the labels have the shape (8, 8)" in part.stderr
    none = run(pairs / "images" / "honest.tif", "--found", pairs / "masks", "--model", "nothing")
    assert none.exit_code == 1
    assert "give one of them" in none.stderr
    alone = run(pairs / "images" / "honest.tif")
    assert alone.exit_code == 1
    assert "has no labels; name them (--labels)" in alone.stderr

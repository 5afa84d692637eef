"""Learned steps in files: the bits of the viewer, made again by replay, with what is doubtful."""

import numpy as np
import pytest
from batch_jobs import job_of, made, replayed, table

from napari_diversify import Recipe
from napari_diversify.batch import engine
from napari_diversify.files import open_image
from napari_diversify.learned import Denoise, RestoreLearned
from napari_diversify.recipe import Diversify
from tiny_models import model

STEPS = (
    Diversify(w_v=0.5),
    Denoise(model=model("vae"), show="sample"),
    RestoreLearned(model=model("planes"), iterations=2),
)


@pytest.mark.parametrize("workers", [None, 2])
def test_a_sample_is_the_same_in_the_viewer_in_a_file_and_by_replay(tmp_path, workers):
    image = np.random.default_rng(0).integers(0, 60_000, (4, 45, 70)).astype(np.uint16)
    np.save(tmp_path / "a.npy", image)
    recipe = Recipe(steps=STEPS, seed=11)
    job = job_of(tmp_path / "a.npy", tmp_path / "out", recipe=recipe, samples=3)
    with engine(workers) as executor:
        report = made(job, executor=executor)
    assert any("the model is applied 2 times" in note for note in report.notes)
    lines = table(tmp_path / "out")
    assert len({line["seed"] for line in lines}) == 1
    for n, line in enumerate(lines):
        with open_image(tmp_path / "out" / line["file"]) as file:
            written = np.asarray(file.data[:])
        assert np.array_equal(written, recipe.apply(image, sample=n))
        assert replayed(tmp_path / "out" / line["file"]).different == 0

"""The commands that train, in words: what they answer to what cannot be trained on."""

import json

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_diversify.cli.main import main
from napari_diversify.learned import read_card

RNG = np.random.default_rng(0)
NOISY = (RNG.normal(1000, 100, (9, 48, 40)) + 5 * np.arange(40)).astype(np.uint16)
TINY = ["--steps", "4", "--batch", "2", "--patch", "32", "--width", "4"]


def run(*words):
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


@pytest.fixture
def image(tmp_path):
    np.save(tmp_path / "a.npy", NOISY)
    return tmp_path / "a.npy"


def test_a_model_is_trained_and_its_figures_are_told(tmp_path, image):
    model = tmp_path / "model"
    words = ["train", "restore", image, "-o", model, *TINY, "--depth", 20]
    words += ["--voxel-size", "voxels", "--clean", image]
    status, text = run(*words)
    assert status == 0, text
    assert "model, 1 iteration" in text
    assert "Wiener" in text
    assert "compare with the clean images" in text
    card = read_card(model)
    assert (card.trained.steps, card.trained.settings["depth"]) == (4, 20.0)
    assert card.trained.images == ("a.npy",)
    status, text = run(*words)
    assert (status, "is a model already" in text) == (1, True)
    status, text = run("train", "restore", "-o", model, "--resume")
    assert (status, "trained already" in text) == (0, True)


def test_what_was_stopped_goes_on_with_the_same_settings_only(tmp_path, image, monkeypatch):
    from napari_diversify.learned.training import running

    def pressed(self, now):
        if now.step == 2:
            raise KeyboardInterrupt

    model = tmp_path / "model"
    with monkeypatch.context() as patched:
        patched.setattr(running._Run, "report", pressed)
        status, text = run("train", "denoise", image, "-o", model, *TINY, "--latents", 4)
    assert status == 130
    assert "nothing is lost" in text
    assert not (model / "card.json").exists()
    status, text = run("train", "denoise", image, "-o", model)
    assert (status, "--resume" in text) == (1, True)
    for words, why in [
        (["restore"], "of “denoise”, not of “restore”"),
        (["denoise", "--steps", 5], "was begun with another steps"),
    ]:
        status, text = run("train", *words, "-o", model, "--resume")
        assert (status, why in text) == (1, True), text
    status, text = run("train", "denoise", image, "-o", model, "--resume", "--latents", 4)
    assert status == 0, text
    assert json.loads((model / "card.json").read_text())["trained"]["steps"] == 4


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.full((9, 48, 40), 7, np.uint16), "a.tif has the grey level 7 everywhere"),
        (np.kron(NOISY[:, :3, :3], np.ones((1, 16, 16), np.uint16)), "looks like labels"),
        (NOISY[:, :20], "too small for patches of 32"),
        (NOISY[0], "too small for patches of 32 (a part is held out for figures): larger images"),
        (np.full((9, 48, 40), np.nan, np.float32), "holds NaN or infinite values"),
        (RNG.integers(0, 255, (48, 40, 3), np.uint8), "RGB"),
    ],
)
def test_what_cannot_be_trained_on_is_a_sentence_and_leaves_nothing(tmp_path, array, why):
    path, model = tmp_path / "a.tif", tmp_path / "model"
    kind = {"photometric": "rgb"} if array.shape[-1] == 3 else {"photometric": "minisblack"}
    tifffile.imwrite(path, array, **kind)
    status, text = run("train", "denoise", path, "-o", model, *TINY)
    assert (status, why in text) == (1, True), text
    assert "Traceback" not in text
    assert not model.exists()


def test_what_is_missing_is_said(tmp_path, image, monkeypatch):
    two = tmp_path / "two.npy"
    np.save(two, np.stack([NOISY, NOISY]))
    for words, why in [
        (["restore", image], "does not say how large its pixels are"),
        (["restore", two], "two.npy has 2 channels"),
        (["restore"], "No image is given to train on"),
        (["denoise", image, "--noise", "mixture"], "--frames"),
        (["denoise", image, "--noise", "perlin"], "got 'perlin'"),
        (["denoise", image, "--frames", image, "--denoised", image], "give one of them"),
        (["denoise", image, "--device", "cuda"], "no device “cuda”"),
        (["denoise", image, "--clean", image, "--clean", image], "needs a clean image"),
        (["denoise", "--resume"], "holds no training"),
    ]:
        more = [] if "--resume" in words else TINY
        status, text = run("train", *words, *more, "-o", tmp_path / "model")
        assert (status, why in text) == (1, True), text
    status, text = run("train", "denoise", image, "-o", tmp_path, *TINY)
    assert (status, "other things in it" in text) == (1, True)

    from napari_diversify.learned import needs

    monkeypatch.setattr(needs, "PACKAGES", ("a_package_that_is_not_there",))
    needs.unlimited_torch.cache_clear()
    status, text = run("train", "denoise", image, "-o", tmp_path / "model", *TINY)
    assert (status, 'pip install "napari-diversify[learn]"' in text) == (1, True)
    assert not (tmp_path / "model").exists()

"""Models as packages of the BioImage Model Zoo: valid, offline, and the same without this program.

Where ``bioimageio.spec`` is installed, as the extra "test" does.
"""

import gc
import json
import socket
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

import tiny_models
from napari_diversify import Recipe
from napari_diversify.cli.main import main
from napari_diversify.learned import RestoreLearned, read_card
from napari_diversify.learned.card import Figures

#: Loads a package as a stranger would: PyTorch and NumPy, and nothing of ours.
STRANGER = """
import json, runpy, sys
import numpy as np, torch
for folder, kwargs, pre, post in json.loads(sys.argv[1]):
    network = runpy.run_path(folder + "/network.py")["network"](**kwargs)
    network.load_state_dict(torch.load(folder + "/weights.pt", weights_only=True), strict=True)
    given = (np.load(folder + "/test_input.npy") - pre["mean"]) / pre["std"]
    with torch.inference_mode():
        result = network(torch.from_numpy(given.astype(np.float32))).numpy()
    np.save(folder + "/result.npy", result * post["gain"] + post["offset"])
assert "napari_diversify" not in sys.modules
"""


@pytest.fixture(autouse=True)
def _files_left_open():
    """Files that the library leaves open are closed while that is no error."""
    yield
    gc.collect()


pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


def run(*words):
    done = CliRunner().invoke(main, ["export-model", *map(str, words)])
    return done.exit_code, done.output


def of_kind(steps, kind):
    return [step.kwargs.model_dump() for step in steps if step.id == kind]


def test_a_package_is_valid_and_gives_the_same_without_this_program(tmp_path, monkeypatch):
    spec = pytest.importorskip("bioimageio.spec")

    def offline(*_):
        raise AssertionError("the network is used")

    monkeypatch.setattr(socket.socket, "connect", offline)
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    figures = (Figures(method="model", values={"SI-PSNR (dB)": 31.5}),)
    loaded = []
    for name in ("deep", "planes", "vae"):
        trained = read_card(tiny_models.model(name)).trained.model_copy(
            update={"spacing": (0.2, 0.1)}
        )
        values = {"figures": figures, "remarks": ("Trust no one.",), "trained": trained}
        card = tiny_models.write(tmp_path / name, name, **values)
        package = tmp_path / f"{name}.zip"
        status, text = run(tmp_path / name, "-o", package, "--author", "A", "--license", "MIT")
        assert status == 0, text
        assert text == f"The package is {package}.\n"
        model = spec.load_description(package)
        assert isinstance(model, spec.ModelDescr), model.validation_summary.format()
        assert (model.authors[0].name, model.license) == ("A", "MIT")
        weights, normal = model.weights.pytorch_state_dict, card.normalisation
        (before,) = of_kind(model.inputs[0].preprocessing, "fixed_zero_mean_unit_variance")
        (after,) = of_kind(model.outputs[0].postprocessing, "scale_linear")
        assert (after["gain"], after["offset"]) == (normal.std, normal.mean)
        y = model.outputs[0].axes[2]
        assert (y.scale, y.unit) == (0.2, "micrometer")
        assert (y.halo, model.inputs[0].axes[2].size.step) == (
            card.shape.halo,
            card.shape.multiple,
        )
        with zipfile.ZipFile(package) as content:
            content.extractall(tmp_path / f"{name} out")
        loaded.append((str(tmp_path / f"{name} out"), weights.architecture.kwargs, before, after))
        readme = (tmp_path / f"{name} out" / "README.md").read_text(encoding="utf-8")
        assert "31.5" in readme
        assert "Trust no one." in readme
    subprocess.run([sys.executable, "-I", "-c", STRANGER, json.dumps(loaded)], check=True)
    for folder, *_ in loaded:
        given, expected, found = (
            np.load(f"{folder}/{name}.npy") for name in ("test_input", "test_output", "result")
        )
        assert np.ptp(expected) > 1000
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1)  # of 60,000 grey levels
    # and with it: beyond the halo, the package gives what the step gives
    given, found = (
        np.load(f"{loaded[0][0]}/{name}.npy")[0, 0] for name in ("test_input", "result")
    )
    recipe = Recipe(steps=(RestoreLearned(model=str(tmp_path / "deep")),), intensity_range=(0, 6e4))
    inside, halo = recipe.apply(given), read_card(tmp_path / "deep").shape.halo
    crop = (slice(halo, -halo),) * 2
    np.testing.assert_allclose(found[crop], inside[crop], rtol=1e-4, atol=1)


def test_what_cannot_be_described_is_a_sentence_and_leaves_nothing(tmp_path):
    pytest.importorskip("bioimageio.spec")
    out = tmp_path / "a.zip"
    status, text = run(tiny_models.model("vae"), "-o", out, "--license", "mine")
    assert (status, "SPDX" in text, out.exists()) == (1, True, False), text
    status, text = run(tiny_models.model("vae"), "-o", out)
    assert (status, "an author (--author) and a licence (--license)" in text) == (0, True), text


def test_what_is_missing_or_in_the_way_is_said(tmp_path, monkeypatch):
    model, there = tiny_models.model("vae"), tmp_path / "there.zip"
    there.write_text("mine")
    monkeypatch.setitem(sys.modules, "bioimageio.spec", None)
    for words, why in [
        ((model, "-o", tmp_path / "a.tar"), "ends in .zip; got 'a.tar'"),
        ((model, "-o", there), "exists and is left as it is"),
        ((tmp_path, "-o", tmp_path / "a.zip"), "is not a folder of a trained model"),
        ((model, "-o", tmp_path / "a.zip"), 'pip install "napari-diversify[bioimageio]"'),
    ]:
        status, text = run(*words)
        assert (status, why in text) == (1, True), text
    assert there.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [there]

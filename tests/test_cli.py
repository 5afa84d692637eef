"""The command line: a picture without a display, a live window with one, sentences for mistakes."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

import napari_diversify
from napari_diversify import Recipe
from napari_diversify.cli import main as cli
from napari_diversify.cli import sheet
from napari_diversify.recipe import Diversify

SHEET = "napari-diversify-demo.png"
TILES = 2 + len(sheet.SETTINGS)


@pytest.fixture
def run(tmp_path):
    """Run the command in an empty folder, without a display."""

    def call(*arguments, command=None):
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
        }
        script = Path(sys.executable).with_name("napari-diversify")
        return subprocess.run(
            [*(command or [str(script)]), *arguments],
            cwd=tmp_path,
            env={**environment, "TERM": "dumb", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return call


def png_size(path):
    with Image.open(path) as picture:
        return picture.size


# ---- without a display ----


def test_the_demo_without_a_display_writes_a_picture_and_never_overwrites_it(run, tmp_path):
    first = run("demo")
    assert first.returncode == 0, first.stderr
    assert SHEET in first.stdout
    assert "no display" in first.stdout
    assert first.stderr == ""
    before = (tmp_path / SHEET).read_bytes()
    width, height = png_size(tmp_path / SHEET)
    assert width > TILES * 256
    assert height > 256
    second = run("demo")
    assert second.returncode == 0
    assert "napari-diversify-demo-2.png" in second.stdout
    assert (tmp_path / SHEET).read_bytes() == before
    assert (tmp_path / "napari-diversify-demo-2.png").read_bytes() == before


def test_the_demo_takes_a_file(run, tmp_path, make_image):
    tifffile.imwrite(tmp_path / "cells.tif", make_image((5, 40, 48)))
    result = run("demo", "cells.tif")
    assert result.returncode == 0, result.stderr
    width, height = png_size(tmp_path / SHEET)
    assert 3 * 40 < height < 3 * 40 + 40  # small images are drawn three times as big
    assert TILES * 3 * 48 < width < TILES * (3 * 48 + 12)


def test_a_missing_file_is_named(run, tmp_path):
    result = run("demo", "missing.tif")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("missing.tif does not exist. ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / SHEET).exists()


def write_text(path):
    path.write_text("these are not the voxels you are looking for")


def write_constant(path):
    tifffile.imwrite(path, np.full((20, 20), 7, "uint8"))


def write_nan(path):
    tifffile.imwrite(path, np.full((20, 20), np.nan, "float32"))


def write_rgb(path):
    image = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype("uint8")
    tifffile.imwrite(path, image, photometric="rgb")


def test_a_broken_image_is_refused_in_a_sentence(run, tmp_path):
    write_text(tmp_path / "broken.tif")
    result = run("demo", "broken.tif")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("broken.tif could not be read as an image: ")
    assert result.stderr.strip().endswith(".")
    assert "Traceback" not in result.stderr
    assert not (tmp_path / SHEET).exists()


BAD_FILES = {
    "an unknown kind": ("notes.xyz", write_text, "notes.xyz"),
    "a folder": ("folder", lambda path: path.mkdir(), "folder"),
    "a constant image": ("flat.tif", write_constant, "constant"),
    "NaN": ("nan.tif", write_nan, "NaN"),
    "RGB": ("colour.tif", write_rgb, "RGB"),
}


@pytest.fixture
def invoke(monkeypatch, npe2pm, tmp_path):
    """Run the command in this process, as if there were no display."""
    monkeypatch.setattr(cli, "_has_display", lambda: False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with npe2pm.tmp_plugin(package="napari"):
            return CliRunner().invoke(cli.main, arguments)

    return call


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(invoke, tmp_path, kind):
    name, write, word = BAD_FILES[kind]
    write(tmp_path / name)
    result = invoke("demo", name)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert name in result.stderr
    assert word in result.stderr
    assert result.stderr.strip().endswith(".")
    assert not (tmp_path / SHEET).exists()


def test_a_folder_that_cannot_be_written_is_reported_in_a_sentence(invoke, monkeypatch):
    def refuse(image, path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(sheet, "write_contact_sheet", refuse)
    result = invoke("demo")
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert "Permission denied" in result.stderr


@pytest.mark.parametrize("command", [None, [sys.executable, "-m", "napari_diversify"]])
def test_the_version_is_printed_by_script_and_module_alike(run, command):
    result = run("--version", command=command)
    assert result.returncode == 0
    assert result.stdout.strip() == f"napari-diversify {napari_diversify.__version__}"


def test_without_arguments_the_command_says_what_it_can_do(invoke):
    result = invoke()
    assert isinstance(result.exception, SystemExit)
    assert "demo" in result.output


def test_the_help_of_the_demo_says_what_happens_without_a_display(invoke):
    result = invoke("demo", "--help")
    assert result.exit_code == 0
    assert "Without a display" in result.output


# ---- stopped before it has begun ----

INTERRUPTS = {
    "amid imports": "os.kill(os.getpid(), signal.SIGINT)",
    # where Python shows an exception and goes on
    "where exceptions are lost": "class Lost:\n"
    "    def __del__(self):\n"
    "        os.kill(os.getpid(), signal.SIGINT)\n"
    "Lost()",
}


@pytest.fixture
def entry():
    """What the installed command runs: a program that does the same."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    module, function = project["project"]["scripts"]["napari-diversify"].split(":")
    return [sys.executable, "-c", f"import sys; from {module} import {function} as main; main()"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
@pytest.mark.parametrize("as_module", [False, True], ids=["script", "module"])
@pytest.mark.parametrize("kind", INTERRUPTS)
@pytest.mark.parametrize("module", ["numpy", "pydantic", "typer"])
def test_ctrl_c_while_it_is_loaded_is_answered_in_a_line(entry, tmp_path, module, kind, as_module):
    stub = f"import os, signal\n{INTERRUPTS[kind]}\nraise SystemExit('it went on')"
    (tmp_path / f"{module}.py").write_text(stub)
    command = [sys.executable, "-m", "napari_diversify"] if as_module else entry
    done = subprocess.run(
        [*command, "info", "none.tif"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        # what a script starts in the background ignores Ctrl+C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
def test_ctrl_c_stays_ignored_where_it_was_ignored(entry, tmp_path):
    (tmp_path / "typer.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(7)"
    )
    done = subprocess.run(
        entry,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert done.returncode == 7


def test_the_command_can_be_interrupted_from_its_first_moment(entry):
    """What takes long is imported when Ctrl+C is already answered."""
    slow = "print(sorted({'numpy', 'numba', 'pydantic', 'typer', 'zarr'} & set(sys.modules)))"
    program = entry[-1].replace("main()", slow)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_ctrl_c_in_a_command_that_leaves_nothing_is_answered_in_a_line(invoke, monkeypatch):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_diversify.files.open_image", stopped)
    result = invoke("info", "cells.tif")
    assert result.exit_code == 130
    assert (result.stdout, result.stderr) == ("", "Stopped.\n")


def test_a_name_that_the_package_does_not_have_is_an_attribute_error():
    assert napari_diversify.Recipe is Recipe
    assert not hasattr(napari_diversify, "Recipes")


# ---- the contact sheet ----


def test_a_contact_sheet_has_a_tile_for_the_raw_image_sigma_and_each_setting(make_image):
    picture = sheet.contact_sheet(make_image((5, 40, 160)))
    width = picture.size[0]
    assert (width + 4) % (160 + 4) == 0
    assert (width + 4) // (160 + 4) == TILES


def test_small_images_are_enlarged_so_that_captions_fit(make_image):
    image = make_image((5, 40, 48))
    small, wide = sheet.contact_sheet(image), sheet.contact_sheet(np.tile(image, (1, 1, 3)))
    assert small.size[0] == wide.size[0]
    raw = np.asarray(small)[-120:, :144]
    np.testing.assert_array_equal(raw, np.kron(raw[::3, ::3], np.ones((3, 3), np.uint8)))


def test_the_tiles_of_a_contact_sheet_are_what_the_recipes_make(make_image):
    image = make_image((5, 40, 160))
    picture = np.asarray(sheet.contact_sheet(image))
    low, high = float(image.min()), float(image.max())
    top = picture.shape[0] - 40
    settings = {0: (1.0, 0.0)} | dict(enumerate(sheet.SETTINGS, start=2))  # 1 is the σ map
    for n, (w_i, w_v) in settings.items():
        plane = Recipe(steps=(Diversify(w_i=w_i, w_v=w_v),)).apply(image)[2]
        grey = np.clip((plane.astype(float) - low) / (high - low), 0, 1) * 255
        tile = picture[top:, n * 164 : n * 164 + 160]
        assert np.abs(tile - grey).max() <= 0.5 + 1e-9


# ---- with a display ----


@pytest.fixture
def demo_viewer(make_napari_viewer, npe2pm, monkeypatch):
    """Open the demo in a viewer that the test closes again."""
    import napari

    viewers = []

    def new_viewer(**keywords):
        viewers.append(make_napari_viewer(show=True))
        return viewers[0]

    def open_(file=None):
        monkeypatch.setattr(napari, "Viewer", new_viewer)
        monkeypatch.setattr(napari, "run", lambda: None)
        with npe2pm.tmp_plugin(package="napari-diversify"), npe2pm.tmp_plugin(package="napari"):
            cli._open_viewer(file)
        return viewers.pop()

    return open_


def live_layers(viewer):
    return [layer for layer in viewer.layers if layer.name.endswith("(diversified)")]


@pytest.mark.viewer
def test_the_demo_opens_a_live_view_of_the_sample(demo_viewer, qtbot):
    viewer = demo_viewer()
    qtbot.waitUntil(lambda: len(live_layers(viewer)) == 1)
    assert live_layers(viewer)[0].name == "nuclei (diversified)"
    assert [layer.name for layer in viewer.layers][:2] == ["nuclei", "nuclei labels"]
    assert viewer.dims.current_step[0] == 32


@pytest.mark.viewer
def test_the_demo_opens_a_live_view_of_a_file(demo_viewer, qtbot, tmp_path, make_image):
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, make_image((5, 40, 48)))
    viewer = demo_viewer(path)
    qtbot.waitUntil(lambda: len(live_layers(viewer)) == 1)
    assert live_layers(viewer)[0].data.shape == (5, 40, 48)

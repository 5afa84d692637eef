"""What takes long to import is imported when it is needed: counted in modules, not in seconds."""

import subprocess
import sys

import pytest

SLOW = (
    "dask", "llvmlite", "magicgui", "napari", "numba", "numcodecs", "pint", "PIL", "psutil",
    "pyqtgraph", "qtpy", "scipy.fft", "scipy.ndimage", "scipy.optimize", "scipy.spatial",
    "scipy.special", "skimage.filters", "superqt", "tifffile", "yaozarrs", "zarr",
)  # fmt: skip
OF_ARRAYS = ("numpy", "scipy", "skimage")


def loaded(program, among):
    """Which of these modules a fresh process has after a program."""
    program = f"import sys\n{program}\nprint(*[m for m in {among!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


def command(*words):
    return (
        f"sys.argv = {['napari-diversify', *words]!r}\n"
        "from napari_diversify.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code"
    )


@pytest.mark.parametrize("program", ["import napari_diversify", command("--help")])
def test_neither_the_package_nor_its_help_loads_any_array_library(program):
    assert loaded(program, (*SLOW, *OF_ARRAYS)) == []


@pytest.mark.parametrize(
    "name",
    ["apply", "series", "replay", "info", "report", "robustness", "export-model", "demo"],
)
def test_the_help_of_a_command_loads_no_array_library(name):
    assert loaded(command(name, "--help"), (*SLOW, *OF_ARRAYS)) == []


def test_the_help_of_phantom_loads_the_models_of_specimens_and_no_kernel():
    assert loaded(command("phantom", "--help"), SLOW) == []


@pytest.mark.parametrize(
    "program",
    [
        "import napari_diversify.core",
        "from napari_diversify import LazyVolume, Recipe; Recipe",
        "from napari_diversify.recipe import Diversify; Diversify()",
    ],
)
def test_the_core_and_recipes_load_neither_kernels_nor_parts_of_scipy(program):
    assert set(loaded(program, SLOW)) <= {"psutil"}


def test_a_batch_is_planned_without_kernels_parts_of_scipy_or_yaozarrs():
    program = "import napari_diversify.files, napari_diversify.batch"
    assert set(loaded(program, SLOW)) <= {"numcodecs", "psutil", "tifffile", "zarr"}


def test_every_public_name_is_there_before_and_after_it_is_loaded():
    program = (
        "import napari_diversify as package\n"
        "assert set(package.__all__) <= set(dir(package))\n"
        "from napari_diversify import *\n"
        "assert LazyVolume and Recipe and __version__"
    )
    assert loaded(program, ("numba",)) == []


def test_the_commands_that_train_say_how_without_pytorch_or_kernels():
    learning = (*SLOW, "torch", "safetensors")
    assert loaded(command("train", "--help"), (*learning, *OF_ARRAYS)) == []
    of_files = {"psutil", "numcodecs", "tifffile", "zarr"}
    assert set(loaded(command("train", "restore", "--help"), learning)) <= of_files
    jobs = "from napari_diversify.learned.training.job import prepare, status, start"
    assert set(loaded(jobs, learning)) <= of_files

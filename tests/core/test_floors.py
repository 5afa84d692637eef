"""The lower floors know neither Qt nor napari."""

import subprocess
import sys

import pytest

FORBIDDEN = ("qtpy", "napari", "magicgui", "superqt", "PyQt6", "PySide6", "vispy")


@pytest.mark.parametrize(
    "module",
    [
        "napari_diversify",
        "napari_diversify.core",
        "napari_diversify.recipe",
        "napari_diversify.core.specimens.nuclei",
        "napari_diversify.recipe.lazy.volume",
    ],
)
def test_importing_the_lower_floors_loads_no_qt_and_no_napari(module):
    program = (
        f"import sys, {module}; assert {module!r} in sys.modules; "
        f"print(sorted({set(FORBIDDEN)!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert result.stdout.strip() == "[]"

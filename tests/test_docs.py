"""The docs: Python blocks name what they need and run as they stand; tables fit the models.

The comment above a block says ``needs:`` and the packages that do not come with
this one, if any. A need of several words ("a cluster") is not a package: such a
block is never run.
"""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: What a block may import without saying so: it comes with this package.
OURS = {"napari_diversify", "numpy", "pydantic", "tifffile"}

_BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```python\n(?P<code>.*?)^```$", re.M | re.S)

#: Warnings are errors, but for these of other packages: (category, module that warns).
_NOT_OURS = [
    ("UserWarning", "keras.src.trainers.epoch_iterator"),  # on StarDist's shuffled generator
    ("DeprecationWarning", "keras.src.backend.tensorflow.core"),  # NumPy 2 on its tensors
    ("DeprecationWarning", "multiprocessing.popen_fork"),  # loaders fork beside threads
]


class Block(NamedTuple):
    """A block of Python, where it stands, and the comment above it."""

    name: str
    mark: str | None
    code: str

    @property
    def needs(self):
        """Packages beside this one; marks that other tests look for say that there are none."""
        kind, _, names = (self.mark or "").partition(":")
        return set() if kind in ("python", "step") else {n.strip() for n in names.split(",")} - {""}

    @property
    def missing(self):
        return {name for name in self.needs if " " in name or find_spec(name) is None}


def _blocks(page):
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(f"{page.name}:{line}", found["mark"], found["code"])


BLOCKS = [block for page in PAGES for block in _blocks(page)]
RUNNABLE = [block for block in BLOCKS if block.mark is not None and not block.missing]


class _LeftOut:
    """Says at the end which blocks could not be run here."""

    def pytest_terminal_summary(self, terminalreporter):
        left_out = [block for block in BLOCKS if block.missing]
        if left_out:
            told = "; ".join(f"{b.name} needs {', '.join(sorted(b.missing))}" for b in left_out)
            terminalreporter.write_line(f"blocks of the documentation not run: {told}", yellow=True)


@pytest.fixture(scope="module", autouse=True)
def tell_what_was_left_out(pytestconfig):
    pytestconfig.pluginmanager.register(_LeftOut(), "documentation-left-out")


def test_readme_and_training_have_blocks_that_run_anywhere():
    bare = {block.name.partition(":")[0] for block in BLOCKS if not block.needs}
    assert {"README.md", "training.md"} <= bare


def test_no_python_is_overlooked():
    fences = sum(page.read_text(encoding="utf-8").count("```python") for page in PAGES)
    assert len(BLOCKS) == fences


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_every_block_compiles_and_names_what_it_imports(block):
    assert block.mark is not None, "there is no <!-- needs: --> on the line above the block"
    assert re.fullmatch(r"python|step|needs:( [\w ]+(, [\w ]+)*)?", block.mark)
    imported = set()
    for node in ast.walk(ast.parse(block.code)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    allowed = {"pydantic"} if block.mark == "step" else block.needs
    assert imported - OURS - sys.stdlib_module_names <= allowed


@pytest.mark.parametrize("block", RUNNABLE, ids=lambda block: block.name)
def test_every_block_runs_as_a_program(block, tmp_path):
    # in a process of its own: workers that are spawned import the file
    program = tmp_path / "block.py"
    program.write_text(block.code, encoding="utf-8")
    options = ["-W", "error"]
    for category, module in _NOT_OURS:
        options += ["-W", f"ignore::{category}:{module}"]
    done = subprocess.run(
        [sys.executable, *options, program.name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


# ---- tables of parameters ----


def _tool():
    path = ROOT / "tools" / "make_parameter_tables.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_parameters_are_those_of_the_models():
    assert "\n".join(_tool().outdated()) == ""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "| 1 to 99, one",
            "| 1 to 98, one",
            "does not show the parameters as the models declare them",
        ),
        ("<!-- parameters: lowpass -->", "", "has a table of 'lowpass'"),
    ],
)
def test_a_table_that_is_out_of_date_is_noticed_and_made_anew(tmp_path, old, new, sentence):
    tool, page = _tool(), tmp_path / "parameters.md"
    for original in (ROOT / "docs").glob("*.md"):
        shutil.copy(original, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.count(old) == 1
    page.write_text(text.replace(old, new), encoding="utf-8")
    (message,) = tool.outdated(tmp_path)
    assert sentence in message
    assert "Run: python tools/make_parameter_tables.py" in message
    if new:
        list(tool.outdated(tmp_path, write=True))
        assert page.read_text(encoding="utf-8") == text


def test_a_table_of_no_model_is_refused():
    with pytest.raises(ValueError, match=r"page\.md: there is no model 'sharpen'; there is "):
        _tool().updated("<!-- parameters: sharpen -->\n<!-- end -->\n", "page.md")

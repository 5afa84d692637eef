"""Compiled kernels are kept on disk, and compiled again where that is not possible."""

import importlib.util

import pytest
from numba.core import config

from napari_diversify.core import kernels

MODULE = """
from napari_diversify.core.kernels import _compiled


@_compiled
def twice(n):
    return n + n
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a module with a kernel afresh, as another run would."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "kernel.py").write_text(MODULE)

    def once():
        spec = importlib.util.spec_from_file_location("kernel", tmp_path / "kernel.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.twice

    return once


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x04", bytes(200)])
def test_damaged_machine_code_is_compiled_again(load, tmp_path, ending, content):
    assert load()(3) == 6
    (file,) = tmp_path.rglob(f"*.{ending}")
    whole = file.stat().st_size
    file.write_bytes(content)
    assert load()(3) == 6
    assert load()(4) == 8
    assert max(f.stat().st_size for f in tmp_path.rglob(f"*.{ending}")) >= whole


def test_machine_code_is_taken_from_the_disk(load, tmp_path):
    assert load()(3) == 6
    again = load()
    assert again(4) == 8
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_kernel_works_where_nothing_can_be_kept(monkeypatch, tmp_path, load):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert load()(3) == 6
    kernel = load()
    kernel._cache._impl.locator._cache_path = str(tmp_path / "file")  # gone meanwhile
    assert kernel(4.0) == 8.0


def test_a_kernel_without_a_place_for_machine_code_is_compiled(monkeypatch):
    def refuse(*_):
        raise RuntimeError("no locator available")

    monkeypatch.setattr("napari_diversify.core.kernels._DiskCache", refuse)
    assert kernels._compiled(lambda n: n + n)(3) == 6


def test_machine_code_is_as_old_as_the_file_of_the_parts_in_it(load, monkeypatch):
    assert load()(3) == 6
    monkeypatch.setattr(kernels, "_STAMP", (0, 0))  # that file has been changed
    again = load()
    assert again(4) == 8
    assert not again.stats.cache_hits

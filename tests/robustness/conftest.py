"""Segmenters in processes of their own find those of this folder, and end with each test."""

import os
from pathlib import Path

import pytest

from napari_diversify.robustness.children import end_idle


@pytest.fixture
def on_path(monkeypatch):
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    yield
    end_idle()

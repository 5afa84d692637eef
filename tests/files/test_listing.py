"""A listing tells what the disk would tell, and asks it once per folder."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.files import Listing

NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.tif", "B.tif", "Ä.tif", "sub/c.tif"):
        (tmp_path / name).touch()
    (tmp_path / "link.tif").symlink_to(tmp_path / "a.tif")
    (tmp_path / "broken.tif").symlink_to(tmp_path / "nowhere.tif")
    (tmp_path / "linked").symlink_to(tmp_path / "sub")
    return tmp_path


PATHS = (
    "a.tif",
    "A.tif",
    "b.tif",
    "B.tif",
    "A\u0308.tif",
    "ä.tif",
    "Ä.tif",
    "link.tif",
    "broken.tif",
    "sub",
    "sub/c.tif",
    "linked/c.tif",
    "linked/d.tif",
    "a.tif/deeper",
    "nowhere/a.tif",
    "sub/../a.tif",
    "linked/..",
    ".",
)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_there_is_told_as_the_disk_tells_it(folder, path, monkeypatch):
    monkeypatch.chdir(folder)
    for where in (folder / path, Path(path), f"{folder}/{path}", path):
        listing = Listing()
        for _ in range(2):
            assert listing.exists(where) == os.path.exists(where)
            assert listing.real(where) == os.path.realpath(where)
            listing.names(folder)


@given(names=st.sets(NAMES, max_size=5), asked=NAMES)
def test_any_name_is_told_as_the_disk_tells_it(tmp_path_factory, names, asked):
    folder = tmp_path_factory.mktemp("names")
    for name in names:
        try:
            (folder / name).touch()
        except OSError:
            continue
    listing = Listing()
    for name in {asked, *names, *(name.upper() for name in names)}:
        if "/" not in name:
            assert listing.exists(folder / name) == (folder / name).exists()


def test_a_folder_is_asked_once(folder, monkeypatch):
    asked, real = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: asked.append(path) or real(path))
    listing = Listing()
    for k in range(20):
        listing.exists(folder / f"{k}.tif")
        listing.exists(folder / "sub" / f"{k}.tif")
        listing.names(folder)
    assert len(asked) == 2


def test_a_folder_that_may_not_be_listed_is_asked_file_by_file(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "no permission")

    monkeypatch.setattr(os, "scandir", refuse)
    listing = Listing()
    assert listing.exists(folder / "a.tif")
    assert not listing.exists(folder / "z.tif")
    assert listing.names(folder) == frozenset()

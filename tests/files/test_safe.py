import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.files import (
    Listing,
    check_name,
    leftovers,
    make_folder,
    replace_text,
    writing,
)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture(params=["file", "folder"])
def put(request):
    """Write a text under a path, as a file or as a folder with a file in it."""

    def write(path, text):
        if request.param == "folder":
            path.mkdir()
            path = path / "zarr.json"
        path.write_text(text)

    return write


def fail_amidst(target, put, error):
    with writing(target, overwrite=True) as partial:
        put(partial, "half")
        raise error


def text_of(path):
    return (path / "zarr.json" if path.is_dir() else path).read_text()


def test_the_name_appears_only_with_the_whole_content(tmp_path, put):
    target = tmp_path / "new" / "a.zarr"
    with writing(target) as partial:
        put(partial, "whole")
        assert names(target.parent) == [".a.zarr.partial"]
    assert names(target.parent) == ["a.zarr"]
    assert text_of(target) == "whole"


def test_a_failed_write_leaves_no_name_and_what_was_there(tmp_path, put):
    target = tmp_path / "a.zarr"
    for before in ([], ["a.zarr"]):
        with pytest.raises(KeyboardInterrupt):
            fail_amidst(target, put, KeyboardInterrupt())
        assert names(tmp_path) == before
        if not before:
            put(target, "old")
    assert text_of(target) == "old"


def test_the_old_one_is_replaced_only_if_asked(tmp_path, put):
    target = tmp_path / "a.zarr"
    put(target, "old")
    with pytest.raises(FileExistsError, match="left as it is"), writing(target):
        pytest.fail("the block must not run")
    assert text_of(target) == "old"
    with writing(target, overwrite=True) as partial:
        put(partial, "new")
        assert text_of(target) == "old"
    assert names(tmp_path) == ["a.zarr"]
    assert text_of(target) == "new"


def test_a_folder_with_other_things_in_it_is_never_replaced(tmp_path, put):
    target = tmp_path / "a.zarr"
    target.mkdir()
    (target / "thesis.txt").write_text("years")
    with (
        pytest.raises(FileExistsError, match="is a folder and is left as it is"),
        writing(target, overwrite=True),
    ):
        pytest.fail("the block must not run")
    assert names(target) == ["thesis.txt"]
    assert names(tmp_path) == ["a.zarr"]


def test_a_folder_replaces_a_file_but_no_file_a_folder(tmp_path):
    target = tmp_path / "a"
    target.write_text("file")
    with writing(target, overwrite=True) as partial:
        partial.mkdir()
    assert target.is_dir()
    with (
        pytest.raises(FileExistsError, match="is a folder and is left"),
        writing(target, overwrite=True) as partial,
    ):
        partial.write_text("file")
    assert names(tmp_path) == ["a"]
    assert target.is_dir()


def test_what_a_killed_run_left_is_replaced(tmp_path, put):
    target = tmp_path / "a.zarr"
    program = (
        "import os, pathlib, sys\n"
        "from napari_diversify.files import writing\n"
        "with writing(sys.argv[1]) as partial:\n"
        "    partial.mkdir()\n"
        "    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(target)]).returncode == 9
    assert names(tmp_path) == [".a.zarr.partial"]
    with writing(target) as partial:
        put(partial, "whole")
    assert names(tmp_path) == ["a.zarr"]


def test_a_run_killed_between_the_renames_loses_nothing(tmp_path, put):
    target = tmp_path / "a.zarr"
    put(tmp_path / ".a.zarr.old", "old")
    with pytest.raises(FileExistsError), writing(target):
        pass
    assert names(tmp_path) == ["a.zarr"]
    assert text_of(target) == "old"


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not write")],
)
def test_a_full_or_protected_disk_is_told_in_a_sentence(tmp_path, number, said):
    target = tmp_path / "a.tif"
    with pytest.raises(OSError, match=said) as caught:
        fail_amidst(target, Path.write_text, OSError(number, os.strerror(number)))
    assert str(target) in str(caught.value)
    assert caught.value.errno == number
    assert names(tmp_path) == []


def test_two_who_write_the_same_file_do_not_get_in_each_others_way(tmp_path):
    target, runs = tmp_path / "a.zarr", ("0123456789ab", "ba9876543210")
    with writing(target, run=runs[0]) as one, writing(target, overwrite=True, run=runs[1]) as other:
        for partial, text in ((one, "one"), (other, "other")):
            partial.mkdir()
            (partial / "zarr.json").write_text(text)
        found = leftovers(tmp_path, Listing())
        assert [(left.name, left.run) for left in found] == [("a.zarr", run) for run in runs]
        assert [left.path for left in found] == [one, other]
    assert names(tmp_path) == ["a.zarr"]
    assert text_of(target) == "one"


def test_what_was_replaced_is_a_leftover_only_beside_its_successor(tmp_path):
    for name in (
        ".a.tif.old",
        ".b.tif.old",
        "b.tif",
        ".c.tif.partial",
        "d.old",
        ".e",
        ".f.partial.x",
    ):
        (tmp_path / name).touch()
    found = leftovers(tmp_path, Listing())
    assert [(left.name, left.run) for left in found] == [("b.tif", ""), ("c.tif", "")]


def test_a_text_is_written_only_if_it_changes(tmp_path):
    path = tmp_path / "a.json"
    assert replace_text(path, "µ\n")
    before = path.stat()
    assert not replace_text(path, "µ\n")
    assert path.stat().st_ino == before.st_ino
    assert replace_text(path, "m\n")
    assert path.read_bytes() == b"m\n"


def test_the_folders_that_were_made_are_told(tmp_path):
    deep = tmp_path / "a" / "b" / "c"
    assert make_folder(deep) == [tmp_path / "a", tmp_path / "a" / "b", deep]
    assert make_folder(deep) == []


def test_other_errors_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError, match="mine"), writing(tmp_path / "a"):
        raise FileNotFoundError(errno.ENOENT, "mine")


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../a",
        "a/b",
        "a\\b",
        ".hidden",
        "a.",
        "a ",
        "a\nb",
        "a\0",
        "C:a",
        "CON",
        "nul.tif",
        "Lpt1",
        "a?",
        "x" * 201,
        "ä" * 150,
        "a\u202eb",
    ],
)
def test_names_that_lead_elsewhere_or_no_system_takes_are_refused(name):
    with pytest.raises(ValueError, match="cannot be a file name"):
        check_name(name)


@given(st.text(min_size=1, max_size=60))
def test_an_accepted_name_is_one_plain_file_in_its_folder(tmp_path_factory, name):
    try:
        check_name(name)
    except ValueError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / name).parent == folder
    with writing(folder / name, overwrite=True) as partial:
        partial.touch()
    assert name in os.listdir(folder)
    (folder / name).unlink()


@pytest.mark.parametrize("name", ["nuclei", "nuclei 3, day 2", "µm-stack_01.v2", "COM0", "console"])
def test_ordinary_names_are_accepted(name):
    assert check_name(name) == name

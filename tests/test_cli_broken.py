"""Every command with every kind of broken argument and input: a sentence and the right status.

The table is generated: commands x kinds of files, names, recipes, and values of every option
that a command has. Nothing may end in a traceback, wait for ever, or say nothing.
"""

import json
import os
import re
import shutil
import signal
import typing
from pathlib import Path

import pytest
import tifffile
import typer
from typer.testing import CliRunner

from broken import DRESSED, GOOD, IMAGES, IN_PART, NAMES, POSIX, RECIPES, image, make
from napari_diversify import files
from napari_diversify.cli import main as cli
from napari_diversify.cli.quiet import quieten

_LONGEST = 60  # seconds until a command counts as one that waits for ever


# ---- what is there ----


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Sound inputs, broken ones in the folder bad, and a training set."""
    here = tmp_path_factory.mktemp("broken")
    header = files.Header((4, 12, 14), "uint16", "zyx", (2.0, 0.5, 0.5), ("micrometer",) * 3)
    files.write_tiff(here / "cells.tif", header, files.planes_of(image(), header))
    (here / "masks").mkdir()
    tifffile.imwrite(
        here / "masks" / "cells.tif", (image() > 2000).astype("uint8"), photometric="minisblack"
    )
    (here / "recipe.json").write_text(GOOD)
    (here / "bad").mkdir()
    for name, how in IMAGES.items():
        make(here / "bad" / name, how)
    before = os.getcwd()
    os.chdir(here)
    try:
        words = ("apply", "recipe.json", "cells.tif", "-o", "train", "--format", "ome-tiff")
        assert CliRunner().invoke(cli.main, words).exit_code == 0
    finally:
        os.chdir(before)
    return here


@pytest.fixture
def call(store, monkeypatch):
    """Run a command as the program does, without a display; its answer must be a sentence."""
    monkeypatch.chdir(store)
    monkeypatch.setattr(cli, "_has_display", lambda: False)
    undo = quieten()

    waited = []

    def late(*_):
        waited.append(True)
        raise KeyboardInterrupt  # it ends what waits, and is no error that is answered

    if POSIX:
        usual = signal.signal(signal.SIGALRM, late)
        signal.alarm(_LONGEST)

    def run(*words):
        words = [str(word) for word in words]
        result = CliRunner().invoke(cli.main, words)
        assert not waited, "it waits for ever"
        assert isinstance(result.exception, SystemExit | None), repr(result.exception)
        assert result.exit_code in (0, 1, 2, 3)
        assert "Traceback" not in result.output
        lines = result.stderr.splitlines()
        for line in lines:
            assert_sentence(line, words)
        said = [line for line in lines if not line.startswith("Note: ")]
        assert bool(result.exit_code) == bool(said), result.output
        return result

    yield run
    if POSIX:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, usual)
    undo()


def assert_sentence(line, words):
    """It starts with a capital letter or a name, ends with a full stop, and is no error's name."""
    first = line.split(" ")[0].rstrip(":,")
    named = not (first.isascii() and first.isalpha()) or any(first in Path(w).parts for w in words)
    assert named or not first.islower(), line
    assert line.endswith((".", "?", "!")), line
    assert not line.endswith(("..", "?.")), line
    assert not re.match(r"\w*(Error|Exception|Warning|Interrupt)\b", line), line
    assert len(line) < 2500


# ---- images ----

BATCH = ("--format", "ome-tiff", "-o", "out")
READERS = {
    "info": (("info",), ()),
    "replay": (("replay",), ()),
    "apply": (("apply", "recipe.json"), BATCH),
    "dry apply": (("apply", "recipe.json"), (*BATCH, "--dry-run")),
    "labels": (("apply", "recipe.json", "cells.tif", *BATCH, "--labels"), ()),
    "series": (("series",), (*BATCH, "--psnr", "20")),
    "phantom": (("phantom", "out", "--shape", "4,16,16", "--spacing", "1,1,1", "--like"), ()),
    "report": (("report",), ()),
    "real": (("report", "train", "-o", "out/page.html", "--real"), ()),
    "demo": (("demo",), ()),
}


@pytest.fixture
def clean(store):
    """Whatever is written goes away, so that the next test finds what this one found."""
    yield
    shutil.rmtree(store / "out", ignore_errors=True)


def no_option(path):
    return ("--", path) if str(path).startswith("-") else (path,)


@pytest.mark.parametrize("name", IMAGES)
def test_a_broken_image_is_refused(call, clean, store, name):
    for before, after in READERS.values():
        status = call(*before, f"bad/{name}", *after).exit_code
        assert status in (1, 3) or name in IN_PART
        assert not list((store / "out").rglob("*.tif")) or status == 0
        shutil.rmtree(store / "out", ignore_errors=True)


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_without_a_file_is_refused(call, clean, store, kind):
    for before, after in READERS.values():
        result = call(*before, NAMES[kind], *after)
        assert result.exit_code in ((2,) if kind == "nothing" else (1, 3))
        assert "did not expect" not in result.stderr
        assert not list((store / "out").rglob("*.tif"))


@pytest.mark.parametrize("name", [n for n in IMAGES if n.startswith("-")])
def test_a_name_like_an_option_is_taken_for_one_unless_it_follows_two_dashes(call, store, name):
    os.chdir(store / "bad")
    assert call("info", name).exit_code == 2
    assert call("info", "--", name).exit_code == 1


def test_what_is_sound_is_told_beside_what_is_broken(call, store):
    bad = [f"bad/{name}" for name in IMAGES if name not in IN_PART]
    names = ["cells.tif", *bad, "train/cells_0000.ome.tif"]
    result = call("info", *names)
    assert result.exit_code == 3
    assert result.stdout.count("4 x 12 x 14") == 2
    *said, last = result.stderr.splitlines()
    assert len(said) == len(bad)
    assert last == f"{len(bad)} of {len(names)} files could not be read."
    rows = json.loads(call("info", *names, "--json").stdout, parse_constant=pytest.fail)
    assert [row["path"] for row in rows] == names
    assert sum(set(row) == {"path", "why"} for row in rows) == len(bad)


def test_info_and_replay_are_valid_json_when_nothing_can_be_read(call):
    for command in ("info", "replay"):
        result = call(command, "missing.tif", "--json")
        (row,) = json.loads(result.stdout)
        assert (result.exit_code, row["path"]) == (1, "missing.tif")
        assert row["why"] == result.stderr.strip()


# ---- recipes ----


@pytest.mark.parametrize("inline", [False, True], ids=["file", "inline"])
@pytest.mark.parametrize("kind", RECIPES)
def test_a_broken_recipe_is_refused(call, clean, store, kind, inline):
    recipe = RECIPES[kind].decode(errors="surrogateescape") if inline else "broken.json"
    (store / "broken.json").write_bytes(RECIPES[kind])
    for words in (("apply", recipe, "cells.tif"), ("series", "cells.tif", "--recipe", recipe)):
        result = call(*words, *BATCH)
        assert result.exit_code == (2 if recipe == "" else 1)
        assert "did not expect" not in result.stderr
        assert not (store / "out").exists()


@pytest.mark.parametrize(
    "kind", [*NAMES, "a folder", "a large file", *(["a pipe"] if POSIX else [])]
)
def test_a_recipe_that_is_no_file_is_refused(call, clean, store, kind):
    with (store / "large.json").open("wb") as file:
        file.truncate(1 << 30)
    others = {"a folder": "masks", "a large file": "large.json", "a pipe": "bad/pipe"}
    result = call("apply", {**NAMES, **others}[kind], "cells.tif", *BATCH)
    assert result.exit_code == (2 if kind == "nothing" else 1)
    assert "did not expect" not in result.stderr


@pytest.mark.parametrize("inline", [False, True], ids=["file", "inline"])
@pytest.mark.parametrize("kind", DRESSED)
def test_a_recipe_is_read_whoever_has_saved_it(call, clean, store, kind, inline):
    (store / "dressed.json").write_bytes(DRESSED[kind])
    recipe = "dressed.json"
    if inline:
        recipe = DRESSED[kind].decode("utf-16" if kind == "UTF-16" else "utf-8")
    assert call("apply", recipe, "cells.tif", *BATCH).exit_code == 0
    assert call("replay", "out/cells_0000.ome.tif").exit_code == 0


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs names for open files")
def test_a_recipe_may_come_through_a_pipe_of_the_shell(call, clean):
    read, write = os.pipe()
    os.write(write, GOOD.encode())
    os.close(write)
    assert call("apply", f"/dev/fd/{read}", "cells.tif", *BATCH).exit_code == 0
    os.close(read)


# ---- options ----

MODEL = ("-o", "out/model")
COMMANDS = {
    "apply": ("apply", "recipe.json", "cells.tif", *BATCH, "--dry-run"),
    "series": ("series", "cells.tif", *BATCH, "--psnr", "20", "--dry-run"),
    "replay": ("replay", "train/cells_0000.ome.tif"),
    "info": ("info", "cells.tif"),
    "phantom": ("phantom", "out", "--shape", "4,16,16", "--dry-run"),
    "report": ("report", "train", "-o", "out/page.html", "--overwrite"),
    "robustness": ("robustness", "recipe.json", "cells.tif", "--labels", "masks/cells.tif",
                   "--segmenter", "otsu", "--psnr", "20", "-o", "out/study", "--dry-run"),
    "demo": ("demo", "cells.tif"),
    "train restore": ("train", "restore", "cells.tif", *MODEL),
    "train denoise": ("train", "denoise", "cells.tif", *MODEL),
    "train dress": ("train", "dress", "cells.tif", *MODEL),
    "train shapes": ("train", "shapes", "--labels", "cells.tif", *MODEL),
    "dress": ("dress", "out/gone", "-o", "out/set"),
    "probe": ("probe", "cells.tif", "--labels", "masks/cells.tif"),
    "shapes": ("shapes", "--labels", "masks/cells.tif", "--model", "out/gone", "-o", "out/shapes"),
    "balance": ("balance", "--labels", "masks/cells.tif", "--classes", "recipe.json"),
    "export-model": ("export-model", "out/gone", "-o", "out/model.zip"),
}  # fmt: skip
VALUES = {
    int: ("many", "", " ", "1.5", "-1", "0", "1e3", "nan", "0x10", "-", "9" * 30, "-" + "9" * 30),
    float: ("many", "", " ", "-1", "0", "nan", "inf", "-inf", "1e999", "1e-320", "1,5", "1e30"),
    str: ("", " ", "-", ",", "=", ":", "many", "é\u2028", "\udcff", "x" * 5000, "-1", "0", "-5",
          "9" * 30, "nan", "nan,nan,nan", "inf,inf", "1,2,3,4", "0,0,0", "-1,-1,-1", "{", "[",
          "../..", "zyx", "x=1:2", "w_v=nan:1", "w_v=0:inf", "w_v=1:0", "w_v=0:1:0",
          "w_v=0:1:99999999", "5-1", "0-99999999999", "1e9,1e9,1e9", "100000,100000,100000"),
    Path: (*NAMES.values(), "bad/text.tif", "bad/folder", "recipe.json", "/dev/null/x"),
}  # fmt: skip


def commands(group, *names):
    """Every command by its words, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield " ".join((*names, name)), command


OPTIONS = [
    (name, option)
    for name, command in commands(typer.main.get_command(cli.main))
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag
]


def values_for(option):
    """What to try: by the type that the command gives the option."""
    kind = option.type_descriptor.annotation
    kinds = {inner for outer in (kind, *typing.get_args(kind))
             for inner in (outer, *typing.get_args(outer))}  # fmt: skip
    (kind,) = kinds & VALUES.keys()
    return VALUES[kind]


@pytest.mark.parametrize(
    ("command", "option"), OPTIONS, ids=[f"{command} {o.opts[0]}" for command, o in OPTIONS]
)
def test_a_broken_value_is_refused_or_used(call, clean, command, option):
    for value in values_for(option):
        result = call(*COMMANDS[command], option.opts[0], value)
        assert "did not expect" not in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "more",
    [
        ("--no-such-option",),
        ("--no-such-option=1",),
        ("-z",),
        ("--js",),
        ("--",),
        ("---",),
        ("--help=1",),
        ("--json=1",),
        ("--output",),
        ("--workers", "--json", "-n"),
        ("one", "two", "three", "--no-such-option"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_says_what_is_right(call, clean, command, more):
    result = call(*COMMANDS[command], *more)
    if more != ("--",):
        assert result.exit_code == 2
        assert "Usage: " in result.stderr or result.stderr.startswith("Option ")
        assert result.stdout == ""


@pytest.mark.parametrize("words", [("aply",), ("",), ("--debug", "--versio"), ("-h",), ("info",)])
def test_an_unknown_command_is_refused(call, words):
    assert call(*words).exit_code == 2


# ---- training sets ----

TABLES = {
    "empty": b"",
    "bytes": bytes(range(256)),
    "a heading": b"file,labels\n",
    "an image": b"II*\0\x08\0\0\0",
    "not UTF-8": b"file,\xff\n",
    "quotes": b'file,"labels\n',
    "a long field": b"x" * 300_000,
}


@pytest.mark.parametrize("kind", [*TABLES, "a folder", *(["a pipe"] if POSIX else [])])
def test_a_broken_manifest_is_refused(call, store, tmp_path, kind):
    shutil.copytree(store / "train", tmp_path / "set")
    table = tmp_path / "set" / "manifest.csv"
    table.unlink()
    if kind == "a folder":
        table.mkdir()
    elif kind == "a pipe":
        os.mkfifo(table)
    else:
        table.write_bytes(TABLES[kind])
    result = call("report", tmp_path / "set")
    assert result.exit_code == 1
    assert "did not expect" not in result.stderr


@pytest.mark.parametrize("kind", [*RECIPES, "a folder", *(["a pipe"] if POSIX else [])])
def test_a_broken_record_is_no_record(call, store, tmp_path, kind):
    shutil.copytree(store / "train", tmp_path / "set")
    record = tmp_path / "set" / ".diversify" / "cells_0000.json"
    record.unlink()
    if kind == "a folder":
        record.mkdir()
    elif kind == "a pipe":
        os.mkfifo(record)
    else:
        record.write_bytes(RECIPES[kind])
    assert call("report", tmp_path / "set").exit_code == 0
    words = ("apply", "recipe.json", "cells.tif", "--format", "ome-tiff", "-o", tmp_path / "set")
    result = call(*words, "--resume", "--dry-run")
    assert result.exit_code == 3  # there is a file that nobody knows
    assert "exists and is left as it is" in result.stderr

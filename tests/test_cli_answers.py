"""How commands end: errors nobody thought of, --debug, what libraries say, streams and signals."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_diversify import Recipe, files
from napari_diversify.cli import main as cli
from napari_diversify.cli.quiet import quieten
from napari_diversify.files import Entry
from napari_diversify.recipe import Diversify
from napari_diversify.sentences import reason

DEBUG = "Run the command again with --debug to see where, and please report it.\n"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals as on POSIX")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = np.random.default_rng(0).integers(100, 4000, (4, 12, 14)).astype("uint16")
    for name in "ac":
        tifffile.imwrite(tmp_path / f"{name}.tif", image, photometric="minisblack")
    Recipe(steps=(Diversify(w_v=2.0),), seed=7).save(tmp_path / "recipe.json")
    return tmp_path


def invoke(*words):
    result = CliRunner().invoke(cli.main, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit | None), repr(result.exception)
    return result


# ---- errors that nobody thought of ----


class Panic(BaseException):
    """As libraries written in Rust raise it."""


def decoding():
    return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


UNEXPECTED = [
    StopIteration(), StopIteration(3), RuntimeError("generator raised StopIteration"),
    KeyError("x"), IndexError("out of range"), AttributeError("no such thing"), LookupError(),
    RecursionError("too deep"), AssertionError(), ZeroDivisionError("division by zero"),
    NotImplementedError(), EOFError(), OverflowError("too large"), BrokenProcessPool("it died"),
    UserWarning("careful"), RuntimeWarning("invalid value"), Exception(), ValueError(),
    Panic("at the disco"),
    RuntimeError("two\nlines, and \x1b[31mcolours\x1b[0m"), RuntimeError("long " * 10_000),
    ExceptionGroup("many", [RuntimeError("the first"), RuntimeError("the second")]),
]  # fmt: skip
EXPECTED = {
    "The disk is gone.": OSError("the disk is gone"),
    "There is not enough memory.": MemoryError(),
    "Unable to allocate 9 TiB.": MemoryError("Unable to allocate 9 TiB"),
    "No module named 'zarr'.": ModuleNotFoundError("No module named 'zarr'"),
    "a.tif: Is a directory.": IsADirectoryError(21, "Is a directory", "a.tif"),
    "No space left on device.": OSError(28, "No space left on device"),
    "w_v must be 0 or more; got -1.": ValueError("w_v must be 0 or more; got -1."),
    "a.tif holds nothing.": TypeError("a.tif holds nothing"),
    "Is it running?": ConnectionError("is it running?"),
    "The text is not valid: 'utf-8' codec can't decode byte 0xff in position 0: invalid start "
    "byte.": decoding(),
}

#: What each command calls first, and a command line for it.
FIRST = {
    "apply": ("napari_diversify.batch.preview", ("apply", "recipe.json", "a.tif", "--dry-run")),
    "series": ("napari_diversify.batch.preview", ("series", "a.tif", "--dry-run")),
    "replay": ("napari_diversify.batch.replay", ("replay", "a.tif")),
    "info": ("napari_diversify.files.open_image", ("info", "a.tif")),
    "phantom": ("napari_diversify.cli.phantom._plan", ("phantom",)),
    "report": ("napari_diversify.report.reporting", ("report", ".")),
    "demo": ("napari_diversify.cli.main._read", ("demo", "a.tif")),
}


@pytest.fixture
def fail_with(here, monkeypatch):
    """Run a command in which the first thing that it calls raises an error."""
    monkeypatch.setattr(cli, "_has_display", lambda: False)

    def call(command, error, *more):
        target, words = FIRST[command]

        def fail(*_, **__):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(target, fail)
            if command in ("apply", "series", "phantom"):
                words = (*words, *(("-o",) if command != "phantom" else ()), "out")
            return invoke(*more, *words)

    return call


@pytest.mark.parametrize("command", FIRST)
def test_an_error_of_whatever_kind_is_answered_in_a_sentence(fail_with, command):
    for error in UNEXPECTED:
        result = fail_with(command, error)
        assert (result.exit_code, result.stdout) == (1, ""), repr(error)[:99]
        assert result.stderr.endswith(DEBUG)
        assert result.stderr.count("\n") == 1
        assert len(result.stderr) < 1500
        assert "omething went wrong that this program did not expect: " in result.stderr
        told = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        assert type(told).__name__ in result.stderr


@pytest.mark.parametrize("command", FIRST)
def test_an_error_that_is_meant_for_the_user_says_its_own_sentence(fail_with, command):
    for said, error in EXPECTED.items():
        result = fail_with(command, error)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.count("\n") == 1
        assert said[1:] in result.stderr
        if command not in ("replay", "info", "demo"):  # these name the file first
            assert result.stderr == f"{said}\n"


@pytest.mark.parametrize("command", FIRST)
def test_debug_shows_where_whatever_the_error_and_wherever_it_stands(fail_with, command):
    for error in (KeyError("steps"), ValueError("w_v is too much")):
        for more in ((), ("--debug",)):
            result = fail_with(command, error, *more)
            assert result.exit_code == 1
            assert ("Traceback" in result.stderr) == ("in fail" in result.stderr) == bool(more)


def test_debug_may_stand_before_and_after_a_command_but_not_among_names(here):
    for words in (("--debug", "info", "b.tif"), ("info", "--debug", "b.tif"),
                  ("info", "b.tif", "--debug")):  # fmt: skip
        result = invoke(*words)
        assert result.exit_code == 1
        assert "Traceback" in result.stderr
        assert result.stderr.endswith("b.tif: there is no such file or folder.\n")
    result = invoke("info", "--", "b.tif", "--debug")
    assert "Traceback" not in result.stderr
    assert "--debug: there is no such file or folder.\n" in result.stderr
    assert "--debug" in invoke("--help").stdout


def test_debug_shows_where_a_sample_failed(here):
    (here / "b.tif").write_bytes(b"no voxels")
    words = ("apply", "recipe.json", "b.tif", "-o", "out")
    assert invoke(*words).stderr.count("\n") == 1
    result = invoke(*words, "--debug")
    assert "Traceback" in result.stderr
    assert "read_tiff" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("b_0000 failed: b.tif: ")


def test_a_sample_that_fails_in_a_way_nobody_thought_of_is_told(here, monkeypatch):
    def fail(*_, **__):
        raise KeyError("steps")

    monkeypatch.setattr("napari_diversify.batch.make.volume_of", fail)
    result = invoke("apply", "recipe.json", "a.tif", "-o", "out")
    assert result.exit_code == 3
    assert result.stderr.startswith("a_0000 failed: something went wrong that this program did ")
    assert result.stderr.endswith("'steps' (KeyError).\n")


def test_a_reason_is_one_line_that_somebody_reads_to_its_end():
    assert reason(ValueError("a\r\nb\tc\x00d")) == "a b c d"
    assert len(reason(ValueError("x" * 99_999))) == 1000
    assert reason(OSError(2, "No such file", b"caf\xff.tif")) == "caf\udcff.tif: No such file"


# ---- info ----


def test_info_tells_of_all_files_and_ends_with_3_if_one_is_bad(here):
    (here / "bad.tif").write_bytes(b"II*\0junk")
    result = invoke("info", "a.tif", "bad.tif", "c.tif")
    assert result.exit_code == 3
    assert [line for line in result.stdout.splitlines() if line[0] != " "] == ["a.tif", "c.tif"]
    why, count = result.stderr.splitlines()
    assert why.startswith("bad.tif: ")
    assert count == "1 of 3 files could not be read."
    rows = json.loads(invoke("info", "a.tif", "bad.tif", "c.tif", "--json").stdout)
    assert rows[1] == {"path": "bad.tif", "why": why}
    assert [row["shape"] for row in rows[::2]] == [[4, 12, 14]] * 2
    assert invoke("info", "bad.tif", "b.tif").exit_code == 1


ENTRIES = [
    Entry(Path("a.tif"), 0, "macro", "it is a macro image of image 1", name="a_s0"),
    Entry(Path("a.tif"), 1, "embryo", name="a_s1"),
    Entry(Path("a.tif"), 2, name="a_s2", home=Path("b.tif")),
]


def test_info_lists_the_images_of_a_file_its_origin_and_what_its_reader_noticed(here, monkeypatch):
    original = files.open_image

    def opened(path, *, axes, series):
        assert (axes, series) == ("tyx", 2)
        image = original(path, axes=axes)
        header = replace(
            image.header, origin=(0, 1.5, 0), units=(None, "micrometer", None),
            notes=("it is the third of three images", "a plane is missing"),
        )  # fmt: skip
        return replace(image, header=header)

    monkeypatch.setattr(files, "open_image", opened)
    monkeypatch.setattr(files, "images_in", lambda path: ENTRIES)
    result = invoke("info", "a.tif", "--series", 2, "--axes", "tyx")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "  origin      y 1.5 micrometer" in lines
    assert (
        '  images      3: 0 a_s0 "macro" (it is a macro image of image 1), 1 a_s1 "embryo", '
        "2 a_s2 (opened with b.tif)"
    ) in lines
    assert lines[-2:] == [
        "  note        it is the third of three images.", "  note        a plane is missing.",
    ]  # fmt: skip
    (row,) = json.loads(invoke("info", "a.tif", "--series", 2, "--axes", "tyx", "--json").stdout)
    assert row["images"][0] == {
        "path": "a.tif", "series": 0, "title": "macro", "name": "a_s0", "home": None,
        "aside": "it is a macro image of image 1",
    }  # fmt: skip
    assert row["images"][2]["home"] == "b.tif"
    assert row["origin"] == [0, 1.5, 0]
    assert row["notes"] == ["it is the third of three images", "a plane is missing"]


def test_info_of_many_images_names_some_and_of_one_none(here, monkeypatch):
    assert "images" not in invoke("info", "a.tif").stdout
    (row,) = json.loads(invoke("info", "a.tif", "--json").stdout)
    assert [image["name"] for image in row["images"]] == ["a"]
    many = [Entry(Path("plate", str(n)), name=f"plate_{n}") for n in range(96)]
    monkeypatch.setattr(files, "images_in", lambda path: many)
    text = invoke("info", "a.tif").stdout
    assert "  images      96: plate_0, plate_1, " in text
    assert "plate_19, and 76 more\n" in text


def test_info_tells_of_an_image_although_the_others_cannot_be_listed(here, monkeypatch):
    def fail(path):
        raise ValueError("the list is torn")

    monkeypatch.setattr(files, "images_in", fail)
    result = invoke("info", "a.tif")
    assert result.exit_code == 0
    assert "4 x 12 x 14" in result.stdout
    assert "could not be listed: the list is torn." in result.stdout


def test_a_provenance_that_json_cannot_hold_is_printed_as_json_all_the_same(here, monkeypatch):
    deep = []
    for _ in range(900):
        deep = [deep]
    made = {"recipe": {"steps": deep, "nan": float("nan")}, "inf": float("inf"), "µ\n": "\udcff"}
    original = files.open_image

    def opened(path, **options):
        image = original(path, **options)
        return replace(image, header=replace(image.header, provenance=made))

    monkeypatch.setattr(files, "open_image", opened)
    result = invoke("info", "a.tif", "--json")
    (row,) = json.loads(result.stdout, parse_constant=pytest.fail)
    assert row["provenance"]["inf"] == "inf"
    assert "recipe that cannot be read" in invoke("info", "a.tif").stdout


# ---- what libraries say ----


def chatter():
    """All that a library can write to standard error by itself."""
    warnings.warn("a warning", UserWarning, stacklevel=1)
    logging.getLogger("tifffile").error("a log line")
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

    class Ill:
        def __del__(self):
            raise ZeroDivisionError

    Ill()


def test_what_libraries_say_is_not_heard(capfd):
    undo = quieten()
    try:
        chatter()
        done = subprocess.run(
            [sys.executable, *subprocess._args_from_interpreter_flags(), "-c",
             "import warnings; warnings.warn('a warning')"],
            capture_output=True,
        )  # fmt: skip
    finally:
        undo()
    assert capfd.readouterr() == ("", "")
    assert done.stderr == b""
    assert logging.getLogger("tifffile").isEnabledFor(logging.ERROR)
    with pytest.warns(UserWarning, match="a warning"):
        warnings.warn("a warning", UserWarning, stacklevel=1)


def test_the_library_leaves_log_lines_to_the_program_that_imports_it():
    program = (
        "import logging, warnings, napari_diversify.files, napari_diversify.batch\n"
        "warnings.warn('a warning')\nlogging.getLogger('tifffile').error('a log line')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "a warning" in done.stderr
    assert "a log line" in done.stderr


# ---- as a program ----

PROGRAM = [sys.executable, "-c", "from napari_diversify.__main__ import main; main()"]
QUIET = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200"}


def run(*words, env=(), **options):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(
        [*PROGRAM, *map(os.fspath, words)],
        env={**os.environ, **QUIET, **dict(env)},
        timeout=120,
        **streams,
    )


NOISY = """
import logging, warnings
import napari_diversify.batch.source
from napari_diversify import files

quiet = files.open_image


def open_image(*arguments, **options):
    warnings.warn("a warning")
    logging.getLogger("tifffile").error("a log line")
    return quiet(*arguments, **options)


files.open_image = open_image

if __name__ == "__main__":
    from napari_diversify.__main__ import main
    main()
"""


@pytest.fixture
def noisy(here):
    """Run the program with libraries that say something whenever an image is opened."""
    (here / "noisy.py").write_text(NOISY)

    def call(*words):
        words = [sys.executable, "noisy.py", *words]
        return subprocess.run(words, capture_output=True, text=True, timeout=120)

    return call


def test_what_libraries_say_is_heard_with_debug_only(noisy):
    done = noisy("info", "a.tif")
    assert (done.returncode, done.stderr) == (0, "")
    done = noisy("info", "a.tif", "--debug")
    assert "a warning" in done.stderr
    assert "a log line" in done.stderr


def test_workers_are_as_quiet_as_the_run_that_they_work_for(noisy):
    words = ("apply", "recipe.json", "a.tif", "-o", "out", "--workers", "1", "--axes", "zyx")
    done = noisy(*words)
    assert (done.returncode, done.stderr) == (0, "")


@POSIX
def test_a_broken_pipe_ends_a_command_quietly(here):
    read, write = os.pipe()
    os.close(read)
    for unbuffered in ("", "1"):
        done = run("info", "a.tif", "c.tif", stdout=write, env={"PYTHONUNBUFFERED": unbuffered})
        assert (done.returncode, done.stderr) == (141, b"")
    os.close(write)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
@pytest.mark.parametrize("words", [("info", "a.tif"), ("info", "--help"), ("--version",)])
def test_output_that_cannot_be_written_is_told(here, words):
    with open("/dev/full", "wb") as full:
        done = run(*words, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"The output cannot be written: No space left on device.\n"


@POSIX
@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_a_command_works_with_closed_streams(here, closed):
    def close():
        for stream in closed:
            os.close(stream)

    done = run("info", "a.tif", "b.tif", preexec_fn=close)
    assert done.returncode == 3
    assert (b"b.tif: there is no such file" in done.stderr) == (2 not in closed)


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_letters_that_the_terminal_does_not_have_stop_nothing(here, env):
    words = ("phantom", "σ", "--dry-run", "--shape", "4,16,16")
    done = run(*words, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"diameter" in done.stdout
    done = run("info", "µσ\u2028.tif", "a.tif", env=env)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


@POSIX
def test_a_name_of_bytes_that_are_no_text_is_a_name(here):
    name = b"caf\xe9"
    os.mkdir(name)
    os.link("a.tif", name + b"/a.tif")
    os.link("a.tif", b"\xff.tif")
    done = run("info", os.fsdecode(name + b"/a.tif"), os.fsdecode(b"\xff.tif"))
    assert (done.returncode, done.stderr) == (0, b"")
    for form in ("ome-tiff", "ome-zarr"):
        words = ("apply", "recipe.json", os.fsdecode(name), "-o", form, "--format", form)
        made = invoke(*words, "--axes", "zyx")
        assert (made.exit_code, made.stderr) == (0, "")
        (file,) = (p for p in (here / form).iterdir() if p.name.startswith("a_"))
        again = invoke("replay", file, "--json")
        assert again.exit_code == 0, again.output
    refused = invoke("apply", "recipe.json", os.fsdecode(b"\xff.tif"), "-o", "out")
    assert refused.exit_code == 1
    assert "cannot be a file name" in refused.stderr


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_command_that_is_told_to_end_stops_as_with_ctrl_c(here, name):
    program = subprocess.Popen(
        [*PROGRAM, "apply", "recipe.json", "a.tif", "-o", "out", "-n", "3000",
         "--format", "ome-tiff"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL)
                            for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
    )  # fmt: skip
    records = here / "out" / ".diversify"
    while program.poll() is None and (not records.exists() or len(os.listdir(records)) < 5):
        time.sleep(0.02)
    program.send_signal(getattr(signal, name))
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert (out, err) == (b"", b"Stopped. Finished samples stay; --resume continues from here.\n")
    assert not [name for name in os.listdir("out") if "partial" in name]
    made = [name for name in os.listdir("out") if name.endswith(".tif")]
    lines = (here / "out" / "manifest.csv").read_text().splitlines()
    assert len(lines) == 1 + len(made)


def test_an_installation_that_is_broken_is_told(tmp_path):
    (tmp_path / "pydantic.py").write_text("raise RuntimeError('it is not what it was')")
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = run("info", "none.tif", env=env)
    assert done.returncode == 1
    assert done.stderr.startswith(b"napari-diversify cannot be loaded: something went wrong")
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" in run("info", "none.tif", "--debug", env=env).stderr


def test_the_demo_says_why_there_is_no_window(here, monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("elsewhere there is always a display")
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    result = invoke("demo", "a.tif")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("napari cannot open a window: ")
    assert "was written to napari-diversify-demo.png instead." in result.stdout


def test_the_demo_closes_the_viewer_if_the_file_cannot_be_read(here, monkeypatch):
    napari = pytest.importorskip("napari")
    closed = []

    class Viewer:
        def __init__(self, **_):
            pass

        def open(self, file):
            raise KeyError("a reader")

        def close(self):
            closed.append(True)

    monkeypatch.setattr(napari, "Viewer", Viewer)
    monkeypatch.setattr(cli, "_has_display", lambda: True)
    monkeypatch.setattr(cli, "_no_window", lambda: "")
    result = invoke("demo", "a.tif")
    assert result.exit_code == 1
    assert result.stderr.startswith("a.tif could not be read as an image: ")
    assert closed == [True]


with contextlib.suppress(ImportError):
    from hypothesis import given
    from hypothesis import strategies as st

    @given(st.text())
    def test_whatever_is_said_is_one_line(text):
        said = reason(ValueError(text))
        assert len(said.splitlines()) <= 1
        assert len(said) <= 1100

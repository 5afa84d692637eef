"""Runs that work in one folder at the same time: no wrong voxel, no missing row, no waiting."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from batch_jobs import (
    RECIPE,
    Beside,
    done,
    job_of,
    made,
    noise,
    table,
    temporary,
    tree,
    write_source,
)
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.batch import Job, Source, locks, preview, run
from napari_diversify.batch.claims import _content, _meet
from napari_diversify.batch.locks import Lock, locked, read
from napari_diversify.files import check_folder, header_of
from napari_diversify.recipe import Sampling

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="killed as on POSIX")


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    return [write_source(folder / f"a{n}.tif", noise((2, 12, 16), seed=n)) for n in range(6)]


@pytest.fixture
def beside(children):
    """Start a run in another process; it is killed after the test if it still runs."""
    runs = []

    def start(inputs, output, **settings):
        runs.append(Beside(children, inputs, output, **settings))
        return runs[-1]

    yield start
    for one in runs:
        one.__exit__()


@pytest.fixture
def quick(monkeypatch):
    """Signs of life so often that waiting for them takes no time."""
    monkeypatch.setattr(locks, "BEAT", 0.03)


def claims(output):
    return sorted((output / ".diversify" / "runs.partial").glob("*.json"))


def rows(output):
    return sorted((line["source"], line["sample"]) for line in table(output))


def whole(inputs, output, **settings):
    made(job_of(inputs, output, **settings))
    return tree(output)


# ---- two runs ----


@pytest.mark.parametrize("again", [{}, {"resume": True}, {"overwrite": True}], ids=str)
def test_the_same_samples_are_made_by_one_run_at_a_time(raw, tmp_path, beside, again):
    output = tmp_path / "train"
    first = beside(raw[:2], output, samples=2)
    assert first.begun() == "begun"
    before = tree(output)
    said = rf"^another run makes samples of a0 and 1 more .* process {first.process.pid} of .* ago"
    with pytest.raises(OSError, match=said):
        done(job_of(raw[:2], output, samples=2), **again)
    assert tree(output) == before
    first.go_on()
    assert len(first.end()[0]) == 4
    assert tree(output) == whole(raw[:2], tmp_path / "whole", samples=2)


def test_other_settings_do_not_get_among_the_samples_of_a_run(raw, tmp_path, beside):
    output = tmp_path / "train"
    first = beside(raw[:2], output, samples=3)
    assert first.begun() == "begun"
    other = {"samples": 3, "recipe": RECIPE.replace(seed=9), "layout": "stardist"}
    for some in (raw[:2], raw[1:3]):
        with pytest.raises(OSError, match=r"another run makes samples of a[01]"):
            done(job_of(some, output, **other), overwrite=True)
    first.go_on()
    first.end()
    assert tree(output) == whole(raw[:2], tmp_path / "whole", samples=3)


@pytest.mark.parametrize("layout", ["plain", "nnunet"])
def test_runs_with_different_inputs_work_side_by_side(raw, tmp_path, beside, layout):
    output = tmp_path / "train"
    settings = {"samples": 2, "layout": layout}
    first = beside(raw[:2], output, **settings)
    assert first.begun() == "begun"
    made(job_of(raw[2:4], output, **settings))
    assert rows(output) == [(f"a{n}", k) for n in (2, 3) for k in "01"]
    first.go_on()
    first.end()
    assert tree(output) == whole(raw[:4], tmp_path / "whole", **settings)


def test_different_samples_of_one_image_are_made_side_by_side(raw, tmp_path, beside):
    output = tmp_path / "train"
    first = beside(raw[:1], output, samples=6, only=(0, 1, 4))
    assert first.begun() == "begun"
    made(job_of(raw[:1], output, samples=6, only=(2, 5)))
    with pytest.raises(OSError, match="another run makes samples of a0 in"):
        done(job_of(raw[:1], output, samples=6, only=(3, 4)))
    first.go_on()
    first.end()
    made(job_of(raw[:1], output, samples=6), resume=True)
    assert tree(output) == whole(raw[:1], tmp_path / "whole", samples=6)


def test_many_runs_that_end_together_lose_no_row(raw, tmp_path, beside):
    output = tmp_path / "train"
    runs = [beside([path], output, samples=5, layout="nnunet") for path in raw]
    assert [one.begun() for one in runs] == ["begun"] * 6
    for one in runs:
        one.go_on()
    assert all(len(one.end()[0]) == 5 for one in runs)
    assert rows(output) == [(f"a{n}", str(k)) for n in range(6) for k in range(5)]
    # each was named by itself, and has the noise of the recipe
    alike = whole(raw, tmp_path / "whole", samples=5, layout="nnunet", same_noise=True)
    assert tree(output) == alike


def test_of_many_runs_of_the_same_samples_one_makes_them(raw, tmp_path, beside):
    output = tmp_path / "train"
    runs = [beside(raw[:2], output, samples=3) for _ in range(5)]
    told = [one.begun() for one in runs]
    assert told.count("begun") == 1
    assert all("another run makes samples" in why for why in told if why != "begun")
    runs[told.index("begun")].go_on()
    runs[told.index("begun")].end()
    assert tree(output) == whole(raw[:2], tmp_path / "whole", samples=3)


def test_samples_that_another_run_has_just_made_are_said_to_be_its_own(raw, tmp_path):
    output = tmp_path / "train"
    first = run(job_of(raw[:1], output, samples=9))
    while not (output / ".diversify" / "a0_0003.json").exists():
        next(first)
    for action in (done, preview):
        with pytest.raises(OSError, match="another run makes samples of a0"):
            action(job_of(raw[:1], output, samples=3))
    first.close()


def test_two_runs_in_one_process_do_not_make_the_same_samples(raw, tmp_path):
    output = tmp_path / "train"
    first = run(job_of(raw[:1], output))
    next(first)
    with pytest.raises(OSError, match=f"process {os.getpid()} of"):
        done(job_of(raw[:1], output))
    first.close()
    made(job_of(raw[:1], output))


def test_what_another_run_made_meanwhile_is_seen(raw, tmp_path, monkeypatch):
    """It begins and ends after this one has looked, and before it claims its samples."""
    running = sys.modules["napari_diversify.batch.running"]
    output, real = tmp_path / "train", running.look

    def look(job, **options):
        plan = real(job, **options)
        monkeypatch.undo()
        made(job_of(raw[:1], output, samples=2))
        return plan

    monkeypatch.setattr(running, "look", look)
    with pytest.raises(FileExistsError, match="2 of 2 samples exist"):
        done(job_of(raw[:1], output, samples=2))


@given(st.sets(st.integers(0, 30), min_size=1), st.sets(st.integers(0, 30), min_size=1))
def test_claims_meet_where_they_have_a_sample_in_common(a, b):
    array = noise((4, 20))
    source = Source("a", array=array, header=header_of(array.shape, array.dtype))
    sampling = Sampling(recipe=RECIPE.replace(sample=5), samples=31)
    first, second = (
        _content(Job((source,), sampling, Path("train"), only=tuple(sorted(some))))["samples"]
        for some in (a, b)
    )
    assert _meet(first, second) == bool(a & b)
    assert sum(last - begin + 1 for begin, last in first) == len(a)
    assert first[0][0] == 5 + min(a)


# ---- nothing stays ----


def test_a_claim_goes_whatever_becomes_of_its_run(raw, tmp_path):
    output = tmp_path / "train"
    for n in range(3):
        pieces = run(job_of(raw[:2], output, samples=3), resume=True)
        next(pieces)
        assert len(claims(output)) == 1
        if n == 0:
            pieces.close()
        else:
            with pytest.raises(KeyboardInterrupt):
                pieces.throw(KeyboardInterrupt)
        assert claims(output) == []
        assert temporary(tmp_path) == []
    assert not output.exists()


def test_a_run_that_is_refused_leaves_no_trace(raw, tmp_path):
    output = tmp_path / "train"
    output.mkdir()
    (output / "a0_0001.ome.zarr").mkdir()
    (output / "mine.txt").write_text("mine")
    before = tree(tmp_path)
    for options in ({}, {"resume": True, "overwrite": True}):
        with pytest.raises((OSError, ValueError)):
            done(job_of(raw[:1], output, samples=2), **options)
        assert tree(tmp_path) == before


def test_a_preview_writes_nothing_and_tells_of_the_other_run(raw, tmp_path, beside):
    output = tmp_path / "train"
    assert preview(job_of(raw[:1], output)).made == ("a0_0000",)
    assert not output.exists()
    first = beside(raw[:1], output)
    assert first.begun() == "begun"
    before = tree(output)
    with pytest.raises(OSError, match="another run makes samples of a0 in"):
        preview(job_of(raw[:1], output))
    assert preview(job_of(raw[1:2], output)).made == ("a1_0000",)
    assert tree(output) == before


# ---- killed runs ----


def test_a_killed_run_does_not_stand_in_the_way(raw, tmp_path, beside):
    output = tmp_path / "train"
    first = beside(raw[:2], output, samples=2)
    assert first.begun() == "begun"
    first.kill()
    first.process.join()
    assert len(claims(output)) == 1
    made(job_of(raw[:2], output, samples=2), resume=True)
    assert tree(output) == whole(raw[:2], tmp_path / "whole", samples=2)


def test_what_a_killed_run_has_left_is_removed_and_what_others_write_is_not(raw, tmp_path, beside):
    output = tmp_path / "train"
    killed, working = (beside([path], output, samples=2) for path in raw[:2])
    assert killed.begun() == working.begun() == "begun"
    ids = {json.loads(p.read_text())["pid"]: p.stem for p in claims(output)}
    killed.kill()
    killed.process.join()
    left, used = (
        output / f".a9_0000.ome.zarr.{ids[one.process.pid]}.partial" for one in (killed, working)
    )
    for path in (left, used):
        path.mkdir()
        (path / "half").write_text("half of it")
    made(job_of(raw[2:3], output))
    assert not left.exists()
    assert used.exists()


# ---- runs on other machines ----


def elsewhere(path, age=0.0, **changes):
    """Let a lock be one of another machine, touched some seconds ago by the clock of the disk."""
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"machine": "another one", "host": "lab7"} | changes) + "\n")
    set_age(path, age)


def set_age(path, age):
    then = time.time_ns() - round(age * 1e9)
    os.utime(path, ns=(then, then))


@pytest.fixture
def theirs(raw, tmp_path):
    """The claim of a run that has been taken over to another machine."""
    output = tmp_path / "train"
    pieces = run(job_of(raw[:1], output))
    next(pieces)
    (path,) = claims(output)
    text = path.read_text()
    pieces.close()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    elsewhere(path)
    return path


def test_a_run_on_another_machine_is_believed_for_a_while(raw, theirs, monkeypatch):
    output = theirs.parents[2]
    monkeypatch.setattr(time, "time", lambda: 0.0)  # whatever the clock of this machine says
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    with pytest.raises(OSError, match=r"on lab7, .*If that machine is off, this ends in 5 minutes"):
        done(job_of(raw[:1], output))
    assert theirs.exists()


@pytest.mark.parametrize("age", [1000, -100_000], ids=["long ago", "in the future"])
def test_a_run_on_another_machine_that_gives_no_sign_of_life_is_gone(raw, theirs, quick, age):
    output = theirs.parents[2]
    set_age(theirs, age)
    made(job_of(raw[:1], output))
    assert not theirs.exists()


@pytest.mark.parametrize("age", [1000, -100_000])
def test_signs_of_life_count_by_whatever_clock_they_are_dated(raw, theirs, monkeypatch, age):
    monkeypatch.setattr(locks, "BEAT", 0.5)
    over = threading.Event()

    def live():
        while not over.wait(0.05):
            set_age(theirs, age)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(OSError, match="another run makes samples of a0"):
            done(job_of(raw[:1], theirs.parents[2]))
    finally:
        over.set()
        thread.join()
    assert theirs.exists()


def test_a_run_that_was_taken_for_gone_stops_and_gives_no_file_its_name(raw, tmp_path, quick):
    output = tmp_path / "train"
    pieces = run(job_of(raw, output, samples=3))
    next(pieces)
    claims(output)[0].unlink()

    def goes_on():
        while True:
            next(pieces)

    with pytest.raises(TimeoutError, match=r"claim of this run .* was removed, .* resume$"):
        goes_on()
    made(job_of(raw, output, samples=3), resume=True)
    assert tree(output) == whole(raw, tmp_path / "whole", samples=3)


def test_a_worker_that_outlives_its_run_gives_no_file_its_name(raw, tmp_path):
    from napari_diversify.batch.make import make
    from napari_diversify.core.blocks import exhaust

    job = job_of(raw[:1], tmp_path / "train")
    gone = tmp_path / "train" / "0123456789ab.json"
    with pytest.raises(TimeoutError, match="its run is over"):
        exhaust(make(job, next(job.units()), claim=gone))
    assert not [p for p in (tmp_path / "train").rglob("*") if p.is_file()]


# ---- the lock itself ----


def add(path, times, dies_at):
    """Count upwards in a file, a step at a time; die in the middle of one."""
    for n in range(times):
        with locked(path.with_name("guard")):
            value = int(path.read_text())
            time.sleep(random.random() / 500)
            path.write_text(str(value + 1))
            if n == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)


def test_one_at_a_time_has_a_lock_also_when_others_die_with_it(tmp_path, children):
    count = tmp_path / "count"
    count.write_text("0")
    dies_at = [None, None, None, 3, 5, 7]
    crowd = [children.Process(target=add, args=(count, 12, n)) for n in dies_at]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert int(count.read_text()) == sum(12 if n is None else n + 1 for n in dies_at)
    with locked(tmp_path / "guard"):
        pass
    left = [p.name for p in tmp_path.iterdir() if p.name != "count"]
    assert all(name.endswith(".end") for name in left)


def test_a_lock_that_is_held_is_not_given_and_goes_when_it_is_released(tmp_path):
    path = tmp_path / "guard"
    with locked(path) as lock:
        assert Lock.create(path) is None
        assert lock.is_mine()
        assert read(path).owner.is_alive
    assert list(tmp_path.iterdir()) == []


def test_signs_of_life_come_while_a_lock_is_held_and_not_after(tmp_path, quick):
    path = tmp_path / "guard"
    with locked(path) as lock:
        set_age(path, 100)
        before = read(path)
        while (now := read(path)).touched == before.touched:
            time.sleep(0.01)
        assert now.text == before.text
        assert not lock.lost
    assert not path.exists()
    assert not [t for t in threading.enumerate() if t.name == "signs of life"]


def test_a_number_that_another_process_has_now_stands_for_nobody(tmp_path):
    path = tmp_path / "guard"
    with locked(path):
        text = path.read_text()
    told = json.loads(text)
    path.write_text(json.dumps(told | {"started": told["started"] - 1000}) + "\n")
    with locked(path) as lock:
        assert lock.is_mine()


def test_a_process_counts_as_gone_as_soon_as_it_is_killed(tmp_path):
    """Until its parent asks for its status it keeps its number."""
    path = tmp_path / "guard"
    with locked(path):
        told = json.loads(path.read_text())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        path.write_text(json.dumps(told | {"pid": process.pid, "started": None}) + "\n")
        assert read(path).owner.is_alive
        process.kill()
        with locked(path) as lock:
            assert lock.is_mine()


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"id": "../../x"}', '{"id": 5, "pid": 1}']
)
def test_a_lock_that_names_nobody_is_taken_away_after_a_while(tmp_path, quick, text):
    path = tmp_path / "guard"
    path.write_text(text)
    with locked(path) as lock:
        assert lock.is_mine()


def test_an_owner_who_does_not_move_is_named(tmp_path, quick, monkeypatch):
    path = tmp_path / "guard"
    monkeypatch.setattr(locks, "SILENCE", 0.2)
    with locked(path):
        text = path.read_text()
    path.write_text(text)
    with (
        pytest.raises(TimeoutError, match=f"process {os.getpid()} of .* has not moved"),
        locked(path),
    ):
        pass


def test_a_lock_is_taken_away_from_one_who_is_gone_and_not_from_the_next(tmp_path):
    path = tmp_path / "guard"
    with locked(path):
        path_text = path.read_bytes()
    gone = read_of(tmp_path, path_text)
    with locked(path) as lock:
        locks.bury(path, gone, locks.Watch())
        assert lock.is_mine()


def read_of(folder, text):
    """What a lock with this text says."""
    copy = Path(folder, "copy")
    copy.write_bytes(text)
    sign = read(copy)
    copy.unlink()
    return sign


def test_a_folder_that_another_run_makes_meanwhile_is_not_taken_for_a_file(tmp_path, monkeypatch):
    target, stat = tmp_path / "train", Path.stat

    def made_by_another(path, **options):
        try:
            return stat(path, **options)
        except FileNotFoundError:
            target.mkdir(exist_ok=True)
            raise

    monkeypatch.setattr(Path, "stat", made_by_another)
    check_folder(target)
    assert target.is_dir()

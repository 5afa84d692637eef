"""A run that is killed, stopped or out of disk leaves whole files, and can go on."""

import errno
import multiprocessing
import os
import random
import signal
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import wait as wait_for

import numpy as np
import psutil
import pytest
from batch_jobs import (
    done,
    job_of,
    made,
    noise,
    objects,
    run_and_be_killed,
    run_with_workers,
    stamps,
    table,
    temporary,
    tree,
    write_source,
)

from napari_diversify.batch import run
from napari_diversify.files import open_image

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL") or "forkserver" not in multiprocessing.get_all_start_methods(),
    reason="killed as on POSIX",
)

KILLS = 8
KINDS = {
    "zarr": {"chunk": 8},
    "stardist": {"layout": "stardist"},
    "cellpose": {"layout": "cellpose"},
    "nnunet": {"layout": "nnunet"},
    "careamics": {"layout": "careamics"},
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    for n in range(2):
        write_source(folder / "images" / f"a{n}.tif", noise((3, 20, 24), seed=n))
        write_source(folder / "masks" / f"a{n}.tif", objects((3, 20, 24), seed=n))
    return folder


@pytest.fixture(scope="module")
def arguments(raw):
    """What a job of a kind is made of, here and in a child."""

    def of(kind, output):
        settings = {"samples": 3, "ranges": {"w_v": (0.0, 4.0)}, **KINDS[kind]}
        if kind != "careamics":
            settings["labels"] = raw / "masks"
        return [raw / "images"], output, settings

    return of


@pytest.fixture(scope="module")
def job(arguments):
    def of(kind, output):
        inputs, output, settings = arguments(kind, output)
        return job_of(inputs, output, **settings)

    return of


@pytest.fixture(scope="module")
def undisturbed(job, tmp_path_factory):
    known = {}

    def of(kind):
        if kind not in known:
            output = tmp_path_factory.mktemp("undisturbed") / "train"
            made(job(kind, output))
            known[kind] = tree(output)
        return known[kind]

    return of


@pytest.fixture(scope="module")
def changes(arguments, children, tmp_path_factory):
    """How many changes to its folder an undisturbed run of a kind makes."""
    known = {}

    def of(kind):
        if kind not in known:
            count = children.Value("i", 0)
            inputs, output, settings = arguments(kind, tmp_path_factory.mktemp("count") / "train")
            child = children.Process(
                target=run_and_be_killed, args=(inputs, output, settings, 0, count)
            )
            child.start()
            child.join()
            known[kind] = count.value
        return known[kind]

    return of


def assert_whole(output, complete):
    """Every file under a final name is, byte for byte, what it shall be."""
    for name, content in tree(output).items():
        parts = name.split("/")
        if any(p.endswith((".partial", ".old")) for p in parts) or content is None:
            continue
        if parts[-1] in ("manifest.csv", "dataset.json"):  # tables of what is finished so far
            continue
        if parts[0] == ".diversify":  # its last change tells that the files have their names
            content = content.replace(b'"finished": false', b'"finished": true')
        assert content == complete[name], name


def moments(kind, n, total):
    """Numbers of changes at which to kill: spread over the run, others in every part of it."""
    draw = random.Random(f"{kind} {n}")
    return max(1, min(total, round(total * (n + draw.random()) / KILLS)))


@pytest.mark.parametrize("n", range(KILLS))
def test_a_killed_run_leaves_whole_files_and_its_resumption_all_of_them(
    n, job, arguments, undisturbed, children, changes, tmp_path
):
    kind = list(KINDS)[n % len(KINDS)]
    output = tmp_path / "train"
    total = changes(kind)
    assert total > 20
    child = children.Process(
        target=run_and_be_killed, args=(*arguments(kind, output), moments(kind, n, total))
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert_whole(output, undisturbed(kind))
    report = made(job(kind, output), resume=True)
    assert len(report.made) + len(report.kept) == 6
    assert tree(output) == undisturbed(kind)


def test_a_run_killed_again_and_again_gets_to_its_end(
    job, arguments, undisturbed, children, changes, tmp_path
):
    output = tmp_path / "train"
    settings = arguments("stardist", output)
    for at in (15, 25, 35):
        inputs, _, values = settings
        values = {**values, "options": {"resume": True}}
        child = children.Process(target=run_and_be_killed, args=(inputs, output, values, at))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        assert_whole(output, undisturbed("stardist"))
    made(job("stardist", output), resume=True)
    assert tree(output) == undisturbed("stardist")


def test_making_all_again_can_be_killed_and_repeated(arguments, children, changes, tmp_path):
    inputs, _, settings = arguments("zarr", None)
    output, clean = tmp_path / "train", tmp_path / "clean"
    other = {**settings, "ranges": {"w_v": (5.0, 8.0)}}
    made(job_of(inputs, clean, **other))
    complete, total = tree(clean), changes("zarr")
    for n in range(3):
        made(job_of(inputs, output, **settings), overwrite=True)
        child = children.Process(
            target=run_and_be_killed,
            args=(inputs, output, {**other, "options": {"overwrite": True}}, total * (n + 1) // 4),
        )
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        report = done(job_of(inputs, output, **other), resume=True)
        # samples that were not reached are left as they were, and told
        assert all("with other settings" in why for _, why in report.failed)
        sure = (*report.made, *report.kept)
        mine = {k: content for k, content in tree(output).items() if k.startswith(sure)}
        assert mine == {k: complete[k] for k in mine}
        made(job_of(inputs, output, **other), overwrite=True)
        assert tree(output) == complete


def test_workers_do_not_outlive_a_killed_run(arguments, children, job, undisturbed, tmp_path):
    """Orphans would write into the files of the run that goes on."""
    inputs, output, settings = arguments("zarr", tmp_path / "train")
    ours, theirs = children.Pipe()
    child = children.Process(target=run_with_workers, args=(inputs, output, settings, 2, theirs))
    child.start()
    theirs.close()
    workers = []
    while len(workers) < 2 or not (output / ".diversify").exists():
        assert wait_for([ours, child.sentinel], 60)
        workers = ours.recv()
    child.kill()
    child.join()
    left = [psutil.Process(pid) for pid in workers if psutil.pid_exists(pid)]
    try:
        _, alive = psutil.wait_procs(left, timeout=60)
        alive = [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
        assert alive == []
    finally:
        for process in left:
            if process.is_running():
                process.kill()
    made(job("zarr", output), resume=True)
    assert tree(output) == undisturbed("zarr")


# ---- stopped in order ----


@pytest.mark.parametrize("kind", KINDS)
def test_closing_a_run_leaves_whole_files_and_nothing_else(kind, job, undisturbed, tmp_path):
    output = tmp_path / "train"
    with ThreadPoolExecutor(1) as executor:
        pieces = run(job(kind, output), executor=executor)
        for finished, total in pieces:
            if finished >= total // 3:
                break
        pieces.close()
    assert temporary(output) == []
    assert_whole(output, undisturbed(kind))
    kept = stamps(output)
    lines = table(output)
    assert 0 < len({(line["source"], line["sample"]) for line in lines}) < 6
    report = made(job(kind, output), resume=True)
    assert report.kept
    assert report.made
    assert tree(output) == undisturbed(kind)
    again = stamps(output)
    assert all(again[k] == kept[k] for k in kept if k.endswith((".tif", "zarr.json", "/0")))
    assert all(again[k] == kept[k] for k in kept if k.startswith(".diversify"))


@pytest.mark.parametrize("file_format", ["ome-zarr", "ome-tiff"])
def test_closing_amid_one_big_image_ends_soon_and_leaves_nothing_of_it(
    tmp_path, monkeypatch, file_format
):
    making, seen = sys.modules["napari_diversify.batch.voxels"], []
    real = making.found_in

    def slow(*arguments):
        seen.append(1)
        time.sleep(0.05)
        return real(*arguments)

    monkeypatch.setattr(sys.modules["napari_diversify.batch.running"], "_BIG", 0)
    monkeypatch.setattr(sys.modules["napari_diversify.batch.parts"], "_RUN", 1)
    monkeypatch.setattr(making, "found_in", slow)
    source = write_source(tmp_path / "a.tif", noise((96, 16, 16)))
    settings = {"file_format": file_format} | ({"chunk": 4} if file_format == "ome-zarr" else {})
    pieces = run(job_of(source, tmp_path / "train", **settings))
    for _ in range(4):
        next(pieces)
    begun = len(seen)
    pieces.close()
    assert 0 < len(seen) < begun + 12  # of 24 slabs, of 96 planes: what is under way is finished
    assert tree(tmp_path / "train") == {}
    monkeypatch.setattr(making, "found_in", real)
    made(job_of(source, tmp_path / "train", **settings), resume=True)
    assert len(table(tmp_path / "train")) == 1


def test_a_run_on_a_big_image_closes_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["napari_diversify.batch.running"], "_BIG", 0)
    source = write_source(tmp_path / "a.tif", noise((8, 40, 48)))
    made(job_of(source, tmp_path / "train", chunk=2))
    held = [f.path for f in psutil.Process().open_files()]
    assert str(source) not in held


def test_a_worker_that_dies_is_told_in_a_sentence(source, tmp_path, children):
    from napari_diversify.batch import engine

    job = job_of(source, tmp_path / "train", samples=40)
    with engine(1) as executor:
        killed = False
        try:
            for finished, _ in run(job, executor=executor):
                if finished and not killed:
                    killed = True
                    for pid in list(executor._processes):
                        os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError) as error:
            assert "worker" in str(error)  # noqa: PT017
    assert killed
    made(job_of(source, tmp_path / "train", samples=40), resume=True)
    assert temporary(tmp_path / "train") == []


# ---- disks that take no more ----


def refuse_files(monkeypatch, number, after):
    """Let writers of image files fail once so many have been begun."""
    from napari_diversify.files.tiff import format as codec

    begun = [0]

    def failing(real):
        def write(path, *args, **keywords):
            begun[0] += 1
            if begun[0] > after:
                path.write_bytes(b"half of it")
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *args, **keywords)

        return write

    monkeypatch.setattr(codec, "write_tiff", failing(codec.write_tiff))
    return begun


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "may not write")],
)
def test_a_disk_that_takes_no_more_is_told_and_nothing_half_is_left(
    source, labels, tmp_path, monkeypatch, number, said
):
    settings = {"labels": labels, "samples": 4, "layout": "stardist"}
    made(job_of(source, tmp_path / "whole", **settings))
    output = tmp_path / "train"
    refuse_files(monkeypatch, number, after=5)
    with ThreadPoolExecutor(1) as executor:
        report = done(job_of(source, output, **settings), executor=executor)
    assert report.made == ("nuclei_0000", "nuclei_0001")
    assert [name for name, _ in report.failed] == ["nuclei_0002", "nuclei_0003"]
    assert all(said in why and str(output) in why for _, why in report.failed)
    assert temporary(output) == []
    assert_whole(output, tree(tmp_path / "whole"))
    assert len(list((output / ".diversify").iterdir())) == 2
    assert len(table(output)) == 2
    monkeypatch.undo()
    made(job_of(source, output, **settings), resume=True)
    assert tree(output) == tree(tmp_path / "whole")


def test_a_real_disk_that_is_full_is_told(source, tmp_path):
    full = "/dev/full"
    if not os.path.exists(full):
        pytest.skip("no /dev/full here")
    job = job_of(source, tmp_path / "train", file_format="ome-tiff")
    (tmp_path / "train").mkdir()
    # opening a link to a device that takes nothing is as near as one gets without rights
    import tifffile

    real = tifffile.TiffWriter

    def writer(path, *args, **keywords):
        return real(full, *args, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tifffile, "TiffWriter", writer)
        report = done(job)
    assert "the disk is full" in report.failed[0][1]
    assert temporary(tmp_path / "train") == []


def test_time_does_not_get_into_the_files(source, tmp_path):
    made(job_of(source, tmp_path / "a" / "train", file_format="ome-tiff"))
    time.sleep(1.1)  # the clock of a TIFF counts seconds
    made(job_of(source, tmp_path / "b" / "train", file_format="ome-tiff"))
    assert tree(tmp_path / "a" / "train") == tree(tmp_path / "b" / "train")
    with open_image(tmp_path / "a" / "train" / "nuclei_0000.ome.tif") as image:
        assert np.ptp(image.data[...]) > 0


class Pressed(ThreadPoolExecutor):
    """Ctrl+C comes when a sample has been handed over, and nobody knows of it yet."""

    def submit(self, *work, **keywords):
        future = super().submit(slowly, *work, **keywords)
        signal.raise_signal(signal.SIGINT)
        return future


def slowly(work, *arguments, **keywords):
    time.sleep(0.2)
    return work(*arguments, **keywords)


@pytest.fixture
def ctrl_c():
    """As in a terminal: what a script starts in the background ignores Ctrl+C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_a_sample_handed_over_in_the_moment_of_ctrl_c_is_in_the_table(source, tmp_path, ctrl_c):
    job = job_of(source, tmp_path / "train", samples=5)
    with Pressed(1) as executor, pytest.raises(KeyboardInterrupt):
        done(job, executor=executor)
    assert signal.getsignal(signal.SIGINT) is ctrl_c
    there = sorted(p.name for p in (tmp_path / "train").glob("nuclei_*"))
    assert len(there) == 1
    assert [row["file"] for row in table(tmp_path / "train")] == there


class PressedAtTheEnd(Future):
    """Ctrl+C comes when the outcome of a sample is looked at, and not when it is again."""

    pressed = False

    def exception(self, timeout=None):
        if not self.pressed:
            PressedAtTheEnd.pressed = True
            signal.raise_signal(signal.SIGINT)
        return super().exception(timeout)


def test_ctrl_c_is_no_failure_of_the_sample_that_is_just_done(source, tmp_path, ctrl_c):
    class OneByOne(Executor):
        _max_workers = 1

        def submit(self, work, *arguments):
            future = PressedAtTheEnd()
            future.set_result(work(*arguments))
            return future

    with pytest.raises(KeyboardInterrupt):
        done(job_of(source, tmp_path / "train", samples=5), executor=OneByOne())
    there = sorted(p.name for p in (tmp_path / "train").glob("nuclei_*"))
    assert 0 < len(there) < 5
    assert [row["file"] for row in table(tmp_path / "train")] == there
    report = made(job_of(source, tmp_path / "train", samples=5), resume=True)
    assert len(report.kept) == len(there)

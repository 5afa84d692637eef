"""Recipes, manifests, records and provenance that somebody or something has spoilt.

Each is changed at random, by a generator with a seed: values of other kinds, names gone or
given twice, text cut off, bytes flipped. A command that reads it makes the right thing of it
or says in a sentence why not; it never fails in a way that nobody thought of.
DIVERSIFY_FUZZ=10000 tries more than the suite has time for.
"""

import copy
import json
import os
import random
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_diversify import Recipe, files
from napari_diversify.cli import main as cli
from napari_diversify.cli.quiet import quieten
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass

MANY = int(os.environ.get("DIVERSIFY_FUZZ", "0"))
SPACING = (2.0, 0.5, 0.5)
RECIPE = Recipe(steps=(Diversify(w_v=2.0), LowPass(cutoff=0.8), DegradeContrast()), seed=7)


def tries(few):
    return MANY or few


# ---- spoiling ----

JUNK = (
    None, True, False, 0, 1, -1, 2, 3, 10**30, -(10**30), 0.0, 0.5, -0.5, 1e308, float("nan"),
    float("inf"), float("-inf"), "", " ", "x", "0", "1", "nan", "../../x", "/", "µ\u2028σ", "\x00",
    "\udcff", "x" * 5000, [], [[]], [None], [1, 2], [1, 2, 3], ["z", 0], [["z", 0]], [["z"]], {},
    {"kind": "x"}, {"kind": "diversify"}, {"kind": None}, {"self": 1}, {"x": {"x": {}}}, "zyx",
    "tcz",
)  # fmt: skip


def places_in(value, way=()):
    """The way to every value in a tree of lists and objects."""
    yield way
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places_in(inner, (*way, key))


def spoilt(value, chance):
    """A tree with one to three values exchanged, removed, doubled or renamed."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        *way, last = chance.choice([w for w in places_in(value) if w] or [(None,)])
        if last is None:
            return copy.deepcopy(chance.choice(JUNK))
        parent = value
        for key in way:
            parent = parent[key]
        what = chance.randrange(8)
        if what == 0:
            del parent[last]
        elif what == 1 and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        elif what == 1:
            parent[chance.choice(("self", "x", "", "kind", "path", "µ"))] = parent.pop(last)
        elif what == 2:
            other = value
            for key in chance.choice(list(places_in(value))):
                other = other[key]
            parent[last] = copy.deepcopy(other)
        else:
            parent[last] = copy.deepcopy(chance.choice(JUNK))
    return value


def spoilt_bytes(content, chance):
    """Bytes cut off, flipped, put in, taken out or doubled."""
    content = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(content) + 1)
        what = chance.randrange(7)
        if what == 0:
            del content[at:]
        elif what == 1 and at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        elif what == 2:
            content[at:at] = chance.choice(
                (b'"', b"{", b"[" * 3000, b"\xff", b"\x00", b",", b"1e9")
            )
        elif what == 3:
            del content[at : at + chance.randrange(1, 20)]
        elif what == 4:
            content[at:at] = content[at : at + 50]
        elif what == 5:
            content[:0] = chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\n\r\n", b" "))
        else:
            content[:] = content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"")))
    return bytes(content)


def spoilt_json(value, chance):
    if chance.random() < 0.3:
        return spoilt_bytes(json.dumps(value, indent=1).encode(), chance)
    return json.dumps(spoilt(value, chance)).encode()


# ---- what is spoilt ----


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A small image, its labels, a recipe, and training sets made of them."""
    here = tmp_path_factory.mktemp("fuzz")
    image = np.random.default_rng(0).integers(100, 4000, (4, 12, 14)).astype("uint16")
    header = files.Header(image.shape, image.dtype, "zyx", SPACING, ("micrometer",) * 3)
    files.write_tiff(here / "cells.tif", header, files.planes_of(image, header))
    RECIPE.save(here / "recipe.json")
    before = os.getcwd()
    os.chdir(here)
    try:
        for name in ("ome-tiff", "ome-zarr"):
            words = ("apply", "recipe.json", "cells.tif", "-o", name, "--format", name, "-n", "2")
            assert CliRunner().invoke(cli.main, words).exit_code == 0
    finally:
        os.chdir(before)
    return here


@pytest.fixture
def call(store, monkeypatch):
    """Run a command as the program does; whatever it says must be a sentence."""
    monkeypatch.chdir(store)
    undo = quieten()

    def run(*words):
        result = CliRunner().invoke(cli.main, [str(word) for word in words])
        assert isinstance(result.exception, SystemExit | None), repr(result.exception)
        assert result.exit_code in (0, 1, 3), result.stderr
        assert result.exit_code == 0 or result.stderr or "DIFFERENT" in result.stdout
        for line in result.stderr.splitlines():
            assert line[-1] in ".?!", line
        assert "did not expect" not in result.output, result.output
        return result

    yield run
    undo()


def test_a_spoilt_recipe_is_run_or_refused_in_a_sentence(call, store):
    chance, whole = random.Random(1), json.loads(RECIPE.to_json())
    ends = set()
    for _ in range(tries(150)):
        (store / "spoilt.json").write_bytes(spoilt_json(whole, chance))
        result = call("apply", "spoilt.json", "cells.tif", "-o", "never", "--dry-run")
        ends.add(result.exit_code)
    assert ends == {0, 1}
    assert not (store / "never").exists()


def test_a_spoilt_manifest_is_reported_on_or_refused_in_a_sentence(call, store):
    chance = random.Random(2)
    shutil.copytree(store / "ome-tiff", store / "table", dirs_exist_ok=True)
    whole = (store / "table" / "manifest.csv").read_bytes()
    ends = set()
    for _ in range(tries(60)):
        (store / "table" / "manifest.csv").write_bytes(spoilt_bytes(whole, chance))
        ends.add(call("report", "table", "--overwrite").exit_code)
    assert ends == {0, 1}


def test_a_spoilt_record_spoils_neither_report_nor_resuming(call, store):
    chance = random.Random(3)
    shutil.copytree(store / "ome-tiff", store / "records", dirs_exist_ok=True)
    place = store / "records" / ".diversify" / "cells_0000.json"
    whole = json.loads(place.read_bytes())
    words = ("apply", "recipe.json", "cells.tif", "-o", "records", "--format", "ome-tiff", "-n", 2)
    for n in range(tries(60)):
        place.write_bytes(spoilt_json(whole, chance))
        assert call("report", "records", "--overwrite").exit_code in (0, 1)
        call(*words, "--resume", "--dry-run")
        if n % 10 == 0:
            call(*words, "--resume")
            call(*words, "--overwrite")


def test_spoilt_provenance_is_replayed_or_refused_in_a_sentence(call, store):
    chance = random.Random(4)
    made = store / "ome-zarr" / "cells_0000.ome.zarr"
    shutil.copytree(made, store / "spoilt.ome.zarr", dirs_exist_ok=True)
    place = store / "spoilt.ome.zarr" / "zarr.json"
    whole = json.loads(place.read_bytes())
    keys = [key for key in whole["attributes"] if key != "ome"]
    assert keys
    for _ in range(tries(80)):
        group = copy.deepcopy(whole)
        for key in keys:
            group["attributes"][key] = spoilt(whole["attributes"][key], chance)
        place.write_text(json.dumps(group))
        call("replay", "spoilt.ome.zarr", *chance.choice(((), ("--source", "cells.tif"))))
        call("info", "spoilt.ome.zarr")
        result = call("info", "spoilt.ome.zarr", "--json")
        rows = json.loads(result.stdout, parse_constant=pytest.fail)
        assert rows[0]["path"] == "spoilt.ome.zarr"

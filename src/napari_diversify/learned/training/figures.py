"""How well a model does, on what was held out, beside methods that learn nothing.

Importing this loads PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core import restore_contrast
from ...core.measures.quality import si_psnr
from ...core.measures.visibility import rms_contrast
from ...core.noise import seed_for
from ..card import Figures
from .divnoising import DivNoising, sampled
from .dressing import Dressing
from .dressing_figures import dressing_figures
from .images import Image, Plane
from .plain_denoising import METHODS, left_out
from .restoration import Restoration, applied
from .setting_up import SetUp

_PARTS = 3  # held-out planes that are measured
_SIDE = 256  # and how much of them
_DRAWS = 20
_ITERATIONS = 3
_MIXED = 0.5  # how much noise recorruption adds, as a share of the image's own
_BLOCK = 8
#: An estimate of the error below this share of the noise is nothing but the error of that.
_LEAST = 0.01

_Measured: TypeAlias = tuple[tuple[Figures, ...], tuple[str, ...]]


def measured(ready: SetUp, net: Any, clean: Sequence[Image] = ()) -> _Measured:
    """Figures of a model and of the baselines, and sentences on how to read them.

    ``clean``: each image without noise or without tissue, if that is known, as large as they are.
    """
    if isinstance(ready.task, Dressing):
        held = ready.patches.held_out(_PARTS)
        return dressing_figures(ready.task, net, [ready.patches.held_part(*at) for at in held])
    if isinstance(ready.task, DivNoising):
        figures, remarks = _denoising(ready, ready.task, net, clean)
    else:
        figures, remarks = _restoring(ready, ready.task, net, clean)
    return figures, (*verdict(figures), *remarks, *_pixels(ready))


def _pixels(ready: SetUp) -> tuple[str, ...]:
    """That images of different pixels were trained on, if they were."""
    sizes = sorted({image.spacing[1] for image in ready.patches.images if image.spacing})
    if ready.patches.pixel is not None or len(sizes) < 2:
        return ()
    return (
        f"The images had pixels of {sizes[0]:.3g} to {sizes[-1]:.3g} µm: no image is called unlike "
        "them for its pixels.",
    )


def verdict(figures: Sequence[Figures]) -> tuple[str, ...]:
    """What the figures say of the model, if that is nothing good.

    Examples
    --------
    >>> rows = {"input": 30, "Wiener": 36, "model, 1 iteration": 29, "model, 2 iterations": 31}
    >>> verdict([Figures(method=m, values={"SI-PSNR (dB)": v}) for m, v in rows.items()])
    ('Even the image as it is comes closer to the truth than the model: do not use it.',)
    """
    decibels = {
        row.method: next((v for name, v in row.values.items() if "(dB)" in name), None)
        for row in figures
    }
    known = {method: value for method, value in decibels.items() if value is not None}
    model = next((v for method, v in known.items() if method.startswith("model")), None)
    nothing = next((known[m] for m in ("input", "noisy image") if m in known), None)
    if model is None or nothing is None:
        return ()
    if model <= nothing:
        return ("Even the image as it is comes closer to the truth than the model: do not use it.",)
    best = max(known, key=lambda method: known[method])
    if best.startswith("model"):
        return ()
    return (f"{best} comes closer to the truth than the model, and invents nothing.",)


# ---- restoring ----


def _restoring(ready: SetUp, task: Restoration, net: Any, clean: Sequence[Image]) -> _Measured:
    degraded, settings, shape = task.degraded, task.degraded.settings, task.shape
    rows: dict[str, list[tuple[Plane, Plane]]] = {}
    for image, plane in ready.patches.held_out(_PARTS):
        given, target = degraded.held_out(image, plane)
        if clean:
            around = ready.patches.images[image].beside(plane, settings.context)
            given = np.stack([ready.patches.held_part(image, k) for k in around])
            target = ready.patches.held_rows(image, clean[image].plane(plane))
        given, target = given[:, : 2 * _SIDE, : 2 * _SIDE], target[: 2 * _SIDE, : 2 * _SIDE]
        middle = given[settings.context]
        known: dict[str, Any] = {
            "spacing": ready.patches.images[image].spacing,
            "depth": settings.depth,
            "tissue": degraded.tissue(),
        }
        results = {"target": target, "input": middle}
        results["Wiener"] = restore_contrast(middle, **known)
        for n in (10, 40):
            results[f"Richardson-Lucy, {n} iterations"] = restore_contrast(
                middle, **known, method="richardson-lucy", iterations=n
            )
        planes = given
        for k in range(1, _ITERATIONS + 1):
            planes = np.stack(
                [
                    applied(net, planes[_around(j, shape.context, len(planes))], shape, task.normal)
                    for j in range(len(planes))
                ]
            )
            results[f"model, {k} iteration{'s' * (k > 1)}"] = planes[settings.context]
        for method, result in results.items():
            rows.setdefault(method, []).append((target, result))
    figures = []
    for method, both in rows.items():
        targets, found = (np.stack(parts) for parts in zip(*both, strict=True))
        values = {"RMS contrast": rms_contrast(found, settings.offset)}
        if method != "target":
            values["SI-PSNR (dB)"] = si_psnr(targets, found)
        figures.append(_row(method, values))
    truth = (
        "The figures compare with the clean images that were given."
        if clean
        else f"Held-out parts were degraded by another {settings.depth:g} µm and restored: that "
        "shows what the model has learned, not how well it undoes real tissue, of which nobody "
        "knows the truth."
    )
    told = (
        "Wiener and Richardson-Lucy were told depth and tissue, and the baselines share their "
        "model of tissue with the training."
    )
    return tuple(figures), (truth, told)


def _around(j: int, context: int, planes: int) -> list[int]:
    """Planes around one of a few, reflected at the ends."""
    places = np.arange(j - context, j + context + 1) % (2 * planes)
    return [int(k) for k in np.minimum(places, 2 * planes - 1 - places)]


# ---- denoising ----


def _denoising(ready: SetUp, task: DivNoising, net: Any, clean: Sequence[Image]) -> _Measured:
    noise, remarks = task.noise, []
    parts, truths = [], []
    for image, plane in ready.patches.held_out(_PARTS):
        parts.append(ready.patches.held_part(image, plane)[:_SIDE, :_SIDE])
        if clean:
            truth = ready.patches.held_rows(image, clean[image].plane(plane))
            truths.append(truth[:_SIDE, :_SIDE])

    def model(y: Plane, _: float) -> Plane:
        mean: Plane = sampled(net, y, task.normal, _DRAWS).mean(axis=0)
        return mean

    estimates = [model(part, 1.0) for part in parts]
    peak = float(np.ptp(np.stack(truths))) if clean else ready.levels[1] - ready.levels[0]
    variance = float(np.mean([noise.variance(e).mean() for e in estimates]))

    def error(method: Callable[[Plane, float], Plane]) -> float:
        """Mean square error against the clean image, known or estimated."""
        if clean:
            pairs = zip(parts, truths, strict=True)
            return float(np.mean([np.square(method(x, 1.0) - s).mean() for x, s in pairs]))
        drawn = [noise.draw(e, _seed(ready, f"again {k}")) for k, e in enumerate(estimates)]
        return recorrupted_error(method, parts, drawn, variance)

    names = {
        "noisy image": [lambda y, _: y],
        f"model, mean of {_DRAWS} samples": [model],
        **{name: [_of(noise, m) for m in methods] for name, methods in METHODS.items()},
    }
    figures = []
    for name, methods in names.items():
        # tuned by what it is judged by: no baseline can do better than this
        best = variance if name == "noisy image" and not clean else min(map(error, methods))
        if best > _LEAST * variance:
            figures.append(_row(name, {"PSNR (dB)": 10 * float(np.log10(peak**2 / best))}))
        else:
            remarks.append(
                f"{name}: its error is less than the noise model is wrong by, so that no PSNR can "
                "be given. Is the noise model right?"
            )
    if not clean:
        share = float(np.mean([np.square(e - x).mean() for e, x in zip(estimates, parts)]))  # noqa: B905
        remarks.append(
            "PSNR against the clean image, which nobody has seen, was estimated by adding noise "
            f"of the noise model ({_MIXED:g} of the image's own) and taking as much away; it is as "
            "right as the noise model is. What the model has removed has "
            f"{share / variance:.2f} of the variance that the noise model says."
        )
    remarks += left_out()
    spread, said = _spread(ready, task, net, truths or estimates, parts if clean else None)
    return (*figures, spread), (*remarks, *said)


def recorrupted_error(
    method: Callable[[Plane, float], Plane],
    images: Sequence[Plane],
    noises: Sequence[npt.NDArray[np.float64]],
    variance: float,
) -> float:
    """Mean square error of a denoiser against clean images that nobody has seen.

    With x = s + e and new noise n as strong as e, y1 = x + a n and y2 = x - n / a have noise
    that is not correlated, so that E|f(y1) - y2|^2 = E|f(y1) - s|^2 + E|y2 - s|^2, and the last
    term is known. n and -n are both used, which takes most of the chance out of it. The error
    is that of f on an image with 1 + a^2 of the noise's variance.

    References
    ----------
    .. [1] T. Pang et al., "Recorrupted-to-Recorrupted: unsupervised deep learning for image
       denoising", CVPR (2021).
    """
    errors = []
    stronger = float(np.sqrt(1 + _MIXED**2))
    for x, noise in zip(images, noises, strict=True):
        known = float(np.square(noise / _MIXED).mean())
        for n in (noise, -noise):
            found = method((x + _MIXED * n).astype(np.float32), stronger)
            errors.append(float(np.square(found - x + n / _MIXED).mean()) - known - variance)
    return float(np.mean(errors))


def _of(noise: Any, method: Any) -> Callable[[Plane, float], Plane]:
    return lambda y, stronger: method(y, noise, stronger)


def _spread(
    ready: SetUp,
    task: DivNoising,
    net: Any,
    truths: Sequence[Plane],
    noisy: Sequence[Plane] | None,
) -> tuple[Figures, tuple[str, ...]]:
    """How far the samples differ, beside how far their mean is off."""
    spreads, errors = [], []
    for k, truth in enumerate(truths):
        seed = _seed(ready, f"spread {k}")
        seen = truth + task.noise.draw(truth, seed) if noisy is None else noisy[k]
        samples = sampled(net, seen.astype(np.float32), task.normal, _DRAWS, seed)
        # the spread of few samples is too small by this
        spreads.append(samples.std(axis=0, ddof=1))
        errors.append(np.abs(samples.mean(axis=0) - truth))
    sd, error = (np.concatenate([a.ravel() for a in part]) for part in (spreads, errors))
    blocks = [np.concatenate([_blocks(a) for a in part]) for part in (spreads, errors)]
    ratio = error / np.maximum(sd, np.finfo(np.float32).tiny)
    factor = float(np.quantile(ratio, 0.9545) / 2)
    values = {
        "r by pixel": _correlation(sd, error),
        f"r in {_BLOCK} x {_BLOCK} blocks": _correlation(*blocks),
        "errors within 1 sd (%)": 100 * float((ratio < 1).mean()),
        "errors within 2 sd (%)": 100 * float((ratio < 2).mean()),
        "factor to an error bar": factor,
    }
    of = (
        "with the clean images that were given"
        if noisy is not None
        else "on the model's own estimate with new noise, which it finds easier than real images"
    )
    said = (
        f"The spread of the samples was compared {of}: it must be multiplied by {factor:.2f} "
        "before it can be read as an error bar (95 % of errors within 2 of it)."
    )
    return _row(f"spread of {_DRAWS} samples", values), (said,)


def _blocks(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means of blocks."""
    rows, columns = (n // _BLOCK for n in plane.shape)
    whole = plane[: rows * _BLOCK, : columns * _BLOCK]
    means: npt.NDArray[np.float32] = whole.reshape(rows, _BLOCK, columns, _BLOCK).mean((1, 3))
    return means.ravel()


def _correlation(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else float("nan")


def _seed(ready: SetUp, what: str) -> int:
    return seed_for(ready.job.seed, what)


def _row(method: str, values: dict[str, float]) -> Figures:
    """A row of the table, with the digits that mean something; what is undefined is left out."""
    kept = {k: float(f"{v:.4g}") for k, v in values.items() if np.isfinite(v)}
    return Figures(method=method, values=kept)

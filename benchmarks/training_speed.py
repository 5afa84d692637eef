"""Time per step and memory of both trainings, on the processor and on a graphics card.

    python benchmarks/training_speed.py [--steps 30]

Prints a row per training, width and device: milliseconds a step, most memory, and how often a
step of the card fits into one of the processor (one thread, float32). Then whether a training
that is interrupted on the card ends with the same bits as one that is not.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from napari_diversify.core import synthetic_nuclei
from napari_diversify.learned.training.images import Image
from napari_diversify.learned.training.loop import Loop
from napari_diversify.learned.training.plan import Job, Source
from napari_diversify.learned.training.setting_up import set_up
from napari_diversify.learned.training.settings import DenoiseTraining, RestoreTraining

LOOKS = [
    ("cpu", "float32", 1),
    ("cpu", "bfloat16", 1),
    ("cuda", "float32", 1),
    ("cuda", "bfloat16", 1),
]


def image() -> Image:
    """Nuclei of 8 planes of 512 x 512, with noise, in grey levels."""
    clean = synthetic_nuclei((8, 512, 512), seed=1).image.astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.05 * np.ptp(clean), clean.shape)
    return Image("nuclei", (clean + noise).astype(np.float32), 8, (0.2, 0.2))


def ready(kind: str, nuclei: Image, device: str, precision: str, threads: int, **more):
    model = RestoreTraining if kind == "restore" else DenoiseTraining
    settings = model(device=device, precision=precision, threads=threads, **more)
    job = Job(images=(Source(path="nuclei"),), settings=settings, seed=0)
    return set_up(job, [nuclei], None)


def loop_of(kind: str, nuclei: Image, device: str, precision: str, threads: int, **more) -> Loop:
    torch.set_num_threads(threads)
    made = ready(kind, nuclei, device, precision, threads, **more)
    return Loop(made.task, made.job.settings, 0)


def measured(loop: Loop, steps: int) -> tuple[float, float]:
    """Seconds a step, and the most memory in GB (of the card, or of the process)."""
    for _ in range(5):
        loop.take()
    if loop.device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    for _ in range(steps):
        loop.take()
    if loop.device.type == "cuda":
        torch.cuda.synchronize()
    seconds = (time.perf_counter() - begun) / steps
    if loop.device.type == "cuda":
        return seconds, torch.cuda.max_memory_allocated() / 1e9
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=30)
    steps = parser.parse_args().steps
    nuclei = image()
    print(
        f"PyTorch {torch.__version__}; card: "
        + (torch.cuda.get_device_name() if torch.cuda.is_available() else "none")
    )
    print(
        f"{'training':9s}{'width':>6s}{'batch':>6s}{'patch':>6s}  {'device':16s}"
        f"{'ms/step':>9s}{'ratio':>7s}{'GB':>6s}"
    )
    for kind, width, batch, patch in [
        ("restore", 16, 8, 96),
        ("restore", 32, 8, 96),
        ("restore", 32, 32, 128),
        ("denoise", 32, 8, 96),
        ("denoise", 32, 32, 128),
    ]:
        first = None
        for device, precision, threads in LOOKS:
            if device == "cuda" and not torch.cuda.is_available():
                continue
            heavy = batch * patch**2 * width > 2e6 * 4
            loop = loop_of(
                kind,
                nuclei,
                device,
                precision,
                threads,
                width=width,
                batch=batch,
                patch=patch,
                steps=10_000,
            )
            seconds, memory = measured(loop, 3 if heavy and device == "cpu" else steps)
            first = first or seconds
            print(
                f"{kind:9s}{width:6d}{batch:6d}{patch:6d}  {device + ' ' + precision:16s}"
                f"{1e3 * seconds:9.1f}{first / seconds:7.1f}{memory:6.2f}",
                flush=True,
            )
    if not torch.cuda.is_available():
        return
    for kind in ("restore", "denoise"):
        whole = loop_of(kind, nuclei, "cuda", "float32", 1, steps=40)
        for _ in whole.run():
            pass
        made = ready(kind, nuclei, "cuda", "float32", 1, steps=40)
        part = Loop(made.task, made.job.settings, 0)
        for _ in range(20):
            part.take()
        again = Loop(made.task, made.job.settings, 0, part.state())
        for _ in again.run():
            pass
        states = (loop.trained().state_dict() for loop in (whole, again))
        a, b = (torch.cat([t.ravel() for t in state.values()]) for state in states)
        print(
            f"{kind}: interrupted and not, largest difference of a weight "
            f"{float((a - b).abs().max()):.2g}"
        )


if __name__ == "__main__":
    main()

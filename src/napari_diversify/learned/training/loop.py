"""The loop that all trainings share. Importing this loads PyTorch.

A training is the same however often it was interrupted: patches and noise are functions of the
seed and of the step, and all else is in the state. To the last bit that holds on a processor, with
the same versions and number of threads; a graphics card may add up in another order.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ...core.noise import seed_for
from ...files import writing
from ..card import Shape
from ..networks import network
from .progress import Progress
from .settings import Training

_HELD = 0.6  # share of the steps in which the learning rate is held
_NORM = 10.0  # of the gradient, at most
_ATTEMPTS = 4


class Task(ABC):
    """What is special about a training: the network, what it sees, and what is kept small."""

    shape: Shape
    #: Of Adam: how long it remembers gradients, and their squares.
    betas: tuple[float, float] = (0.9, 0.999)

    @abstractmethod
    def losses(self, net: Any, step: int, device: torch.device, cast: Any) -> dict[str, Tensor]:
        """What a step has to keep small, first, and numbers to look at, by name.

        ``cast`` is the context in which the network computes; sums belong outside of it.
        """

    @abstractmethod
    def preview(self, net: Any) -> dict[str, npt.NDArray[np.float32]]:
        """A held-out patch as :func:`.job.preview` gives it, from a network on the CPU."""

    def fault(self, step: int, losses: Mapping[str, float]) -> str:
        """Why the training must begin anew with other weights, as a clause; "" if all is well."""
        return ""


class Loop:
    """A training that is under way.

    Attributes
    ----------
    net : torch.nn.Module
    step : int
        Steps that were taken.
    attempt : int
        How often it has begun anew.
    seconds : float
        That it has computed for.
    device : torch.device
    precision : str
        "float32" or "bfloat16".
    """

    def __init__(
        self, task: Task, settings: Training, seed: int, state: Mapping[str, Tensor] | None = None
    ) -> None:
        self.task, self.settings, self._seed = task, settings, seed
        self.device = torch.device(_device(settings.device))
        torch.backends.cudnn.deterministic = True  # or what is resumed ends with other bits
        self.precision = _precision(settings.precision, self.device)
        self.seconds = 0.0
        self._begin(0)
        if state is not None:
            self._resume(state)

    def _begin(self, attempt: int) -> None:
        self.attempt, self.step = attempt, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(self._seed, f"weights {attempt}"))
            self.net = _fresh(self.task.shape).to(self.device).train()
        self._adam = torch.optim.Adam(
            self.net.parameters(), lr=self.settings.learning_rate, betas=self.task.betas
        )

    def run(self) -> Iterator[Progress]:
        """Take all steps that are left, one at a time; yield after each."""
        while self.step < self.settings.steps:
            yield self.take()

    def take(self) -> Progress:
        """Take a step; how far it is, with the losses before that step.

        Raises
        ------
        ValueError
            If it had to begin anew too often.
        """
        begun = time.perf_counter()
        losses = self._take()
        self.seconds += time.perf_counter() - begun
        return Progress(
            step=self.step, steps=self.settings.steps, losses=losses, seconds=self.seconds
        )

    def _take(self) -> dict[str, float]:
        for group in self._adam.param_groups:
            group["lr"] = self.settings.learning_rate * rate(self.step, self.settings.steps)
        cast = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )
        losses = self.task.losses(self.net, self.step, self.device, cast)
        numbers = {name: float(value.detach()) for name, value in losses.items()}
        fault = self.task.fault(self.step, numbers)
        if not all(map(math.isfinite, numbers.values())):
            fault = "its loss is not a number any more; a lower learning rate may help"
        if fault:
            if self.attempt + 1 == _ATTEMPTS:
                raise ValueError(f"the training was begun {_ATTEMPTS} times, and each time {fault}")
            self._begin(self.attempt + 1)
            return numbers
        self._adam.zero_grad(set_to_none=True)
        next(iter(losses.values())).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), _NORM)
        self._adam.step()
        self.step += 1
        return numbers

    def trained(self) -> nn.Module:
        """A copy of the network as it is, on the CPU, ready to predict."""
        net = network(self.task.shape)
        net.load_state_dict(self.net.state_dict())
        return net.eval().requires_grad_(False)

    def state(self) -> dict[str, Tensor]:
        """All that the rest of the training depends on, but for the seed and the settings."""
        tensors = {f"network.{k}": v.detach().cpu() for k, v in self.net.state_dict().items()}
        for name, parameter in self.net.named_parameters():
            for key, value in self._adam.state.get(parameter, {}).items():
                tensors[f"adam.{key}.{name}"] = value.detach().cpu()
        for key in ("step", "attempt"):
            tensors[key] = torch.tensor(getattr(self, key), dtype=torch.int64)
        tensors["seconds"] = torch.tensor(self.seconds, dtype=torch.float64)
        return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}

    def _resume(self, state: Mapping[str, Tensor]) -> None:
        named = dict(self.net.named_parameters())
        expected = {f"network.{k}": v.shape for k, v in self.net.state_dict().items()}
        try:
            if {k: state[k].shape for k in expected} != expected:
                raise ValueError("shapes differ")
            self.net.load_state_dict({k.removeprefix("network."): state[k] for k in expected})
            self.step, self.attempt = int(state["step"]), int(state["attempt"])
            self.seconds = float(state["seconds"])
            for name, parameter in named.items():
                if f"adam.step.{name}" not in state:
                    continue  # it has not been improved yet
                self._adam.state[parameter] = {
                    "step": state[f"adam.step.{name}"].clone(),
                    "exp_avg": _like(parameter, state[f"adam.exp_avg.{name}"]),
                    "exp_avg_sq": _like(parameter, state[f"adam.exp_avg_sq.{name}"]),
                }
        except (KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"the state is not that of this training ({error})") from None


def _fresh(shape: Shape) -> nn.Module:
    """A network with weights as He et al. (2015) draw them.

    With PyTorch's own, smaller ones the first hundreds of steps go by before it learns anything.
    """
    net = network(shape)
    for name, weights in net.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(weights)
        elif weights.dim() > 1 and weights.any():  # a layer that begins with zeros is meant to
            nn.init.kaiming_normal_(weights, nonlinearity="relu")
    return net


def _like(parameter: Tensor, values: Tensor) -> Tensor:
    """Values in the memory format of a parameter: sums over another one differ in the last bit."""
    if values.shape != parameter.shape:
        raise ValueError("shapes differ")
    return torch.empty_like(parameter, requires_grad=False).copy_(values)


def rate(step: int, steps: int) -> float:
    """The learning rate at a step, as a share: held, and then falling to 0 like a cosine.

    Examples
    --------
    >>> [round(rate(step, 10), 2) for step in (0, 6, 8, 10)]
    [1.0, 1.0, 0.5, 0.0]
    """
    share = max(0.0, (step / steps - _HELD) / (1 - _HELD))
    return 0.5 * (1 + math.cos(math.pi * share))


def write_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state, completely or not at all."""
    content = safetensors.torch.save(dict(state))
    with writing(path, overwrite=True) as partial:
        partial.write_bytes(content)


def read_state(path: Path) -> dict[str, Tensor] | None:
    """A state that was written; None if there is none.

    Raises
    ------
    ValueError
        If the file is something else, or damaged.
    """
    try:
        state: dict[str, Tensor] = safetensors.torch.load_file(path)
    except FileNotFoundError:
        return None
    except (safetensors.SafetensorError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is not the state of a training ({error})") from None
    return state


def _device(wanted: str) -> str:
    if wanted != "auto":
        available = {
            "cpu": True,
            "cuda": torch.cuda.is_available(),
            "mps": torch.backends.mps.is_available(),
        }
        if not available[wanted]:
            raise ValueError(f"PyTorch finds no device “{wanted}” here; use “auto” or “cpu”")
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _precision(wanted: str, device: torch.device) -> str:
    """bfloat16 where that is computed with, not only emulated, which is slower than float32."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device.type == "cpu" and _cpu_has_bfloat16():
        return "bfloat16"
    return "float32"


def _cpu_has_bfloat16() -> bool:
    capable = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capable.get("avx512_bf16") or capable.get("amx_bf16") or capable.get("bf16"))

"""How far a training is."""

from __future__ import annotations

from ...model import Model


class Progress(Model):
    """How far a training is after some steps.

    Attributes
    ----------
    step, steps : int
        Steps taken, and steps in all.
    losses : dict
        Means over the steps since the last report, by name.
    seconds : float
        That it has computed for so far, in all its runs.
    """

    step: int
    steps: int
    losses: dict[str, float]
    seconds: float

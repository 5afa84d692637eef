"""Samples that come out equal: no step draws noise, and no value that counts differs.

Equal samples add nothing to a training set but weight, and are easily overlooked in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from .sampling import Sampling

#: Groups of equal samples, and samples of a group, that a sentence lists; the rest is counted.
_GROUPS, _MEMBERS = 3, 4


def equal_samples(
    sampling: Sampling, numbers: Sequence[int], shape: Sequence[int] | None = None
) -> tuple[tuple[int, ...], ...]:
    """Which samples of one image are equal to each other in every voxel.

    Values that differ are assumed to change something, unless their step says that they do not
    count, and noise to show in the result, so that no samples are listed in error.

    Parameters
    ----------
    sampling : Sampling
    numbers : sequence of int
        The samples to be made, counted from 0.
    shape : sequence of int, optional
        Spatial shape of the image, by default long along all three axes.

    Returns
    -------
    tuple of tuple of int
        Groups of two or more, by their numbers.

    Examples
    --------
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import LowPass, Sampling
    >>> grid = Sampling(recipe=Recipe(steps=(LowPass(),)), samples=2, strategy="grid",
    ...                 ranges={"cutoff": (0.2, 0.6, 2)})
    >>> equal_samples(grid, range(4))
    ((0, 1), (2, 3))
    """
    if len(numbers) < 2 or sampling.sure_to_differ(shape):
        return ()
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number in numbers:
        steps = sampling.recipe_of(number).steps
        if not any(step.draws_noise(shape) for step in steps):
            groups[tuple(step.of_what_counts() for step in steps)].append(number)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def equality_note(
    sampling: Sampling, numbers: Sequence[int], shape: Sequence[int] | None = None
) -> str | None:
    """A sentence, without a full stop, on :func:`equal_samples` if there are any.

    Examples
    --------
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify, LowPass, Sampling
    >>> same = Sampling(recipe=Recipe(steps=(LowPass(),)), samples=3)
    >>> equality_note(same, range(3)).partition(":")[0]
    'all 3 samples of an image come out equal'
    >>> equality_note(same, [1]), equality_note(Sampling(recipe=Recipe(steps=(Diversify(),))), [0])
    (None, None)
    """
    groups = equal_samples(sampling, numbers, shape)
    if not groups:
        return None
    if len(groups[0]) == len(numbers):
        which = f"all {len(numbers)} samples of an image come out equal"
    else:
        named = ["{" + _in_short(group) + "}" for group in groups[:_GROUPS]]
        more = f" and {len(groups) - _GROUPS} more groups" if len(groups) > _GROUPS else ""
        which = f"some samples of an image come out equal ({', '.join(named)}{more})"
    return (
        f"{which}: no step draws noise in them, and no value that counts differs between them. "
        "Let a step add noise, give a parameter a range, or make fewer samples"
    )


def _in_short(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _MEMBERS} more" if len(numbers) > _MEMBERS else ""
    return ", ".join(map(str, numbers[:_MEMBERS])) + more

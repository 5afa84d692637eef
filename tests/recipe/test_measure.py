"""Range and noise curve of an image, measured whole or on evenly spread planes."""

import numpy as np
import pytest

from napari_diversify.analysis.measure import measure
from napari_diversify.core import PsnrModel, diversify, local_std, normal_field, psnr
from napari_diversify.recipe import Diversify

WINDOWS = Diversify(window=(3, 5, 5)).windows


def run(*args, **keywords):
    """All progress, and the result."""
    work, progress = measure(*args, **keywords), []
    while True:
        try:
            progress.append(next(work))
        except StopIteration as end:
            return progress, end.value


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(50, 4000, (12, 30, 40), dtype="uint16")


class Counting:
    def __init__(self, array):
        self.array, self.shape, self.dtype, self.size = array, array.shape, array.dtype, array.size
        self.voxels = 0

    def __getitem__(self, key):
        block = self.array[key]
        self.voxels += block.size
        return block


def test_a_small_image_is_measured_whole(volume):
    _, measured = run(volume, [WINDOWS], 3)
    assert (measured.low, measured.high) == (volume.min(), volume.max())
    assert measured.planes == measured.of == 12


def test_the_range_is_told_before_the_rest_is_measured(volume):
    told = []
    work = measure(volume, [WINDOWS], 3, ranged=lambda *found: told.append(found))
    progress = [next(work)]
    while not told:
        progress.append(next(work))
    assert told == [(volume.min(), volume.max())]
    assert progress[-1][0] <= progress[-1][1] / 2


def test_the_noise_curve_is_that_of_the_whole_volume(volume):
    _, measured = run(volume, [WINDOWS], 3)
    unit = (volume - volume.min()) / np.float32(np.ptp(volume))
    whole = PsnrModel.from_volume(unit, local_std(unit, (3, 5, 5)))
    for w_i, w_v in [(1, 0.5), (0.7, 2), (1.5, 6)]:
        assert measured.psnr[WINDOWS].expected(w_i, w_v) == pytest.approx(
            whole.expected(w_i, w_v), abs=1e-4
        )


def test_a_given_range_is_used_for_the_noise_curve_and_the_true_one_is_told(volume):
    _, measured = run(volume, [WINDOWS], 3, (0.0, 65535.0))
    assert (measured.low, measured.high) == (volume.min(), volume.max())
    unit = volume / np.float32(65535)
    noisy = diversify(unit, local_std(unit, (3, 5, 5)), normal_field(unit.shape, 0), 1, 3)
    assert measured.psnr[WINDOWS].expected(1, 3) == pytest.approx(psnr(unit, noisy, 1), abs=0.1)


def test_of_a_big_image_only_some_planes_are_read_and_counted():
    source = Counting(np.random.default_rng(0).random((200, 20, 20), dtype=np.float32))
    _, measured = run(source, [WINDOWS], 3, budget=20 * 400)
    assert (measured.planes, measured.of) == (20, 200)
    assert source.voxels <= 20 * 400 * (1 + 3)  # once for the range, once with context for σ


def test_first_and_last_time_point_are_looked_at():
    movie = np.ones((50, 4, 16, 16), np.float32) + np.random.default_rng(0).random((50, 4, 16, 16))
    movie[0, 0, 3, 3], movie[-1, -1, 3, 3] = -100, 100
    _, measured = run(movie, [WINDOWS], 3, budget=16 * 16 * 20)
    assert (measured.low, measured.high) == (-100, 100)


def test_planes_of_their_own_are_measured_without_their_neighbours(volume):
    _, measured = run(volume, [WINDOWS], 2)
    unit = (volume - volume.min()) / np.float32(np.ptp(volume))
    whole = PsnrModel.from_volume(unit, local_std(unit, (5, 5)))
    assert measured.psnr[WINDOWS].expected(1, 2) == pytest.approx(whole.expected(1, 2), abs=1e-4)


def test_progress_counts_up_to_its_total(volume):
    progress, _ = run(np.repeat(volume, 20, axis=1), [WINDOWS], 3)
    done, totals = zip(*progress, strict=True)
    assert list(done) == list(range(len(done)))
    assert set(totals) == {len(done)}


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.full((3, 4, 5), 7.0), "constant: every voxel is 7"),
        (np.array([[1.0, np.nan], [2, 3]]), "NaN or infinite"),
        (np.array([[1.0, np.inf], [2, 3]]), "NaN or infinite"),
    ],
)
def test_an_image_that_cannot_be_used_is_answered_with_a_sentence(image, said):
    with pytest.raises(ValueError, match=said):
        run(image, [WINDOWS], 2)

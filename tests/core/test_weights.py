"""Pairs of weights: always as many as asked for, inside their ranges, the same for a seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, truncnorm

from napari_diversify.core import draw_weights

STRATEGIES = ("random", "structured", "single_aug")
N = 200_000


def around_one(low, high):
    """The distribution of single_aug: N(1, M / 3) truncated to [low, high]."""
    scale = max(1 - low, high - 1) / 3
    return truncnorm((low - 1) / scale, (high - 1) / scale, loc=1, scale=scale)


@st.composite
def ranges(draw, lowest, highest):
    a, b = draw(st.floats(lowest, highest)), draw(st.floats(lowest, highest))
    return min(a, b), max(a, b)


@settings(deadline=None, max_examples=150)
@given(
    n=st.integers(1, 40),
    strategy=st.sampled_from(STRATEGIES),
    w_i_low=st.floats(0, 1),
    w_i_high=st.floats(1, 4),
    w_v_range=ranges(0, 16),
    seed=st.integers(0, 2**63),
)
def test_n_pairs_inside_their_ranges(n, strategy, w_i_low, w_i_high, w_v_range, seed):
    if strategy == "structured" and n == 1:
        w_v_range = (0.0, 8.0)  # its only pair is (1, 1)
    pairs = draw_weights(n, strategy, w_i_range=(w_i_low, w_i_high), w_v_range=w_v_range, seed=seed)
    assert pairs.shape == (n, 2)
    assert pairs.dtype == np.float64
    assert (pairs >= [w_i_low, w_v_range[0]]).all()
    assert (pairs <= [w_i_high, w_v_range[1]]).all()


@pytest.mark.parametrize("strategy", ["random", "single_aug"])
def test_the_seed_decides_the_pairs(strategy):
    first = draw_weights(50, strategy, seed=7)
    np.testing.assert_array_equal(first, draw_weights(50, strategy, seed=7))
    assert (first != draw_weights(50, strategy, seed=8)).any(axis=1).all()


def test_random_weights_are_uniform_and_independent():
    w_i, w_v = draw_weights(N, "random", seed=1).T
    assert kstest((w_i - 0.2) / 1.6, "uniform").pvalue > 1e-3
    assert kstest(w_v / 8, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(w_i, w_v)[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_structured_weights_let_the_signal_fall_while_the_noise_rises(n):
    pairs = draw_weights(n, "structured", w_i_range=(0.25, 1.75), w_v_range=(0.5, 6.5))
    assert pairs[0].tolist() == [1.75, 0.5]
    assert pairs[-1].tolist() == [0.25, 6.5]
    steps = np.diff(pairs, axis=0)
    np.testing.assert_allclose(steps, [[-1.5 / (n - 1), 6 / (n - 1)]] * (n - 1), rtol=1e-12)


def test_one_structured_pair_is_one_one():
    assert draw_weights(1, "structured").tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    ("w_i_range", "w_v_range"),
    [
        ((0.2, 1.8), (0.0, 8.0)),
        ((0.2, 1.1), (0.0, 1.5)),
        ((0.9, 3.0), (0.5, 1.0)),
        ((1.0, 2.0), (2.0, 5.0)),
        ((0.0, 1.0), (0.0, 0.5)),
    ],
)
def test_single_aug_draws_truncated_normal_weights_around_one(w_i_range, w_v_range):
    w_i, w_v = draw_weights(N, "single_aug", w_i_range=w_i_range, w_v_range=w_v_range, seed=2).T
    for values, (low, high) in ((w_i, w_i_range), (w_v, w_v_range)):
        expected = around_one(low, high)
        assert kstest(values, expected.cdf).pvalue > 1e-3
        assert abs(values.mean() - expected.mean()) < 5 * expected.std() / np.sqrt(N)
        assert abs(values.std() / expected.std() - 1) < 0.02
    assert abs(np.corrcoef(w_i, w_v)[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("w_i_range", "w_v_range"), [((1, 1), (0, 0)), ((1, 1), (1, 1)), ((1, 1), (3, 3))]
)
def test_a_range_of_one_value_gives_that_value(strategy, w_i_range, w_v_range):
    pairs = draw_weights(5, strategy, w_i_range=w_i_range, w_v_range=w_v_range)
    assert pairs.tolist() == [[w_i_range[0], w_v_range[0]]] * 5


@pytest.mark.parametrize("n", [0, -1, 2.5, "3", np.nan, np.inf, None])
def test_a_number_of_pairs_that_is_not_whole_is_refused(n):
    with pytest.raises((TypeError, ValueError), match="n must be a whole number") as error:
        draw_weights(n)
    assert repr(n) in str(error.value)


@pytest.mark.parametrize("strategy", ["singleAug", "", None])
def test_an_unknown_strategy_is_answered_with_those_there_are(strategy):
    with pytest.raises(ValueError, match="random, structured, single_aug") as error:
        draw_weights(3, strategy)
    assert repr(strategy) in str(error.value)


@pytest.mark.parametrize("name", ["w_i_range", "w_v_range"])
@pytest.mark.parametrize("bounds", [(2, 1), (0, np.nan), (0, np.inf), (-np.inf, 1)])
def test_a_range_must_be_finite_and_ascend(name, bounds):
    with pytest.raises(ValueError, match=f"{name}.*low <= high") as error:
        draw_weights(3, **{name: bounds})
    assert repr(bounds) in str(error.value)


@pytest.mark.parametrize("bounds", [(0.2, 0.9), (1.1, 1.8)])
def test_single_aug_needs_a_range_of_the_signal_around_one(bounds):
    with pytest.raises(ValueError, match="around 1") as error:
        draw_weights(3, "single_aug", w_i_range=bounds)
    assert str(bounds) in str(error.value)

"""The order of the data: a pure function of seed and position, every sample once an epoch, whatever its size."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest

from advsci.streams import Stream
from advsci.training.order import Order, keyed_permutation


@given(st.integers(1, 20), st.integers(0, 60), st.integers(1, 30))
def test_any_window_equals_the_whole_order(n, start, count):
    whole = torch.cat([Order(n, Stream(3))(position, 1) for position in range(start + count)])
    assert torch.equal(Order(n, Stream(3))(start, count), whole[start:])


@given(st.integers(1, 20), st.integers(1, 4))
def test_each_epoch_holds_every_sample_once(n, epochs):
    order = Order(n, Stream(0))(0, n * epochs).reshape(epochs, n)
    assert torch.equal(order.sort(1).values, torch.arange(n).expand(epochs, n))


@pytest.mark.parametrize("n", [50, 70_001])
def test_epochs_and_seeds_are_ordered_differently(n):
    order = Order(n, Stream(0))(0, 3 * n).reshape(3, n)
    other = Order(n, Stream(1))(0, n)
    for a, b in ((order[0], order[1]), (order[1], order[2]), (order[0], other)):
        assert int((a == b).sum()) < 12  # two random orders agree at one place on average


@given(st.integers(1, 3000), st.integers(0, 5))
def test_the_keyed_permutation_is_a_bijection(n, seed):
    entries = keyed_permutation(np.arange(n, dtype=np.uint64), n, Stream(seed))
    assert np.array_equal(np.sort(entries), np.arange(n))


@pytest.mark.parametrize("n", [65_537, 2**17, 100_003])
def test_large_orders_hold_every_sample_once_and_windows_agree(n):
    order = Order(n, Stream(5))
    whole = order(0, n)
    assert torch.equal(whole.sort().values, torch.arange(n))
    for start in (0, 1, 4095, 4096, n - 10):
        assert torch.equal(Order(n, Stream(5))(start, 300)[: n - start], whole[start : start + 300])


def test_the_keyed_permutation_looks_random():
    """Against independent uniform draws: the place of a value, pairs of neighbours, and fixed points."""
    n, drawn = 1000, []
    for seed in range(200):
        drawn.append(keyed_permutation(np.arange(n, dtype=np.uint64), n, Stream(seed)))
    entries = np.stack(drawn).astype(float) / n
    assert kstest(entries[:, 17], "uniform").pvalue > 1e-3
    for lag in (1, 2, 256):
        a, b = entries[:, :-lag].ravel(), entries[:, lag:].ravel()
        cells = np.histogram2d(a, b, bins=10, range=[[0, 1], [0, 1]])[0].ravel()
        assert chi2.sf(((cells - cells.mean()) ** 2 / cells.mean()).sum(), 99) > 1e-3
    fixed = (np.stack(drawn) == np.arange(n)).sum(1)
    assert abs(fixed.mean() - 1) < 5 / np.sqrt(len(fixed))  # Poisson of mean 1


def test_ten_to_the_eight_samples_need_no_memory():
    order = Order(10**8, Stream(0))
    first = order(0, 256)
    assert len(set(first.tolist())) == 256 and int(first.max()) < 10**8
    held = sum(t.numel() * t.element_size() for t in order._held if isinstance(t, torch.Tensor))
    assert held < 100_000

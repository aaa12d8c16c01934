"""The order of the data is a pure function of seed and position."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from advsci.streams import Stream
from advsci.training.data import Order


@given(st.integers(1, 20), st.integers(0, 60), st.integers(1, 30))
def test_any_window_equals_the_whole_order(n, start, count):
    whole = torch.cat([Order(n, Stream(3))(position, 1) for position in range(start + count)])
    assert torch.equal(Order(n, Stream(3))(start, count), whole[start:])


@given(st.integers(1, 20), st.integers(1, 4))
def test_each_epoch_holds_every_sample_once(n, epochs):
    order = Order(n, Stream(0))(0, n * epochs).reshape(epochs, n)
    assert torch.equal(order.sort(1).values, torch.arange(n).expand(epochs, n))

"""The order by blocks: every sample once a pass and turn, windows of whole blocks, a pure function of the position."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from advsci.streams import Stream
from advsci.training.blocks import BlockOrder


def played(order: BlockOrder, steps: int, turn: int) -> np.ndarray:
    """Rows of the batches of one turn."""
    starts = [(step * order.turns + turn) * order.stride for step in range(steps)]
    return np.concatenate([window.rows[places] for start in starts for window, places in order(start, order.stride)])


@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 5), st.integers(1, 9), st.integers(1, 3))
def test_every_turn_sees_every_sample_once_a_pass(n, block, together, stride, turns):
    order = BlockOrder(n, Stream(0), block=block, together=together, stride=stride, turns=turns)
    steps = -(-2 * n // stride)
    for turn in range(turns):
        rows = played(order, steps, turn)[: 2 * n].reshape(2, n)
        assert (np.sort(rows, axis=1) == np.arange(n)).all()


@given(st.integers(1, 60), st.integers(0, 40), st.integers(1, 9))
def test_a_batch_does_not_depend_on_what_was_read_before(n, step, stride):
    makes = [BlockOrder(n, Stream(3), block=4, together=3, stride=stride, turns=2) for _ in range(2)]
    for earlier in range(step):
        makes[0](earlier * 2 * stride, stride)
    first, second = ([(w.key, p.tolist()) for w, p in order((step * 2 + 1) * stride, stride)] for order in makes)
    assert first == second


@given(st.integers(1, 5))
def test_processes_divide_a_batch(parts):
    order = BlockOrder(50, Stream(0), block=4, together=3, stride=4 * parts)
    rows = [w.rows[p] for rank in range(parts) for w, p in order(8 * parts + 4 * rank, 4)]
    whole = [w.rows[p] for w, p in order(8 * parts, 4 * parts)]
    assert np.concatenate(rows).tolist() == np.concatenate(whole).tolist()


def test_a_window_is_made_of_whole_blocks_and_is_met_in_another_order_by_every_turn():
    order = BlockOrder(64, Stream(1), block=8, together=3, stride=24, turns=2)
    ((window, places),), ((again, others),) = order(0, 24), order(24, 24)
    assert window.key == again.key and len(window.rows) == 24 and len(np.unique(window.rows // 8)) == 3
    assert (np.diff(window.rows) > 0).all() and places.tolist() != others.tolist()
    assert sorted(places.tolist()) == sorted(others.tolist())


def test_passes_and_seeds_take_other_blocks():
    one, other = (BlockOrder(640, Stream(seed), block=8, together=4, stride=32) for seed in (0, 1))
    taken = [tuple(order(start, 32)[0][0].rows) for order, start in ((one, 0), (one, 640), (other, 0))]
    assert len(set(taken)) == 3

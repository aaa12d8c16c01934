"""Quilts: the cheapest cut, edges that meet, patches of the source, a pattern that is new."""

import itertools

import numpy as np
import pytest
import torch

from advsci.errors import ShapeError
from advsci.streams import Stream
from advsci_friction.evaluation.judge import copy_scores
from advsci_friction.surfaces.processes import find_process
from advsci_friction.surfaces.quilting import cheapest_cut, quilt, ring_power


def test_the_cut_is_the_cheapest_of_all():
    cost = np.random.default_rng(0).random((5, 4))
    keep = cheapest_cut(cost)
    path = keep.argmax(1)
    assert (np.diff(keep, axis=1) >= 0).all() and np.abs(np.diff(path)).max() <= 1
    every = (p for p in itertools.product(range(4), repeat=5) if np.abs(np.diff(p)).max() <= 1)
    best = min(cost[range(5), list(p)].sum() for p in every)
    assert cost[range(5), path].sum() == pytest.approx(best)


def test_quilts_are_new_periodic_and_of_the_process():
    maps = find_process("e-beam").simulate(24, Stream(0), 32)
    made = quilt(maps, 6, Stream(1))
    assert torch.equal(made, quilt(maps, 6, Stream(1))) and not torch.equal(made, quilt(maps, 6, Stream(2)))
    assert float(made.mean((1, 2)).abs().max()) < 1e-3 * float(maps.std())
    edge = (made[:, 0] - made[:, -1]).square().mean().sqrt()
    inner = (made[:, 1:] - made[:, :-1]).square().mean().sqrt()
    assert float(edge) < 1.6 * float(inner), "the last patch meets the first"
    assert float(made.std()) == pytest.approx(float(maps.std()), rel=0.25)
    assert float(copy_scores(made, maps).max()) < 0.97 < float(copy_scores(maps[:2], maps).min())
    with pytest.raises(ShapeError, match="expected a divisor. Try: patches=4"):
        quilt(maps, 1, Stream(0), patches=5)


def test_seams_add_no_power_where_the_process_has_none():
    maps = find_process("e-beam").simulate(32, Stream(0), 32)
    wanted, made = ring_power(maps)[0], ring_power(quilt(maps, 32, Stream(1)))[0]
    assert made[1:].tolist() == pytest.approx(wanted[1:].tolist(), rel=1e-4)

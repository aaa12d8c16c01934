"""The discrepancy of point masses in closed form; zero for equal batches; its gradient."""

import math

import pytest
import torch

from advsci_singlecell.game.discrepancy import WIDTHS, batch_discrepancy


def test_two_point_masses():
    z = torch.tensor([[0.0], [0.0], [3.0], [3.0]], dtype=torch.float64)
    found = batch_discrepancy(z, torch.tensor([0, 0, 1, 1]), 2, torch.ones(4, dtype=torch.float64))
    # half of the pairs are at distance 9: mean 4.5
    expected = sum(2.0 - 2.0 * math.exp(-9.0 / (w * 4.5)) for w in WIDTHS) / len(WIDTHS)
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_equal_batches_and_absent_ones_have_none():
    z = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    assert float(batch_discrepancy(z, torch.tensor([0, 0, 1, 1]), 3, torch.ones(4))) == pytest.approx(0.0, abs=1e-6)


def test_weights_choose_the_cells():
    z = torch.tensor([[0.0], [5.0], [0.0]])
    weight = torch.tensor([1.0, 0.0, 1.0])
    assert float(batch_discrepancy(z, torch.tensor([0, 0, 1]), 2, weight)) == pytest.approx(0.0, abs=1e-6)


def test_descent_mixes():
    z = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z[10:] += 2.0
    z.requires_grad_()
    batch, weight = torch.arange(20) // 10, torch.ones(20, dtype=torch.float64)
    before = batch_discrepancy(z, batch, 2, weight)
    (gradient,) = torch.autograd.grad(before, z)
    assert float(batch_discrepancy((z - 5.0 * gradient).detach(), batch, 2, weight)) < float(before.detach())

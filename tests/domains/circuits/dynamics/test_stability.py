"""Stability calls against eigenvalues at every size, and what an index sum of one is worth."""

import numpy as np
import pytest
import torch

from advsci.streams import Stream
from advsci_circuits.dynamics import fixed_points, is_stable, racipe
from advsci_circuits.dynamics.stability import FEW, stability
from advsci_circuits.graphs.variation import random_circuits


@pytest.mark.parametrize("n", [2, FEW, FEW + 1, 34, 50, 100, 200])
def test_calls_agree_with_eigenvalues(n):
    rng = np.random.default_rng(n)
    matrices = rng.normal(size=(40, n, n)) / np.sqrt(n)
    # half of them just stable, half just not
    edge = np.linalg.eigvals(matrices).real.max(1) + np.where(np.arange(40) % 2, 0.02, -0.02)
    matrices = torch.from_numpy(matrices - edge[:, None, None] * np.eye(n)) * 100
    stable, sign = stability(matrices)
    assert stable.tolist() == [bool(k % 2) for k in range(40)]
    assert (is_stable(matrices) == stable).all()
    assert (sign.numpy() == np.linalg.slogdet(-matrices.numpy())[0]).all()


@pytest.mark.parametrize("n", [3, FEW + 1])
def test_batches_may_have_any_number_of_axes(n):
    matrices = Stream(n).normal((2, 3, 4, n, n), dtype=torch.float64) - 0.6 * n**0.5 * torch.eye(n, dtype=torch.float64)
    stable, sign = stability(matrices)
    flat_stable, flat_sign = stability(matrices.flatten(0, 2))
    assert 0 < int(stable.sum()) < 24
    assert stable.flatten().equal(flat_stable) and sign.flatten().equal(flat_sign)
    one, its_sign = stability(matrices[1, 2, 3])
    assert one.shape == () and one.equal(stable[1, 2, 3]) and its_sign.equal(sign[1, 2, 3])


def test_confirming_only_adds_states():
    signs = random_circuits(3, 20, np.random.default_rng(0))
    model = racipe(signs, 20, Stream(0))
    once, twice = fixed_points(model, Stream(1)), fixed_points(model, Stream(1), confirm=1)
    assert (twice.count >= once.count).all() and (twice.stable_count >= once.stable_count).all()
    # a sum of one is no proof: some consistent sets grow by pairs of opposite sign, and stay consistent
    grown = (twice.count > once.count) & once.consistent & twice.consistent
    assert ((twice.count - once.count)[grown] % 2 == 0).all()

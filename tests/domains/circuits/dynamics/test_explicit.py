"""The explicit solver against closed forms and scipy."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from advsci.errors import ConvergenceError
from advsci.streams import Stream
from advsci_circuits.dynamics import integrate, racipe


@dataclass(frozen=True)
class Linear:
    """``x' = A x``, one A a sample."""

    matrix: torch.Tensor

    def take(self, index):
        return Linear(self.matrix[index])

    def __call__(self, x, out=None):
        value = torch.einsum("bij,jb->ib", self.matrix, x)
        return value if out is None else out.copy_(value)


def test_linear_systems_match_the_matrix_exponential():
    matrix = Stream(0).normal((50, 3, 3), dtype=torch.float64) - torch.eye(3, dtype=torch.float64)
    start = Stream(1).normal((50, 3), dtype=torch.float64)
    times = torch.tensor([0.0, 0.013, 0.5, 0.5001, 1.7, 4.0], dtype=torch.float64)
    got = integrate(Linear(matrix), start, times, rtol=1e-9, atol=1e-11)
    exact = torch.linalg.matrix_exp(matrix[:, None] * times[:, None, None]) @ start[:, None, :, None]
    scale = exact.abs().amax((1, 2, 3), keepdim=True)[..., 0]
    assert ((got - exact[..., 0]).abs() / scale).max() < 1e-6


def test_circuits_of_different_speeds_match_scipy():
    signs = torch.tensor(-np.roll(np.eye(3), 1, 0)[None]).to(torch.int8)
    model = racipe(signs, 12, Stream(0))
    start = model.rate / model.decay * Stream(1).uniform((12, 3), dtype=torch.float64)
    times = torch.linspace(0, 100, 101, dtype=torch.float64)
    got = integrate(model.field(), start, times).numpy()
    rate, decay = model.rate.numpy(), model.decay.numpy()
    edge = [getattr(model, k).numpy() for k in ("threshold", "cooperativity", "leak")]
    gene, regulator = np.nonzero(signs[0].numpy())
    for i in range(12):

        def field(_, y, i=i):
            t, n, l = (v[i][gene, regulator] for v in edge)
            return rate[i] * (l + (1 - l) / (1 + (y[regulator] / t) ** n)) - decay[i] * y

        exact = solve_ivp(field, (0, 100), start[i].numpy(), "LSODA", times.numpy(), rtol=1e-9, atol=1e-11).y.T
        assert np.abs(got[i] - exact).max() / np.abs(exact).max() < 2e-4


def test_a_batch_gives_what_its_members_give():
    signs = torch.tensor([[[0, -1], [1, 1]], [[0, -1], [-1, 0]]], dtype=torch.int8)
    model = racipe(signs, 3, Stream(0))
    times = torch.linspace(0, 30, 7, dtype=torch.float64)
    together = integrate(model.field(), torch.ones_like(model.rate), times)
    for i in range(6):
        one = model[i : i + 1]
        alone = integrate(one.field(), torch.ones_like(one.rate), times)
        assert torch.allclose(together[i : i + 1], alone, rtol=1e-5)


def test_too_few_steps_are_an_error():
    with pytest.raises(ConvergenceError, match="unfinished"):
        matrix = -torch.eye(2, dtype=torch.float64)[None]
        integrate(Linear(matrix), torch.ones(1, 2).double(), torch.tensor([0.0, 1e4]).double(), most_steps=16)


@dataclass(frozen=True)
class Quartic:
    """``t' = 1, x' = 4 t^3``: of a batch of as many starts as it is given."""

    def take(self, index):
        return self

    def __call__(self, x, out=None):
        value = torch.stack([torch.ones_like(x[0]), 4.0 * x[0] ** 3])
        return value if out is None else out.copy_(value)


def test_the_interpolant_between_steps_is_exact_for_quartics():
    """Of order four (Hairer, Norsett & Wanner I, II.6): the steps' lengths do not matter."""
    times = torch.linspace(0.0, 3.0, 50, dtype=torch.float64)
    begin = torch.tensor([-1.0, 0.5], dtype=torch.float64)
    start = torch.stack([begin, begin**4], 1)
    got = integrate(Quartic(), start, times, rtol=1e-2, atol=1e-2)
    now = begin[:, None] + times
    torch.testing.assert_close(got, torch.stack([now, now**4], 2), rtol=1e-11, atol=1e-11)

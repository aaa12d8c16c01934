"""Every detector on a case with a known value."""

import pytest
import torch
from torch import nn

from advsci.diagnostics import batch_coupling, critic_slopes, relative_frechet, signal
from advsci.nn import layer_norm
from advsci.objectives import Minimax, NonSaturating, Wasserstein

DOUBLE = torch.double


def test_signals_are_the_published_slopes():
    a = torch.randn(50, dtype=DOUBLE)
    d = torch.sigmoid(a)
    assert float(signal(Minimax(), a, a)) == pytest.approx(float(d.mean()))
    assert float(signal(NonSaturating(), a, a)) == pytest.approx(float((1 - d).mean()))
    assert float(signal(Wasserstein(), a, a)) == pytest.approx(1.0)


def test_slopes_of_a_linear_and_a_quadratic_critic():
    w = nn.Linear(3, 1).double()
    real, fake = torch.randn(2, 10, 3, dtype=DOUBLE)
    for slope in critic_slopes(w, real, fake).values():
        assert float(slope) == pytest.approx(float(w.weight.detach().norm()))

    class Quadratic(nn.Module):
        def forward(self, x):
            return x.square().sum(1)

    slopes = critic_slopes(Quadratic(), real, fake)
    assert float(slopes["fake"]) == pytest.approx(float(2 * fake.square().sum(1).mean().sqrt()))
    assert float(slopes["between"]) == pytest.approx(float((real + fake).square().sum(1).mean().sqrt()))


class Joint(nn.BatchNorm1d):
    couples_batch = False


@pytest.mark.parametrize("norm, coupled", [(Joint, True), (nn.BatchNorm1d, False), (layer_norm, False)])
def test_only_a_shared_batch_couples_real_to_fake(norm, coupled):
    net = nn.Sequential(nn.Linear(2, 8), norm(8), nn.Tanh(), nn.Linear(8, 1)).double()
    value = float(batch_coupling(net, *torch.randn(2, 16, 2, dtype=DOUBLE)))
    assert (value > 1e-2) if coupled else value == 0.0


def test_relative_frechet_of_shifted_and_scaled_data():
    x = torch.randn(500, 3, dtype=DOUBLE)
    x = (x - x.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T)).T)  # exactly white
    assert float(relative_frechet(x, x)) == pytest.approx(0.0, abs=1e-9)
    assert float(relative_frechet(x, x + torch.tensor([3.0, 0.0, 0.0]))) == pytest.approx(9.0 / 3.0)
    assert float(relative_frechet(x, 2.0 * x)) == pytest.approx(1.0)

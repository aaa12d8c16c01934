"""Lipschitz bounds where they are known exactly, and against measured slopes."""

import math

import jaxtyping
import pytest
import torch
from torch import nn

from advsci.diagnostics import lipschitz_bound
from advsci.errors import ConfigError
from advsci.nn import MLP, ResidualDiscriminator
from advsci.nn.spectral import matrix_norm, spectral_norm
from advsci.streams import Stream

X = torch.zeros(2, 3, dtype=torch.float64)


def unit(d: int = 3) -> nn.Module:
    """A linear layer of norm exactly 1."""
    return spectral_norm(nn.Linear(d, d, dtype=torch.float64), exact=True)


class TwoBranches(nn.Module):
    def __init__(self, branch: nn.Module):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return torch.relu(self.branch(x)) + torch.relu(self.branch(x))


def test_two_branches_of_norm_one_give_two():
    assert float(lipschitz_bound(TwoBranches(unit()), X)) == pytest.approx(2.0, rel=1e-9)
    assert float(lipschitz_bound(TwoBranches(nn.Identity()), X)) == 2.0  # attained: x -> 2 relu(x)


def test_a_chain_multiplies():
    layers = [nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Linear(4, 2), nn.Sigmoid(), nn.Flatten()]
    chain = nn.Sequential(*layers).double()
    expected = 0.25 * float(matrix_norm(layers[0].weight) * matrix_norm(layers[2].weight))  # type: ignore[arg-type]
    found = lipschitz_bound(chain, X)
    assert found.bound == pytest.approx(expected) and list(found.nodes.values())[0] == 1.0


class Leaky(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.args, self.kwargs = args, kwargs

    def forward(self, x):
        return torch.nn.functional.leaky_relu(2.0 * x, *self.args, **self.kwargs)


def test_the_steeper_side_of_a_leaky_rectifier_counts():
    for leaky, steepest in ((Leaky(), 1.0), (Leaky(-3.0), 3.0), (Leaky(negative_slope=2.0), 2.0), (Leaky(0.5), 1.0)):
        assert float(lipschitz_bound(leaky, X)) == 2.0 * steepest


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = unit()
        self.shift = nn.Parameter(torch.ones(3, dtype=torch.float64))

    def forward(self, x):
        return x + 0.5 * self.f(x) - self.shift


def test_residuals_add_and_constants_do_not_count():
    assert float(lipschitz_bound(Residual(), X)) == pytest.approx(1.5, rel=1e-9)


class Halves(nn.Module):
    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        joined = torch.cat([3.0 * x, 4.0 * x], dim=1)
        return joined.mean(dim=1, keepdim=True) + (a - b).sum(dim=1, keepdim=True)


def test_concatenation_sum_and_mean():
    x = torch.zeros(2, 4, dtype=torch.float64)
    # |(3x, 4x)| = 5|x|, the mean of 8 entries 1/sqrt(8); a - b is bounded by 1 + 1, the sum of 2 entries by sqrt(2)
    expected = 5.0 / math.sqrt(8.0) + 2.0 * math.sqrt(2.0)
    assert float(lipschitz_bound(Halves(), x)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "network",
    [
        MLP(3, 1, width=16, depth=3, residual=True),
        nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.SiLU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 1)),
    ],
)
def test_no_measured_slope_exceeds_the_bound(network, monkeypatch):
    network = network.double().eval()
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # tracing hands in stand-ins for tensors
    a, b = (Stream(s).normal((500, 3), dtype=torch.float64) for s in (0, 1))
    slopes = (network(a) - network(b)).reshape(500, -1).norm(dim=1) / (a - b).norm(dim=1)
    assert 0.0 < float(slopes.max()) <= float(lipschitz_bound(network, X))


def test_images():
    """Box filter of norm 9 on the torus, average pooling of 2 x 2 without overlap 1/2, upsampling 2."""
    conv = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", bias=False, dtype=torch.float64)
    nn.init.ones_(conv.weight)
    network = nn.Sequential(conv, nn.AvgPool2d(2), nn.Upsample(scale_factor=2), nn.MaxPool2d(2))
    image = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    assert float(lipschitz_bound(network, image)) == pytest.approx(9.0)
    network = network.eval()
    ones = torch.ones_like(image)
    assert float((network(ones) - network(0.0 * ones)).norm() / ones.norm()) <= 9.0


class Square(nn.Module):
    def forward(self, x):
        return x * x


def test_what_has_no_bound_is_named_and_a_rule_settles_it():
    with pytest.raises(ConfigError, match="mul of two tensors"):
        lipschitz_bound(Square(), X)
    on_a_ball = nn.Sequential(nn.Hardtanh(), Square())
    assert float(lipschitz_bound(on_a_ball, X, {Square: lambda module, x: 2.0})) == 2.0
    with pytest.raises(ConfigError, match="softmin"):
        lipschitz_bound(nn.Softmin(dim=1), X)


def test_the_librarys_own_residual_discriminator_is_bounded_and_its_slopes_keep_to_it(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    torch.manual_seed(0)
    network = ResidualDiscriminator(1, 8, (8, 16))
    bound = float(lipschitz_bound(network, torch.zeros(2, 1, 8, 8)))
    x = torch.randn(64, 1, 8, 8, requires_grad=True)
    slopes = torch.autograd.grad(network(x).sum(), x)[0].flatten(1).norm(dim=1)
    assert float(slopes.max()) < bound < 1e3 * float(slopes.max())

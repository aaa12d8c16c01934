"""Products with the generator's Jacobian against the dense Jacobian."""

import pytest
import torch
from torch import nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.penalties import (
    JacobianClamping,
    JacobianConditioning,
    conditioning,
    jacobian_clamping,
    jacobian_products,
)
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream

REAL = torch.float64


def generator() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5)).to(REAL)


def dense(network, z):
    return torch.stack([torch.autograd.functional.jacobian(network, row) for row in z])  # type: ignore[arg-type]


def test_products():
    network, z, u = generator(), Stream(0).normal((3, 4), dtype=REAL), Stream(1).normal((3, 4), dtype=REAL)
    J = dense(network, z)
    pushed, normal = jacobian_products(network, z, u)
    assert torch.allclose(pushed, (J @ u[..., None]).squeeze(2))
    assert torch.allclose(normal, (J.mT @ J @ u[..., None]).squeeze(2))


def test_conditioning_over_a_whole_basis_is_the_spread_of_squared_singular_values():
    """With u = sqrt(d) e_k for all k the averages over u are exact."""
    network, z = generator(), Stream(0).normal((1, 4), dtype=REAL)
    found = conditioning(network, z.expand(4, 4), 2.0 * torch.eye(4, dtype=REAL))
    squared = torch.linalg.svdvals(dense(network, z))[0].square()
    assert torch.allclose(found, 4.0 * squared.square().sum() / squared.sum().square() - 1.0)
    Q = torch.linalg.qr(Stream(1).normal((4, 4), dtype=REAL))[0]
    similar = conditioning(lambda z: 3.0 * z @ Q, z.expand(4, 4), 2.0 * torch.eye(4, dtype=REAL))
    assert float(similar) == pytest.approx(0.0, abs=1e-12)


def test_clamping_counts_what_leaves_the_band():
    z, u = Stream(0).normal((5, 2), dtype=REAL), Stream(1).normal((5, 2), dtype=REAL)
    for slope, expected in ((0.5, 0.25), (1.5, 0.0), (4.0, 4.0)):
        value = jacobian_clamping(lambda z, slope=slope: slope * z, z, u, (1.0, 2.0))
        assert float(value) == pytest.approx(expected, abs=1e-9)


def test_conditioning_makes_a_generator_well_conditioned():
    """Descending it alone brings the condition number of a linear generator from 10 to nearly 1."""
    network = nn.Linear(3, 3, bias=False, dtype=REAL)
    with torch.no_grad():
        network.weight.copy_(torch.diag(torch.tensor([1.0, 0.5, 0.1], dtype=REAL)))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    z = torch.zeros(64, 3, dtype=REAL)
    for step in range(150):
        optimizer.zero_grad()
        conditioning(network, z, Stream(0).at("u", step).normal((64, 3), dtype=REAL)).backward()
        optimizer.step()
    assert float(torch.linalg.cond(network.weight.detach())) < 1.2


@pytest.mark.parametrize("penalty", [JacobianConditioning(), JacobianClamping()], ids=lambda p: p.name)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_as_a_penalty_of_the_generator(penalty, device):
    critic = nn.Linear(5, 1, dtype=REAL)
    game = GAN(generator(), critic, Gaussian(4), generator_penalties=(penalty,)).to(device)
    solver = Simultaneous(adam())
    solver.bind(game)
    batch = {"x": torch.zeros(6, 5, dtype=REAL, device=device)}
    terms = solver.step(game, lambda: (batch, game.draw(batch, Stream(0))))
    assert penalty.name in terms["generator"]

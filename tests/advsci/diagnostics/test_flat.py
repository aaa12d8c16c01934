"""The eigenvalues nearest to 0, against dense matrices and closed forms, without forming the Jacobian."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from advsci.diagnostics import VectorField, smallest_eigenvalues
from advsci.errors import ConfigError
from advsci.games import GAN, Game
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.streams import Stream

REAL = torch.float64


class Vector(nn.Module):
    def __init__(self, k: int):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(k, dtype=REAL))


class Quadratic(Game):
    """Two players with quadratic losses: the field's Jacobian is a given matrix, its diagonal blocks symmetric."""

    def __init__(self, J: torch.Tensor):
        super().__init__()
        k = len(J) // 2
        self.x, self.y = Vector(k), Vector(k)
        self.blocks = J[:k, :k], J[:k, k:], J[k:, :k], J[k:, k:]

    players = property(lambda self: {"x": self.x, "y": self.y})

    def draw(self, batch, stream):
        return {}

    def check(self, batch, draw):
        pass

    def terms(self, player, batch, draw):
        (A, B, C, D), x, y = self.blocks, self.x.at, self.y.at
        return {"f": 0.5 * x @ A @ x + x @ B @ y if player == "x" else 0.5 * y @ D @ y + y @ C @ x}


def matrix(seed: int, k: int) -> torch.Tensor:
    J = Stream(seed).at("J").normal((2 * k, 2 * k), dtype=REAL)
    for part in (slice(0, k), slice(k, None)):
        J[part, part] = 0.5 * (J[part, part] + J[part, part].T)
    return J


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 3))
def test_the_smallest_eigenvalues_are_those_of_the_dense_matrix(seed, k, count):
    J = matrix(seed, k)
    found = smallest_eigenvalues(VectorField(Quadratic(J), {}, {}), min(count, 2 * k), steps=2 * k, iterations=8 * k)
    dense = torch.linalg.eigvals(J)
    expected = dense.abs().sort().values
    for value, size, residual in zip(found.eigenvalues, expected, found.residuals, strict=False):
        assert float((dense - value).abs().min()) <= 1e-6 * float(expected[-1])
        assert float(value.abs()) == pytest.approx(float(size), abs=1e-6 * float(expected[-1]))
        assert float(residual) <= 1e-6 * float(expected[-1])


def test_flat_and_negative_directions_are_counted():
    """Three zeros, one way out, the rest stable; the space is much smaller than the game."""
    k = 20
    spread = torch.linspace(1.0, 5.0, 2 * k - 4, dtype=REAL)
    values = torch.cat([torch.zeros(3, dtype=REAL), torch.tensor([-0.3], dtype=REAL), spread])
    basis = [torch.linalg.qr(Stream(i).normal((k, k), dtype=REAL))[0] for i in range(2)]
    chosen = torch.cat([values[::2], values[1::2]])
    blocks = [Q @ torch.diag(part) @ Q.T for Q, part in zip(basis, chosen.chunk(2), strict=True)]
    found = smallest_eigenvalues(VectorField(Quadratic(torch.block_diag(*blocks)), {}, {}), 4, steps=12, iterations=30)
    assert found.negative == 1
    assert float(found.eigenvalues.real.min()) == pytest.approx(-0.3, abs=1e-6)
    # a zero of three is seen by one start: its copies lie outside the space
    assert 1 <= found.flat(1e-3) <= 3
    assert found.products < 12 * 62 + 12


def test_a_game_of_networks_against_its_dense_jacobian():
    torch.manual_seed(0)
    nets = (MLP(2, n, 3, 1, activation=nn.Tanh).to(REAL) for n in (2, 1))
    game = GAN(*nets, Gaussian(2))
    batch = {"x": Stream(0).normal((16, 2), dtype=REAL)}
    field = VectorField(game, batch, game.draw(batch, Stream(1)))
    found = smallest_eigenvalues(field, 3, steps=16, iterations=field.size)
    dense = torch.linalg.eigvals(field.dense())
    scale = float(dense.abs().max())
    assert float(found.residuals.max()) < 0.01 * scale
    for value in found.eigenvalues:
        assert float((dense - value).abs().min()) < 0.01 * scale
    assert float(found.eigenvalues.abs().max()) < 0.01 * scale


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="got count=5 and steps=4"):
        smallest_eigenvalues(VectorField(Quadratic(matrix(0, 2)), {}, {}), 5, steps=4)

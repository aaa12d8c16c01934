"""Adversarial regularisers: convexity, the critic's penalty, the weight, and what they add to the data."""

import pytest
import torch

from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_inverse.game.regularising import RegulariserGame
from advsci_inverse.operators import DenseOperator, Inpainting, gaussian_sensing
from advsci_inverse.priors.regulariser import ConvexRegulariser, FreeRegulariser
from advsci_inverse.search.regularised import regularised, weight_of_noise


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", [0, 1])
def test_convex_regulariser_is_strongly_convex_whatever_its_weights(seed):
    net = ConvexRegulariser((4, 3), strength=0.02).double()
    with torch.no_grad():
        for k, parameter in enumerate(net.parameters()):
            parameter.copy_(2 * _random(*parameter.shape, seed=10 * seed + k))
    for point in _random(3, 1, 4, 4, seed=seed):
        flat = lambda v: net(v.reshape(1, 4, 4))[0]  # noqa: E731
        hessian = torch.autograd.functional.hessian(flat, point.flatten())
        assert float(torch.linalg.eigvalsh(hessian)[0]) >= 0.02 - 1e-9
    a, b = 3 * _random(50, 4, 4, seed=5), 3 * _random(50, 4, 4, seed=6)
    chord = 0.5 * (net(a) + net(b)) - 0.5 * 0.02 / 4 * (a - b).flatten(1).square().sum(1)
    assert bool((net((a + b) / 2) <= chord + 1e-9).all())


def test_free_regulariser_is_not_convex():
    net = FreeRegulariser((4, 4)).double()
    a, b = 3 * _random(200, 4, 4), 3 * _random(200, 4, 4, seed=1)
    with torch.no_grad():
        for k, parameter in enumerate(net.parameters()):
            parameter.copy_(_random(*parameter.shape, seed=k))
        gap = net((a + b) / 2) - 0.5 * (net(a) + net(b))
    assert float(gap.max()) > 0


class _Linear(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        self.w = torch.nn.Parameter(w)

    def forward(self, x):
        return (x * self.w).flatten(1).sum(1)


def test_terms_of_a_linear_critic_are_exact():
    w = _random(3, 3)
    game = RegulariserGame(_Linear(w), penalty=10.0)
    batch = {"x": _random(5, 3, 3, seed=1), "poor": _random(5, 3, 3, seed=2)}
    terms = game.terms("regulariser", batch, game.draw(batch, Stream(0)))
    distance = ((batch["x"].mean(0) - batch["poor"].mean(0)) * w).sum()
    torch.testing.assert_close(terms["distance"], distance)
    torch.testing.assert_close(terms["gradient"], 10 * (w.norm() - 1).clamp(min=0) ** 2, rtol=1e-6, atol=1e-9)


def test_trained_critic_of_shifted_images_reaches_their_distance_and_unit_slope():
    """The sets differ by one vector v: the best 1-Lipschitz R falls along v at unit slope, its distance is |v|."""
    g = torch.Generator().manual_seed(0)
    x = 0.05 * torch.randn(512, 3, 3, generator=g)
    v = torch.zeros(3, 3)
    v[1, 1] = 2.0
    game = RegulariserGame(_Linear(torch.zeros(3, 3) + 0.01), penalty=20.0)
    data = {"x": x, "poor": x + v}
    trainer = Trainer(steps=300, batch_size=64, seed=0, device="cpu", quiet=True)
    out = trainer.fit(game, data, Simultaneous(adam(0.03, betas=(0.0, 0.9))))
    w = out.game.players["regulariser"].w.detach()
    assert abs(float(w[1, 1]) - 1.0) < 0.1 and float((w * v).sum() / (w.norm() * v.norm())) > 0.95


def test_weight_is_the_expected_length_of_the_noise_seen_by_the_adjoint():
    operator = gaussian_sensing(200, (12, 12))
    exact = 0.1 * (operator.matrix().square().sum()) ** 0.5  # |A^T n| concentrates at the Frobenius norm
    assert weight_of_noise(operator, 0.1, probes=200) == pytest.approx(float(exact), rel=0.02)


def test_quadratic_penalty_gives_the_ridge_solution_and_convex_one_its_unique_minimum():
    a, y = _random(6, 16), _random(3, 6, seed=1)
    operator = DenseOperator(a, (4, 4))
    ridge = lambda x: 0.5 * x.flatten(1).square().sum(1)  # noqa: E731
    x = regularised(ridge, operator, y, 0.1, weight=0.7, steps=200)
    exact = torch.linalg.solve(a.T @ a + 0.7 * torch.eye(16, dtype=torch.float64), a.T @ y.T).T
    torch.testing.assert_close(x.flatten(1), exact, rtol=1e-5, atol=1e-6)
    net = ConvexRegulariser((4, 4)).double()
    starts = [
        regularised(net, operator, y, 0.1, weight=2.0, steps=200, start=5 * _random(3, 4, 4, seed=s)) for s in (2, 3)
    ]
    torch.testing.assert_close(*starts, rtol=1e-3, atol=1e-4)


def test_game_runs_on_the_meta_device():
    game = RegulariserGame(ConvexRegulariser((4, 4))).to("meta")
    batch = {"x": torch.zeros(4, 8, 8), "poor": torch.zeros(4, 8, 8)}
    draw = {k: v.to("meta") for k, v in game.draw(batch, Stream(0)).items()}
    assert game.loss("regulariser", {k: v.to("meta") for k, v in batch.items()}, draw).shape == ()


@pytest.mark.parametrize("kind", ["free", "convex"])
def test_trained_regulariser_denoises_images_of_its_kind(kind):
    """Smooth images against noisy ones: the penalty removes noise that the data alone keep."""
    g = torch.Generator().manual_seed(0)
    grid = torch.linspace(0, 3.14, 12)
    phase = torch.rand(600, 2, generator=g) * 3
    clean = 0.5 + 0.3 * torch.sin(grid + phase[:, :1])[:, :, None] * torch.sin(grid + phase[:, 1:])[:, None]
    noisy = clean + 0.2 * torch.randn(clean.shape, generator=g)
    torch.manual_seed(0)
    net = FreeRegulariser((8,)) if kind == "free" else ConvexRegulariser((8,))
    game = RegulariserGame(net)
    trainer = Trainer(steps=250, batch_size=16, seed=0, device="cpu", quiet=True)
    trainer.fit(game, {"x": clean[:500], "poor": noisy[:500].flip(0)}, Simultaneous(adam(4e-3, betas=(0.5, 0.9))))
    operator = Inpainting(torch.ones(12, 12))
    held, truth = noisy[560:], clean[560:]
    x = regularised(net, operator, operator(held), 0.2, start=held, steps=60).detach()
    before, after = (float((image - truth).square().mean()) for image in (held, x))
    assert after < 0.75 * before

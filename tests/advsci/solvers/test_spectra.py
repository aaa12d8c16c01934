"""Every rule's iteration map on games where it is known exactly."""

import math
from functools import partial

import pytest
import torch

from advsci.objectives import Wasserstein
from advsci.penalties import R1, WGANGP, Damping
from advsci.solvers import (
    Alternating,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    ProximalPoint,
    Simultaneous,
    SymplecticAdjustment,
    Unrolled,
)
from tests.toys.saddle_games import (
    Saddle,
    bilinear,
    dirac_feed,
    dirac_gan,
    iteration_matrix,
    nothing,
    radius,
    zero_sum,
)

SGD = torch.optim.SGD
TOLERANCE = 1e-6


def real(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def sgd(h: float):
    return partial(SGD, lr=h)


@pytest.mark.parametrize("h", [0.05, 0.3, 0.7])
@pytest.mark.parametrize(
    ("rule", "exact"),
    [
        (lambda h: Simultaneous(sgd(h)), lambda h: math.sqrt(1 + h**2)),
        (lambda h: Alternating(sgd(h)), lambda h: 1.0),
        (lambda h: Extragradient(sgd(h)), lambda h: math.sqrt(1 - h**2 + h**4)),
        (lambda h: ProximalPoint(sgd(h)), lambda h: 1 / math.sqrt(1 + h**2)),
        (lambda h: Competitive(sgd(h)), lambda h: 1 / math.sqrt(1 + h**2)),
        (lambda h: Consensus(sgd(h), gamma=0.8), lambda h: math.hypot(1 - 0.8 * h, h)),
        (lambda h: SymplecticAdjustment(sgd(h), strength=0.8), lambda h: math.hypot(1 - 0.8 * h, h)),
        (lambda h: SymplecticAdjustment(sgd(h), strength=0.8, align=False), lambda h: math.hypot(1 - 0.8 * h, h)),
    ],
)
def test_radius_on_xy(rule, exact, h):
    assert radius(iteration_matrix(bilinear(), rule(h))) == pytest.approx(exact(h), rel=TOLERANCE)


def test_alternating_leaves_the_circle_at_two():
    inside, outside = (radius(iteration_matrix(bilinear(), Alternating(sgd(h)))) for h in (1.99, 2.01))
    assert inside == pytest.approx(1.0, rel=TOLERANCE) and outside > 1.1


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_consensus_is_stable_up_to_its_bound(gamma):
    bound = 2 * gamma / (1 + gamma**2)
    radii = [radius(iteration_matrix(bilinear(), Consensus(sgd(f * bound), gamma=gamma))) for f in (0.999, 1.001)]
    assert radii[0] < 1.0 < radii[1]


def optimistic_matrix(game: Saddle, h: float) -> torch.Tensor:
    """The map on (z, last displacement)."""
    columns = []
    for e in torch.eye(4, dtype=torch.float64):
        solver = Optimistic(sgd(h))
        solver.bind(game)
        game.put(e[:2])
        solver.memory = {"x": [e[2:3].clone()], "y": [e[3:4].clone()]}
        solver.step(game, nothing)
        columns.append(torch.cat([game.state(), solver.memory["x"][0], solver.memory["y"][0]]))
    return torch.stack(columns, 1)


@pytest.mark.parametrize("h", [0.1, 0.3, 0.5])
def test_optimistic_radius(h):
    exact = math.sqrt((1 + math.sqrt(1 - 4 * h**2)) / 2)
    # at h = 1/2 the leading eigenvalues form a Jordan block, whose computed eigenvalues lose half the digits
    assert radius(optimistic_matrix(bilinear(), h)) == pytest.approx(exact, rel=TOLERANCE if h < 0.5 else 1e-4)


def test_optimistic_converges_below_one_over_root_three():
    edge = 1 / math.sqrt(3)
    inside, outside = (radius(optimistic_matrix(bilinear(), f * edge)) for f in (0.999, 1.001))
    assert inside < 1.0 < outside


def test_optimistic_is_past_extragradient():
    """theta' = theta - h v(theta'_-), theta <- theta - h v(theta'): the same points theta'."""
    h, z, game = 0.2, real([1.0, 0.5]), bilinear()
    solver = Optimistic(sgd(h))
    solver.bind(game)
    game.put(z)

    def v(z):
        return torch.stack([z[1], -z[0]])

    last, base = v(z), z + h * v(z)
    for _ in range(5):
        ahead = base - h * last
        assert torch.allclose(game.state(), ahead, rtol=1e-12)
        last = v(ahead)
        base = base - h * last
        solver.step(game, nothing)


def test_optimistic_adam_is_the_published_rule():
    h, b1, b2, eps = 0.1, 0.5, 0.9, 1e-8
    game = bilinear(x=(1.0,), y=(0.5,))
    solver = Optimistic(partial(torch.optim.Adam, lr=h, betas=(b1, b2), eps=eps))
    solver.bind(game)
    z, m, s, last = real([1.0, 0.5]), 0.0, 0.0, None
    for t in range(1, 6):
        g = torch.stack([z[1], -z[0]])
        m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g**2
        ratio = (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps)
        z = z - 2 * h * ratio + h * last if last is not None else z - h * ratio
        last = ratio
        solver.step(game, nothing)
        assert torch.allclose(game.state(), z, rtol=1e-10)


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.5), (5, 0.5), (6, 0.3)])
def test_lookahead_is_a_convex_combination_of_powers(k, alpha):
    M = iteration_matrix(bilinear(), Simultaneous(sgd(0.3)))
    expected = (1 - alpha) * torch.eye(2).double() + alpha * torch.linalg.matrix_power(M, k)
    assert torch.allclose(iteration_matrix(bilinear(), Lookahead(Simultaneous(sgd(0.3)), k, alpha), k), expected)


def test_lookahead_makes_simultaneous_descent_converge():
    assert radius(iteration_matrix(bilinear(), Lookahead(Simultaneous(sgd(0.3)), 5, 0.5), 5)) < 1.0


@pytest.mark.parametrize("k", [1, 3])
def test_unrolled_on_xy(k):
    """y imagined after k steps is y + k eta x, so dL/dx = y + 2 k eta x; y then ascends on the new x."""
    h, eta = 0.1, 0.2
    matrix = iteration_matrix(bilinear(), Unrolled(sgd(h), unroll={"x": k}, rate=eta))
    x_row = real([1 - 2 * h * k * eta, -h])
    assert torch.allclose(matrix, torch.stack([x_row, real([0.0, 1.0]) + h * x_row]), rtol=1e-12)


def mixed_quadratic() -> Saddle:
    return zero_sum(lambda t, p: (1.5 * t**2 - 2.5 * p**2 + 4 * t * p).sum())


def test_simultaneous_on_a_mixed_quadratic():
    flow = (iteration_matrix(mixed_quadratic(), Simultaneous(sgd(1.0))) - torch.eye(2)).double()
    eigenvalues = torch.linalg.eigvals(flow)
    assert torch.allclose(eigenvalues.real, real([-4.0, -4.0]))
    assert torch.allclose(eigenvalues.imag.abs(), torch.full((2,), math.sqrt(15)).double())
    best = radius(iteration_matrix(mixed_quadratic(), Simultaneous(sgd(4 / 31))))
    assert best == pytest.approx(math.sqrt(15 / 31), rel=TOLERANCE)
    edge = radius(iteration_matrix(mixed_quadratic(), Simultaneous(sgd(8 / 31))))
    assert edge == pytest.approx(1.0, rel=TOLERANCE)


@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.5), (1.0, 0.2), (4.0, 1.0)])
def test_bilinear_quadratic(alpha, beta):
    """J = d g - al/2 d^2 + be/2 g^2: a focus for |al - be| < 2, a node beyond."""
    game = zero_sum(lambda g, d: (d * g - alpha / 2 * d**2 + beta / 2 * g**2).sum())
    flow = iteration_matrix(game, Simultaneous(sgd(1.0))) - torch.eye(2).double()
    root = torch.sqrt(torch.tensor((alpha - beta) ** 2 / 4 - 1, dtype=torch.complex128))
    expected = torch.stack([-(alpha + beta) / 2 - root, -(alpha + beta) / 2 + root])
    found = torch.linalg.eigvals(flow)
    order = torch.argsort(found.real + 1e-3 * found.imag)
    assert torch.allclose(found[order], expected, rtol=TOLERANCE)
    assert bool(found.imag.abs().max() > 0) == (abs(alpha - beta) < 2)


def dirac_flow(penalties=(), objective=None, theta=0.0, slope=0.0, h=1e-3) -> torch.Tensor:
    """Jacobian of one simultaneous step of the Dirac-GAN at (slope, theta), over the learning rate."""
    columns, e = [], 1e-6
    for sign_of in torch.eye(2).double():
        ends = []
        for sign in (1.0, -1.0):
            s, t = (real([slope, theta]) + sign * e * sign_of).tolist()
            game = dirac_gan(t, s, objective, penalties)
            solver = Simultaneous(sgd(h))
            solver.bind(game)
            solver.step(game, dirac_feed(game))
            ends.append(torch.cat([p.detach().reshape(-1) for p in game.parameters()][::-1]))  # slope, theta
        columns.append((ends[0] - ends[1]) / (2 * e))
    return (torch.stack(columns, 1) - torch.eye(2).double()) / h


def test_dirac_gan_without_a_penalty_only_rotates():
    eigenvalues = torch.linalg.eigvals(dirac_flow())
    assert torch.allclose(eigenvalues.real, torch.zeros(2).double(), atol=1e-6)
    assert torch.allclose(eigenvalues.imag.abs(), torch.full((2,), 0.5).double(), rtol=TOLERANCE)  # f'(0) = 1/2


@pytest.mark.parametrize("gamma", [0.4, 3.0])
def test_dirac_gan_with_r1(gamma):
    root = torch.sqrt(torch.tensor(gamma**2 / 4 - 0.25, dtype=torch.complex128))
    expected = torch.stack([-gamma / 2 - root, -gamma / 2 + root])
    found = torch.linalg.eigvals(dirac_flow((R1(gamma),)))
    order = torch.argsort(found.real + 1e-3 * found.imag)
    assert torch.allclose(found[order], expected, atol=2e-6)


@pytest.mark.parametrize("penalties", [(), (WGANGP(10.0),)])
def test_wgan_does_not_converge_on_dirac(penalties):
    game = dirac_gan(0.5, 0.1, Wasserstein(), penalties)
    solver = Alternating(sgd(0.1))
    solver.bind(game)
    away = []
    for _ in range(1500):
        solver.step(game, dirac_feed(game))
        away.append(abs(game.generator.theta.item()))
    assert max(away[-500:]) > 0.02


def test_r1_converges_on_dirac_and_so_does_damping_of_both():
    for penalties, damped in (((R1(1.0),), ()), ((Damping(0.5),), (Damping(0.5),))):
        game = dirac_gan(0.5, 0.1, Wasserstein(), penalties)
        game.generator_penalties = damped
        solver = Alternating(sgd(0.2))
        solver.bind(game)
        for _ in range(500):
            solver.step(game, dirac_feed(game))
        assert abs(game.generator.theta.item()) < 1e-6


@pytest.mark.parametrize("mu", [0.5, 2.0])
def test_damping_bound(mu):
    """x and y both damped by mu on xy: stable exactly for h < 2 mu / (1 + mu^2)."""
    game = Saddle(
        {"x": lambda x, y: (x * y + mu / 2 * x**2).sum(), "y": lambda x, y: (-x * y + mu / 2 * y**2).sum()},
        {"x": [1.0], "y": [1.0]},
    )
    bound = 2 * mu / (1 + mu**2)
    assert radius(iteration_matrix(game, Simultaneous(sgd(bound)))) == pytest.approx(1.0, rel=TOLERANCE)


def test_two_time_scales_are_two_learning_rates():
    """V = xy + x^2/2 - y^2/2 with h_x = 0.1, h_y = 0.4, through the mapping player -> optimizer."""
    game = zero_sum(lambda x, y: (x * y + x**2 / 2 - y**2 / 2).sum())
    matrix = iteration_matrix(game, Simultaneous({"x": sgd(0.1), "y": sgd(0.4)}))
    assert torch.allclose(matrix, real([[0.9, -0.1], [0.4, 0.6]]))


def cubic(mu: float) -> Saddle:
    """x minimises xy - mu x^2/2 + x^4/4, y maximises it: the origin repels, cubic damping holds the orbit."""
    return zero_sum(lambda x, y: (x * y + mu / 2 * x**2 - mu / 2 * y**2 + x**4 / 4 - y**4 / 4).sum())


def test_hopf_bifurcation_along_the_learning_rate():
    """Past h_c = 2 mu / (1 + mu^2) an attracting cycle is born, with amplitude proportional to sqrt(h - h_c)."""
    mu = 0.4
    critical = 2 * mu / (1 + mu**2)
    assert radius(iteration_matrix(linearised(mu), Simultaneous(sgd(critical)))) == pytest.approx(1.0, rel=TOLERANCE)
    amplitudes = {}
    for factor in (0.97, 1.01, 1.04):
        game = cubic(mu)
        game.put([0.3, 0.0])
        solver = Simultaneous(sgd(factor * critical))
        solver.bind(game)
        norms = []
        for step in range(800):
            solver.step(game, nothing)
            if step >= 600:
                norms.append(game.state().norm())
        amplitudes[factor] = float(torch.stack(norms).mean())
    assert amplitudes[0.97] < 1e-3
    assert amplitudes[1.04] / amplitudes[1.01] == pytest.approx(2.0, rel=0.03)


def linearised(mu: float) -> Saddle:
    return zero_sum(lambda x, y: (x * y + mu / 2 * x**2 - mu / 2 * y**2).sum())

"""What all solvers promise: resume bit for bit, any number of players, no hidden host sync, exact adjustments."""

from functools import partial

import pytest
import torch

from advsci.errors import ConfigError
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import NonSaturating
from advsci.penalties import R1, LeCam, WeightClipping
from advsci.solvers import (
    Alternating,
    Balanced,
    Competitive,
    Consensus,
    Extragradient,
    FieldJacobian,
    Lookahead,
    Optimistic,
    ProximalPoint,
    Simultaneous,
    Solver,
    SymplecticAdjustment,
    TrustRegion,
    Unrolled,
    adam,
    differentiable_field,
    player_gradient,
    unrolled_gradient,
    vector_field,
)
from advsci.streams import Stream
from tests.toys.saddle_games import Saddle, bilinear, iteration_matrix, nothing, zero_sum

SGD = torch.optim.SGD

RULES = {
    "simultaneous": lambda o: Simultaneous(o),
    "alternating": lambda o: Alternating(o, moves={"discriminator": 2}),
    "extragradient": lambda o: Extragradient(o),
    "optimistic": lambda o: Optimistic(o),
    "consensus": lambda o: Consensus(o, gamma=0.1),
    "symplectic": lambda o: SymplecticAdjustment(o),
    "competitive": lambda o: Competitive(o, iterations=3),
    "proximal": lambda o: ProximalPoint(o, newton=2, iterations=3),
    "lookahead": lambda o: Lookahead(Alternating(o), k=3),
    "unrolled": lambda o: Unrolled(o, unroll={"generator": 2}, rate=0.1),
    "trust region": lambda o: TrustRegion(o, radius=0.01),
    "balanced": lambda o: Balanced(o, every=4, measurements=2, gain=2.0),
}


def toy_gan(dtype=torch.float32) -> GAN:
    torch.manual_seed(0)
    generator = MLP(2, 2, width=8, depth=1).to(dtype)
    discriminator = MLP(2, 1, width=8, depth=1).to(dtype)
    return GAN(generator, discriminator, Gaussian(2), objective=NonSaturating(), penalties=(R1(0.5), LeCam(0.1)))


class ToyFeed:
    """The calls of one step, a pure function of the step as in a training."""

    def __init__(self, game: GAN, device="cpu"):
        self.game, self.device, self.step, self.call = game, device, 0, 0

    def at(self, step: int) -> "ToyFeed":
        self.step, self.call = step, 0
        return self

    def __call__(self):
        stream = Stream(1).at("feed", self.step, self.call)
        batch = {"x": stream.at("x").normal((16, 2), device=self.device)}
        self.call += 1
        return batch, self.game.draw(batch, stream)


def play(game: GAN, solver: Solver, steps: range) -> None:
    feed = ToyFeed(game)
    for step in steps:
        solver.set_progress(step / 10)
        solver.step(game, feed.at(step))


@pytest.mark.parametrize("rule", RULES)
def test_resumed_equals_uninterrupted_bit_for_bit(rule):
    whole, solver = toy_gan(), RULES[rule](adam(1e-2, betas=(0.5, 0.9)))
    solver.bind(whole)
    play(whole, solver, range(9))

    first, solver = toy_gan(), RULES[rule](adam(1e-2, betas=(0.5, 0.9)))
    solver.bind(first)
    play(first, solver, range(5))
    game_state = {key: value.clone() for key, value in first.state_dict().items()}
    solver_state = solver.state_dict()

    second, solver = toy_gan(), RULES[rule](adam(1e-2, betas=(0.5, 0.9)))
    solver.bind(second)
    second.load_state_dict(game_state)
    solver.load_state_dict(solver_state)
    play(second, solver, range(5, 9))
    for (name, a), b in zip(whole.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert not torch.equal(next(whole.parameters()), next(toy_gan().parameters()))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "balanced"])
def test_a_step_runs_on_the_meta_device(rule):
    """There a hidden CPU tensor or a wait for the device raises."""
    game = toy_gan().to("meta")
    solver = RULES[rule](partial(SGD, lr=0.1))
    solver.bind(game)
    solver.watch = True
    feed = ToyFeed(game, "meta")
    for step in range(3):
        terms = solver.step(game, feed.at(step))
    assert all(value.device.type == "meta" for part in terms.values() for value in part.values())


def test_balanced_waits_for_the_device_only_at_its_decisions():
    game = toy_gan().to("meta")
    solver = Balanced(partial(SGD, lr=0.1), every=4, measurements=2)
    solver.bind(game)
    feed = ToyFeed(game, "meta")
    for step in range(3):
        solver.step(game, feed.at(step))
    with pytest.raises(RuntimeError, match="meta"):
        solver.step(game, feed.at(3))


@pytest.mark.parametrize("rule", RULES)
def test_takes_as_many_draws_as_announced_at_most(rule):
    game, solver = toy_gan(), RULES[rule](adam())
    solver.bind(game)
    feed, taken = ToyFeed(game), []
    for step in range(5):
        solver.step(game, feed.at(step))
        taken.append(feed.call)
    if rule == "balanced":  # it moves one player or the other more often, as the game asks
        assert max(taken) <= solver.draws_per_step
    else:
        assert max(taken) == solver.draws_per_step


def three_players() -> Saddle:
    """A cyclic game: each player pushes against the next."""
    return Saddle(
        {
            "a": lambda a, b, c: (a * b + a**2 / 2).sum(),
            "b": lambda a, b, c: (b * c + b**2 / 2).sum(),
            "c": lambda a, b, c: (c * a + c**2 / 2 + 0.1 * a * b).sum(),
        },
        {"a": [1.0], "b": [0.5], "c": [-1.0]},
    )


JACOBIAN = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=torch.float64)


@pytest.mark.parametrize("h", [0.1, 0.7])
def test_three_players_against_dense_algebra(h):
    identity, sgd = torch.eye(3, dtype=torch.float64), partial(SGD, lr=h)
    K = JACOBIAN - torch.diag(JACOBIAN.diagonal())
    exact = {
        Simultaneous(sgd): identity - h * JACOBIAN,
        Extragradient(sgd): identity - h * JACOBIAN @ (identity - h * JACOBIAN),
        Consensus(sgd, gamma=0.3): identity - h * (JACOBIAN + 0.3 * JACOBIAN.T @ JACOBIAN),
        SymplecticAdjustment(sgd, strength=0.3, align=False): identity
        - h * (JACOBIAN + 0.15 * (JACOBIAN.T - JACOBIAN) @ JACOBIAN),
        Competitive(sgd): identity - h * torch.linalg.solve(identity + h * K, JACOBIAN),
        ProximalPoint(sgd): torch.linalg.inv(identity + h * JACOBIAN),
    }
    for solver, matrix in exact.items():
        assert torch.allclose(iteration_matrix(three_players(), solver), matrix, atol=1e-9), type(solver).__name__


def test_competitive_with_unequal_rates_is_the_local_nash_equilibrium():
    """Two players with vectors, a general-sum game and two learning rates: the linearised best responses, solved
    densely.
    """
    generator = torch.Generator().manual_seed(0)
    A, B, C = (torch.randn(3, 2, generator=generator, dtype=torch.float64) for _ in range(3))
    game = Saddle(
        {"x": lambda x, y: x @ A @ y + x.sin().sum(), "y": lambda x, y: x @ B @ y + (C @ y).cos().sum()},
        {"x": [0.3, -0.2, 0.5], "y": [0.7, 0.1]},
    )
    x, y = (game.place(name).detach().clone() for name in ("x", "y"))
    gx, gy = A @ y + x.cos(), x @ B - C.T @ (C @ y).sin()
    hx, hy = 0.3, 0.8
    system = torch.eye(5, dtype=torch.float64)
    system[:3, 3:], system[3:, :3] = hx * A, hy * B.T
    move = torch.linalg.solve(system, -torch.cat([hx * gx, hy * gy]))
    solver = Competitive({"x": partial(SGD, lr=hx), "y": partial(SGD, lr=hy)}, iterations=12)
    solver.bind(game)
    solver.step(game, nothing)
    assert torch.allclose(game.state(), torch.cat([x, y]) + move, rtol=1e-8)
    assert float(solver.memory["residual"]) < 1e-8


def test_proximal_point_solves_the_implicit_equation_of_a_nonlinear_game():
    game = zero_sum(lambda x, y: (x.sin() * y + x**4 / 4 - y**4 / 4).sum(), x=(0.8,), y=(0.4,))
    start = game.state()
    solver = ProximalPoint(partial(SGD, lr=0.5), newton=8)
    solver.bind(game)
    solver.step(game, nothing)
    x, y = game.state()
    arrival = torch.stack([x.cos() * y + x**3, -(x.sin() - y**3)])
    assert torch.allclose(game.state(), start - 0.5 * arrival, rtol=1e-9)


@pytest.mark.parametrize("newton", [1, 2, 3])
def test_each_newton_iteration_starts_from_where_the_last_one_led(newton):
    """Of x^4 / 4: g <- g + (v(x - h g) - g) / (1 + h v'(x - h g)) with v = x^3, by hand."""
    x, h, g = 0.9, 0.5, 0.0
    for _ in range(newton):
        at = x - h * g
        g += (at**3 - g) / (1 + 3 * h * at**2)
    game = zero_sum(lambda x, y: (x**4 / 4 + 0.0 * y).sum(), x=(x,))
    solver = ProximalPoint(partial(SGD, lr=h), newton=newton)
    solver.bind(game)
    solver.step(game, nothing)
    assert float(game.state()[0]) == pytest.approx(x - h * g, rel=1e-12)


def test_jacobian_products_on_a_gan():
    """J u and J^T u against each other and against finite differences of the field."""
    game = toy_gan(torch.float64)
    parameters = {player: game.parameters_of(player) for player in game.players}
    batch = {"x": Stream(0).normal((5, 2), dtype=torch.float64)}
    draw = game.draw(batch, Stream(1))
    _, field = differentiable_field(game, batch, draw, parameters)
    flat = [p for own in parameters.values() for p in own]
    n = sum(p.numel() for p in flat)
    u, w = (Stream(s).normal((n,), dtype=torch.float64) for s in (2, 3))
    for mixed in (False, True):
        J = FieldJacobian(field, parameters, mixed=mixed)
        assert torch.allclose(w @ J(u), J.transposed(w) @ u, rtol=1e-10)
    ends = []
    for sign in (1.0, -1.0):
        moved = toy_gan(torch.float64)
        torch.nn.utils.vector_to_parameters(
            torch.cat([p.detach().reshape(-1) for p in flat]) + sign * 1e-6 * u,
            [p for player in moved.players for p in moved.parameters_of(player)],
        )
        _, gradients = vector_field(moved, batch, draw)
        ends.append(torch.cat([g.reshape(-1) for own in gradients.values() for g in own if g is not None]))
    J = FieldJacobian(field, parameters)
    assert torch.allclose((ends[0] - ends[1]) / 2e-6, J(u), rtol=1e-5, atol=1e-7)


def test_unrolled_gradient_is_the_total_derivative():
    game = toy_gan(torch.float64)
    batch = {"x": Stream(0).normal((6, 2), dtype=torch.float64)}
    draw = game.draw(batch, Stream(1))
    _, gradient = unrolled_gradient(game, "generator", batch, draw, k=3, rate=0.3)

    def after_steps(shift: float) -> float:
        moved = toy_gan(torch.float64)
        with torch.no_grad():
            moved.parameters_of("generator")[0][1, 0] += shift
        solver = Simultaneous({"discriminator": partial(SGD, lr=0.3), "generator": partial(SGD, lr=0.0)})
        solver.bind(moved)
        for _ in range(3):
            _, own = player_gradient(moved, "discriminator", batch, draw)
            solver.apply(moved, "discriminator", own, constrain=False)
        return float(moved.loss("generator", batch, draw).detach())

    assert gradient[0] is not None
    slope = (after_steps(1e-5) - after_steps(-1e-5)) / 2e-5
    assert float(gradient[0][1, 0]) == pytest.approx(slope, rel=1e-6)


def test_trust_region_bounds_the_change_of_the_samples():
    game, radius = toy_gan(torch.float64), 0.01
    solver = TrustRegion({"discriminator": partial(SGD, lr=0.05), "generator": partial(SGD, lr=50.0)}, radius=radius)
    solver.bind(game)
    batch = {"x": Stream(0).normal((64, 2), dtype=torch.float64)}
    draw = game.draw(batch, Stream(1))
    for _ in range(20):
        before, allowed = game.generate(draw["latent"]).detach(), float(solver.memory.get("radius", radius))
        solver.step(game, lambda: (batch, draw))
        assert float((game.generate(draw["latent"]).detach() - before).square().mean().sqrt()) <= 1.01 * allowed
    assert 0.0 < float(solver.memory["share"]) < 1.0


def test_a_wide_trust_region_is_the_alternating_rule():
    games = [toy_gan(torch.float64) for _ in range(2)]
    solvers = [TrustRegion(partial(SGD, lr=1e-3), radius=1.0), Alternating(partial(SGD, lr=1e-3))]
    for game, solver in zip(games, solvers, strict=True):
        solver.bind(game)
        batch = {"x": Stream(0).normal((16, 2), dtype=torch.float64)}
        solver.step(game, lambda game=game, batch=batch: (batch, game.draw(batch, Stream(1))))
    for a, b in zip(games[0].parameters(), games[1].parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-12)


def test_a_trust_region_takes_an_uphill_move_back():
    game = zero_sum(lambda x, y: (50.0 * x**2 + 0.0 * y).sum(), x=(1.0,))
    solver = TrustRegion(
        partial(SGD, lr=0.1), player="x", radius=100.0, bounds=(1e-3, 100.0), outputs=lambda g, b, d: game.place("x")
    )
    solver.bind(game)
    solver.step(game, nothing)  # would overshoot from 1 to -9
    assert game.state()[0] == 1.0 and float(solver.memory["radius"]) == 50.0


@pytest.mark.parametrize(
    ("radius", "share", "factor"),
    [(0.1, 0.025, 2.0), (0.4, 0.1, 2.0), (0.6, 0.15, 1.0), (1.4, 0.35, 1.0), (1.6, 0.4, 0.5), (2.2, 0.0, 0.5)],
)
def test_a_trust_region_grows_and_shrinks_with_the_truth_of_its_prediction(radius, share, factor):
    """Of x^2 / 2 at 1 a move by r gains r - r^2 / 2 where r was predicted: the ratio is 1 - r / 2."""
    game = zero_sum(lambda x, y: (0.5 * x**2 + 0.0 * y).sum(), x=(1.0,))
    solver = TrustRegion(
        partial(SGD, lr=4.0), player="x", radius=radius, bounds=(1e-3, 100.0), outputs=lambda g, b, d: game.place("x")
    )
    solver.bind(game)
    solver.step(game, nothing)
    assert float(game.state()[0]) == pytest.approx(1.0 - 4.0 * share, rel=1e-12)
    assert float(solver.memory["share"]) == pytest.approx(share, rel=1e-12)
    assert float(solver.memory["radius"]) == pytest.approx(factor * radius, rel=1e-12)


def test_a_trust_region_keeps_its_radius_where_the_move_ends_inside_and_its_bounds():
    game = zero_sum(lambda x, y: (0.5 * x**2 + 0.0 * y).sum(), x=(1.0,))
    for lr, radius, kept in ((0.1, 0.5, 0.5), (4.0, 0.75, 0.8), (4.0, 1.8, 1.8)):
        game.put([1.0, 0.0])
        solver = TrustRegion(
            partial(SGD, lr=lr), player="x", radius=radius, bounds=(min(radius, kept), max(radius, kept)),
            outputs=lambda g, b, d: 2.0 * game.place("x"),
        )  # fmt: skip
        solver.bind(game)
        solver.step(game, nothing)
        assert float(solver.memory["radius"]) == pytest.approx(kept, rel=1e-12)


def test_a_trust_region_does_not_trust_what_linear_shortening_leaves_outside():
    """The cube root changes by 0.5^(1/3) > 0.5 on half of its way; at rest the whole move, of nothing, is made."""
    game = zero_sum(lambda x, y: (x + 0.0 * y).sum(), x=(0.0,))
    solver = TrustRegion(
        partial(SGD, lr=1.0), player="x", radius=0.5, trials=1, outputs=lambda g, b, d: game.place("x").abs() ** (1 / 3)
    )
    solver.bind(game)
    solver.step(game, nothing)
    assert float(game.state()[0]) == 0.0 and float(solver.memory["radius"]) == pytest.approx(0.25)
    rest = zero_sum(lambda x, y: (x**2 + 0.0 * y).sum(), x=(0.0,))
    solver = TrustRegion(partial(SGD, lr=1.0), player="x", outputs=lambda g, b, d: rest.place("x"))
    solver.bind(rest)
    solver.step(rest, nothing)
    assert float(rest.state()[0]) == 0.0 and float(solver.memory["share"]) == 1.0


@pytest.mark.parametrize("rule", [Competitive, ProximalPoint])
def test_the_residual_of_an_implicit_step_is_that_of_its_linear_system(rule):
    """Without iterations v itself is taken for the solution of (I + h J) g = v; on xy |h J v| / |v| is h."""
    for state, residual in (([0.3, 0.4], 0.7), ([30.0, 40.0], 0.7), ([0.0, 0.0], 0.0)):
        game, solver = bilinear(), rule(partial(SGD, lr=0.7), iterations=0)
        solver.bind(game)
        game.put(state)
        solver.step(game, nothing)
        assert float(solver.memory["residual"]) == pytest.approx(residual, rel=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Lookahead(Simultaneous(), k=0),
        lambda: Lookahead(Simultaneous(), alpha=0.0),
        lambda: Lookahead(Simultaneous(), alpha=1.5),
        lambda: Consensus(gamma=-0.1),
        lambda: Competitive(iterations=-1),
        lambda: ProximalPoint(newton=0),
        lambda: ProximalPoint(iterations=-1),
        lambda: TrustRegion(radius=2.0),
        lambda: TrustRegion(radius=1e-5),
        lambda: TrustRegion(bounds=(0.0, 1.0)),
    ],
)
def test_settings_out_of_range_are_refused_and_the_ends_of_the_ranges_are_not(wrong):
    with pytest.raises(ConfigError, match="Try: "):
        wrong()
    assert Lookahead(Simultaneous(), k=1, alpha=1.0).alpha == 1.0 and Consensus(gamma=0.0).gamma == 0.0
    assert Competitive(iterations=0).iterations == 0 and ProximalPoint(newton=1, iterations=0).newton == 1
    assert TrustRegion(radius=1.0).radius == 1.0 and TrustRegion(radius=1e-4).radius == 1e-4


@pytest.mark.parametrize(("measured", "pace"), [(1.0, 1 / 5), (0.5, 5.0), (0.75, 1.0)])
def test_balance_follows_the_measure(measured, pace):
    """A signal above, below and on target drives the pace to its lower bound, its upper bound, nowhere."""
    game, moves = toy_gan(), {"discriminator": 0, "generator": 0}
    solver = Balanced(adam(), every=2, measurements=1, gain=4.0, measure=lambda g, b, d: torch.tensor(measured))
    solver.bind(game)
    for player in moves:
        game.constraints.setdefault(player, []).append(
            lambda network, player=player: moves.__setitem__(player, moves[player] + 1)
        )
    play(game, solver, range(20))
    assert solver.memory["pace"] == pytest.approx(pace)
    assert moves["generator"] == 20
    play(game, solver, range(20, 40))
    before = dict(moves)
    play(game, solver, range(40, 50))
    assert moves["discriminator"] - before["discriminator"] == pytest.approx(10 * pace)


def test_balance_slows_a_discriminator_that_wins():
    """Data far from the fakes are told apart at once; the discriminator then rests."""
    game = toy_gan()
    solver = Balanced(adam(1e-2), every=5, measurements=2, gain=1.0)
    solver.bind(game)
    batch = {"x": 20.0 + Stream(0).normal((32, 2))}
    for _ in range(40):
        solver.step(game, lambda: (batch, game.draw(batch, Stream(3))))
    assert solver.memory["pace"] < 0.5


def test_constraints_hold_after_every_move():
    game = toy_gan()
    game.constraints["generator"] = [WeightClipping(0.05)]
    for rule in ("alternating", "optimistic", "extragradient", "trust region"):
        solver = RULES[rule](partial(SGD, lr=1.0))
        solver.bind(game)
        play(game, solver, range(3))
        assert max(float(p.detach().abs().max()) for p in game.parameters_of("generator")) <= 0.05 + 1e-8


def test_what_does_not_fit_is_named():
    game = bilinear()
    with pytest.raises(ConfigError, match="bind"):
        Simultaneous(partial(SGD, lr=0.1)).step(game, nothing)
    with pytest.raises(ConfigError, match="player 'y'"):
        Simultaneous({"x": partial(SGD, lr=0.1)}).bind(game)
    solver = Alternating(partial(SGD, lr=0.1), moves={"critic": 5})
    solver.bind(game)
    with pytest.raises(ConfigError, match="critic"):
        _ = solver.draws_per_step
    game.place("x").requires_grad_(False)
    with pytest.raises(ConfigError, match="'x' has no parameter"):
        solver.bind(game)
    shared = Saddle({"a": lambda a, b: a, "b": lambda a, b: b}, {"a": [0.0], "b": [0.0]})
    shared.points["b"].at = shared.place("a")
    with pytest.raises(ConfigError, match="share a parameter"):
        solver.bind(shared)
    with pytest.raises(ConfigError, match="expected an AdversarialGame"):
        solver = TrustRegion(partial(SGD, lr=0.1), player="x")
        solver.bind(bilinear())
        solver.step(bilinear(), nothing)

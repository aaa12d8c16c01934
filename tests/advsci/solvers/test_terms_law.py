"""The law of all games and solvers: what moves a player is its `terms` differentiated, in a subclass too.

Each rule is written out by hand on the field that autograd gives of the sum of ``terms``, and its step compared.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from advsci.errors import ConfigError
from advsci.games import (
    GAN,
    VAE,
    Adversary,
    Autoencoder,
    Batch,
    DomainAdversarial,
    Draw,
    Game,
    InstrumentalVariables,
    MeanFieldGame,
    MomentMatching,
    Task,
    WeakForm,
)
from advsci.latents import Gaussian
from advsci.nn import MLP, Pieces
from advsci.objectives import Minimax, NonSaturating, linear_ipm
from advsci.penalties import DRAGAN, R1, R2, WGANGP, JacobianConditioning, LeCam
from advsci.physics import Findings, Multipliers, Physics, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.solvers import (
    Alternating,
    Balanced,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    ProximalPoint,
    Simultaneous,
    SymplecticAdjustment,
    TrustRegion,
    Unrolled,
)
from advsci.streams import Stream

REAL, RATE = torch.float64, 0.05
sgd = partial(torch.optim.SGD, lr=RATE)


def normal(name: str, *shape: int):
    return Stream(0).at(name).normal(shape, dtype=REAL)


def net(inputs: int, outputs: int, condition: int = 0) -> nn.Module:
    return MLP(inputs, outputs, 3, 1, condition=condition, activation=nn.Tanh).to(REAL)


def linear(inputs: int, outputs: int = 1) -> nn.Module:
    return nn.Linear(inputs, outputs, dtype=REAL)


class Sign(Physics):
    @property
    def names(self):
        return ("size", "sign")

    def forward(self, x, condition):
        return Findings({"size": x.square().sum(1) - 1.0}, {"sign": -x[:, 0]})


class Encode(Task):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = linear(2, 2), linear(2)

    def draw(self, batch, stream):
        return {}

    def forward(self, batch, draw):
        features = self.encoder(batch["x"]).tanh()
        return features, {"task": (self.head(features)[:, 0] - batch["x"][:, 0]).square().mean()}


class Read(Adversary):
    def __init__(self):
        super().__init__()
        self.net = linear(2)

    def forward(self, features, batch):
        return (self.net(features)[:, 0] - batch["weight"]).square().mean()


X = {"x": normal("x", 6, 2)}
WEIGHTED = X | {"weight": normal("w", 6).square()}
CONDITIONAL = WEIGHTED | {"condition": normal("c", 6, 1)}


def gan(**settings) -> Game:
    return GAN(net(2, 2), net(2, 1), Gaussian(2), **settings)


def physics_gan() -> Game:
    judge = PhysicsInformedDiscriminator(net(2, 1, condition=3), Sign(), (2,))
    return PhysicsGAN(net(2, 2, condition=1), judge, Gaussian(2), Multipliers(("size", "sign")).to(REAL))


def pieces() -> Game:
    generator = Pieces(2, net(2, 2), pieces=4, size=0.3, seed=0).to(REAL)
    return GAN(generator, net(2, 1), Gaussian(generator.latent), penalties=(R1(0.3), R2(0.2)))


def weak_form() -> Game:
    def poisson(x, u, du, phi, dphi):
        return (du * dphi).sum(1) - x[:, 0] * phi

    return WeakForm(net(2, 1), net(2, 1), poisson, lambda x: torch.ones_like(x[:, 0]))


class Value(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net(3, 1)

    def forward(self, x, t):
        both = torch.cat([x, t[..., None].expand(*x.shape[:-1], 1)], -1)
        return self.net(both.reshape(-1, 3)).reshape(both.shape[:-1])


class Population(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net(3, 2)

    def forward(self, z, t):
        both = torch.cat([z.expand(len(t), *z.shape), t[:, None, None].expand(len(t), len(z), 1)], -1)
        return z + t[:, None, None] * self.net(both.reshape(-1, 3)).reshape(len(t), *z.shape)


def mean_field() -> Game:
    return MeanFieldGame(
        Population(),
        Value(),
        running_cost=lambda x, weight: x.square().sum(-1).mean(1) if x.dim() == 3 else x.square().sum(-1),
        terminal_cost=lambda x: 0.5 * x.square().sum(-1),
        viscosity=0.1,
        horizon=1.0,
    )


times = np.polynomial.legendre.leggauss(3)
MEAN_FIELD = (
    {"x": normal("x", 6, 2), "weight": torch.full((6,), 1 / 6, dtype=REAL)},
    {"time": torch.tensor(0.5 + 0.5 * times[0]), "time_weight": torch.tensor(0.5 * times[1])},
)
IV = {"x": normal("x", 6, 2), "instrument": normal("i", 6, 2), "y": normal("y", 6)}

# name -> the game, and its batch (drawn for by the game) or its batch and draw
GAMES: dict[str, tuple[Callable[[], Game], dict | tuple[dict, dict]]] = {
    "GAN": (gan, X),
    "GAN, no penalty": (partial(gan, objective=NonSaturating(), penalties=()), WEIGHTED),
    "GAN, every penalty": (
        partial(
            gan,
            objective=Minimax(),
            penalties=(R1(0.3), R2(0.2), WGANGP(0.1), DRAGAN(0.1), LeCam(0.1)),
            generator_penalties=(JacobianConditioning(0.1),),
        ),
        WEIGHTED,
    ),
    "GAN, conditional": (lambda: GAN(net(2, 2, 1), net(2, 1, 1), Gaussian(2)), CONDITIONAL),
    "GAN of pieces": (pieces, X),
    "PhysicsGAN": (physics_gan, CONDITIONAL),
    "DomainAdversarial": (lambda: DomainAdversarial(Encode(), {"a": Read(), "b": Read()}, 0.7), WEIGHTED),
    "MomentMatching": (lambda: MomentMatching(net(2, 2), net(2, 3), Gaussian(2), linear_ipm), X),
    "InstrumentalVariables": (lambda: InstrumentalVariables(linear(2), linear(2)), IV),
    "WeakForm": (weak_form, WEIGHTED),
    "MeanFieldGame": (mean_field, MEAN_FIELD),
    "VAE": (lambda: VAE(linear(2, 2), linear(1, 2), 1).to(REAL), X),
    "Autoencoder": (lambda: Autoencoder(linear(2, 1), linear(1, 2), 1).to(REAL), X),
}


def restated(game: Game) -> Game:
    """The same game as a subclass that adds a term to every player's loss."""
    kind = type(game)

    def terms(self, player, batch, draw):
        size = torch.stack([(p - 1.0).square().sum() for p in self.parameters_of(player)]).sum()
        return {**kind.terms(self, player, batch, draw), "added": 0.3 * size}

    game.__class__ = type("Restated", (kind,), {"terms": terms})
    return game


def play(name: str, subclass: bool) -> tuple[Game, Batch, Draw]:
    torch.manual_seed(0)
    make, given = GAMES[name]
    game = make()
    game.progress.fill_(0.3)
    batch, draw = given if isinstance(given, tuple) else (given, game.draw(given, Stream(1)))
    return (restated(game) if subclass else game), batch, draw


class Field:
    """A game's field at any point, from nothing but ``terms``."""

    def __init__(self, game: Game, batch: Batch, draw: Draw):
        self.game, self.batch, self.draw = game, batch, draw
        self.parameters = [p for player in game.players for p in game.parameters_of(player)]
        self.sizes = [p.numel() for p in self.parameters]

    def where(self) -> torch.Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.parameters])

    def put(self, point: torch.Tensor) -> None:
        with torch.no_grad():
            for p, part in zip(self.parameters, point.split(self.sizes), strict=True):
                p.copy_(part.view_as(p))

    def mask(self, player: str) -> torch.Tensor:
        own = {id(p) for p in self.game.parameters_of(player)}
        return torch.cat([torch.full((p.numel(),), float(id(p) in own), dtype=REAL) for p in self.parameters])

    def gradient(self, player: str, point: torch.Tensor, graph: bool = False) -> torch.Tensor:
        """The player's own gradient, zero in the others' parameters."""
        if not graph:
            self.put(point)
        loss = torch.stack(list(self.game.terms(player, self.batch, self.draw).values())).sum()
        parts = torch.autograd.grad(loss, self.parameters, create_graph=graph, allow_unused=True)
        flat = [torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters, parts, strict=True)]
        return torch.cat([g.reshape(-1) for g in flat]) * self.mask(player)

    def __call__(self, point: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.gradient(player, point) for player in self.game.players]).sum(0)

    def jacobian(self, point: torch.Tensor) -> torch.Tensor:
        self.put(point)
        rows = []
        v = torch.stack([self.gradient(player, point, graph=True) for player in self.game.players]).sum(0)
        for entry in v:
            if not entry.requires_grad:
                rows.append(torch.zeros(len(v), dtype=REAL))
                continue
            parts = torch.autograd.grad(entry, self.parameters, retain_graph=True, allow_unused=True)
            flat = [torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters, parts, strict=True)]
            rows.append(torch.cat([g.reshape(-1) for g in flat]))
        return torch.stack(rows)


def simultaneous(v: Field, z):
    return z - RATE * v(z)


def alternating(v: Field, z):
    for player in v.game.players:
        z = z - RATE * v.gradient(player, z)
    return z


def extragradient(v: Field, z):
    return z - RATE * v(z - RATE * v(z))


def optimistic(v: Field, z):
    """Two steps."""
    after = z - RATE * v(z)
    return after - 2.0 * RATE * v(after) + RATE * v(z)


def lookahead(v: Field, z):
    """Two steps of the inner rule, half of the way back."""
    return 0.5 * (z + simultaneous(v, simultaneous(v, z)))


def consensus(v: Field, z):
    return z - RATE * (v(z) + 0.2 * v.jacobian(z).T @ v(z))


def symplectic(v: Field, z):
    J = v.jacobian(z)
    return z - RATE * (v(z) + 0.5 * (J.T - J) @ v(z))


def competitive(v: Field, z):
    own = torch.stack([v.mask(player) for player in v.game.players])
    K = v.jacobian(z) * (1.0 - own.T @ own)
    return z - RATE * torch.linalg.solve(torch.eye(len(z), dtype=REAL) + RATE * K, v(z))


def proximal(v: Field, z):
    J = v.jacobian(z)
    return z - RATE * torch.linalg.solve(torch.eye(len(z), dtype=REAL) + RATE * J, v(z))


# rule -> how to make the solver for a game, the rule by hand, steps
RULES = {
    "simultaneous": (lambda game: Simultaneous(sgd), simultaneous, 1),
    "alternating": (lambda game: Alternating(sgd), alternating, 1),
    "balanced": (
        lambda game: Balanced(sgd, player=list(game.players)[0], measure=lambda *_: torch.zeros(())),
        alternating,
        1,
    ),
    "trust region": (
        lambda game: TrustRegion(
            sgd, player=list(game.players)[-1], radius=1e9, bounds=(1e-9, 1e9), outputs=lambda *_: torch.zeros(1)
        ),
        alternating,
        1,
    ),
    "extragradient": (lambda game: Extragradient(sgd), extragradient, 1),
    "optimistic": (lambda game: Optimistic(sgd), optimistic, 2),
    "lookahead": (lambda game: Lookahead(Simultaneous(sgd), k=2), lookahead, 2),
    "consensus": (lambda game: Consensus(sgd, gamma=0.2), consensus, 1),
    "symplectic": (lambda game: SymplecticAdjustment(sgd, align=False), symplectic, 1),
    "competitive": (lambda game: Competitive(sgd, iterations=80), competitive, 1),
    "proximal": (lambda game: ProximalPoint(sgd, iterations=80), proximal, 1),
    "unrolled": (lambda game: Unrolled(sgd, unroll={}, rate=RATE), alternating, 1),
}


@pytest.mark.parametrize("subclass", [False, True], ids=["plain", "restated"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", GAMES)
def test_a_step_is_the_rule_on_terms_differentiated(name, rule, subclass):
    game, batch, draw = play(name, subclass)
    game.constraints.clear()  # what is done after a move is another matter
    field = Field(game, batch, draw)
    start = field.where()
    make, by_hand, steps = RULES[rule]
    expected = by_hand(field, start)
    field.put(start)
    solver = make(game)
    solver.bind(game)
    for _ in range(steps):
        terms = solver.step(game, lambda: (batch, draw))
    found = field.where()
    tolerance = 1e-7 if rule in ("competitive", "proximal") else 1e-10  # those solve by iteration
    assert float((found - expected).abs().max()) <= tolerance * max(1.0, float(expected.abs().max()))
    assert not subclass or all("added" in part for part in terms.values())


def test_a_third_player_of_a_subclass_moves_under_every_rule():
    class Three(GAN):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            self.third = nn.Parameter(torch.zeros(2, dtype=REAL))

        @property
        def players(self):
            return super().players | {"third": nn.ParameterList([self.third])}

        def terms(self, player, batch, draw):
            if player == "third":
                return {"pull": (self.third - 1.0).square().sum()}
            return super().terms(player, batch, draw)

    for rule, (make, _, steps) in RULES.items():
        torch.manual_seed(0)
        game = Three(net(2, 2), net(2, 1), Gaussian(2))
        solver = make(game)
        solver.bind(game)
        for _ in range(steps):
            solver.step(game, lambda game=game: (X, game.draw(X, Stream(0))))
        assert bool((game.third > 0.0).all()), rule


def test_a_loss_that_no_solver_would_read_is_refused():
    with pytest.raises(ConfigError, match="restates loss"):

        class Restated(GAN):
            def loss(self, player, batch, draw):
                return torch.zeros(())


@pytest.mark.parametrize("rule", RULES)
def test_parameters_may_be_frozen_and_unfrozen_between_steps(rule):
    """FreezeD (Mo et al. 2020, arXiv 2002.10964) and its end, by a callback."""
    game, batch, draw = play("GAN", False)
    solver = RULES[rule][0](game)
    solver.bind(game)
    first = list(game.discriminator.parameters())[:2]

    def step() -> list[bool]:
        before = [p.detach().clone() for p in first]
        for _ in range(4):
            solver.step(game, lambda: (batch, draw))
        return [bool((p != old).any()) for p, old in zip(first, before, strict=True)]

    assert all(step())
    for p in first:
        p.requires_grad_(False)
    assert not any(step()) and not any(p.requires_grad for p in first)
    for p in first:
        p.requires_grad_(True)
    assert all(step())
    game.discriminator.requires_grad_(False)  # a silent player
    rest = [p.detach().clone() for p in game.discriminator.parameters()]
    moved = [p.detach().clone() for p in game.generator.parameters()]
    solver.step(game, lambda: (batch, draw))
    assert all(torch.equal(p, old) for p, old in zip(game.discriminator.parameters(), rest, strict=True))
    assert any(bool((p != old).any()) for p, old in zip(game.generator.parameters(), moved, strict=True))

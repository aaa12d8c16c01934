"""Games, penalties and rules whose batches are divided: over processes, or into parts played one after another.

As a script with a folder, a number of steps and perhaps names of cases, one process of several (RANK, WORLD_SIZE and
MASTER_* set): it plays these cases, or all, and writes their ends.
"""

import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from advsci.games import (
    GAN,
    VAE,
    Adversary,
    Autoencoder,
    DomainAdversarial,
    Game,
    InstrumentalVariables,
    MeanFieldGame,
    MomentMatching,
    Task,
    WeakForm,
)
from advsci.latents import Gaussian
from advsci.nn import MLP, share_batch_norm
from advsci.objectives import (
    FDivergence,
    Focal,
    Hinge,
    KernelMMD,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticPairing,
    Wasserstein,
    linear_ipm,
    weighted_mmd,
)
from advsci.penalties import (
    DRAGAN,
    R1,
    R2,
    WGANGP,
    ApproximateR1,
    ApproximateR2,
    Consistency,
    Damping,
    DirectionalR1,
    DirectionalR2,
    JacobianClamping,
    JacobianConditioning,
    Jitter,
    LeCam,
    OrthogonalRegularisation,
)
from advsci.physics import Findings, Multipliers, Physics, PhysicsGAN, PhysicsInformedDiscriminator
from advsci.solvers import (
    Alternating,
    Competitive,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    ProximalPoint,
    Simultaneous,
    Solver,
    SymplecticAdjustment,
)
from advsci.streams import Stream
from advsci.training import EMA, Trainer, checkpoint

REAL = torch.float64
sgd = partial(torch.optim.SGD, lr=0.02)
Case = Callable[[], tuple[Game, Any, Solver]]


def normal(name: str, *shape: int) -> Tensor:
    return Stream(0).at(name).normal(shape, dtype=REAL)


N = 56
X = {"x": normal("x", N, 2)}
WEIGHTED = X | {"weight": (torch.arange(N) % 7).to(REAL)}
CONDITIONAL = X | {"condition": normal("c", N, 1)}


def net(inputs: int, outputs: int, condition: int = 0) -> nn.Module:
    return MLP(inputs, outputs, 6, 1, condition=condition, activation=nn.Tanh).to(REAL)


def gan(data=X, solver: Callable[..., Solver] = Alternating, condition: int = 0, **settings) -> Case:
    def make():
        # penalties may keep statistics of their training
        game = GAN(net(2, 2, condition), net(2, 1, condition), Gaussian(2), **deepcopy(settings)).to(REAL)
        return game, data, solver(sgd)

    return make


def game(make: Callable[[], Game], data=X) -> Case:
    return lambda: (make(), data, Simultaneous(sgd))


class Sign(Physics):
    @property
    def names(self):
        return ("size",)

    def forward(self, x, condition=None):
        return Findings({"size": x.square().sum(1) - 1.0})


class Encode(Task):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = net(2, 2), net(2, 1)

    def draw(self, batch, stream):
        return {"noise": stream.normal((len(batch["x"]), 2), dtype=REAL)}

    def forward(self, batch, draw):
        features = self.encoder(batch["x"] + 0.1 * draw["noise"]).tanh()
        return features, {"task": (self.head(features)[:, 0] - batch["x"][:, 0]).square().mean()}


class Read(Adversary):
    def __init__(self):
        super().__init__()
        self.net = net(2, 1)

    def forward(self, features, batch):
        return (self.net(features)[:, 0] - batch["condition"][:, 0]).square().mean()


class Population(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net(3, 2)

    def forward(self, z, t):
        both = torch.cat([z.expand(len(t), *z.shape), t[:, None, None].expand(len(t), len(z), 1)], -1)
        return z + t[:, None, None] * self.net(both.reshape(-1, 3)).reshape(len(t), *z.shape)


class Value(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net(3, 1)

    def forward(self, x, t):
        both = torch.cat([x, t[..., None].expand(*x.shape[:-1], 1)], -1)
        return self.net(both.reshape(-1, 3)).reshape(both.shape[:-1])


def mean_field() -> Game:
    return MeanFieldGame(
        Population(),
        Value(),
        running_cost=lambda x, weight: (x.square().sum(-1) * weight).sum(-1),
        terminal_cost=lambda x: 0.5 * x.square().sum(-1),
        times=3,
    )


def physics() -> Game:
    judge = PhysicsInformedDiscriminator(net(2, 1, condition=1), Sign(), (2,))
    return PhysicsGAN(net(2, 2), judge, Gaussian(2), Multipliers(("size",)).to(REAL))


def weak_form() -> Game:
    def poisson(x, u, du, phi, dphi):
        return (du * dphi).sum(1) - x[:, 0] * phi

    return WeakForm(net(2, 1), net(2, 1), poisson, lambda x: torch.ones_like(x[:, 0]))


def moment(discrepancy) -> Case:
    return game(lambda: MomentMatching(net(2, 2), net(2, 3), Gaussian(2), discrepancy))


def batch_norms(solver: Callable[..., Solver], **settings) -> Case:
    """Batch norm in both networks, over the samples of all processes."""

    def make():
        def layers(outputs: int) -> nn.Module:
            kinds = nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh()
            return share_batch_norm(nn.Sequential(*kinds, nn.Linear(5, outputs))).to(REAL)

        return GAN(layers(2), layers(1), Gaussian(2), **settings).to(REAL), X, solver(sgd)

    return make


OBJECTIVES = {
    "minimax": Minimax(),
    "non-saturating": NonSaturating(),
    "hinge": Hinge(),
    "least squares": LeastSquares(),
    "wasserstein": Wasserstein(),
    "relativistic pairing": RelativisticPairing(),
    "focal": Focal(),
    "pearson": FDivergence("pearson"),
}
PENALTIES = {
    "R1 and R2": (R1(0.1), R2(0.1)),
    "WGAN-GP": (WGANGP(0.1),),
    "approximate": (ApproximateR1(0.1), ApproximateR2(0.1)),
    "directional": (DirectionalR1(0.1), DirectionalR2(0.1)),
    "LeCam": (LeCam(0.3, decay=0.5),),
    "consistency": (Consistency(Jitter(0.1), 0.5, 0.5),),
    "weights": (OrthogonalRegularisation(0.1), Damping(0.1)),
}
MEANS: dict[str, Case] = {
    **{name: gan(objective=objective, penalties=()) for name, objective in OBJECTIVES.items()},
    **{name: gan(objective=NonSaturating(), penalties=penalties) for name, penalties in PENALTIES.items()},
    "clamping": gan(penalties=(), generator_penalties=(JacobianClamping(weight=0.1),)),
    "conditional": gan(CONDITIONAL, condition=1),
    "k to one": gan(solver=partial(Alternating, moves={"discriminator": 3})),
    "simultaneous": gan(solver=Simultaneous),
    "extragradient": gan(solver=Extragradient),
    "optimistic": gan(solver=Optimistic),
    "lookahead": gan(solver=lambda optimizer: Lookahead(Simultaneous(optimizer), k=2)),
    "domain-adversarial": game(lambda: DomainAdversarial(Encode(), Read(), 0.7), CONDITIONAL),
    "instruments": game(
        lambda: InstrumentalVariables(net(2, 1), net(2, 1)), X | {"instrument": normal("i", N, 2), "y": normal("y", N)}
    ),
    "mean field": game(mean_field),
    "VAE": game(lambda: VAE(net(2, 2), net(1, 2), 1).to(REAL)),
    "autoencoder": game(lambda: Autoencoder(net(2, 1), net(1, 2), 1).to(REAL)),
}
"""What is a mean over samples."""

COUPLED: dict[str, Case] = {
    "weights of samples": gan(WEIGHTED, objective=NonSaturating(), penalties=(R1(0.1), LeCam(0.3))),
    "weights, relativistic": gan(WEIGHTED, solver=Simultaneous),
    "DRAGAN": gan(penalties=(DRAGAN(0.1),)),
    "batch norm": batch_norms(Alternating, objective=NonSaturating(), penalties=(R1(0.1), R2(0.1))),
    "batch norm, one pass": batch_norms(Simultaneous, penalties=()),
    "conditioning": gan(penalties=(), generator_penalties=(JacobianConditioning(0.1),)),
    "kernel MMD": gan(objective=KernelMMD(contrast=0.1), penalties=(R1(0.1),)),
    "kernel MMD, weights": gan(WEIGHTED, objective=KernelMMD(), penalties=()),
    "linear IPM": moment(linear_ipm),
    "MMD of features": moment(partial(weighted_mmd, sigmas=(1.0, 2.0))),
    "physics": game(physics),
    "weak form": game(weak_form),
    "weak form, weights": game(weak_form, X | {"weight": normal("w", N).square() / N}),
}
"""What is none, and sees the samples of all processes."""

SECOND_ORDER: dict[str, Case] = {
    "consensus": gan(solver=partial(Consensus, gamma=0.1)),
    "symplectic": gan(solver=SymplecticAdjustment),
    "competitive": gan(solver=Competitive),
    "proximal": gan(solver=ProximalPoint),
}


def play(case: Case, run: Path | None = None, steps: int = 50, **settings) -> dict[str, Tensor]:
    """All finite parameters and buffers after a training; the networks begin alike in every process."""
    torch.manual_seed(0)
    game, data, solver = case()
    ema = EMA(0.9, of=(list(game.players)[-1],))
    trainer = Trainer(steps, 8, device="cpu", quiet=True, log_every=10, ema=ema, run=run, **settings)
    trainer.fit(game, data, solver)
    return finite(game.state_dict())


def finite(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without what has no value yet."""
    return {key: value for key, value in state.items() if bool(value.isfinite().all())}


def ended(folder: Path) -> dict[str, Tensor]:
    """Parameters, averages and buffers of the newest checkpoint of a run folder."""
    newest = checkpoint.latest(folder / "checkpoints")
    assert newest is not None
    state = checkpoint.load(newest)[1]
    averages = {f"{player}/{key}": t for player, part in state["averages"].items() for key, t in part.items()}
    return finite({**state["game"], **averages})


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, case in (MEANS | COUPLED | SECOND_ORDER).items():
        if not sys.argv[3:] or name in sys.argv[3:]:
            play(case, Path(sys.argv[1]) / name, int(sys.argv[2]))

"""Train-step times: the engine against a careful hand-written loop, and against itself without its tricks.

The hand-written loop is what an expert writes: no graph through the generator in the discriminator's step, the
discriminator frozen in the generator's, separate passes over data and fakes, fused Adam, gradients set to None, nothing
read from the device. Ratios are of interleaved medians of CPU seconds, one thread on both sides.
"""

import sys
from collections.abc import Callable

import torch
from _row import compare, ratio, row
from torch import Tensor, nn
from torch.nn.functional import softplus

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP, ResidualDiscriminator, ResidualGenerator
from advsci.objectives import NonSaturating, Objective, RelativisticPairing
from advsci.penalties import R1, R2
from advsci.solvers import Alternating, Simultaneous, Solver, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer

GAMMA = 0.1
Nets = Callable[[], tuple[nn.Module, nn.Module]]


def perceptrons() -> tuple[nn.Module, nn.Module]:
    """3 x 128 on the plane."""
    torch.manual_seed(0)
    return MLP(2, 2, activation=nn.ReLU), MLP(2, 1)


def convolutions(size: int, channels: int, widths: tuple[int, ...]) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return (
        ResidualGenerator(64, channels, size, widths[::-1]),
        ResidualDiscriminator(channels, size, widths),
    )


def images_32() -> tuple[nn.Module, nn.Module]:
    return convolutions(32, 3, (32, 48, 64, 64))


def images_28() -> tuple[nn.Module, nn.Module]:
    return convolutions(28, 1, (32, 48, 64))


class HandWritten:
    """The loop without the engine, with or without R1 and R2."""

    def __init__(self, nets: Nets, x: Tensor, latent: int, *, relativistic: bool, lr: float = 1e-3, ema: bool = False):
        self.G, self.D = nets()
        self.x, self.latent, self.relativistic = x, latent, relativistic
        self.optimizers = [torch.optim.Adam(n.parameters(), lr, (0.0, 0.99), fused=True) for n in (self.G, self.D)]
        self.average = [p.detach().clone() for p in self.G.parameters()] if ema else None

    def batch(self) -> Tensor:
        return self.x

    def step(self) -> None:
        x, (optimizer_g, optimizer_d) = self.batch(), self.optimizers
        with torch.no_grad():
            fake = self.G(torch.randn(x.shape[0], self.latent))
        if self.relativistic:
            real = x.detach().requires_grad_()
            fake = fake.requires_grad_()
            a, b = self.D(real).reshape(-1), self.D(fake).reshape(-1)
            ga, gb = torch.autograd.grad((a.sum() + b.sum()), (real, fake), create_graph=True)
            penalty = ga.flatten(1).square().sum(1).mean() + gb.flatten(1).square().sum(1).mean()
            loss = softplus(b - a).mean() + 0.5 * GAMMA * penalty
        else:
            loss = softplus(-self.D(x)).mean() + softplus(self.D(fake)).mean()
        loss.backward()
        optimizer_d.step()
        optimizer_d.zero_grad(set_to_none=True)
        x = self.batch()
        for p in self.D.parameters():
            p.requires_grad_(False)
        fake_logits = self.D(self.G(torch.randn(x.shape[0], self.latent)))
        loss = softplus(self.D(x) - fake_logits).mean() if self.relativistic else softplus(-fake_logits).mean()
        loss.backward()
        optimizer_g.step()
        optimizer_g.zero_grad(set_to_none=True)
        for p in self.D.parameters():
            p.requires_grad_(True)
        if self.average is not None:
            torch._foreach_lerp_(self.average, [p.detach() for p in self.G.parameters()], 1e-3)


class Sampled(HandWritten):
    """The same loop with a fresh batch of a data set in every half step and an averaged generator."""

    data: Tensor
    batch_size: int

    def batch(self) -> Tensor:
        return self.data[torch.randint(len(self.data), (self.batch_size,))]


def engine(nets: Nets, x: Tensor, latent: int, solver: Solver, objective: Objective, penalties) -> Callable[[], object]:
    game = GAN(*nets(), Gaussian(latent), objective=objective, penalties=penalties)
    solver.bind(game)
    stream, count = Stream(0), [0]
    batch = {"x": x}

    def feed():
        count[0] += 1
        return batch, game.draw(batch, stream.at("draw", count[0]))

    return lambda: solver.step(game, feed)


def repeated(step: Callable, times: int) -> Callable[[], None]:
    def run():
        for _ in range(times):
            step()

    return run


def plain_steps(rounds: int) -> None:
    """Non-saturating loss without penalties."""
    for name, nets, x, latent, times, target in (
        ("MLP", perceptrons, torch.randn(256, 2), 2, 10, 1.0),
        ("32x32 conv GAN", images_32, torch.randn(16, 3, 32, 32), 64, 1, 0.8),
    ):
        hand = HandWritten(nets, x, latent, relativistic=False)
        rules = {
            "alternating": Alternating(adam()),
            "simultaneous, shared pass": Simultaneous(adam()),
            "alternating, compiled": Alternating(adam(), compile=True),
            "simultaneous, shared pass, compiled": Simultaneous(adam(), compile=True),
        }
        steps = {
            rule: repeated(engine(nets, x, latent, solver, NonSaturating(), ()), times)
            for rule, solver in rules.items()
        }
        report(f"train step, {name}", repeated(hand.step, times), steps, target, rounds)


def penalised_steps(rounds: int) -> None:
    """Relativistic pairing with R1 and R2, the default recipe."""
    x = torch.randn(256, 2)
    penalties, objective = (R1(GAMMA), R2(GAMMA)), RelativisticPairing()
    game = GAN(*perceptrons(), Gaussian(2), objective=objective, penalties=penalties)
    eager, compiled = Alternating(adam()), Alternating(adam(), compile=True)
    for solver in (eager, compiled):
        solver.bind(game)
    batch = {"x": x}
    draw = game.draw(batch, Stream(0))
    losses = [solver.gradient("discriminator", batch, draw) for solver in (eager, compiled)]
    gap = max(float((a - b).abs().max()) for a, b in zip(losses[0][1], losses[1][1], strict=True))  # type: ignore
    value, spread = ratio(
        repeated(lambda: compiled.gradient("discriminator", batch, draw), 10),
        repeated(lambda: eager.gradient("discriminator", batch, draw), 10),
        rounds=rounds,
    )
    row(
        "discriminator step with R1 and R2, compiled / eager concatenated, 3 x 128",
        value,
        0.75,
        interval=spread,
        unit="ratio",
        peer=f"torch {torch.__version__} eager",
        note=f"loss and gradient, double backward inside one compiled function; largest difference {gap:.1e}",
    )
    steps = {
        "alternating, compiled": repeated(engine(perceptrons, x, 2, compiled, objective, penalties), 5),
        "simultaneous, shared pass": repeated(engine(perceptrons, x, 2, Simultaneous(adam()), objective, penalties), 5),
        "simultaneous, shared pass, compiled": repeated(
            engine(perceptrons, x, 2, Simultaneous(adam(), compile=True), objective, penalties), 5
        ),
    }
    hand = HandWritten(perceptrons, x, 2, relativistic=True)
    report("train step with R1 and R2, MLP", repeated(hand.step, 5), steps, None, rounds)


def report(name: str, hand: Callable, steps: dict[str, Callable], target: float | None, rounds: int) -> None:
    """A row for each rule; the figure to reach is that of the fastest."""
    seconds = compare(hand, *steps.values(), rounds=rounds)
    middle = [sorted(part)[len(part) // 2] for part in seconds]
    values = {rule: own / middle[0] for rule, own in zip(steps, middle[1:], strict=True)}
    for rule, value in values.items():
        row(f"{name}: {rule} / hand-written", value, None, unit="ratio")
    best = min(values, key=values.__getitem__)
    if target is not None:
        paired = sorted(a / b for a, b in zip(seconds[1 + list(steps).index(best)], seconds[0], strict=True))
        quartiles = (paired[len(paired) // 4], paired[(3 * len(paired)) // 4])
        row(
            f"{name}: engine / hand-written two-backward loop",
            values[best],
            target,
            interval=quartiles,
            unit="ratio",
            peer=f"torch {torch.__version__}, fused Adam",
            note=f"fastest rule: {best}",
        )


def trainer_steps(rounds: int) -> None:
    """A whole training by the Trainer (data order, keyed randomness, EMA, log) against the loop with the same parts."""
    objective, penalties = RelativisticPairing(), (R1(GAMMA), R2(GAMMA))
    for name, nets, data, latent, batch_size, steps in (
        ("25 Gaussians, MLP", perceptrons, torch.randn(10000, 2), 2, 256, 150),
        ("28x28 conv", images_28, torch.randn(500, 1, 28, 28), 64, 16, 10),
    ):
        hand = Sampled(nets, data, latent, relativistic=True, ema=True)
        hand.data, hand.batch_size = data, batch_size
        game = GAN(*nets(), Gaussian(latent), objective=objective, penalties=penalties)

        def train(count: int, game=game, data=data, batch_size=batch_size) -> None:
            Trainer(steps=count, batch_size=batch_size, device="cpu", ema=EMA(0.999), log_every=50, quiet=True).fit(
                game, data, Alternating(adam())
            )

        long, short, hand_written = compare(
            lambda train=train, steps=steps: train(steps + 1),
            lambda train=train: train(1),
            repeated(hand.step, steps),
            rounds=rounds,
        )
        # less a training of one step: what happens once in fit does not count
        middle = [sorted(part)[len(part) // 2] for part in (long, short, hand_written)]
        row(
            f"Trainer step / hand-written loop, {name}",
            (middle[0] - middle[1]) / middle[2],
            1.05,
            unit="ratio",
            peer=f"torch {torch.__version__}, fused Adam",
            note="alternating, eager, R1 and R2, EMA, fresh batches; less a training of one step",
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    quick = "--quick" in sys.argv
    trainer_steps(3 if quick else 9)
    penalised_steps(5 if quick else 15)
    plain_steps(5 if quick else 15)

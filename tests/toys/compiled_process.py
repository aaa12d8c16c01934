"""Plays a GAN with gradients of every order, eager and compiled; prints the largest difference of losses and state."""

import sys

import torch

from advsci import solvers
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.objectives import RelativisticPairing
from advsci.penalties import DRAGAN, R1, R2, WGANGP, Consistency, JacobianConditioning, Jitter, LeCam
from advsci.streams import Stream


def play(rule: str, compile: bool | str) -> list[torch.Tensor]:
    torch.manual_seed(0)
    game = GAN(
        MLP(2, 2, width=8, depth=1),
        MLP(2, 1, width=8, depth=1),
        Gaussian(2),
        objective=RelativisticPairing(),
        penalties=(R1(0.3), R2(0.2), WGANGP(0.1), DRAGAN(0.1), LeCam(0.1), Consistency(Jitter(0.1), 0.1, 0.1)),
        generator_penalties=(JacobianConditioning(0.1),),
    ).double()
    solver = getattr(solvers, rule)(lambda p: torch.optim.SGD(p, lr=0.05), compile=compile)
    solver.bind(game)
    seen = []
    for step in range(3):
        game.progress.fill_(step / 3)
        batch = {"x": Stream(0).at("x", step).normal((16, 2), dtype=torch.float64)}
        draw = game.draw(batch, Stream(1).at("draw", step))
        terms = solver.step(game, lambda batch=batch, draw=draw: (batch, draw))
        seen += [value for part in terms.values() for value in part.values()]
    return seen + [tensor.clone() for tensor in game.state_dict().values()]


if __name__ == "__main__":
    torch.set_num_threads(1)
    eager, compiled = play(sys.argv[1], False), play(sys.argv[1], sys.argv[2])
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0, "nothing was compiled"
    print(max(float((a - b).abs().max()) for a, b in zip(eager, compiled, strict=True)))

"""Games beyond GANs: a five-dimensional nonlinear elliptic problem by trial against test function.

.. math:: -\\nabla \\cdot (a \\nabla u) + \\tfrac12 |\\nabla u|^2 = f \\quad\\text{in } (-1, 1)^d, \\qquad a = 1 + |x|^2

with Dirichlet data and :math:`u^* = \\sin(\\tfrac\\pi2 x_1) \\cos(\\tfrac\\pi2 x_2)` (weak adversarial networks, Zang
et al. 2020, arXiv 1907.08272, section 4.2.2).
"""

import argparse
import math
from functools import partial

import torch
from _row import interval, row
from torch import Tensor

from advsci.games import WeakForm
from advsci.nn import MLP
from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import Trainer

HALF_PI = math.pi / 2


def solution(x: Tensor) -> Tensor:
    return torch.sin(HALF_PI * x[:, 0]) * torch.cos(HALF_PI * x[:, 1])


def source(x: Tensor) -> Tensor:
    """f of the exact solution: -grad a . grad u - a laplace u + |grad u|^2 / 2."""
    s, c = torch.sin(HALF_PI * x), torch.cos(HALF_PI * x)
    u = s[:, 0] * c[:, 1]
    du = HALF_PI * torch.stack([c[:, 0] * c[:, 1], -s[:, 0] * s[:, 1]], 1)
    a = 1.0 + x.square().sum(1)
    return -(2.0 * x[:, :2] * du).sum(1) + a * 2.0 * HALF_PI**2 * u + 0.5 * du.square().sum(1)


def integrand(x, u, du, phi, dphi):
    a = 1.0 + x.square().sum(1)
    return a * (du * dphi).sum(1) + (0.5 * du.square().sum(1) - source(x)) * phi


def points(n: int, d: int, stream: Stream) -> dict[str, Tensor]:
    """Points in the cube, and on its faces with the Dirichlet data."""
    inside = 2.0 * stream.at("inside").uniform((n, d)) - 1.0
    edge = 2.0 * stream.at("edge").uniform((n, d)) - 1.0
    face = stream.at("face").integers(2 * d, (n,))
    edge[torch.arange(n), face // 2] = 2.0 * (face % 2).float() - 1.0
    return {"x": inside, "boundary": edge, "value": solution(edge)}


def relative_error(d: int, steps: int, seed: int) -> float:
    torch.manual_seed(seed)
    game = WeakForm(
        MLP(d, 1, width=64, depth=4, activation=torch.nn.Tanh),
        MLP(d, 1, width=64, depth=4, activation=torch.nn.Tanh),
        integrand,
        cutoff=lambda x: (1.0 - x.square()).prod(1),
        boundary_weight=1000.0,
    )
    optimizers = {
        "trial": partial(torch.optim.Adam, lr=3e-3, fused=True),
        "test": partial(torch.optim.Adam, lr=1e-2, fused=True),
    }
    solver = Alternating(optimizers, Cosine(1.0, 0.01), moves={"trial": 2})
    data = points(200_000, d, Stream(seed).at("points"))
    Trainer(steps=steps, batch_size=2000, seed=seed, device="cpu", log_every=500, title=f"weak form, seed {seed}").fit(
        game, data, solver
    )
    x = 2.0 * Stream(99).uniform((20_000, d)) - 1.0
    with torch.no_grad():
        return float((game.trial(x).reshape(-1) - solution(x)).norm() / solution(x).norm())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3000)
    settings = parser.parse_args()
    torch.set_num_threads(1)
    seeds = 1 if settings.quick else settings.seeds
    steps = 300 if settings.quick else settings.steps
    errors = [relative_error(5, steps, seed) for seed in range(seeds)]
    row(
        "weak form, nonlinear elliptic problem of d = 5: relative L2 error",
        sum(errors) / len(errors),
        0.02,
        unit="relative",
        seeds=seeds,
        interval=interval(errors),
        note=f"{steps} rounds of 2 trial moves and 1 test move on 2000 points; each {[round(e, 5) for e in errors]}",
    )

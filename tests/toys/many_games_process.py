"""Compiles the steps of more games than torch allows variants of one function by default."""

import torch

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.solvers import Alternating
from advsci.streams import Stream

if __name__ == "__main__":
    torch.set_num_threads(1)
    for i in range(6):
        game = GAN(MLP(2, 2, width=4 + i, depth=1), MLP(2, 1, width=4 + i, depth=1), Gaussian(2))
        solver = Alternating(compile="eager")
        solver.bind(game)
        batch = {"x": Stream(0).normal((8, 2))}
        draw = game.draw(batch, Stream(1))
        solver.step(game, lambda batch=batch, draw=draw: (batch, draw))
    print(i + 1)

"""Gradients reach fused optimizers in the layout of their parameters."""

import torch

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import StridedDiscriminator, StridedGenerator
from advsci.penalties import R1, R2
from advsci.solvers import Alternating, adam
from advsci.streams import Stream


def test_fused_adam_follows_the_penalised_convolutions_own_gradient():
    # Adam's first step without momentum is the sign of the gradient, element by element
    torch.manual_seed(0)
    discriminator = StridedDiscriminator(2, 8, (5, 6), hidden=7)
    game = GAN(StridedGenerator(3, 2, 8, (6, 5)), discriminator, Gaussian(3), penalties=(R1(1.0), R2(1.0)))
    batch = {"x": torch.rand(16, 2, 8, 8) * 2.0 - 1.0}
    draw = game.draw(batch, Stream(0))
    parameters = list(discriminator.parameters())
    gradient = torch.autograd.grad(sum(game.terms("discriminator", batch, draw).values()), parameters)
    before = [p.detach().clone() for p in parameters]
    solver = Alternating(adam(1e-3))
    solver.bind(game)
    solver.step(game, lambda: (batch, draw))
    for p, old, g in zip(parameters, before, gradient, strict=True):
        clear = g.abs() > 1e-5
        assert torch.equal((p.detach() - old).sign()[clear], -g.sign()[clear])

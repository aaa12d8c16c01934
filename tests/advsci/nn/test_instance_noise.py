"""Instance noise: its law, its schedule, and its place in a game."""

import pytest
import torch

from advsci import Trainer
from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.nn import MLP, InstanceNoise
from advsci.schedules import Linear
from advsci.solvers import Alternating, adam
from advsci.streams import Stream


def test_deviation_follows_the_schedule_to_nothing():
    noise = InstanceNoise(Linear(0.5, 0.0))
    x = torch.zeros(20_000, 2, dtype=torch.float64)
    draw = noise.draw({"x": x}, Stream(1))
    for progress, sigma in ((0.0, 0.5), (0.6, 0.2), (1.0, 0.0)):
        noise.progress.fill_(progress)
        assert float(noise(x, draw).std()) == pytest.approx(sigma, rel=0.02, abs=1e-7)
    assert torch.equal(noise(x, draw), x)


def test_a_gan_plays_with_it_and_the_trainer_moves_its_schedule():
    noise = InstanceNoise(Linear(0.5, 0.0))
    game = GAN(MLP(2, 2, width=8), MLP(2, 1, width=8), Gaussian(2), augment=noise)
    data = Stream(2).normal((64, 2))
    Trainer(steps=3, batch_size=16, quiet=True, device="cpu").fit(game, data, Alternating(adam(lr=1e-3)))
    assert float(noise.progress) == 1.0


def test_noise_makes_disjoint_points_comparable():
    """Two points a distance apart: with noise the optimal logit has a finite slope between them, -gap / sigma^2."""
    sigma, gap = 0.5, 1.0
    noise = InstanceNoise(sigma)
    points = torch.tensor([[0.0], [gap]]).double().repeat_interleave(200_000, 0)
    seen = noise(points, noise.draw({"x": points}, Stream(3)))
    real, fake = seen[:200_000, 0], seen[200_000:, 0]
    edges = torch.tensor([0.2, 0.4, 0.6, 0.8]).double()
    counts = [torch.histogram(side, edges).hist for side in (real, fake)]
    logit = (counts[0] / counts[1]).log()
    slope = float((logit[2] - logit[0]) / 0.4)
    assert slope == pytest.approx(-gap / sigma**2, rel=0.03)

"""First-order searches: they reach images of the range, leave it when asked to, and stop at the noise."""

import pytest
import torch

from advsci.errors import ConfigError
from advsci_inverse.operators import gaussian_sensing
from advsci_inverse.priors.networks import build_synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.search.descent import adapt_generator, descend_intermediate, descend_latent, discrepancy


def _setup(noise: float):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        synthesis = build_synthesis("dense", 3, (6, 6), (16, 16), encoder=False)
        for p in synthesis.parameters():
            torch.nn.init.normal_(p, std=0.5)
    prior = GeneratorPrior(synthesis, (6, 6), 4).requires_grad_(False)
    g = torch.Generator().manual_seed(1)
    z = torch.randn(4, 3, generator=g)
    operator = gaussian_sensing(20, (6, 6))
    y = operator(prior.decode(z)) + noise * torch.randn(4, 20, generator=g)
    return prior, operator, y, z, g


def test_latent_descent_finds_images_of_the_range():
    prior, operator, y, z, g = _setup(0.01)
    start = z + 0.3 * torch.randn(z.shape, generator=g)
    x, reached, _ = descend_latent(prior, operator, y, 0.01, start, steps=300, rate=0.03)
    assert float(reached.median()) < 1.3
    before = (prior.decode(start) - prior.decode(z)).square().mean((1, 2))
    assert float((x - prior.decode(z)).square().mean((1, 2)).median()) < 0.05 * float(before.median())


def test_leaving_the_range_explains_data_that_no_latent_does_and_stops_at_the_noise():
    prior, operator, y, z, g = _setup(0.01)
    moved = y + operator(0.15 * torch.rand(4, 6, 6, generator=g))
    _, stuck, latent = descend_latent(prior, operator, moved, 0.01, z, steps=150, rate=0.03)
    x, free = descend_intermediate(prior, operator, moved, 0.01, latent, layer=2, pull=0.1, steps=400, rate=0.05)
    _, tuned = adapt_generator(prior, operator, moved, 0.01, latent, steps=60, rate=3e-3)
    assert bool((free < stuck).all()) and bool((tuned <= stuck * 1.05).all())
    torch.testing.assert_close(discrepancy(operator, x, moved, 0.01), free)
    _, early = descend_intermediate(prior, operator, moved, 0.01, latent, layer=2, pull=0.1, steps=400, tau=5.0)
    assert bool((early > free * 0.99).all())  # a looser limit stops earlier


def test_layers_out_of_reach_are_named():
    prior, operator, y, z, _ = _setup(0.01)
    with pytest.raises(ConfigError, match="layer"):
        descend_intermediate(prior, operator, y, 0.01, z, layer=9)

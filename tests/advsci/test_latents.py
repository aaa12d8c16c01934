"""The law of every latent prior: one distribution in every precision, a pure function of the stream."""

import pytest
import torch

from advsci.latents import Gaussian, Mixture, Sphere, Truncated, Uniform
from advsci.streams import Stream

LATENTS = [Gaussian(3), Uniform(3), Sphere(3), Truncated(3, 1.5), Mixture(3, components=4, spread=0.0)]


@pytest.mark.parametrize("latent", LATENTS, ids=lambda latent: type(latent).__name__)
def test_a_prior_is_a_pure_function_of_its_stream_and_has_its_shape(latent):
    a, b = latent.sample(7, Stream(1)), latent.sample(7, Stream(1))
    assert torch.equal(a, b) and a.shape == (7, 3)
    assert latent.sample(7, Stream(1), device="meta").shape == (7, 3)
    assert latent.sample(7, Stream(1), dtype=torch.float64).dtype == torch.float64


@pytest.mark.parametrize("latent", LATENTS, ids=lambda latent: type(latent).__name__)
def test_precision_does_not_change_the_distribution(latent):
    """First and second moments of many draws agree between float32 and float64."""
    single = latent.sample(20_000, Stream(1)).double()
    double = latent.sample(20_000, Stream(2), dtype=torch.float64)
    assert torch.allclose(single.mean(0), double.mean(0), atol=0.05)
    assert torch.allclose(torch.cov(single.T), torch.cov(double.T), atol=0.05)


def test_a_mixture_has_the_same_centres_in_every_precision():
    latent = Mixture(2, components=3, spread=0.0)
    single = {tuple(z.tolist()) for z in latent.sample(50, Stream(1))}
    double = {tuple(z.float().tolist()) for z in latent.sample(50, Stream(2), dtype=torch.float64)}
    assert single == double and len(single) == 3

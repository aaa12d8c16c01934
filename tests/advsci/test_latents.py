"""The law of every latent prior: one distribution in every precision, a pure function of the stream."""

import pytest
import torch
from scipy import stats

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


@pytest.mark.parametrize(
    ("latent", "marginal"),
    [
        (Gaussian(3), stats.norm()),
        (Uniform(3), stats.uniform(-1.0, 2.0)),
        (Sphere(3), stats.uniform(-(3.0**0.5), 2.0 * 3.0**0.5)),  # Archimedes: a coordinate on a sphere is uniform
        (Truncated(3, 1.5), stats.truncnorm(-1.5, 1.5)),
    ],
    ids=lambda given: type(given).__name__,
)
def test_every_coordinate_has_its_distribution(latent, marginal):
    z = latent.sample(5000, Stream(3), dtype=torch.float64)
    for k in range(3):
        assert stats.kstest(z[:, k].numpy(), marginal.cdf).pvalue > 1e-3
    assert torch.cov(z.T).fill_diagonal_(0.0).abs().max() < 0.1


def test_a_sphere_has_the_radius_at_which_a_gaussian_concentrates():
    radii = Sphere(7).sample(50, Stream(1), dtype=torch.float64).norm(dim=1)
    assert torch.allclose(radii, torch.full_like(radii, 7.0**0.5), rtol=1e-12)


def test_a_mixture_is_gaussian_round_equally_likely_normal_centres():
    latent, still = (Mixture(2, components=400, spread=spread) for spread in (0.3, 0.0))
    z, centres = (prior.sample(20_000, Stream(4), dtype=torch.float64) for prior in (latent, still))
    assert stats.kstest(((z - centres) / 0.3).flatten().numpy(), stats.norm().cdf).pvalue > 1e-3
    known, counts = centres.unique(dim=0, return_counts=True)
    assert len(known) == 400 and stats.kstest(known.flatten().numpy(), stats.norm().cdf).pvalue > 1e-3
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3

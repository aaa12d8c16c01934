"""Log-densities in closed form; the divergence of equal Gaussians; what each prior does to a game."""

import math

import torch

from advsci.streams import Stream
from advsci_singlecell.game.biology import Biology
from advsci_singlecell.game.networks import Encoder
from advsci_singlecell.game.priors import GaussianPrior, Spread, VampPrior, log_normal


def data(n=40, d=3):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0))


def still(x):
    """A posterior N(x, 1)."""
    return x, torch.zeros_like(x)


def test_log_normal_is_torchs():
    z, mean, log_spread = data(), data(1), 0.3 * data(1)
    reference = torch.distributions.Normal(mean, log_spread.exp()).log_prob(z).sum(-1)
    torch.testing.assert_close(log_normal(z, mean, log_spread), reference)


def test_the_mixture_of_one_is_its_posterior_and_of_equals_too():
    z, u = data(), data(1)
    one = VampPrior(u).log_density(z, still)
    torch.testing.assert_close(one, log_normal(z, u, torch.zeros_like(u)))
    torch.testing.assert_close(VampPrior(u.repeat(5, 1)).log_density(z, still), one)


def test_the_mixture_is_normalised():
    grid = torch.linspace(-12.0, 12.0, 4001)[:, None]
    density = VampPrior(torch.tensor([[-3.0], [0.5], [2.0]])).log_density(grid, still).exp().detach()
    assert math.isclose(float(torch.trapezoid(density, grid[:, 0])), 1.0, rel_tol=1e-4)


def test_a_posterior_equal_to_its_prior_has_no_divergence():
    task = Biology(Encoder(3, width=8), prior=GaussianPrior(3), spread=Spread(3))
    with torch.no_grad():
        for parameter in task.spread.parameters():
            parameter.zero_()
        task.prior.log_scale.fill_(-2.0)  # the spread of the posterior
        batch = {"anchor": torch.zeros(50, 3)}
        _, terms = task(batch, task.draw(batch, Stream(0)))
    assert abs(float(terms["prior"])) < 1e-6


def test_a_variational_encoder_draws_around_its_mean():
    task = Biology(Encoder(3, width=8), prior=VampPrior(data(5)), prior_weight=1.0, spread=Spread(3))
    batch = {"anchor": data()}
    z, terms = task(batch, task.draw(batch, Stream(1)))
    assert (z != task.encoder(batch["anchor"])).any() and (z - batch["anchor"]).abs().mean() < 0.5
    (gradient,) = torch.autograd.grad(terms["prior"], [task.prior.inputs])
    assert torch.isfinite(gradient).all() and (gradient != 0).any()

"""Samplers against known moments, matched filters against their law, identifiability in closed form."""

import torch
from torch import nn

from advsci.streams import Stream
from advsci_inverse.evaluation.identifiability import identifiability
from advsci_inverse.game.refining import RefiningGame
from advsci_inverse.operators import DenseOperator, Inpainting, Radon, equispaced_angles, gaussian_sensing
from advsci_inverse.priors.networks import Synthesis
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.priors.refiner import Refiner
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.uncertainty import (
    annealed_importance,
    disc_templates,
    hamiltonian,
    interval_factor,
    langevin,
    matched_residual,
    metropolis_langevin,
)


def test_langevin_samples_a_correlated_gaussian():
    precision = torch.tensor([[2.0, 0.9], [0.9, 1.0]])

    def value_and_gradient(z):
        return 0.5 * (z @ precision * z).sum(1), z @ precision

    root = torch.eye(2).expand(64, 2, 2)
    samples, acceptance = metropolis_langevin(
        value_and_gradient, torch.zeros(64, 2), root, steps=600, burn_in=100, stream=Stream(0)
    )
    assert 0.4 < float(acceptance.mean()) < 0.75
    flat = samples.reshape(-1, 2)
    torch.testing.assert_close(torch.cov(flat.T), torch.linalg.inv(precision), rtol=0.05, atol=0.05)
    assert float(flat.mean(0).abs().max()) < 0.05


def test_langevin_samples_a_skewed_density_exactly():
    """f = exp(z) - 2 z is the log of a Gamma(2, 1) variable: mean psi(2), variance psi'(2)."""

    def value_and_gradient(z):
        return (z.exp() - 2 * z).sum(1), z.exp() - 2

    samples, _ = metropolis_langevin(
        value_and_gradient, torch.zeros(64, 1), torch.ones(64, 1, 1), steps=600, burn_in=100, stream=Stream(1)
    )
    assert abs(float(samples.mean()) - 0.4228) < 0.03
    assert abs(float(samples.var()) - 0.6449) < 0.05


def test_hamiltonian_samples_a_correlated_gaussian_and_a_skewed_density():
    precision = torch.tensor([[2.0, 0.9], [0.9, 1.0]])
    correlated = lambda z: (0.5 * (z @ precision * z).sum(1), z @ precision)  # noqa: E731
    settings = {"steps": 300, "burn_in": 60, "stream": Stream(0)}
    samples, acceptance = hamiltonian(correlated, torch.zeros(64, 2), torch.eye(2).expand(64, 2, 2), **settings)
    assert 0.7 < float(acceptance.mean()) < 0.92
    torch.testing.assert_close(torch.cov(samples.reshape(-1, 2).T), torch.linalg.inv(precision), rtol=0.05, atol=0.05)
    skewed = lambda z: ((z.exp() - 2 * z).sum(1), z.exp() - 2)  # noqa: E731  Gamma(2, 1), as above
    samples, _ = hamiltonian(skewed, torch.zeros(64, 1), torch.ones(64, 1, 1), **settings)
    assert abs(float(samples.mean()) - 0.4228) < 0.03 and abs(float(samples.var()) - 0.6449) < 0.05


class _Linear(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, z):
        return (z @ self.weight.T).reshape(-1, 1, 4, 4)


def _prior():
    weight = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    prior = GeneratorPrior(Synthesis(_Linear(weight), None, 3), (4, 4), rank=2)
    prior.residual_diagonal.fill_(0.1)
    return prior, weight


def test_latent_samples_have_the_posterior_covariance_of_a_linear_generator():
    prior, weight = _prior()
    a = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    search = LatentSearch(prior, DenseOperator(a, (4, 4)), 0.3, screen=64)
    samples, _ = langevin(search, torch.randn(1, 5).expand(32, 5).contiguous(), steps=400, burn_in=60)
    s = 0.1 * a @ a.T + 0.09 * torch.eye(5)
    exact = torch.linalg.inv(torch.eye(3) + weight.T @ a.T @ torch.linalg.inv(s) @ a @ weight)
    torch.testing.assert_close(torch.cov(samples.reshape(-1, 3).T), exact, rtol=0.1, atol=0.02)


def test_annealed_evidence_and_mean_are_those_of_a_linear_generator():
    prior, weight = _prior()
    a = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    search = LatentSearch(prior, DenseOperator(a, (4, 4)), 0.3, screen=64)
    y = 4 * torch.randn(6, 5, generator=torch.Generator().manual_seed(2))
    found = annealed_importance(search, y, particles=200, temperatures=30)
    s = 0.1 * a @ a.T + 0.09 * torch.eye(5)
    total = a @ weight @ weight.T @ a.T + s
    exact = torch.distributions.MultivariateNormal(torch.zeros(5), total).log_prob(y)
    torch.testing.assert_close(found.evidence, exact, rtol=0, atol=0.25)
    mean = y @ torch.linalg.inv(total) @ a @ weight
    torch.testing.assert_close((found.weights[..., None] * found.latents).sum(0), mean, rtol=0, atol=0.15)
    assert float(found.size.min()) > 50


def test_matched_filter_is_standard_normal_and_finds_what_is_left():
    operator = gaussian_sensing(60, (8, 8))
    templates = disc_templates((8, 8), 1.0, stride=3)
    noise = 0.1 * torch.randn(4000, 60, generator=torch.Generator().manual_seed(0))
    factor = 0.1 * torch.eye(60)
    value, _ = matched_residual(operator, noise, factor, templates[:1])
    assert abs(float(value.square().mean()) - 1.0) < 0.06
    strength = 6.0 * 0.1 / operator(templates[4:5]).norm()
    value, index = matched_residual(operator, noise + strength * operator(templates[4:5]), factor, templates)
    assert float((index == 4).float().mean()) > 0.9 and float(value.mean()) > 5.5


def test_identity_loses_nothing_and_a_hidden_half_does():
    prior, _ = _prior()
    whole = identifiability(prior, Inpainting(torch.ones(4, 4)))
    assert min(*whole.pairs, whole.local) > 0.999
    part = torch.zeros(4, 4)
    part[0, 0] = 1
    hidden = identifiability(prior, Inpainting(part))
    assert hidden.pairs[0] < 0.1 and hidden.local < 0.01


def test_untrained_refiner_starts_from_the_linear_estimate_and_its_game_descends():
    images = torch.rand(64, 12, 12, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.4
    refiner = Refiner((12, 12), rank=6, widths=(8, 8), blocks=(1, 1))
    refiner.fit_covariance(images)
    plan = refiner.plan(Radon(12, equispaced_angles(4)), 0.05)
    flat = images.flatten(1)
    exact = torch.cov(flat.T, correction=0).diagonal()
    covariance = refiner.factor @ refiner.factor.T + torch.diag(refiner.diagonal)
    torch.testing.assert_close(covariance.diagonal(), exact, rtol=1e-3, atol=1e-3)
    game = RefiningGame(refiner, [plan])
    batch = {"x": images[:16]}
    draw = game.draw(batch, Stream(0))
    optimizer = torch.optim.Adam(refiner.parameters(), 2e-3)
    losses = []
    for _ in range(15):
        loss = game.loss("refiner", batch, draw)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    mean, deviation = refiner.reconstruct(plan, plan.operator(images[:3]))
    assert mean.shape == deviation.shape == (3, 12, 12) and float(deviation.min()) > 0


def test_calibrated_intervals_cover_heavy_tailed_errors():
    g = torch.Generator().manual_seed(0)
    errors = torch.randn(40, 10, 10, generator=g) / torch.rand(40, 10, 10, generator=g).sqrt()
    zero, one = torch.zeros(20, 10, 10), torch.ones(20, 10, 10)
    factor = interval_factor(errors[:20], zero, one)
    covered = float((errors[20:].abs() <= factor).float().mean())
    assert abs(covered - 0.9) < 0.02 and factor > 1.8


def test_the_rank_of_a_conformal_interval_counts_the_new_pixel_too():
    """Of 10 scores at level .8: the ninth, ceil(11 x .8), not the eighth."""
    truth = torch.arange(1.0, 11.0).reshape(1, 2, 5)
    assert interval_factor(truth, torch.zeros(1, 2, 5), torch.ones(1, 2, 5), 0.8) == 9.0

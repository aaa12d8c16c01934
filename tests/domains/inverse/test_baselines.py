"""Baselines against closed forms and optimality conditions."""

import math

import numpy as np
import pytest
import torch

from advsci.streams import Stream
from advsci_inverse.baselines import (
    GaussianPrior,
    KernelMixture,
    MixturePrior,
    cgls,
    damp,
    deep_image_prior,
    filtered_back_projection,
    half_quadratic_splitting,
    lasso,
    tikhonov,
    total_variation,
)
from advsci_inverse.baselines.lasso import haar, inverse_haar
from advsci_inverse.baselines.mixture import kmeans
from advsci_inverse.baselines.total_variation import gradient, gradient_adjoint, tv_norm
from advsci_inverse.data.noise import Gaussian, Mixed, Poisson, estimate_sigma, relative_gaussian
from advsci_inverse.operators import DenseOperator, Inpainting, Radon, dct, equispaced_angles, gaussian_sensing
from advsci_inverse.operators.data_step import DataStep


def _random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_cgls_solves_the_normal_equations():
    matrix, y = _random(30, 12), _random(3, 30, seed=1)
    x = cgls(DenseOperator(matrix, (3, 4)), y, 40)
    torch.testing.assert_close(x.flatten(1).T, torch.linalg.lstsq(matrix, y.T).solution, rtol=1e-8, atol=1e-8)


def test_tikhonov_is_the_ridge_solution():
    matrix, y = _random(5, 12), _random(3, 5, seed=1)
    x = tikhonov(DenseOperator(matrix, (3, 4)), y, 0.7)
    exact = torch.linalg.solve(matrix.T @ matrix + 0.7 * torch.eye(12, dtype=torch.float64), matrix.T @ y.T)
    torch.testing.assert_close(x.flatten(1).T, exact, rtol=1e-8, atol=1e-8)


def test_data_step_is_the_gaussian_posterior_and_its_limit_the_null_space_projection():
    matrix, v, y = _random(4, 9), _random(2, 3, 3, seed=1), _random(2, 4, seed=2)
    root = _random(9, 9, seed=3)
    covariance = root @ root.T
    step = DataStep(DenseOperator(matrix, (3, 3)), covariance, dtype=torch.float64)
    precision = torch.linalg.inv(2.0 * covariance) + matrix.T @ matrix / 0.3**2
    exact = torch.linalg.solve(
        precision, torch.linalg.solve(2.0 * covariance, v.flatten(1).T) + matrix.T @ y.T / 0.3**2
    )
    torch.testing.assert_close(step(v, y, 0.3, 2.0).flatten(1).T, exact, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        step.variance(0.3, 2.0).flatten(), torch.linalg.inv(precision).diagonal(), rtol=1e-4, atol=1e-4
    )
    projected = DataStep(DenseOperator(matrix, (3, 3)), dtype=torch.float64)(v, y, 1e-6)
    torch.testing.assert_close(projected.flatten(1) @ matrix.T, y, rtol=1e-5, atol=1e-5)
    null = torch.eye(9, dtype=torch.float64) - torch.linalg.pinv(matrix) @ matrix
    torch.testing.assert_close(projected.flatten(1) @ null, v.flatten(1) @ null, rtol=1e-6, atol=1e-6)


def test_gradient_has_its_adjoint_and_counts_a_square():
    x, d = _random(2, 6, 7), _random(2, 2, 6, 7, seed=1)
    torch.testing.assert_close((gradient(x) * d).sum(), (x * gradient_adjoint(d)).sum())
    square = torch.zeros(1, 10, 10)
    square[:, 3:6, 3:6] = 2.0
    # forward differences: 12 edge pixels, one of which (the far corner) carries both directions
    assert float(tv_norm(square)) == pytest.approx(2 * (10 + math.sqrt(2)), rel=1e-6)


def test_total_variation_satisfies_its_optimality_conditions():
    """For pure denoising of a constant-plus-step the solution is known: each side moves towards the other."""
    n, lam = 8, 0.05
    image = torch.zeros(1, n, n, dtype=torch.float64)
    image[:, :, n // 2 :] = 0.6
    image += 0.2
    out = total_variation(Inpainting(torch.ones(n, n)), image, lam, steps=3000)
    shift = lam * n / (n * n / 2)  # perimeter over area of each half
    expected = image.clone()
    expected[:, :, : n // 2] += shift
    expected[:, :, n // 2 :] -= shift
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)


def test_lasso_reaches_its_optimality_conditions_and_thresholds_exactly():
    y = _random(2, 36).reshape(2, 6, 6)
    out = lasso(Inpainting(torch.ones(6, 6)), y, 0.4, transform="pixel", steps=300)
    torch.testing.assert_close(out, (y - 0.4).clamp(min=0.0), rtol=1e-6, atol=1e-6)
    matrix, data = _random(10, 36, seed=1), _random(2, 10, seed=2)
    x = lasso(DenseOperator(matrix, (6, 6)), data, 0.5, transform="dct", steps=6000)
    c = dct(x)
    slope = dct(((x.flatten(1) @ matrix.T - data) @ matrix).reshape(2, 6, 6))
    assert float(slope.abs().max()) <= 0.5 * 1.001
    on = c.abs() > 1e-6
    torch.testing.assert_close(slope[on], -0.5 * torch.sign(c[on]), rtol=1e-3, atol=1e-3)


def test_haar_is_orthonormal():
    x = _random(3, 8, 12)
    torch.testing.assert_close(inverse_haar(haar(x)), x)
    torch.testing.assert_close(haar(x).square().sum(), x.square().sum())


def test_gaussian_prior_is_the_best_linear_estimate():
    images = _random(500, 4, 4, dtype=torch.float32)
    prior = GaussianPrior.fit(images, ridge=0.0)
    np.testing.assert_allclose(prior.covariance, np.cov(images.flatten(1).numpy().T), atol=1e-5)
    operator = gaussian_sensing(7, (4, 4))
    y = operator(images[:3])
    mean, deviation = prior.estimate(operator, y, 0.2)
    a, c = operator.weight, prior.covariance
    gain = c @ a.T @ torch.linalg.inv(a @ c @ a.T + 0.04 * torch.eye(7))
    exact = prior.mean + (y - a @ prior.mean) @ gain.T
    torch.testing.assert_close(mean.flatten(1), exact, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(deviation.flatten().square(), (c - gain @ a @ c).diagonal(), rtol=1e-3, atol=1e-3)


def test_mixture_posterior_agrees_with_quadrature():
    weights = torch.tensor([0.3, 0.7])
    means, covariances = torch.tensor([[-1.0], [2.0]]), torch.tensor([[[0.5]], [[0.2]]])
    prior = MixturePrior(weights, means, covariances)
    operator = DenseOperator(torch.ones(1, 1), (1,))
    mean, deviation = prior.estimate(operator, torch.tensor([[0.4]]), 0.8)
    x = torch.linspace(-10, 10, 200001, dtype=torch.float64)
    density = sum(
        w * torch.exp(-0.5 * (x - m) ** 2 / v) / v**0.5 for w, m, v in [(0.3, -1.0, 0.5), (0.7, 2.0, 0.2)]
    ) * torch.exp(-0.5 * (x - 0.4) ** 2 / 0.64)
    exact = (x * density).sum() / density.sum()
    assert float(mean) == pytest.approx(float(exact), abs=1e-3)
    spread = ((x - exact) ** 2 * density).sum() / density.sum()
    assert float(deviation) == pytest.approx(float(spread.sqrt()), abs=1e-3)


def _density(n=40):
    images = torch.cat([_random(n, 3, seed=2) * 0.4 - 1, _random(n, 3, seed=3) * 0.4 + 1])
    mixture = MixturePrior(
        torch.tensor([0.5, 0.5], dtype=torch.float64),
        torch.stack([images[:n].mean(0), images[n:].mean(0)]),
        torch.stack([torch.cov(images[:n].T), torch.cov(images[n:].T)]),
    )
    return KernelMixture(mixture, images, torch.arange(2 * n) // n)


def test_kernel_mixture_of_full_bandwidth_is_the_mixture():
    density = _density()
    operator, y = DenseOperator(_random(2, 3, seed=4), (3,)), _random(5, 2, seed=5)
    mean, deviation, _ = density.estimate(operator, y, 0.3, bandwidths=(1.0,), kept=80)
    exact = density.mixture.estimate(operator, y, 0.3)
    torch.testing.assert_close((mean, deviation), exact, rtol=1e-4, atol=1e-5)


def test_kernel_mixture_is_the_posterior_of_its_sum_of_gaussians():
    density, c = _density(4), 0.5
    a, y = _random(1, 3, seed=4), _random(1, 1, seed=5)
    mean, deviation, _ = density.estimate(DenseOperator(a, (3,)), y, 0.3, bandwidths=(c,), kept=8)
    weights, first, second = [], 0.0, 0.0
    for i in range(8):
        k = i // 4
        mu, cov = density.mixture.means[k], c * density.mixture.covariances[k]
        centre = mu + (1 - c) ** 0.5 * (density.images[i] - mu)
        s = float(a @ cov @ a.T) + 0.09
        left = float(y[0] - a @ centre)
        weights.append(math.exp(-0.5 * left**2 / s) / s**0.5)
        each = centre + (cov @ a.T)[:, 0] * left / s
        first, second = (
            first + weights[-1] * each,
            second + weights[-1] * (each**2 + (cov - cov @ a.T @ a @ cov / s).diagonal()),
        )
    first, second = first / sum(weights), second / sum(weights)
    torch.testing.assert_close(mean[0], first, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(deviation[0], (second - first**2).sqrt(), rtol=1e-4, atol=1e-5)


def test_evidence_prefers_the_bandwidth_that_the_data_come_from():
    images = torch.cat([torch.full((1, 2), v) + 1e-3 * _random(1, 2, seed=i) for i, v in enumerate((-1.0, 0.0, 1.0))])
    mixture = MixturePrior(torch.ones(1, dtype=torch.float64), images.mean(0)[None], torch.cov(images.T)[None])
    density = KernelMixture(mixture, images, torch.zeros(3, dtype=torch.long))
    y = images[torch.arange(30) % 3] * (1 - 0.1) ** 0.5  # as the images lie at bandwidth 0.1
    _, _, c = density.estimate(
        DenseOperator(torch.eye(2, dtype=torch.float64), (2,)), y, 0.05, bandwidths=(0.1, 0.5, 1.0)
    )
    assert c == 0.1


def test_kmeans_finds_separated_clusters_and_the_mixture_keeps_their_shares():
    x = torch.cat(
        [_random(300, 2, 2, dtype=torch.float32) * 0.1, _random(100, 2, 2, seed=1, dtype=torch.float32) * 0.1 + 5]
    )
    labels = kmeans(x.flatten(1), 2, stream=Stream(1))
    assert labels[:300].unique().numel() == 1 and labels[300:].unique().numel() == 1
    prior = MixturePrior.fit(x, 2, stream=Stream(1), shrinkage=0.0)
    assert sorted(prior.weights.tolist()) == pytest.approx([0.25, 0.75])


def test_back_projection_recovers_a_disc_from_many_views():
    n = 48
    c = torch.arange(n) - (n - 1) / 2
    disc = (c[None] ** 2 + c[:, None] ** 2 < 15**2).float()[None]
    operator = Radon(n, equispaced_angles(90))
    image = filtered_back_projection(operator, operator(disc))
    assert float((image - disc).square().mean()) < 0.01
    assert float(image[0, 20:28, 20:28].mean()) == pytest.approx(1.0, abs=0.02)


def test_message_passing_with_soft_thresholding_recovers_a_sparse_signal():
    x = torch.zeros(2, 16, 16)
    index = torch.randperm(256, generator=torch.Generator().manual_seed(0))[:20]
    x.flatten(1)[:, index] = _random(2, 20, dtype=torch.float32) + 1.0
    operator = gaussian_sensing(128, (16, 16))

    def soft(r, level):
        t = 1.2 * level[:, None, None]
        return torch.sign(r) * (r.abs() - t).clamp(min=0.0)

    out = damp(operator, operator(x), soft, steps=80, damping=1.0)
    assert float((out - x).norm() / x.norm()) < 1e-2


def test_splitting_reaches_its_fixed_point_for_a_linear_denoiser():
    """Data step (y + 4 x) / 5 and denoiser x / 1.25 at the level 0.5: together x = y / 2.25."""
    operator, y = Inpainting(torch.ones(4, 4)), _random(2, 4, 4, dtype=torch.float32)

    def gaussian(r, level):
        return r / (1.0 + level[:, None, None] ** 2)

    out = half_quadratic_splitting(operator, y, gaussian, 1.0, weight=1.0, steps=400, levels=(0.5, 0.5))
    torch.testing.assert_close(out, y / 2.25, rtol=1e-3, atol=1e-3)


def test_deep_image_prior_fits_the_data():
    x = torch.zeros(1, 8, 8)
    x[:, 2:6, 2:6] = 0.8
    operator = Inpainting(torch.ones(8, 8))
    out = deep_image_prior(operator, x, steps=150, width=8, rate=0.02)
    assert float((out - x).square().mean()) < 0.1 * float(x.square().mean())


def test_noise_models_have_their_moments():
    clean = torch.full((1, 200, 200), 3.0)
    for noise, variance in ((Gaussian(0.5), 0.25), (Poisson(10.0), 0.3), (Mixed(10.0, 0.4), 0.46)):
        y = noise.sample(clean, Stream(0))
        assert float(y.mean()) == pytest.approx(3.0, abs=0.02)
        assert float(y.var()) == pytest.approx(variance, rel=0.05)
        assert float(noise.deviation(y).square().mean()) == pytest.approx(variance, rel=0.05)
    noisy, sigma = relative_gaussian(clean, 0.01, Stream(0))
    assert float(sigma) == pytest.approx(0.03, rel=1e-5) and float((noisy - clean).std()) == pytest.approx(
        0.03, rel=0.05
    )


def test_unknown_noise_is_estimated_from_what_no_image_explains():
    operator = DenseOperator(_random(200, 16, dtype=torch.float32), (4, 4))
    y = Gaussian(0.3).sample(operator(_random(3, 4, 4, dtype=torch.float32)), Stream(0))
    torch.testing.assert_close(estimate_sigma(operator, y), torch.full((3,), 0.3), rtol=0.2, atol=0.0)
    with pytest.raises(Exception, match="free"):
        estimate_sigma(DenseOperator(torch.eye(16), (4, 4)), _random(1, 16, dtype=torch.float32))

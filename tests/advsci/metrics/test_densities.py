"""Quadrature of divergences, kernel densities, the inception score."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde
from torch.distributions import MultivariateNormal

from advsci.errors import ConfigError, DataError
from advsci.metrics import inception_score, jensen_shannon, kernel_density
from advsci.metrics.quadrature import grid, integral
from advsci.streams import Stream


def normal(mean: list[float], scale: float = 1.0):
    d = len(mean)
    centre, cov = torch.tensor(mean, dtype=torch.float64), scale**2 * torch.eye(d, dtype=torch.float64)
    return MultivariateNormal(centre, cov).log_prob


@pytest.mark.parametrize("d", [1, 2])
def test_jensen_shannon_bounds_and_symmetry(d):
    bounds = [(-12.0, 22.0)] * d
    p, q = normal([0.0] * d), normal([1.0] * d, 1.5)
    points = 2001 if d == 1 else 401
    assert abs(float(jensen_shannon(p, p, bounds, points))) < 1e-12
    one, two = jensen_shannon(p, q, bounds, points), jensen_shannon(q, p, bounds, points)
    assert float(one) == pytest.approx(float(two), rel=1e-10) and 0 < float(one) < math.log(2)
    far = jensen_shannon(normal([-2.0] * d, 0.4), normal([12.0] * d, 0.4), bounds, points)
    assert float(far) == pytest.approx(math.log(2), rel=1e-9)


def test_jensen_shannon_of_two_gaussians_by_scipy():
    from scipy.integrate import quad
    from scipy.stats import norm

    def integrand(x):
        p, q = norm.pdf(x), norm.pdf(x, 0.7, 1.3)
        m = (p + q) / 2
        return 0.5 * (p * math.log(p / m) + q * math.log(q / m))

    reference = quad(integrand, -15, 15, epsabs=1e-13)[0]
    assert float(jensen_shannon(normal([0.0]), normal([0.7], 1.3), [(-15.0, 15.0)])) == pytest.approx(
        reference, rel=1e-9
    )


def test_a_density_that_does_not_fit_the_bounds_is_refused():
    with pytest.raises(DataError, match="wider bounds"):
        jensen_shannon(normal([0.0]), normal([5.0]), [(-8.0, 5.0)])
    with pytest.raises(ConfigError, match="nodes"):
        grid([(0.0, 1.0)] * 3)
    with pytest.raises(ConfigError, match="low < high"):
        grid([(1.0, 1.0)])


def test_kernel_density_equals_scipy_and_integrates_to_one():
    x = Stream(1).normal((200, 1), dtype=torch.float64)
    reference = gaussian_kde(x[:, 0].numpy())
    at = torch.linspace(-3, 3, 11, dtype=torch.float64)[:, None]
    np.testing.assert_allclose(kernel_density(x)(at).exp().numpy(), reference(at[:, 0].numpy()), rtol=1e-9)
    two = Stream(2).normal((50, 2), dtype=torch.float64)
    total = integral(lambda z: kernel_density(two, 0.3)(z).exp(), [(-6.0, 6.0)] * 2, 301)
    assert float(total) == pytest.approx(1.0, rel=1e-9)


def test_inception_score_between_one_and_the_classes():
    certain = 1e3 * torch.eye(10, dtype=torch.float64).repeat(20, 1)
    assert float(inception_score(certain, splits=2).value) == pytest.approx(10.0, rel=1e-9)
    assert float(inception_score(torch.zeros(50, 10)).value) == pytest.approx(1.0, rel=1e-6)
    one_kind = certain[:1].expand(60, 10)
    assert float(inception_score(one_kind).value) == pytest.approx(1.0, rel=1e-9)


def test_inception_score_is_its_definition():
    logits = Stream(3).normal((40, 6), dtype=torch.float64)
    p = logits.softmax(1)
    scores = []
    for part in p.split(10):
        marginal = part.mean(0)
        scores.append(math.exp(float((part * (part / marginal).log()).sum(1).mean())))
    value, error = inception_score(logits, splits=4)
    assert float(value) == pytest.approx(np.mean(scores), rel=1e-12)
    assert float(error) == pytest.approx(np.std(scores), rel=1e-9)
    with pytest.raises(ConfigError, match="splits"):
        inception_score(logits, splits=41)

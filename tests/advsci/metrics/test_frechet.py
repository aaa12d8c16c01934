"""Frechet distance: closed forms, scipy's matrix root, torchmetrics, and the low-rank route."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from advsci.errors import DataError
from advsci.metrics import fit_gaussian, frechet_distance, frechet_from_gaussians
from advsci.metrics.frechet import GaussianFit, trace_of_root
from advsci.streams import Stream


def sets(n: int, m: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    s = Stream(3).at("frechet", n, m, d)
    mix = s.at("mix").normal((d, d), dtype=torch.float64) / d**0.5
    real = s.at("real").normal((n, d), dtype=torch.float64)
    return real, s.at("fake").normal((m, d), dtype=torch.float64) @ mix + 0.2


def by_scipy(x: torch.Tensor, y: torch.Tensor) -> float:
    a, b = x.numpy(), y.numpy()
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.asarray(sqrtm(s1 @ s2)).real
    return float(np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s1 + s2 - 2 * root))


@pytest.mark.parametrize("n,m,d", [(400, 500, 16), (2000, 1500, 128)])
def test_full_rank_equals_scipy(n, m, d):
    x, y = sets(n, m, d)
    assert float(frechet_distance(x, y)) == pytest.approx(by_scipy(x, y), rel=1e-9)


@pytest.mark.parametrize("n,m,d", [(20, 30, 64), (20, 300, 64), (300, 20, 64)])
def test_low_rank_equals_the_eigenvalues_of_the_product(n, m, d):
    x, y = sets(n, m, d)
    s1, s2 = (torch.cov(z.T) for z in (x, y))
    root = torch.linalg.eigvals(s1 @ s2).real.clamp(min=0).sqrt().sum()
    exact = (x.mean(0) - y.mean(0)).square().sum() + s1.trace() + s2.trace() - 2 * root
    assert float(frechet_distance(x, y)) == pytest.approx(float(exact), rel=1e-6)


def test_equals_torchmetrics():
    fid = pytest.importorskip("torchmetrics.image.fid")
    x, y = sets(300, 300, 12)
    a, b = fit_gaussian(x), fit_gaussian(y)
    reference = fid._compute_fid(a.mean, a.covariance, b.mean, b.covariance)
    assert float(frechet_from_gaussians(a, b)) == pytest.approx(float(reference), rel=1e-9)


def test_closed_form_of_diagonal_gaussians():
    s = Stream(5)
    v, w = 0.1 + s.at("v").uniform((2, 9), dtype=torch.float64)
    a = GaussianFit(torch.zeros(9, dtype=torch.float64), torch.diag(v), 10)
    b = GaussianFit(torch.ones(9, dtype=torch.float64), torch.diag(w), 10)
    exact = 9.0 + float((v.sqrt() - w.sqrt()).square().sum())
    assert float(frechet_from_gaussians(a, b)) == pytest.approx(exact, rel=1e-12)


def test_singular_covariances_have_a_root():
    basis = torch.linalg.qr(Stream(6).normal((5, 5), dtype=torch.float64)).Q
    s1 = basis @ torch.diag(torch.tensor([1.0, 4.0, 0.0, 0.0, 0.0]).double()) @ basis.T
    s2 = basis @ torch.diag(torch.tensor([9.0, 1.0, 1.0, 0.0, 2.0]).double()) @ basis.T
    assert float(trace_of_root(s1, s2)) == pytest.approx(3.0 + 2.0, rel=1e-6)


def test_chunks_merge_to_the_whole_and_float32_far_from_zero_is_stable():
    x, y = sets(1000, 1000, 6)
    merged, whole = fit_gaussian(x.split(77)), fit_gaussian(x)
    torch.testing.assert_close(merged.covariance, torch.cov(x.T), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(whole.mean, x.mean(0), rtol=1e-12, atol=1e-15)
    far = frechet_distance((x + 1000).float(), (y + 1000).float())
    assert float(far) == pytest.approx(float(frechet_distance(x, y)), rel=1e-3)


def test_zero_for_equal_sets_and_refuses_one_sample():
    x, _ = sets(50, 50, 80)
    assert float(frechet_distance(x, x)) < 1e-8
    with pytest.raises(DataError, match="at least 2"):
        frechet_distance(x[:1], x)

"""Norms, minibatch statistics, packing, whitening, equalised layers: their laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.nn import (
    EqualisedLinear,
    MinibatchDiscrimination,
    MinibatchStddev,
    Packed,
    PixelNorm,
    Whitening,
    condition_number,
    group_norm,
    instance_norm,
    layer_norm,
    whitening_matrix,
)
from advsci.penalties.scores import couples_batch

DOUBLE = torch.double


@pytest.mark.parametrize("make, axes", [(layer_norm, (1, 2, 3)), (instance_norm, (2, 3))])
def test_norms_give_mean_0_and_variance_1_over_their_axes(make, axes):
    y = make(6).to(DOUBLE)(3.0 + 2.0 * torch.randn(4, 6, 5, 5, dtype=DOUBLE))
    variance, mean = torch.var_mean(y, axes, correction=0)
    torch.testing.assert_close(mean, torch.zeros_like(mean))
    torch.testing.assert_close(variance, torch.ones_like(variance), rtol=1e-4, atol=1e-4)


def test_group_norm_interpolates_between_layer_and_instance_norm():
    x = torch.randn(2, 6, 3, 3)
    torch.testing.assert_close(group_norm(1)(6)(x), layer_norm(6)(x))
    torch.testing.assert_close(group_norm(6)(6)(x), instance_norm(6)(x))
    with pytest.raises(ConfigError, match="divisor"):
        group_norm(4)(6)


@pytest.mark.parametrize("make", [layer_norm, instance_norm, group_norm(2)])
def test_only_batch_statistics_couple_a_batch(make):
    assert not couples_batch(make(4))
    assert all(
        couples_batch(m)
        for m in (MinibatchStddev(), MinibatchDiscrimination(3), Packed(make(4)), torch.nn.BatchNorm2d(4))
    )


def test_pixel_norm_puts_every_position_on_the_sphere():
    y = PixelNorm()(torch.randn(3, 5, 2, 2, dtype=DOUBLE))
    torch.testing.assert_close(y.square().mean(1), torch.ones(3, 2, 2, dtype=DOUBLE), rtol=1e-6, atol=1e-6)


def test_the_multiplier_leaves_the_output_distribution_and_scales_the_gradient():
    torch.manual_seed(0)
    x = torch.randn(64, 32)
    for multiplier in (1.0, 0.01):
        layer = EqualisedLinear(32, 512, multiplier=multiplier, bias=0.5)
        y = layer(x)
        assert float((y.detach() - 0.5).std()) == pytest.approx(1.0, rel=0.05)
        y.sum().backward()
        torch.testing.assert_close(layer.bias.grad, torch.full((512,), 64.0 * multiplier))


def test_identical_samples_have_no_spread_and_full_closeness():
    same = torch.randn(1, 3, dtype=DOUBLE).expand(5, 3)
    torch.testing.assert_close(MinibatchStddev(eps=1e-12)(same)[:, 3], torch.full((5,), 1e-6, dtype=DOUBLE))
    torch.testing.assert_close(
        MinibatchDiscrimination(3, 7, 2).to(DOUBLE)(same)[:, 3:], torch.full((5, 7), 4.0, dtype=DOUBLE)
    )


def test_minibatch_stddev_equals_its_formula():
    x = torch.randn(4, 2, 3, 3, dtype=DOUBLE)
    expected = x.std(0, unbiased=False).mean()
    torch.testing.assert_close(MinibatchStddev(eps=0.0)(x)[:, 2], expected.expand(4, 3, 3))
    pair = x[[0, 2]].std(0, unbiased=False).mean()
    torch.testing.assert_close(MinibatchStddev(2, eps=0.0)(x)[0, 2, 0, 0], pair)
    with pytest.raises(ShapeError, match="multiple"):
        MinibatchStddev(3)(x)


def test_minibatch_discrimination_is_equivariant_and_matches_a_loop():
    layer = MinibatchDiscrimination(3, 4, 2).to(DOUBLE)
    f = torch.randn(5, 3, dtype=DOUBLE)
    order = torch.randperm(5)
    torch.testing.assert_close(layer(f[order]), layer(f)[order])
    m = torch.einsum("nd,dkc->nkc", f, layer.weight)
    loop = sum(torch.exp(-(m[0] - m[j]).abs().sum(1)) for j in range(1, 5))
    torch.testing.assert_close(layer(f)[0, 3:], loop)


@settings(max_examples=15, deadline=None)
@given(packs=st.integers(1, 4), m=st.integers(1, 4), d=st.integers(1, 3))
def test_packs_permute_as_wholes_and_share_a_logit(packs, m, d):
    net = torch.nn.Linear(m * d, 1).to(DOUBLE)
    packed = Packed(torch.nn.Sequential(net, torch.nn.Tanh()), m)
    x = torch.randn(packs * m, d, dtype=DOUBLE)
    logits = packed(x).reshape(packs, m)
    torch.testing.assert_close(logits, logits[:, :1].expand(packs, m))
    order = torch.randperm(packs)
    shuffled = x.reshape(packs, m, d)[order].reshape(-1, d)
    torch.testing.assert_close(packed(shuffled).reshape(packs, m), logits[order])
    if m > 1:
        with pytest.raises(ShapeError, match="packs"):
            packed(x[1:])


def test_the_gradient_of_packed_logits_is_m_times_the_pack_s():
    w = torch.randn(1, 6, dtype=DOUBLE)
    packed = Packed(_Affine(w), 3)
    x = torch.randn(6, 2, dtype=DOUBLE, requires_grad=True)
    (gradient,) = torch.autograd.grad(packed(x).sum(), x)
    torch.testing.assert_close(gradient, 3.0 * w.reshape(3, 2).repeat(2, 1))


class _Affine(torch.nn.Module):
    def __init__(self, w):
        super().__init__()
        self.w = w

    def forward(self, x):
        return x @ self.w.T


@settings(max_examples=20, deadline=None)
@given(d=st.integers(1, 6), method=st.sampled_from(["pca", "zca", "cholesky"]), seed=st.integers(0, 99))
def test_whitened_data_have_mean_0_and_covariance_I_and_come_back(d, method, seed):
    g = torch.Generator().manual_seed(seed)
    mix = 3.0 * torch.eye(d) + torch.randn(d, d, generator=g, dtype=DOUBLE)
    x = torch.randn(200, d, generator=g, dtype=DOUBLE) @ mix + 5.0
    whiten = Whitening(x, method)
    y = whiten(x)
    torch.testing.assert_close(y.mean(0), torch.zeros(d, dtype=DOUBLE), atol=1e-8, rtol=0)
    torch.testing.assert_close(torch.cov(y.T).reshape(d, d), torch.eye(d, dtype=DOUBLE), atol=1e-6, rtol=0)
    torch.testing.assert_close(whiten.inverse(y), x, atol=1e-7, rtol=1e-7)
    assert float(condition_number(y)) == pytest.approx(1.0, rel=1e-5)


def test_each_whitening_has_its_own_form():
    a = torch.randn(4, 4, dtype=DOUBLE)
    sigma = a @ a.T + torch.eye(4)
    pca, zca, cholesky = (whitening_matrix(sigma, m) for m in ("pca", "zca", "cholesky"))
    torch.testing.assert_close(zca, zca.T)
    torch.testing.assert_close(cholesky, cholesky.triu())
    torch.testing.assert_close((pca @ sigma)[0], pca[0] * torch.linalg.eigvalsh(sigma)[-1])
    for w in (pca, zca, cholesky):
        torch.testing.assert_close(w.T @ w, torch.linalg.inv(sigma))


def test_condition_number_of_known_variances():
    x = torch.tensor([[1.0, 10.0], [1.0, -10.0], [-1.0, 10.0], [-1.0, -10.0]], dtype=DOUBLE)
    assert float(condition_number(x)) == pytest.approx(100.0)
    assert math.isinf(float(condition_number(x[:2])))


def test_singular_data_are_refused_or_ridged():
    x = torch.randn(50, 1, dtype=DOUBLE) * torch.ones(3, dtype=DOUBLE)
    with pytest.raises(DataError, match="rank 1"):
        Whitening(x)
    assert torch.isfinite(Whitening(x, ridge=1e-3)(x)).all()

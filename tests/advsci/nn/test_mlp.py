"""Perceptrons: resolution of Fourier features, identity of residual layers, conditions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from advsci.errors import AdvsciError, ConfigError, ShapeError
from advsci.nn import MLP, ConditionEmbedding, FourierFeatures, Projection


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 4), d=st.integers(1, 5), out=st.integers(1, 3), depth=st.integers(1, 4), residual=st.booleans())
def test_every_size_gives_its_shape_and_moves_every_parameter(n, d, out, depth, residual):
    net = MLP(d, out, 8, depth, residual=residual, condition=3, fourier=FourierFeatures(d, 6))
    labels, y = torch.zeros(n, dtype=torch.int64), None
    y = net(torch.randn(n, d), labels)
    assert y.shape == (n, out)
    y.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_the_kernel_of_fourier_features_is_gaussian():
    # E cos(Bx + phi) cos(By + phi) = exp(-|x - y|^2 / (2 l^2)) / 2 for one length l
    features = FourierFeatures(2, 200_000, lengths=(0.5, 0.5))
    x = torch.tensor([[0.0, 0.0], [0.3, 0.4]])
    waves = features(x)[:, 2:]
    assert float(waves[0] @ waves[1]) == pytest.approx(math.exp(-0.25 / (2 * 0.25)), abs=0.01)
    assert torch.equal(features(x)[:, :2], x)


def test_residual_layers_start_as_the_identity():
    deep, shallow = MLP(3, 2, 16, 9, residual=True), MLP(3, 2, 16, 1)
    shallow.first, shallow.rest[-1] = deep.first, deep.rest[-1]
    x = torch.randn(5, 3)
    torch.testing.assert_close(deep(x), shallow(x))


def test_labels_are_one_hot_vectors():
    embedding = ConditionEmbedding(4, 6)
    labels = torch.tensor([2, 0, 3])
    torch.testing.assert_close(embedding(labels), 2.0 * embedding(torch.nn.functional.one_hot(labels, 4)))


def test_projection_is_linear_in_the_features_for_each_condition():
    net = Projection(torch.nn.Identity(), 5, 3).double()
    x, y = torch.randn(2, 7, 5, dtype=torch.double)
    labels = torch.randint(3, (7,))
    torch.testing.assert_close(net(0.3 * x + 0.7 * y, labels), 0.3 * net(x, labels) + 0.7 * net(y, labels))
    assert not torch.allclose(net(x, labels), net(x, (labels + 1) % 3))


def test_errors_say_what_was_expected():
    with pytest.raises(ConfigError, match="at least 1"):
        MLP(2, 1, depth=0)
    with pytest.raises(ConfigError, match="smallest"):
        FourierFeatures(2, 4, lengths=(1.0, 0.1))
    with pytest.raises(AdvsciError, match="condition"):
        MLP(2, 1)(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ShapeError, match="no condition"):
        MLP(2, 1, condition=3)(torch.zeros(3, 2))

"""Singular values of the generator's Jacobian without the Jacobian."""

import pytest
import torch

from advsci.diagnostics import effective_rank, singular_values
from advsci.nn import MLP

DOUBLE = torch.double


def test_a_linear_generator_has_the_singular_values_of_its_matrix():
    a = torch.randn(6, 4, dtype=DOUBLE)
    z = torch.randn(3, 4, dtype=DOUBLE)
    torch.testing.assert_close(singular_values(lambda z: z @ a.T, z), torch.linalg.svdvals(a).expand(3, 4))


def test_the_leading_values_of_a_network_agree_with_the_dense_jacobian():
    net = MLP(30, 12, 16, 2, activation=torch.nn.Tanh).double()
    z = torch.randn(2, 30, dtype=DOUBLE)
    found = singular_values(net, z, 3, power=30)
    for i in range(2):
        dense = torch.func.jacrev(lambda one: net(one.unsqueeze(0)).squeeze(0))(z[i])
        torch.testing.assert_close(found[i], torch.linalg.svdvals(dense)[:3], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [None, 2])
def test_images_and_collapsed_directions(count):
    generator = lambda z: (z[:, :1].unsqueeze(-1) * torch.ones(2, 3, dtype=DOUBLE)).unsqueeze(1)  # noqa: E731
    values = singular_values(generator, torch.randn(4, 5, dtype=DOUBLE), count)
    assert values[:, 0].tolist() == pytest.approx([6**0.5] * 4)
    assert float(values[:, 1:].abs().max()) < 1e-12
    assert effective_rank(values).tolist() == pytest.approx([1.0] * 4)


def test_effective_rank_of_known_spectra():
    values = torch.tensor([[2.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    assert effective_rank(values).tolist() == pytest.approx([3.0, 0.0, 1.0])

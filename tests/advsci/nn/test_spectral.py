"""Operator norms against the dense matrix of the operator."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from advsci.errors import ConfigError, ShapeError
from advsci.nn.spectral import SpectralNorm, convolution_norm, matrix_norm, spectral_norm
from advsci.streams import Stream

REAL = torch.float64


@torch.no_grad()
def dense_norm(operator, shape) -> float:
    """Largest singular value of an affine map of images, by its images of the unit vectors."""
    n = int(torch.tensor(shape).prod())
    units = torch.eye(n, dtype=REAL).view(n, *shape)
    return float(torch.linalg.matrix_norm((operator(units) - operator(0.0 * units)).flatten(1), ord=2))


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "groups"),
    [((3, 2, 3, 3), 1, 1, 1), ((2, 3, 3, 3), 2, 1, 1), ((4, 1, 3, 2), 1, 2, 2), ((4, 2, 4, 4), 4, 1, 1)],
)
def test_circular_convolution_is_exact(kernel, stride, dilation, groups):
    weight, size = Stream(0).normal(kernel, dtype=REAL), (8, 8)
    reach = [dilation * (k - 1) for k in kernel[2:]]

    def operator(x):
        return conv2d(pad(x, (0, reach[1], 0, reach[0]), mode="circular"), weight, None, stride, 0, dilation, groups)

    settings = {"stride": stride, "dilation": dilation, "groups": groups}
    found = float(convolution_norm(weight, size, circular=True, **settings))
    assert found == pytest.approx(dense_norm(operator, (kernel[1] * groups, *size)), rel=1e-10)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_zero_padding_is_bounded_closely(stride, padding):
    weight = Stream(0).normal((3, 2, 3, 3), dtype=REAL)
    exact = dense_norm(lambda x: conv2d(x, weight, stride=stride, padding=padding), (2, 9, 9))
    bound = float(convolution_norm(weight, (9, 9), stride=stride))
    assert exact <= bound * (1 + 1e-12) and bound < 1.25 * exact


def test_the_flattened_kernel_is_not_the_operator():
    """A 3 x 3 box filter has the norm 9, its kernel as a matrix the norm 3."""
    box = torch.ones(1, 1, 3, 3, dtype=REAL)
    assert float(convolution_norm(box, (6, 6), circular=True)) == pytest.approx(9.0)
    assert float(matrix_norm(box.flatten(1))) == pytest.approx(3.0)


@pytest.mark.parametrize("exact", [True, False])
def test_a_linear_layer_gets_the_bound(exact):
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(6, 4, dtype=REAL), bound=0.7, exact=exact, iterations=20)
    for _ in range(20):
        _ = layer.weight
    assert dense_norm(layer.eval(), (6,)) == pytest.approx(0.7, rel=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_power_iteration_finds_the_norm_of_a_zero_padded_convolution(stride):
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 3, stride=stride, padding=1, dtype=REAL)
    layer = spectral_norm(layer, size=(6, 6), iterations=50)
    for _ in range(20):
        _ = layer.weight
    assert dense_norm(layer.eval(), (2, 6, 6)) == pytest.approx(1.0, rel=1e-3)


def test_exact_convolution_gets_the_bound():
    torch.manual_seed(0)
    layer = spectral_norm(nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular", dtype=REAL), size=(5, 5), exact=True)
    assert dense_norm(layer, (2, 5, 5)) == pytest.approx(1.0, rel=1e-9)


def test_gradient_is_that_of_the_normalised_weight():
    torch.manual_seed(0)
    weight = torch.randn(3, 4, dtype=REAL, requires_grad=True)
    normalise = SpectralNorm(nn.Linear(4, 3, dtype=REAL), exact=True)
    assert torch.autograd.gradcheck(normalise, weight)
    kernel = torch.randn(2, 2, 3, 3, dtype=REAL, requires_grad=True)
    layer = nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular", dtype=REAL)
    assert torch.autograd.gradcheck(SpectralNorm(layer, size=(4, 4), exact=True), kernel)


def test_the_vector_is_in_the_state_and_evaluation_does_not_move_it():
    layer = spectral_norm(nn.Linear(4, 3))
    (name,) = [key for key in layer.state_dict() if key.endswith("vector")]
    layer.eval()
    before = layer.state_dict()[name].clone()
    layer(torch.ones(2, 4))
    assert torch.equal(layer.state_dict()[name], before)


def test_what_does_not_fit_is_named():
    with pytest.raises(ConfigError, match="size=None"):
        spectral_norm(nn.Conv2d(1, 1, 3))
    with pytest.raises(ConfigError, match="expected Linear or Conv2d"):
        spectral_norm(nn.Bilinear(2, 2, 2))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="divisible"):
        convolution_norm(torch.ones(1, 1, 3, 3), (5, 5), stride=2, circular=True)

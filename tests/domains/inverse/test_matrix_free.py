"""Data steps by products alone against explicit matrices, and the refiner that plans with either."""

import pytest
import torch

from advsci.errors import DataError
from advsci.streams import Stream
from advsci_inverse.operators import DenseOperator, Radon, equispaced_angles
from advsci_inverse.operators.covariance import LowRankCovariance
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.matrix_free_step import MatrixFreeStep
from advsci_inverse.priors.refiner import Refiner

SHAPE, SIGMA, SCALE = (6, 5), 0.2, 1.7


def _random(*shape, purpose="x"):
    return Stream(0).at(purpose).normal(shape, dtype=torch.float64)


OPERATOR = DenseOperator(_random(12, 30, purpose="operator"), SHAPE)
LOW_RANK = LowRankCovariance(_random(30, 3, purpose="factor"), _random(30, purpose="rest").square())


def _step(covariance, **how):
    return MatrixFreeStep(OPERATOR, covariance, torch.float64, rank=4, tolerance=1e-13, **how)


def _matrix(covariance):
    """The covariance as a matrix."""
    if covariance is None:
        return torch.eye(30, dtype=torch.float64)
    return covariance.factor @ covariance.factor.T + torch.diag(covariance.rest)


def _gain(covariance):
    """The matrix from residuals to corrections."""
    a, c = OPERATOR.weight, SCALE * _matrix(covariance)
    return c @ a.T @ torch.linalg.inv(a @ c @ a.T + SIGMA**2 * torch.eye(12, dtype=torch.float64))


@pytest.mark.parametrize("covariance", [None, LOW_RANK], ids=["identity", "low rank"])
def test_value_and_gradient_are_those_of_the_matrices(covariance):
    v, y = (_random(2, *shape, purpose="point").requires_grad_() for shape in (SHAPE, (12,)))
    step, gain = _step(covariance), _gain(covariance)
    found = step(v, y, SIGMA, SCALE)
    exact = v.flatten(1) + (y - v.flatten(1) @ OPERATOR.weight.T) @ gain.T
    torch.testing.assert_close(found.flatten(1), exact, rtol=1e-9, atol=1e-9)
    w = _random(2, 30, purpose="w")
    ours, theirs = (torch.autograd.grad((w * x.flatten(1)).sum(), (v, y)) for x in (found, exact))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        found, DataStep(OPERATOR, covariance, torch.float64)(v, y, SIGMA, SCALE), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("covariance", [None, LOW_RANK], ids=["identity", "low rank"])
def test_mean_variance_is_unbiased(covariance):
    c = SCALE * _matrix(covariance)
    exact = float((c - _gain(covariance) @ OPERATOR.weight @ c).diagonal().mean())
    estimate = _step(covariance).mean_variance(SIGMA, SCALE, probes=4000)
    assert abs(estimate / exact - 1) < 0.02
    assert DataStep(OPERATOR, covariance, torch.float64).mean_variance(SIGMA, SCALE) == pytest.approx(exact, rel=1e-4)


def test_a_factored_covariance_is_its_matrix():
    torch.testing.assert_close(LOW_RANK(torch.eye(30, dtype=torch.float64)), _matrix(LOW_RANK))
    torch.testing.assert_close(LOW_RANK.diagonal(), _matrix(LOW_RANK).diagonal())
    v, y = _random(2, *SHAPE), _random(2, 12)
    factored, whole = (DataStep(OPERATOR, c, torch.float64) for c in (LOW_RANK, _matrix(LOW_RANK)))
    torch.testing.assert_close(factored(v, y, SIGMA), whole(v, y, SIGMA))
    torch.testing.assert_close(factored.variance(SIGMA), whole.variance(SIGMA))


def test_the_sketch_makes_a_low_rank_system_easy():
    strong = LowRankCovariance(100.0 * LOW_RANK.factor, 1e-4 * torch.ones(30, dtype=torch.float64))
    y, zero = _random(2, 12), torch.zeros(2, *SHAPE, dtype=torch.float64)
    a, c = OPERATOR.weight, _matrix(strong)
    exact = y @ torch.linalg.solve(a @ c @ a.T + 0.01 * torch.eye(12, dtype=torch.float64), a @ c)
    few = MatrixFreeStep(OPERATOR, strong, rank=8, steps=4, tolerance=1e-10)(zero, y, 0.1)
    torch.testing.assert_close(few.flatten(1), exact, rtol=1e-6, atol=1e-6)


def test_a_system_that_stays_unsolved_is_refused():
    with pytest.raises(DataError, match="after 1 conjugate gradient steps"):
        MatrixFreeStep(OPERATOR, LOW_RANK, rank=0, steps=1).mean_variance(1e-3)


def test_a_refiner_reconstructs_alike_with_matrices_and_without():
    images = Stream(0).at("images").uniform((80, 12, 12))
    refiner = Refiner((12, 12), rank=6, widths=(8, 8), blocks=(1, 1)).eval()
    refiner.fit_covariance(images)
    torch.nn.init.normal_(refiner.denoiser.body.head.weight, std=0.1, generator=Stream(0).generator())
    operator = Radon(12, equispaced_angles(4))
    y = operator(images[:3])
    plans = [refiner.plan(operator, 0.2, explicit=True, dense=n) for n in (2**20, 0)]
    assert plans[0].gains is not None and plans[1].gains is None
    assert plans[1].levels == pytest.approx(plans[0].levels, rel=0.1)
    plans[1] = type(plans[1])(operator, 0.2, plans[1].linear, plans[1].white, plans[0].levels)
    for dense, free in zip(*(refiner.reconstruct(plan, y) for plan in plans), strict=True):
        torch.testing.assert_close(free, dense, rtol=1e-3, atol=1e-3)
    grads = []
    for plan in plans:
        loss = refiner([(plan, y)])[-1][0].square().sum()
        grads.append(torch.autograd.grad(loss, refiner.denoiser.body.head.weight)[0])
    torch.testing.assert_close(grads[1], grads[0], rtol=1e-2, atol=1e-2 * float(grads[0].abs().max()))

"""Our operators in SciPy, PyLops and deepinv: the same numbers, and back again."""

import sys
import types

import numpy as np
import pytest
import scipy.sparse.linalg
import torch

from advsci.errors import MissingDependencyError
from advsci_inverse.operators import (
    DenseOperator,
    FourierSampling,
    Radon,
    as_operator,
    cartesian_mask,
    equispaced_angles,
)
from advsci_inverse.operators.foreign import to_deepinv, to_scipy


def test_scipy_solves_with_an_operator_of_ours():
    matrix = torch.randn(12, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    theirs = to_scipy(DenseOperator(matrix, (2, 3)))
    x = np.arange(6.0)
    np.testing.assert_allclose(theirs.rmatvec(theirs.matvec(x)), matrix.T.numpy() @ (matrix.numpy() @ x))
    np.testing.assert_allclose(theirs @ np.eye(6), matrix.numpy())
    np.testing.assert_allclose(scipy.sparse.linalg.lsqr(theirs, theirs.matvec(x), atol=1e-12)[0], x, atol=1e-8)


def test_pylops_composes_an_operator_of_ours_which_comes_back():
    pylops = pytest.importorskip("pylops", reason="PyLops is not installed")
    ours = Radon(8, equispaced_angles(5))
    theirs = pylops.aslinearoperator(to_scipy(ours)) @ pylops.Identity(64)
    x = torch.rand(2, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(as_operator(theirs, (8, 8), ours.data_shape)(x), ours(x))


class _LinearPhysics:
    """deepinv's class as far as it is used here."""

    def __init__(self, A, A_adjoint, noise_model=None):
        self.A, self.A_adjoint, self.noise_model = A, A_adjoint, noise_model


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_an_operator_goes_to_deepinv_and_comes_back(kind, monkeypatch):
    package, physics = types.ModuleType("deepinv"), types.ModuleType("deepinv.physics")
    physics.LinearPhysics = _LinearPhysics  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "deepinv", package)
    monkeypatch.setitem(sys.modules, "deepinv.physics", physics)
    sampled = FourierSampling(cartesian_mask((6, 8), 2.0), complex_image=kind == "complex")
    theirs = to_deepinv(sampled, noise_model="none")
    shape = sampled.image_shape
    x = torch.randn(2, *shape, requires_grad=True)
    with_channels = x.movedim(-1, 1) if kind == "complex" else x[:, None]
    torch.testing.assert_close(theirs.A(with_channels), sampled(x))
    theirs.A(with_channels).square().sum().backward()
    torch.testing.assert_close(x.grad, 2 * sampled.adjoint(sampled(x.detach())))
    torch.testing.assert_close(as_operator(theirs, shape)(x), sampled(x))
    assert theirs.noise_model == "none"


def test_the_real_deepinv_takes_an_operator_of_ours():
    try:
        import deepinv  # noqa: F401  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"deepinv cannot be imported: {error}")
    ours = Radon(8, equispaced_angles(5))
    theirs, x = to_deepinv(ours), torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(theirs.A(x), ours(x[:, 0]))
    assert theirs.adjointness_test(x).abs() < 1e-3


def test_physics_of_the_real_deepinv_become_operators_of_ours():
    try:
        from deepinv import physics  # pyright: ignore[reportMissingImports]
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"deepinv cannot be imported: {error}")
    scanner = physics.Tomography(angles=5, img_width=8, circle=False, normalize=False)
    ours, x = as_operator(scanner, (8, 8)), torch.rand(2, 8, 8)
    torch.testing.assert_close(ours(x), scanner.A(x[:, None]).reshape(2, *ours.data_shape), rtol=1e-5, atol=1e-5)


def test_deepinv_that_is_absent_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepinv", None)
    monkeypatch.setitem(sys.modules, "deepinv.physics", None)
    with pytest.raises(MissingDependencyError, match="pip install deepinv"):
        to_deepinv(DenseOperator(torch.eye(4), (2, 2)))

"""Conjugate gradients against a direct solution, with damping, a reference and a batch of different systems."""

import pytest
import torch

from advsci.linalg import conjugate_gradients, least_squares
from advsci.streams import Stream

A = Stream(0).at("A").normal((3, 7, 5), dtype=torch.float64)
y = Stream(0).at("y").normal((3, 7), dtype=torch.float64)


def product(x):
    return torch.einsum("nij,nj->ni", A, x)


def adjoint(y):
    return torch.einsum("nij,ni->nj", A, y)


def test_symmetric_systems_are_solved_in_as_many_steps_as_unknowns():
    system = A.transpose(1, 2) @ A
    b = adjoint(y)
    x = conjugate_gradients(lambda v: torch.einsum("nij,nj->ni", system, v), b, tolerance=0.0, steps=5)
    assert torch.allclose(x, torch.linalg.solve(system, b), rtol=1e-8)


def test_it_stops_at_the_tolerance_and_leaves_solved_samples_alone():
    b = torch.stack([torch.zeros(4), torch.ones(4)])
    calls = []
    x = conjugate_gradients(lambda v: (calls.append(1), 2.0 * v)[1], b)
    assert torch.equal(x, b / 2.0) and len(calls) == 1


def test_an_exact_preconditioner_solves_in_one_step_and_any_other_changes_only_the_way():
    system = A.transpose(1, 2) @ A
    b, inverse = adjoint(y), torch.linalg.inv(system)
    apply = lambda matrix: lambda v: torch.einsum("nij,nj->ni", matrix, v)  # noqa: E731
    expected = torch.linalg.solve(system, b)
    once = conjugate_gradients(apply(system), b, tolerance=0.0, steps=1, precondition=apply(inverse))
    assert torch.allclose(once, expected, rtol=1e-8)
    diagonal = torch.diag_embed(1.0 / system.diagonal(dim1=1, dim2=2))
    x = conjugate_gradients(apply(system), b, tolerance=0.0, steps=5, precondition=apply(diagonal))
    assert torch.allclose(x, expected, rtol=1e-8)


@pytest.mark.parametrize("damping", [0.0, 0.7, torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)])
def test_least_squares_solves_the_damped_normal_equations(damping):
    reference = Stream(0).at("reference").normal((3, 5), dtype=torch.float64)
    start = torch.zeros(3, 5, dtype=torch.float64)
    rho = torch.as_tensor(damping, dtype=torch.float64).reshape(-1, 1, 1) * torch.eye(5, dtype=torch.float64)
    system = A.transpose(1, 2) @ A + rho
    expected = torch.linalg.solve(system, adjoint(y) + torch.einsum("nij,nj->ni", rho.expand(3, 5, 5), reference))
    x = least_squares(product, adjoint, y, steps=8, start=start, damping=damping, reference=reference)
    assert torch.allclose(x, expected, rtol=1e-7)


def test_shapes_pass_through_the_meta_device():
    b = torch.zeros(2, 3, device="meta")
    assert conjugate_gradients(lambda v: v, b).shape == (2, 3)

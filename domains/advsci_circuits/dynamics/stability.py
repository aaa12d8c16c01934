"""Whether an equilibrium attracts, without eigenvalues.

Faddeev and LeVerrier give the characteristic polynomial from traces, Routh's table tells from its coefficients whether
all roots lie in the left half-plane: a few products a matrix, batched, on any device, no host sync.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["characteristic_polynomial", "is_hurwitz", "is_stable"]


def characteristic_polynomial(matrix: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b c"]:
    """Coefficients ``c_0 = 1, ..., c_n`` of ``det(s I - A) = sum_k c_k s^(n-k)`` (Faddeev-LeVerrier)."""
    n = matrix.shape[-1]
    identity = torch.eye(n, dtype=matrix.dtype, device=matrix.device)
    term = identity.expand_as(matrix)
    coefficients = [torch.ones_like(matrix[..., 0, 0])]
    for k in range(1, n + 1):
        product = matrix @ term
        coefficients.append(-product.diagonal(dim1=-2, dim2=-1).sum(-1) / k)
        term = product + coefficients[-1][..., None, None] * identity
    return torch.stack(coefficients, -1)


def is_hurwitz(polynomial: Float[Tensor, "*b c"]) -> Bool[Tensor, "*b"]:
    """Routh-Hurwitz: whether every root has a negative real part, from coefficients with c_0 = 1.

    The first column of Routh's table must be positive; a zero there (a root on the axis) counts as not stable.
    """
    n = polynomial.shape[-1] - 1
    pad = torch.zeros_like(polynomial[..., :1])
    above = torch.cat([polynomial[..., 0::2], pad], -1)
    row = torch.cat([polynomial[..., 1::2], pad, pad], -1)[..., : above.shape[-1]]
    stable = torch.ones_like(polynomial[..., 0], dtype=torch.bool)
    for _ in range(n):
        lead = row[..., :1]
        stable = stable & (lead[..., 0] > 0)
        following = above[..., 1:] - above[..., :1] * row[..., 1:] / lead
        above, row = row, torch.cat([following, pad], -1)
    return stable


def is_stable(jacobian: Float[Tensor, "*b n n"]) -> Bool[Tensor, "*b"]:
    """Whether all eigenvalues have negative real parts."""
    size = jacobian.abs().amax((-2, -1), keepdim=True).clamp_min(torch.finfo(jacobian.dtype).tiny)
    return is_hurwitz(characteristic_polynomial(jacobian / size))

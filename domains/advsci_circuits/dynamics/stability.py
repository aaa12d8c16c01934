"""Whether an equilibrium attracts.

Up to `FEW` genes without eigenvalues: Faddeev and LeVerrier give the characteristic polynomial from traces, Routh's
table tells from its coefficients whether all roots lie in the left half-plane: a few products per matrix, batched, on
any device, no host sync. Beyond, the polynomial's rounding errors grow with the number of genes, so eigenvalues decide.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["FEW", "characteristic_polynomial", "is_hurwitz", "is_stable", "stability"]

FEW = 8
"""Genes up to which the characteristic polynomial is exact enough."""


def characteristic_polynomial(matrix: Float[Tensor, "*b n n"]) -> Float[Tensor, "*b c"]:
    """Coefficients ``c_0 = 1, ..., c_n`` of ``det(s I - A) = sum_k c_k s^(n-k)`` (Faddeev-LeVerrier).

    Parameters
    ----------
    matrix
        Square matrices of a few rows, entries near one.
    """
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

    Parameters
    ----------
    polynomial
        Coefficients ``c_0 = 1, ..., c_n``, highest power first.
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


def stability(jacobian: Float[Tensor, "*b n n"]) -> tuple[Bool[Tensor, "*b"], Int[Tensor, "*b"]]:
    """Whether all eigenvalues have negative real parts, and the sign of ``det(-J)``.

    Parameters
    ----------
    jacobian
        Jacobians at equilibria.

    Returns
    -------
    (stable, sign) : Bool[Tensor, "*b"], Int[Tensor, "*b"]
    """
    size = jacobian.abs().amax((-2, -1), keepdim=True).clamp_min(torch.finfo(jacobian.dtype).tiny)
    scaled = jacobian / size
    if jacobian.shape[-1] <= FEW:
        polynomial = characteristic_polynomial(scaled)
        return is_hurwitz(polynomial), polynomial[..., -1].sign().long()
    return torch.linalg.eigvals(scaled).real.amax(-1) < 0, torch.linalg.slogdet(-scaled).sign.long()


def is_stable(jacobian: Float[Tensor, "*b n n"]) -> Bool[Tensor, "*b"]:
    """Whether all eigenvalues have negative real parts.

    Parameters
    ----------
    jacobian
        Jacobians at equilibria.

    Examples
    --------
    >>> import torch
    >>> is_stable(torch.tensor([[-1.0, 2.0], [0.4, -1.0]]))
    tensor(True)
    """
    return stability(jacobian)[0]

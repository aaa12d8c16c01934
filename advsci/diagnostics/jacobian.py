r"""The generator's Jacobian :math:`J_G(z) = \partial G / \partial z`: along how many directions do samples really vary?

Its singular values come from products :math:`J_G u` and :math:`J_G^T w` alone; the matrix (data by latent dimensions)
is never formed.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jvp, vjp, vmap

from advsci.streams import Stream

__all__ = ["effective_rank", "singular_values"]

Generator = Callable[[Tensor], Tensor]


def singular_values(
    generator: Generator,
    z: Float[Tensor, "n k"],
    count: int | None = None,
    *,
    power: int = 4,
    stream: Stream | None = None,
) -> Float[Tensor, "n s"]:
    r"""The ``count`` largest singular values of :math:`J_G` at each latent vector, the largest first.

    Block power iteration with Rayleigh-Ritz on :math:`J_G^T J_G` (Halko et al. 2011, arXiv 0909.4061, algorithm 4.4): a
    block of twice ``count`` directions, all at once by ``vmap``. With ``count = None``, or a block as large as the
    latent space, the values are exact.

    Parameters
    ----------
    generator
        ``generator(z)``, which treats samples on their own.
    z
        Latent vectors.
    count
        Singular values wanted; None for all k.
    power
        Products with :math:`J_G^T J_G`; more for spectra that decay slowly.
    stream
        Key of the random start.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci.diagnostics import singular_values
    >>> singular_values(torch.nn.Linear(2, 3), Stream(0).normal((4, 2)), 2).shape
    torch.Size([4, 2])
    """
    n, k = z.shape
    count = k if count is None else min(count, k)
    block = min(2 * count, k)

    def at(one: Tensor) -> Tensor:
        """The generator's sample, flattened (d), at ``one`` latent vector."""
        return generator(one.unsqueeze(0)).reshape(-1)

    def products(one: Tensor, u: Tensor) -> Tensor:
        """Jacobian at ``one`` latent vector, times the rows of ``u`` (k latent): (k d)."""
        return vmap(lambda direction: jvp(at, (one,), (direction,))[1])(u)

    def pulled(one: Tensor, w: Tensor) -> Tensor:
        """Transposed Jacobian at ``one`` latent vector, times the rows of ``w`` (k d): (k latent)."""
        pull = vjp(at, one)[1]
        return vmap(lambda cotangent: pull(cotangent)[0])(w)

    if block == k:
        basis = torch.eye(k, dtype=z.dtype, device=z.device).expand(n, k, k)
    else:
        basis = (stream or Stream(0)).at("jacobian").normal((n, block, k), device=z.device, dtype=z.dtype)
        basis = _orthonormal(basis)
        for _ in range(power):
            basis = _orthonormal(vmap(pulled)(z, vmap(products)(z, basis)))
    return torch.linalg.svdvals(vmap(products)(z, basis))[:, :count]


def effective_rank(singular: Float[Tensor, "n s"]) -> Float[Tensor, " n"]:
    r"""Number of directions that matter: :math:`\exp H(p)` with :math:`p_i = \sigma_i / \sum_j \sigma_j`.

    s for equal singular values, 1 for a single one (Roy and Vetterli 2007, "The effective rank"); 0 where all vanish.
    """
    total = singular.sum(1, keepdim=True)
    p = singular / total.clamp_min(torch.finfo(singular.dtype).tiny)
    rank = torch.exp(torch.special.entr(p).sum(1))
    return torch.where(total.squeeze(1) > 0, rank, 0.0)


def _orthonormal(rows: Tensor) -> Tensor:
    """Orthonormal rows that span the same space, for every matrix of the batch."""
    return torch.linalg.qr(rows.transpose(1, 2)).Q.transpose(1, 2)

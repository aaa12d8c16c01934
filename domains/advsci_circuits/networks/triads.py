"""Triangles that a link would close: how the new gene reaches each earlier one by way of those it is linked to.

With ``a_ji`` the sign of gene i on gene j, and ``r_i``, ``t_i`` the signs of gene i on the new gene and of the new gene
on gene i, as far as they have been drawn, there are four ways of two links from the new gene to gene j:

``sum_i a_ji r_i, sum_i a_ij r_i, sum_i a_ji t_i, sum_i a_ij t_i``

(both regulated by i, regulated by way of i, regulating by way of i, both regulating i). States of genes tell what a
gene is like and not which one it is, so no network of states sees them.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["TRIADS", "triads"]

TRIADS = 13


def triads(
    acts: Float[Tensor, "b q i"], acted: Float[Tensor, "b q i"], own: Float[Tensor, "b i 2"], chosen: Int[Tensor, "b q"]
) -> Float[Tensor, "b q 13"]:
    """Of each of q genes: ways of two links, their signs added up, ways per gene linked to, genes linked to so far.

    Parameters
    ----------
    acts, acted
        Signs of earlier genes i on gene j, and of gene j on genes i.
    own
        Signs of genes i on the new gene, and of the new gene on genes i.
    chosen
        Genes that the new one had been linked to when gene j came.

    Returns
    -------
    Tensor
        Counts as ``log(1 + x)``, sums of signs as ``asinh(x)``.

    Examples
    --------
    >>> acts, acted = torch.tensor([[[1.0]]]), torch.tensor([[[0.0]]])  # gene 0 activates gene 1
    >>> own = torch.tensor([[[-1.0, 0.0]]])  # and represses the new gene
    >>> triads(acts, acted, own, torch.tensor([[1]]))[0, 0, 4:8].sinh().tolist()
    [-1.0, 0.0, 0.0, 0.0]
    """
    signed = torch.cat([acts @ own, acted @ own], -1)
    ways = torch.cat([acts.abs() @ own.abs(), acted.abs() @ own.abs()], -1)
    linked = chosen[..., None].to(ways.dtype)
    return torch.cat([ways.log1p(), signed.asinh(), ways / linked.clamp_min(1), linked.log1p()], -1)

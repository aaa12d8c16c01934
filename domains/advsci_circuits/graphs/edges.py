"""Sign matrices as channels (activation, repression) that networks take, and back."""

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

__all__ = ["classes_of", "edges_of", "signs_of"]


def edges_of(signs: Int8[Tensor, "b n n"]) -> Float[Tensor, "b n n 2"]:
    """(activation, repression) channels of sign matrices.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    """
    return torch.stack([signs > 0, signs < 0], -1).to(torch.get_default_dtype())


def classes_of(edges: Float[Tensor, "b n n 2"]) -> Int[Tensor, "b n n"]:
    """0 no edge, 1 activation, 2 repression.

    Parameters
    ----------
    edges
        Circuits as edges (activation, repression).
    """
    return edges[..., 0].long() + 2 * edges[..., 1].long()


def signs_of(edges: Float[Tensor, "b n n 2"]) -> Int8[Tensor, "b n n"]:
    """Sign matrices of hard edge channels.

    Parameters
    ----------
    edges
        Circuits as edges (activation, repression).
    """
    return (edges[..., 0] - edges[..., 1]).round().to(torch.int8)

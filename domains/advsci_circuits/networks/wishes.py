"""What a large network is asked for: its contents per gene, and what is left of them while it is built."""

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

__all__ = ["WISHES", "asked_for", "contents", "left_over", "wishes_of"]

WISHES = (
    "edges", "activations", "genes without regulator", "genes without target", "targets of the largest hub",
    "most regulators", "self-loops", "mutual pairs",
)  # fmt: skip
"""Each is asked for per gene."""


def contents(signs: Int8[Tensor, "b m m"], genes: Int[Tensor, " b"]) -> Float[Tensor, "b 8"]:
    """The counts that `WISHES` names, of the first ``genes`` of each network; the other genes have no edge.

    Parameters
    ----------
    signs
        Sign matrices.
    genes
        Genes that are there.

    Returns
    -------
    Tensor
        Counts.
    """
    edge = signs != 0
    there = torch.arange(signs.shape[1], device=signs.device) < genes[:, None]
    into, out = edge.sum(2), edge.sum(1)
    loops = edge.diagonal(dim1=1, dim2=2).sum(1)
    found = [
        into.sum(1), (signs > 0).sum((1, 2)), ((into == 0) & there).sum(1), ((out == 0) & there).sum(1),
        out.amax(1), into.amax(1), loops, ((edge & edge.mT).sum((1, 2)) - loops) / 2,
    ]  # fmt: skip
    return torch.stack([count.to(torch.get_default_dtype()) for count in found], 1)


def wishes_of(signs: Int8[Tensor, "b m m"], sizes: Int[Tensor, " b"]) -> Float[Tensor, "b 8"]:
    """Contents per gene of finished networks: what one would have to ask for to get their like.

    Parameters
    ----------
    signs
        Sign matrices.
    sizes
        Genes of each.

    Returns
    -------
    Tensor
        Counts per gene.

    Examples
    --------
    >>> signs = torch.tensor([[[0, 1], [-1, 0]]], dtype=torch.int8)
    >>> wishes_of(signs, torch.tensor([2]))[0].tolist()
    [1.0, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0, 0.5]
    """
    return contents(signs, sizes) / sizes[:, None]


def left_over(
    wishes: Float[Tensor, "b 8"], now: Float[Tensor, "b 8"], genes: Int[Tensor, " b"], sizes: Int[Tensor, " b"]
) -> Float[Tensor, "b 8"]:
    """What each gene still to come has to bring on average: ``(wish n - now) / (n - k)``.

    Parameters
    ----------
    wishes
        Contents per gene of the whole network.
    now
        Counts of what has been built.
    genes
        Genes k that are there.
    sizes
        Genes n of the whole network.
    """
    return (wishes * sizes[:, None] - now) / (sizes - genes).clamp_min(1)[:, None]


def asked_for(
    wishes: Float[Tensor, "b 8"],
    edges: float | None = None,
    activating: float | None = None,
    hub: float | None = None,
) -> Float[Tensor, "b 8"]:
    """Wishes with what the user asks for in place of what real networks have.

    Parameters
    ----------
    wishes
        Contents per gene.
    edges
        Edges per gene; the share of activations stays.
    activating
        Share of activations among the edges.
    hub
        Targets of the largest hub, as a share of the genes.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> asked_for(torch.ones(1, 8), edges=2.0, activating=0.25)[0, :3].tolist()
    [2.0, 0.5, 1.0]
    """
    out = wishes.clone()
    share = out[:, 1] / out[:, 0] if activating is None else torch.full_like(out[:, 1], activating)
    if edges is not None:
        out[:, 0] = edges
    out[:, 1] = share * out[:, 0]
    if hub is not None:
        out[:, 4] = hub
    return out

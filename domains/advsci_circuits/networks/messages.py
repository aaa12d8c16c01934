"""States of the genes of a partial network: messages along four relations of a signed directed graph.

``h_i <- h_i + silu(norm(W h_i + sum_r mean_{j in r(i)} W_r h_j + U mean_j h_j))`` with r one of: activated by,
repressed by, activates, represses (Schlichtkrull et al. 2018, https://arxiv.org/abs/1703.06103). Dense, since the
partial networks of a batch change with every gene.
"""

import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor, nn

__all__ = ["Messages", "degrees"]


def degrees(signs: Int8[Tensor, "b m m"]) -> Float[Tensor, "b m 6"]:
    """Of each gene: log(1 + count) of activators, repressors, activated and repressed genes; its own loop's sign.

    Parameters
    ----------
    signs
        Sign matrices.
    """
    up, down = (signs > 0).to(torch.get_default_dtype()), (signs < 0).to(torch.get_default_dtype())
    counts = torch.stack([up.sum(2), down.sum(2), up.sum(1), down.sum(1)], -1)
    loops = torch.stack([m.diagonal(dim1=1, dim2=2) for m in (up, down)], -1)
    return torch.cat([counts.log1p(), loops], -1)


class Messages(nn.Module):
    """Message passing over signs; ``features`` numbers come in per gene, ``width`` come out.

    Parameters
    ----------
    features
        Numbers per gene that come in.
    width
        Numbers per gene that come out.
    layers
        Rounds of messages.
    dropout
        Share of each round's changes that is lost in training.
    """

    def __init__(self, features: int, width: int, layers: int, dropout: float = 0.1):
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.relations = nn.ModuleList(nn.Linear(width, 4 * width, bias=False) for _ in range(layers))
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.whole = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, features: Float[Tensor, "b m f"], signs: Int8[Tensor, "b m m"], there: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b m w"]:
        """States of the genes.

        Parameters
        ----------
        features
            Numbers per gene.
        signs
            Sign matrices.
        there
            Which rows are genes.
        """
        up, down = (signs > 0).to(features.dtype), (signs < 0).to(features.dtype)
        relation = torch.stack([up, down, up.mT, down.mT], 1)
        relation = relation / relation.sum(-1, keepdim=True).clamp_min(1)
        mask = there[..., None].to(features.dtype)
        count = mask.sum(1).clamp_min(1)
        h = nn.functional.silu(self.enter(features)) * mask
        for relations, own, whole, norm in zip(self.relations, self.own, self.whole, self.norms, strict=True):
            sent = relations(h).unflatten(-1, (4, -1)).transpose(1, 2)
            change = (relation @ sent).sum(1) + own(h) + whole(h.sum(1) / count)[:, None]
            h = h + self.dropout(nn.functional.silu(norm(change))) * mask
        return h

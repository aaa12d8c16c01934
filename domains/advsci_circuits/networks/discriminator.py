"""The discriminator of large networks: typed message passing over the list of edges, one logit per network.

Relational graph convolution (Schlichtkrull et al. 2018, https://arxiv.org/abs/1703.06103) as PyTorch Geometric has it,
over four relations: activated by, repressed by, activates, represses. Counts of signed two- and three-cycles and
clustering are put in, since messages along edges do not count cycles.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import needs
from advsci.nn import MLP
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.messages import degrees

__all__ = ["NetworkDiscriminator", "cycles"]

FEATURES = 12
RELATIONS = 4


def cycles(batch: CircuitBatch) -> Float[Tensor, "b n 5"]:
    """Of each gene: log(1 + positive, negative two-cycles), the same of three-cycles; clustering with arrows ignored.

    Parameters
    ----------
    batch
        Networks.
    """
    own = torch.eye(batch.signs.shape[1], device=batch.signs.device)
    a = batch.signs.to(torch.get_default_dtype()) * (1 - own)
    b = a.abs()
    found = []
    for edge_walk, sign_walk in ((b @ b, a @ a), (b @ b @ b, a @ a @ a)):
        every, signed = (w.diagonal(dim1=1, dim2=2) for w in (edge_walk, sign_walk))
        found += [((every + signed) / 2).log1p(), ((every - signed) / 2).log1p()]
    u = ((b + b.mT) > 0).to(a.dtype)
    near = u.sum(2)
    found.append(((u @ u) * u).sum(2) / (near * (near - 1)).clamp_min(1))
    return torch.stack(found, -1)


class NetworkDiscriminator(nn.Module):
    """One logit per network; the same for any order of its genes.

    Parameters
    ----------
    width
        Numbers per gene.
    layers
        Rounds of messages.
    dropout
        Share of the changes that is lost in training.

    Examples
    --------
    >>> batch = CircuitBatch(torch.ones(2, 3, 3, dtype=torch.int8), torch.tensor([3, 3]))
    >>> NetworkDiscriminator(8, 1)(batch).shape
    torch.Size([2])
    """

    def __init__(self, width: int = 48, layers: int = 3, dropout: float = 0.15):
        super().__init__()
        with needs("torch-geometric", "circuits"):
            from torch_geometric.nn import RGCNConv
        self.width, self.layers = width, layers
        self.enter = nn.Linear(FEATURES, width)
        self.convolutions = nn.ModuleList(RGCNConv(width, width, RELATIONS, aggr="mean") for _ in range(layers))
        self.whole = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.out = MLP(3 * width + 2, 1, width)

    def forward(self, batch: CircuitBatch) -> Float[Tensor, " b"]:
        """One logit per network, high where it looks real.

        Parameters
        ----------
        batch
            Networks.
        """
        b, n = batch.signs.shape[:2]
        dtype = self.enter.weight.dtype
        graph, target, source = batch.signs.nonzero(as_tuple=True)
        kind = (batch.signs[graph, target, source] < 0).long()
        target, source = graph * n + target, graph * n + source
        edges = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
        kind = torch.cat([kind, kind + 2])
        mask = batch.mask[..., None].to(dtype)
        count = batch.sizes[:, None].to(dtype)
        size = (count / 60)[:, None].expand(-1, n, 1)
        h = torch.nn.functional.silu(self.enter(torch.cat([degrees(batch.signs), cycles(batch), size], -1))) * mask
        for convolution, whole, norm in zip(self.convolutions, self.whole, self.norms, strict=True):
            change = convolution(h.flatten(0, 1), edges, kind).view(b, n, -1) + whole(h.sum(1) / count)[:, None]
            h = h + self.dropout(nn.functional.silu(norm(change))) * mask
        mean = h.sum(1) / count
        spread = ((((h - mean[:, None]) * mask).square()).sum(1) / count + 1e-6).sqrt()
        most = h.masked_fill(mask == 0, -torch.inf).amax(1)
        density = (batch.signs != 0).sum((1, 2))[:, None].to(dtype) / count / 3
        return self.out(torch.cat([mean, spread, most, count / 60, density], 1))[:, 0]

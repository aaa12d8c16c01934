"""Networks on pairs of genes that commute with any reordering of the genes.

Every block mixes, for the ordered pair (i, j): the pair itself and its reverse, the means over what leaves and enters i
and j, the two self-pairs, the mean over all pairs, and a matrix product of two learned pair maps over the middle gene
(Maron et al. 2019, https://arxiv.org/abs/1905.11136: as strong as the 3-WL test, which tells regular graphs apart where
message passing cannot).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

__all__ = ["PairBlock", "PairNetwork"]


class PairBlock(nn.Module):
    """One residual block on pair features."""

    def __init__(self, width: int):
        super().__init__()
        half = width // 2
        self.split = (width, width, half, half)
        self.norm = nn.LayerNorm(width)
        # one product for the pair, its reverse and the two factors; no bias, so that padding stays zero
        self.mix = nn.Linear(width, sum(self.split), bias=False)
        self.node = nn.Linear(3 * width, 2 * width)
        self.product = nn.Linear(half, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(
        self, h: Float[Tensor, "b n n c"], pair: Float[Tensor, "b n n 1"], kept: Float[Tensor, "b c"] | None = None
    ) -> Float[Tensor, "b n n c"]:
        """The features after the block.

        Parameters
        ----------
        h
            Pair features.
        pair
            Which pairs are of genes.
        kept
            Factors of the hidden channels of each block: dropout, drawn by who trains.
        """
        x = self.norm(h) * pair
        count = pair[:, :, :, 0].sum(2).amax(1).clamp_min(1.0)[:, None, None]
        own = x.diagonal(dim1=1, dim2=2).mT
        node = torch.cat([x.sum(2) / count, x.sum(1) / count, own], -1)
        first, second = self.node(node + node.sum(1, keepdim=True) / count).chunk(2, -1)
        forward, reverse, left, right = self.mix(x).split(self.split, -1)
        path = left.permute(0, 3, 1, 2) @ right.permute(0, 3, 1, 2)
        mixed = self.product((path / count[..., None].sqrt()).permute(0, 2, 3, 1))
        for part in (forward, reverse.transpose(1, 2), first[:, :, None], second[:, None]):
            mixed += part  # in place: these sums are bound by memory
        mixed = nn.functional.silu(mixed)
        if kept is not None:
            mixed = mixed * kept[:, None, None]
        return h + self.out(mixed) * pair


class PairNetwork(nn.Module):
    """Pair features through blocks: ``[b, n, n, inputs] -> [b, n, n, width]``.

    Parameters
    ----------
    inputs, context, genes : int
        Features of each pair, of the whole circuit, and of each gene.

    ``kept`` multiplies the hidden channels of every block, [b, blocks, width]: dropout, drawn by who trains.
    """

    def __init__(self, inputs: int, width: int = 32, blocks: int = 3, *, context: int = 0, genes: int = 0):
        super().__init__()
        # whether a pair is a gene with itself is known to every block through the first features
        self.enter = nn.Linear(inputs + 1, width)
        self.whole = nn.Linear(context, width, bias=False) if context else None
        self.ends = nn.Linear(genes, 2 * width, bias=False) if genes else None
        self.blocks = nn.ModuleList(PairBlock(width) for _ in range(blocks))

    def forward(
        self,
        x: Float[Tensor, "b n n f"],
        mask: Bool[Tensor, "b n"],
        context: Float[Tensor, "b w"] | None = None,
        genes: Float[Tensor, "b n g"] | None = None,
        kept: Float[Tensor, "b k c"] | None = None,
    ) -> Float[Tensor, "b n n c"]:
        """Features of every pair, [b, n, n, width].

        Parameters
        ----------
        x
            Pair features.
        mask
            Which places hold a gene.
        context
            Features of the whole circuit.
        genes
            Features of each gene.
        kept
            Factors of the hidden channels of each block: dropout, drawn by who trains.
        """
        n = x.shape[1]
        pair = (mask[:, :, None] & mask[:, None, :]).to(x.dtype)[..., None]
        diagonal = torch.eye(n, dtype=x.dtype, device=x.device)[None, :, :, None].expand(len(x), n, n, 1)
        h = self.enter(torch.cat([x, diagonal], -1))
        if self.whole is not None:
            h = h + self.whole(context)[:, None, None]
        if self.ends is not None:
            first, second = self.ends(genes).chunk(2, -1)
            h = h + first[:, :, None] + second[:, None]
        h = h * pair
        for k, block in enumerate(self.blocks):
            h = block(h, pair, None if kept is None else kept[:, k])
        return h

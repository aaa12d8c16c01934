"""Rejection sampling: what of the generator's circuits is kept, so that the rest is closer to real ones.

With the log density ratio ``r(x) = log p_real(x) / p_made(x)``, estimated by logistic regression on invariants of real
and made circuits, a circuit is kept with probability ``min(1, exp(r(x) - c))``. Where the bound ``c`` is above every
``r`` and the ratio exact, what is kept is distributed as the real circuits are (Azadi et al. 2019,
https://arxiv.org/abs/1810.06758); here ``c`` is a quantile of ``r``, which rejects less and corrects less.
"""

import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor, nn

from advsci.streams import Stream
from advsci_circuits.game.condition import CONTENTS, contents_of
from advsci_circuits.game.logistic import logistic
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.invariants import INVARIANTS, invariants

__all__ = ["Acceptance", "features", "fit_acceptance"]

HISTOGRAMS, SIZES = (5, 7, 16, 16, 6, 4, 3), 13
"""Bins: in-degree, out-degree, signed in- and out-degree, clustering, mutual pairs, loops; and sizes from 0."""
FEATURES = 2 * (sum(HISTOGRAMS) + 2 + len(CONTENTS) + INVARIANTS) + SIZES


def features(signs: Int8[Tensor, "b n n"], sizes: Tensor) -> Float[Tensor, "b f"]:
    """Invariants that tell real from made circuits, each also times the size, and the size itself.

    Parameters
    ----------
    signs
        Sign matrices: ``signs[:, i, j]`` is the effect of gene j on gene i.
    sizes
        Number of genes of each circuit.
    """
    n = signs.shape[1]
    mask = torch.arange(n, device=signs.device) < sizes[:, None]
    edge = signs != 0
    off = edge & ~torch.eye(n, dtype=torch.bool, device=signs.device)
    skeleton = (off | off.mT).float()
    degree = skeleton.sum(2)
    triangles = ((skeleton @ skeleton) * skeleton).sum(2)
    clustering = torch.where(degree > 1, triangles / (degree * (degree - 1)).clamp_min(1), 0.0)
    up, down = signs > 0, signs < 0
    counts = [
        edge.sum(2), edge.sum(1), up.sum(2).clamp_max(3) * 4 + down.sum(2).clamp_max(3),
        up.sum(1).clamp_max(3) * 4 + down.sum(1).clamp_max(3), (5 * clustering).long(), (off & off.mT).sum(2),
        signs.diagonal(dim1=1, dim2=2).long() + 1,
    ]  # fmt: skip
    share = mask[..., None] / sizes[:, None, None]
    parts = [
        (nn.functional.one_hot(count.clamp_max(bins - 1), bins) * share).sum(1)
        for count, bins in zip(counts, HISTOGRAMS, strict=True)
    ]
    out = edge.sum(1)
    hub = [out.square().sum(1) / (8 * sizes), out.amax(1) / sizes]
    edges = torch.stack([up, down], -1).to(share.dtype)
    whole = torch.cat([*parts, torch.stack(hub, 1), contents_of(signs, sizes), invariants(edges, mask)], 1)
    size = nn.functional.one_hot(sizes.clamp_max(SIZES - 1), SIZES)
    return torch.cat([whole, whole * (sizes[:, None] - 6) / 2, size], 1)


class Acceptance(nn.Module):
    """``log p_real / p_made - c`` of circuits, linear in their features."""

    weight: Tensor
    offset: Tensor

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.zeros(FEATURES))
        self.register_buffer("offset", torch.zeros(()))

    def forward(self, batch: CircuitBatch) -> Float[Tensor, " b"]:
        """The log of the ratio, less the bound.

        Parameters
        ----------
        batch
            Circuits.
        """
        where = self.weight.device
        return features(batch.signs.to(where), batch.sizes.to(where)) @ self.weight + self.offset

    @torch.no_grad()
    def accepts(self, batch: CircuitBatch, stream: Stream) -> Bool[Tensor, " b"]:
        """Which circuits are kept.

        Parameters
        ----------
        batch
            Circuits.
        stream
            Where the draws come from.
        """
        return stream.uniform((len(batch.sizes),)) < self(batch).cpu().exp()


def fit_acceptance(real: CircuitBatch, made: CircuitBatch, *, decay: float = 0.01, quantile: float = 0.9) -> Acceptance:
    """Fit the ratio of ``real`` to ``made``; the quantile of the made circuits' ratios beyond which all is kept.

    Parameters
    ----------
    decay
        Weight of the ridge.

    Returns
    -------
    Acceptance
        The fitted ratio.
    """
    x = torch.cat([features(batch.signs, batch.sizes) for batch in (made, real)]).double()
    y = torch.cat([torch.zeros(len(made.sizes)), torch.ones(len(real.sizes))]).double()
    mean, scale = x.mean(0), x.std(0) + 1e-3  # what hardly occurs stays small
    layer = logistic((x - mean) / scale, y, decay)
    found = Acceptance()
    with torch.no_grad():
        weight = layer.weight[0] / scale
        found.weight.copy_(weight)
        found.offset.copy_(-torch.quantile(x[: len(made.sizes)] @ weight, quantile))
    return found

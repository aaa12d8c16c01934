r"""What the embedding is for: stay with the denoised biology, name the types.

.. math:: L = \frac{1}{d} E \|z - s\|^2 + \gamma \, E \, H(p, \mathrm{softmax}(h(z)))

:math:`s` are the aligned components, diffused along the graph of neighbours (`advsci_singlecell.embedding.anchor`): the
anchor that keeps an adversary from moving cells to where no neighbour of theirs is. Where there are labels, every other
cell enters without its own, while its anchor :math:`s` knows it: so the encoder learns to do without (learning with
privileged information, Vapnik & Vashist 2009, doi 10.1016/j.neunet.2009.06.042).
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from advsci.games import Batch, Draw, Task
from advsci.streams import Stream
from advsci_singlecell.game.companions import Companion
from advsci_singlecell.game.discrepancy import batch_discrepancy
from advsci_singlecell.game.networks import Encoder
from advsci_singlecell.game.priors import Prior, Spread, log_normal

__all__ = ["Biology"]


class Biology(Task):
    """Encoder and class head with their weighted loss.

    Parameters
    ----------
    encoder, head
        Networks; without a head types are not named.
    anchor, naming
        Weights of the two terms.
    discrepancy, batches
        Weight of `batch_discrepancy` between so many batches; an ablation.
    prior, prior_weight, spread
        With a prior and a spread the encoder is variational; the weight is that of the divergence.
    companions
        Further networks with terms of their own.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: nn.Module | None = None,
        *,
        anchor: float = 1.0,
        naming: float = 0.1,
        discrepancy: float = 0.0,
        batches: int = 0,
        prior: Prior | None = None,
        prior_weight: float = 0.01,
        spread: Spread | None = None,
        companions: Mapping[str, Companion] | None = None,
    ):
        super().__init__()
        self.encoder, self.head = encoder, head
        self.anchor, self.naming = anchor, naming
        self.discrepancy, self.batches = discrepancy, batches
        self.prior, self.prior_weight, self.spread = prior, prior_weight, spread
        self.companions = nn.ModuleDict(dict(companions or {}))

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Which labels are told, the encoder's noise, and the companions' numbers for ``batch``, from ``stream``."""
        draw, s = {}, batch["anchor"]
        if "untold" in batch:
            draw["told"] = stream.at("told").uniform((len(s), 1), device=s.device) < 0.5
        if self.prior is not None:
            draw["noise"] = stream.at("noise").normal(s.shape, device=s.device, dtype=s.dtype)
        for name, companion in self.companions.items():
            draw |= cast(Companion, companion).draw(batch, stream.at(name))
        return draw

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """Embedding (n d) of ``batch`` with the numbers of ``draw``, and the task's named weighted terms."""
        seen = torch.where(draw["told"], batch["anchor"], batch["untold"]) if "told" in draw else batch["anchor"]
        z, divergence = self._sample(seen, draw)
        terms = {"anchor": self.anchor * (z - batch["anchor"]).square().mean()}
        if self.head is not None:
            log_p = torch.log_softmax(self.head(z), dim=1)
            terms["types"] = -self.naming * (batch["posterior"] * log_p).sum(1).mean()
        if self.discrepancy:
            apart = batch_discrepancy(z, batch["batch"], self.batches, batch["weight"])
            terms["discrepancy"] = self.discrepancy * apart
        if divergence is not None:
            terms["prior"] = self.prior_weight * divergence
        for companion in self.companions.values():
            terms |= companion(z, self.encoder, batch, draw)
        return z, terms

    def _posterior(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-spread of the embedding."""
        assert self.spread is not None
        return self.encoder(seen), self.spread(seen)

    def _sample(self, seen: Tensor, draw: Draw) -> tuple[Tensor, Tensor | None]:
        """The embedding, drawn where there is a prior, and its divergence a dimension."""
        if self.prior is None:
            return self.encoder(seen), None
        mean, log_spread = self._posterior(seen)
        z = mean + torch.exp(log_spread) * draw["noise"]
        excess = log_normal(z, mean, log_spread) - self.prior.log_density(z, self._posterior)
        return z, excess.mean() / z.shape[1]

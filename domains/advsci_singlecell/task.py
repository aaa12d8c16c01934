r"""What the embedding is for: stay with the denoised biology, explain the counts, name the types.

.. math:: L = \frac{1}{d} E \|z - s\|^2 - \kappa \, E \log p(x | z, b) + \gamma \, E \, H(p, \mathrm{softmax}(h(z)))

:math:`s` are the aligned components, diffused along the graph of neighbours (`advsci_singlecell.target`): the anchor
that keeps an adversary from moving cells to where no neighbour of theirs is.
"""

import torch
from torch import Tensor, nn

from advsci.games import Batch, Draw, Task
from advsci.streams import Stream
from advsci_singlecell.discrepancy import batch_discrepancy
from advsci_singlecell.networks import Decoder, Encoder

__all__ = ["Biology"]


class Biology(Task):
    """Encoder, decoder and class head with their weighted loss.

    Parameters
    ----------
    encoder, decoder, head
        Networks; without a decoder counts are not explained, without a head types are not named.
    anchor, reconstruction, naming
        Weights of the three terms.
    discrepancy, batches
        Weight of `batch_discrepancy` between so many batches; an ablation.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder | None = None,
        head: nn.Module | None = None,
        *,
        anchor: float = 1.0,
        reconstruction: float = 0.1,
        naming: float = 0.1,
        discrepancy: float = 0.0,
        batches: int = 0,
    ):
        super().__init__()
        self.encoder, self.decoder, self.head = encoder, decoder, head
        self.anchor, self.reconstruction, self.naming = anchor, reconstruction, naming
        self.discrepancy, self.batches = discrepancy, batches

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        return {}

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        z = self.encoder(batch["anchor"])
        terms = {"anchor": self.anchor * (z - batch["anchor"]).square().mean()}
        if self.decoder is not None and "expression" in batch:
            log_likelihood = self.decoder(z, batch["covariates"], batch["library"], batch["expression"])
            terms["expression"] = -self.reconstruction * log_likelihood.mean()
        if self.head is not None:
            log_p = torch.log_softmax(self.head(z), dim=1)
            terms["types"] = -self.naming * (batch["posterior"] * log_p).sum(1).mean()
        if self.discrepancy:
            apart = batch_discrepancy(z, batch["batch"], self.batches, batch["weight"])
            terms["discrepancy"] = self.discrepancy * apart
        return z, terms

"""A trained model of large networks: generator, discriminators that rank what it proposes, and link predictor."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.discriminator import NetworkDiscriminator
from advsci_circuits.networks.games import narrowed
from advsci_circuits.networks.links import NetworkLinks
from advsci_circuits.networks.rows import RowGenerator

__all__ = ["NetworkModel"]

NEAR = 8
"""Real networks of the nearest sizes among which contents are drawn."""


class NetworkModel(nn.Module):
    """Generator, discriminators with their calibration, and link predictor.

    Parameters
    ----------
    generator
        Makes networks.
    discriminators
        Trained apart; the mean of their calibrated logits counts.
    links
        Says which pairs of a network are regulations.

    Examples
    --------
    >>> model = NetworkModel(RowGenerator(8, 1, 8), [NetworkDiscriminator(8, 1)]).eval()
    >>> model.log_ratio(CircuitBatch(torch.ones(2, 3, 3, dtype=torch.int8), torch.tensor([3, 3]))).shape
    torch.Size([2])
    """

    slope: Tensor
    offset: Tensor

    def __init__(
        self, generator: RowGenerator, discriminators: list[NetworkDiscriminator], links: NetworkLinks | None = None
    ):
        super().__init__()
        self.generator, self.links = generator, links
        self.members = nn.ModuleList(discriminators)
        self.register_buffer("slope", torch.ones(len(discriminators)))
        self.register_buffer("offset", torch.zeros(len(discriminators)))

    @property
    def discriminators(self) -> list[NetworkDiscriminator]:
        """The discriminators."""
        return [member for member in self.members if isinstance(member, NetworkDiscriminator)]

    @torch.no_grad()
    def log_ratio(self, batch: CircuitBatch, chunk: int = 256) -> Float[Tensor, " b"]:
        """How much likelier each network is among real ones than among those made: log p(x) / q(x), calibrated.

        Parameters
        ----------
        batch
            Networks.
        chunk
            Networks judged at once.
        """
        found = torch.zeros(len(batch), dtype=self.slope.dtype, device=self.slope.device)
        for rows in batch.sizes.argsort().split(chunk):
            part = narrowed(batch.signs[rows], batch.sizes[rows])
            for k, discriminator in enumerate(self.discriminators):
                found[rows] += (self.slope[k] * discriminator(part) + self.offset[k]) / len(self.discriminators)
        return found

    def likely_wishes(self, sizes: Int[Tensor, " b"], uniform: Float[Tensor, " b"]) -> Float[Tensor, "b 8"]:
        """Contents per gene of real networks of about these sizes.

        Parameters
        ----------
        sizes
            Genes of each network.
        uniform
            Uniform numbers that choose.
        """
        prior = self.generator.prior
        far = (prior[:, 0] - sizes[:, None]).abs()
        enough = far.sort(1).values[:, min(NEAR, len(prior)) - 1].clamp_min(2)
        fits = (far <= enough[:, None]).to(prior.dtype).cumsum(1)
        rank = (uniform * fits[:, -1]).floor() + 1
        return prior[(fits < rank[:, None]).sum(1).clamp_max(len(prior) - 1), 1:]

r"""What the encoder of counts is for: explain counts given the batch, keep neighbours of the own batch together.

.. math:: L = - \frac{\kappa}{g} E \log p(c_{j(i)} | z_i, b_i) + \gamma \, C(z)
              + \nu \, E \, H(p, \mathrm{softmax}(h(z)))

Counts :math:`c_j` are those of a neighbour :math:`j` of the cell in its *own* batch with probability :math:`\pi`, else
its own. What neighbours do not share is noise, which nothing can learn to predict from one to the other (Lehtinen et
al. 2018, arXiv 1803.04189): types sharpen as by averaging, but in training, and in each batch by itself. The contrast
tells a cell's neighbour of its own batch from other cells of that batch,

.. math:: C = -E \log \frac{e^{z_i \cdot z_{j(i)} / \tau}}{\sum_{k: b_k = b_i} e^{z_i \cdot z_{j(k)} / \tau}}

with unit vectors :math:`z`. Neither term says anything across batches; that is the adversary's part
(`advsci_singlecell.game.adversary`). The embedding is normalised per dimension over the cells of a step, so that the
encoder cannot escape the adversary by its scale. Several processes normalise, and compare, over the cells of all.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from advsci.games import Batch, Draw, Task
from advsci.processes import gathered, mean_over_processes
from advsci.streams import Stream
from advsci_singlecell.game.networks import Decoder
from advsci_singlecell.game.table import CountTable

__all__ = ["CountEncoder", "Counts", "contrast"]


RUNNING = 0.1
CHUNK = 4096


class ResidualBlock(nn.Module):
    r""":math:`x + B \, \mathrm{silu}(A \, \mathrm{norm}(x))`."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "n w"]) -> Float[Tensor, "n w"]:
        """``x`` (n w) plus what the block makes of it."""
        return x + self.outer(F.silu(self.inner(self.norm(x))))


class CountEncoder(nn.Module):
    """From principal components of log-expression to the embedding, which is normalised per dimension.

    Parameters
    ----------
    components
        Length of the input.
    dimensions
        Length of the embedding.
    width, depth
        Units of a hidden layer, and how many residual blocks.
    scale
        What the input is divided by: one number, so that leading components stay the longest.
    """

    centre: Tensor
    spread: Tensor
    scale: Tensor

    def __init__(self, components: int, dimensions: int, *, width: int = 128, depth: int = 2, scale: float = 1.0):
        super().__init__()
        blocks = [ResidualBlock(width) for _ in range(depth)]
        self.network = nn.Sequential(
            nn.Linear(components, width), *blocks, nn.LayerNorm(width), nn.Linear(width, dimensions)
        )
        self.register_buffer("scale", torch.tensor(scale))
        self.register_buffer("centre", torch.zeros(dimensions))
        self.register_buffer("spread", torch.ones(dimensions))

    def forward(self, x: Float[Tensor, "n e"]) -> Float[Tensor, "n d"]:
        """The embedding.

        Parameters
        ----------
        x
            Components. In training the embedding is normalised over these cells, else as `settle` or
            the last steps left it.
        """
        h = self.network(x / self.scale)
        if not self.training:
            return (h - self.centre) / self.spread
        mean = mean_over_processes(h.mean(0))
        spread = (mean_over_processes((h - mean).square().mean(0)) + 1e-5).sqrt()
        with torch.no_grad():  # what an onlooker during the training normalises by
            self.centre.lerp_(mean.detach(), RUNNING)
            self.spread.lerp_(spread.detach(), RUNNING)
        return (h - mean) / spread

    @torch.no_grad()
    def settle(self, x: Float[Tensor, "n e"]) -> None:
        """Fix the normalisation to all cells.

        Parameters
        ----------
        x
            Components of all cells.
        """
        h = torch.cat([self.network(part / self.scale) for part in x.split(CHUNK)])
        self.centre.copy_(h.mean(0))
        self.spread.copy_(h.std(0, unbiased=False).clamp(min=1e-6))


class Counts(Task):
    """Encoder, decoder and class head with their weighted loss.

    Parameters
    ----------
    encoder, decoder, head
        Networks; without a decoder counts are not explained, without a head types are not named.
    components, counts
        What the encoder reads of all cells (m e), and counts that the decoder explains (log-expression for a Gaussian).
    batches
        Number of batches.
    explaining, contrast, naming
        Weights of the likelihood (per gene), the contrast and the class head.
    sharpening
        Probability that the counts to explain are those of a neighbour.
    noise
        Standard deviation of the noise on the embedding before it is decoded.
    temperature
        Of the contrast.

    Notes
    -----
    A batch holds ``row`` (n), numbers of cells in the tables, or what the tables would give: ``components`` (n e) and
    ``counts`` (n g); ``neighbours`` (n k), numbers of neighbours of the own batch in the tables; ``batch`` (n); with a
    head, ``posterior`` (n c).
    """

    components: Tensor

    def __init__(
        self,
        encoder: CountEncoder,
        decoder: Decoder | None,
        head: nn.Module | None = None,
        *,
        components: Float[Tensor, "m e"],
        counts: CountTable,
        batches: int,
        explaining: float = 10.0,
        contrast: float = 0.0,
        naming: float = 0.1,
        sharpening: float = 0.7,
        noise: float = 0.1,
        temperature: float = 0.2,
    ):
        super().__init__()
        self.encoder, self.decoder, self.head = encoder, decoder, head
        self.register_buffer("components", components, persistent=False)
        self.counts, self.batches = counts, batches
        self.explaining, self.contrast, self.naming = explaining, contrast, naming
        self.sharpening, self.noise, self.temperature = sharpening, noise, temperature

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Hidden genes, noise and neighbours for ``batch``, from ``stream``."""
        (n, k), device = batch["neighbours"].shape, batch["neighbours"].device
        return {
            "noise": stream.at("noise").normal((n, self.encoder.centre.shape[0]), device=device),
            "which": stream.at("which").integers(k, (n,), device=device),
            "other": stream.at("other").uniform((n,), device=device) < self.sharpening,
        }

    def features(self, batch: Batch, draw: Draw) -> Tensor:
        """The embedding (n d) alone, which is all that an adversary needs of the task.

        Parameters
        ----------
        batch
            One batch of the training.
        draw
            Random numbers of `draw`.
        """
        return self.encoder(batch["components"] if "components" in batch else self.components[batch["row"]])

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """Embedding (n d) of ``batch`` with the numbers of ``draw``, and the task's named weighted terms."""
        z = self.features(batch, draw)
        neighbour = batch["neighbours"].gather(1, draw["which"][:, None])[:, 0]
        terms = {}
        if self.decoder is not None and self.explaining:
            target = self._explained(batch, neighbour, draw["other"])
            code = F.one_hot(batch["batch"], self.batches).to(z.dtype)
            likely = self.decoder(z + self.noise * draw["noise"], code, target.sum(1), target)
            terms["expression"] = -self.explaining * likely.mean()
        if self.contrast:
            other = self.encoder(self.components[neighbour])
            terms["contrast"] = self.contrast * contrast(z, other, batch["batch"], self.temperature)
        if self.head is not None:
            log_p = torch.log_softmax(self.head(z), dim=1)
            terms["types"] = -self.naming * (batch["posterior"] * log_p).sum(1).mean()
        return z, terms

    def _explained(self, batch: Batch, neighbour: Tensor, other: Tensor) -> Tensor:
        """Counts (n g) of a neighbour or of the cell itself."""
        if "counts" in batch:
            return torch.where(other[:, None], self.counts[neighbour], batch["counts"])
        return self.counts[torch.where(other, neighbour, batch["row"])]


def contrast(
    z: Float[Tensor, "n d"], other: Float[Tensor, "n d"], batch: Int[Tensor, " n"], temperature: float
) -> Float[Tensor, ""]:
    """How badly cells' neighbours are told from those of other cells of the own batch: cross entropy.

    Parameters
    ----------
    z, other
        Embeddings of the cells, and of one neighbour of each.
    batch
        Batch numbers: cells of other batches are no negatives, since the composition of batches differs.
    temperature
        Of the cosine similarities.
    """
    z, other, batch = gathered(z), gathered(other), gathered(batch)
    similar = F.normalize(z, dim=1) @ F.normalize(other, dim=1).T / temperature
    similar = similar.masked_fill(batch[:, None] != batch[None], -1e4)
    return F.cross_entropy(similar, torch.arange(len(z), device=z.device))

r"""The encoder, which corrects what the alignment left, and the decoder, which knows the batch.

Encoder: :math:`z = s + g(s)` with anchored components :math:`s`: it starts as the identity and sees no batch, so that
it is a map for any cell that can be aligned. Decoder:
:math:`\mu_{ig} = \ell_i \, \mathrm{softmax}_g(U h(z_i, b_i) + V b_i)`, one library per cell.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from advsci.nn import MLP
from advsci_singlecell.game.likelihood import Likelihood, log_likelihood

__all__ = ["Decoder", "Encoder"]

MANY, CODE = 32, 16


class Encoder(nn.Module):
    """A residual perceptron on anchored components; the identity when new."""

    def __init__(self, dimensions: int, *, width: int = 128, depth: int = 2):
        super().__init__()
        self.correction = MLP(dimensions, dimensions, width=width, depth=depth)
        last = [module for module in self.correction.modules() if isinstance(module, nn.Linear)][-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, anchored: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """``anchored`` components (n d) plus their correction."""
        return anchored + self.correction(anchored)


class Decoder(nn.Module):
    """Expected expression of every gene, given the embedding and the covariates (batch and what is kept apart).

    Parameters
    ----------
    dimensions, covariates, genes
        Lengths of embedding, covariate vector (one-hot batch first) and expression.
    likelihood
        ``nb``, ``zinb``, ``poisson`` for counts, ``gaussian`` for log-expression.

    Notes
    -----
    More than 32 covariates are first mapped to 16 numbers, which are learned: an embedding of the batches. A row of
    offsets per batch, as long as there are genes, could not be learned from the few cells that each of many has.
    """

    def __init__(
        self, dimensions: int, covariates: int, genes: int, *, likelihood: Likelihood = "nb", width: int = 128
    ):
        super().__init__()
        self.likelihood: Likelihood = likelihood
        coded = CODE if covariates > MANY else covariates
        self.hidden = MLP(dimensions + coded, width, width=width, depth=1)
        self.mean = nn.Linear(width, genes)
        self.offset = nn.Linear(coded, genes, bias=False)
        nn.init.zeros_(self.offset.weight)
        self.spread = nn.Parameter(torch.zeros(genes))
        self.dropout = nn.Linear(width, genes) if likelihood == "zinb" else None
        self.code = nn.Linear(covariates, CODE, bias=False) if covariates > MANY else None
        if self.code is not None:
            nn.init.normal_(self.code.weight)  # two batches are apart from the start

    def start_at(self, mean: Float[Tensor, " g"]) -> None:
        """Begin at the mean expression (counts: relative to the library) instead of at a uniform one."""
        with torch.no_grad():
            self.mean.weight.mul_(0.1)
            self.mean.bias.copy_(mean if self.likelihood == "gaussian" else torch.log(mean + 1e-7))

    def expected(self, z: Tensor, covariates: Tensor, library: Tensor) -> tuple[Tensor, Tensor | None]:
        """(mean (n g), dropout logit (n g) or None).

        Parameters
        ----------
        z
            Embedding (n d).
        covariates
            One-hot batches (n b).
        library
            Total of every cell (n).
        """
        if self.code is not None:
            covariates = self.code(covariates)
        h = F.leaky_relu(self.hidden(torch.cat([z, covariates], dim=1)), 0.2)
        mean = self.mean(h) + self.offset(covariates)
        if self.likelihood != "gaussian":
            mean = torch.softmax(mean, dim=1) * library[:, None]
        return mean, self.dropout(h) if self.dropout is not None else None

    def forward(self, z: Tensor, covariates: Tensor, library: Tensor, x: Tensor) -> Float[Tensor, " n"]:
        """Log-likelihood of the expression of every cell, a gene's share of it.

        Parameters
        ----------
        z
            Embedding (n d).
        covariates
            One-hot batches (n b).
        library
            Total of every cell (n).
        x
            Counts, or log-expression (n g).
        """
        mean, dropout = self.expected(z, covariates, library)
        spread = F.softplus(self.spread) + 1e-4
        return log_likelihood(self.likelihood, x, mean, spread, dropout).mean(dim=1)

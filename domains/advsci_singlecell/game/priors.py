r"""Priors of the embedding: an ablation that makes the encoder variational.

.. math:: z = \mu(s) + \sigma(s) \, \epsilon, \qquad
          L_{KL} = \frac{1}{d} E \left[ \log q(z | s) - \log p(z) \right]

estimated at the drawn :math:`z`. The Gaussian prior has a learned scale for every dimension, since components differ in
theirs. The VampPrior is the mixture of posteriors of learned pseudo-inputs,
:math:`p(z) = \frac{1}{K} \sum_k q(z | u_k)` (Tomczak & Welling 2018, arXiv 1705.07120, eq. 9), which does not draw
all types to one centre.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.nn import MLP

__all__ = ["GaussianPrior", "Prior", "Spread", "VampPrior", "log_normal"]

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]


def log_normal(
    z: Float[Tensor, "... d"], mean: Float[Tensor, "... d"], log_spread: Float[Tensor, "... d"]
) -> Float[Tensor, "..."]:
    """Log-density of a diagonal Gaussian.

    Parameters
    ----------
    z
        Embedding (n d).
    mean
        Means.
    log_spread
        Logarithms of the standard deviations.
    """
    return (-0.5 * ((z - mean) * torch.exp(-log_spread)).square() - log_spread - 0.5 * math.log(2.0 * math.pi)).sum(-1)


class Spread(nn.Module):
    r""":math:`\log \sigma(s)`, narrow when new."""

    def __init__(self, dimensions: int, *, width: int = 64):
        super().__init__()
        self.network = MLP(dimensions, dimensions, width=width, depth=1)

    def forward(self, anchored: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Log-spread (n d) of the posterior at ``anchored`` components (n d)."""
        return (self.network(anchored) - 2.0).clamp(-6.0, 1.0)


class Prior(nn.Module, ABC):
    """Where embeddings are expected; ``encode`` gives mean and log-spread of the posterior of anchored components."""

    @abstractmethod
    def log_density(self, z: Tensor, encode: Encode) -> Tensor:
        """Log-density (n) of embeddings (n d).

        Parameters
        ----------
        z
            Embedding (n d).
        encode
            Mean and log-spread of the posterior of anchored components.
        """


class GaussianPrior(Prior):
    """Centred Gaussian of learned diagonal scale."""

    def __init__(self, dimensions: int):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dimensions))

    def log_density(self, z: Tensor, encode: Encode) -> Tensor:
        """Log-density (n) of embeddings ``z`` (n d); ``encode`` is not needed."""
        return log_normal(z, torch.zeros_like(self.log_scale), self.log_scale)


class VampPrior(Prior):
    """Mixture of the posteriors of pseudo-inputs (k d), which start at given cells."""

    def __init__(self, start: Float[Tensor, "k d"]):
        super().__init__()
        self.inputs = nn.Parameter(start.clone())

    def log_density(self, z: Tensor, encode: Encode) -> Tensor:
        """Log-density (n) of embeddings ``z`` (n d): a mixture of what ``encode`` makes of the pseudo-inputs."""
        mean, log_spread = encode(self.inputs)
        return torch.logsumexp(log_normal(z[:, None], mean[None], log_spread[None]), dim=1) - math.log(len(self.inputs))

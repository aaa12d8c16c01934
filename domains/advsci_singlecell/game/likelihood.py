r"""What a count, or a log-expression, is expected to look like: log-likelihoods of the decoder.

With mean :math:`\mu`, inverse dispersion :math:`\theta` and dropout probability :math:`\pi`,

.. math::
   \log NB(x; \mu, \theta) &= \log\Gamma(x + \theta) - \log\Gamma(\theta) - \log x!
       + \theta \log\frac{\theta}{\theta + \mu} + x \log\frac{\mu}{\theta + \mu} \\
   ZINB(x) &= \pi [x = 0] + (1 - \pi) NB(x)

(Lopez et al. 2018, scVI, doi 10.1038/s41592-018-0229-2). All act elementwise and stay finite at :math:`\mu \to 0`.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "Likelihood",
    "gaussian",
    "log_likelihood",
    "negative_binomial",
    "poisson",
    "zero_inflated_negative_binomial",
]

Likelihood = Literal["nb", "zinb", "poisson", "gaussian"]
TINY = 1e-8


def negative_binomial(
    x: Float[Tensor, "*n g"], mean: Float[Tensor, "*n g"], dispersion: Float[Tensor, "*#n g"]
) -> Float[Tensor, "*n g"]:
    r"""Log-probability of counts; variance :math:`\mu + \mu^2 / \theta`.

    Parameters
    ----------
    x
        Data, counts or log-expression.
    mean
        Expected value, of the shape of the data.
    dispersion
        Inverse dispersion :math:`\theta`.
    """
    log_sum = torch.log(dispersion + mean + TINY)
    none = dispersion * (torch.log(dispersion + TINY) - log_sum)
    # where nothing was counted, the Gamma functions cancel; they cost most, and most counts are zero
    at = x.flatten().nonzero()[:, 0]
    shared = dispersion.dim() == 1  # one of every gene
    spread, gene = (dispersion.expand(x.shape[-1]), at % x.shape[-1]) if shared else (dispersion.expand_as(x), at)
    theta, gamma = (t.flatten()[gene] for t in (spread, torch.lgamma(spread)))
    some, mu, both = (t.flatten()[at] for t in (x, mean, log_sum))
    combinations = torch.lgamma(some + theta) - gamma - torch.lgamma(some + 1.0)
    counted = combinations + some * (torch.log(mu + TINY) - both)
    return none.flatten().index_add(0, at, counted).view_as(none)


def zero_inflated_negative_binomial(
    x: Float[Tensor, "*n g"],
    mean: Float[Tensor, "*n g"],
    dispersion: Float[Tensor, "*#n g"],
    dropout_logit: Float[Tensor, "*n g"],
) -> Float[Tensor, "*n g"]:
    r"""Log-probability of counts of which a share :math:`\pi = \mathrm{sigmoid}(l)` was set to zero.

    Parameters
    ----------
    x
        Data, counts or log-expression.
    mean
        Expected value, of the shape of the data.
    dispersion
        Inverse dispersion :math:`\theta`.
    dropout_logit
        Logit of the dropout probability; None but for zinb.
    """
    counted = negative_binomial(x, mean, dispersion) + F.logsigmoid(-dropout_logit)
    return torch.where(x < 0.5, torch.logaddexp(F.logsigmoid(dropout_logit), counted), counted)


def poisson(x: Float[Tensor, "*n g"], mean: Float[Tensor, "*n g"]) -> Float[Tensor, "*n g"]:
    """Log-probability of counts whose variance is their mean.

    Parameters
    ----------
    x
        Data, counts or log-expression.
    """
    return x * torch.log(mean + TINY) - mean - torch.lgamma(x + 1.0)


def gaussian(
    x: Float[Tensor, "*n g"], mean: Float[Tensor, "*n g"], variance: Float[Tensor, "*#n g"]
) -> Float[Tensor, "*n g"]:
    """Log-density of log-expression.

    Parameters
    ----------
    x
        Data, counts or log-expression.
    mean
        Expected value, of the shape of the data.
    variance
        Variance of the log-expression.
    """
    return -0.5 * (torch.log(2.0 * torch.pi * variance) + (x - mean) ** 2 / variance)


def log_likelihood(kind: Likelihood, x: Tensor, mean: Tensor, spread: Tensor, dropout_logit: Tensor | None) -> Tensor:
    """The likelihood of this name; ``spread`` is inverse dispersion or variance.

    Parameters
    ----------
    kind
        Name of the likelihood.
    x
        Data, counts or log-expression.
    mean
        Expected value, of the shape of the data.
    dropout_logit
        Logit of the dropout probability; None but for zinb.
    """
    if kind == "nb":
        return negative_binomial(x, mean, spread)
    if kind == "zinb":
        assert dropout_logit is not None
        return zero_inflated_negative_binomial(x, mean, spread, dropout_logit)
    return poisson(x, mean) if kind == "poisson" else gaussian(x, mean, spread)

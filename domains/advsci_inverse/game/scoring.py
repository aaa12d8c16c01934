r"""What several samples of one image are scored by: accuracy of the centre, reward for spread.

* `energy_score`, per pixel: :math:`\mathbb E|x-\hat x| - \tfrac\beta2\,\mathbb E|\hat x-\hat x'|`. At
  :math:`\beta = 1` it is the continuous ranked probability score, whose only minimum is the true law of the pixel
  (Gneiting and Raftery 2007, J. Amer. Statist. Assoc. 102:359), Gaussian or not.
* `mean_and_spread`: :math:`\mathbb E|x-\bar x_P| - \beta\beta_P\,\mathbb E\,\mathrm{sd}_P`, with
  :math:`\beta_P=\sqrt{2/(\pi P(P+1))}` and :math:`\mathrm{sd}_P` the unbiased estimate from absolute deviations
  (Bendel et al. 2023, arXiv 2210.13389, proposition 3.1): right for Gaussian pixels at :math:`\beta=1`.

A squared error of the mean with a reward for variance has no such minimum: :math:`P` samples of any spread reach the
same value (`tests/domains/inverse/test_posterior.py`). Both have a factor :math:`\beta` because an adversary beside
them narrows the samples; `advsci_inverse.game.posterior.SpreadControl` sets it by measurement.
"""

import math

from jaxtyping import Float
from torch import Tensor

__all__ = ["energy_score", "mean_and_spread"]


def energy_score(
    samples: Float[Tensor, "p n ..."], truth: Float[Tensor, "n ..."], beta: Tensor | float = 1.0
) -> Float[Tensor, ""]:
    """Mean continuous ranked probability score of the pixels, unbiased for any number of samples from 2.

    Parameters
    ----------
    samples
        Several samples of each image.
    truth
        The images.
    beta
        Factor of the reward for spread; 1 is proper.

    Returns
    -------
    tensor []
        The score, smaller is better.

    Examples
    --------
    >>> import torch
    >>> float(energy_score(torch.tensor([[0.0], [2.0]]), torch.tensor([1.0])))  # |x - s| = 1, half |s - s'| = 1
    0.0
    """
    count = len(samples)
    error = (samples - truth).abs().mean()
    between = (samples[:, None] - samples[None]).abs().mean() * count / (count - 1)
    return error - 0.5 * beta * between


def mean_and_spread(
    samples: Float[Tensor, "p n ..."], truth: Float[Tensor, "n ..."], beta: Tensor | float = 1.0
) -> Float[Tensor, ""]:
    """Absolute error of the samples' mean less a reward for their standard deviation.

    Parameters
    ----------
    samples
        Several samples of each image.
    truth
        The images.
    beta
        Factor of the reward; 1 is right for Gaussian pixels.

    Returns
    -------
    tensor []
        The score, smaller is better.
    """
    count, mean = len(samples), samples.mean(0)
    deviation = math.sqrt(math.pi * count / (2 * (count - 1))) * (samples - mean).abs().mean()
    return (mean - truth).abs().mean() - beta * math.sqrt(2 / (math.pi * count * (count + 1))) * deviation

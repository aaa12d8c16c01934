"""Imbalanced data: weights that make rare classes count, and an objective that dwells on the hard samples."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from advsci.errors import ConfigError, DataError
from advsci.objectives.objective import Objective, weighted_mean

__all__ = ["Focal", "class_weights", "effective_number", "focal_cross_entropy"]


def class_weights(labels: Int[Tensor, " n"], classes: int, power: float = 1.0) -> Float[Tensor, " n"]:
    r"""A weight a sample, :math:`\propto n_c^{-\mathrm{power}}` of its class, with mean 1 over the samples.

    Parameters
    ----------
    labels
        Class of each sample, 0 to ``classes - 1``.
    power
        1 gives every class that occurs the same total weight, 0.5 its root, 0 leaves the data as they are.

    Raises
    ------
    DataError
        If there are no samples.
    """
    if not len(labels):
        raise DataError("got no labels; expected at least one sample. Try: y of the data.")
    counts = torch.bincount(labels, minlength=classes).double()
    weight = counts[labels].pow(-power)
    return (weight / weight.mean()).to(torch.get_default_dtype())


def effective_number(labels: Int[Tensor, " n"], classes: int, beta: float = 0.999) -> Float[Tensor, " n"]:
    r"""A weight a sample, :math:`\propto (1 - \beta) / (1 - \beta^{n_c})`, with mean 1 over the samples.

    Near-copies in a large class add little: its effective number of samples is :math:`(1 - \beta^n)/(1 - \beta)`
    (Cui et al. 2019, arXiv 1901.05555, equation 2). Between no weights at ``beta = 0`` and `class_weights` towards 1.

    Parameters
    ----------
    labels
        Class of each sample (n), int64.
    classes
        How many classes there are.

    Raises
    ------
    DataError
        There are no labels.
    ConfigError
        If ``beta`` is not in [0, 1).
    """
    if not 0.0 <= beta < 1.0:
        raise ConfigError(f"got beta = {beta}; expected 0 <= beta < 1. Try: 0.999.")
    if not len(labels):
        raise DataError("got no labels; expected at least one sample. Try: y of the data.")
    counts = torch.bincount(labels, minlength=classes).double()
    base = torch.full_like(counts, beta)
    weight = ((1.0 - beta) / (1.0 - base.pow(counts)))[labels]
    return (weight / weight.mean()).to(torch.get_default_dtype())


def focal_cross_entropy(logits: Float[Tensor, "*n"], real: bool, gamma: float) -> Float[Tensor, "*n"]:
    r""":math:`-(1 - p)^\gamma \log p`, where :math:`p` is the probability given to the right answer.

    With :math:`\gamma = 0` the cross-entropy; a larger :math:`\gamma` takes weight from samples already classified well
    (Lin et al. 2017, arXiv 1708.02002, equation 4).

    Parameters
    ----------
    logits
        Logits (n).
    real
        Whether the samples are real.
    """
    right = logits if real else -logits
    return torch.exp(gamma * logsigmoid(-right)) * softplus(-right)


@dataclass(frozen=True)
class Focal(Objective):
    r"""Focal cross-entropy for both players: what is told apart well already counts less.

    For data whose common part would use up the discriminator; the weights of `class_weights` go into a batch as
    ``"weight"``. At ``gamma = 0`` it is `advsci.objectives.NonSaturating`.

    Parameters
    ----------
    gamma
        Focusing exponent, not negative.

    Raises
    ------
    ConfigError
        ``gamma`` is negative.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import Focal
    >>> objective = Focal()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    0.1102
    >>> round(objective.generator(real, fake).item(), 4)
    0.4376
    """

    gamma: float = 2.0

    def __post_init__(self):
        if self.gamma < 0.0:
            raise ConfigError(f"got focusing exponent gamma = {self.gamma}; expected gamma >= 0. Try: 2.")

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        real = focal_cross_entropy(real_logits, True, self.gamma)
        fake = focal_cross_entropy(fake_logits, False, self.gamma)
        return weighted_mean(real, real_weight) + weighted_mean(fake, fake_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return weighted_mean(focal_cross_entropy(fake_logits, True, self.gamma), fake_weight)

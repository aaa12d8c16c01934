r"""LeCam regularisation: the discriminator's outputs stay near running means of the other side's.

.. math:: R = E_{real} (D(x) - \alpha_F)^2 + E_{fake} (D(x) - \alpha_R)^2

with running means :math:`\alpha_R` of D on data and :math:`\alpha_F` on generated samples. For data-poor trainings;
with the Wasserstein objective it bounds a LeCam divergence (Tseng et al. 2021, arXiv 2104.03310, eq. 4-6).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError
from advsci.objectives import weighted_mean
from advsci.penalties.penalty import StatefulPenalty
from advsci.penalties.scores import Scores
from advsci.processes import average_over_processes
from advsci.schedules import Schedule, as_schedule

__all__ = ["LeCam", "lecam"]


def lecam(
    real_logits: Float[Tensor, " n"],
    fake_logits: Float[Tensor, " n"],
    real_mean: Float[Tensor, ""],
    fake_mean: Float[Tensor, ""],
    real_weight: Float[Tensor, " n"] | None = None,
    fake_weight: Float[Tensor, " n"] | None = None,
) -> Float[Tensor, ""]:
    r""":math:`\frac1n \sum_i (a_i - \alpha_F)^2 + \frac1n \sum_i (b_i - \alpha_R)^2`, :math:`a` on data, :math:`b` on
    fakes.

    Parameters
    ----------
    real_logits
        Logits of real samples (n).
    fake_logits
        Logits of generated samples (m).
    real_mean
        Running mean of the real logits.
    fake_mean
        Running mean of the generated logits.
    real_weight
        Non-negative weights of the real samples (n); None: equal ones.
    fake_weight
        Non-negative weights of the generated samples (m); None: equal ones.
    """
    real = weighted_mean((real_logits - fake_mean).square(), real_weight)
    return real + weighted_mean((fake_logits - real_mean).square(), fake_weight)


class LeCam(StatefulPenalty):
    """``weight`` times `lecam`, with running means of decay ``decay`` kept in buffers.

    Attributes
    ----------
    means
        Running means of D on data and on generated samples.
    last
        The same of the last evaluation.

    Raises
    ------
    ConfigError
        ``decay`` is not in [0, 1).

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import LeCam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(LeCam(),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['lecam', 'objective']
    """

    name = "lecam"
    means: Tensor
    last: Tensor

    def __init__(self, weight: float | Schedule = 0.3, decay: float = 0.99):
        super().__init__()
        if not 0.0 <= decay < 1.0:
            raise ConfigError(f"got decay={decay}; expected 0 <= decay < 1. Try: 0.99.")
        self.weight = weight
        self.decay = decay
        self.register_buffer("means", torch.zeros(2))
        self.register_buffer("last", torch.zeros(2))

    def forward(self, made: Scores, progress: Tensor) -> Float[Tensor, ""]:
        """The penalty on the scores ``made``, with the weight of this ``progress``; remembers their means."""
        real, fake = made.real_logits, made.fake_logits
        weights = made.real_weight, made.fake_weight
        means = [weighted_mean(a.detach(), w) for a, w in zip((real, fake), weights, strict=True)]
        self.last.copy_(torch.stack(means))
        return as_schedule(self.weight)(progress) * lecam(real, fake, self.means[0], self.means[1], *weights)

    def follow(self) -> None:
        average_over_processes([self.last])
        self.means.lerp_(self.last, 1.0 - self.decay)

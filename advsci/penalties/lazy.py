r"""Lazy regularisation: a penalty that is evaluated every k steps, with k times its weight.

Over k steps its gradient then sums to what it would sum to every step, as far as the parameters stand still meanwhile
(StyleGAN2, Karras et al. 2020, arXiv 1912.04958, appendix B: k = 16 for R1). They do not: a plain step of rate h along
a penalty of curvature c multiplies by :math:`(1 - h c)^k` over k steps, a lazy one by :math:`1 - k h c`. The bias is of
order :math:`(k h c)^2`, and beyond :math:`k h c = 2` the lazy penalty drives the players apart. An adaptive optimizer
sees k - 1 gradients without the penalty and one with k times it, and scales by their root mean square.
"""

import torch

from advsci.errors import ConfigError
from advsci.penalties.penalty import Penalty, RandomPenalty, StatefulPenalty

__all__ = ["Lazy"]


class Lazy(RandomPenalty):
    """Any penalty without running statistics, every ``every`` steps, with ``every`` times its weight.

    The records show it as 0 at the steps where it rests. The Trainer counts the steps; a loop of your own sets
    ``penalty.step``.

    Parameters
    ----------
    penalty
        The penalty, such as ``R1(0.1)``; the lazy one has its name.
    every
        k, steps from one evaluation to the next.

    Raises
    ------
    ConfigError
        ``every`` is below 1, or the penalty has running statistics, which need every step.

    Examples
    --------
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import R1, Lazy
    >>> lazy = Lazy(R1(0.1), every=16)
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(lazy,))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> draw = game.draw(batch, Stream(1))
    >>> game.terms("discriminator", batch, draw)["r1"].item() > 0.0
    True
    >>> lazy.step = 1
    >>> game.terms("discriminator", batch, draw)["r1"].item()
    0.0
    """

    def __init__(self, penalty: Penalty, every: int = 16):
        if every < 1:
            raise ConfigError(f"got every={every}; expected at least 1. Try: 16, as StyleGAN2 for R1.")
        if isinstance(penalty, StatefulPenalty):
            raise ConfigError(
                f"got {type(penalty).__name__}, whose running statistics follow every step; expected a penalty without "
                "any. Try: the penalty itself, which costs no second differentiation."
            )
        self.penalty = penalty
        self.every = every
        self.step = 0
        """The step of the training that is being played."""

    @property
    def name(self) -> str:
        """The penalty's own name."""
        return self.penalty.name

    @property
    def active(self) -> bool:
        """Whether it is evaluated at this step."""
        return self.step % self.every == 0

    @property
    def gradients(self) -> bool:
        """Whether it reads the input gradients of D at this step."""
        return self.active and self.penalty.gradients

    @property
    def couples_batch(self) -> bool:
        """Whether the penalty compares samples of a batch."""
        return self.penalty.couples_batch

    @property
    def gathers(self) -> bool:
        """Whether the penalty sees the samples of all processes."""
        return self.penalty.gathers

    def draw(self, x, stream):
        """The penalty's random numbers for a batch ``x``, from ``stream``, at every step."""
        return self.penalty.draw(x, stream) if isinstance(self.penalty, RandomPenalty) else {}

    def __call__(self, made, progress):
        """``every`` times the penalty on what was ``made``, at this ``progress``, or 0."""
        return self.every * self.penalty(made, progress) if self.active else torch.zeros_like(progress)

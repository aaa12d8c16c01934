r"""A conditional GAN whose judge also reads the class of an image, and whose generator is held to what it reads.

.. math:: L_D = -L_{adv} + E\, \ell(R(x), c), \qquad L_G = L_{adv} + \lambda\, E\, \ell(R(G(z, c)), c)

with the cross-entropy :math:`\ell` (Odena et al. 2017, AC-GAN, arXiv 1610.09585, section 4). There the judge does not
know the class. Here it is told by projection, so that :math:`L_{adv}` alone has its best point at the data's own
conditional distributions; the reader R, which learns from real images only, leads there sooner.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from advsci.games import GAN, Batch, Draw
from advsci.games.adversarial import Made
from advsci.games.game import require
from advsci.latents import Latent
from advsci.penalties import Penalty
from advsci.penalties.scores import Scores

__all__ = ["AuxiliaryGAN", "ReadingJudge"]


class ReadingJudge(nn.Module):
    """The judge of images and classes together with the reader of classes.

    Parameters
    ----------
    judge
        ``judge(x, label)``, one logit per image.
    reader
        ``reader(x)``, logits of the classes.
    """

    def __init__(self, judge: nn.Module, reader: nn.Module):
        super().__init__()
        self.judge, self.reader = judge, reader

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Logits (n) of images ``x`` (n c h w) under their classes ``condition`` (n)."""
        return self.judge(x, condition)


class ReadsClass(Penalty):
    """Cross-entropy of the reader at real images under their classes."""

    name = "reading"

    def __call__(self, made: Scores, progress: Tensor) -> Tensor:
        assert made.condition is not None
        return cross_entropy(made.network.reader(made.real), made.condition)  # type: ignore[operator]


class AuxiliaryGAN(GAN):
    r"""A conditional generator against a judge that reads classes too.

    Parameters
    ----------
    generator
        ``generator(z, label)``.
    discriminator
        Judge and reader.
    latent
        The prior of z.
    auxiliary
        :math:`\lambda`.
    penalties
        Further ones on the judge.
    **rules
        Passed to `advsci.games.GAN`.

    Notes
    -----
    A batch holds images ``x`` (n c h w) and their classes ``condition`` (n).
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: ReadingJudge,
        latent: Latent,
        *,
        auxiliary: float = 1.0,
        penalties: Sequence[Penalty] = (),
        **rules: Any,
    ):
        super().__init__(generator, discriminator, latent, penalties=(*penalties, ReadsClass()), **rules)
        self.auxiliary = auxiliary

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """How far the classes that are read in what was ``made`` are from those of ``batch``, drawn by ``draw``."""
        read = self.discriminator.reader(made.samples)  # type: ignore[operator]
        named = {"class": self.auxiliary * cross_entropy(read, batch["condition"])}
        return named | super().generator_terms(batch, draw, made)

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "condition", type(self).__name__)
        super().check(batch, draw)

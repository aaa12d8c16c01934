r"""A conditional GAN whose judge also reads the class of an image, and whose generator is held to what it reads.

.. math:: L_G = L_{adv} + \lambda\, E\, \ell(R(G(z, c)), c)

with the cross-entropy :math:`\ell` (Odena et al. 2017, AC-GAN, arXiv 1610.09585, section 4), and the judge of
`advsci_images.game.reading`. There the judge does not
know the class. Here it is told by projection, so that :math:`L_{adv}` alone has its best point at the data's own
conditional distributions; the reader R, which learns from real images only, leads there sooner.
"""

from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from advsci.games import GAN, Batch, Draw
from advsci.games.adversarial import Made
from advsci.games.game import require
from advsci.latents import Latent
from advsci.penalties import Penalty
from advsci_images.game.reading import ReadingJudge, ReadsLabel

__all__ = ["AuxiliaryGAN"]


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

    judge_teaches = True

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
        super().__init__(generator, discriminator, latent, penalties=(*penalties, ReadsLabel()), **rules)
        self.auxiliary = auxiliary

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """How far the classes that are read in what was ``made`` are from those of ``batch``, drawn by ``draw``."""
        misread = cast(ReadingJudge, self.discriminator).misread(made.samples, batch["condition"], made.weight)
        return {"class": self.auxiliary * misread} | super().generator_terms(batch, draw, made)

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "condition", type(self).__name__)
        super().check(batch, draw)

r"""StarGAN: one generator for several domains of images, told which one is wanted.

.. math:: L_D &= -L_{adv} + E\, \ell(D_{cls}(x), c), \\
    L_G &= L_{adv} + \lambda_{cls}\, E\, \ell(D_{cls}(G(x, c')), c') + \lambda_{rec}\, E\, |x - G(G(x, c'), c)|_1

(Choi et al. 2018, arXiv 1711.09020, eq. 1-6). As in the paper, the classifier of domains
:math:`D_{cls}` belongs to the judge and learns from real images only: a penalty on the judge.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import require
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_images.game.reading import ReadingJudge, ReadsLabel

__all__ = ["StarGAN"]


@dataclass(frozen=True)
class Moved(Made):
    """G(x, c') and what came back from there."""

    back: Tensor = torch.empty(0)


class StarGAN(AdversarialGame):
    r"""One translator for all domains against a judge and a reader of domains.

    Parameters
    ----------
    generator
        ``generator(x, domain)``.
    judge
        With its reader.
    domains
        Their number.
    classes, cycle
        :math:`\lambda_{cls}` and :math:`\lambda_{rec}`.
    adversarial
        Weight of :math:`L_{adv}` in :math:`L_G`; at 0 the reader of domains alone is left of the judge.

    Notes
    -----
    A batch holds ``x`` (n c h w) and ``domain`` (n), integers.
    """

    judge_teaches = True

    def __init__(
        self,
        generator: nn.Module,
        judge: ReadingJudge,
        domains: int,
        *,
        classes: float = 1.0,
        cycle: float = 10.0,
        adversarial: float = 1.0,
    ):
        super().__init__(generator, judge, penalties=(ReadsLabel("domain", key="domain"),), adversarial=adversarial)
        self.domains, self.classes, self.cycle = domains, classes, cycle

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """A domain to move every image of ``batch`` to, from ``stream``."""
        x = require(batch, "x", type(self).__name__)
        wanted = stream.at("wanted").integers(self.domains, (len(x),), device=x.device)
        return {"wanted": wanted, "domain": batch["domain"]}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Images of ``batch``, moved by ``generator`` (None: the game's own) to the domains of ``draw``."""
        return (generator if generator is not None else self.generator)(batch["x"], draw["wanted"])

    def make(self, batch: Batch, draw: Draw) -> Moved:
        """Images of ``batch``, moved to the domains of ``draw``, and moved back."""
        made = self.samples(batch, draw)
        return Moved(made, back=self.generator(made, batch["domain"]))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made``, with ``draw``; for every ``player`` alike."""
        return Scores(self.discriminator, batch["x"], made.samples, together=False, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """How well ``made`` shows the domains of ``draw``, and comes back to ``batch``."""
        assert isinstance(made, Moved)
        domain = self.classes * cast(ReadingJudge, self.discriminator).misread(made.samples, draw["wanted"])
        return {"domain": domain, "cycle": self.cycle * (made.back - batch["x"]).abs().mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "domain", type(self).__name__)
        self.check_adversarial(batch, draw)

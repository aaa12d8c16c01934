r"""pix2pix: images to images from pairs, with a judge that sees both.

.. math:: \min_G \max_D\; E \log D(x, y) + E \log(1 - D(x, G(x))) + \lambda\, E\, |y - G(x)|_1

(Isola et al. 2017, arXiv 1611.07004, eq. 1-4), here with relativistic pairing: the pairs (x, y) and (x, G(x)) of one
source are compared with each other. Without the adversary's weight it is the regression network of eq. 3; with
``power=2`` the one that minimises the mean squared error.
"""

import torch
from torch import Tensor, nn

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import require
from advsci.penalties.scores import Scores
from advsci.streams import Stream

__all__ = ["Pix2Pix"]


class Pix2Pix(AdversarialGame):
    r"""Translator against a judge of pairs.

    Parameters
    ----------
    generator
        G, from source to target images.
    judge
        D, of the channels of source and target together.
    adversarial
        Weight of the adversary; 0 for the regression network alone.
    lam
        :math:`\lambda`, weight of the distance to the true target.
    power
        1 for the mean absolute, 2 for the mean squared error.
    enlarge
        Brings the source to the target's size for the judge, or None where both have one size.

    Notes
    -----
    A batch holds the targets ``x`` and their ``source``.
    """

    def __init__(
        self,
        generator: nn.Module,
        judge: nn.Module,
        *,
        adversarial: float = 1.0,
        lam: float = 10.0,
        power: int = 1,
        enlarge: "nn.Module | None" = None,
    ):
        super().__init__(generator, judge, penalties=(), adversarial=adversarial)
        self.lam, self.power = lam, power
        self.enlarge = enlarge if enlarge is not None else nn.Identity()

    @property
    def players(self) -> dict[str, nn.Module]:
        alone = {"generator": self.generator}
        return alone if self.adversarial == 0.0 else {"discriminator": self.discriminator} | alone

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """The sources of ``batch``, translated by ``generator`` (None: the game's own); ``draw`` is empty."""
        return (generator if generator is not None else self.generator)(batch["source"])

    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes of ``batch`` and ``draw``."""
        return Made(self.samples(batch, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made``, each beside its source, with ``draw``; for every ``player`` alike."""
        source = self.enlarge(batch["source"])
        real, fake = (torch.cat([source, y], 1) for y in (batch["x"], made.samples))
        return Scores(self.discriminator, real, fake, together=False, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """Distance of what was ``made`` from the images of ``batch``; ``draw`` is empty."""
        distance = (batch["x"] - made.samples).abs()
        return {"distance": self.lam * (distance if self.power == 1 else distance.square()).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "source", type(self).__name__)
        self.check_adversarial(batch, draw)

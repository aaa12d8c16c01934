r"""PixelDA: labelled images are repainted in the style of the unlabelled domain, and a classifier learns from them.

.. math:: \min_{G, T} \max_D\; \alpha \left( E_t \log D(x) + E_s \log(1 - D(G(x, z))) \right)
    - \beta\, E_s\, y^\top (\log T(x) + \log T(G(x, z)))

(Bousmalis et al. 2017, arXiv 1612.05424, eq. 2, 4 and 5), here with
relativistic pairing and a spectrally normalised judge.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_images.game.aligned import entropy
from advsci_images.game.players import Classifier, Judge, Painter

__all__ = ["PixelDA"]


class PixelDA(AdversarialGame):
    r"""Repainter and classifier against a judge of images.

    Parameters
    ----------
    painter
        G.
    classifier
        T.
    judge
        D.
    beta
        Weight of the classifier's loss.
    eta
        Weight of the classifier's entropy on unlabelled images in the second half of the training.
    adversarial
        :math:`\alpha`; at 0 the judge leaves the game, and the painter stays as random as it began.

    Notes
    -----
    A batch holds ``x``, unlabelled images, ``source``, labelled ones of the same channels, and ``label``.
    """

    one_discriminator_pass = True

    def __init__(
        self,
        painter: Painter,
        classifier: Classifier,
        judge: Judge,
        *,
        beta: float = 1.0,
        eta: float = 0.1,
        adversarial: float = 1.0,
    ):
        generator = nn.ModuleDict({"painter": painter, "classifier": classifier})
        super().__init__(generator, judge, penalties=(), adversarial=adversarial)
        self.beta, self.eta = beta, eta

    @property
    def players(self) -> dict[str, nn.Module]:
        alone = {"generator": self.generator}
        return alone if self.adversarial == 0.0 else {"discriminator": self.discriminator} | alone

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The painter's numbers for the sources of ``batch``, from ``stream``."""
        return self.generator["painter"].draw(batch["source"], stream.at("look"))  # type: ignore[index, operator]

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """The sources of ``batch``, repainted by ``generator`` with the numbers of ``draw``."""
        player = generator if generator is not None else self.generator
        return player["painter"](batch["source"], draw)  # type: ignore[index]

    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes of ``batch`` and ``draw``."""
        return Made(self.samples(batch, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of the target images of ``batch`` and of ``made``, with ``draw``; for every ``player`` alike."""
        return Scores(self.discriminator, batch["x"], made.samples, together=False, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """The classifier's loss on ``batch`` and ``made``, and late the target's entropy; ``draw`` is not used."""
        n, late = len(batch["x"]), (self.progress > 0.5).to(batch["x"].dtype)
        logits = self.generator["classifier"](torch.cat([made.samples.detach(), batch["source"], batch["x"]]))  # type: ignore[index]
        painted, plain, target = logits.split(n)
        classes = cross_entropy(painted, batch["label"]) + cross_entropy(plain, batch["label"])
        return {"classes": self.beta * classes, "entropy": self.eta * late * entropy(target).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        self.check_adversarial(batch, draw)

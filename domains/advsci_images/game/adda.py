r"""ADDA: an encoder of the unlabelled domain learns to make features like those of the labelled one.

The labelled domain's encoder :math:`M_s` and head are trained first and then held fixed; a copy :math:`M_t` plays the
generator,

.. math:: \min_D -E_s \log D(M_s(x)) - E_t \log(1 - D(M_t(x))), \qquad \min_{M_t} -E_t \log D(M_t(x))

(Tzeng et al. 2017, arXiv 1702.05464, eq. 9).
"""

from torch import Tensor, nn

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.nn import MLP
from advsci.objectives import NonSaturating
from advsci.penalties import R1, R2
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_images.game.players import Classifier

__all__ = ["ADDA"]


class ADDA(AdversarialGame):
    """The target's encoder against a judge of feature vectors.

    Parameters
    ----------
    classifier
        A copy of the classifier that was trained on labelled images; its encoder moves, its head stays.
    gamma
        Weight of R1 and R2, without which the judge soon separates the domains for good.

    Notes
    -----
    A batch holds ``x``, features of labelled images under the fixed encoder (n d), and ``target``, unlabelled images.
    """

    def __init__(self, classifier: Classifier, *, gamma: float = 0.1):
        length = classifier.head.in_features
        super().__init__(
            classifier, MLP(length, 1, 128, 2), objective=NonSaturating(), penalties=(R1(gamma), R2(gamma))
        )
        classifier.head.requires_grad_(False)

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Features of the target images of ``batch`` by ``generator`` (None: the game's own); ``draw`` is empty."""
        encoder = generator if generator is not None else self.generator
        return encoder.features(batch["target"])  # type: ignore[operator]

    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes of ``batch`` and ``draw``."""
        return Made(self.samples(batch, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of source features of ``batch`` and target features ``made``, for ``player``'s loss, with ``draw``."""
        real = None if player == "generator" else batch["x"]
        return Scores(self.discriminator, real, made.samples, gradients=player == "discriminator", draw=draw)

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        self.check_adversarial(batch, draw)

r"""DANN and CDAN: features that serve a task on labelled images and hide which domain an image is from.

With encoder :math:`f`, class probabilities :math:`g` and domain adversary :math:`a`,

.. math:: \min_{f, g} \max_a\; E_s\, \ell(g(f(x)), y) + \eta\, E_t H(g(f(x)))
    - \lambda \left( E_s\, \ell_a(a(h), 1) + E_t\, \ell_a(a(h), 0) \right)

DANN lets the adversary see :math:`h = f` (Ganin et al. 2016, arXiv 1505.07818, eq. 9), CDAN the outer product
:math:`h = f \otimes g` (Long et al. 2018, arXiv 1705.10667, eq. 2 and 5; g held constant there, as in the authors'
program). The entropy :math:`H` on the unlabelled domain keeps the decision boundary where images are few (Grandvalet
and Bengio 2005; VADA, arXiv 1802.08735, eq. 5).
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, log_softmax

from advsci.games import Adversary, Batch, DomainAdversarial, Draw, Task
from advsci.nn import MLP
from advsci.schedules import DannRamp, Schedule, Warmup, as_schedule
from advsci.streams import Stream
from advsci_images.game.players import Classifier

__all__ = ["AlignedTask", "DomainJudge", "aligned_game", "entropy"]


def entropy(logits: Float[Tensor, "n classes"]) -> Float[Tensor, " n"]:
    r""":math:`-\sum_c g_c \log g_c` of the class probabilities of ``logits`` (n classes), per image [nats]."""
    log_g = log_softmax(logits, 1)
    return -(log_g.exp() * log_g).sum(1)


class AlignedTask(Task):
    """Classify the labelled images; hand the features of both domains to the adversary.

    Parameters
    ----------
    classifier
        Encoder and head.
    conditional
        CDAN's outer product instead of DANN's features.
    eta
        Weight of the entropy on unlabelled images, a number or a schedule of the training's progress.
    """

    progress: Tensor

    def __init__(self, classifier: Classifier, *, conditional: bool = False, eta: "float | Schedule" = 0.0):
        super().__init__()
        self.classifier = classifier
        self.conditional = conditional
        self.eta = as_schedule(eta)
        self.register_buffer("progress", torch.zeros(()))

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of both domains of ``batch``, the labels' loss and the target's entropy; ``draw`` is empty."""
        n = len(batch["x"])
        features = self.classifier.features(torch.cat([batch["x"], batch["target"]]))
        logits = self.classifier.head(features)
        terms = {"classes": cross_entropy(logits[:n], batch["label"])}
        terms["entropy"] = self.eta(self.progress) * entropy(logits[n:]).mean()
        if self.conditional:
            g = logits.softmax(1).detach()
            features = (features[:, :, None] * g[:, None, :]).flatten(1)
        return features, terms


class DomainJudge(Adversary):
    """Reads from features whether an image is labelled (the first half of the rows) or not.

    Parameters
    ----------
    length
        Of the vectors that it sees.
    width
        Units of its hidden layers.
    """

    def __init__(self, length: int, width: int = 128):
        super().__init__()
        self.net = MLP(length, 1, width, 2)

    def forward(self, features: Tensor, batch: Batch) -> Tensor:
        """Cross entropy of reading from ``features`` which half is labelled; ``batch`` is not looked at."""
        labelled = (torch.arange(len(features), device=features.device) < len(features) // 2).to(features.dtype)
        return binary_cross_entropy_with_logits(self.net(features).squeeze(1), labelled)


def aligned_game(
    classifier: Classifier, *, conditional: bool = False, strength: float = 1.0, eta: float = 0.1
) -> DomainAdversarial:
    r"""DANN, or with ``conditional`` CDAN; without an adversary's weight the source-only network.

    Parameters
    ----------
    classifier
        The network to be trained.
    conditional
        CDAN instead of DANN.
    strength
        :math:`\lambda` at the end of DANN's ramp.
    eta
        Weight of the entropy after the first half of the training.

    Returns
    -------
    DomainAdversarial
        Its batches hold ``x`` and ``label`` of the labelled domain and ``target`` of the other.

    Examples
    --------
    >>> game = aligned_game(Classifier(1, (8, 8), 3))
    >>> batch = {"x": torch.zeros(4, 1, 8, 8), "label": torch.zeros(4).long(), "target": torch.ones(4, 1, 8, 8)}
    >>> sorted(game.terms("task", batch, {}))
    ['adversary', 'classes', 'entropy']
    """
    length = classifier.head.in_features * (classifier.head.out_features if conditional else 1)
    task = AlignedTask(classifier, conditional=conditional, eta=Warmup(eta, 0.5))
    ramp = DannRamp(strength) if strength > 0.0 else 0.0
    return DomainAdversarial(task, DomainJudge(length), ramp)

r"""A classifier by itself: weighted cross-entropy, with mixup where wanted.

.. math:: \min_g\; E\, w_y\, \ell\left(g(t x + (1 - t) x'),\, t y + (1 - t) y'\right), \qquad t \sim \mathrm{Beta}(a, a)

with :math:`t = 1` without mixup (Zhang et al. 2018, arXiv 1710.09412, eq. 2). What adaptation and augmentation are
compared with.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from advsci.games import Batch, Draw, Game
from advsci.games.game import require
from advsci.streams import Stream

__all__ = ["Supervised"]


class Supervised(Game):
    """One player, a classifier.

    Parameters
    ----------
    classifier
        Images to logits.
    weights
        Weight of each class (classes), or None for equal ones.
    mixup
        a of the Beta law; 0 for none.

    Notes
    -----
    A batch holds ``x`` (n c h w) and ``label`` (n).
    """

    weights: "Tensor | None"

    def __init__(self, classifier: nn.Module, *, weights: "Tensor | None" = None, mixup: float = 0.0):
        super().__init__()
        self.classifier = classifier
        self.register_buffer("weights", weights)
        self.mixup = mixup

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"classifier": self.classifier}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Share and partner of every image of ``batch`` for mixing, from ``stream``; nothing without mixing."""
        if self.mixup == 0.0:
            return {}
        x = batch["x"]
        t = stream.at("share").numpy().beta(self.mixup, self.mixup, len(x))
        order = stream.at("partner").permutation(len(x)).to(x.device)
        return {"share": torch.from_numpy(t).to(x), "partner": order}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Cross entropy of the labels of ``batch``, mixed as ``draw`` says; there is one ``player``."""
        x, label = batch["x"], batch["label"]
        if self.mixup == 0.0:
            return {"classes": cross_entropy(self.classifier(x), label, self.weights)}
        t, partner = draw["share"], draw["partner"]
        mixed = t[:, None, None, None] * x + (1.0 - t)[:, None, None, None] * x[partner]
        logits = self.classifier(mixed)
        own, other = (cross_entropy(logits, y, self.weights, reduction="none") for y in (label, label[partner]))
        return {"classes": (t * own + (1.0 - t) * other).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        for key in ("x", "label"):
            require(batch, key, "Supervised")
        self.terms("classifier", batch, draw)

r"""DANN and CDAN: features that serve a task on labelled images and hide which domain an image is from.

With convolutions :math:`f`, class probabilities :math:`g(f)` and domain adversary :math:`a`,

.. math:: \min_{f, g} \max_a\; E_s\, \ell(g(f(x)), y) + \eta\, E_t H(g(f(x)))
    - \lambda \left( E_s\, \ell_a(a(h), 1) + E_t\, \ell_a(a(h), 0) \right)

DANN lets the adversary see :math:`h = f` (Ganin et al. 2016, arXiv 1505.07818, eq. 9), where the convolutions end and
the classifier's dense layers begin, as in the paper's networks for digits. An adversary of the last dense layer sees
classes and little else, so aligning it moves classes onto each other. CDAN's adversary sees the outer product of f and
g (Long et al. 2018, arXiv 1705.10667, eq. 2), here in the random map for long vectors (eq. 6), g held constant as in
the authors' program:

.. math:: h = (R_f f) \odot (R_g g) / \sqrt{d}

The entropy :math:`H` on the unlabelled domain keeps the decision boundary where images are few (Grandvalet and Bengio
2005; VADA, arXiv 1802.08735, eq. 5). Where it is let in while most classes are wrong, it makes them certain.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, log_softmax

from advsci.games import Adversary, Batch, DomainAdversarial, Draw, Task
from advsci.nn import MLP
from advsci.schedules import DannRamp, Schedule, Warmup, as_schedule
from advsci.streams import Stream
from advsci_images.game.players import Classifier
from advsci_images.game.recolouring import colours, recoloured

__all__ = ["AlignedTask", "DomainJudge", "RandomProducts", "aligned_game", "entropy"]


def entropy(logits: Float[Tensor, "n classes"]) -> Float[Tensor, " n"]:
    r""":math:`-\sum_c g_c \log g_c` of the class probabilities of ``logits`` (n classes), per image [nats]."""
    log_g = log_softmax(logits, 1)
    return -(log_g.exp() * log_g).sum(1)


class RandomProducts(nn.Module):
    """CDAN's random map: products of random projections of two vectors, in place of all products of their entries.

    Parameters
    ----------
    lengths
        Of the two vectors.
    length
        d, of the map's vectors.
    """

    def __init__(self, lengths: tuple[int, int], length: int = 1024):
        super().__init__()
        for name, of in zip(("first", "second"), lengths, strict=True):
            self.register_buffer(name, torch.randn(of, length))

    def forward(self, f: Float[Tensor, "n a"], g: Float[Tensor, "n b"]) -> Float[Tensor, "n d"]:
        """The vectors (n d) of ``f`` (n a) and ``g`` (n b)."""
        first, second = self.get_buffer("first"), self.get_buffer("second")
        return (f @ first) * (g @ second) * first.shape[1] ** -0.5


class AlignedTask(Task):
    """Classify the labelled images; hand the features of both domains to the adversary.

    Parameters
    ----------
    classifier
        Convolutions, dense layer and head.
    products
        CDAN's random map, or None for DANN.
    eta
        Weight of the entropy on unlabelled images, a number or a schedule of the training's progress.
    recolour
        Show the labelled images in random colours, anew at every step (`advsci_images.game.recolouring`).
    """

    progress: Tensor

    def __init__(
        self,
        classifier: Classifier,
        *,
        products: "RandomProducts | None" = None,
        eta: "float | Schedule" = 0.0,
        recolour: bool = False,
    ):
        super().__init__()
        self.classifier = classifier
        self.products = products
        self.eta = as_schedule(eta)
        self.recolour = recolour
        self.register_buffer("progress", torch.zeros(()))

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Colours of the labelled images of ``batch``, from ``stream``; nothing where they stay as they are."""
        return colours(batch["x"], stream) if self.recolour else {}

    def forward(self, batch: Batch, draw: Draw) -> tuple[Tensor, dict[str, Tensor]]:
        """Features of both domains of ``batch``, the labels' loss and the target's entropy; ``draw`` holds colours."""
        n = len(batch["x"])
        labelled = recoloured(batch["x"], draw) if self.recolour else batch["x"]
        maps = self.classifier.maps(torch.cat([labelled, batch["target"]]))
        logits = self.classifier.head(self.classifier.to_features(maps))
        terms = {"classes": cross_entropy(logits[:n], batch["label"])}
        terms["entropy"] = self.eta(self.progress) * entropy(logits[n:]).mean()
        if self.products is None:
            return maps, terms
        return self.products(maps, logits.softmax(1).detach()), terms


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
    classifier: Classifier,
    *,
    conditional: bool = False,
    strength: float = 1.0,
    eta: float = 0.0,
    recolour: bool = False,
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
    recolour
        Show the labelled images in random colours.

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
    lengths = (classifier.flat, classifier.head.out_features)
    products = RandomProducts(lengths) if conditional else None
    task = AlignedTask(classifier, products=products, eta=Warmup(eta, 0.5), recolour=recolour)
    judge = DomainJudge(1024 if products is not None else classifier.flat)
    return DomainAdversarial(task, judge, DannRamp(strength) if strength > 0.0 else 0.0)

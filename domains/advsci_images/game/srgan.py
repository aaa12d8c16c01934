r"""SRGAN: enlargement with detail that a judge takes for real.

.. math:: L_G = w_1\, E\, |y - G(x)|^2 + w_\phi\, E \sum_l |\phi_l(y) - \phi_l(G(x))|^2 + w\, L_{adv}

(Ledig et al. 2017, arXiv 1609.04802, eq. 3-6), with the relativistic judge of ESRGAN (Wang et al. 2018, arXiv
1809.00219, section 3.2). The features :math:`\phi` are random convolutions (`RandomFeatures`), so that no other data
set is needed and no judgement is built in; results are judged by other networks.
"""

import torch
from torch import Tensor, nn

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import require
from advsci.penalties.scores import Scores
from advsci.streams import Stream

__all__ = ["SRGAN", "RandomFeatures"]


class RandomFeatures(nn.Module):
    """Fixed random convolutions of two sizes with a rectifier: a distance in them sees structure, not only pixels.

    Parameters
    ----------
    channels
        Of the images.
    width
        Filters of each size.
    seed
        Key of the filters.
    """

    filters: Tensor

    def __init__(self, channels: int, width: int = 24, seed: int = 0):
        super().__init__()
        filters = Stream(seed).at("random features").normal((width, channels, 5, 5))
        filters = filters - filters.mean((2, 3), keepdim=True)
        self.register_buffer("filters", filters / filters.flatten(1).norm(dim=1)[:, None, None, None])

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of images ``x`` (n c h w) at full and at half the resolution."""
        half = nn.functional.avg_pool2d(x, 2)
        return [torch.relu(nn.functional.conv2d(part, self.filters, stride=2)) for part in (x, half)]


class SRGAN(AdversarialGame):
    r"""Enlarger against a judge of images.

    Parameters
    ----------
    generator
        G, from small to large images.
    judge
        D.
    features
        :math:`\phi`.
    adversarial
        w; 0 for the network without adversary.
    pixels, perceptual
        :math:`w_1` and :math:`w_\phi`.

    Notes
    -----
    A batch holds large images ``x`` and the small ``source`` of each.
    """

    one_discriminator_pass = True

    def __init__(
        self,
        generator: nn.Module,
        judge: nn.Module,
        features: RandomFeatures,
        *,
        adversarial: float = 1.0,
        pixels: float = 10.0,
        perceptual: float = 1.0,
    ):
        super().__init__(generator, judge, penalties=(), adversarial=adversarial)
        self.features, self.pixels, self.perceptual = features, pixels, perceptual

    @property
    def players(self) -> dict[str, nn.Module]:
        alone = {"generator": self.generator}
        return alone if self.adversarial == 0.0 else {"discriminator": self.discriminator} | alone

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """The sources of ``batch``, enlarged by ``generator`` (None: the game's own); ``draw`` is empty."""
        return (generator if generator is not None else self.generator)(batch["source"])

    def make(self, batch: Batch, draw: Draw) -> Made:
        """What the generator makes of ``batch`` and ``draw``."""
        return Made(self.samples(batch, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made``, with ``draw``; for every ``player`` alike."""
        return Scores(self.discriminator, batch["x"], made.samples, together=False, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """Errors of what was ``made`` against ``batch``, in pixels and features; ``draw`` is empty."""
        terms = {"pixels": self.pixels * (batch["x"] - made.samples).square().mean()}
        if self.perceptual > 0.0:
            pairs = zip(self.features(batch["x"]), self.features(made.samples), strict=True)
            terms["perceptual"] = self.perceptual * torch.stack([(a - b).square().mean() for a, b in pairs]).sum()
        return terms

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "source", type(self).__name__)
        self.check_adversarial(batch, draw)

r"""CycleGAN: images to images and back, from two sets without pairs.

.. math:: \min_{G, F} \max_D\; L_{adv}\left((x, y), (F(y), G(x))\right)
    + \lambda\, E \left(|F(G(x)) - x|_1 + |G(F(y)) - y|_1\right) + \mu\, E \left(|G(y) - y|_1 + |F(x) - x|_1\right)

(Zhu et al. 2017, arXiv 1703.10593, eq. 1-3, identity term of section 5.2). A sample is a pair of independent images,
and the judge of a pair is :math:`D_X(x) + D_Y(y)`: the log ratio of two products of densities is the sum of theirs, so
this form holds the best judge exactly, and the game with its two translators is one of a generator against a
discriminator.

A translator may hide in its images what the other needs to come back exactly; such a way back fails on real images.
With noise :math:`\epsilon` on the translation, :math:`|F(G(x) + \epsilon) - x|_1`, nothing small can be hidden
(Bashkirova et al. 2019, arXiv 1908.01517).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from advsci.games import Batch, Draw
from advsci.games.adversarial import AdversarialGame, Made
from advsci.games.game import require
from advsci.penalties.scores import Scores
from advsci.streams import Stream

__all__ = ["CycleGAN", "PairJudge"]


class PairJudge(nn.Module):
    """:math:`D_X(x) + D_Y(y)` of pairs that are stacked along the channels.

    Parameters
    ----------
    of_x, of_y
        The judges of the two sets.
    channels
        Channels of the images of the first set.
    """

    def __init__(self, of_x: nn.Module, of_y: nn.Module, channels: int):
        super().__init__()
        self.of_x, self.of_y, self.channels = of_x, of_y, channels

    def forward(self, pair: Tensor) -> Tensor:
        """Logits (n): the sum of those of both halves of the channels of ``pair``."""
        return self.of_x(pair[:, : self.channels]) + self.of_y(pair[:, self.channels :])


@dataclass(frozen=True)
class Cycle(Made):
    """The pair (F(y), G(x)) and what came back."""

    back: Tensor = torch.empty(0)


class CycleGAN(AdversarialGame):
    r"""Two translators against a judge of pairs.

    Parameters
    ----------
    there, back
        G from the first set to the second, F from the second to the first.
    judge
        Of pairs.
    lam
        :math:`\lambda`, weight of the cycle.
    mu
        :math:`\mu`, weight of the identity; for sets of equally many channels.
    noise
        Standard deviation of the noise that is added to a translation before it is translated back.

    Notes
    -----
    A batch holds ``x``, independent pairs (n, channels of both, height, width).
    """

    one_discriminator_pass = True

    def __init__(
        self,
        there: nn.Module,
        back: nn.Module,
        judge: PairJudge,
        *,
        lam: float = 10.0,
        mu: float = 0.0,
        noise: float = 0.0,
    ):
        super().__init__(nn.ModuleDict({"there": there, "back": back}), judge, penalties=())
        self.channels, self.lam, self.mu, self.noise = judge.channels, lam, mu, noise

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator, "generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Noise for the translations of ``batch``, from ``stream``; none where it has no size."""
        if self.noise == 0.0:
            return {}
        x = require(batch, "x", type(self).__name__)
        return {"noise": self.noise * stream.at("noise").normal(tuple(x.shape), device=x.device)}

    def samples(self, batch: Batch, draw: Draw, generator: nn.Module | None = None) -> Tensor:
        """Both sides of ``batch``, each translated from the other by ``generator``; ``draw`` is not used."""
        player = generator if generator is not None else self.generator
        x, y = batch["x"][:, : self.channels], batch["x"][:, self.channels :]
        return torch.cat([player["back"](y), player["there"](x)], 1)  # type: ignore[index]

    def make(self, batch: Batch, draw: Draw) -> Cycle:
        """Both translations of ``batch``, and these translated back with the noise of ``draw`` on them."""
        made = self.samples(batch, draw)
        return Cycle(made, back=self.samples({"x": made + draw.get("noise", 0.0)}, draw))

    def scores(self, batch: Batch, draw: Draw, made: Made, player: str | None = None) -> Scores:
        """Scores of ``batch`` and ``made``, with ``draw``; for every ``player`` alike."""
        return Scores(self.discriminator, batch["x"], made.samples, together=False, draw=draw)

    def generator_terms(self, batch: Batch, draw: Draw, made: Made) -> dict[str, Tensor]:
        """Cycle and identity terms of ``batch``, given what was ``made`` of it; ``draw`` is empty."""
        assert isinstance(made, Cycle)
        terms = {"cycle": self.lam * (made.back - batch["x"]).abs().mean()}
        if self.mu > 0.0:
            swapped = torch.cat([batch["x"][:, self.channels :], batch["x"][:, : self.channels]], 1)
            terms["identity"] = self.mu * (self.samples({"x": swapped}, draw) - batch["x"]).abs().mean()
        return terms

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        require(batch, "x", type(self).__name__)
        self.check_adversarial(batch, draw)

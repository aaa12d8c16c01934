"""The game of an adversarial regulariser: a critic of true images against poor reconstructions of others."""

import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.objectives import Wasserstein
from advsci.penalties.gradient import interpolate, norm_penalty
from advsci.streams import Stream

__all__ = ["RegulariserGame"]


class RegulariserGame(Game):
    """One player, the regulariser, on a batch of true images ``"x"`` and unpaired poor reconstructions ``"poor"``.

    Parameters
    ----------
    regulariser
        The player: images to one number each.
    penalty
        Weight of the one-sided gradient penalty.
    """

    def __init__(self, regulariser: nn.Module, penalty: float = 10.0):
        super().__init__()
        self.regulariser, self.penalty, self.objective = regulariser, penalty, Wasserstein()

    @property
    def players(self) -> dict[str, nn.Module]:
        """The one player."""
        return {"regulariser": self.regulariser}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The random numbers of one evaluation on ``batch``, from the ``stream``."""
        x = require(batch, "x", "RegulariserGame")
        n = (len(x),)
        return {
            "between": stream.at("between").uniform(n, device=x.device, dtype=x.dtype),
            "pairing": stream.at("pairing").permutation(len(x)).to(x.device),
        }

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms of the ``player`` on a ``batch`` and ``draw``."""
        x, poor = batch["x"], require(batch, "poor", "RegulariserGame")[draw["pairing"]]
        both = self.regulariser(torch.cat([x, poor]))
        real, fake = both[: len(x)], both[len(x) :]
        points = interpolate(x, poor, draw["between"])
        return {
            "distance": self.objective.discriminator(-real, -fake),  # a critic is high where the penalty is low
            "gradient": self.penalty * norm_penalty(self.regulariser, points, one_sided=True),
        }

    def check(self, batch: Batch, draw: Draw) -> None:
        """Whether ``batch``, ``draw`` and network fit.

        Raises
        ------
        ShapeError
            The regulariser does not return one number per image.
        """
        x = require(batch, "x", "RegulariserGame")
        if self.regulariser(x).shape != (len(x),):
            raise ShapeError(
                f"got {tuple(self.regulariser(x).shape)} from the regulariser; expected ({len(x)},). "
                "Try: one number per image."
            )
        self.terms("regulariser", batch, draw)

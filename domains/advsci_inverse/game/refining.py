"""The game of a refiner: one player, its error under every operator that it shall serve."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.streams import Stream
from advsci_inverse.priors.denoiser import gaussian_nll
from advsci_inverse.priors.refiner import RefinementPlan, Refiner

__all__ = ["RefiningGame"]


class RefiningGame(Game):
    """One player: the refiner minimises its error on images measured by every operator of its plans.

    Every batch is split evenly over the plans. A stage's term is the mean logarithm of each image's mean squared error
    in units of the expected one: what the peak signal-to-noise ratio averages, so that easy and hard images count
    alike.

    Parameters
    ----------
    refiner
        The player.
    plans
        One for each operator and noise level, with their matrices.
    spread_weight
        Weight of the standard deviation's likelihood beside the error.
    """

    def __init__(self, refiner: Refiner, plans: Sequence[RefinementPlan], spread_weight: float = 0.05):
        super().__init__()
        self.refiner, self.plans, self.spread_weight = refiner, tuple(plans), spread_weight

    @property
    def players(self) -> dict[str, nn.Module]:
        """The one player."""
        return {"refiner": self.refiner}

    def _split(self, x: Tensor) -> list[Tensor]:
        share = len(x) // len(self.plans)
        return list(x[: share * len(self.plans)].split(share))

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """The random numbers of one evaluation on ``batch``, from the ``stream``."""
        x = require(batch, "x", "RefiningGame")
        draw = {"flip": stream.at("flip").uniform((len(x),), device=x.device)}
        for k, (plan, part) in enumerate(zip(self.plans, self._split(x), strict=True)):
            shape = (len(part), *plan.operator.data_shape)
            draw[f"noise{k}"] = stream.at("noise", k).normal(shape, device=x.device, dtype=x.dtype)
        return draw

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms of the ``player`` on a ``batch`` and ``draw``."""
        x = torch.where((draw["flip"] < 0.5)[:, None, None], batch["x"], batch["x"].flip(-1))
        parts = self._split(x)
        data = [
            (plan, plan.operator(part) + plan.sigma * draw[f"noise{k}"])
            for k, (plan, part) in enumerate(zip(self.plans, parts, strict=True))
        ]
        truth = torch.cat(parts)
        unit = torch.cat([p.new_full((len(p),), plan.levels[0]) for plan, p in zip(self.plans, parts, strict=True)])
        unit = unit[:, None, None]
        results = self.refiner(data)
        terms = {
            f"stage{k}": (1.0 if k == len(results) - 1 else 0.3)
            * (((mean - truth) / unit).square().mean((1, 2)) + 1e-6).log().mean()
            for k, (mean, _) in enumerate(results)
        }
        mean, deviation = results[-1]
        return terms | {"spread": self.spread_weight * gaussian_nll(truth / unit, mean / unit, deviation / unit)}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Whether ``batch``, ``draw`` and network fit."""
        self.terms("refiner", batch, draw)

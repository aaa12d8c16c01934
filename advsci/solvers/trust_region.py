r"""Trust region: a player's move is only as long as its effect on what the player makes.

The optimizer proposes :math:`d`; the region bounds the change of the outputs :math:`o(\theta)` (a generator's samples),

.. math:: \Delta(s) = \operatorname{rms}\, \big(o(\theta + s d) - o(\theta)\big) \le \rho, \qquad s \le 1,

and the radius :math:`\rho` follows how well the linear model of the loss predicted its change
(Conn, Gould and Toint 2000, algorithm 6.1.1): with
:math:`r = (L(\theta) - L(\theta + s d)) / (-s\, g \cdot d)` a move with :math:`r < 0` is taken back, :math:`\rho` is
halved for :math:`r < 1/4` and doubled where :math:`r > 3/4` and the region was what limited the move. All decisions
are taken on the device.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.games.adversarial import AdversarialGame
from advsci.games.game import Batch, Draw, Game, total
from advsci.processes import average_over_processes
from advsci.schedules import Schedule
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["TrustRegion", "generated"]

Outputs = Callable[[Game, Batch, Draw], Tensor]


def generated(game: Game, batch: Batch, draw: Draw) -> Tensor:
    """The samples of an adversarial game for ``batch`` and ``draw``: the outputs that the region bounds by default.

    Raises
    ------
    ConfigError
        The game is no adversarial game.
    """
    if not isinstance(game, AdversarialGame):
        raise ConfigError(
            f"got a {type(game).__name__}; expected an AdversarialGame, whose samples the region bounds by default. "
            "Try: TrustRegion(outputs=lambda game, batch, draw: ...)."
        )
    return game.samples(batch, draw)


class TrustRegion(Solver):
    """Players move in turn, one of them within a trust region of its outputs.

    Parameters
    ----------
    player
        Whose moves are bounded.
    radius
        First :math:`\\rho`, the root mean square change of an output's entry in one move, in units of the outputs.
    bounds
        Smallest and largest radius.
    outputs
        What the player makes of a batch and draw; the generated samples by default.
    trials
        How often a too long move is shortened (by the ratio that a linear response needs).
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.

    Raises
    ------
    ConfigError
        The radius is not within its bounds, or these are not positive.

    Notes
    -----
    ``memory`` holds the current ``"radius"`` and the last ``"share"`` s of the proposed move that was made.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import TrustRegion, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = TrustRegion(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    def __init__(
        self,
        optimizer: OptimizerFactory | Mapping[str, OptimizerFactory] | None = None,
        lr_schedule: float | Schedule = 1.0,
        *,
        player: str = "generator",
        radius: float = 0.1,
        bounds: tuple[float, float] = (1e-4, 1.0),
        outputs: Outputs = generated,
        trials: int = 3,
    ):
        super().__init__(optimizer, lr_schedule)
        if not 0.0 < bounds[0] <= radius <= bounds[1]:
            raise ConfigError(f"got radius={radius}, bounds={bounds}; expected 0 < lower <= radius <= upper. Try: 0.1.")
        self.player = player
        self.radius = radius
        self.bounds = bounds
        self.outputs = outputs
        self.trials = trials

    @property
    def draws_per_step(self) -> int:
        """Draws for each step, once the settings are seen to fit the players.

        Raises
        ------
        ConfigError
            The game has no player of the given name.
        """
        if self.player not in self.players:
            raise ConfigError(f"got player '{self.player}'; expected one of {self.players}. Try: '{self.players[-1]}'.")
        return len(self.players)

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms = {}
        for player in self.players:
            batch, draw = feed()
            terms[player], gradient = self.gradient(player, batch, draw)
            if player == self.player:
                self._move_within(game, gradient, total(terms[player]), batch, draw)
            else:
                self.apply(game, player, gradient)
        return terms

    @torch.no_grad()
    def _move_within(self, game: Game, gradient: list, loss: Tensor, batch: Batch, draw: Draw) -> None:
        parameters = self.parameters[self.player]
        if "radius" not in self.memory:
            self.memory["radius"] = torch.full_like(loss, self.radius)
        radius = self.memory["radius"]
        before = self.outputs(game, batch, draw).clone()  # a player that is its own output moves with it
        start = [p.detach().clone() for p in parameters]
        self.apply(game, self.player, gradient, constrain=False)
        move = [p - origin for p, origin in zip(parameters, start, strict=True)]
        slope = torch.stack([(g * d).sum() for g, d in zip(gradient, move, strict=True) if g is not None]).sum()

        def go(share: Tensor) -> None:
            """Put the player where ``share`` of its move leads."""
            for p, origin, d in zip(parameters, start, move, strict=True):
                p.copy_(torch.where(share > 0.0, origin + share * d, origin))  # a move of NaN is taken back too

        def change() -> Tensor:
            """Root mean square change of the player's outputs since the start of the move."""
            squared = (self.outputs(game, batch, draw) - before).square().mean()
            average_over_processes([squared])
            return squared.sqrt()

        share = torch.ones_like(radius)
        for _ in range(self.trials):
            share = share * (radius / change().clamp_min(torch.finfo(before.dtype).tiny)).clamp_max(1.0)
            go(share)
        # what linear shortening could not bring into the region is too curved to trust at all
        inside = change() <= 1.01 * radius
        with torch.enable_grad(), game.only():  # a loss may differentiate with respect to its inputs
            reached = total(game.terms(self.player, batch, draw)).detach().clone()
        loss = loss.clone()
        average_over_processes([loss, reached])
        predicted = -share * slope
        ratio = (loss - reached) / torch.where(predicted == 0.0, 1.0, predicted)
        accepted = inside & (ratio >= 0.0)
        share = torch.where(accepted, share, 0.0)
        go(share)
        limited = share < 1.0
        shrink, grow = ~accepted | (ratio < 0.25), accepted & limited & (ratio > 0.75)
        factor = torch.where(shrink, 0.5, torch.where(grow, 2.0, 1.0)).to(radius.dtype)
        self.memory["radius"] = (radius * factor).clamp(*self.bounds)
        self.memory["share"] = share
        game.moved(self.player)

r"""Unrolled gradients: a player descends its loss after k imagined steps of the others, through those steps.

.. math:: \theta_{-i}^{(j+1)} = \theta_{-i}^{(j)} - \eta\, v_{-i}(\theta_i, \theta_{-i}^{(j)}), \qquad
          \theta_i \leftarrow \theta_i - h\, \frac{d}{d\theta_i} L_i(\theta_i, \theta_{-i}^{(k)}(\theta_i))

(Metz et al. 2017, arXiv 1611.02163, eq. 5-7.) The total derivative is exact: the imagined steps are differentiated.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from advsci.errors import ConfigError
from advsci.games.game import Batch, Draw, Game, total
from advsci.processes import several_processes
from advsci.schedules import Schedule
from advsci.solvers.gradient import Gradients, Terms
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["Unrolled", "unrolled_gradient"]


def unrolled_gradient(
    game: Game, player: str, batch: Batch, draw: Draw, *, k: int, rate: float
) -> tuple[Terms, Gradients]:
    r"""Terms and total gradient of ``player`` after ``k`` gradient steps of length ``rate`` of all other players.

    Parameters
    ----------
    game
        The game.
    batch
        A batch: name to tensor, the samples along the first axis.
    draw
        The random numbers of one evaluation, from `draw`.
    """
    name_of = {id(p): name for name, p in game.named_parameters()}
    names = {p: [name_of[id(t)] for t in game.parameters_of(p) if t.requires_grad] for p in game.players}
    values: dict[str, Tensor] = dict(game.named_parameters())
    start = [values[name] for name in names[player]]
    current = dict(values)
    for _ in range(k):
        moved = {}
        for other in game.players:
            if other == player:
                continue
            if not names[other]:
                continue
            own = [current[name] for name in names[other]]
            loss = total(functional_call(game, current, (other, batch, draw)))
            gradients = torch.autograd.grad(loss, own, create_graph=True, allow_unused=True)
            for name, value, gradient in zip(names[other], own, gradients, strict=True):
                moved[name] = value if gradient is None else value - rate * gradient
        current |= moved
    terms = functional_call(game, current, (player, batch, draw))
    gradients = torch.autograd.grad(total(terms), start, allow_unused=True) if start else ()
    return {name: term.detach() for name, term in terms.items()}, list(gradients)


class Unrolled(Solver):
    r"""Players move in turn, some of them along their unrolled gradients.

    Parameters
    ----------
    unroll
        Player -> k, the imagined steps of all others that it looks through, such as ``{"generator": 5}``. Players not
        named move along their plain gradients.
    rate
        :math:`\eta`, the length of an imagined (plain gradient) step.
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Unrolled, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Unrolled(adam(lr=1e-3), unroll={'discriminator': 2}, rate=1e-2)
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    differentiates_field = True

    def __init__(
        self,
        optimizer: OptimizerFactory | Mapping[str, OptimizerFactory] | None = None,
        lr_schedule: float | Schedule = 1.0,
        *,
        unroll: Mapping[str, int],
        rate: float,
    ):
        super().__init__(optimizer, lr_schedule)
        self.unroll = dict(unroll)
        self.rate = rate

    def bind(self, game: Game) -> None:
        """As `Solver.bind`, on one process.

        Parameters
        ----------
        game
            The game.

        Raises
        ------
        ConfigError
            There are several processes, and something to unroll.
        """
        if several_processes() and self.unroll:
            raise ConfigError(
                f"got unroll={self.unroll} on several processes, each of which would imagine steps of its own; "
                "expected one process. Try: python instead of torchrun, or Extragradient, which looks ahead too."
            )
        super().bind(game)

    @property
    def draws_per_step(self) -> int:
        """Draws for each step, once the settings are seen to fit the players.

        Raises
        ------
        ConfigError
            ``unroll`` names a player that the game has not, or a count below one.
        """
        unknown = sorted(set(self.unroll) - set(self.players))
        if unknown or any(k < 1 for k in self.unroll.values()):
            raise ConfigError(
                f"got unroll={self.unroll} for the players {self.players}; expected positive counts for these names. "
                "Try: {'generator': 5}."
            )
        return len(self.players)

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        terms = {}
        for player in self.players:
            batch, draw = feed()
            if k := self.unroll.get(player, 0):
                terms[player], gradient = unrolled_gradient(game, player, batch, draw, k=k, rate=self.rate)
            else:
                terms[player], gradient = self.gradient(player, batch, draw)
            self.apply(game, player, gradient)
        return terms

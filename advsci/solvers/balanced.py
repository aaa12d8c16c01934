r"""Balance from a measured signal: how often the adversary moves follows from how well it tells.

A critic that cannot tell data from fakes has no gradient worth following, one that tells them perfectly has
saturated: both leave the other player without a signal. The measure is the probability that a real sample scores
above a generated one,

.. math:: A = P\big(D(x) > D(G(z))\big),

the area under the discriminator's ROC curve: 1/2 for no information, 1 for no overlap, whatever the objective and
however D is scaled. The adversary makes :math:`\rho` moves for each move of the others, on average, and every
``every`` steps

.. math:: \log \rho \leftarrow \log \rho + \kappa\,(A^* - \bar A),

an integral controller with the target :math:`A^*` that stops exactly where the measured mean :math:`\bar A` is on
target. (The signal is the one that adaptive augmentation steers by, Karras et al. 2020, arXiv 2006.06676, section 3;
there it sets the augmentation.)
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.games.adversarial import AdversarialGame
from advsci.games.game import Batch, Draw, Game
from advsci.metrics.ranking import ranking_probability
from advsci.processes import average_over_processes
from advsci.schedules import Schedule
from advsci.solvers.gradient import Terms
from advsci.solvers.solver import Feed, OptimizerFactory, Solver

__all__ = ["Balanced", "ranking_accuracy"]

Measure = Callable[[Game, Batch, Draw], Tensor]


def ranking_accuracy(game: Game, batch: Batch, draw: Draw) -> Tensor:
    r""":math:`P(D(x) > D(G(z)))` of a game's discriminator over all pairs of ``batch`` and ``draw``.

    Raises
    ------
    ConfigError
        The game is no adversarial game.
    """
    if not isinstance(game, AdversarialGame):
        raise ConfigError(
            f"got a {type(game).__name__}; expected an AdversarialGame, whose discriminator is measured by default. "
            "Try: Balanced(measure=lambda game, batch, draw: ...)."
        )
    return ranking_probability(*game.logits(batch, draw))


class Balanced(Solver):
    """Players move in turn; one of them as often as a measured signal asks for.

    Parameters
    ----------
    player
        The adversary whose pace is steered. All others move once a step.
    target
        Wanted value of the measure. The measure must fall when the adversary moves less.
    measure
        ``measure(game, batch, draw)``, a 0-dim tensor.
    every
        Steps between two decisions, the only points where the host waits for the device.
    measurements
        How many of the steps before a decision are measured.
    gain
        :math:`\\kappa`.
    most
        The pace stays in [1/most, most].
    optimizer
        As in `Solver`.
    lr_schedule
        As in `Solver`.
    compile
        As in `Solver`.

    Raises
    ------
    ConfigError
        There are more measurements than steps between them, or a count is below one.

    Notes
    -----
    ``memory`` holds the current ``"pace"`` :math:`\\rho`.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Balanced, adam
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> solver = Balanced(adam(lr=1e-3))
    >>> training = Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), solver)
    >>> training.step
    2
    """

    def __init__(
        self,
        optimizer: OptimizerFactory | Mapping[str, OptimizerFactory] | None = None,
        lr_schedule: float | Schedule = 1.0,
        *,
        player: str = "discriminator",
        target: float = 0.75,
        measure: Measure = ranking_accuracy,
        every: int = 50,
        measurements: int = 10,
        gain: float = 1.0,
        most: int = 5,
        compile: bool | str = False,
    ):
        super().__init__(optimizer, lr_schedule, compile=compile)
        if not 1 <= measurements <= every or most < 1:
            raise ConfigError(
                f"got every={every}, measurements={measurements}, most={most}; expected 1 <= measurements <= every and "
                "most >= 1. Try: every=50, measurements=10, most=5."
            )
        self.player = player
        self.target = target
        self.measure = measure
        self.every = every
        self.measurements = measurements
        self.gain = gain
        self.most = most

    @property
    def draws_per_step(self) -> int:
        """Draws for each step, once the settings are seen to fit the players.

        Raises
        ------
        ConfigError
            The game has no player of the given name.
        """
        if self.player not in self.players:
            raise ConfigError(f"got player '{self.player}'; expected one of {self.players}. Try: '{self.players[0]}'.")
        return self.most + len(self.players)

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Each player's terms; the players of ``game`` are moved once, on batches from ``feed``."""
        if not self.memory:
            self.memory = {"pace": 1.0, "due": 0.0, "count": 0, "sum": None, "terms": {}}
        memory, terms = self.memory, {}
        memory["due"] += memory["pace"]
        moves = int(memory["due"])
        memory["due"] -= moves
        for player in self.players:
            for _ in range(moves if player == self.player else 1):
                terms[player], gradient = self.gradient(player, *feed())
                self.apply(game, player, gradient)
        # a resting adversary shows the terms of its last move, so that every step has the same record
        if moves:
            memory["terms"] = terms[self.player]
        elif memory["terms"]:
            terms[self.player] = memory["terms"]
            self.gradient_norms.pop(self.player, None)
        memory["count"] += 1
        self._measure(game, feed)
        return terms

    def _measure(self, game: Game, feed: Feed) -> None:
        memory = self.memory
        left = -memory["count"] % self.every
        if left >= self.measurements:
            return
        with torch.no_grad():
            value = self.measure(game, *feed()).detach().clone()
        memory["sum"] = value if memory["sum"] is None else memory["sum"] + value
        if left == 0:
            average_over_processes([memory["sum"]])  # all processes must come to the same decision
            mean = memory["sum"].item() / self.measurements
            limit = math.log(self.most)
            log_pace = math.log(memory["pace"]) + self.gain * (self.target - mean)
            memory["pace"] = math.exp(min(max(log_pace, -limit), limit))
            memory["sum"] = None

"""A game: players with parameters, and the loss each minimises on a batch.

With players :math:`i` of parameters :math:`\\theta_i` and losses :math:`L_i(\\theta_1, ..., \\theta_n)`, the game's
vector field is :math:`v = (\\nabla_{\\theta_1} L_1, ..., \\nabla_{\\theta_n} L_n)`. A game only states the losses, as
functions that are differentiable in *every* parameter; who moves, and what is held fixed meanwhile, is the solver's
business.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from advsci.errors import ConfigError, DataError
from advsci.nn.condition import ConditionEmbedding
from advsci.objectives.objective import refuse_weights
from advsci.streams import Stream

__all__ = [
    "Batch",
    "Constraint",
    "Draw",
    "Game",
    "OneLossGame",
    "OnePassGame",
    "as_batch",
    "separate_gradients",
    "total",
]

Batch = Mapping[str, Tensor]
Draw = Mapping[str, Tensor]
Constraint = Callable[[nn.Module], None]


def as_batch(batch: Tensor | Batch) -> Batch:
    """A bare tensor is the batch ``{"x": tensor}``; a mapping stays what it is."""
    return {"x": batch} if isinstance(batch, Tensor) else batch


class Game(nn.Module, ABC):
    """Players, and the loss that each minimises on a batch.

    A subclass registers its networks, names its players and states their losses:

    * `players`: name -> module whose parameters that player moves, in the order of play. No parameter belongs to two
      players.
    * `draw`: every random number that one evaluation needs, so that `terms` is a deterministic function of
      (parameters, batch, draw). Second-order solvers and diagnostics rely on it.
    * `terms`: the named scalar terms of a player's loss, already weighted; their sum is what the player minimises.

    The losses never detach one player from another: solvers freeze whom they do not move. `terms` is the one source of
    a player's loss: a subclass may restate it, and every solver follows.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from advsci import Game
    >>> from advsci.solvers import Simultaneous
    >>> class Bilinear(Game):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.x, self.y = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    ...     players = property(lambda self: {"x": self.x, "y": self.y})
    ...     def draw(self, batch, stream):
    ...         return {}
    ...     def check(self, batch, draw):
    ...         pass
    ...     def terms(self, player, batch, draw):
    ...         value = (self.x.weight * self.y.weight).sum()
    ...         return {"value": value if player == "x" else -value}
    >>> game = Bilinear()
    >>> bool(game.loss("x", {}, {}) == -game.loss("y", {}, {}))
    True
    """

    progress: Tensor
    sample_weights = False
    """Whether the batch's ``"weight"`` are weights of samples, and so not negative; quadrature weights may be."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "loss" in cls.__dict__:
            raise ConfigError(
                f"got a game {cls.__name__} that restates loss, which no solver reads; expected its losses in `terms`. "
                "Try: return the named parts of the loss from `terms`."
            )

    def __init__(self):
        super().__init__()
        self.register_buffer("progress", torch.zeros(()))
        self.silent: set[str] = set()
        """Players that stand still on purpose: a solver does not mind that all their parameters are frozen."""
        self.constraints: dict[str, list[Constraint]] = {}
        """Player -> what is done to its module after each of its moves, such as `advsci.penalties.WeightClipping`."""

    @property
    @abstractmethod
    def players(self) -> dict[str, nn.Module]:
        """Name -> module whose parameters the player moves, in the order of play."""

    @abstractmethod
    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """All randomness of one evaluation on ``batch``, a pure function of the stream."""

    @abstractmethod
    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Named scalar terms whose sum ``player`` minimises.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """

    @abstractmethod
    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where batch, networks and losses do not fit, before any training.

        Parameters
        ----------
        draw
            The random numbers of one evaluation, from `draw`.

        Raises
        ------
        ShapeError
            A network's output has the wrong shape.
        DataError
            A key of the batch is missing.
        """

    def check_data(self, data: Batch) -> None:
        """Raise a named error for sample weights or labels that no loss can be computed with, of all the data at once.

        Parameters
        ----------
        data
            The data as one batch. Keys other than ``"weight"`` and ``"condition"`` are left alone.

        Raises
        ------
        DataError
            Weights are negative or all 0, or a label is unknown to a network.
        """
        if self.sample_weights and "weight" in data and data["weight"].dim() == 1:
            refuse_weights(data["weight"])
        if "condition" in data:
            for module in self.modules():
                if isinstance(module, ConditionEmbedding):
                    module.refuse_unknown(data["condition"])

    def loss(self, player: str, batch: Batch, draw: Draw) -> Tensor:
        """What ``player`` minimises: the sum of its terms.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """
        return total(self.terms(player, batch, draw))

    def forward(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """`terms`, so that ``torch.func.functional_call`` can evaluate the game at other parameters.

        Parameters
        ----------
        player
            Name of the player.
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """
        return self.terms(player, batch, draw)

    def has_shortcut(self, name: str) -> bool:
        """Whether the shortcut ``name`` (`OneLossGame.joint_terms`, `OnePassGame.shared_field`) speaks for `terms`.

        It does where no class that is more derived than the one that gives the shortcut restates `terms`. Solvers take
        no other.
        """
        order = type(self).__mro__

        def given(method: str) -> int:
            """How far up its family the game's class defines ``method``: 0 is the class itself."""
            return next((i for i, kind in enumerate(order) if method in kind.__dict__), len(order))

        return given(name) < len(order) and given(name) <= given("terms") and "terms" not in vars(self)

    def moved(self, player: str) -> None:
        """Apply the constraints of ``player``; solvers call it after each of the player's moves."""
        for constraint in self.constraints.get(player, ()):
            constraint(self.players[player])

    def parameters_of(self, player: str) -> list[nn.Parameter]:
        """The parameters that ``player`` moves."""
        return list(self.players[player].parameters())

    @contextmanager
    def only(self, *moving: str) -> Iterator[None]:
        """Within the context only the parameters of the players ``moving`` require gradients.

        A frozen player's forward pass builds no graph and its weights get no gradients, which is what makes a
        hand-written loop fast (``no_grad`` fakes in the discriminator's step, no discriminator weight gradients in
        the generator's).
        """
        frozen = [p for name in self.players if name not in moving for p in self.parameters_of(name) if p.requires_grad]
        for p in frozen:
            p.requires_grad_(False)
        try:
            yield
        finally:
            for p in frozen:
                p.requires_grad_(True)


class OneLossGame(Game):
    """A game with one scalar whose gradient in every player's parameters is that player's own gradient.

    Gradient reversal makes such a scalar out of a zero-sum coupling; a simultaneous solver then needs one backward
    pass for all players.
    """

    @abstractmethod
    def joint_terms(self, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Named scalar terms; the gradient of their sum in a player's parameters is the gradient of that player's
        loss.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """


class OnePassGame(Game):
    """A game whose players' losses share most of their computation.

    Under a simultaneous solver all losses are wanted at the same point, so what they share is computed once.
    """

    @abstractmethod
    def shared_field(
        self, batch: Batch, draw: Draw, parameters: Mapping[str, Sequence[nn.Parameter]]
    ) -> tuple[dict[str, dict[str, Tensor]], dict[str, list[Tensor | None]]]:
        """Every player's terms, and their gradient in that player's ``parameters``, None where there is none.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """


class Noted(Mapping[str, Tensor]):
    """A batch that remembers which of its keys were asked for.

    Parameters
    ----------
    batch
        The batch.
    """

    def __init__(self, batch: Batch):
        self.batch = batch
        self.used: set[str] = set()

    def __getitem__(self, key: str) -> Tensor:
        self.used.add(key)
        return self.batch[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.batch)

    def __len__(self) -> int:
        return len(self.batch)

    def __contains__(self, key: object) -> bool:
        return key in self.batch

    @property
    def unused(self) -> list[str]:
        """Keys that nobody has asked for."""
        return sorted(set(self.batch) - self.used)


def total(terms: Mapping[str, Tensor]) -> Tensor:
    """The sum of the terms: what the player minimises."""
    parts = list(terms.values())
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum()


def separate_gradients(
    terms: Mapping[str, Mapping[str, Tensor]], parameters: Mapping[str, Sequence[nn.Parameter]]
) -> dict[str, list[Tensor | None]]:
    """The gradient of each player's summed terms in its own parameters, one backward pass per player."""
    last = list(parameters)[-1]
    return {
        player: list(torch.autograd.grad(total(terms[player]), own, allow_unused=True, retain_graph=player != last))
        if own  # a player whose parameters are all frozen has nothing to move
        else []
        for player, own in parameters.items()
    }


def require(batch: Batch, key: str, game: str) -> Tensor:
    """``batch[key]``, or a `DataError` that names what the batch holds instead.

    Parameters
    ----------
    game
        Name of the game, for the error.

    Raises
    ------
    DataError
        The batch lacks the key.
    """
    if key not in batch:
        raise DataError(
            f"{game} got a batch with keys {sorted(batch)}; expected '{key}'. Try: add it to the data's dict."
        )
    return batch[key]

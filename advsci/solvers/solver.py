r"""How players move: the interface of all solvers.

A solver owns one torch optimizer a player. In each step it asks the feed for as many (batch, draw) pairs as its rule
needs, evaluates gradients of the players' own losses and moves the parameters.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from advsci.errors import ConfigError
from advsci.games.coupling import coupling
from advsci.games.game import Batch, Draw, Game, OneLossGame, OnePassGame
from advsci.processes import average_over_processes, several_processes
from advsci.schedules import Schedule, as_schedule
from advsci.sharded import is_sharded, parted
from advsci.solvers.accumulation import Parts, over_parts
from advsci.solvers.gradient import Gradients, Terms, compiled, first_order, frozen, trainable, vector_field
from advsci.solvers.reduction import Shared, reduced

__all__ = ["Feed", "OptimizerFactory", "Solver", "adam"]

Feed = Callable[[], tuple[Batch, Draw]]
OptimizerFactory = Callable[[list[nn.Parameter]], Optimizer]


def adam(
    lr: float = 1e-3, betas: tuple[float, float] = (0.0, 0.99), eps: float = 1e-8, weight_decay: float = 0.0
) -> OptimizerFactory:
    """Fused Adam with the defaults of the relativistic recipe (arXiv 2501.05441): no momentum in the first moment.

    Parameters
    ----------
    eps
        Added to the root of the second moment.
    weight_decay
        Decoupled decay of the parameters per step.

    Examples
    --------
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import adam
    >>> optimizer = adam(lr=1e-3)(list(MLP(2, 1).parameters()))
    >>> optimizer.param_groups[0]["betas"]
    (0.0, 0.99)
    """
    return partial(_fused_adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def _fused_adam(parameters: list[nn.Parameter], **settings) -> Optimizer:
    real = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
    return torch.optim.Adam(parameters, fused=real or None, **settings)


class Solver(ABC):
    """A rule by which the players of a game move.

    Parameters
    ----------
    optimizer
        What turns a player's parameters into a torch optimizer, such as ``adam(lr=1e-3)`` or
        ``partial(torch.optim.SGD, lr=0.1)``; one for all, or one a player (two time scales).
    lr_schedule
        Factor on every learning rate over the training's progress, a number or a schedule.
    compile
        Compile each player's whole loss and gradient (`advsci.solvers.compiled`), by inductor or the named backend;
        rules that differentiate the vector field itself ignore it. Pays for networks of some size: the first step
        takes up to a minute.

    Notes
    -----
    A subclass implements `step` and `draws_per_step` out of `gradient`, `field` and `apply`. What its rule remembers
    between steps (tensors, numbers, lists and dicts of them) goes into ``self.memory``, which checkpoints hold.

    Examples
    --------
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Solver
    >>> class InTurn(Solver):
    ...     draws_per_step = 2
    ...     def step(self, game, feed):
    ...         terms = {}
    ...         for player in self.players:
    ...             terms[player], gradient = self.gradient(player, *feed())
    ...             self.apply(game, player, gradient)
    ...         return terms
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 2)), InTurn()).step
    2
    """

    differentiates_field = False
    """Whether the rule differentiates the players' gradients: second derivatives of what compares samples do not add
    up over processes."""
    accumulates = False
    """Whether `gradient` and `field` are all that the rule does with a batch, so that it may come in parts."""

    def __init__(
        self,
        optimizer: "OptimizerFactory | Mapping[str, OptimizerFactory] | None" = None,
        lr_schedule: "float | Schedule" = 1.0,
        *,
        compile: bool | str = False,
    ):
        self.optimizer = optimizer if optimizer is not None else adam()
        self.lr_schedule = as_schedule(lr_schedule)
        self.compile = compile
        self.optimizers: dict[str, Optimizer] = {}
        self.everything: dict[str, list[nn.Parameter]] = {}  # of each player, those that are frozen at present too
        self.memory: dict[str, Any] = {}
        self.inner: Solver | None = None  # of a rule round another rule: that one, whose optimizers both use
        self.watch = False  # the Trainer sets it at logging steps: gradient norms are then kept in `gradient_norms`
        self.gradient_norms: Terms = {}
        self._base_lr: dict[str, list[float]] = {}
        self._game: Game | None = None
        self._compiled: dict[tuple, Callable] = {}

    @property
    @abstractmethod
    def draws_per_step(self) -> int:
        """How many (batch, draw) pairs one step takes from the feed at most."""

    @abstractmethod
    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Move every player once; give each player's terms, detached and still on the device.

        Parameters
        ----------
        game
            The game.
        feed
            Gives the next batch and its draw.

        Returns
        -------
        dict
            Each player's named terms.
        """

    def bind(self, game: Game) -> None:
        """Make the optimizers for the players of ``game`` and forget everything remembered.

        Raises
        ------
        ConfigError
            A player has no optimizer or nothing to move, or owns a parameter of another player.
        """
        if several_processes():
            self._refuse_coupling(game)
        owner: dict[int, str] = {}
        for player in game.players:
            for p in game.parameters_of(player):
                if owner.setdefault(id(p), player) != player:
                    raise ConfigError(
                        f"players '{owner[id(p)]}' and '{player}' share a parameter of shape {tuple(p.shape)}; "
                        "expected disjoint players. Try: give the shared module to one of them."
                    )
            if not trainable(game, player) and player not in game.silent:
                raise ConfigError(
                    f"player '{player}' has no parameter that requires gradients; expected at least one. "
                    "Try: requires_grad_(True), or leave the module out of the players."
                )
            if isinstance(self.optimizer, Mapping) and player not in self.optimizer:
                raise ConfigError(
                    f"got optimizers for {sorted(self.optimizer)}; expected one for player '{player}' too. "
                    "Try: add it, or pass one factory for all."
                )
        self.everything = {player: game.parameters_of(player) for player in game.players}
        if self.inner is not None:
            self.inner.bind(game)
            self.optimizers = self.inner.optimizers
        else:
            self.optimizers = {
                player: (self.optimizer[player] if isinstance(self.optimizer, Mapping) else self.optimizer)(own)
                for player, own in self.everything.items()
            }
        self._base_lr = {
            player: [group["lr"] for group in optimizer.param_groups] for player, optimizer in self.optimizers.items()
        }
        self.memory = {}
        self._game, self._compiled = game, {}

    def _refuse_coupling(self, game: Game) -> None:
        """Refuse what compares the samples of a batch: on several processes it would see a part of the batch each."""
        if found := coupling(game, processes=not self.differentiates_field):
            raise ConfigError(
                f"got {', '.join(found)} under {type(self).__name__} on several processes, each of which would see its "
                "part of the batch; expected layers, objectives and penalties that treat samples on their own. "
                "Try: advsci.nn.share_batch_norm(network), group norm, or one process."
            )

    @property
    def parameters(self) -> dict[str, list[nn.Parameter]]:
        """Player -> the parameters that it moves at present: those that require gradients, so that a callback may
        freeze and unfreeze some during a training.
        """
        return {player: [p for p in own if p.requires_grad] for player, own in self.everything.items()}

    @property
    def players(self) -> list[str]:
        """The players in their order of play."""
        return list(self.bound())

    def bound(self) -> dict[str, list[nn.Parameter]]:
        """`parameters`, of a solver that is bound.

        Raises
        ------
        ConfigError
            The solver is not bound to a game yet.
        """
        if not self.everything:
            raise ConfigError(
                "got a step before the solver knows its game; expected a bound solver. Try: solver.bind(game)."
            )
        return self.parameters

    def set_progress(self, progress: float) -> None:
        """Set every learning rate for this point of the training.

        Parameters
        ----------
        progress
            Share of the training that is done, in [0, 1].
        """
        factor = self.lr_schedule(progress)
        for player, optimizer in self.optimizers.items():
            for group, lr in zip(optimizer.param_groups, self._base_lr[player], strict=True):
                group["lr"] = lr * factor

    def gradient(self, player: str, batch: Batch, draw: Draw) -> tuple[Terms, Gradients]:
        """Terms and gradient of one player, all others frozen.

        Parameters
        ----------
        player
            Whose.
        batch, draw
            One evaluation, from the feed.

        Returns
        -------
        tuple
            Named terms, detached, and one gradient per parameter of ``parameters[player]``: the mean over all
            processes.
        """
        moving = self.bound()
        others = [p for other, own in moving.items() if other != player for p in own]
        game = self._game
        assert game is not None
        with frozen(others):
            evaluate = self._evaluate(partial(first_order, game, player, moving[player]), player, moving)

            def evaluated() -> tuple[Terms, dict[str, Gradients]]:
                """Terms and gradients of this player on this process's batch."""
                terms, gradients = over_parts(evaluate, game, batch, draw)
                return terms, {player: gradients}

            terms, gradients = reduced(evaluated, {player: moving[player]}, self._overlaps(batch))
            return terms, gradients[player]

    def field(self, game: Game, batch: Batch, draw: Draw) -> tuple[dict[str, Terms], dict[str, Gradients]]:
        """Terms and gradients of all players at the same point, batch and draw; gradients are means over all processes.

        Parameters
        ----------
        game
            The game.
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """
        moving = self.bound()
        if has_shortcut(game) and not any(is_sharded(p) for own in moving.values() for p in own):
            evaluate = self._evaluate(partial(vector_field, game, parameters=moving), "", moving)
            return reduced(partial(over_parts, evaluate, game, batch, draw), moving, self._overlaps(batch))
        evaluated = {player: self.gradient(player, batch, draw) for player in self.players}
        return {p: terms for p, (terms, _) in evaluated.items()}, {p: g for p, (_, g) in evaluated.items()}

    def _overlaps(self, batch: Batch) -> bool:
        """Whether gradients may be exchanged before the evaluation ends."""
        return not self.compile and not isinstance(batch, Parts)

    def _evaluate(self, evaluate: Callable, name: str, moving: Mapping[str, list[nn.Parameter]]) -> Callable:
        """``evaluate``, or its compiled form: one for each set of parameters that move."""
        if not self.compile:
            return evaluate
        key = (name, *(tuple(map(id, own)) for own in moving.values()))
        if key not in self._compiled:
            self._compiled[key] = compiled(evaluate, "inductor" if self.compile is True else self.compile)
        return self._compiled[key]

    def apply(self, game: Game, player: str, gradients: Gradients, *, constrain: bool = True) -> None:
        """One optimizer step of ``player`` along ``gradients``, then its constraints.

        Parameters
        ----------
        game
            The game.
        gradients
            One per parameter of ``parameters[player]``. Those of `gradient` and `field` are means over the processes;
            any others are averaged here.
        constrain
            Also apply the player's constraints.
        """
        if not isinstance(gradients, Shared):
            average_over_processes(gradients)
        if self.watch:
            present = [g.detach() for g in gradients if g is not None]
            norms = torch._foreach_norm(present) if present else [torch.zeros((), device=game.progress.device)]
            self.gradient_norms[player] = torch.stack([gathered_norm(norm) for norm in norms]).norm()
        parameters = self.parameters[player]
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = gradient if gradient is None else _laid_out_as(gradient, p)
        self.optimizers[player].step()
        for p in parameters:
            p.grad = None
        if constrain:
            game.moved(player)

    def state_dict(self) -> dict[str, Any]:
        """All state of the solver: what a resumed training needs."""
        if self.inner is not None:
            return {"inner": self.inner.state_dict(), "memory": self.memory}
        optimizers = {player: optimizer.state_dict() for player, optimizer in self.optimizers.items()}
        return {"optimizers": optimizers, "memory": self.memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave; call `bind` first."""
        self.bound()
        device = next(iter(self.everything.values()))[0].device
        if self.inner is not None:
            self.inner.load_state_dict(state["inner"])
        else:
            for player, optimizer in self.optimizers.items():
                saved = state["optimizers"][player]
                own = dict(enumerate(self.everything[player]))
                like = {i: dict.fromkeys(entries, own[int(i)]) for i, entries in saved["state"].items()}
                optimizer.load_state_dict(parted(saved, {"state": like}))
        # a rule remembers lists of tensors, one per parameter of a player or of all
        everything = [p for own in self.everything.values() for p in own]
        like = {key: self.everything.get(key, everything) for key in state["memory"]}
        self.memory = copied(parted(state["memory"], like), device)


def has_shortcut(game: Game) -> bool:
    """Whether all players' gradients may be had in fewer passes than one per player.

    Parameters
    ----------
    game
        The game.
    """
    one_loss = isinstance(game, OneLossGame) and game.has_shortcut("joint_terms")
    return one_loss or (isinstance(game, OnePassGame) and game.has_shortcut("shared_field"))


def copied(memory: Any, device: torch.device) -> Any:
    """A copy of nested dicts, lists and tensors on ``device``.

    Parameters
    ----------
    memory
        Nested dicts, lists and tensors.
    """
    if isinstance(memory, Tensor):
        return memory.to(device, copy=True)
    if isinstance(memory, dict):
        return {key: copied(value, device) for key, value in memory.items()}
    if isinstance(memory, list | tuple):
        return [copied(value, device) for value in memory]
    return memory


def gathered_norm(norm: Tensor) -> Tensor:
    """A norm over all pieces of a gradient.

    Parameters
    ----------
    norm
        0-dim, of a whole gradient or of one in pieces.
    """
    return norm.full_tensor() if is_sharded(norm) else norm  # type: ignore[attr-defined]


def _laid_out_as(gradient: Tensor, p: Tensor) -> Tensor:
    """The gradient in the memory layout of its parameter: fused optimizers walk both in memory order, and second
    derivatives of convolutions come transposed."""
    return gradient if gradient.stride() == p.stride() else torch.empty_like(p).copy_(gradient)

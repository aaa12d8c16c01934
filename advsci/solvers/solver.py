r"""How players move: the interface of all solvers, and the gradient of one player.

A solver owns one torch optimizer a player. In each step it asks the feed for as many (batch, draw) pairs as its rule needs, evaluates
gradients of the players' own losses and moves the parameters.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from advsci.errors import ConfigError
from advsci.games.game import Batch, Draw, Game
from advsci.schedules import Schedule, as_schedule

__all__ = ["Feed", "Gradients", "OptimizerFactory", "Solver", "Terms", "adam", "player_gradient"]

Feed = Callable[[], tuple[Batch, Draw]]
Gradients = list[Tensor | None]
Terms = dict[str, Tensor]
OptimizerFactory = Callable[[list[nn.Parameter]], Optimizer]


def adam(
    lr: float = 1e-3, betas: tuple[float, float] = (0.0, 0.99), eps: float = 1e-8, weight_decay: float = 0.0
) -> OptimizerFactory:
    """Fused Adam with the defaults of the relativistic recipe (arXiv 2501.05441): no momentum in the first moment."""
    return partial(_fused_adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def _fused_adam(parameters: list[nn.Parameter], **settings) -> Optimizer:
    real = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
    return torch.optim.Adam(parameters, fused=real or None, **settings)


def player_gradient(
    game: Game, player: str, batch: Batch, draw: Draw, *, create_graph: bool = False
) -> tuple[Terms, Gradients]:
    r"""A player's terms and :math:`\nabla_{\theta_i} L_i`, one entry a parameter, None where the loss does not depend on it.

    With ``create_graph`` the gradient stays differentiable in every player's parameters; without, all others are frozen.
    """
    parameters = [p for p in game.parameters_of(player) if p.requires_grad]
    if create_graph:
        terms = game.terms(player, batch, draw)
        loss = torch.stack(list(terms.values())).sum()
        return terms, list(torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True))
    with game.only(player):
        terms = game.terms(player, batch, draw)
        loss = torch.stack(list(terms.values())).sum()
        gradients = list(torch.autograd.grad(loss, parameters, allow_unused=True))
    return {name: term.detach() for name, term in terms.items()}, gradients


class Solver(ABC):
    """A rule by which the players of a game move.

    Parameters
    ----------
    optimizer
        What turns a player's parameters into a torch optimizer, such as ``adam(lr=1e-3)`` or
        ``partial(torch.optim.SGD, lr=0.1)``; one for all, or one a player (two time scales).
    lr_schedule
        Factor on every learning rate over the training's progress, a number or a schedule.
    """

    def __init__(
        self,
        optimizer: "OptimizerFactory | Mapping[str, OptimizerFactory] | None" = None,
        lr_schedule: "float | Schedule" = 1.0,
    ):
        self.optimizer = optimizer if optimizer is not None else adam()
        self.lr_schedule = as_schedule(lr_schedule)
        self.optimizers: dict[str, Optimizer] = {}
        self.watch = False  # the Trainer sets it at logging steps: gradient norms are then kept in `gradient_norms`
        self.gradient_norms: Terms = {}
        self._base_lr: dict[str, list[float]] = {}

    @property
    @abstractmethod
    def draws_per_step(self) -> int:
        """How many (batch, draw) pairs one step takes from the feed."""

    @abstractmethod
    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        """Move every player once; give each player's terms, detached and still on the device."""

    def bind(self, game: Game) -> None:
        """Make the optimizers for the players of ``game``.

        Raises
        ------
        ConfigError
            A player has no optimizer, or owns a parameter of another player.
        """
        owner: dict[int, str] = {}
        for player in game.players:
            for p in game.parameters_of(player):
                if owner.setdefault(id(p), player) != player:
                    raise ConfigError(
                        f"players '{owner[id(p)]}' and '{player}' share a parameter of shape {tuple(p.shape)}; expected disjoint "
                        "players. Try: give the shared module to one of them."
                    )
            if isinstance(self.optimizer, Mapping) and player not in self.optimizer:
                raise ConfigError(
                    f"got optimizers for {sorted(self.optimizer)}; expected one for player '{player}' too. "
                    "Try: add it, or pass one factory for all."
                )
        self.optimizers = {
            player: (self.optimizer[player] if isinstance(self.optimizer, Mapping) else self.optimizer)(
                [p for p in game.parameters_of(player) if p.requires_grad]
            )
            for player in game.players
        }
        self._base_lr = {
            player: [group["lr"] for group in optimizer.param_groups] for player, optimizer in self.optimizers.items()
        }

    def set_progress(self, progress: float) -> None:
        """Set every learning rate for this point of the training."""
        factor = self.lr_schedule(progress)
        for player, optimizer in self.optimizers.items():
            for group, lr in zip(optimizer.param_groups, self._base_lr[player], strict=True):
                group["lr"] = lr * factor

    def apply(self, game: Game, player: str, gradients: Gradients) -> None:
        """One optimizer step of ``player`` along ``gradients``."""
        average_over_processes(gradients)
        if self.watch:
            present = [g.detach() for g in gradients if g is not None]
            self.gradient_norms[player] = torch.stack(torch._foreach_norm(present)).norm()
        parameters = [p for p in game.parameters_of(player) if p.requires_grad]
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = gradient
        self.optimizers[player].step()
        for p in parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Any]:
        """All state of the solver: what a resumed training needs."""
        return {player: optimizer.state_dict() for player, optimizer in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave; call `bind` first."""
        for player, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[player])


def average_over_processes(gradients: Gradients) -> None:
    """Replace gradients by their mean over the processes of torch.distributed, as one flat all-reduce."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    present = [g for g in gradients if g is not None]
    flat = torch.cat([g.reshape(-1) for g in present])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for g, mean in zip(present, flat.split([g.numel() for g in present]), strict=True):
        g.copy_(mean.view_as(g))

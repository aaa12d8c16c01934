r"""Simultaneous gradient descent of all players on their own losses: :math:`\theta \leftarrow \theta - h\, v(\theta)`.

On :math:`f = xy` its spectral radius is :math:`\sqrt{1 + h^2}`: it never converges there. A `JointGame` needs one backward pass.
"""

from typing import Any

import torch

from advsci.games.game import Game, JointGame
from advsci.solvers.solver import Feed, Gradients, Solver, Terms, player_gradient

__all__ = ["Simultaneous", "vector_field"]


def vector_field(game: Game, batch: Any, draw: Any) -> tuple[dict[str, Terms], dict[str, Gradients]]:
    r"""Each player's terms and gradient at the same point, batch and draw: :math:`v = (\nabla_{\theta_i} L_i)_i`."""
    if isinstance(game, JointGame):
        players = game.players
        parameters = {name: [p for p in game.parameters_of(name) if p.requires_grad] for name in players}
        terms = game.joint_terms(batch, draw)
        everything = [p for name in players for p in parameters[name]]
        loss = torch.stack(list(terms.values())).sum()
        flat = iter(torch.autograd.grad(loss, everything, allow_unused=True))
        gradients = {name: [next(flat) for _ in parameters[name]] for name in players}
        return {"joint": {name: term.detach() for name, term in terms.items()}}, gradients
    evaluated = {name: player_gradient(game, name, batch, draw) for name in game.players}
    return {name: terms for name, (terms, _) in evaluated.items()}, {name: g for name, (_, g) in evaluated.items()}


class Simultaneous(Solver):
    """All players move at once, from gradients at the same point."""

    @property
    def draws_per_step(self) -> int:
        return 1

    def step(self, game: Game, feed: Feed) -> dict[str, Terms]:
        terms, gradients = vector_field(game, *feed())
        for player, gradient in gradients.items():
            self.apply(game, player, gradient)
        return terms

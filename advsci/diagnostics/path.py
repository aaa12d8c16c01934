r"""Path angle: does the field point along the way that the training took, or across it?

.. math:: c(\alpha) = \frac{\langle \theta' - \theta,\; v(\theta_\alpha) \rangle}{|\theta' - \theta|\,
    |v(\theta_\alpha)|}, \qquad \theta_\alpha = \theta + \alpha\,(\theta' - \theta)

Towards an attracting point :math:`\theta'` at :math:`\alpha = 1` the cosine is negative before it (descent goes against
:math:`v`) and jumps to positive behind it; where rotation rules it shows a bump near 0 in between (Berard et al. 2020,
arXiv 1906.04848, section 4.2).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.games.game import Batch, Draw, Game
from advsci.solvers import player_gradient

__all__ = ["path_angle"]


def path_angle(
    game: Game, start: Sequence[Tensor], end: Sequence[Tensor], batch: Batch, draw: Draw, alphas: Sequence[float]
) -> Float[Tensor, " a"]:
    """The cosine at points along and beyond the line from ``start`` to ``end``; leaves the game as it was.

    Parameters
    ----------
    start, end
        Parameters of all players, in the order of ``game.players``, as `parameters` of the game at two times.
    batch
        A batch: name to tensor, the samples along the first axis.
    draw
        The random numbers of one evaluation, from `draw`.
    alphas
        Places on the line, 0 for ``start`` and 1 for ``end``.
    """
    parameters: list[Tensor] = [p for player in game.players for p in game.parameters_of(player) if p.requires_grad]
    before = [p.detach().clone() for p in parameters]
    way = torch.cat([(b - a).reshape(-1) for a, b in zip(start, end, strict=True)])
    cosines = []
    try:
        for alpha in alphas:
            with torch.no_grad():
                for p, a, b in zip(parameters, start, end, strict=True):
                    p.copy_(torch.lerp(a, b, alpha))
            field = []
            for player in game.players:
                own = [p for p in game.parameters_of(player) if p.requires_grad]
                _, gradients = player_gradient(game, player, batch, draw)
                field += [torch.zeros_like(p) if g is None else g for p, g in zip(own, gradients, strict=True)]
            v = torch.cat([g.reshape(-1) for g in field])
            cosines.append(torch.nn.functional.cosine_similarity(way, v, dim=0))
    finally:
        with torch.no_grad():
            torch._foreach_copy_(parameters, before)
    return torch.stack(cosines)

r"""Gradients of the players' losses: one player's, or the whole vector field of the game, in eager mode or compiled."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from advsci.games.game import Batch, Draw, Game, OneLossGame, OnePassGame, total
from advsci.sharded import is_sharded

__all__ = ["Gradients", "Terms", "compiled", "player_gradient", "vector_field"]

Gradients = list[Tensor | None]
Terms = dict[str, Tensor]
Parameters = Sequence[nn.Parameter]


def trainable(game: Game, player: str) -> list[nn.Parameter]:
    """The parameters that ``player`` moves and that require gradients.

    Parameters
    ----------
    game
        The game.
    """
    return [p for p in game.parameters_of(player) if p.requires_grad]


@contextmanager
def frozen(parameters: Parameters):
    """Within the context these parameters require no gradients."""
    for p in parameters:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in parameters:
            p.requires_grad_(True)


def player_gradient(
    game: Game,
    player: str,
    batch: Batch,
    draw: Draw,
    *,
    create_graph: bool = False,
    parameters: Parameters | None = None,
) -> tuple[Terms, Gradients]:
    r"""A player's terms and :math:`\nabla_{\theta_i} L_i`, one entry a parameter, None where the loss does not depend
    on it.

    With ``create_graph`` the gradient stays differentiable in every player's parameters; without, all others are
    frozen.

    Parameters
    ----------
    game
        The game.
    batch
        A batch: name to tensor, the samples along the first axis.
    draw
        The random numbers of one evaluation, from `draw`.
    """
    parameters = trainable(game, player) if parameters is None else parameters
    if create_graph:
        terms = game.terms(player, batch, draw)
        if not parameters:
            return terms, []
        return terms, list(torch.autograd.grad(total(terms), parameters, create_graph=True, allow_unused=True))
    with game.only(player):
        return first_order(game, player, parameters, batch, draw)


def first_order(game, player, parameters, batch, draw) -> tuple[Terms, Gradients]:
    """Terms and gradient of one player, whatever the others' parameters require.

    Parameters
    ----------
    game
        The game.
    batch
        A batch: name to tensor, the samples along the first axis.
    draw
        The random numbers of one evaluation, from `draw`.
    """
    terms = game.terms(player, batch, draw)
    # a player whose parameters are all frozen is silent: it has terms, and nothing to move
    gradients = differentiated(total(terms), parameters) if parameters else []
    return {name: term.detach() for name, term in terms.items()}, gradients


def differentiated(loss: Tensor, parameters: Parameters) -> Gradients:
    """The gradient of ``loss``, one entry per parameter, None where it does not depend on one.

    Parameters
    ----------
    loss
        A scalar.
    parameters
        What to differentiate in. Of those in pieces over the processes FSDP2 gathers, differentiates and averages in
        ``backward`` alone; nothing else may require gradients then.
    """
    if not any(map(is_sharded, parameters)):
        return list(torch.autograd.grad(loss, parameters, allow_unused=True))
    loss.backward()
    gradients = [p.grad for p in parameters]
    for p in parameters:
        p.grad = None
    return gradients


def vector_field(
    game: Game, batch: Batch, draw: Draw, parameters: Mapping[str, Parameters] | None = None
) -> tuple[dict[str, Terms], dict[str, Gradients]]:
    r"""Each player's terms and gradient at the same point, batch and draw: :math:`v = (\nabla_{\theta_i} L_i)_i`.

    A `OneLossGame` takes one backward pass for all players; a `OnePassGame` computes once what the losses share; where
    a subclass restates ``terms``, neither does (`advsci.games.Game.has_shortcut`).

    Parameters
    ----------
    game, batch, draw
        One evaluation.
    parameters
        Player -> the parameters that it moves; None for all that require gradients.

    Returns
    -------
    tuple of dict
        Player -> its terms, detached, and player -> its gradients, one per parameter, None where there is none.
    """
    if parameters is None:
        parameters = {player: trainable(game, player) for player in game.players}
    if isinstance(game, OneLossGame) and game.has_shortcut("joint_terms"):
        terms = game.joint_terms(batch, draw)
        everything = [p for player in parameters for p in parameters[player]]
        flat = iter(torch.autograd.grad(total(terms), everything, allow_unused=True) if everything else ())
        gradients: dict[str, Gradients] = {player: [next(flat) for _ in own] for player, own in parameters.items()}
        return {"joint": {name: term.detach() for name, term in terms.items()}}, gradients
    if isinstance(game, OnePassGame) and game.has_shortcut("shared_field"):
        shared, gradients = game.shared_field(batch, draw, parameters)
        return {player: {name: t.detach() for name, t in part.items()} for player, part in shared.items()}, gradients
    evaluated = {
        player: player_gradient(game, player, batch, draw, parameters=own) for player, own in parameters.items()
    }
    return {p: terms for p, (terms, _) in evaluated.items()}, {p: gradient for p, (_, gradient) in evaluated.items()}


def differentiable_field(
    game: Game, batch: Batch, draw: Draw, parameters: Mapping[str, Parameters]
) -> tuple[dict[str, Terms], list[Tensor]]:
    """Every player's terms and the vector field as one flat list, differentiable in all parameters.

    Parameters that a loss does not depend on have the gradient zero.

    Parameters
    ----------
    game
        The game.
    batch
        A batch: name to tensor, the samples along the first axis.
    draw
        The random numbers of one evaluation, from `draw`.
    """
    terms, field = {}, []
    for player, own in parameters.items():
        terms[player], gradient = player_gradient(game, player, batch, draw, create_graph=True, parameters=own)
        field += [torch.zeros_like(p) if g is None else g for p, g in zip(own, gradient, strict=True)]
    return {p: {name: term.detach() for name, term in part.items()} for p, part in terms.items()}, field


def split(vector: Tensor, parameters: Mapping[str, Parameters]) -> dict[str, Gradients]:
    """A flat vector over all players' parameters as gradients of each player."""
    parts = iter(vector.split([p.numel() for own in parameters.values() for p in own]))
    return {player: [next(parts).view_as(p) for p in own] for player, own in parameters.items()}


def compiled(evaluate: Callable, backend: str = "inductor") -> Callable:
    """``evaluate(batch, draw)``, a whole loss with its gradients, as one compiled function.

    Double backward decides the form: a compiled *network* cannot be differentiated twice, a compiled function that
    contains the differentiations can. It must not make leaves on its way, hence the inputs require gradients
    beforehand. The first call compiles (seconds to a minute) and so does every new shape.

    Parameters
    ----------
    backend
        Name of torch's compiler backend.
    """
    run = torch.compile(evaluate, fullgraph=True, dynamic=False, backend=backend)
    # all games of a process are counted under the one code that evaluates them: a sweep has many
    settings = {"trace_autograd_ops": True, "recompile_limit": 1024, "accumulated_recompile_limit": 4096}

    def call(batch: Batch, draw: Draw):
        """The compiled function on ``batch`` and ``draw``."""
        with torch._dynamo.config.patch(settings):
            return run(_leaves(batch), _leaves(draw))

    return call


def _leaves(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.detach().requires_grad_() if t.is_floating_point() else t for name, t in tensors.items()}

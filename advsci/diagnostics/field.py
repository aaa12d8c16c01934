r"""The vector field of a game at a point, and its derivative as a linear map that is never formed.

With losses :math:`L_i(\theta_1, ..., \theta_n)` the field is :math:`v = (\nabla_{\theta_1} L_1, ..., \nabla_{\theta_n}
L_n)`. Its Jacobian
:math:`J = \partial v / \partial \theta` is not symmetric: the symmetric part is what potentials do, the antisymmetric
part is rotation.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import DataError
from advsci.games.game import Batch, Draw, Game
from advsci.solvers import Solver, player_gradient

__all__ = ["VectorField", "adam_scale"]


class VectorField:
    r"""The field :math:`v` and products with :math:`J` and :math:`J^T`, at the game's present parameters.

    One differentiable evaluation of all gradients is kept; a product with :math:`J^T` then costs one backward pass
    through it, a product with :math:`J` two.

    Parameters
    ----------
    game, batch, draw
        The field is that of ``game.terms`` on this batch and draw.
    scale
        Optional positive factors (one a parameter, flat) on the rows of the field, for an optimizer that rescales
        gradients: the field becomes :math:`D v` with Jacobian :math:`D J`. See `adam_scale`.

    Raises
    ------
    DataError
        The gradients of the game do not depend on its parameters.

    Examples
    --------
    >>> from advsci import GAN, Stream
    >>> from advsci.diagnostics import VectorField
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> game = GAN(MLP(2, 2, width=4), MLP(2, 1, width=4), Gaussian(2))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> field = VectorField(game, batch, game.draw(batch, Stream(1)))
    >>> field.size == sum(p.numel() for p in game.parameters())
    True
    """

    def __init__(self, game: Game, batch: Batch, draw: Draw, scale: Float[Tensor, " p"] | None = None):
        self.scale = scale
        self._parameters: list[Tensor] = []
        field: list[Tensor] = []
        for player in game.players:
            own = [p for p in game.parameters_of(player) if p.requires_grad]
            _, gradients = player_gradient(game, player, batch, draw, create_graph=True)
            self._parameters += own
            field += [torch.zeros_like(p) if g is None else g for p, g in zip(own, gradients, strict=True)]
        self._sizes = [p.numel() for p in self._parameters]
        self._field = torch.cat([g.reshape(-1) for g in field])
        if not self._field.requires_grad:
            raise DataError(
                "got a game whose gradients do not depend on its parameters; expected losses that can be "
                "differentiated twice. "
                "Try: no detach() or no_grad() in `terms`."
            )
        self._dual: Tensor | None = None

    @property
    def size(self) -> int:
        """Number p of parameters of all players."""
        return self._field.numel()

    @property
    def value(self) -> Float[Tensor, " p"]:
        """:math:`v`, detached."""
        v = self._field.detach()
        return v if self.scale is None else self.scale * v

    def vjp(self, u: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
        """:math:`J^T u`."""
        return self._pull(u if self.scale is None else self.scale * u)

    def jvp(self, u: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
        """:math:`J u`, as the derivative of :math:`w \\mapsto J^T w` along u (which is linear, so any w will do)."""
        if self._dual is None:
            self._dual = torch.zeros_like(self._field, requires_grad=True)
            self._transposed = self._pull(self._dual, create_graph=True)
        (product,) = torch.autograd.grad(self._transposed, self._dual, u, retain_graph=True)
        return product if self.scale is None else self.scale * product

    def dense(self) -> Float[Tensor, "p p"]:
        """:math:`J` itself, row by row; for small games."""
        return torch.stack(
            [self.vjp(row) for row in torch.eye(self.size, dtype=self._field.dtype, device=self._field.device)]
        )

    def _pull(self, u: Tensor, *, create_graph: bool = False) -> Tensor:
        parts = torch.autograd.grad(
            self._field, self._parameters, u, retain_graph=True, create_graph=create_graph, allow_unused=True
        )
        parts = [torch.zeros_like(p) if g is None else g for p, g in zip(self._parameters, parts, strict=True)]
        return torch.cat([g.reshape(-1) for g in parts])


def adam_scale(game: Game, solver: Solver) -> Float[Tensor, " p"]:
    r"""What Adam multiplies each gradient with at its present second moments, :math:`1/(\sqrt{\hat v} + \epsilon)`.

    Near an equilibrium the moments hardly move, and Adam without momentum is gradient descent in this fixed metric: a
    `VectorField` with this scale has the stability of the training itself, at the learning rate of the optimizer.

    Parameters
    ----------
    game
        The game.
    solver
        The solver, bound to the game.

    Raises
    ------
    DataError
        A player is not moved by Adam, or has not moved yet.
    """
    parts = []
    for player in game.players:
        optimizer = solver.optimizers[player]
        for group in optimizer.param_groups:
            for p in group["params"]:
                if not p.requires_grad:
                    continue
                state: Mapping = optimizer.state.get(p, {})
                if "exp_avg_sq" not in state:
                    raise DataError(
                        f"got {type(optimizer).__name__} without second moments for player '{player}'; expected "
                        "Adam after at "
                        "least one step. Try: no scale for plain gradient descent."
                    )
                corrected = state["exp_avg_sq"] / (1.0 - group["betas"][1] ** state["step"])
                parts.append((1.0 / (corrected.sqrt() + group["eps"])).reshape(-1))
    return torch.cat(parts)

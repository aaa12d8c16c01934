r"""A differential equation as a game: trial function against test function (Petrov-Galerkin).

The weak form of an equation says :math:`\langle A[u], \varphi \rangle = 0` for every test function that vanishes on the
boundary. The adversary looks for the :math:`\varphi` in which the trial function fails most:

.. math:: \min_u \max_\varphi \; \frac{|\langle A[u], \varphi \rangle|^2}{\|\varphi\|^2}
    + \gamma \frac1m \sum_j (u(b_j) - g_j)^2

(weak adversarial networks, Zang et al. 2020, arXiv 1907.08272, eq. 6 and 10). The best test function of a class is the
Riesz representer of the residual, so for linear classes the game's equilibrium is the Petrov-Galerkin solution.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.processes import shared_mean, shared_sum
from advsci.schedules import Schedule, as_schedule
from advsci.streams import Stream

__all__ = ["WeakForm", "value_and_gradient"]

# points (n d), u (n), grad u (n d), phi (n), grad phi (n d) -> integrand of <A[u], phi> (n)
Integrand = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def value_and_gradient(
    function: Callable[[Tensor], Tensor], x: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
    """A scalar function at the points and its gradient there, both differentiable in its parameters.

    Parameters
    ----------
    x
        Points (n d).
    """
    x = x if x.requires_grad else x.detach().requires_grad_()
    value = function(x).reshape(-1)
    (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    return value, gradient


class WeakForm(Game):
    r"""Trial function against test function on the weak form of an equation.

    Parameters
    ----------
    trial
        ``u``: points (n d) to values (n) or (n 1).
    test
        ``v``: points (n d) to values (n) or (n 1); the test function is ``cutoff(x) * v(x)``.
    integrand
        The integrand of :math:`\langle A[u], \varphi \rangle` at every point from the point, u, its gradient, phi, its
        gradient. For :math:`-\nabla \cdot (a \nabla u) = f` it is ``(a * du * dphi).sum(1) - f * phi``.
    cutoff
        Vanishes on the boundary: points (n d) to (n).
    boundary_weight
        :math:`\gamma`, a number or a schedule.

    Notes
    -----
    A batch holds ``"x"`` (n d), points spread over the domain by the density of the integral, optionally ``"weight"``
    (n), their quadrature weights, and where the boundary is not built into the trial function ``"boundary"`` (m d) with
    ``"value"`` (m). The test player's loss is the negative *logarithm* of the ratio, as in the paper: it is invariant
    under the scale of phi, and so is its gradient's direction.

    Examples
    --------
    >>> import torch
    >>> from advsci.games import WeakForm
    >>> from advsci.nn import MLP
    >>> poisson = lambda x, u, du, phi, dphi: (du * dphi).sum(1) - phi
    >>> game = WeakForm(MLP(1, 1), MLP(1, 1), poisson, cutoff=lambda x: (x * (1 - x)).squeeze(1))
    >>> bool(game.ratio({"x": torch.linspace(0.1, 0.9, 9)[:, None]}) >= 0)
    True
    """

    def __init__(
        self,
        trial: nn.Module,
        test: nn.Module,
        integrand: Integrand,
        cutoff: Callable[[Tensor], Tensor],
        *,
        boundary_weight: float | Schedule = 1.0,
    ):
        super().__init__()
        self.trial = trial
        self.test = test
        self.integrand = integrand
        self.cutoff = cutoff
        self.boundary_weight = as_schedule(boundary_weight)

    couples_batch = gathers = True

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"test": self.test, "trial": self.trial}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def ratio(self, batch: Batch) -> Float[Tensor, ""]:
        r""":math:`|\langle A[u], \varphi \rangle|^2 / \|\varphi\|^2` on the points of the batch."""
        x, weight = batch["x"], batch.get("weight")
        mean = (lambda v: shared_mean(v.mean())) if weight is None else (lambda v: shared_sum((weight * v).sum()))
        u, du = value_and_gradient(self.trial, x)
        phi, dphi = value_and_gradient(lambda p: self.cutoff(p) * self.test(p).reshape(-1), x)
        return mean(self.integrand(x, u, du, phi, dphi)).square() / mean(phi.square())

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """The weak form's ratio on ``batch``, and the boundary's error, as ``player`` minimises; ``draw`` is empty."""
        ratio = self.ratio(batch)
        if player == "test":
            return {"weak_form": -torch.log(ratio + torch.finfo(ratio.dtype).tiny)}
        terms = {"weak_form": ratio}
        if "boundary" in batch:
            error = self.trial(batch["boundary"]).reshape(-1) - batch["value"]
            terms["boundary"] = self.boundary_weight(self.progress) * error.square().mean()
        return terms

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit.

        Raises
        ------
        ShapeError
            A function does not return one number per point.
        """
        x = require(batch, "x", "WeakForm")
        with torch.no_grad():
            for name, function in (("trial", self.trial), ("test", self.test), ("cutoff", self.cutoff)):
                if (out := function(x)).numel() != x.shape[0]:
                    raise ShapeError(
                        f"the {name} function got {x.shape[0]} points and returned {tuple(out.shape)}; expected one "
                        "number a point. Try: end it with Linear(..., 1)."
                    )
        if "boundary" in batch:
            require(batch, "value", "WeakForm with boundary points")

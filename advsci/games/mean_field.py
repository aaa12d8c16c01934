r"""A mean-field game as a two-player game: a population against its value function.

Agents move as :math:`dX = v\,dt + \sqrt{2\nu}\,dW` and pay :math:`\int \tfrac12 |v|^2 + f(X, \rho)\,dt + g(X_T)`. The
Hamilton-Jacobi-Bellman equation (backward) and the Fokker-Planck equation (forward) are the two optimality conditions
of

.. math:: \min_\rho \max_\phi \int_0^T E_{\rho_t}\left[\partial_t \phi + \nu \Delta \phi - \tfrac12
    |\nabla \phi|^2\right] + F(\rho_t)\,dt + E_{\rho_0} \phi(\cdot, 0) - E_{\rho_T} \phi(\cdot, T) + E_{\rho_T}\, g

with :math:`\delta F / \delta \rho = f`. The generator pushes latent samples to :math:`\rho_t`, the critic is the value
function :math:`\phi` (APAC-Net, Lin et al. 2020, arXiv 2002.10113, eq. 9 and 11).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.processes import world_size
from advsci.streams import Stream

__all__ = ["MeanFieldGame"]


class MeanFieldGame(Game):
    r"""A population against its value function.

    Parameters
    ----------
    population
        ``G(z, t)``: initial positions (n d) and times (k) to positions (k n d) at those times; ``G(z, 0) = z``.
    value
        ``phi(x, t)``: positions (... d) and times (...) to values (...), twice differentiable in x.
    running_cost
        :math:`F`: positions (k n d) and sample weights (n) to the population's cost at each time (k).
    terminal_cost
        :math:`g`: positions (... d) to costs (...).
    viscosity
        :math:`\nu \ge 0`.
    horizon
        :math:`T > 0`.
    times
        Number of random times a draw, stratified over the horizon.

    Notes
    -----
    A batch holds ``"x"`` (n d), samples of the initial population, and optionally ``"weight"`` (n) that sums to one. A
    draw holds ``"time"`` (k) and ``"time_weight"`` (k), which sums to T; hand in quadrature nodes for exact integrals.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci.games import MeanFieldGame
    >>> class Stay(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.pull = torch.nn.Parameter(torch.zeros(()))
    ...     def forward(self, z, t):
    ...         return z + self.pull * t[:, None, None]
    >>> class Value(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    ...     def forward(self, x, t):
    ...         return self.net(torch.cat([x, t[..., None]], -1)).squeeze(-1)
    >>> crowd = lambda x, w: (x.square().sum(-1) * w).sum(-1)
    >>> game = MeanFieldGame(Stay(), Value(), crowd, lambda x: x.square().sum(-1))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.players)
    ['population', 'value']
    """

    def __init__(
        self,
        population: nn.Module,
        value: nn.Module,
        running_cost: Callable[[Tensor, Tensor], Tensor],
        terminal_cost: Callable[[Tensor], Tensor],
        *,
        viscosity: float = 0.0,
        horizon: float = 1.0,
        times: int = 16,
    ):
        super().__init__()
        self.population = population
        self.value = value
        self.running_cost = running_cost
        self.terminal_cost = terminal_cost
        self.viscosity = viscosity
        self.horizon = horizon
        self.times = times

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"value": self.value, "population": self.population}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Stratified times for ``batch`` from ``stream``, the same in every process, and their weights."""
        x = require(batch, "x", "MeanFieldGame")
        k = self.times
        # every process of a distributed training plays the same times
        u = stream.at("time").whole().uniform((k,), device=x.device, dtype=x.dtype)
        time = (torch.arange(k, device=x.device, dtype=x.dtype) + u) * (self.horizon / k)
        return {"time": time, "time_weight": torch.full_like(time, self.horizon / k)}

    def functional(self, batch: Batch, draw: Draw) -> Float[Tensor, ""]:
        """The functional that the population minimises and the value function maximises.

        Parameters
        ----------
        batch
            A batch: name to tensor, the samples along the first axis.
        draw
            The random numbers of one evaluation, from `draw`.
        """
        z, time = batch["x"], draw["time"]
        # weights that sum to one over the samples of all processes: a process's share of a sum counts as a mean
        weight = batch["weight"] * world_size() if "weight" in batch else torch.full_like(z[:, 0], 1.0 / z.shape[0])
        x = self.population(z, time)
        drift, cost = self._hamilton_jacobi(x, time) @ weight, self.running_cost(x, weight)
        bulk = (draw["time_weight"] * (drift + cost)).sum()
        start = self.value(z, torch.zeros_like(weight)) @ weight
        last = self.population(z, torch.full_like(time[:1], self.horizon))[0]
        end = (self.terminal_cost(last) - self.value(last, torch.full_like(weight, self.horizon))) @ weight
        return bulk + start + end

    def _hamilton_jacobi(self, x: Float[Tensor, "k n d"], time: Float[Tensor, " k"]) -> Float[Tensor, "k n"]:
        r""":math:`\partial_t \phi + \nu \Delta \phi - |\nabla \phi|^2 / 2` at the positions of each time."""
        t = time[:, None].expand(x.shape[:2])
        x = x if x.requires_grad else x.detach().requires_grad_()
        t = t.detach().clone().requires_grad_()
        dx, dt = torch.autograd.grad(self.value(x, t).sum(), (x, t), create_graph=True)
        result = dt - 0.5 * dx.square().sum(-1)
        if self.viscosity:
            parts = [torch.autograd.grad(dx[..., i].sum(), x, create_graph=True)[0][..., i] for i in range(x.shape[-1])]
            result = result + self.viscosity * torch.stack(parts).sum(0)
        return result

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """The functional on ``batch`` at the times of ``draw``; its sign is that of ``player``."""
        value = self.functional(batch, draw)
        return {"functional": value if player == "population" else -value}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit.

        Raises
        ------
        ShapeError
            The population or the value function returns another shape than positions by times.
        """
        z, time = require(batch, "x", "MeanFieldGame"), draw["time"]
        x = self.population(z, time)
        if x.shape != (len(time), *z.shape):
            raise ShapeError(
                f"the population got {z.shape[0]} positions and {len(time)} times and returned "
                f"{tuple(x.shape)}; expected "
                f"{(len(time), *z.shape)}. Try: z + t[:, None, None] * network(z, t)."
            )
        if (phi := self.value(x, time[:, None].expand(x.shape[:2]))).shape != x.shape[:2]:
            raise ShapeError(
                f"the value function returned {tuple(phi.shape)}; expected one number a position, "
                f"{tuple(x.shape[:2])}. "
                "Try: squeeze its last axis."
            )

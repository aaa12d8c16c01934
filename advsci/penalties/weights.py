r"""Penalties and constraints on a network's weights: orthogonality, convex-concave damping, clipping.

The penalties serve either player. A constraint is applied after a player has moved (`advsci.games.Game.constraints`).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.penalties.penalty import Pass, Penalty
from advsci.schedules import Schedule, as_schedule

__all__ = ["Damping", "OrthogonalRegularisation", "WeightClipping", "damping", "orthogonality"]


def orthogonality(weight: Float[Tensor, "out ..."], diagonal: bool = True) -> Float[Tensor, ""]:
    r""":math:`|W W^T - I|_F^2`, :math:`W` the weight as an out x rest matrix (the smaller of the two Gram matrices).

    Without the diagonal only the angles count, not the lengths: :math:`|W W^T \odot (1 - I)|_F^2` (Brock et al. 2019,
    arXiv 1809.11096, eq. 3; the full form: Brock et al. 2017, arXiv 1609.07093).
    """
    W = weight.flatten(1)
    W = W if W.shape[0] <= W.shape[1] else W.T
    gram = W @ W.T
    if diagonal:
        return (gram - torch.eye(gram.shape[0], dtype=W.dtype, device=W.device)).square().sum()
    return gram.square().sum() - gram.diagonal().square().sum()


def damping(network: nn.Module) -> Float[Tensor, ""]:
    r""":math:`\frac12 |\theta|^2` over the network's parameters."""
    return 0.5 * torch.stack([p.square().sum() for p in network.parameters()]).sum()


@dataclass(frozen=True)
class OrthogonalRegularisation(Penalty):
    """``weight`` times the sum of `orthogonality` over the weights with at least two axes."""

    weight: float | Schedule = 1e-4
    diagonal: bool = False
    name: str = "orthogonal"

    def __call__(self, made: Pass, progress):
        matrices = [p for p in made.network.parameters() if p.dim() > 1]
        value = torch.stack([orthogonality(p, self.diagonal) for p in matrices]).sum()
        return as_schedule(self.weight)(progress) * value


@dataclass(frozen=True)
class Damping(Penalty):
    r""":math:`\frac\mu2 |\theta|^2` in a player's own loss: with one for each player the game is strongly
    convex-concave.

    The vector field's Jacobian gains :math:`\mu` on its diagonal, so a centre becomes a stable focus: :math:`f = xy`
    with both players damped converges for :math:`h < 2\mu/(1 + \mu^2)`.

    Parameters
    ----------
    name
        Name of the term in the records.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import Damping
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), penalties=(Damping(),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("discriminator", batch, game.draw(batch, Stream(1))))
    ['damping', 'objective']
    """

    mu: float | Schedule = 1e-3
    name: str = "damping"

    def __call__(self, made: Pass, progress):
        return as_schedule(self.mu)(progress) * damping(made.network)


@dataclass(frozen=True)
class WeightClipping:
    r"""The constraint :math:`|\theta_j| \le c` on every parameter (Arjovsky et al. 2017, arXiv 1701.07875, algorithm
    1).

    Parameters
    ----------
    bound
        Bound of the weights.

    Raises
    ------
    ConfigError
        The bound is not positive.

    Examples
    --------
    >>> from advsci import GAN
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import WeightClipping
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2))
    >>> game.constraints["discriminator"] = [WeightClipping(0.01)]
    >>> game.moved("discriminator")
    >>> max(p.abs().max().item() for p in game.discriminator.parameters()) <= 0.0101
    True
    """

    bound: float = 0.01

    def __post_init__(self):
        if self.bound <= 0.0:
            raise ConfigError(f"got bound={self.bound}; expected a positive bound. Try: 0.01.")

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> None:
        parameters: list[Tensor] = list(network.parameters())
        torch._foreach_clamp_min_(parameters, -self.bound)
        torch._foreach_clamp_max_(parameters, self.bound)

r"""Conditioning of the generator's Jacobian :math:`J = \partial G / \partial z`, from products alone.

With :math:`A = J^T J` (its eigenvalues are the squared singular values :math:`\sigma_k^2` of J) and random :math:`u`
with :math:`E\, u u^T = I`,

.. math:: E\, u^T A u = \sum_k \sigma_k^2, \qquad E\, |A u|^2 = \sum_k \sigma_k^4, \qquad
          d\, \frac{\sum_k \sigma_k^4}{(\sum_k \sigma_k^2)^2} - 1 \ge 0,

and the last is zero exactly where all singular values are equal. Each product :math:`Ju` and :math:`J^T w` costs
about one differentiation of the generator; the Jacobian itself is never formed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.penalties.penalty import RandomPenalty
from advsci.processes import shared_mean
from advsci.schedules import Schedule, as_schedule

__all__ = [
    "Generated",
    "JacobianClamping",
    "JacobianConditioning",
    "conditioning",
    "jacobian_clamping",
    "jacobian_products",
]


class Generated:
    """What a generator made of a batch: the pass that its penalties read."""

    def __init__(
        self, network: nn.Module, latent: Tensor, fake: Tensor, condition: Tensor | None, draw: Mapping[str, Tensor]
    ):
        self.network, self.latent, self.fake, self.condition, self.draw = network, latent, fake, condition, draw

    def generator(self, latent: Float[Tensor, "n d"]) -> Tensor:
        """Samples at other latent vectors, under this batch's condition."""
        return self.network(latent) if self.condition is None else self.network(latent, self.condition)


def jacobian_products(
    generator: Callable[[Tensor], Tensor], z: Float[Tensor, "n d"], u: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, "n ..."], Float[Tensor, "n d"]]:
    r""":math:`J_i u_i` and :math:`J_i^T J_i u_i` of each sample, differentiable in the generator's parameters.

    ``generator`` must treat the samples of a batch independently.

    Parameters
    ----------
    z
        Latent vectors (n d).
    u
        Random directions, of the shape of what they perturb.
    """
    if not z.requires_grad:
        z = z.detach().requires_grad_()
    x = generator(z)
    # J u is the derivative of the linear map w -> J^T w (double-backward trick): the value of w does not matter
    w = 0.0 * x
    (pulled,) = torch.autograd.grad(x, z, w, create_graph=True)
    (pushed,) = torch.autograd.grad(pulled, w, u, create_graph=True)
    (normal,) = torch.autograd.grad(x, z, pushed, create_graph=True)
    return pushed, normal


def conditioning(
    generator: Callable[[Tensor], Tensor], z: Float[Tensor, "n d"], u: Float[Tensor, "n d"]
) -> Float[Tensor, ""]:
    r""":math:`d \langle |A u|^2 \rangle / \langle u^T A u \rangle^2 - 1`, averages over the batch, with
    :math:`A = J^T J`.

    Zero where the generator is locally a similarity; it does not change when the samples are rescaled.

    Parameters
    ----------
    z
        Latent vectors (n d).
    """
    pushed, normal = jacobian_products(generator, z, u)
    sizes = pushed.flatten(1).square().sum(1).mean(), normal.square().sum(1).mean()
    first, second = shared_mean(torch.stack(sizes)).unbind()
    return z.shape[1] * second / first.square().clamp_min(torch.finfo(first.dtype).tiny) - 1.0


def jacobian_clamping(
    generator: Callable[[Tensor], Tensor],
    z: Float[Tensor, "n d"],
    u: Float[Tensor, "n d"],
    bounds: tuple[float, float],
    sigma: float = 0.01,
) -> Float[Tensor, ""]:
    r"""Squared excess of :math:`Q = |G(z + \sigma u/|u|) - G(z)| / \sigma` over the band ``bounds``.

    Odena et al. 2018, arXiv 1802.08768, section 3.2.

    Parameters
    ----------
    generator
        Latent vectors to samples.
    """
    step = sigma * u / u.norm(dim=1, keepdim=True)
    Q = ((generator(z + step) - generator(z)).flatten(1).square().sum(1) + 1e-24).sqrt() / sigma
    low, high = bounds
    return ((Q - high).clamp_min(0.0).square() + (low - Q).clamp_min(0.0).square()).mean()


@dataclass(frozen=True)
class JacobianConditioning(RandomPenalty):
    """``weight`` times `conditioning`: keeps the generator from collapsing directions of its latent space.

    Examples
    --------
    >>> from advsci import GAN, Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.penalties import JacobianConditioning
    >>> game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), generator_penalties=(JacobianConditioning(),))
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.terms("generator", batch, game.draw(batch, Stream(1))))
    ['conditioning', 'objective']
    """

    weight: float | Schedule = 0.1
    name: ClassVar[str] = "conditioning"
    couples_batch: ClassVar[bool] = True
    gathers: ClassVar[bool] = True

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return {"conditioning/normal": stream.normal(tuple(x.shape), device=x.device, dtype=x.dtype)}

    def __call__(self, made: Generated, progress):
        value = conditioning(made.generator, made.latent, made.draw["conditioning/normal"])
        return as_schedule(self.weight)(progress) * value


@dataclass(frozen=True)
class JacobianClamping(RandomPenalty):
    """``weight`` times `jacobian_clamping`: two forward passes, no double backward."""

    bounds: tuple[float, float] = (1.0, 20.0)
    weight: float | Schedule = 1.0
    sigma: float = 0.01
    name: ClassVar[str] = "clamping"

    def draw(self, x, stream):
        """Random numbers for a batch ``x`` from ``stream``, keyed by the penalty's name."""
        return {"clamping/normal": stream.normal(tuple(x.shape), device=x.device, dtype=x.dtype)}

    def __call__(self, made: Generated, progress):
        value = jacobian_clamping(made.generator, made.latent, made.draw["clamping/normal"], self.bounds, self.sigma)
        return as_schedule(self.weight)(progress) * value

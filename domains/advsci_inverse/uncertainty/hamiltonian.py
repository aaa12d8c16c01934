r"""Hamiltonian Monte Carlo: long moves along the posterior, corrected by Metropolis.

In coordinates :math:`z = z_0 + Ru` (``root`` :math:`R`, near a root of the posterior's covariance) a momentum
:math:`p\sim N(0, I)` and ``leapfrog`` steps of

.. math:: p \leftarrow p - \tfrac h2 R^\top\nabla f,\qquad u \leftarrow u + h\,p,
          \qquad p\leftarrow p-\tfrac h2 R^\top\nabla f

propose a far point that is accepted with probability :math:`\min(1, e^{H - H'})`, :math:`H = f + |p|^2/2` (Neal 2011,
arXiv 1206.1901). The step :math:`h` adapts towards 80 % acceptance during burn-in only, and is jittered by a tenth, so
that no orbit closes.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream

__all__ = ["hamiltonian"]


@torch.no_grad()
def hamiltonian(
    value_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]],
    z: Float[Tensor, "n k"],
    root: Float[Tensor, "n k k"],
    *,
    steps: int,
    burn_in: int,
    stream: Stream,
    leapfrog: int = 8,
    step: float = 0.3,
) -> tuple[Float[Tensor, "t n k"], Float[Tensor, " n"]]:
    """Samples of chains, all chains at once.

    Parameters
    ----------
    value_and_gradient
        ``z [n, k] -> (f [n], grad f [n, k])``, the negative log density up to a constant.
    z
        First points.
    root
        Each chain's coordinates ``R``; the identity if nothing is known.
    steps
        Samples of each chain.
    burn_in
        Steps before, in which the step width adapts.
    stream
        Of all draws.
    leapfrog
        Steps of one trajectory.
    step
        First step width.

    Returns
    -------
    samples : tensor [t, n, k]
        After burn-in.
    acceptance : tensor [n]
        Share of accepted proposals.
    """
    value, slope = value_and_gradient(z)
    h = z.new_full((len(z),), step)
    accepted, samples = z.new_zeros(len(z)), []
    for t in range(burn_in + steps):
        momentum = stream.at("momentum", t).normal(tuple(z.shape), device=z.device, dtype=z.dtype)
        uniform = stream.at("accept", t).uniform((2, len(z)), device=z.device, dtype=z.dtype)
        width = (h * (0.9 + 0.2 * uniform[1]))[:, None]
        new, p, end, end_slope = z, momentum, value, slope
        for _ in range(leapfrog):
            p = p - 0.5 * width * _apply(root.mT, end_slope)
            new = new + _apply(root, width * p)
            end, end_slope = value_and_gradient(new)
            p = p - 0.5 * width * _apply(root.mT, end_slope)
        gain = value - end + 0.5 * (momentum.square() - p.square()).sum(1)
        accept = uniform[0].log() < gain  # false where the trajectory diverged to nan
        z = torch.where(accept[:, None], new, z)
        value = torch.where(accept, end, value)
        slope = torch.where(accept[:, None], end_slope, slope)
        if t < burn_in:
            h = h * torch.exp((accept.to(h.dtype) - 0.8) * 2.0 / (t + 4) ** 0.6)
        else:
            accepted += accept
            samples.append(z)
    return torch.stack(samples), accepted / max(steps, 1)


def _apply(matrix: Tensor, v: Tensor) -> Tensor:
    return (matrix @ v[..., None])[..., 0]

r"""Posterior samples in latent space: Langevin proposals with the Gauss-Newton metric, corrected by Metropolis.

The target is :math:`\pi(z)\propto e^{-f(z)}` with the :math:`f` of `LatentSearch` (whitened misfit plus the prior).
With the preconditioner :math:`M=(I+J^\top J)^{-1}` taken at the start and kept fixed,

.. math:: z' = z - \tfrac{h}{2} M\nabla f(z) + \sqrt{h}\,M^{1/2}n

(Roberts and Stramer 2002, Methodol. Comput. Appl. Probab. 4:337) is accepted by Metropolis and Hastings' ratio, so
that the chain samples the posterior exactly; the step :math:`h` adapts towards 57 % acceptance during burn-in only.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.uncertainty.hamiltonian import hamiltonian as hamiltonian_chain

__all__ = ["langevin", "metropolis_langevin"]

Gradient = Callable[[Tensor], tuple[Tensor, Tensor]]


@torch.no_grad()
def metropolis_langevin(
    value_and_gradient: Gradient,
    z: Float[Tensor, "n k"],
    root: Float[Tensor, "n k k"],
    *,
    steps: int,
    burn_in: int,
    stream: Stream,
    step: float = 0.5,
) -> tuple[Float[Tensor, "t n k"], Float[Tensor, " n"]]:
    """Samples of chains, all chains at once.

    Parameters
    ----------
    value_and_gradient
        ``z [n, k] -> (f [n], grad f [n, k])``, the negative log density up to a constant.
    z
        First points.
    root
        A root ``R`` of the metric, ``M = R R^T``.
    steps
        Samples of each chain.
    burn_in
        Steps before, in which the step width adapts.
    stream
        Of all draws.
    step
        First :math:`h`.

    Returns
    -------
    samples : tensor [t, n, k]
        After burn-in.
    acceptance : tensor [n]
        Share of accepted proposals.
    """
    value, slope = value_and_gradient(z)
    h = z.new_full((len(z),), step)
    accepted = z.new_zeros(len(z))
    samples = []

    def apply(matrix: Tensor, v: Tensor) -> Tensor:
        """``matrix`` times the vectors ``v``, one product per chain."""
        return (matrix @ v[..., None])[..., 0]

    for t in range(burn_in + steps):
        noise = stream.at("proposal", t).normal(tuple(z.shape), device=z.device, dtype=z.dtype)
        uniform = stream.at("accept", t).uniform((len(z),), device=z.device, dtype=z.dtype)
        width = h.sqrt()[:, None]
        whitened = -0.5 * h[:, None] * apply(root.mT, slope) + width * noise
        new = z + apply(root, whitened)
        value_new, slope_new = value_and_gradient(new)
        back = -whitened + 0.5 * h[:, None] * apply(root.mT, slope_new)  # the noise of the way back, times sqrt(h)
        forward = width * noise
        log_ratio = value - value_new - (back.square().sum(1) - forward.square().sum(1)) / (2 * h)
        accept = uniform.log() < log_ratio
        z = torch.where(accept[:, None], new, z)
        value = torch.where(accept, value_new, value)
        slope = torch.where(accept[:, None], slope_new, slope)
        if t < burn_in:
            h = h * torch.exp((accept.to(h.dtype) - 0.574) * 2.0 / (t + 4) ** 0.6)
        else:
            accepted += accept
            samples.append(z)
    return torch.stack(samples), accepted / max(steps, 1)


def langevin(
    search: LatentSearch, y: Tensor, *, steps: int = 200, burn_in: int = 100, seed: int = 0, hamiltonian: bool = False
) -> tuple[Float[Tensor, "t b k"], Float[Tensor, " b"]]:
    """Latent posterior samples; chains start at the best end point of the search.

    Parameters
    ----------
    search
        Search under one prior, operator and noise level.
    y
        Data ``[b, *data]``.
    steps
        Samples of each chain.
    burn_in
        Steps before.
    seed
        Of all draws.
    hamiltonian
        Move along trajectories instead of single Langevin steps: eight times the cost per sample, for samples that are
        nearly independent.

    Returns
    -------
    samples : tensor [t, b, k]
        Latents.
    acceptance : tensor [b]
        Share of accepted proposals.
    """
    z = search.best(y)
    root = search.curvature(z)[1]
    sample = hamiltonian_chain if hamiltonian else metropolis_langevin
    return sample(search.objective(y), z, root, steps=steps, burn_in=burn_in, stream=Stream(seed))

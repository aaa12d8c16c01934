r"""Annealed importance sampling: posterior samples with exact weights, and the evidence of the data.

Particles start in the prior :math:`N(0, I)` and are carried through the densities
:math:`\pi_\beta(z)\propto e^{-\beta U(z)-|z|^2/2}`, :math:`0=\beta_0<\dots<\beta_T=1`, by one Hamiltonian move at each.
Their weights

.. math:: \log w = -\sum_j (\beta_{j+1}-\beta_j)\,U(z_j)

make averages over particles exact in expectation however short the moves are, and :math:`\mathbb E\,w` is the evidence
:math:`\int N(z; 0, I)\,e^{-U(z)}\,dz` (Neal 2001, Stat. Comput. 11:125). Unlike a chain it does not stay in the mode
where it started, and it compares priors and operators by how likely they made the data.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.uncertainty.hamiltonian import hamiltonian

__all__ = ["Annealed", "annealed_importance"]


@dataclass(frozen=True)
class Annealed:
    """Weighted latents of each data set.

    Attributes
    ----------
    latents
        Particles.
    weights
        Normalised over the particles of each data set.
    evidence
        Log density of each data set under prior, operator and noise.
    size
        Effective number of particles, :math:`1/\\sum w^2`.
    """

    latents: Float[Tensor, "p b k"]
    weights: Float[Tensor, "p b"]
    evidence: Float[Tensor, " b"]
    size: Float[Tensor, " b"]


@torch.no_grad()
def annealed_importance(
    search: LatentSearch,
    y: Tensor,
    *,
    particles: int = 16,
    temperatures: int = 40,
    leapfrog: int = 4,
    step: float = 0.5,
    seed: int = 0,
) -> Annealed:
    """Weighted posterior latents.

    The moves use coordinates fitted to the Gauss-Newton posterior at the search's best point, which is no assumption:
    coordinates that suit a density badly cost acceptance, not correctness.

    Parameters
    ----------
    search
        Search under one prior, operator and noise level.
    y
        Data ``[b, *data]``.
    particles
        For each data set.
    temperatures
        :math:`T`; inverse temperatures are :math:`(j/T)^3`.
    leapfrog, step
        Of the Hamiltonian moves.
    seed
        Of all draws.

    Returns
    -------
    Annealed
        Latents, weights, evidence and effective number.
    """
    b, k = len(y), search.prior.latent
    stream = Stream(seed).at("annealed")
    z = stream.normal((particles * b, k), device=y.device, dtype=y.dtype)
    misfit = search.misfit(y.repeat(particles, *[1] * (y.dim() - 1)))
    curvature = search.curvature(search.best(y))[0].repeat(particles, 1, 1)
    eye = torch.eye(k, dtype=y.dtype, device=y.device).expand_as(curvature)
    betas = [(j / temperatures) ** 3 for j in range(temperatures + 1)]
    log_weight = y.new_zeros(particles * b)
    for j in range(temperatures):
        log_weight = log_weight - (betas[j + 1] - betas[j]) * misfit(z)[0]

        def tempered(points: Tensor, beta=betas[j + 1]) -> tuple[Tensor, Tensor]:
            """Misfit times ``beta`` plus half the squared norm at ``points``, and its gradient."""
            value, slope = misfit(points)
            return beta * value + 0.5 * points.square().sum(1), beta * slope + points

        factor = torch.linalg.cholesky(betas[j + 1] * curvature + eye)
        root = torch.linalg.solve_triangular(factor.mT, eye, upper=True)
        moved, _ = hamiltonian(
            tempered, z, root, steps=1, burn_in=0, leapfrog=leapfrog, step=step, stream=stream.at("move", j)
        )
        z = moved[0]
    log_weight = log_weight.reshape(particles, b)
    weights = torch.softmax(log_weight, 0)
    return Annealed(
        z.reshape(particles, b, k),
        weights,
        torch.logsumexp(log_weight, 0) - float(torch.tensor(particles).log()) + search.log_constant(),
        1 / weights.square().sum(0),
    )

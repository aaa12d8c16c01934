r"""Whether an operator, under a prior, determines the image at all.

* The set-restricted eigenvalue of Bora et al. 2017 (arXiv 1703.03208, definition 1), measured over pairs of generated
  images: :math:`\gamma = \min_{i\ne j} \|A(G(z_i)-G(z_j))\| / \|G(z_i)-G(z_j)\|`.
* Its local form, which explains why few data need many starts: the smallest singular value of :math:`A J_G(z)` over the
  smallest of :math:`J_G(z)`.

Both are relative to the operator's gain on the same images, so that 1 means that nothing is lost.
"""

from dataclasses import dataclass

import torch

from advsci.streams import Stream
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.priors.prior import GeneratorPrior

__all__ = ["Identifiability", "identifiability"]


@dataclass(frozen=True)
class Identifiability:
    """Global and local identifiability; 1 is perfect, 0 hopeless.

    Attributes
    ----------
    pairs
        Smallest and median gain over pairs of generated images, over the root mean square gain.
    local
        Median over latents of the ratio of smallest singular values, over the same gain.
    """

    pairs: tuple[float, float]
    local: float


@torch.no_grad()
def identifiability(
    prior: GeneratorPrior, operator: LinearOperator, *, samples: int = 64, points: int = 16, seed: int = 0
) -> Identifiability:
    """Measure both on generated images.

    Parameters
    ----------
    prior
        The generator.
    operator
        The measurement.
    samples
        Images of the pairs.
    points
        Latents of the local measure.
    seed
        Of the latents.

    Returns
    -------
    Identifiability
        Global and local measure.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import identifiability, load_prior
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> found = identifiability(load_prior("digits"), gaussian_sensing(40, (28, 28)), samples=4, points=2)
    >>> type(found).__name__
    'Identifiability'
    """
    z = Stream(seed).at("identifiability").normal((samples, prior.latent), device=prior.residual_factor.device)
    x = prior.decode(z)
    first, second = torch.triu_indices(samples, samples, 1)
    difference = x[first] - x[second]
    size = difference.flatten(1).norm(dim=1)
    gains = operator(difference).flatten(1).norm(dim=1) / size.clamp(min=1e-9)
    kept = gains[size > 0.05 * size.median()]
    common = kept.square().mean().sqrt()
    jac = prior.jacobian(z[:points])[1]
    seen = operator(jac.flatten(0, 1)).reshape(len(jac), jac.shape[1], -1)
    if seen.shape[2] < seen.shape[1]:
        local = 0.0  # fewer data than latent dimensions
    else:
        ratio = torch.linalg.svdvals(seen)[:, -1] / torch.linalg.svdvals(jac.flatten(2))[:, -1].clamp(min=1e-12)
        local = float((ratio / common).median())
    return Identifiability((float(kept.min() / common), float(kept.median() / common)), local)

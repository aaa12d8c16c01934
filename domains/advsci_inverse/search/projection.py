"""The nearest image that a generator makes: the test of a prior's range."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from advsci_inverse.operators.local import Inpainting
from advsci_inverse.priors.prior import GeneratorPrior
from advsci_inverse.search.latent import LatentSearch

__all__ = ["project_onto_range"]


@torch.no_grad()
def project_onto_range(
    prior: GeneratorPrior,
    images: Float[Tensor, "n h w"],
    labels: Int[Tensor, " n"] | None = None,
    *,
    starts: int = 4,
    steps: int = 6,
    screen: int = 1024,
) -> Float[Tensor, "n h w"]:
    """The nearest images that the generator makes: from the encoder's guess, or by latent search without one.

    Parameters
    ----------
    prior
        The generator.
    images
        Images.
    labels
        Their classes, for a conditional generator.
    starts, steps, screen
        Of the latent search.

    Returns
    -------
    tensor [n, h, w]
        Images in the range.
    """
    if prior.synthesis.encoder is not None:
        return prior.decode(prior.synthesis.encode(images[:, None])[0], labels)
    if labels is not None:
        found = torch.empty_like(images)
        for label in labels.unique().tolist():
            of = labels == label
            found[of] = project_onto_range(prior.given(label), images[of], starts=starts, steps=steps, screen=screen)
        return found
    level = float(images.std()) * 0.3  # a residual of this size is expected before R is known
    plain = GeneratorPrior(prior.synthesis, prior.shape, 1)
    plain.residual_diagonal.fill_(level**2)
    search = LatentSearch(plain, Inpainting(torch.ones(prior.shape)), 1e-3, screen=screen)
    blocks = [search(block, starts=starts, steps=steps).projection for block in images.split(32)]
    return torch.cat(blocks)

r"""First-order searches, stopped by the discrepancy principle: latents, hidden layers, the generator's own weights.

All minimise the misfit :math:`\|A\,G(\cdot)-y\|^2/\sigma^2` by Adam, every image and start at once with losses that are
summed and never averaged over problems, and each image stops by itself when its residual has fallen to the noise,

.. math:: \|A\hat x - y\| \le \tau\,\sigma\sqrt m ,

(Morozov): what is left then is noise, and fitting on would fit the noise.

* `descend_latent`: plain search in the range (Bora et al. 2017, arXiv 1703.03208), for comparison.
* `descend_intermediate`: one hidden layer becomes free, with an L2 pull towards what the latent gives
  (intermediate-layer optimisation, Daras et al. 2021, arXiv 2102.07364).
* `adapt_generator`: all weights move, for one image at a time (image-adaptive GAN, Abu Hussein et al. 2020, arXiv
  1906.05284).
"""

import copy
import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci_inverse.operators.linear import LinearOperator
from advsci_inverse.priors.prior import GeneratorPrior

__all__ = ["adapt_generator", "descend_intermediate", "descend_latent", "discrepancy"]


def discrepancy(operator: LinearOperator, x: Tensor, y: Tensor, sigma: float) -> Float[Tensor, " n"]:
    r"""Residual over noise of each image, :math:`\|Ax-y\|/(\sigma\sqrt m)`; about 1 when only noise is left.

    Parameters
    ----------
    operator
        :math:`A`.
    x
        Images ``[n, h, w]``.
    y
        Data ``[n, *data]``.
    sigma
        Standard deviation of the noise.

    Returns
    -------
    tensor [n]
        One number per image.
    """
    return (operator(x) - y).flatten(1).norm(dim=1) / (sigma * math.sqrt(operator.data_size))


def _descend(
    variables: Sequence[Tensor],
    decode: Callable[[], Tensor],
    pull: Callable[[], Tensor],
    operator: LinearOperator,
    y: Tensor,
    sigma: float,
    *,
    steps: int,
    rate: float,
    tau: float,
) -> tuple[Tensor, Tensor]:
    """Adam; each image at its own stopping point, with its discrepancy there (the smallest if never reached)."""
    optimizer = torch.optim.Adam(variables, rate)
    with torch.no_grad():
        kept = decode()
        reached = discrepancy(operator, kept, y, sigma)
    for _ in range(steps):
        x = decode()
        misfit = 0.5 * ((operator(x) - y) / sigma).square().sum()
        gradients = torch.autograd.grad(misfit + pull(), variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.grad = gradient
        optimizer.step()
        with torch.no_grad():
            new = decode()
            now = discrepancy(operator, new, y, sigma)
            better = (now < reached) & (reached > tau)
            kept = torch.where(better[:, None, None], new, kept)
            reached = torch.where(better, now, reached)
    return kept, reached


def descend_latent(
    prior: GeneratorPrior,
    operator: LinearOperator,
    y: Tensor,
    sigma: float,
    start: Float[Tensor, "n k"],
    *,
    steps: int = 300,
    rate: float = 0.05,
    weight: float = 1.0,
    tau: float = 1.0,
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, " n"], Float[Tensor, "n k"]]:
    r"""Adam on :math:`\|AG(z)-y\|^2/2\sigma^2+\lambda\|z\|^2/2`.

    Parameters
    ----------
    prior, operator
        :math:`G` and :math:`A`.
    y
        Data ``[n, *data]``.
    sigma
        Standard deviation of the noise.
    start
        First latents.
    steps, rate
        Of Adam.
    weight
        :math:`\lambda`.
    tau
        Residual over noise at which an image stops.

    Returns
    -------
    images : tensor [n, h, w]
        Each at its own stopping point.
    discrepancy : tensor [n]
        Residual over noise there.
    latents : tensor [n, k]
        The last ones.
    """
    z = start.detach().clone().requires_grad_()
    x, reached = _descend(
        [z], lambda: prior.decode(z), lambda: 0.5 * weight * z.square().sum(), operator, y, sigma,
        steps=steps, rate=rate, tau=tau,
    )  # fmt: skip
    return x, reached, z.detach()


def _layers(prior: GeneratorPrior) -> tuple[nn.Sequential, Callable[[Tensor], Tensor]]:
    body = getattr(prior.synthesis.generator, "body", None)
    if not isinstance(body, nn.Sequential):
        raise ConfigError(
            "got a generator without a list of layers; expected the dense networks. Try: adapt_generator."
        )
    return body, lambda h: torch.sigmoid(h).reshape(-1, *prior.shape)


def descend_intermediate(
    prior: GeneratorPrior,
    operator: LinearOperator,
    y: Tensor,
    sigma: float,
    z: Float[Tensor, "n k"],
    *,
    layer: int = 1,
    pull: float = 1.0,
    steps: int = 200,
    rate: float = 0.02,
    tau: float = 1.0,
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, " n"]]:
    """Free the output of a hidden layer, pulled towards its value at ``z``; only for dense generators.

    Parameters
    ----------
    prior, operator
        :math:`G` and :math:`A`.
    y
        Data ``[n, *data]``.
    sigma
        Standard deviation of the noise.
    z
        Latents whose hidden values are the anchor.
    layer
        Hidden layer, counted from 1.
    pull
        Weight of the squared distance to the anchor.
    steps, rate
        Of Adam.
    tau
        Residual over noise at which an image stops.

    Returns
    -------
    images : tensor [n, h, w]
        Each at its own stopping point.
    discrepancy : tensor [n]
        Residual over noise there.

    Raises
    ------
    ConfigError
        Another kind of generator, or no such layer.
    """
    body, head = _layers(prior)
    hidden = len(body) // 2
    if not 1 <= layer <= hidden:
        raise ConfigError(f"got layer {layer}; expected one between 1 and {hidden}. Try: 1.")
    first, rest = body[: 2 * layer], body[2 * layer :]
    with torch.no_grad():
        anchor = first(z)
    h = anchor.clone().requires_grad_()
    return _descend(
        [h], lambda: head(rest(h)), lambda: 0.5 * pull * (h - anchor).square().sum(), operator, y, sigma,
        steps=steps, rate=rate, tau=tau,
    )  # fmt: skip


def adapt_generator(
    prior: GeneratorPrior,
    operator: LinearOperator,
    y: Tensor,
    sigma: float,
    z: Float[Tensor, "n k"],
    *,
    steps: int = 60,
    rate: float = 3e-4,
    tau: float = 1.0,
) -> tuple[Float[Tensor, "n h w"], Float[Tensor, " n"]]:
    """Tune a copy of the generator and the latent for each image alone; rates above 1e-3 destroy the prior.

    Parameters
    ----------
    prior, operator
        :math:`G` and :math:`A`.
    y
        Data ``[n, *data]``.
    sigma
        Standard deviation of the noise.
    z
        First latents.
    steps, rate
        Of Adam.
    tau
        Residual over noise at which an image stops.

    Returns
    -------
    images : tensor [n, h, w]
        Each at its own stopping point.
    discrepancy : tensor [n]
        Residual over noise there.
    """
    images, reached = [], []
    for i in range(len(y)):
        own = copy.deepcopy(prior.synthesis.generator).requires_grad_(True)
        latent = z[i : i + 1].detach().clone().requires_grad_()
        x, at = _descend(
            [latent, *own.parameters()],
            lambda own=own, latent=latent: own(latent)[:, 0],
            lambda latent=latent: 0.5 * latent.square().sum(),
            operator, y[i : i + 1], sigma, steps=steps, rate=rate, tau=tau,
        )  # fmt: skip
        images.append(x)
        reached.append(at)
    return torch.cat(images).detach(), torch.cat(reached)

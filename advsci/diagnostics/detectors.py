r"""Failure modes of adversarial training, each as a number; all plain functions.

Thresholds and words are the business of `advsci.diagnostics.verdict`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.metrics import frechet_distance
from advsci.objectives import Objective
from advsci.penalties import squared_norm
from advsci.penalties.scores import Scores, couples_batch, input_gradient

__all__ = ["batch_coupling", "critic_slopes", "relative_frechet", "signal"]


def signal(
    objective: Objective, real_logits: Float[Tensor, " n"], fake_logits: Float[Tensor, " n"]
) -> Float[Tensor, ""]:
    r"""What the discriminator tells the generator: :math:`\frac1n \sum_i |n\, \partial L_G / \partial a_i|` at fake
    logits :math:`a_i`.

    Saturating loss: the mean :math:`D(G)`; non-saturating: the mean :math:`1 - D(G)`; Wasserstein: 1. Near 0 the
    generator learns nothing.

    Parameters
    ----------
    objective
        What the players are scored with.
    real_logits
        Logits of real samples (n).
    fake_logits
        Logits of generated samples (m).
    """
    fake = fake_logits.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(objective.generator(real_logits.detach(), fake), fake)
    return slope.abs().sum()


def critic_slopes(
    discriminator: nn.Module,
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    condition: Tensor | None = None,
) -> dict[str, Tensor]:
    r"""Root mean square of :math:`|\nabla_x D|` on data, on fakes and half-way between, apart.

    A penalty acts where it is evaluated: a discriminator that is flat on interpolates and steep on data shows here.

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    condition
        Conditions of the samples (n ...), or None.
    """

    def judge(x: Tensor) -> Tensor:
        """The discriminator's logits (n) at samples ``x`` (n ...), under the condition."""
        return discriminator(x) if condition is None else discriminator(x, condition)

    places = {"real": real, "fake": fake, "between": 0.5 * (real + fake)}
    with torch.enable_grad():
        return {k: squared_norm(input_gradient(judge, x.detach())).mean().sqrt().detach() for k, x in places.items()}


def batch_coupling(
    discriminator: nn.Module,
    real: Float[Tensor, "n ..."],
    fake: Float[Tensor, "n ..."],
    condition: Tensor | None = None,
) -> Float[Tensor, ""]:
    r"""How much D(real) depends on the fakes scored beside it: :math:`|\partial a_{real} / \partial G| / |\partial
    a_{real} / \partial x|`.

    Passed through the discriminator as a game does it. Batch norm on a joint batch gives a positive number; per-sample
    norms and separate batches give 0.

    Parameters
    ----------
    fake
        Generated samples (n ...).
    condition
        Conditions of the samples (n ...), or None.
    """
    with torch.enable_grad():
        real, fake = (x.detach().requires_grad_() for x in (real, fake))
        scores = Scores(discriminator, real, fake, condition, together=not couples_batch(discriminator))
        # random-looking weights: a normalisation layer makes the plain sum of its outputs constant
        weight = torch.linspace(-1.0, 1.0, len(real), device=real.device, dtype=real.dtype).sin()
        to_real, to_fake = torch.autograd.grad(
            (weight * scores.real_logits).sum(), (real, fake), allow_unused=True, materialize_grads=True
        )
    return to_fake.norm() / to_real.norm().clamp_min(torch.finfo(real.dtype).tiny)


def relative_frechet(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    r"""Frechet distance of Gaussians fitted to both sets over the variance of the data, in float64.

    .. math:: \left(|\mu_r - \mu_f|^2 + \mathrm{tr}(\Sigma_r + \Sigma_f - 2 (\Sigma_r \Sigma_f)^{1/2})\right) /
        \mathrm{tr}\,\Sigma_r

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    """
    r = real.double()
    return frechet_distance(r, fake.double()).clamp_min(0.0) / r.var(0).sum()

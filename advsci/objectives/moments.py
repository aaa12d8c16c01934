r"""Moments as an adversary: for a linear critic, or one in a kernel's unit ball, the inner game has an exact answer.

An integral probability metric is :math:`\sup_{f \in F} E_P f - E_Q f`. For :math:`f = w \cdot \phi`, :math:`|w| \le 1`,

.. math:: \sup_{|w| \le 1} w \cdot (E\,\phi(x) - E\,\phi(G)) = |E\,\phi(x) - E\,\phi(G)|,
    \qquad w^* = \frac{E\,\phi(x) - E\,\phi(G)}{|E\,\phi(x) - E\,\phi(G)|}

which is moment matching; with the moments' inverse covariance as metric it is the efficient generalised method of
moments, whose minimum is Hansen's J. In the unit ball of a kernel's space the supremum is the maximum mean discrepancy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.objectives.objective import Objective, weighted_mean
from advsci.processes import gathered, shared_mean

__all__ = [
    "HansenJ",
    "KernelMMD",
    "feature_matching",
    "hansen_j",
    "linear_critic",
    "linear_ipm",
    "moment_gap",
    "weighted_mmd",
]


def moment_gap(
    real: Float[Tensor, "n k"],
    fake: Float[Tensor, "m k"],
    real_weight: Tensor | None = None,
    fake_weight: Tensor | None = None,
) -> Float[Tensor, " k"]:
    r""":math:`E\,\phi(x) - E\,\phi(G)` of features, with per-sample weights.

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    real_weight
        Non-negative weights of the real samples (n); None: equal ones.
    fake_weight
        Non-negative weights of the generated samples (m); None: equal ones.

    Raises
    ------
    ShapeError
        There is not one weight per sample.
    """
    means = []
    for features, weight in ((real, real_weight), (fake, fake_weight)):
        if weight is None:
            means.append(shared_mean(features.mean(0)))
            continue
        if weight.shape != features.shape[:1]:
            raise ShapeError(
                f"got weights of shape {tuple(weight.shape)}; expected one per sample, ({len(features)},). "
                "Try: weight.reshape(-1)."
            )
        means.append(shared_mean(weight @ features) / shared_mean(weight.sum()))
    return means[0] - means[1]


def linear_critic(
    real: Float[Tensor, "n k"],
    fake: Float[Tensor, "m k"],
    real_weight: Tensor | None = None,
    fake_weight: Tensor | None = None,
) -> Float[Tensor, " k"]:
    """The best weights of norm 1; zero where the moments agree, and every critic is as good.

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    real_weight
        Non-negative weights of the real samples (n); None: equal ones.
    fake_weight
        Non-negative weights of the generated samples (m); None: equal ones.
    """
    gap = moment_gap(real, fake, real_weight, fake_weight)
    return torch.nn.functional.normalize(gap, dim=0)


def linear_ipm(
    real: Float[Tensor, "n k"],
    fake: Float[Tensor, "m k"],
    real_weight: Tensor | None = None,
    fake_weight: Tensor | None = None,
) -> Float[Tensor, ""]:
    """Integral probability metric of the linear class: the norm of the moment gap, its inner maximum solved exactly.

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    real_weight
        Non-negative weights of the real samples (n); None: equal ones.
    fake_weight
        Non-negative weights of the generated samples (m); None: equal ones.
    """
    return moment_gap(real, fake, real_weight, fake_weight).norm()


def feature_matching(
    real: Float[Tensor, "n k"],
    fake: Float[Tensor, "m k"],
    real_weight: Tensor | None = None,
    fake_weight: Tensor | None = None,
) -> Float[Tensor, ""]:
    """Squared moment gap of a discriminator's features: a generator's loss that the discriminator cannot overpower.

    Salimans et al. 2016, arXiv 1606.03498, section 3.1. The real features are a target: no gradient goes through them.

    Parameters
    ----------
    fake
        Generated samples (n ...).
    real_weight
        Non-negative weights of the real samples (n); None: equal ones.
    fake_weight
        Non-negative weights of the generated samples (m); None: equal ones.
    """
    return moment_gap(real.detach(), fake, real_weight, fake_weight).square().sum()


class HansenJ(NamedTuple):
    """Test of overidentifying restrictions."""

    statistic: Float[Tensor, ""]
    degrees: int
    p_value: Float[Tensor, ""]


def hansen_j(moments: Float[Tensor, "n q"], parameters: int = 0) -> HansenJ:
    r""":math:`J = n\, \bar g^T \hat S^{-1} \bar g` with :math:`\hat S = \frac1n \sum_i g_i g_i^T` at the estimate.

    It is the value of the game whose linear critic pays :math:`w^T \hat S w / 2`: twice n times its inner maximum.
    Chi-square with ``q - parameters`` degrees of freedom if all moment conditions hold and the estimate used the
    optimal weighting (Hansen 1982, Econometrica 50, lemma 4.2).

    Parameters
    ----------
    moments
        :math:`g_i(\hat\theta)`, one row a sample.
    parameters
        Number of parameters that were estimated from these moments.

    Raises
    ------
    ConfigError
        If there are no overidentifying moments.
    DataError
        If the moments' covariance is singular: two moments say the same.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.objectives import hansen_j
    >>> test = hansen_j(Stream(0).normal((200, 3)), parameters=1)
    >>> test.degrees
    2
    """
    n, q = moments.shape
    if q <= parameters:
        raise ConfigError(
            f"got {q} moments for {parameters} parameters; expected more moments than parameters. Try: further moments."
        )
    mean = moments.mean(0)
    root, info = torch.linalg.cholesky_ex(moments.T @ moments / n)
    if not info.is_meta and bool(info):
        raise DataError("got moments with a singular covariance; expected linearly independent ones. Try: drop copies.")
    statistic = n * torch.linalg.solve_triangular(root, mean.unsqueeze(1), upper=False).square().sum()
    half = torch.as_tensor(0.5 * (q - parameters), dtype=statistic.dtype, device=statistic.device)
    return HansenJ(statistic, q - parameters, torch.special.gammaincc(half, 0.5 * statistic))


def weighted_mmd(
    real: Float[Tensor, "n k"],
    fake: Float[Tensor, "m k"],
    real_weight: Tensor | None = None,
    fake_weight: Tensor | None = None,
    *,
    sigmas: Sequence[float],
) -> Float[Tensor, ""]:
    r"""Unbiased squared MMD of a batch under a mean of Gaussian kernels, differentiable, with per-sample weights.

    .. math:: \frac{\sum_{i \ne j} w_i w_j k(x_i, x_j)}{\sum_{i \ne j} w_i w_j} + (\text{same of } y)
        - 2\, \frac{\sum_{ij} w_i u_j k(x_i, y_j)}{\sum_{ij} w_i u_j}

    For large sets and an error bar use `advsci.metrics.mmd`.

    Parameters
    ----------
    real
        Real samples (n ...).
    fake
        Generated samples (n ...).
    real_weight
        Non-negative weights of the real samples (n); None: equal ones.
    fake_weight
        Non-negative weights of the generated samples (m); None: equal ones.
    sigmas
        Widths of the Gaussian kernels.
    """
    real, fake = gathered(real), gathered(fake)
    w = _unit_weights(real, None if real_weight is None else gathered(real_weight))
    u = _unit_weights(fake, None if fake_weight is None else gathered(fake_weight))

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        """Kernel of the rows of ``x`` and of ``y``: (n m)."""
        square = (x.unsqueeze(1) - y.unsqueeze(0)).square().sum(2)
        return torch.stack([(square / (-2.0 * s * s)).exp() for s in sigmas]).mean(0)

    def within(x: Tensor, weight: Tensor) -> Tensor:
        """Unbiased mean of the kernel over the pairs of different rows of ``x``, by ``weight`` (n)."""
        pairs = torch.outer(weight, weight) * (1.0 - torch.eye(len(x), dtype=x.dtype, device=x.device))
        return (pairs * kernel(x, x)).sum() / pairs.sum()

    return within(real, w) + within(fake, u) - 2.0 * (torch.outer(w, u) * kernel(real, fake)).sum()


def _unit_weights(features: Tensor, weight: Tensor | None) -> Tensor:
    if len(features) < 2:
        raise DataError(f"got {len(features)} sample; expected at least 2 for pairs within a set. Try: a larger batch.")
    if weight is None:
        return features.new_full((len(features),), 1.0 / len(features))
    if weight.shape != features.shape[:1]:
        raise ShapeError(
            f"got weights of shape {tuple(weight.shape)}; expected one per sample, ({len(features)},). Try: "
            "weight.reshape(-1)."
        )
    return weight / weight.sum()


@dataclass(frozen=True)
class KernelMMD(Objective):
    r"""MMD-GAN: the critic maximises, the generator minimises the squared MMD of the critic's outputs.

    Li et al. 2017, arXiv 1705.08584; Binkowski et al. 2018, arXiv 1801.01401. A Gaussian kernel bounds it, so the
    critic cannot run away; a gradient penalty still keeps it smooth.

    Parameters
    ----------
    sigmas
        Kernel widths in units of the critic's output; their kernels are averaged.
    contrast
        Weight of :math:`-(E\,a_{real} - E\,a_{fake})^2` in the critic's loss, which keeps outputs apart where every
        kernel has gone flat. 0 is plain MMD-GAN.

    Raises
    ------
    ConfigError
        There is no kernel width, or one that is not positive.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import KernelMMD
    >>> objective = KernelMMD()
    >>> logits = torch.tensor([0.0, 1.0, 2.0])
    >>> bool(objective.generator(logits, logits + 5) > objective.generator(logits, logits))
    True
    """

    sigmas: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    contrast: float = 0.0

    uses_real_in_generator: ClassVar[bool] = True
    couples_batch: ClassVar[bool] = True
    gathers: ClassVar[bool] = True

    def __post_init__(self):
        if not self.sigmas or min(self.sigmas) <= 0.0:
            raise ConfigError(f"got kernel widths {self.sigmas}; expected positive numbers. Try: (0.5, 1.0, 2.0, 4.0).")

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Negative `generator` of ``real_logits``, ``fake_logits``, ``real_weight``, ``fake_weight``, less contrast."""
        loss = -self.generator(real_logits, fake_logits, real_weight, fake_weight)
        if self.contrast:
            gap = shared_mean(weighted_mean(real_logits, real_weight) - weighted_mean(fake_logits, fake_weight))
            loss = loss - self.contrast * gap.square()
        return loss

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Squared MMD of ``real_logits`` and ``fake_logits``, by ``real_weight`` and ``fake_weight``.

        Raises
        ------
        ShapeError
            The real logits are missing.
        """
        if real_logits is None:
            raise ShapeError("got no real logits; expected them: MMD compares both sets. Try: pass real_logits.")
        real, fake = (a.reshape(len(a), -1) for a in (real_logits, fake_logits))
        return weighted_mmd(real, fake, real_weight, fake_weight, sigmas=self.sigmas)

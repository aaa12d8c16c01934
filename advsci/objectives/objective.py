r"""Objectives: what a discriminator and a generator are scored with.

Each loss below is a plain function of *logits* :math:`a = D(x)` (any real number; a probability is
:math:`\sigma(a)`), one value a sample. An `Objective` is a frozen dataclass that averages them, with per-sample weights
if there are any, and says whether the generator's loss looks at real samples too. Both losses are *minimised*: with
:math:`V` the value of the game, the minimax discriminator's loss is :math:`-V`.

At the optimal minimax discriminator :math:`a^*(x) = \log p(x) - \log q(x)` and
:math:`V = -2 \log 2 + 2\,\mathrm{JSD}(p, q)` (Goodfellow et al. 2014, arXiv 1406.2661, theorem 1).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

from advsci.errors import ConfigError, DataError, ShapeError
from advsci.processes import shared_mean

__all__ = [
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Objective",
    "RelativisticPairing",
    "Wasserstein",
    "cross_entropy",
    "non_saturating",
    "refuse_weights",
    "saturating",
    "weighted_mean",
]


def weighted_mean(values: Float[Tensor, "n *rest"], weight: Tensor | None = None) -> Float[Tensor, ""]:
    r""":math:`\sum_i w_i v_i / \sum_i w_i`, the mean where ``weight`` is None.

    Further axes of ``values`` (a patch discriminator's, say) are averaged with equal weight; weights that are all 0
    give 0, and no gradient. Under torch.distributed the weights of all processes count together.

    Parameters
    ----------
    values
        One or more numbers per sample.
    weight
        Non-negative weights (n), or None.

    Returns
    -------
    Tensor
        0-dim.

    Raises
    ------
    ShapeError
        If ``weight`` is not one number a sample.
    """
    if weight is None:
        return values.mean()
    if weight.shape != values.shape[:1]:
        raise ShapeError(
            f"got weights of shape {tuple(weight.shape)} for logits of shape {tuple(values.shape)}; "
            f"expected one weight per sample, ({values.shape[0]},). Try: weight.reshape(-1)."
        )
    each = values.flatten(1).mean(1) if values.ndim > 1 else values
    part, size = shared_mean(torch.stack([(weight * each).sum(), weight.sum()])).unbind()
    # a batch may happen to hold nothing that counts: then there is nothing to minimise, rather than 0 / 0
    return part / torch.where(size > 0.0, size, 1.0)


def refuse_weights(weight: Float[Tensor, " n"]) -> None:
    """Refuse weights that no mean can be taken with.

    Parameters
    ----------
    weight
        Weights of all samples.

    Raises
    ------
    DataError
        A weight is negative or not finite, or all are 0.
    """
    if weight.is_meta:
        return
    wrong = ~(weight >= 0.0) | torch.isinf(weight)
    if bool(wrong.any()):
        first = int(wrong.nonzero()[0])
        raise DataError(
            f"got weight {float(weight[first]):.3g} at sample {first} ({int(wrong.sum())} of {len(weight)} are "
            "negative or not finite); expected non-negative weights. Try: weight.clamp(min=0)."
        )
    if not bool((weight > 0.0).any()):
        raise DataError(
            f"got {len(weight)} weights that are all 0; expected some above 0. Try: leave out 'weight' for equal ones."
        )


def cross_entropy(logits: Float[Tensor, "*n"], target: float) -> Float[Tensor, "*n"]:
    r""":math:`-t \log \sigma(a) - (1 - t) \log(1 - \sigma(a)) = \mathrm{softplus}(a) - t a` with target :math:`t`.

    Parameters
    ----------
    logits
        Logits (n).
    """
    # softplus(-a) rather than softplus(a) - a: the latter cancels for a large and t = 1
    return target * softplus(-logits) + (1.0 - target) * softplus(logits)


def saturating(fake_logits: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    r""":math:`\log(1 - \sigma(a))`; its gradient in :math:`a` is :math:`-\sigma(a)`.

    Parameters
    ----------
    fake_logits
        Logits of generated samples (m).
    """
    return logsigmoid(-fake_logits)


def non_saturating(fake_logits: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    r""":math:`-\log \sigma(a)`; its gradient in :math:`a` is :math:`-(1 - \sigma(a))`.

    Parameters
    ----------
    fake_logits
        Logits of generated samples (m).
    """
    return softplus(-fake_logits)


class Objective(ABC):
    """What each player of a GAN minimises, given the discriminator's logits.

    A new objective subclasses this, is a frozen dataclass, and implements the two methods.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import Objective, weighted_mean
    >>> class Linear(Objective):
    ...     def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
    ...         return weighted_mean(fake_logits, fake_weight) - weighted_mean(real_logits, real_weight)
    ...     def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
    ...         return -weighted_mean(fake_logits, fake_weight)
    >>> Linear().discriminator(torch.tensor([2.0]), torch.tensor([-1.0])).item()
    -3.0
    """

    uses_real_in_generator: ClassVar[bool] = False
    """Whether `generator` looks at ``real_logits``; if not, they may be None."""
    couples_batch: ClassVar[bool] = False
    """Whether a loss is no mean over samples or pairs, so that two half batches do not make a whole."""
    gathers: ClassVar[bool] = False
    """Whether a loss that is none sees the samples of all processes (`advsci.processes.gathered`, `shared_mean`)."""

    @abstractmethod
    def discriminator(
        self,
        real_logits: Float[Tensor, "n *rest"],
        fake_logits: Float[Tensor, "m *rest"],
        real_weight: Tensor | None = None,
        fake_weight: Tensor | None = None,
    ) -> Float[Tensor, ""]:
        """The discriminator's loss.

        Parameters
        ----------
        real_logits, fake_logits
            The discriminator at real and at generated samples, sample axis first.
        real_weight, fake_weight
            Non-negative weights, one per sample; the means are normalised by the sum of the weights. None is equal
            weights.
        """

    @abstractmethod
    def generator(
        self,
        real_logits: Float[Tensor, "n *rest"] | None,
        fake_logits: Float[Tensor, "m *rest"],
        real_weight: Tensor | None = None,
        fake_weight: Tensor | None = None,
    ) -> Float[Tensor, ""]:
        """The generator's loss; the parameters are those of `discriminator`.

        Parameters
        ----------
        real_logits
            Logits of real samples (n).
        fake_logits
            Logits of generated samples (m).
        real_weight
            Non-negative weights of the real samples (n); None: equal ones.
        fake_weight
            Non-negative weights of the generated samples (m); None: equal ones.
        """


def _check_smoothing(smoothing: float) -> None:
    if not 0.0 <= smoothing < 1.0:
        raise ConfigError(f"got label smoothing {smoothing}; expected 0 <= smoothing < 1. Try: 0.1.")


@dataclass(frozen=True)
class Minimax(Objective):
    r"""The original zero-sum game, :math:`V = E \log \sigma(a_{real}) + E \log(1 - \sigma(a_{fake}))`.

    The generator minimises :math:`V` itself, so its gradient vanishes where the discriminator wins (*saturates*).

    Parameters
    ----------
    smoothing
        One-sided label smoothing: real samples get the target ``1 - smoothing``, fakes keep 0
        (Salimans et al. 2016, arXiv 1606.03498, section 3.4).

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import Minimax
    >>> objective = Minimax()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    0.7233
    >>> round(objective.generator(real, fake).item(), 4)
    -0.5032
    """

    smoothing: float = 0.0

    def __post_init__(self):
        _check_smoothing(self.smoothing)

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        real = cross_entropy(real_logits, 1.0 - self.smoothing)
        return weighted_mean(real, real_weight) + weighted_mean(cross_entropy(fake_logits, 0.0), fake_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return weighted_mean(saturating(fake_logits), fake_weight)


@dataclass(frozen=True)
class NonSaturating(Objective):
    r"""The minimax discriminator; the generator minimises :math:`-E \log \sigma(a_{fake})` (section 3 of the paper).

    Parameters
    ----------
    smoothing
        One-sided label smoothing, as in `Minimax`.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import NonSaturating
    >>> objective = NonSaturating()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    0.7233
    >>> round(objective.generator(real, fake).item(), 4)
    1.0032
    """

    smoothing: float = 0.0

    def __post_init__(self):
        _check_smoothing(self.smoothing)

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        real = cross_entropy(real_logits, 1.0 - self.smoothing)
        return weighted_mean(real, real_weight) + weighted_mean(cross_entropy(fake_logits, 0.0), fake_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return weighted_mean(non_saturating(fake_logits), fake_weight)


@dataclass(frozen=True)
class Hinge(Objective):
    r""":math:`E\,(1 - a_{real})_+ + E\,(1 + a_{fake})_+` against :math:`-E\,a_{fake}`.

    Lim & Ye 2017, arXiv 1705.02894; Miyato et al. 2018, arXiv 1802.05957, equations 16-17.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import Hinge
    >>> objective = Hinge()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    0.5
    >>> round(objective.generator(real, fake).item(), 4)
    0.5
    """

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        return weighted_mean(relu(1.0 - real_logits), real_weight) + weighted_mean(relu(1.0 + fake_logits), fake_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return -weighted_mean(fake_logits, fake_weight)


@dataclass(frozen=True)
class LeastSquares(Objective):
    r""":math:`\frac12 E (a_{real} - b)^2 + \frac12 E (a_{fake} - a)^2` against :math:`\frac12 E (a_{fake} - c)^2`.

    The logits are used as they are, without a sigmoid. With :math:`b - c = 1` and :math:`b - a = 2` the generator
    minimises Pearson's chi-square between :math:`p + q` and :math:`2 q` (Mao et al. 2017, arXiv 1611.04076,
    section 3.2); the defaults are the 0-1 coding of section 3.3.

    Parameters
    ----------
    fake, real, wanted
        The codes :math:`a`, :math:`b`, :math:`c`.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import LeastSquares
    >>> objective = LeastSquares()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    0.5
    >>> round(objective.generator(real, fake).item(), 4)
    1.25
    """

    fake: float = 0.0
    real: float = 1.0
    wanted: float = 1.0

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        real = 0.5 * (real_logits - self.real).square()
        fake = 0.5 * (fake_logits - self.fake).square()
        return weighted_mean(real, real_weight) + weighted_mean(fake, fake_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return weighted_mean(0.5 * (fake_logits - self.wanted).square(), fake_weight)


@dataclass(frozen=True)
class Wasserstein(Objective):
    r""":math:`E\,a_{fake} - E\,a_{real}` against :math:`-E\,a_{fake}`.

    An estimate of :math:`W_1` only for a 1-Lipschitz critic: give the game a gradient penalty or the critic spectral
    normalisation (Arjovsky et al. 2017, arXiv 1701.07875, equation 2).

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import Wasserstein
    >>> objective = Wasserstein()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    -2.0
    >>> round(objective.generator(real, fake).item(), 4)
    0.5
    """

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        return weighted_mean(fake_logits, fake_weight) - weighted_mean(real_logits, real_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return -weighted_mean(fake_logits, fake_weight)


@dataclass(frozen=True)
class RelativisticPairing(Objective):
    r""":math:`E f(a_{fake} - a_{real})` against :math:`E f(a_{real} - a_{fake})`, over pairs of samples.

    Jolicoeur-Martineau 2018, arXiv 1807.00734; with :math:`f = \mathrm{softplus}` and both gradient penalties the
    objective of R3GAN (Huang et al. 2024, arXiv 2501.05441, equation 2). Only the logits' difference matters, so a
    discriminator cannot pass by giving every fake the same low value: each real mode has its own comparison.

    A pair is one sample. Its weight is ``fake_weight``; ``real_weight`` counts only where ``fake_weight`` is None.

    Parameters
    ----------
    f
        Increasing convex function of the logit difference.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import RelativisticPairing
    >>> objective = RelativisticPairing()
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    0.1809
    >>> round(objective.generator(real, fake).item(), 4)
    2.1809
    """

    f: Callable[[Tensor], Tensor] = softplus

    uses_real_in_generator: ClassVar[bool] = True

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss that tells ``real_logits`` from ``fake_logits``; means by ``real_weight`` and ``fake_weight``."""
        return self._pairs(fake_logits, real_logits, real_weight, fake_weight)

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` beside ``real_logits``; means by ``fake_weight`` and ``real_weight``."""
        return self._pairs(real_logits, fake_logits, real_weight, fake_weight)

    def _pairs(self, above, below, real_weight, fake_weight):
        if above is None or below is None or above.shape != below.shape:
            got = " and ".join("none" if a is None else str(tuple(a.shape)) for a in (above, below))
            raise ShapeError(
                f"got logits {got}; expected as many real as generated samples, since they are compared in pairs. "
                "Try: draw the same number of both."
            )
        return weighted_mean(self.f(above - below), real_weight if fake_weight is None else fake_weight)

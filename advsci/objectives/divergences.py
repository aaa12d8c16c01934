r"""f-divergences, and the GAN that bounds one from below.

.. math::
    D_f(P \| Q) = \int q\, f(p/q) = \sup_T \; E_P\, T - E_Q\, f^*(T), \qquad T^* = f'(p/q)

with :math:`f` convex, :math:`f(1) = 0`, and the conjugate :math:`f^*(t) = \sup_r\, t r - f(r)`. The critic's raw output
:math:`v` passes an *activation* that keeps :math:`T` where :math:`f^*` is finite. At the optimal critic a generated
sample moves by :math:`-r f''(r) \nabla r` with :math:`r = p/q`: that weight says whom a divergence listens to. It is
flat for KL, which covers modes, and largest where :math:`r` is small for reverse KL, which flees from where there are
no data.

Nowozin et al. 2016, arXiv 1606.00709, tables 1, 2, 5 and 6.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from advsci.errors import ConfigError
from advsci.objectives.objective import Objective, weighted_mean

__all__ = [
    "DIVERGENCES",
    "Alpha",
    "Divergence",
    "FDivergence",
    "JensenShannon",
    "KullbackLeibler",
    "Neyman",
    "OriginalGAN",
    "Pearson",
    "ReverseKullbackLeibler",
    "SquaredHellinger",
    "TotalVariation",
    "f_divergence",
]

Values = Float[Tensor, "*n"]

EXPONENT = 40.0
"""Where exponentials of a critic's output go over into their tangent, so that a loss stays finite in float32."""


def exp(v: Values) -> Values:
    r""":math:`e^v` up to `EXPONENT`, beyond it the tangent there: increasing, convex and finite for every output.

    A bound of an f-divergence stays a bound only below; far above, where a critic of this size is far from its optimum
    anyway, loss and slope stay finite.
    """
    low = v.clamp(max=EXPONENT)
    return low.exp() * (1.0 + (v - low))


def expm1(v: Values) -> Values:
    r""":math:`e^v - 1`, continued like `exp`."""
    low = v.clamp(max=EXPONENT)
    return torch.expm1(low) + low.exp() * (v - low)


class Divergence(ABC):
    """One member of the family; all methods act elementwise."""

    @abstractmethod
    def f(self, r: Values) -> Values:
        """The convex function of the density ratio ``r > 0``, zero at 1."""

    @abstractmethod
    def optimal_critic(self, r: Values) -> Values:
        r"""The :math:`T^* = f'(r)` at which the bound is tight."""

    @abstractmethod
    def curvature(self, r: Values) -> Values:
        r""":math:`f''(r)`."""

    @abstractmethod
    def conjugate(self, t: Values) -> Values:
        r""":math:`f^*(t)`."""

    @abstractmethod
    def activation(self, v: Values) -> Values:
        r"""Increasing map from any real output to the domain of :math:`f^*`.

        Parameters
        ----------
        v
            Raw outputs of the critic (n).
        """

    @abstractmethod
    def conjugate_of_activation(self, v: Values) -> Values:
        r""":math:`f^*(\mathrm{activation}(v))` in one stable expression."""

    def generator_weight(self, r: Values) -> Values:
        r""":math:`-r f''(r)`, the factor of :math:`\nabla r` in the generator's gradient at the optimal critic."""
        return -r * self.curvature(r)


@dataclass(frozen=True)
class KullbackLeibler(Divergence):
    r""":math:`f = r \log r`: the divergence of maximum likelihood; covers every mode."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return torch.special.xlogy(r, r)

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return 1.0 + r.log()

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return 1.0 / r

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return (t - 1.0).exp()

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return v

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return exp(v - 1.0)


@dataclass(frozen=True)
class ReverseKullbackLeibler(Divergence):
    r""":math:`f = -\log r`: infinite where samples fall outside the data; seeks a mode."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return -r.log()

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return -1.0 / r

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return r**-2

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return -1.0 - (-t).log()

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return -exp(-v)

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return v - 1.0


@dataclass(frozen=True)
class Pearson(Divergence):
    r"""Pearson's chi-square, :math:`f = (r - 1)^2`."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return (r - 1.0).square()

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return 2.0 * (r - 1.0)

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return torch.full_like(r, 2.0)

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        t = t.clamp(min=-2.0)  # below, r = 0 is the maximiser
        return 0.25 * t.square() + t

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return v

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return self.conjugate(v)


@dataclass(frozen=True)
class Neyman(Divergence):
    r"""Neyman's chi-square, :math:`f = (1 - r)^2 / r`."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return (1.0 - r).square() / r

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return 1.0 - r**-2

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return 2.0 * r**-3

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return 2.0 - 2.0 * (1.0 - t).sqrt()

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return -expm1(-v)

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return -2.0 * expm1(-0.5 * v)


@dataclass(frozen=True)
class SquaredHellinger(Divergence):
    r""":math:`f = (\sqrt r - 1)^2`, so that :math:`D_f = \int (\sqrt p - \sqrt q)^2`, between 0 and 2."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return (r.sqrt() - 1.0).square()

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return 1.0 - r**-0.5

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return 0.5 * r**-1.5

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return t / (1.0 - t)

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return -expm1(-v)

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return expm1(v)


@dataclass(frozen=True)
class JensenShannon(Divergence):
    r""":math:`f = r \log r - (1 + r) \log \frac{1 + r}{2}`: *twice* the Jensen-Shannon divergence."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return torch.special.xlogy(r, r) - (1.0 + r) * (0.5 * (1.0 + r)).log()

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return math.log(2.0) - torch.log1p(1.0 / r)

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return 1.0 / (r * (1.0 + r))

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return -(2.0 - t.exp()).log()

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return math.log(2.0) + logsigmoid(v)

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return softplus(v) - math.log(2.0)


@dataclass(frozen=True)
class OriginalGAN(Divergence):
    r""":math:`f = r \log r - (1 + r) \log(1 + r)`: :math:`D_f = 2\,\mathrm{JSD} - 2 \log 2`, the minimax GAN's value.

    Here :math:`f(1) = -2 \log 2`, so equal distributions have that value rather than zero.
    """

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return torch.special.xlogy(r, r) - (1.0 + r) * torch.log1p(r)

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return -torch.log1p(1.0 / r)

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return 1.0 / (r * (1.0 + r))

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return -torch.log(-torch.expm1(t))

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return logsigmoid(v)

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return softplus(v)


@dataclass(frozen=True)
class TotalVariation(Divergence):
    r""":math:`f = |r - 1| / 2`: the largest difference in probability of any event. Its curvature is 0 but at 1."""

    def f(self, r):
        """The convex function at density ratios ``r``."""
        return 0.5 * (r - 1.0).abs()

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return 0.5 * (r - 1.0).sign()

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return torch.zeros_like(r)

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        return torch.where(t <= 0.5, t.clamp(min=-0.5), torch.inf)

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return 0.5 * v.tanh()

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        return 0.5 * v.tanh()


@dataclass(frozen=True)
class Alpha(Divergence):
    r""":math:`f = \frac{r^\alpha - 1 - \alpha (r - 1)}{\alpha (\alpha - 1)}` for :math:`\alpha \ne 0, 1`.

    Between reverse KL (:math:`\alpha \to 0`) and KL (:math:`\alpha \to 1`); half of Pearson's chi-square at 2, half of
    Neyman's at -1, twice the squared Hellinger distance at 1/2.

    Raises
    ------
    ConfigError
        At 0 and 1, where the formula has limits of their own.
    """

    alpha: float

    def __post_init__(self):
        if self.alpha in (0.0, 1.0):
            limit = "ReverseKullbackLeibler()" if self.alpha == 0.0 else "KullbackLeibler()"
            raise ConfigError(f"got alpha = {self.alpha}; expected neither 0 nor 1. Try: {limit}, the limit.")

    def f(self, r):
        """The convex function at density ratios ``r``."""
        a = self.alpha
        return (r**a - 1.0 - a * (r - 1.0)) / (a * (a - 1.0))

    def optimal_critic(self, r):
        """Its derivative at density ratios ``r``."""
        return (r ** (self.alpha - 1.0) - 1.0) / (self.alpha - 1.0)

    def curvature(self, r):
        """Its second derivative at density ratios ``r``."""
        return r ** (self.alpha - 2.0)

    def conjugate(self, t):
        """Its convex conjugate at the critic's values ``t``."""
        a = self.alpha
        base = 1.0 + (a - 1.0) * t
        if a > 1.0:
            base = base.clamp(min=0.0)  # below, r = 0 is the maximiser
        return (base ** (a / (a - 1.0)) - 1.0) / a

    def activation(self, v):
        """Raw outputs ``v`` of the critic, mapped into the domain of the conjugate."""
        return v if self.alpha > 1.0 else 1.0 / (1.0 - self.alpha) - softplus(-v)

    def conjugate_of_activation(self, v):
        """The conjugate of `activation` at raw outputs ``v``, in one stable expression."""
        a = self.alpha
        if a > 1.0:
            return self.conjugate(v)
        # in logarithms, where softplus(-v) underflows: it is exp(-v) there
        log_softplus = softplus(-v.clamp(max=15.0)).log() - (v - 15.0).clamp(min=0.0)
        return expm1(a / (a - 1.0) * (math.log(1.0 - a) + log_softplus)) / a


DIVERGENCES: dict[str, Divergence] = {
    "kl": KullbackLeibler(),
    "reverse_kl": ReverseKullbackLeibler(),
    "pearson": Pearson(),
    "neyman": Neyman(),
    "hellinger": SquaredHellinger(),
    "jensen_shannon": JensenShannon(),
    "gan": OriginalGAN(),
    "total_variation": TotalVariation(),
}
"""Members by name; the alpha family is `Alpha`."""


def f_divergence(divergence: Divergence, log_p: Values, log_q: Values, cell: float | Tensor = 1.0) -> Float[Tensor, ""]:
    r""":math:`\sum_i q_i f(p_i / q_i) \cdot \mathrm{cell}`: exact for discrete distributions, a quadrature on a grid.

    Parameters
    ----------
    divergence
        The member of the family.
    log_p, log_q
        Log-densities at the same nodes.
    cell
        Volume of a node, or quadrature weights.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import DIVERGENCES, f_divergence
    >>> log_p, log_q = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log()
    >>> round(f_divergence(DIVERGENCES["kl"], log_p, log_q).item(), 4)
    0.1438
    """
    return (log_q.exp() * divergence.f((log_p - log_q).exp()) * cell).sum()


@dataclass(frozen=True)
class FDivergence(Objective):
    r"""The GAN whose discriminator estimates an f-divergence and whose generator minimises it.

    The discriminator minimises :math:`-E_P\, g(v) + E_Q\, f^*(g(v))`, minus the bound; the generator
    :math:`-E_Q\, f^*(g(v))`, or :math:`-E_Q\, g(v)` if ``non_saturating`` (arXiv 1606.00709, section 3.2).

    Parameters
    ----------
    divergence
        A name of `DIVERGENCES`, or a `Divergence`.
    non_saturating
        Give the generator the stronger signal early in the training; the equilibrium is the same.

    Raises
    ------
    ConfigError
        If the name is unknown.

    Examples
    --------
    >>> import torch
    >>> from advsci.objectives import FDivergence
    >>> objective = FDivergence("kl")
    >>> real, fake = torch.tensor([2.0, 1.0]), torch.tensor([-1.0, 0.0])
    >>> round(objective.discriminator(real, fake).item(), 4)
    -1.2484
    >>> round(objective.generator(real, fake).item(), 4)
    -0.2516
    """

    divergence: str | Divergence = "kl"
    non_saturating: bool = False

    def __post_init__(self):
        if isinstance(self.divergence, str) and self.divergence not in DIVERGENCES:
            raise ConfigError(
                f"got divergence {self.divergence!r}; expected one of {', '.join(DIVERGENCES)}, or a Divergence. "
                "Try: Alpha(0.5)."
            )

    @property
    def member(self) -> Divergence:
        """The divergence itself."""
        return DIVERGENCES[self.divergence] if isinstance(self.divergence, str) else self.divergence

    def discriminator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Negative bound on the divergence, by ``real_logits``, ``fake_logits``, ``real_weight``, ``fake_weight``."""
        real = weighted_mean(self.member.activation(real_logits), real_weight)
        return weighted_mean(self.member.conjugate_of_activation(fake_logits), fake_weight) - real

    def generator(self, real_logits, fake_logits, real_weight=None, fake_weight=None):
        """Loss of ``fake_logits`` by ``fake_weight``; ``real_logits`` and ``real_weight`` do not matter."""
        member = self.member
        reward = member.activation if self.non_saturating else member.conjugate_of_activation
        return -weighted_mean(reward(fake_logits), fake_weight)

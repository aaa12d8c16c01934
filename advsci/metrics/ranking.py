r"""How often a real sample scores above a generated one, :math:`P(D(x) > D(G)) + \tfrac12 P(D(x) = D(G))`.

The area under the ROC curve (Hanley and McNeil 1982), Mann-Whitney's U over the number of pairs: 1/2 where the scores
tell nothing, 1 where they do not overlap, whatever their scale. Of scores that were fixed before the samples came, such
as those of a frozen discriminator on held-out data, it makes a two-sample test (`ranking_test`).
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Num
from torch import Tensor

from advsci.errors import DataError

__all__ = ["RankingTest", "ranking_probability", "ranking_test"]


@torch.no_grad()
def ranking_probability(real: Num[Tensor, " n"], fake: Num[Tensor, " m"]) -> Float[Tensor, ""]:
    """Chance that a score of ``real`` exceeds one of ``fake``, ties counted half, by sorting: n + m memory.

    Parameters
    ----------
    real, fake
        Scores of two sets, such as a discriminator's logits, in any numbers.

    Returns
    -------
    Tensor
        In [0, 1], float64, on the scores' device; NaN where a score is.

    Raises
    ------
    DataError
        A set is empty, or of complex numbers.

    Examples
    --------
    >>> float(ranking_probability(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0])))
    0.875
    """
    if not (len(real) and len(fake)) or real.is_complex() or fake.is_complex():
        raise DataError(
            f"got {len(real)} scores of {real.dtype} and {len(fake)} of {fake.dtype}; expected some real numbers of "
            "each. Try: the discriminator's logits."
        )
    real, fake = real.double(), fake.double()
    unknown = 0.0 * (real.sum() + fake.sum()).where(real.isnan().any() | fake.isnan().any(), 0.0)  # 0, or NaN
    return unknown + _placements(real, fake).mean()


class RankingTest(NamedTuple):
    """A two-sample test by fixed scores.

    Attributes
    ----------
    probability
        Chance that a real sample scores above a generated one.
    error
        Its standard error.
    low, high
        Its 95 % interval.
    p_value
        Of the hypothesis that both sets have the same distribution, two-sided.
    """

    probability: float
    error: float
    low: float
    high: float
    p_value: float

    def text(self) -> str:
        """The test as a sentence."""
        where = f"{self.probability:.3f} ({self.low:.3f} to {self.high:.3f})"
        if self.low <= 0.5 <= self.high:
            return f"The discriminator cannot tell these samples from data: it ranks {where} of the pairs rightly."
        return f"The discriminator tells these samples from data: it ranks {where} of the pairs rightly."


@torch.no_grad()
def ranking_test(real: Float[Tensor, " n"], fake: Float[Tensor, " m"]) -> RankingTest:
    r"""Whether a frozen discriminator tells samples from data that neither it nor the generator was trained on.

    With :math:`V_i` the share of generated samples below real sample i (ties half) and :math:`W_j` the share of real
    samples above generated sample j, :math:`\hat P = \bar V` has the variance :math:`\mathrm{var}(V)/n +
    \mathrm{var}(W)/m` (DeLong et al. 1988). The p-value is the Mann-Whitney test's, with the variance that holds under
    equal distributions.

    Parameters
    ----------
    real
        Logits of held-out data.
    fake
        Logits of fresh samples.

    Returns
    -------
    RankingTest
        A test that finds nothing says that *this* discriminator sees nothing.

    Raises
    ------
    DataError
        A set has fewer than ten scores, or one that is not finite.

    Examples
    --------
    >>> from advsci import Stream
    >>> a, b = Stream(0).at("a").normal((500,)), Stream(0).at("b").normal((500,))
    >>> ranking_test(a, b).p_value > 0.05, ranking_test(a + 1.0, b).low > 0.5
    (True, True)
    """
    n, m = len(real), len(fake)
    if min(n, m) < 10 or not bool(torch.isfinite(torch.cat([real, fake])).all()):
        raise DataError(
            f"got {n} and {m} scores; expected at least 10 of each, all finite. Try: more held-out data, or a training "
            "that did not diverge."
        )
    V, W = _placements(real, fake), 1.0 - _placements(fake, real)
    P = V.mean().item()
    error = math.sqrt(V.var().item() / n + W.var().item() / m)
    _, ties = torch.cat([real, fake]).unique(return_counts=True)
    N, t = n + m, ties.double()
    null = ((N + 1) - ((t**3 - t).sum() / (N * (N - 1))).item()) / (12.0 * n * m)
    p_value = math.erfc(abs(P - 0.5) / math.sqrt(2.0 * null)) if null > 0.0 else 1.0
    return RankingTest(P, error, max(P - 1.959964 * error, 0.0), min(P + 1.959964 * error, 1.0), p_value)


def _placements(x: Tensor, others: Tensor) -> Float[Tensor, " n"]:
    """Of each score the share of others below it, ties counted half."""
    ordered, x = others.sort().values, x.contiguous()
    below = torch.searchsorted(ordered, x) + torch.searchsorted(ordered, x, right=True)
    return 0.5 * below.double() / len(others)

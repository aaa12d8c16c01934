r"""Maximum mean discrepancy: the distance of two sets' mean embeddings under a kernel.

.. math:: \mathrm{MMD}^2 = E\,k(x, x') - 2\,E\,k(x, y) + E\,k(y, y')

Gretton et al. 2012 (JMLR 13, lemma 6) for the unbiased U-statistic; Binkowski et al. 2018, arXiv 1801.01401, for the
KID, its cubic polynomial kernel on features.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Num
from torch import Tensor

from advsci.errors import ConfigError, DataError
from advsci.metrics.distances import blocks, check_samples, squared_distances
from advsci.metrics.estimate import Estimate
from advsci.streams import Stream

__all__ = ["Kernel", "gaussian", "kid", "kid_subsets", "median_distance", "mmd", "polynomial", "rational_quadratic"]

Kernel = Callable[[Tensor, Tensor], Tensor]


def polynomial(degree: int = 3, gamma: float | None = None, offset: float = 1.0) -> Kernel:
    r""":math:`k(x, y) = (\gamma\, x \cdot y + c)^q` with :math:`\gamma = 1/d` where it is None.

    Parameters
    ----------
    degree
        :math:`q`.
    gamma
        :math:`\gamma`; None takes one over the number of features.
    offset
        :math:`c`.

    Returns
    -------
    callable
        ``kernel(x, y)``: (n d) and (m d) to (n m).
    """

    def k(x: Num[Tensor, "n d"], y: Num[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """Kernel of the rows of ``x`` (n d) and of ``y`` (m d): (n m)."""
        scale = 1.0 / x.shape[1] if gamma is None else gamma
        return (x @ y.T * scale + offset) ** degree

    return k


def gaussian(sigma: float | Sequence[float] | Tensor) -> Kernel:
    r""":math:`k(x, y) = \frac1S \sum_s \exp(-|x - y|^2 / 2 \sigma_s^2)`, several widths see several scales.

    Parameters
    ----------
    sigma
        One width :math:`\sigma`, or several.

    Returns
    -------
    callable
        ``kernel(x, y)``: (n d) and (m d) to (n m).
    """
    widths = [float(s) for s in sigma] if isinstance(sigma, Sequence) else [sigma]

    def k(x: Num[Tensor, "n d"], y: Num[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """Kernel of the rows of ``x`` (n d) and of ``y`` (m d): (n m), averaged over the widths."""
        square = squared_distances(x - y.mean(0), y - y.mean(0))
        return sum((square / (-2.0 * s * s)).exp() for s in widths) / len(widths)  # type: ignore[return-value]

    return k


def rational_quadratic(alphas: Sequence[float] = (0.2, 0.5, 1.0, 2.0, 5.0), sigma: float = 1.0) -> Kernel:
    r""":math:`k(x, y) = \frac1S \sum_\alpha (1 + |x - y|^2 / 2 \alpha \sigma^2)^{-\alpha}` (arXiv 1801.01401, section
    4).

    Parameters
    ----------
    alphas
        The exponents :math:`\alpha`.
    sigma
        The width :math:`\sigma`.

    Returns
    -------
    callable
        ``kernel(x, y)``: (n d) and (m d) to (n m).
    """

    def k(x: Num[Tensor, "n d"], y: Num[Tensor, "m d"]) -> Float[Tensor, "n m"]:
        """Kernel of the rows of ``x`` (n d) and of ``y`` (m d): (n m), averaged over the exponents."""
        square = squared_distances(x - y.mean(0), y - y.mean(0)) / sigma**2
        return sum((1.0 + square / (2.0 * a)) ** -a for a in alphas) / len(alphas)  # type: ignore[return-value]

    return k


@torch.no_grad()
def median_distance(x: Num[Tensor, "n d"], y: Num[Tensor, "m d"], most: int = 2000) -> Float[Tensor, ""]:
    """The median heuristic for a Gaussian kernel's width: the median distance between pooled samples.

    At most ``most`` samples, evenly spaced in each set's order, stand for all.

    Parameters
    ----------
    x
        Samples (n d).
    y
        Samples (m d), to compare with.
    most
        Samples taken from each set.

    Returns
    -------
    Tensor
        A width, a number.
    """
    check_samples(x, y)
    pooled = torch.cat([x[:: -(-2 * len(x) // most)], y[:: -(-2 * len(y) // most)]]).double()
    pooled = pooled - pooled.mean(0)
    above = torch.triu_indices(len(pooled), len(pooled), 1, device=pooled.device)
    return squared_distances(pooled, pooled)[above[0], above[1]].median().sqrt()


@torch.no_grad()
def mmd(x: Num[Tensor, "n d"], y: Num[Tensor, "m d"], kernel: Kernel | None = None) -> Estimate:
    r"""Unbiased estimate of the *squared* MMD with its standard error, over all pairs, in blocks.

    The error is that of the U-statistic's first projection, :math:`4\,\mathrm{Var}_i(a_i)/n +
    4\,\mathrm{Var}_j(b_j)/m` with
    :math:`a_i` the mean of :math:`k(x_i, x) - k(x_i, y)`; it describes two sets that differ. Where they have the same
    distribution the statistic is degenerate and its value scatters round zero, below it too.

    Parameters
    ----------
    x, y
        Samples or features.
    kernel
        A function of two matrices of samples; by default `gaussian` at the `median_distance`.

    Raises
    ------
    DataError, ShapeError
        Fewer than two samples, sets of different width, or values of the kernel that cancel to their rounding.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.metrics import mmd
    >>> real = Stream(0).normal((100, 2))
    >>> bool(mmd(real, real + 2).value > 0.1)
    True
    """
    check_samples(x, y, 2)
    x, y = x.double(), y.double()
    if kernel is None:
        centre = x.mean(0)
        x, y = x - centre, y - centre
        kernel = gaussian(median_distance(x, y))
    n, m = len(x), len(y)
    xx, yy = _row_sums(kernel, x), _row_sums(kernel, y)
    xy, yx = x.new_zeros(n), x.new_zeros(m)
    for rows in blocks(n, m):
        block = kernel(x[rows], y)
        xy[rows] = block.sum(1)
        yx += block.sum(0)
    value = xx.sum() / (n * (n - 1)) + yy.sum() / (m * (m - 1)) - 2.0 * xy.sum() / (n * m)
    a, b = xx / (n - 1) - xy / m, yy / (m - 1) - yx / n
    error = (4.0 * a.var() / n + 4.0 * b.var() / m).sqrt()
    rounding = 16.0 * torch.finfo(x.dtype).eps * torch.maximum(xx.abs().max() / n, yy.abs().max() / m)
    if not x.is_meta and not bool((rounding < 0.01 * value.abs()) | (rounding < 1e-9 * error.clamp(min=1.0))):
        raise DataError(
            f"got kernel values that cancel: the result, {float(value):.2g}, is within their rounding, "
            f"{float(rounding):.2g}; expected samples near the origin. Try: subtract the real samples' mean from both."
        )
    return Estimate(value, error)


def kid(real: Num[Tensor, "n d"], fake: Num[Tensor, "m d"]) -> Estimate:
    """Kernel inception distance over all pairs: deterministic, with an analytic standard error.

    Parameters
    ----------
    real
        Real samples or their features (n d).
    fake
        Generated samples or their features (m d).

    Returns
    -------
    Estimate
        Value and standard error.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.metrics import kid
    >>> real = Stream(0).normal((100, 2))
    >>> bool(kid(real, real + 2).value > kid(real, Stream(1).normal((100, 2))).value)
    True
    """
    return mmd(real, fake, polynomial())


@torch.no_grad()
def kid_subsets(
    real: Num[Tensor, "n d"], fake: Num[Tensor, "m d"], *, subsets: int = 100, size: int = 1000, stream: Stream
) -> Estimate:
    """Kernel inception distance as published: the mean over random subsets; the error is the subsets' standard
    deviation.

    That is the figure in the literature after the ±. It is not the standard error of the mean: subsets overlap.

    Parameters
    ----------
    real
        Real samples or their features (n d).
    fake
        Generated samples or their features (m d).
    subsets
        How many random subsets.
    size
        Samples per subset.
    stream
        Which subsets.

    Returns
    -------
    Estimate
        Mean over the subsets and its error.

    Raises
    ------
    ConfigError
        The subsets are larger than a set, or smaller than two.
    """
    check_samples(real, fake, 2)
    if not 2 <= size <= min(len(real), len(fake)):
        raise ConfigError(
            f"got subsets of {size} from {len(real)} and {len(fake)} samples; expected 2 <= size <= both. Try: "
            "size=500."
        )
    values = []
    for i in range(subsets):
        one = stream.at("real", i).permutation(len(real))[:size].to(real.device)
        two = stream.at("fake", i).permutation(len(fake))[:size].to(fake.device)
        values.append(kid(real[one], fake[two]).value)
    stacked = torch.stack(values)
    return Estimate(stacked.mean(), stacked.std(correction=0))


def _row_sums(kernel: Kernel, x: Num[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Sums over the other samples of the same set."""
    sums = x.new_zeros(len(x))
    for rows in blocks(len(x), len(x)):
        block = kernel(x[rows], x)
        sums[rows] = block.sum(1) - block.diagonal(rows.start)[: len(block)]
    return sums

r"""Frechet distance between Gaussians fitted to two sets of features, the FID for Inception's features.

.. math:: |m_1 - m_2|^2 + \mathrm{tr}\,S_1 + \mathrm{tr}\,S_2 - 2\,\mathrm{tr}\,(S_1 S_2)^{1/2}

Heusel et al. 2017, arXiv 1706.08500, equation 6; Dowson & Landau 1982. The trace of the root never needs the root: with
:math:`S_1 = L L^T` it is the sum of the roots of the eigenvalues of the symmetric :math:`L^T S_2 L`, and with fewer
samples than features it is the nuclear norm of :math:`X_c Y_c^T`, an n-by-m matrix. Nothing imaginary can appear.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor

from advsci.errors import DataError, ShapeError
from advsci.metrics.distances import check_finite, check_samples

__all__ = ["GaussianFit", "fit_gaussian", "frechet_distance", "frechet_from_gaussians", "trace_of_root"]

CHUNK = 8192


@dataclass(frozen=True)
class GaussianFit:
    """Mean and covariance of ``count`` samples, in float64."""

    mean: Float[Tensor, " d"]
    covariance: Float[Tensor, "d d"]
    count: int


def fit_gaussian(chunks: Num[Tensor, "n d"] | Iterable[Tensor]) -> GaussianFit:
    """Mean and unbiased covariance, merged chunk by chunk in float64 (Chan, Golub & LeVeque 1979).

    Parameters
    ----------
    chunks
        All samples, or an iterable of parts of them: then memory does not grow with their number.

    Raises
    ------
    DataError
        If there are fewer than two samples.
    """
    parts = chunks.split(CHUNK) if isinstance(chunks, Tensor) else chunks
    count, mean, scatter = 0, None, None
    for part in parts:
        check_finite(part)
        part = part.double()
        n, own = len(part), part.mean(0)
        centred = part - own
        spread = centred.T @ centred
        if mean is None or scatter is None:
            count, mean, scatter = n, own, spread
            continue
        step = own - mean
        scatter = scatter + spread + torch.outer(step, step) * (count * n / (count + n))
        mean = mean + step * (n / (count + n))
        count += n
    if mean is None or scatter is None or count < 2:
        raise DataError(f"got {count} samples; expected at least 2 for a covariance. Try: draw more.")
    return GaussianFit(mean, scatter / (count - 1), count)


def trace_of_root(s1: Float[Tensor, "d d"], s2: Float[Tensor, "d d"]) -> Float[Tensor, ""]:
    r""":math:`\mathrm{tr}\,(S_1 S_2)^{1/2}` of positive semi-definite matrices.

    Parameters
    ----------
    s1
        A positive semi-definite matrix (d d).
    s2
        Another one (d d).

    Returns
    -------
    Tensor
        A number.
    """
    lower, info = torch.linalg.cholesky_ex(s1)
    if not info.is_meta and bool(info):  # singular: the symmetric root exists all the same
        values, vectors = torch.linalg.eigh(s1)
        lower = vectors * values.clamp(min=0.0).sqrt()
    middle = lower.T @ s2 @ lower
    return torch.linalg.eigvalsh(middle).clamp(min=0.0).sqrt().sum()


def frechet_from_gaussians(a: GaussianFit, b: GaussianFit) -> Float[Tensor, ""]:
    """The distance between two fits; zero is the least it returns.

    Parameters
    ----------
    a
        One fit.
    b
        The other.

    Returns
    -------
    Tensor
        The squared distance, a number.

    Raises
    ------
    ShapeError
        If they have a different number of features.
    """
    if a.mean.shape != b.mean.shape:
        raise ShapeError(
            f"got fits of {len(a.mean)} and {len(b.mean)} features; expected as many. Try: one feature net."
        )
    traces = a.covariance.trace() + b.covariance.trace()
    root = trace_of_root(a.covariance, b.covariance)
    return ((a.mean - b.mean).square().sum() + traces - 2.0 * root).clamp(min=0.0)


@torch.no_grad()
def frechet_distance(real: Num[Tensor, "n d"], fake: Num[Tensor, "m d"]) -> Float[Tensor, ""]:
    """Frechet distance between two sets of samples or features, computed in float64.

    With fewer samples than features in either set the covariances are never formed: the result is the same, and at
    d = 2,048 two orders of magnitude cheaper. The estimate is biased upwards by small samples: compare equal counts.

    Parameters
    ----------
    real
        Real samples or their features (n d).
    fake
        Generated samples or their features (m d).

    Returns
    -------
    Tensor
        The squared distance, a number.

    Raises
    ------
    DataError, ShapeError
        Fewer than two samples, or sets of different width.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci.metrics import frechet_distance
    >>> real = Stream(0).normal((500, 2), dtype=torch.float64)
    >>> round(frechet_distance(real, real + torch.tensor([3.0, 0.0])).item(), 6)
    9.0
    """
    check_samples(real, fake, 2)
    d = real.shape[1]
    if min(len(real), len(fake)) >= d:
        return frechet_from_gaussians(fit_gaussian(real), fit_gaussian(fake))
    (m1, f1), (m2, f2) = _factor(real.double()), _factor(fake.double())
    root = torch.linalg.svdvals(f1 @ f2.T).sum()
    return ((m1 - m2).square().sum() + f1.square().sum() + f2.square().sum() - 2.0 * root).clamp(min=0.0)


def _factor(x: Num[Tensor, "n d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, "r d"]]:
    r"""Mean and a factor :math:`F` with :math:`F^T F` the covariance and no more than d rows."""
    mean = x.mean(0)
    centred = (x - mean) / (len(x) - 1) ** 0.5
    return mean, centred if len(x) <= x.shape[1] else torch.linalg.qr(centred, mode="r").R

r"""Modes found, high-quality share and reverse KL on a mixture whose components are known.

The protocol of PacGAN (Lin et al. 2018, arXiv 1712.04086, section 4.1): a sample is *high quality* if its Mahalanobis
distance to the nearest mean is below 3; a mode is *found* if it has a high-quality sample; the reverse KL is that of
the high-quality samples' histogram against the modes' weights. Real data do not reach a share of 1: in two dimensions
they have :math:`1 - e^{-9/2} = 98.9\,\%`.
"""

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from advsci.errors import DataError, ShapeError
from advsci.metrics.distances import blocks, check_samples, squared_distances

__all__ = ["Modes", "histogram_modes", "mode_counts"]

from typing import NamedTuple


class Modes(NamedTuple):
    """What a generator found of a known mixture."""

    found: Int[Tensor, ""]
    """Modes with at least one high-quality sample."""
    total: int
    high_quality: Float[Tensor, ""]
    """Share of samples within the threshold of a mean."""
    ceiling: float
    """The share that the mixture's own samples have."""
    reverse_kl: Float[Tensor, ""]
    r""":math:`\sum_k h_k \log(h_k / w_k)` of the high-quality samples' histogram; infinite if there are none."""
    counts: Int[Tensor, " modes"]
    """High-quality samples of each mode."""


def _reverse_kl(counts: Tensor, weights: Tensor) -> Tensor:
    share = counts.double() / counts.sum()
    kl = torch.special.xlogy(share, share / weights).sum()
    return torch.where(counts.sum() > 0, kl, torch.full_like(kl, torch.inf))


@torch.no_grad()
def mode_counts(
    samples: Num[Tensor, "n d"],
    means: Num[Tensor, "modes d"],
    sigma: float | Float[Tensor, " modes"],
    *,
    weights: Float[Tensor, " modes"] | None = None,
    threshold: float = 3.0,
) -> Modes:
    """Compare samples with a mixture of isotropic Gaussians.

    Parameters
    ----------
    samples
        Generated samples, in the units of ``means``.
    means, sigma, weights
        Of the mixture's components; one ``sigma`` for all or one each; equal weights by default.
    threshold
        Largest Mahalanobis distance of a high-quality sample.

    Returns
    -------
    Modes
        How many modes are reached, and how well.

    Examples
    --------
    >>> import torch
    >>> from advsci.metrics import mode_counts
    >>> centres = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    >>> int(mode_counts(torch.zeros(10, 2), centres, 0.5)[0])
    1
    """
    from scipy import stats

    check_samples(samples, means)
    m, d = means.shape
    means = means.double()
    width = torch.as_tensor(sigma, dtype=torch.float64, device=means.device).expand(m)
    weights = _normalised(weights, m, means)
    centre = means.mean(0)
    counts = torch.zeros(m, dtype=torch.int64, device=means.device)
    for rows in blocks(len(samples), m):
        square = squared_distances(samples[rows].double() - centre, means - centre) / width.square()
        nearest, which = square.min(1)
        counts.scatter_add_(0, which, (nearest < threshold**2).to(counts.dtype))
    return Modes(
        found=(counts > 0).sum(),
        total=m,
        high_quality=counts.sum().double() / len(samples),
        ceiling=float(stats.chi2.cdf(threshold**2, d)),
        reverse_kl=_reverse_kl(counts, weights),
        counts=counts,
    )


@torch.no_grad()
def histogram_modes(
    labels: Num[Tensor, " n"], modes: int, *, weights: Float[Tensor, " modes"] | None = None
) -> tuple[Int[Tensor, ""], Float[Tensor, ""]]:
    """Modes found and reverse KL where a classifier names each sample's mode, as for stacked digits.

    Parameters
    ----------
    labels
        The mode of each generated sample (n), int64.
    modes
        How many modes the data have.
    weights
        Share of each mode in the data (modes); None: equal shares.

    Returns
    -------
    Modes
        Modes found, quality and reverse divergence.

    Raises
    ------
    DataError
        If there are no samples.
    """
    if not len(labels):
        raise DataError("got no labels; expected at least one sample. Try: draw some.")
    if labels.is_floating_point() or labels.is_complex() or not bool(((labels >= 0) & (labels < modes)).all()):
        raise DataError(
            f"got labels of {labels.dtype} that name no mode; expected whole numbers of 0 to {modes - 1}. "
            "Try: logits.argmax(1)."
        )
    counts = torch.bincount(labels, minlength=modes)
    return (counts > 0).sum(), _reverse_kl(counts, _normalised(weights, modes, counts))


def _normalised(weights: Tensor | None, modes: int, like: Tensor) -> Tensor:
    if weights is None:
        return torch.full((modes,), 1.0 / modes, dtype=torch.float64, device=like.device)
    if weights.shape != (modes,):
        raise ShapeError(
            f"got weights of shape {tuple(weights.shape)}; expected one per mode, ({modes},). Try: weights=None."
        )
    return weights.double() / weights.sum()

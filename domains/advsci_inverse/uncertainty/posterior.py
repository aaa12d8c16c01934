r"""Samples of the posterior by a trained sampler, and what shares of them answer.

A point estimate :math:`m` that no adversary has touched may err less than the mean :math:`\bar x` of the samples. The
best of both is :math:`\bar x + t\,(m - \bar x)`, with the weight of least squared error on validation images

.. math:: t = \frac{\sum (m - \bar x)(x - \bar x)}{\sum (m - \bar x)^2},

and all samples of an image are moved by one image to have that mean: their differences, and so their spread, stay.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_inverse.priors.sampler import Consistency
from advsci_inverse.search.proposal import Start

__all__ = ["posterior_samples", "recentred", "spot_probability", "trust_in_point"]

ROUNDS = 3
"""Moves of the samples; what is delivered takes a part of each back."""


@torch.no_grad()
def posterior_samples(
    sampler: nn.Module,
    start: Start,
    back: Float[Tensor, "n h w"],
    consistency: Consistency,
    count: int,
    stream: Stream,
    trust: float = 0.0,
) -> Float[Tensor, "p n h w"]:
    """Samples of the posterior of each image.

    Parameters
    ----------
    sampler
        A trained `PosteriorSampler`.
    start
        What the first stage says; its draws are used in turn.
    back
        ``consistency.back(y)``.
    consistency
        Data step of the operator.
    count
        Samples of each image.
    stream
        Of the noise.
    trust
        :math:`t`, of `trust_in_point`.

    Returns
    -------
    tensor [count, n, h, w]
        Samples between 0 and 1 that explain the data.
    """
    proposed = []
    for i in range(count):
        noise = stream.at("noise", i).normal(tuple(back.shape), device=back.device, dtype=back.dtype)
        proposed.append(sampler(start.draws[:, i % start.draws.shape[1]], start.point, start.deviation, noise))
    deliver = lambda v: torch.stack([consistency.held(each, back, (0.0, 1.0)).clamp(0, 1) for each in v])  # noqa: E731
    return recentred(torch.stack(proposed), deliver, start.point, trust)


def recentred(
    proposed: Float[Tensor, "p n h w"],
    deliver: Callable[[Tensor], Tensor],
    point: Float[Tensor, "n h w"],
    trust: float,
) -> Float[Tensor, "p n h w"]:
    """Delivered samples, moved so that they have the mean ``mean + trust (point - mean)`` as nearly as may be.

    Parameters
    ----------
    proposed
        What a network says, of each image.
    deliver
        Makes samples of it: holds them to data and bounds, say. They are moved before, so that they are held as well.
    point
        Point estimates, :math:`m`.
    trust
        :math:`t`; 0 delivers what was proposed.

    Returns
    -------
    tensor [p, n, h, w]
        Samples.

    Examples
    --------
    >>> proposed = torch.tensor([0.2, 0.4]).reshape(2, 1, 1, 1)
    >>> recentred(proposed, lambda v: v.clamp(0, 1), torch.full((1, 1, 1), 0.5), 0.5).flatten()
    tensor([0.3000, 0.5000])
    """
    samples = deliver(proposed)
    if trust:
        goal = torch.lerp(samples.mean(0), point, trust)
        for _ in range(ROUNDS):
            proposed = proposed + (goal - samples.mean(0))
            samples = deliver(proposed)
    return samples


def trust_in_point(
    samples: Float[Tensor, "p n h w"], point: Float[Tensor, "n h w"], truth: Float[Tensor, "n h w"]
) -> float:
    """How far the mean of samples is to go to the point estimates, for the least squared error.

    Parameters
    ----------
    samples
        Samples of each validation image.
    point
        Their point estimates.
    truth
        The images.

    Returns
    -------
    float
        :math:`t`, from 0 to 1.

    Examples
    --------
    >>> samples = torch.tensor([0.2, 0.4]).reshape(2, 1, 1, 1)
    >>> round(trust_in_point(samples, torch.full((1, 1, 1), 0.7), torch.full((1, 1, 1), 0.4)), 6)
    0.25
    """
    mean = samples.mean(0)
    way = point - mean
    along = float(((truth - mean) * way).sum() / way.square().sum().clamp(min=1e-12))
    return min(max(along, 0.0), 1.0)


def spot_probability(
    samples: Float[Tensor, "p n h w"], row: float | int, column: float | int, radius: float | int
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Is there a dark (or a bright) spot here? The share of samples in which the disc differs so from its ring.

    Parameters
    ----------
    samples
        Samples of each image.
    row, column
        Centre of the disc [pixels].
    radius
        Of the disc [pixels]; the ring reaches to twice that.

    Returns
    -------
    dark, bright : tensor [n]
        Shares: the disc's mean lies below (above) the ring's mean by more than the ring's own standard deviation.

    Raises
    ------
    ConfigError
        The disc or its ring has no pixel in the image.

    Examples
    --------
    >>> images = torch.full((5, 1, 9, 9), 0.5)
    >>> images[:4, :, 4, 4] = 0.0  # in four samples of five
    >>> spot_probability(images, 4, 4, 1)[0]
    tensor([0.8000])
    """
    h, w = samples.shape[-2:]
    i, j = torch.arange(h, device=samples.device)[:, None], torch.arange(w, device=samples.device)[None]
    distance = ((i - row) ** 2 + (j - column) ** 2).sqrt()
    disc, ring = distance < radius, (distance >= radius) & (distance < 2 * radius + 1)
    if not bool(disc.any()) or int(ring.sum()) < 2:
        raise ConfigError(
            f"got a spot at row {row}, column {column} of radius {radius}; expected it inside {h} x {w} pixels. "
            "Try: a larger radius, or another place."
        )
    inner, outer = samples[..., disc].mean(-1), samples[..., ring]
    difference, own = inner - outer.mean(-1), outer.std(-1)
    return (difference < -own).float().mean(0), (difference > own).float().mean(0)

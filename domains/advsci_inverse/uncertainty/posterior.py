"""Samples of the posterior by a trained sampler, and what shares of them answer."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_inverse.priors.sampler import Consistency
from advsci_inverse.search.proposal import Start

__all__ = ["posterior_samples", "spot_probability"]


@torch.no_grad()
def posterior_samples(
    sampler: nn.Module, start: Start, back: Float[Tensor, "n h w"], consistency: Consistency, count: int, stream: Stream
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

    Returns
    -------
    tensor [count, n, h, w]
        Samples between 0 and 1 that explain the data.
    """
    results = []
    for i in range(count):
        noise = stream.at("noise", i).normal(tuple(back.shape), device=back.device, dtype=back.dtype)
        v = sampler(start.draws[:, i % start.draws.shape[1]], start.point, start.deviation, noise)
        results.append(consistency.held(v, back, (0.0, 1.0)).clamp(0, 1))
    return torch.stack(results)


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

r"""Normalisation that treats every sample on its own, as factories ``channels -> layer``.

All subtract a mean and divide by a standard deviation over part of one sample: layer norm over channels and positions
(Ba et al. 2016, arXiv 1607.06450), group norm over groups of channels (Wu and He 2018, arXiv 1803.08494), instance norm
over positions only (Ulyanov et al. 2016, arXiv 1607.08022). Unlike batch norm they keep D(real) independent of the
generated samples beside it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError

__all__ = ["Norm", "PixelNorm", "batch_norm", "group_norm", "instance_norm", "layer_norm", "no_norm"]

Norm = Callable[[int], nn.Module]
"""Makes the normalisation layer for a number of channels."""


def layer_norm(channels: int) -> nn.Module:
    """Over all channels and positions of a sample."""
    return nn.GroupNorm(1, channels)


def instance_norm(channels: int) -> nn.Module:
    """Over the positions of each channel of a sample.

    Parameters
    ----------
    channels
        Channels of the layer's input.

    Returns
    -------
    nn.Module
        The layer, without parameters of its own where torch's has none.
    """
    return nn.GroupNorm(channels, channels)


def group_norm(groups: int) -> Norm:
    """Over the positions of each of ``groups`` groups of channels."""

    def make(channels: int) -> nn.Module:
        """The norm of so many ``channels``."""
        if channels % groups:
            raise ConfigError(f"got {groups} groups for {channels} channels; expected a divisor. Try: groups=1.")
        return nn.GroupNorm(groups, channels)

    return make


def batch_norm(channels: int) -> nn.Module:
    """Over the batch and the positions of each channel: couples the samples of a batch.

    Parameters
    ----------
    channels
        Channels of the layer's input.

    Returns
    -------
    nn.Module
        The layer.
    """
    return nn.BatchNorm2d(channels)


def no_norm(channels: int) -> nn.Module:
    """The identity.

    Parameters
    ----------
    channels
        Channels of the layer's input.

    Returns
    -------
    nn.Module
        A layer that changes nothing.
    """
    return nn.Identity()


class PixelNorm(nn.Module):
    r""":math:`x_c / \sqrt{\frac1C \sum_c x_c^2 + \epsilon}` at each position (Karras et al. 2018, arXiv 1710.10196,
    4.2)."""

    def __init__(self, eps: float = 1e-8):
        super().__init__()
        self.eps = eps

    def forward(self, x: Float[Tensor, "n c *positions"]) -> Float[Tensor, "n c *positions"]:
        """Maps ``x`` (n c ...), each position's channels scaled to unit root mean square."""
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + self.eps)

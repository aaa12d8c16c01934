"""Histogram matching: the curve of each channel that gives images the grey values of another set; nothing is learnt.

The monotone map :math:`F_y^{-1} \\circ F_x` of optimal transport in one dimension, by scikit-image (Gonzalez and Woods
2018, Digital Image Processing, section 3.3). It changes no edge's place, so it cannot invent.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError

__all__ = ["histogram_matched"]


def histogram_matched(x: Float[Tensor, "n c h w"], like: Float[Tensor, "m d y x"]) -> Float[Tensor, "n d h w"]:
    """Images with the histograms of another set, channel by channel.

    Parameters
    ----------
    x
        Images of one channel, which each channel of the result is a curve of, or of as many channels as ``like``.
    like
        The set with the wanted histograms.

    Returns
    -------
    Tensor
        As many images as ``x``, with the channels of ``like``.

    Raises
    ------
    ShapeError
        The channels do not fit.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)
    >>> bool((histogram_matched(x, 0.5 * x) - 0.5 * x).abs().max() < 1e-6)
    True
    """
    from skimage.exposure import match_histograms

    if x.shape[1] not in (1, like.shape[1]):
        raise ShapeError(
            f"got {x.shape[1]} channels to match with {like.shape[1]}; expected 1 or as many. Try: one channel alone."
        )
    wide = x.expand(-1, like.shape[1], -1, -1)
    arrays = (part.movedim(1, -1).reshape(-1, 1, like.shape[1]).numpy() for part in (wide, like))
    matched = torch.from_numpy(match_histograms(*arrays, channel_axis=-1)).float()
    return matched.reshape(len(x), *x.shape[2:], like.shape[1]).movedim(-1, 1)

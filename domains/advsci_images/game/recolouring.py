r"""Images in random colours: what a classifier learns from them holds whether strokes are bright or dark.

.. math:: x' = \tanh(a\, x + b), \qquad a \sim N(0, 1),\; b \sim N(0, s^2)

with a and b of each image and channel; a negative a inverts the channel. Colours that are drawn wider than those of the
domain to come are domain randomisation (Tobin et al. 2017, arXiv 1703.06907).
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream

__all__ = ["colours", "recoloured"]

SHIFT = 0.3
"""s, the standard deviation of the shifts, in images of [-1, 1]."""


def colours(x: Float[Tensor, "n c h w"], stream: Stream) -> dict[str, Tensor]:
    """Random gains and shifts.

    Parameters
    ----------
    x
        Images (n, channels, height, width).
    stream
        Source of all randomness.

    Returns
    -------
    dict
        ``gain`` and ``shift``, each (n, channels, 1, 1).
    """
    shape = (x.shape[0], x.shape[1], 1, 1)
    gain, shift = (stream.at(name).normal(shape, device=x.device) for name in ("gain", "shift"))
    return {"gain": gain, "shift": SHIFT * shift}


def recoloured(x: Float[Tensor, "n c h w"], draw: Mapping[str, Tensor]) -> Float[Tensor, "n c h w"]:
    """Images with gains and shifts.

    Parameters
    ----------
    x
        Images (n, channels, height, width) in [-1, 1].
    draw
        ``gain`` and ``shift``, from `colours`.

    Returns
    -------
    Tensor
        Images in (-1, 1).

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(4, 3, 8, 8)
    >>> recoloured(x, colours(x, Stream(0))).shape
    torch.Size([4, 3, 8, 8])
    """
    return (draw["gain"] * x + draw["shift"]).tanh()

r"""Digits on coloured textures, made as MNIST-M was, with textures that are computed instead of photographed.

A grey digit :math:`d \in [0, 1]` is blended with a colour patch :math:`t \in [0, 1]^3` by :math:`|t - d|`: within the
stroke the texture is inverted (Ganin et al. 2016, arXiv 1505.07818, section 5.2.4). The patches are Gaussian fields of
amplitude spectrum :math:`|k|^{-a}` with :math:`a \sim U(1, 2)`, as natural images have (Field 1987,
doi 10.1364/JOSAA.4.002379), stretched in one direction, with a random mean colour, more often dark
than bright.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.errors import ShapeError
from advsci.streams import Stream

__all__ = ["textured", "textures"]


def textures(n: int, size: tuple[int, int], stream: Stream) -> Float[Tensor, "n 3 h w"]:
    """Random colour patches in [0, 1].

    Parameters
    ----------
    n
        Number of patches.
    size
        Height and width [pixels].
    stream
        Source of all randomness.

    Returns
    -------
    Tensor
        The patches (n, 3, height, width).

    Examples
    --------
    >>> textures(4, (28, 28), Stream(0)).shape
    torch.Size([4, 3, 28, 28])
    """
    height, width = size
    rows = torch.fft.fftfreq(2 * height)[:, None]  # twice as large: a patch is a cut of a field, not periodic
    columns = torch.fft.rfftfreq(2 * width)[None, :]
    uniform = stream.at("shape").uniform((n, 4))
    angle = torch.pi * uniform[:, 0, None, None]
    stretch = torch.exp2(2.0 * uniform[:, 1, None, None])
    along = rows * angle.cos() + columns * angle.sin()
    across = columns * angle.cos() - rows * angle.sin()
    frequency = (along.square() * stretch + across.square() / stretch).sqrt().clamp_min(1.0 / (2.0 * max(size)))
    amplitude = frequency ** -(1.0 + uniform[:, 2, None, None])
    amplitude[:, 0, 0] = 0.0
    noise = stream.at("field").normal((n, 4, 2 * height, 2 * width))
    field = torch.fft.irfft2(torch.fft.rfft2(noise) * amplitude[:, None], s=(2 * height, 2 * width))
    field = field / field.std((2, 3), keepdim=True)
    grey, colour = field[:, :1, :height, :width], field[:, 1:, :height, :width]
    contrast = 0.05 + 0.1 * uniform[:, 3, None, None, None]
    mean = 0.1 + 0.6 * stream.at("grey").uniform((n, 1, 1, 1)).square()
    mean = mean + 0.3 * (stream.at("colour").uniform((n, 3, 1, 1)) - 0.5)
    return (mean + contrast * (grey + 0.5 * colour)).clamp(0.0, 1.0)


def textured(digits: Float[Tensor, "n 1 h w"], stream: Stream) -> Float[Tensor, "n 3 h w"]:
    r""":math:`|t - d|` of every digit with a texture of its own.

    Parameters
    ----------
    digits
        Grey images in [0, 1] (n, 1, height, width).
    stream
        Source of the textures.

    Returns
    -------
    Tensor
        Colour images in [0, 1] (n, 3, height, width).

    Raises
    ------
    ShapeError
        The images are not grey.

    Examples
    --------
    >>> textured(torch.zeros(2, 1, 28, 28), Stream(0)).shape
    torch.Size([2, 3, 28, 28])
    """
    if digits.dim() != 4 or digits.shape[1] != 1:
        raise ShapeError(
            f"got images of shape {tuple(digits.shape)}; expected grey ones (n, 1, height, width). Try: x[:, None]."
        )
    return (textures(len(digits), (digits.shape[2], digits.shape[3]), stream) - digits).abs()

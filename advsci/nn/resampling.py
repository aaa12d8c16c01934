r"""Resampling of images by the triangle filter :math:`(1, 3, 3, 1)/4`, so that no network has to undo aliasing.

Both directions give constant images back exactly, borders included; `upsample` gives linear ramps back away from the
border. They are each other's adjoint away from the border, up to the factor 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["Downsample", "Upsample", "downsample", "upsample"]


def upsample(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
    """Twice the height and width, linear between pixel centres.

    Parameters
    ----------
    x
        Images (n c h w).

    Returns
    -------
    Tensor
        Images (n c 2h 2w).
    """
    return interpolate(x, scale_factor=2.0, mode="bilinear")


def downsample(x: Float[Tensor, "n c h2 w2"]) -> Float[Tensor, "n c h w"]:
    """Half the height and width, each pixel a weighted mean of 4 x 4; of 16-bit numbers a mean in single precision."""
    # torch has no antialiasing of 16-bit numbers on a CPU
    exact = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    return interpolate(exact, scale_factor=0.5, mode="bilinear", antialias=True).to(x.dtype)


class Upsample(nn.Module):
    """`upsample` as a layer."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Maps ``x`` (n c h w) at twice the resolution."""
        return upsample(x)


class Downsample(nn.Module):
    """`downsample` as a layer."""

    def forward(self, x: Float[Tensor, "n c h2 w2"]) -> Float[Tensor, "n c h w"]:
        """Maps ``x`` (n c 2h 2w) at half the resolution."""
        return downsample(x)

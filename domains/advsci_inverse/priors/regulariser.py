r"""Adversarial regularisers: a critic that tells true images from poor reconstructions becomes the penalty.

For when no generator is good enough. The critic :math:`R` is trained on two unpaired sets, true images and poor
reconstructions of others, by

.. math:: \min_R\ \mathbb E\,R(x) - \mathbb E\,R(\tilde x)
          + \mu\,\mathbb E\big(|\nabla R(\hat x)| - 1\big)_+^2 ,

:math:`\hat x` between the two (Lunz, Öktem and Schönlieb 2018, arXiv 1805.11572): the distance between the sets, whose
gradient leads from the poor images to the true ones (`advsci_inverse.search.regularised`).

`ConvexRegulariser` is convex in the image by construction (input-convex network plus :math:`\rho|x|^2/2`, Mukherjee et
al. 2020, arXiv 2008.02839), so that the minimiser is unique and depends continuously on the data.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, softplus

from advsci.errors import ConfigError

__all__ = ["ConvexRegulariser", "FreeRegulariser", "build_regulariser"]


class FreeRegulariser(nn.Module):
    """Images to one number each, by smooth strided convolutions; divided by the root of the number of pixels.

    Parameters
    ----------
    widths
        Channels of the layers.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 32)):
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in zip((1, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(a, b, 5, stride=2 if layers else 1, padding=2), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))

    def forward(self, x: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
        """Penalties of images ``x``."""
        return self.body(x[:, None]).flatten(1).sum(1) / (x.shape[1] * x.shape[2]) ** 0.5


class ConvexRegulariser(nn.Module):
    r"""Convex in the image: :math:`h_{k+1} = a(W_k h_k + C_k x)` with :math:`W_k\ge0` and a convex, rising :math:`a`.

    Parameters
    ----------
    widths
        Channels of the layers.
    strength
        :math:`\rho` of the added :math:`\rho|x|^2/2`, which makes the penalty strongly convex.
    """

    def __init__(self, widths: Sequence[int] = (16, 16, 16), strength: float = 1e-2):
        super().__init__()
        self.strength = strength
        self.skips = nn.ModuleList(nn.Conv2d(1, w, 5, padding=2) for w in widths)
        shapes = [(b, a, 5, 5) for a, b in zip(widths[:-1], widths[1:], strict=True)] + [(1, widths[-1], 1, 1)]
        # softplus(raw) averages the layer before over its inputs at the start
        self.raw = nn.ParameterList(
            torch.randn(shape) * 0.3 - float(torch.tensor(shape[1:]).prod().log()) for shape in shapes
        )

    def forward(self, x: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
        """Penalties of images ``x``."""
        image = x[:, None]
        h = softplus(4.0 * self.skips[0](image)) / 4.0
        for raw, skip in zip(self.raw[:-1], self.skips[1:], strict=True):
            h = softplus(4.0 * (conv2d(h, softplus(raw), padding=2) + skip(image))) / 4.0
        energy = conv2d(h, softplus(self.raw[-1])).flatten(1).sum(1) / (x.shape[1] * x.shape[2]) ** 0.5
        return energy + 0.5 * self.strength * x.flatten(1).square().sum(1)


def build_regulariser(kind: Literal["free", "convex"] | str, widths: Sequence[int]) -> nn.Module:
    """A regulariser by name.

    Parameters
    ----------
    kind
        ``"free"`` or ``"convex"``.
    widths
        Channels of the layers.

    Returns
    -------
    Module
        The network.

    Raises
    ------
    ConfigError
        Another name.
    """
    kinds = {"free": FreeRegulariser, "convex": ConvexRegulariser}
    if kind not in kinds:
        raise ConfigError(f"got a regulariser '{kind}'; expected one of {', '.join(kinds)}. Try: free.")
    return kinds[kind](tuple(widths))

r"""How near images are to the truth: pixels, structure, and the layers of a network.

Perceptual distance over layers l with channels normalised to unit length at each position,

.. math:: d(x, y) = \sum_l \frac{1}{H_l W_l} \sum_p |\hat\phi_l(x)_p - \hat\phi_l(y)_p|^2

(Zhang et al. 2018, LPIPS, arXiv 1801.03924, eq. 1 with equal weights), in a classifier of the same kind of images
instead of a network of photographs. Figures of different networks do not compare.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from advsci_images.game.players import Classifier, perceptual_layers

__all__ = ["own_source", "perceptual_distance", "psnr", "sharpness", "ssim", "structure"]


def psnr(x: Float[Tensor, "n c h w"], y: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    r""":math:`10 \log_{10}(4 / \mathrm{mse})` of images ``x`` against the truth ``y`` in [-1, 1], (n) [dB].

    Examples
    --------
    >>> psnr(torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.2)).round(decimals=2).item()
    20.0
    """
    mse = (x - y).square().flatten(1).mean(1).clamp_min(1e-12)
    return 10.0 * torch.log10(4.0 / mse)


def ssim(x: Float[Tensor, "n c h w"], y: Float[Tensor, "n c h w"]) -> Float[Tensor, " n"]:
    """Structural similarity of images ``x`` to ``y`` in [-1, 1] by scikit-image, (n) between -1 and 1."""
    from skimage.metrics import structural_similarity

    pairs = zip(x.cpu().numpy(), y.cpu().numpy(), strict=True)
    values = [structural_similarity(a, b, data_range=2.0, channel_axis=0) for a, b in pairs]
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


@torch.no_grad()
def perceptual_distance(
    classifier: Classifier, x: Float[Tensor, "n c h w"], y: Float[Tensor, "n c h w"]
) -> Float[Tensor, " n"]:
    """The distance above between images ``x`` and ``y`` in the layers of ``classifier``, (n), 0 for equal images."""
    total = torch.zeros(len(x))
    for a, b in zip(perceptual_layers(classifier, x), perceptual_layers(classifier, y), strict=True):
        gap = (normalize(a, dim=1) - normalize(b, dim=1)).square().sum(1)
        total += gap.flatten(1).mean(1) if gap.dim() > 1 else gap
    return total


@torch.no_grad()
def own_source(
    made: Float[Tensor, "n c h w"], source: Float[Tensor, "n d h w"], share: float = 1.0
) -> Float[Tensor, ""]:
    """Share of translations whose nearest source by structure is the image that they were made from.

    Structure is the size of the brightness gradient at each pixel, so that recolouring changes nothing.

    Parameters
    ----------
    made
        Translations.
    source
        The images that they were made from, in the same order.
    share
        Power to which the gradient is raised; below 1 weak edges count more.

    Returns
    -------
    Tensor
        Between 1/n (chance) and 1.
    """
    a, b = (normalize(structure(part).pow(share).flatten(1), dim=1) for part in (made, source))
    return ((a @ b.T).argmax(1) == torch.arange(len(a), device=a.device)).float().mean()


def structure(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n h w"]:
    """Size of the gradient of the channels of images ``x`` at each pixel, (n, height, width)."""
    along = torch.diff(x, dim=3, prepend=x[..., :1])
    down = torch.diff(x, dim=2, prepend=x[:, :, :1])
    return (along.square() + down.square()).sum(1).sqrt()


def sharpness(x: Float[Tensor, "n c h w"]) -> Float[Tensor, ""]:
    """Mean of the squared edge strength of images ``x``, which blur lowers."""
    return structure(x).square().mean()

r"""How far a reconstruction looks from all training images: what its data cannot say, its look may.

An image of another kind may be as likely under the training images' mean and covariance as they are, and be explained
to the noise: a phantom of ellipses is, among heads. Its statistics give it away. The look :math:`f(x)` of an image
lists,

* on four grids, each half as fine as the one before, the logs of mean and quantiles of the gradient's magnitude;
* quantiles of the values, and their means over an eight by eight grid of blocks, which say what lies where.

With mean :math:`m` and deviation :math:`s` of the training images' looks, the distance is

.. math:: d(x) = \frac{1}{5}\sum_{i \in N_5(x)} \lVert z(x) - z(x_i) \rVert, \qquad z = \frac{f - m}{s + 0.01},

over the five nearest training images (k-th nearest neighbour distance: Loftsgaarden and Quesenberry 1965; Ramaswamy,
Rastogi and Shim 2000, SIGMOD 29:427). The 0.01 keeps a number that no training image varies in from deciding alone.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from advsci.errors import DataError

__all__ = ["Look", "look"]

NEAREST = 5
FLOOR = 0.01


def look(x: Float[Tensor, "n h w"]) -> Float[Tensor, "n f"]:
    """Statistics of images that do not need a reference.

    Parameters
    ----------
    x
        (n h w) images, their kind's range being 0 to 1; values beyond are clipped.

    Returns
    -------
    tensor [n, f]
        Gradients on up to four grids, quantiles, block means.
    """
    y = x.clamp(0.0, 1.0)[:, None]
    values = torch.quantile(y.flatten(1), torch.linspace(0.1, 0.95, 8).to(y), 1).T
    found, share = (
        [values, adaptive_avg_pool2d(y, min(8, *x.shape[1:])).flatten(1)],
        torch.tensor([0.5, 0.75, 0.9, 0.97]),
    )
    for _ in range(4):
        steep = torch.hypot(y.roll(1, -1) - y, y.roll(1, -2) - y).flatten(1)
        found.append(
            torch.log(torch.cat([steep.mean(1, keepdim=True), torch.quantile(steep, share.to(y), 1).T], 1) + 1e-3)
        )
        if min(y.shape[2:]) < 4:
            break
        y = avg_pool2d(y, 2)
    return torch.cat(found, 1)


class Look:
    """Distance of an image's look from the nearest training images'.

    Parameters
    ----------
    images
        (m h w) training images, their range being 0 to 1.

    Raises
    ------
    DataError
        There are fewer than 16 images.

    Examples
    --------
    >>> images = 0.5 + 0.1 * torch.randn(64, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> away = Look(images[:48])
    >>> bool(away(images[48:]).max() < away(images[48:].cumsum(2) / 8).min())
    True
    """

    def __init__(self, images: Float[Tensor, "m h w"]):
        if len(images) < 16:
            raise DataError(f"got {len(images)} images; expected at least 16. Try: more training images.")
        with torch.no_grad():
            own = torch.cat([look(block) for block in images.split(512)])
            self.mean, self.deviation = own.mean(0), own.std(0) + FLOOR
            self.own = (own - self.mean) / self.deviation

    @torch.no_grad()
    def __call__(self, x: Float[Tensor, "n h w"]) -> Float[Tensor, " n"]:
        """The distance of each image.

        Parameters
        ----------
        x
            Reconstructions on the training images' scale.

        Returns
        -------
        tensor [n]
            Larger looks stranger; no unit.
        """
        z = (look(x) - self.mean) / self.deviation
        return torch.cdist(z, self.own).topk(NEAREST, largest=False).values.mean(1)

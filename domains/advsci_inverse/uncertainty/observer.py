r"""Is something there that these images never show? The likelihood ratio of a detail at an unknown place, learned.

For details :math:`d_1, \dots, d_K`, one for each place, images :math:`x` of a kind and data :math:`y = A(x + d_k) +
\eta` or :math:`y = Ax + \eta`, nothing finds details better than the ratio

.. math:: \Lambda(y) = \frac{1}{K} \sum_k \Lambda_k(y), \qquad \Lambda_k(y) = \frac{p(y \mid d_k)}{p(y \mid 0)}

(the ideal observer; Neyman and Pearson). It has no formula for images of a kind. A network :math:`m` that guesses among
"nothing", of probability 1/2, and the K places has its least cross-entropy at :math:`m_k = \log \Lambda_k`
(Zhou, Li and Anastasio 2020, arXiv 2006.00112). What it reads are two linear estimates, which keep all that the data
say: one under the images' mean and covariance, one under neither.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, pad

from advsci.errors import ShapeError
from advsci_inverse.operators.data_step import DataStep
from advsci_inverse.operators.linear import LinearOperator

__all__ = ["Observer"]

FLOOR = 0.04
"""Standard deviation that every pixel has at least: a detail may lie where no image ever varies."""
WHITE = 0.3
DILATIONS = (1, 2, 4, 1, 2, 4, 1)


class Observer(nn.Module):
    """Log likelihood ratios of details, by convolutions over two linear estimates.

    Parameters
    ----------
    operator
        :math:`A`.
    sigma
        Standard deviation of the noise.
    images
        ``(n h w)`` images of the kind, in [0, 1]; their mean and covariance are kept.
    details
        ``(k rows columns)`` one detail for each place, as large as it would be.
    width
        Channels.

    Raises
    ------
    ShapeError
        Images, details and operator are not of one size.

    Examples
    --------
    >>> from advsci_inverse.operators import gaussian_sensing
    >>> from advsci_inverse.uncertainty import disc_templates
    >>> operator, images = gaussian_sensing(30, (8, 8)), torch.rand(40, 8, 8)
    >>> observer = Observer(operator, 0.1, images, 0.5 * disc_templates((8, 8), 1.0), width=8)
    >>> observer(operator(images[:2])).shape  # one for each place
    torch.Size([2, 16])
    >>> observer.ratio(operator(images[:2])).shape
    torch.Size([2])
    """

    gains: Tensor
    offset: Tensor
    details: Tensor
    centres: Tensor

    def __init__(
        self,
        operator: LinearOperator,
        sigma: float,
        images: Float[Tensor, "n h w"],
        details: Float[Tensor, "k rows columns"],
        width: int = 32,
    ):
        super().__init__()
        shape = tuple(operator.image_shape)
        for what, x in (("images", images), ("details", details)):
            if tuple(x.shape[1:]) != shape:
                raise ShapeError(
                    f"got {what} of {tuple(x.shape[1:])}; expected {shape}, the operator's. Try: {what} on its grid."
                )
        flat = images.flatten(1)
        covariance = torch.cov(flat.T) + FLOOR**2 * torch.eye(flat.shape[1]).to(flat)
        gains = torch.stack([DataStep(operator, covariance).gain(sigma), DataStep(operator).gain(sigma, WHITE**2)])
        mean = flat.mean(0)
        self.register_buffer("gains", gains)
        self.register_buffer("offset", mean - operator(mean.reshape(1, *shape)).flatten(1) @ gains)
        self.register_buffer("details", details)
        self.register_buffer("centres", _centres(details))
        self.first = nn.Conv2d(2, width, 3, padding=1)
        self.further = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d) for d in DILATIONS)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, y: Float[Tensor, "n *data"]) -> Float[Tensor, "n k"]:
        """Log likelihood ratio of the detail at each place.

        Parameters
        ----------
        y
            Data.

        Returns
        -------
        tensor [n, k]
            :math:`\\log\\Lambda_k`, in nats.
        """
        seen = torch.einsum("nm,emp->nep", y.flatten(1), self.gains) + self.offset[:, 0]
        x = self.first(seen.unflatten(2, self.details.shape[1:]) / WHITE)
        for layer in self.further:
            x = x + layer(gelu(x))
        return self.last(gelu(x)).flatten(1)[:, self.centres]

    def ratio(self, y: Float[Tensor, "n *data"]) -> Float[Tensor, " n"]:
        """Log likelihood ratio of "a detail, somewhere" to "none".

        Parameters
        ----------
        y
            Data.

        Returns
        -------
        tensor [n]
            :math:`\\log\\Lambda`, in nats.
        """
        logs = self(y)
        return logs.logsumexp(1) - math.log(logs.shape[1])

    def misjudged(self, y: Float[Tensor, "n *data"], place: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        """Cross-entropy of the guess among nothing and the places.

        Parameters
        ----------
        y
            Data, in half of which nothing was planted.
        place
            The detail that was planted, -1 for none.

        Returns
        -------
        tensor
            Mean over the data, in nats.
        """
        logs = self(y)
        return cross_entropy(pad(logs - math.log(logs.shape[1]), (1, 0)), place + 1)


def _centres(details: Tensor) -> Tensor:
    """Index of the pixel nearest to each detail's centre of mass, ``(k)``."""
    mass = details.abs().flatten(1)
    mass = mass / mass.sum(1, keepdim=True).clamp(min=1e-12)
    h, w = details.shape[1:]
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    row, column = (mass @ at.flatten().to(mass) for at in (rows, columns))
    return row.round().long() * w + column.round().long()

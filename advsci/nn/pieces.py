r"""A generator in pieces, for data that fall apart into separate groups.

A continuous map of one Gaussian has a connected image. Where the data are islands, a share of the samples must
therefore lie on bridges between them, and a smooth network needs long to make the bridges thin (Khayatkhoei, Singh and
Elgammal 2018, arXiv 1806.00880; Tanielian et al. 2020, arXiv 2006.04596). Here the latent space is torn beforehand.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ConfigError, ShapeError
from advsci.streams import Stream

__all__ = ["Pieces"]


class Pieces(nn.Module):
    r"""Many small affine pieces, bent by one network that they share.

    .. math:: u = c_k + \ell B_k \epsilon, \qquad x = u + \beta f(u), \qquad z = (z_0, \epsilon),
        \quad k = \lfloor K\, \Phi(z_0) \rfloor

    The first entry of a Gaussian latent vector chooses one of K equally likely pieces, the others move within it. The
    centres :math:`c_k` (drawn from N(0, I)) and the shapes :math:`B_k` (from I) are learned, so a piece goes where the
    discriminator sends it without dragging the others along; what all have in common, the net f learns. Mixtures in
    the latent space with learned centres: Gurumurthy et al. 2017, DeLiGAN, arXiv 1706.02071.

    Parameters
    ----------
    dim
        Length d of the samples; the latent vectors have d + 1 entries, ``latent``.
    bend
        The network f from d to d, without normalisation.
    pieces
        Number K of pieces, many more than the groups that one expects: a group's share comes in steps of 1/K.
    size
        Initial width :math:`\ell` of a piece.
    strength
        :math:`\beta`, which keeps what one step of f moves below the pieces' size.
    seed
        Key of the centres.
    """

    def __init__(
        self,
        dim: int,
        bend: nn.Module,
        *,
        pieces: int = 1024,
        size: float = 0.01,
        strength: float = 0.1,
        seed: int = 0,
    ):
        super().__init__()
        if min(dim, pieces) < 1 or not size > 0.0:
            raise ConfigError(
                f"got dim={dim}, pieces={pieces}, size={size}; expected at least 1, 1 and above 0. Try: Pieces(2, "
                "MLP(2, 2))."
            )
        self.bend, self.size, self.strength = bend, size, strength
        self.centres = nn.Parameter(Stream(seed).at("pieces").normal((pieces, dim)))
        self.shapes = nn.Parameter(torch.eye(dim).repeat(pieces, 1, 1))

    @property
    def latent(self) -> int:
        """Length of the latent vectors."""
        return self.centres.shape[1] + 1

    def piece(self, z: Float[Tensor, "n latent"]) -> Tensor:
        """The piece of each latent vector."""
        pieces = len(self.centres)
        return (torch.special.ndtr(z[:, 0]) * pieces).long().clamp_(max=pieces - 1)

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n d"]:
        if z.shape[1] != self.latent:
            raise ShapeError(
                f"got latent vectors of length {z.shape[1]}; expected {self.latent}, one more than the samples. Try: "
                "Gaussian(generator.latent)."
            )
        k = self.piece(z)
        within = torch.einsum("nij,nj->ni", self.shapes[k], z[:, 1:])
        u = self.centres[k] + self.size * within
        return u + self.strength * self.bend(u)

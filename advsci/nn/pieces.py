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
    r"""Many small affine pieces of learned weight, bent by one network that they share.

    .. math:: u = c_k + \ell B_k \epsilon, \qquad x = u + \beta f(u), \qquad z = (z_0, \epsilon), \qquad
        \textstyle\sum_{j < k} \pi_j \le \Phi(z_0) < \sum_{j \le k} \pi_j, \qquad
        \pi = \mathrm{softmax}(\tau a)

    The first entry of a Gaussian latent vector chooses a piece, the others move within it. The centres :math:`c_k`
    (drawn from N(0, I)) and the shapes :math:`B_k` (from I) are learned, so a piece goes where the discriminator sends
    it without dragging the others along; what all have in common, the net f learns. Mixtures in the latent space with
    learned centres: Gurumurthy et al. 2017, DeLiGAN, arXiv 1706.02071.

    A choice has no gradient, and once the groups are apart no piece walks from one to another: where the weights are
    fixed, so are then the groups' shares. `weighted` therefore draws the pieces equally often and gives each sample
    the weight :math:`K \pi_k`, which is differentiable. Mass then moves without crossing the gaps: transport and
    reaction together, as in the Wasserstein-Fisher-Rao flow of games (Domingo-Enrich et al. 2020, arXiv 2002.06277).

    Parameters
    ----------
    dim
        Length d of the samples; the latent vectors have d + 1 entries, ``latent``.
    bend
        The network f from d to d, without normalisation.
    pieces
        Number K of pieces, many more than the groups that one expects.
    size
        Initial width :math:`\ell` of a piece.
    strength
        :math:`\beta`, which keeps what one step of f moves below the pieces' size.
    pace
        :math:`\tau`, how fast the weights move against the centres.
    seed
        Key of the centres.

    Raises
    ------
    ConfigError
        A number is below one, or the size is not positive.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP, Pieces
    >>> net = Pieces(2, MLP(2, 2), pieces=16)
    >>> net(Gaussian(net.latent).sample(5, Stream(0))).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        dim: int,
        bend: nn.Module,
        *,
        pieces: int = 1024,
        size: float = 0.01,
        strength: float = 0.1,
        pace: float = 10.0,
        seed: int = 0,
    ):
        super().__init__()
        if min(dim, pieces) < 1 or not size > 0.0:
            raise ConfigError(
                f"got dim={dim}, pieces={pieces}, size={size}; expected at least 1, 1 and above 0. Try: Pieces(2, "
                "MLP(2, 2))."
            )
        self.bend, self.size, self.strength, self.pace = bend, size, strength, pace
        self.centres = nn.Parameter(Stream(seed).at("pieces").normal((pieces, dim)))
        self.shapes = nn.Parameter(torch.eye(dim).repeat(pieces, 1, 1))
        self.scores = nn.Parameter(torch.zeros(pieces))

    @property
    def latent(self) -> int:
        """Length of the latent vectors."""
        return self.centres.shape[1] + 1

    @property
    def weights(self) -> Float[Tensor, " pieces"]:
        r"""The weights :math:`\pi`, which sum to 1."""
        return torch.softmax(self.pace * self.scores, 0)

    def piece(self, z: Float[Tensor, "n latent"]) -> Tensor:
        """The piece of each latent vector.

        Parameters
        ----------
        z
            Latent vectors (n latent).

        Returns
        -------
        Tensor
            Index of the piece of each vector (n), int64.
        """
        ends = self.weights.cumsum(0)
        quantile = torch.special.ndtr(z[:, 0]).to(ends.dtype)
        return torch.searchsorted(ends, quantile, right=True).clamp_(max=len(ends) - 1)

    def forward(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n d"]:
        """Samples (n d) of latent vectors ``z`` (n latent), each by the piece that it falls into."""
        return self._at(self.piece(z), z)

    def weighted(self, z: Float[Tensor, "n latent"]) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        r"""Samples from equally likely pieces, and their weights :math:`K \pi_k`.

        Parameters
        ----------
        z
            Latent vectors (n latent).

        Returns
        -------
        tuple of Tensor
            Samples (n d) and weights (n).
        """
        pieces = len(self.scores)
        k = (torch.special.ndtr(z[:, 0]) * pieces).long().clamp_(max=pieces - 1)
        return self._at(k, z), pieces * self.weights[k]

    def _at(self, k: Tensor, z: Tensor) -> Tensor:
        if z.shape[1] != self.latent:
            raise ShapeError(
                f"got latent vectors of length {z.shape[1]}; expected {self.latent}, one more than the samples. Try: "
                "Gaussian(generator.latent)."
            )
        within = torch.einsum("nij,nj->ni", self.shapes[k], z[:, 1:])
        u = self.centres[k] + self.size * within
        return u + self.strength * self.bend(u)

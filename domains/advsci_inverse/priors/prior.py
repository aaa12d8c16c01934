r"""A generator as a prior: images :math:`x = G(z) + e` with :math:`z\sim N(0, I)` and :math:`e\sim N(0, R)`.

The residual covariance :math:`R` is what the generator cannot make, estimated on images that it was not trained on. It
is part of the prior: the data then decide how far a reconstruction leaves the generator's range, and no plateau remains
when they are plenty. :math:`R` is stored as ``factor factor^T + diag(diagonal)``.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci_inverse.priors.networks import Synthesis

__all__ = ["GeneratorPrior"]


class _Given(nn.Module):
    """A conditional generator at one condition."""

    def __init__(self, generator: nn.Module, condition: Tensor):
        super().__init__()
        self.generator, self.condition = generator, condition

    def forward(self, z: Float[Tensor, "n k"]) -> Float[Tensor, "n 1 h w"]:
        """Images of latent vectors ``z``."""
        return self.generator(z, self.condition.to(z.device).expand(len(z), *self.condition.shape))


class GeneratorPrior(nn.Module):
    """A trained generator, its encoder (if any) and the covariance of what it cannot represent.

    A conditional generator is first fixed to one condition by `given`; the search then knows nothing of conditions.

    Parameters
    ----------
    synthesis
        Generator ``z -> [n, 1, h, w]`` and optional encoder.
    shape
        Height and width of the images.
    rank
        Columns of the residual covariance's low-rank part.

    Examples
    --------
    >>> import torch
    >>> from advsci_inverse import load_prior
    >>> prior = load_prior("digits")
    >>> prior.decode(torch.zeros(2, prior.latent)).shape
    torch.Size([2, 28, 28])
    """

    residual_factor: Tensor
    residual_diagonal: Tensor

    def __init__(self, synthesis: Synthesis, shape: tuple[int, int], rank: int = 48):
        super().__init__()
        self.synthesis, self.shape = synthesis, shape
        n = shape[0] * shape[1]
        self.register_buffer("residual_factor", torch.zeros(n, min(rank, n)))
        self.register_buffer("residual_diagonal", torch.full((n,), 1e-2))

    @property
    def latent(self) -> int:
        """Length of the latent vectors."""
        return self.synthesis.latent

    def given(self, condition: int | Tensor) -> "GeneratorPrior":
        """The prior of images of one class, or with one vector of conditions; the networks are shared.

        Parameters
        ----------
        condition
            The class, or the vector.

        Returns
        -------
        GeneratorPrior
            Knows nothing of conditions.
        """
        fixed = Synthesis(
            _Given(self.synthesis.generator, torch.as_tensor(condition)), self.synthesis.encoder, self.latent
        )
        prior = GeneratorPrior(fixed, self.shape, self.residual_factor.shape[1])
        prior.residual_factor, prior.residual_diagonal = self.residual_factor, self.residual_diagonal
        return prior.eval()

    def decode(self, z: Float[Tensor, "*b k"], condition: Tensor | None = None) -> Float[Tensor, "*b h w"]:
        """``G(z)``, or ``G(z, c)`` with a condition for each latent vector.

        Parameters
        ----------
        z
            Latent vectors.
        condition
            Classes ``[*b]`` or vectors ``[*b, c]``.

        Returns
        -------
        tensor [*b, h, w]
            Images.

        Raises
        ------
        ShapeError
            Latent vectors of another length.
        """
        if z.shape[-1] != self.latent:
            raise ShapeError(f"got latent vectors of length {z.shape[-1]}; expected {self.latent}. Try: prior.latent.")
        flat = z.reshape(-1, self.latent)
        conditions = [] if condition is None else [condition.reshape(len(flat), *condition.shape[z.dim() - 1 :])]
        return self.synthesis.generator(flat, *conditions).reshape(*z.shape[:-1], *self.shape)

    def jacobian(self, z: Float[Tensor, "b k"]) -> tuple[Float[Tensor, "b h w"], Float[Tensor, "b k h w"]]:
        """``G(z)`` and its derivative in every latent direction, by forward mode.

        Parameters
        ----------
        z
            Latent vectors.

        Returns
        -------
        images : tensor [b, h, w]
            ``G(z)``.
        tangents : tensor [b, k, h, w]
            Derivatives.
        """
        directions = torch.eye(self.latent, dtype=z.dtype, device=z.device)

        def along(direction: Tensor) -> Tensor:
            """Derivative of the decoded images along ``direction``."""
            return torch.func.jvp(self.decode, (z,), (direction.expand_as(z),))[1]

        return self.decode(z), torch.func.vmap(along, out_dims=1)(directions)

    def residual_covariance(self) -> Float[Tensor, "n n"]:
        """``R`` over the flattened image."""
        return self.residual_factor @ self.residual_factor.T + torch.diag(self.residual_diagonal)

    @torch.no_grad()
    def fit_residual(self, residuals: Float[Tensor, "m h w"], floor: float = 1e-5) -> None:
        """Set ``R`` from what the generator leaves of images that were not trained on (mean square, not centred).

        Parameters
        ----------
        residuals
            ``x - P_G(x)``.
        floor
            Least entry of the diagonal part.
        """
        flat = residuals.flatten(1)
        second = flat.T @ flat / len(flat)
        values, vectors = torch.linalg.eigh(second)
        rank = self.residual_factor.shape[1]
        factor = vectors[:, -rank:] * values[-rank:].clamp(min=0).sqrt()
        self.residual_factor.copy_(factor)
        self.residual_diagonal.copy_((second.diagonal() - factor.square().sum(1)).clamp(min=floor))

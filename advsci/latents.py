"""Latent priors of a generator: where its randomness comes from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from advsci.streams import Stream

__all__ = ["Gaussian", "Latent", "Mixture", "Sphere", "Truncated", "Uniform"]


class Latent(ABC):
    """A distribution over latent vectors of length ``dim``."""

    dim: int

    @abstractmethod
    def sample(
        self, n: int, stream: Stream, *, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
    ) -> Float[Tensor, "n dim"]:
        """``n`` independent latent vectors, a pure function of the stream.

        Parameters
        ----------
        device
            Torch device of the result.
        dtype
            Type of the result; None takes torch's default.
        """


@dataclass(frozen=True)
class Gaussian(Latent):
    r""":math:`z \sim N(0, I)`.

    Parameters
    ----------
    dim
        Length of a latent vector.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.latents import Gaussian
    >>> Gaussian(3).sample(5, Stream(0)).shape
    torch.Size([5, 3])
    """

    dim: int

    def sample(self, n, stream, *, device="cpu", dtype=None):
        """``n`` independent vectors (n dim) from ``stream``, on ``device``, of type ``dtype``."""
        return stream.normal((n, self.dim), device=device, dtype=dtype)


@dataclass(frozen=True)
class Uniform(Latent):
    r""":math:`z \sim U[-1, 1]^{dim}`."""

    dim: int

    def sample(self, n, stream, *, device="cpu", dtype=None):
        """``n`` independent vectors (n dim) from ``stream``, on ``device``, of type ``dtype``."""
        return stream.uniform((n, self.dim), device=device, dtype=dtype).mul(2.0).sub(1.0)


@dataclass(frozen=True)
class Sphere(Latent):
    r"""Uniform on the sphere of radius :math:`\sqrt{dim}`, where a Gaussian of that dimension concentrates."""

    dim: int

    def sample(self, n, stream, *, device="cpu", dtype=None):
        """``n`` independent vectors (n dim) from ``stream``, on ``device``, of type ``dtype``."""
        z = stream.normal((n, self.dim), device=device, dtype=dtype)
        return z * (self.dim**0.5 / z.norm(dim=1, keepdim=True).clamp_min(torch.finfo(z.dtype).tiny))


@dataclass(frozen=True)
class Truncated(Latent):
    r"""A standard normal restricted to :math:`|z_i| \le bound`, by inversion of its distribution function.

    The truncation trick of BigGAN (Brock et al. 2019, arXiv 1809.11096) trades variety for fidelity.

    Parameters
    ----------
    dim
        Length of a latent vector.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.latents import Truncated
    >>> bool(Truncated(2, 1.0).sample(100, Stream(0)).abs().max() <= 1.0)
    True
    """

    dim: int
    bound: float = 2.0

    def sample(self, n, stream, *, device="cpu", dtype=None):
        """``n`` independent vectors (n dim) from ``stream``, on ``device``, of type ``dtype``."""
        u = stream.uniform((n, self.dim), device=device, dtype=dtype)
        edge = torch.special.ndtr(torch.tensor(self.bound, dtype=torch.float64)).to(u.dtype).to(device)
        z = torch.special.ndtri((1.0 - edge) + (2.0 * edge - 1.0) * u)
        return z.clamp(-self.bound, self.bound)


@dataclass(frozen=True)
class Mixture(Latent):
    """``components`` equally likely Gaussians of width ``spread`` with unit-normal fixed centres keyed by ``seed``.

    Separate modes in the latent space relieve the generator from tearing one Gaussian apart (Gurumurthy et al. 2017,
    DeLiGAN, arXiv 1706.02071).

    Parameters
    ----------
    dim
        Length of a latent vector.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.latents import Mixture
    >>> Mixture(2, 4).sample(5, Stream(0)).shape
    torch.Size([5, 2])
    """

    dim: int
    components: int = 10
    spread: float = 0.2
    seed: int = 0

    def sample(self, n, stream, *, device="cpu", dtype=None):
        """``n`` independent vectors (n dim) from ``stream``, on ``device``, of type ``dtype``."""
        # the prior is one distribution: its centres are drawn in one precision in one place, whatever is asked for
        centres = Stream(self.seed).at("mixture centres").normal((self.components, self.dim), dtype=torch.float64)
        centres = centres.to(device=device, dtype=dtype or torch.get_default_dtype())
        which = stream.at("component").integers(self.components, (n,), device=device)
        return centres[which] + self.spread * stream.at("offset").normal((n, self.dim), device=device, dtype=dtype)

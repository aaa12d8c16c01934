r"""Variational autoencoder, as a game of one player.

It minimises the negative evidence lower bound

.. math:: -E_{q(z|x)} \log p(x|z) + \beta\, \mathrm{KL}(q(z|x)\,\|\,N(0, I)), \qquad p(x|z) = N(G(z), \sigma^2 I)

with :math:`q(z|x) = N(\mu(x), \mathrm{diag}\, s^2(x))` and a learned :math:`\sigma` (Kingma and Welling 2014, arXiv
1312.6114; Rezende et al. 2014, arXiv 1401.4082; :math:`\sigma`: Rybkin et al. 2021, arXiv 2006.13202).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.latents import Gaussian
from advsci.streams import Stream

__all__ = ["VAE"]


class VAE(Game):
    """Encoder and decoder that maximise a lower bound of the likelihood.

    Parameters
    ----------
    encoder
        ``encoder(x)`` gives (n, 2 latent): means and log-variances.
    decoder
        ``decoder(z)`` gives samples; any generator of a GAN will do.
    latent
        Length of the latent vectors.
    beta
        Weight of the divergence; 1 for the bound itself.

    Examples
    --------
    >>> from advsci import Stream, Trainer
    >>> from advsci.games import VAE
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Simultaneous
    >>> game = VAE(MLP(3, 4), MLP(2, 3), 2)
    >>> Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 3)), Simultaneous()).step
    2
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int, *, beta: float = 1.0):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.latent = Gaussian(latent)
        self.beta = beta
        self.log_sigma = nn.Parameter(torch.zeros(()))

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Noise of the encoder for every sample of ``batch``, from ``stream``."""
        x = require(batch, "x", "VAE")
        return {"noise": self.latent.sample(x.shape[0], stream.at("noise"), device=x.device, dtype=x.dtype)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Negative log-likelihood and divergence on ``batch`` with the noise of ``draw``; there is one ``player``."""
        x = batch["x"]
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_variance) * draw["noise"]
        error = (x - self.decoder(z)).square().flatten(1).sum(1).mean()
        size = x[0].numel()
        likelihood = 0.5 * error * torch.exp(-2.0 * self.log_sigma) + size * (
            self.log_sigma + 0.5 * math.log(2.0 * math.pi)
        )
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
        return {"reconstruction": likelihood, "divergence": self.beta * divergence}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit.

        Raises
        ------
        ShapeError
            The encoder does not return means and log-variances, or the decoder another shape than the
            data's.
        """
        x = require(batch, "x", "VAE")
        with torch.no_grad():
            code = self.encoder(x)
            if code.shape != (x.shape[0], 2 * self.latent.dim):
                raise ShapeError(
                    f"the encoder returned {tuple(code.shape)}; expected ({x.shape[0]}, {2 * self.latent.dim}), "
                    "means and "
                    "log-variances. Try: twice the latent length as its outputs."
                )
            if (made := self.decoder(draw["noise"])).shape != x.shape:
                raise ShapeError(
                    f"the decoder returned {tuple(made.shape)}; expected the data's shape {tuple(x.shape)}. "
                    "Try: change its last layer."
                )

    @torch.no_grad()
    def sample(self, n: int, stream: Stream, *, noise: bool = False) -> Float[Tensor, "n ..."]:
        """``n`` samples: the decoder's means, or with ``noise`` draws from the model itself.

        Parameters
        ----------
        stream
            Where the random numbers come from.
        """
        like = self.log_sigma
        x = self.decoder(self.latent.sample(n, stream.at("latent"), device=like.device, dtype=like.dtype))
        if noise:
            x = x + like.exp() * stream.at("observation").normal(tuple(x.shape), device=like.device, dtype=like.dtype)
        return x

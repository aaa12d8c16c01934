r"""Autoencoder with a Gaussian on its codes, as a game of one player.

Minimises :math:`E |x - G(E(x))|^2 / d`. It has no prior of its own: to sample, a Gaussian is fitted to the codes
afterwards (Ghosh et al. 2020, arXiv 1903.12436, "ex-post density estimation").
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import DataError, ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream

__all__ = ["Autoencoder"]


class Autoencoder(Game):
    """Encoder and decoder that minimise the squared error.

    Parameters
    ----------
    encoder
        ``encoder(x)`` gives codes (n, latent).
    decoder
        ``decoder(z)`` gives samples.
    latent
        Length of the codes.

    Examples
    --------
    >>> from advsci import Stream, Trainer
    >>> from advsci.games import Autoencoder
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Simultaneous
    >>> game = Autoencoder(MLP(3, 2), MLP(2, 3), 2)
    >>> Trainer(steps=2, batch_size=16, quiet=True).fit(game, Stream(0).normal((64, 3)), Simultaneous()).step
    2
    """

    code_mean: Tensor
    code_root: Tensor

    def __init__(self, encoder: nn.Module, decoder: nn.Module, latent: int):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.register_buffer("code_mean", torch.zeros(latent))
        self.register_buffer("code_root", torch.full((latent, latent), torch.nan))

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"model": self}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """No random numbers: the losses on ``batch`` need none of ``stream``."""
        return {}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Squared error of the reconstruction of ``batch``; ``player`` and ``draw`` do not matter."""
        x = batch["x"]
        return {"reconstruction": (x - self.decoder(self.encoder(x))).square().mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a `ShapeError` where codes and reconstructions of ``batch`` do not fit; ``draw`` is empty.

        Raises
        ------
        ShapeError
            The codes have not the stated length, or the decoder returns another shape than the data's.
        """
        x = require(batch, "x", "Autoencoder")
        with torch.no_grad():
            code = self.encoder(x)
            if code.shape != (x.shape[0], len(self.code_mean)):
                raise ShapeError(
                    f"the encoder returned {tuple(code.shape)}; expected {(x.shape[0], len(self.code_mean))}. "
                    "Try: its outputs as long as the latent vectors."
                )
            if (made := self.decoder(code)).shape != x.shape:
                raise ShapeError(
                    f"the decoder returned {tuple(made.shape)}; expected the data's shape {tuple(x.shape)}. "
                    "Try: change its last layer."
                )

    @torch.no_grad()
    def fit_codes(self, x: Float[Tensor, "n ..."]) -> None:
        """Fit the Gaussian of the codes to data; call it after the training.

        Parameters
        ----------
        x
            Samples (n ...).

        Raises
        ------
        DataError
            There are no more samples than a code is long.
        """
        codes = self.encoder(x)
        if len(codes) <= codes.shape[1]:
            raise DataError(
                f"got {len(codes)} samples for codes of length {codes.shape[1]}; expected more. Try: all the data."
            )
        values, vectors = torch.linalg.eigh(torch.cov(codes.T).reshape(codes.shape[1], -1))
        self.code_mean.copy_(codes.mean(0))
        self.code_root.copy_(vectors * values.clamp_min(0.0).sqrt())

    @torch.no_grad()
    def sample(self, n: int, stream: Stream) -> Float[Tensor, "n ..."]:
        """``n`` samples, decoded from the Gaussian of the codes.

        Parameters
        ----------
        stream
            Where the random numbers come from.

        Raises
        ------
        DataError
            `fit_codes` has not been called.
        """
        if bool(self.code_root.isnan().any()):
            raise DataError(
                "got an autoencoder without a distribution of codes; expected fit_codes(x) first. Try: it now."
            )
        root = self.code_root
        z = stream.at("latent").normal((n, len(root)), device=root.device, dtype=root.dtype)
        return self.decoder(self.code_mean + z @ root.T)

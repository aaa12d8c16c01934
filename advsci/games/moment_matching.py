r"""Moment matching: a generator against the best critic of a class, whose answer is known.

.. math:: \min_G \max_\phi \; d\big(\phi(x), \phi(G(z))\big)

where :math:`d` has solved its own inner maximum: over linear critics of the features (`advsci.objectives.linear_ipm`,
McGAN, Mroueh et al. 2017, arXiv 1702.08398) or over a kernel's unit ball (`advsci.objectives.weighted_mmd`, MMD-GAN,
Li et al. 2017, arXiv 1705.08584). With fixed features there is no second player left: the generative moment-matching
network (Li et al. 2015, arXiv 1502.02761), and feature matching.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.latents import Latent
from advsci.streams import Stream

__all__ = ["MomentMatching"]

Discrepancy = Callable[[Tensor, Tensor, Tensor | None, Tensor | None], Tensor]
"""``d(real_features, fake_features, real_weight, fake_weight)``, a scalar."""


class MomentMatching(Game):
    """A generator that closes the gap between features of data and samples; the features may learn to widen it.

    Parameters
    ----------
    generator
        ``generator(z)`` gives samples of the data's shape.
    features
        ``features(x)``, (n ...) to (n, k). Trained as the player ``"features"`` where ``learn`` is True; it should then
        be bounded (end it with a ``Tanh``, or use a bounded kernel), since its gain is otherwise unlimited.
    latent
        Prior of ``z``.
    discrepancy
        A function of `advsci.objectives`, such as ``linear_ipm`` or ``partial(weighted_mmd, sigmas=(1.0, 2.0))``. One
        of your own takes its means by `advsci.processes.shared_mean`, that several processes play the game of one.
    learn
        Whether the features are a player.

    Notes
    -----
    A batch holds ``"x"`` (n ...) and optionally ``"weight"`` (n), the weights of the real samples.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci.games import MomentMatching
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.objectives import linear_ipm
    >>> game = MomentMatching(MLP(2, 2), MLP(2, 4), Gaussian(2), linear_ipm)
    >>> batch = {"x": Stream(0).normal((8, 2))}
    >>> sorted(game.players)
    ['features', 'generator']
    """

    def __init__(
        self, generator: nn.Module, features: nn.Module, latent: Latent, discrepancy: Discrepancy, *, learn: bool = True
    ):
        super().__init__()
        self.generator = generator
        self.features = features if learn else features.requires_grad_(False)
        self.latent = latent
        self.discrepancy = discrepancy
        self.learn = learn

    sample_weights = True
    couples_batch = gathers = True

    @property
    def players(self) -> dict[str, nn.Module]:
        generator = {"generator": self.generator}
        return {"features": self.features, **generator} if self.learn else generator

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """One latent vector per sample of ``batch``, from ``stream``."""
        x = require(batch, "x", "MomentMatching")
        return {"latent": self.latent.sample(len(x), stream.at("latent"), device=x.device, dtype=x.dtype)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """The discrepancy of ``batch`` and what ``draw`` generates; its sign is that of ``player``."""
        real, fake = self.features(batch["x"]), self.features(self.generator(draw["latent"]))
        gap = self.discrepancy(real, fake, batch.get("weight"), None)
        return {"discrepancy": gap if player == "generator" else -gap}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit.

        Raises
        ------
        ShapeError
            The generator returns another shape than the data's, or the features are not one vector per
            sample.
        """
        x = require(batch, "x", "MomentMatching")
        with torch.no_grad():
            fake = self.generator(draw["latent"])
            if fake.shape != x.shape:
                raise ShapeError(
                    f"the generator returned {tuple(fake.shape)}; expected the data's shape {tuple(x.shape)}. "
                    "Try: change its last layer, or the data's layout."
                )
            features = self.features(x)
            if features.ndim != 2 or len(features) != len(x):
                raise ShapeError(
                    f"the features of {len(x)} samples have shape {tuple(features.shape)}; expected (n, k). "
                    "Try: end the network with Flatten()."
                )

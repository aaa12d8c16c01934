r"""A GAN whose generator is also held to the data by an encoder (VAE-GAN, Larsen et al. 2016, arXiv 1512.09300).

A plain GAN may leave out parts of the data without penalty, which shows as a large representation error and ruins
inversion. Here generator and encoder form one player that minimises

.. math:: \underbrace{\tfrac{n}{2}\log\tfrac1n\|x-G(z)\|^2}_{\text{reconstruction}}
          + \underbrace{\mathrm{KL}(q(z|x)\,\|\,N(0, I))}_{\text{prior}}
          + w\,\underbrace{L_G}_{\text{adversary}}, \qquad z\sim q(z|x),

per pixel (the logarithm is the Gaussian likelihood at its best variance, Rybkin et al. 2021, arXiv 2006.13202), against
the discriminator of the relativistic game with R1 and R2 (arXiv 2501.05441). ``adversary = 0`` is a VAE, no encoder a
GAN. With a ``mask`` in the batch both players see only the measured pixels (AmbientGAN, Bora et al. 2018): the
likelihood counts measured pixels, the KL weighs less in proportion (else fewer latent dimensions would be used than
complete images use), and generated images pass through a fresh mask before they are judged.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games import Game
from advsci.games.game import Batch, Draw, require
from advsci.objectives import Objective, RelativisticPairing
from advsci.penalties import R1, R2, Penalty
from advsci.penalties.scores import Scores
from advsci.streams import Stream
from advsci_inverse.priors.networks import Synthesis

__all__ = ["HybridGAN"]


class HybridGAN(Game):
    """Discriminator against generator-with-encoder on images ``[n, 1, h, w]``.

    Parameters
    ----------
    synthesis, discriminator
        The two players; images in the units of the data.
    adversary
        Weight of the adversarial term in the generator's loss; 0 leaves the discriminator idle.
    prior_weight
        Weight of the KL term.
    penalties
        Penalties of the discriminator.

    Notes
    -----
    Batch: ``"x"``, optionally ``"mask"`` (1 where a pixel was measured; ``x`` is 0 elsewhere) and ``"condition"``
    (labels or vectors, for networks that take them; the encoder reads the image alone).
    """

    def __init__(
        self,
        synthesis: Synthesis,
        discriminator: nn.Module,
        *,
        adversary: float = 0.05,
        prior_weight: float = 1.0,
        objective: Objective | None = None,
        penalties: Sequence[Penalty] | None = None,
    ):
        super().__init__()
        self.generator, self.discriminator = synthesis, discriminator
        self.adversary, self.prior_weight = adversary, prior_weight
        self.objective = objective if objective is not None else RelativisticPairing()
        self.penalties = tuple(penalties) if penalties is not None else (R1(5.0), R2(5.0))

    @property
    def players(self) -> dict[str, nn.Module]:
        both: dict[str, nn.Module] = {"discriminator": self.discriminator, "generator": self.generator}
        return both if self.adversary else {"generator": self.generator}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        x = require(batch, "x", "HybridGAN")
        shape, kind = (len(x), self.generator.latent), {"device": x.device, "dtype": x.dtype}
        draw = {"latent": stream.at("latent").normal(shape, **kind), "posterior": stream.at("q").normal(shape, **kind)}
        if "mask" in batch:
            draw["mask"] = batch["mask"][stream.at("mask").permutation(len(x)).to(x.device)]
        return draw

    def _decode(self, z: Tensor, batch: Batch) -> Tensor:
        return self.generator.generator(z, *([batch["condition"]] if "condition" in batch else []))

    def _fake(self, batch: Batch, draw: Draw) -> Tensor:
        fake = self._decode(draw["latent"], batch)
        return fake * draw["mask"] if "mask" in draw else fake

    def _judged(self, batch: Batch, draw: Draw, *, gradients: bool) -> Scores:
        fake, condition = self._fake(batch, draw), batch.get("condition")
        return Scores(self.discriminator, batch["x"], fake, condition, together=True, gradients=gradients)

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        if player == "discriminator":
            scores = self._judged(batch, draw, gradients=True)
            terms = {"objective": self.objective.discriminator(scores.real_logits, scores.fake_logits, None, None)}
            return terms | {penalty.name: penalty(scores, self.progress) for penalty in self.penalties}
        terms = {}
        if self.adversary:
            scores = self._judged(batch, draw, gradients=False)
            loss = self.objective.generator(scores.real_logits, scores.fake_logits, None, None)
            terms["adversary"] = self.adversary * loss
        if self.generator.encoder is not None:
            terms |= self._autoencoder_terms(batch, draw)
        return terms

    def _autoencoder_terms(self, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        x, mask = batch["x"], batch.get("mask")
        mean, log_deviation = self.generator.encode(x)
        rebuilt = self._decode(mean + log_deviation.exp() * draw["posterior"], batch)
        error = (x - rebuilt).square()
        seen = error.numel() if mask is None else mask.sum()
        error = (error if mask is None else error * mask).sum() / seen
        share = seen / x.numel()  # of both terms: the trade between them stays that of complete images
        divergence = 0.5 * (mean.square() + (2 * log_deviation).exp() - 1 - 2 * log_deviation).sum(1).mean()
        return {
            "reconstruction": 0.5 * share * (error + 1e-6).log(),
            "prior": self.prior_weight * share * divergence / x[0].numel(),
        }

    def check(self, batch: Batch, draw: Draw) -> None:
        x = require(batch, "x", "HybridGAN")
        fake = self._fake(batch, draw)
        if fake.shape != x.shape:
            raise ShapeError(
                f"got a generator that returns {tuple(fake.shape)}; expected the data's shape {tuple(x.shape)}. "
                "Try: images as [n, 1, h, w], or another size of the generator."
            )
        if self.adversary:
            self._judged(batch, draw, gradients=False)
        if self.generator.encoder is not None:
            self.generator.encode(x)
